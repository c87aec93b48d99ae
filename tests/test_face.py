"""The public face: what it holds, that it is typed and lazy, and that its examples are right."""

import ast
import doctest
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cevns_bayes as cb
from cevns_bayes import authoring

STUB = ast.parse((Path(cb.__file__).parent / "__init__.pyi").read_text(encoding="utf-8"))
# Functions and classes; constants have no docstrings.
DOCUMENTED = [name for name in cb.__all__ if callable(getattr(cb, name))]


def test_the_face_holds_what_is_promised():
    do = "predict asimov build_model sample fit profile compare prior_sensitivity analyse summary"
    load = "load_scenario scenario_names load_experiment experiment_names"
    more = "check_convergence write_report plot_region plot_spectra InputError"
    own = "Scenario Parameter Experiment Signal Detector Flux vector G_F SIN2_THETA_W"
    assert {*do.split(), *load.split(), *more.split(), *own.split()} <= {*cb.__all__}
    assert cb.__version__.count(".") == 2


def test_type_checkers_and_python_see_the_same_names():
    imported = [a for n in STUB.body if isinstance(n, ast.ImportFrom) for a in n.names]
    assert all(alias.asname == alias.name for alias in imported)  # else not exported
    assert sorted(alias.name for alias in imported) == sorted(cb.__all__)


def test_files_of_ones_own_may_name_the_package_or_authoring():
    assert authoring.Detector is cb.Detector
    assert pytest.approx(1.1663787e-11) == authoring.G_F
    with pytest.raises(ImportError, match="cannot import name 'Detektor'"):
        from cevns_bayes.authoring import Detektor  # noqa: F401


def test_importing_the_package_does_not_import_pymc():
    code = "import sys, cevns_bayes, cevns_bayes.cli; print('pymc' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_submodules_do_not_hide_functions():
    from cevns_bayes.frequentist import profile as module

    assert cb.profile is module.profile


@pytest.mark.parametrize("name", DOCUMENTED)
def test_public_functions_and_classes_have_examples_that_are_right(name):
    public = getattr(cb, name)
    assert ">>>" in (public.__doc__ or ""), f"{name} has no example"
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    names = {"cb": cb, "np": np}
    for test in doctest.DocTestFinder(recurse=False).find(public, name, globs=names):
        runner.run(test)
    assert runner.failures == 0


def test_example_of_published_values():
    from cevns_bayes import published

    assert doctest.testmod(published).attempted >= 2
    assert doctest.testmod(published).failed == 0
