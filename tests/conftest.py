"""Shared fixtures; what is dear (the experiment, fits, posteriors) is made once per session."""

import importlib.util
import sys
from pathlib import Path

import pytest

import cevns_bayes as cb
from cevns_bayes import cli

TESTS = Path(__file__).parent
SHARED = TESTS.parents[1] / "shared"  # beside the repository, if at all
OFFICIAL_FILES = SHARED / "coherent"
REACTOR_FLUX_FILES = SHARED / "reactor-flux"


def validation_module(name):
    path = TESTS / "independent" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def cevns_bayes(monkeypatch, capsys, tmp_path):
    """Run the command line in an empty folder: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["cevns-bayes", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_info:
            cli.main()
        captured = capsys.readouterr()
        return exit_info.value.code, captured.out, captured.err

    return call


@pytest.fixture
def full_disk():
    """A function that makes writing fail beyond a size of a file [bytes], as on a full disk."""
    resource = pytest.importorskip("resource")
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, usual[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, usual)


@pytest.fixture(scope="session")
def brute_force():
    """The independent calculation of the CsI counts, as a module."""
    return validation_module("csi_brute_force")


@pytest.fixture(scope="session")
def reactor_brute_force():
    """The independent calculation of CEvNS counts at a reactor, as a module."""
    return validation_module("reactor_brute_force")


@pytest.fixture(scope="session")
def forecast_brute_force():
    """The independent calculation of CEvNS counts at stopped pions, as a module."""
    return validation_module("forecast_brute_force")


@pytest.fixture(scope="session")
def scenario_points():
    """Scenario -> points at which it is compared with the independent calculation."""
    return validation_module("scenarios_brute_force").POINTS


@pytest.fixture(scope="session")
def build_chi2():
    """chi^2 of a problem in another implementation."""
    return validation_module("chi2").build_chi2


@pytest.fixture(scope="session")
def toy():
    """Makes solvers of sums of squares, whose maxima are known."""
    return validation_module("toys").toy


@pytest.fixture(scope="session")
def laplace_grid():
    """Scenario -> its posterior on a grid, without a sampler."""
    return validation_module("laplace_grid").laplace_grid


@pytest.fixture(scope="session")
def official_files():
    """Folder of the collaboration's own files; without it the test is skipped."""
    if not OFFICIAL_FILES.is_dir():
        pytest.skip("the official files are not beside the repository")
    return OFFICIAL_FILES


@pytest.fixture(scope="session")
def reactor_flux_files():
    """Folder of the published tables of reactor spectra; without it the test is skipped."""
    if not REACTOR_FLUX_FILES.is_dir():
        pytest.skip("the tables of reactor spectra are not beside the repository")
    return REACTOR_FLUX_FILES


@pytest.fixture(scope="session")
def csi():
    return cb.load_experiment("csi")


@pytest.fixture(scope="session")
def sm_counts(csi):
    """Expected counts of the Standard Model, nuisances at zero."""
    return cb.predict("sm", {}, csi)


@pytest.fixture(scope="session")
def sm_fit(csi):
    return cb.fit("sm", csi)


@pytest.fixture(scope="session")
def weak_mixing_angle_fit(csi):
    return cb.fit("weak-mixing-angle", csi)


@pytest.fixture(scope="session")
def weak_mixing_angle_posterior():
    """Posterior with the default settings of the sampler."""
    return cb.sample("weak-mixing-angle", data=["csi"], progressbar=False)
