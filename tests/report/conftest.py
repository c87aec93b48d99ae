"""Folders of runs that are much too short, made once."""

import sys

import pytest

from cevns_bayes import cli
from cevns_bayes.report.folder import load_posterior

DRAWS, CHAINS = 60, 2


def run(folder, scenario):
    """Folder of a run of so few draws that it cannot converge."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        settings = ["--sampler", "laplace", "--draws", str(DRAWS), "--chains", str(CHAINS)]
        patch.setattr(sys, "argv", ["cevns-bayes", "run", scenario, *settings, "--no-progress"])
        with pytest.raises(SystemExit) as exit_info:
            cli.main()
    assert exit_info.value.code == 0
    return folder / "results" / f"{scenario}-csi"


@pytest.fixture(scope="session")
def results(tmp_path_factory):
    return run(tmp_path_factory.mktemp("run"), "weak-mixing-angle")


@pytest.fixture(scope="session")
def results_of_sm(tmp_path_factory):
    """Of a scenario without parameters of interest."""
    return run(tmp_path_factory.mktemp("run"), "sm")


@pytest.fixture(scope="session")
def posterior(results):
    return load_posterior(results)
