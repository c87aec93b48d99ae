"""Limits on a coupling at each mass: known answers on a toy, another minimiser on data."""

import numpy as np
import pandas as pd
import pymc as pm
import pytest

import cevns_bayes as cb
from cevns_bayes.engine.problem import Problem
from cevns_bayes.frequentist.curves import threshold
from cevns_bayes.frequentist.limit_curve import limit_curve_of
from cevns_bayes.frequentist.search import Search
from cevns_bayes.report.curve_files import write_limit_curve

PARAMETERS = (cb.Parameter("mass", "$m$", "MeV"), cb.Parameter("coupling", "$g$"))
SCENARIO = cb.Scenario(
    "Toy", PARAMETERS, "", lambda: None, limit_curve=("mass", "coupling"), name="toy"
)


@pytest.fixture(scope="module")
def found(toy):
    """chi^2 = (e (e - 2)/0.1 - alpha)^2 + alpha^2 with e = g^2/(1 + m^2): profile (...)^2/2."""

    def residuals(log10_mass, log10_coupling, alpha):
        strength = 10 ** (2 * log10_coupling) / (1 + 10 ** (2 * log10_mass))
        return [strength * (strength - 2) / 0.1 - alpha]

    priors = {"log10_mass": (pm.Uniform, -1, 2), "log10_coupling": (pm.Uniform, -3, 1)}
    solver = toy(residuals, 1, **priors, alpha=(pm.Normal, 0, 1))
    return limit_curve_of(SCENARIO, Search(solver), level=0.90)


def test_disjoint_intervals_are_kept(found):
    mass = found["mass"].to_numpy()
    np.testing.assert_allclose(mass, np.logspace(-1, 2, 60))
    half = 0.1 * np.sqrt(2 * threshold(0.90, 1))
    strengths = np.array([1 - np.sqrt(1 - half), 1 + np.sqrt(1 - half), 1 + np.sqrt(1 + half)])
    ends = np.sqrt(strengths[:, None] * (1 + mass**2))  # excluded between the first two, and above
    within = ends < 10
    for got, known, inside in (
        (found["upper_limit"], ends[0], within[0]),
        (found["excluded_low"][:, 0], ends[0], within[0]),
        (found["excluded_high"][:, 0], ends[1], within[1]),
        (found["excluded_low"][:, 1], ends[2], within[2]),
        (found["excluded_high"][:, 1], 10 + 0 * mass, within[2]),
    ):
        np.testing.assert_allclose(got.to_numpy()[inside], known[inside], rtol=1e-3)


def test_no_limit_within_the_prior(found):
    heavy = found.sel(mass=100.0, method="nearest")
    assert all(np.isnan(heavy[name]).all() for name in found.data_vars)
    assert found.attrs["kind"] == "confidence"


def test_file(found, tmp_path):
    write_limit_curve(found, tmp_path, {})
    (file,) = tmp_path.iterdir()
    assert file.name == "limit_curve_confidence.csv"
    assert file.read_text().startswith(
        "# 90% confidence limit on coupling at each mass; "
        "upper_limit is where the first excluded range begins\n"
    )
    table = pd.read_csv(file, comment="#")
    assert [*table][:3] == ["mass", "upper_limit", "excluded_low_1"]
    np.testing.assert_allclose(table["upper_limit"], found["upper_limit"], rtol=1e-7)


def test_limits_are_relative_to_the_minimum_at_each_mass(csi, build_chi2):
    """By L-BFGS-B, from the limits and from couplings of no effect."""
    limits = cb.limit_curve("light-vector-universal", csi, masses=5)
    names = ["log10_mass", "log10_coupling"]
    chi2 = build_chi2(Problem.build("light-vector-universal", csi), names)
    held = [chi2.names.index(name) for name in names]
    for mass, limit in zip(
        limits["mass"].to_numpy(), limits["upper_limit"].to_numpy(), strict=True
    ):
        starts = np.zeros((2, len(chi2.names)))
        starts[:, held] = [[np.log10(mass)] * 2, [np.log10(mass), np.log10(limit)]]
        starts[0, held[1]] = -6.0
        grid = np.linspace(np.log10(limit) - 1.5, np.log10(limit) + 1, 101)
        lowest = chi2.minimised(starts[0], held)[0]
        heights = []
        for value in grid:
            starts[0, held[1]] = value
            heights.append(chi2.value(starts[0]))
        starts[0, held[1]] = grid[np.argmin(heights)]
        lowest = min(lowest, chi2.minimised(starts[0], held[:1])[0])
        at_limit = chi2.minimised(starts[1], held, tolerance=1e-10)[0]
        assert at_limit - lowest == pytest.approx(threshold(0.90, 1), abs=0.01)


def test_scenario_without_mass_and_coupling():
    with pytest.raises(cb.InputError, match="has no mass and coupling for a limit curve"):
        cb.limit_curve("charge-radius")


def test_wrong_number_of_masses():
    with pytest.raises(cb.InputError, match="masses must be an integer of at least 2"):
        cb.limit_curve("light-scalar", masses=1)


@pytest.mark.parametrize("scenario", cb.scenario_names())
def test_limit_curves_are_of_parameters_that_scenarios_have(scenario):
    loaded = cb.load_scenario(scenario)
    assert {*(loaded.limit_curve or ())} <= {*loaded.parameter_names}


def test_a_degenerate_nuisance_hides_no_limit(toy):
    """chi^2 is 1e4 (g^2 - alpha)^2 + alpha^2: 1e4 g^4 where nothing is fitted, 1 g^4 otherwise."""

    def residuals(log10_mass, log10_coupling, alpha):
        return [100 * (10 ** (2 * log10_coupling) - alpha) + 0 * log10_mass]

    priors = {"log10_mass": (pm.Uniform, -1, 2), "log10_coupling": (pm.Uniform, -3, 1)}
    solver = toy(residuals, 1, **priors, alpha=(pm.Normal, 0, 1))
    for level in (0.2, 0.90):
        limits = limit_curve_of(SCENARIO, Search(solver), level=level, masses=4)["upper_limit"]
        exact = (threshold(level, 1) * (1 + 1e-4)) ** 0.25
        np.testing.assert_allclose(limits, exact, rtol=3e-3)
