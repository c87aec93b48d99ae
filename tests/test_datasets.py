import math

import pytest

from cevns_bayes import datasets
from cevns_bayes.datasets import read_table, read_toml
from cevns_bayes.errors import InputError
from cevns_bayes.published import Bound, published_bounds, published_chi2
from cevns_bayes.scenarios.scenario import load_scenario, scenario_names

EXPERIMENTS = {"csi": ["csi"], "lar": ["lar"], "csi+lar": ["csi", "lar"]}
HEADER = "scenario,data,parameter,level,low,high,unit,source"


def test_a_table_is_columns_of_numbers():
    table = read_table("csi", "background_energy")
    assert list(table) == ["energy_low_pe", "brn", "nin"]
    assert table["energy_low_pe"][:3].tolist() == [0, 1, 2]
    # normalised to one in the window
    assert table["brn"][table["energy_low_pe"] < 60].sum() == pytest.approx(1, abs=1e-6)


def test_parameters_are_those_of_the_paper():
    parameters = read_toml("csi", "parameters")
    assert parameters["exposure"]["detector_mass_kg"] == 14.6
    assert parameters["exposure"]["protons_on_target"] == 3.198e23
    assert parameters["efficiency"]["nominal"] == [1.32045, 0.285979, 10.8646, -0.333322]


def test_a_missing_table_is_named():
    with pytest.raises(InputError, match=r"csi.nothing\.csv is missing"):
        read_table("csi", "nothing")
    with pytest.raises(InputError, match=r"csi.nothing\.toml is missing"):
        read_toml("csi", "nothing")


def test_published_chi2():
    assert published_chi2("sm", "csi") == 83.2
    assert published_chi2("sm", "nothing") is None


def test_published_bounds():
    (bound,) = published_bounds("weak-mixing-angle", "csi")
    assert (bound.parameter, bound.level, bound.unit) == ("sin2_theta_w", 0.683, "")
    # 0.227(28)
    assert (bound.low + bound.high) / 2 == pytest.approx(0.227)
    assert (bound.high - bound.low) / 2 == pytest.approx(0.028)
    assert bound.source.startswith("arXiv:2403.03566, abstract")
    assert published_bounds("weak-mixing-angle", "nothing") == []


def test_published_bounds_are_of_the_parameters_of_their_scenario_in_their_units():
    found = {
        (name, data): published_bounds(name, data)
        for name in scenario_names()
        for data in EXPERIMENTS
    }
    for (name, data), bounds in found.items():
        parameters = load_scenario(name).on(EXPERIMENTS[data]).parameters_of_interest
        units = {parameter.name: parameter.unit for parameter in parameters}
        for bound in bounds:
            assert units.get(bound.parameter) == bound.unit, (name, data, bound)
    # a row of a misspelt scenario or data set would never be found
    rows = datasets.read_entries("published", "bounds")
    assert sum(len(bounds) for bounds in found.values()) == len(rows)


def test_bounds_can_be_disjoint_and_one_sided(bounds_table):
    bounds_table("a,lar,x,0.9,-4,-1,cm,p. 1", 'a,lar,x,0.9,2,,cm,"p. 1, 2"', "a,lar,y,0.9,,3,,p. 3")
    assert published_bounds("a", "lar") == [
        Bound("x", 0.9, -4, -1, "cm", "p. 1"),
        Bound("x", 0.9, 2, math.inf, "cm", "p. 1, 2"),
        Bound("y", 0.9, -math.inf, 3, "", "p. 3"),
    ]


@pytest.mark.parametrize(
    "row",
    [
        "a,lar,x,90,1,2,cm,p. 1",
        "a,lar,x,0.9,2,1,cm,p. 1",
        "a,lar,x,0.9,one,2,cm,p. 1",
        "a,lar,x,0.9,1,2,cm",
    ],
)
def test_corrupt_bounds_are_named(bounds_table, row):
    bounds_table(row)
    with pytest.raises(InputError, match=r"bounds\.csv is corrupt"):
        published_bounds("a", "lar")


@pytest.fixture
def bounds_table(tmp_path, monkeypatch):
    """Writes rows in place of the published bounds."""

    def write(*rows):
        (tmp_path / "published").mkdir()
        (tmp_path / "published" / "bounds.csv").write_text("\n".join(["# words", HEADER, *rows]))
        monkeypatch.setattr(datasets, "data_folder", lambda: tmp_path)

    return write
