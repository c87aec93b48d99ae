# make run: set up and run the main job. make test: set up and run the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Tests run side by side; threads of their linear algebra would only wait for each other.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist worksteal

.PHONY: run test slow lint wheel-check release-check docs publications notebooks figures talk sensitivities benchmarks clean

run: $(VENV)/.run
	$(BIN)/cevns-bayes run weak-mixing-angle --data csi --force

test: $(VENV)/.dev
	$(PYTEST)

slow: $(VENV)/.dev
	$(PYTEST) -m slow --durations=10

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The built wheel, installed alone and run away from the checkout.
wheel-check: $(VENV)/.dev
	sh tests/wheel_check.sh $(BIN)/python

# The wheel and the sdist as they would be uploaded: complete, rendered, installed, of one version.
release-check: $(VENV)/.dev
	sh tests/release_check.sh $(BIN)/python

# The site, docs/_build/html/index.html. Nothing is computed; warnings are errors.
docs: $(VENV)/.docs
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going -d docs/_build/doctrees docs docs/_build/html
	@echo "Site: docs/_build/html/index.html"

# Every value of the pages of publications, computed anew; half an hour.
publications: $(VENV)/.run
	$(BIN)/python docs/make_publications.py

notebooks: $(VENV)/.dev
	$(PYTEST) -m slow tests/test_notebooks.py

# The pictures of the README.
figures: run
	$(BIN)/cevns-bayes run charge-radius --data csi --force
	mkdir -p docs/images
	cp results/charge-radius-csi/region_r2_ee_r2_mumu.png docs/images/charge-radius-region.png
	cp results/weak-mixing-angle-csi/posterior.png docs/images/weak-mixing-angle-posterior.png
	cp results/weak-mixing-angle-csi/spectra_csi.png docs/images/weak-mixing-angle-spectra.png

# docs/talk.md and its figures, from what is kept in results/talk, or computed, which takes long.
talk: $(VENV)/.run
	$(BIN)/python docs/make_talk.py

# The table of sensitivities in docs/forecasts.md.
sensitivities: $(VENV)/.run
	$(BIN)/python docs/make_sensitivities.py

# Against other samplers and fitters; an hour on a quiet machine.
benchmarks: $(VENV)/.dev
	$(PIP) install --quiet --editable '.[benchmarks]'
	$(BIN)/python benchmarks/log_density.py
	$(BIN)/python benchmarks/samplers.py
	$(BIN)/python benchmarks/profiles.py
	$(BIN)/python benchmarks/toys.py
	$(BIN)/python benchmarks/stages.py
	$(BIN)/python benchmarks/stages.py --data csi,lar
	$(BIN)/python benchmarks/growth.py

clean:
	rm -rf $(VENV) build dist *.egg-info docs/_build docs/generated

$(VENV)/.run: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 12) and "cevns_bayes needs Python 3.12 or newer, but $(PYTHON) is %d.%d; name another one: make PYTHON=python3.13 ..." % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	$(PIP) install --quiet --editable '.[dev]'
	@touch $@

$(VENV)/.docs: $(VENV)/.run
	$(PIP) install --quiet --editable '.[docs]'
	@touch $@
