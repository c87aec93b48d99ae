"""Credible limits on a coupling at each mass."""

import numpy as np
import pytest

import cevns_bayes as cb


@pytest.fixture(scope="module")
def scalar(csi):
    """A light scalar on CsI."""
    return cb.sample("light-scalar", csi, seed=3, progressbar=False)


def test_limits_are_those_at_masses_held_fixed(csi, scalar):
    found = cb.credible_limit_curve("light-scalar", csi, posterior=scalar)
    assert found.attrs["kind"] == "credible"
    assert found.attrs["prior"].startswith("log10_coupling ~ Uniform")
    for mass in (1.0, 100.0):
        held = cb.sample("light-scalar", csi, fixed={"mass": mass}, seed=3, progressbar=False)
        alone = np.quantile(held["posterior"]["log10_coupling"], 0.90)
        upper = np.exp(np.interp(np.log(mass), np.log(found["mass"]), np.log(found["upper_limit"])))
        assert np.log10(upper) == pytest.approx(alone, abs=0.02)


def test_excluded_is_what_is_above(csi, scalar):
    found = cb.credible_limit_curve("light-scalar", csi, posterior=scalar, level=0.68)
    assert (found["excluded_low"].isel(interval=0) == found["upper_limit"]).all()
    assert found["excluded_high"].to_numpy() == pytest.approx(0.1)
    higher = cb.credible_limit_curve("light-scalar", csi, posterior=scalar, level=0.95)
    assert (higher["upper_limit"] > found["upper_limit"]).all()


@pytest.mark.parametrize("level", [0.0, 1.0, 90, np.nan])
def test_level_is_checked(csi, level):
    with pytest.raises(cb.InputError, match="level must be between 0 and 1"):
        cb.credible_limit_curve("light-scalar", csi, level=level)


def test_scenario_needs_mass_and_coupling(csi):
    with pytest.raises(cb.InputError, match="no mass and coupling"):
        cb.credible_limit_curve("charge-radius", csi)


def test_limits_in_the_first_cells_of_the_grid_are_not_given(csi, scalar):
    narrow = scalar.copy()
    marginal = narrow["marginal"].to_dataset()
    narrow["marginal"] = marginal.assign(log_density=marginal["log_density"] * 0 - 12.0)
    narrow["marginal"]["log_density"][{"log10_coupling": slice(3)}] = 0.0
    found = cb.credible_limit_curve("light-scalar", csi, posterior=narrow)
    assert found["upper_limit"].isnull().all()


def test_limits_from_draws_are_said_to_be(csi, scalar, caplog):
    draws = scalar.drop_nodes("marginal")
    cb.credible_limit_curve("light-scalar", csi, posterior=draws)
    assert "are estimated from draws" in caplog.text
