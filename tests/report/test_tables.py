import csv
import io
import math

import pytest
import xarray as xr

from cevns_bayes.experiments.loading import load_experiment
from cevns_bayes.frequentist.best_fit import FitResult
from cevns_bayes.published import is_as_published
from cevns_bayes.report.tables import (
    Column,
    Estimate,
    Table,
    fitted_value,
    linear_and_log,
    units_of,
    with_unit,
)
from cevns_bayes.scenarios.scenario import load_scenario

TABLE = Table(
    [Column("name"), Column("χ²", ".2f", "chi2"), Column("HDI", ".3g"), Column("fit", ".3g")],
    [
        ["a|b", -0.001, [(-1.23456789, 0.0), (2.0, 3.0)], Estimate(1.23456789, 0.5)],
        ["c", math.nan, [(0.0, 1.0)], Estimate(1.0, math.nan, "at the end")],
    ],
)


def test_cells():
    first, second = TABLE.cells()
    assert first == ["a|b", "0.00", "[-1.23, 0] ∪ [2, 3]", "1.23 ± 0.5"]
    assert second == ["c", "—", "[0, 1]", "1 (at the end)"]
    assert TABLE.cells("{} … {}")[0][2] == "-1.23 … 0 ∪ 2 … 3"


def test_a_small_error_has_a_digit():
    table = Table([Column("ln Z", ".2f")], [[Estimate(-1.234, e)] for e in (0.0021, 0.006, 0.0)])
    assert table.cells() == [["-1.23 ± 0.002"], ["-1.23 ± 0.01"], ["-1.23 ± 0.00"]]


def test_intervals_by_name():
    table = Table([Column("HDI", ".2g")], [[{"a": [(0.0, 1.0), (2.0, 3.0)], "b [MeV]": [(4, 5)]}]])
    assert table.cells() == [["a [0, 1] ∪ [2, 3]; b [MeV] [4, 5]"]]


def test_csv_has_numbers_and_errors_in_columns_of_their_own():
    header, first, second = csv.reader(io.StringIO(TABLE.csv()))
    assert header == ["name", "chi2", "HDI", "fit", "fit_error"]
    assert first == ["a|b", "0.00", "[-1.23457, 0] ∪ [2, 3]", "1.23457", "0.5"]
    assert second == ["c", "", "[0, 1]", "1", ""]


def test_markdown_has_as_many_cells_in_every_line():
    assert {line.count("|") for line in TABLE.markdown().splitlines()} == {5}


def test_an_empty_table_is_a_header():
    empty = Table(TABLE.columns, [])
    assert empty.csv().splitlines() == ["name,chi2,HDI,fit"]


def test_units_of_parameters_and_their_logarithms():
    units = units_of(load_scenario("light-scalar"), ["csi"])
    assert with_unit("mass", units) == "mass [MeV]"
    assert with_unit("log10_mass", units) == "log10_mass [log10 MeV]"
    assert with_unit("coupling", units) == "coupling"
    assert "csi::r_n" in units_of(load_scenario("neutron-radius"), ["csi", "lar"])


def test_an_error_at_the_end_of_a_prior_is_not_shown():
    errors = {"x": 2.0, "log10_y": 0.3, "z": 0.1}
    at_limit = ("x", "y")
    fit = FitResult(
        "toy", ("csi",), 1.0, 1, {"x": 1.0, "y": 10.0}, {"z": 0.0}, errors, True, at_limit
    )
    assert [fitted_value(fit, name).remark != "" for name in ("x", "log10_y", "z")] == [
        True,
        True,
        False,
    ]


def test_limits_of_draws_that_did_not_converge_say_so():
    shape = ("parameter", "prior")
    numbers = ("upper_limit", "upper_limit_error", "hdi_low", "hdi_high")
    sensitivity = xr.Dataset(
        {
            **{name: (shape, [[0.5, 0.25]]) for name in numbers},
            "distribution": (shape, [["Uniform(0, 1)", "LogUniform(0.001, 1)"]]),
            "method": ("prior", ["its own prior", "sampled again"]),
            "problems": ("prior", ["", "R-hat 1.300 is not below 1.01"]),
        },
        {"parameter": ["g"], "prior": ["linear", "log"]},
        {"probability": 0.9},
    )
    own, other = linear_and_log(sensitivity, {}).cells()
    assert own[-1] == "its own prior"
    assert other[-1] == "sampled again, NOT CONVERGED: R-hat 1.300 is not below 1.01"


@pytest.mark.parametrize(
    ("names", "options", "expected"),
    [
        (["csi"], {}, True),
        (["csi"], {"form_factor": "helm", "share_flux": True, "priors": {}}, True),
        (["csi"], {"form_factor": "klein-nystrand"}, False),
        (["csi"], {"priors": {"csi::alpha_brn": "Normal(0, 1)"}}, False),
        (["lar"], {}, False),
        (["lar-gaussian"], {}, True),
        (["csi-quenching"], {}, False),
        (["csi", "lar-gaussian"], {}, False),
        (["csi", "lar-gaussian"], {"share_flux": False}, True),
        (["csi", "lar"], {"share_flux": False}, False),
    ],
)
def test_published_chi2_is_shown_only_beside_what_is_comparable(names, options, expected):
    assert is_as_published([load_experiment(name) for name in names], options) is expected


def test_neither_pseudo_data_nor_other_bins_are_as_published(csi):
    assert not is_as_published([csi.asimov(csi.counts + 1)], {})
    assert not is_as_published([load_experiment("csi", binning={"time": [0, 1, 6]})], {})
