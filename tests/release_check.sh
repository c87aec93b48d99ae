#!/bin/sh
# Build what would be uploaded, check it, and install it into a new environment.
set -eu
python=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$python" -m build --outdir "$scratch/dist" . >"$scratch/build.log" 2>&1 || {
    cat "$scratch/build.log"
    exit 1
}
"$python" -m twine check --strict "$scratch"/dist/*
"$python" -m readme_renderer README.md -o "$scratch/readme.html"
test -s "$scratch/readme.html"
"$python" -m pytest -q tests/test_release.py
"$python" -m venv "$scratch/venv"
"$scratch/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$scratch"/dist/*.whl
cd "$scratch"
version=$(venv/bin/python -c 'import cevns_bayes; print(cevns_bayes.__version__)')
ls dist/cevns_bayes-"$version"-py3-none-any.whl dist/cevns_bayes-"$version".tar.gz
venv/bin/cevns-bayes --version
venv/bin/cevns-bayes predict sm
echo "release check passed: $version"
