"""CITATION.cff says what the package says."""

from pathlib import Path

import yaml

import cevns_bayes as cb

CITATION = yaml.safe_load((Path(__file__).parents[1] / "CITATION.cff").read_text())


def test_version_is_that_of_the_package():
    assert CITATION["version"] == cb.__version__


def test_every_official_data_set_is_cited():
    cited = " ".join(reference["title"] for reference in CITATION["references"])
    for name in ("csi", "lar", "csi-2017", "dresden-ii", "conus-plus"):
        number = cb.load_experiment(name).reference.partition("arXiv:")[2].partition(",")[0]
        assert number in cited, name
