#!/bin/sh
# Build the wheel, install it into a new environment, and use it outside the checkout.
set -eu
python=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$python" -m build --wheel --outdir "$scratch/dist" . >"$scratch/build.log" 2>&1 || {
    cat "$scratch/build.log"
    exit 1
}
"$python" -m venv "$scratch/venv"
"$scratch/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$scratch"/dist/*.whl
cd "$scratch"
venv/bin/cevns-bayes list
venv/bin/cevns-bayes run weak-mixing-angle --draws 500 --tune 500 --no-progress --output short
test -s short/posterior.nc
test -s short/report.html
test -s short/spectra_csi.png
echo "wheel check passed"
