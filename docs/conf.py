"""The site: `make docs`. What is known elsewhere is written by generate.py, not by hand."""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import generate  # noqa: E402

generate.write(HERE / "generated")

project = "cevns_bayes"
author = copyright = "the cevns_bayes authors"
version = release = version_of("cevns-bayes")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "sphinx_design",
    "sphinx-mathjax-offline",
]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
smartquotes = False  # "--data" stays what it is
nb_execution_mode = "off"  # they run in the tests: tests/test_notebooks.py

autodoc_typehints = "none"
autosummary_generate = True
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
python_use_unqualified_type_names = True
templates_path = ["templates"]
exclude_patterns = ["_build", "generated/nuisances.md"]

html_theme = "furo"
html_title = f"cevns_bayes {version}"
