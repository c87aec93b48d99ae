"""Pulls and impacts against fits that are made one by one, and the covariance of a fit."""

import numpy as np
import pytest

import cevns_bayes as cb
from cevns_bayes.engine.problem import Problem
from cevns_bayes.frequentist.impacts import impacts_of
from cevns_bayes.frequentist.search import Search


@pytest.fixture(scope="module")
def impacts(csi, weak_mixing_angle_fit):
    return impacts_of(Search.of(Problem.build("weak-mixing-angle", csi)), weak_mixing_angle_fit)


def test_pulls_are_best_fits_in_units_of_the_priors(impacts, weak_mixing_angle_fit):
    of = impacts.sel(nuisance="csi::alpha_brn")
    assert float(of["pull"]) == pytest.approx(
        weak_mixing_angle_fit.nuisances["csi::alpha_brn"] / 0.25
    )
    error = weak_mixing_angle_fit.errors["csi::alpha_brn"]
    assert float(of["constraint"]) == pytest.approx(error / 0.25)
    assert np.isnan(impacts["pull"].sel(nuisance="csi::alpha_time"))  # It is flat.


def test_pulls_are_from_the_centres_of_the_priors(csi):
    name = "csi::alpha_brn"
    options = {"priors": {name: "Normal(1.0, 0.25)"}, "fixed": {"sin2_theta_w": 0.2387}}
    problem = Problem.build("weak-mixing-angle", csi, **options)
    best = cb.fit("weak-mixing-angle", csi, **options)
    pull = impacts_of(Search.of(problem), best)["pull"].sel(nuisance=name)
    assert float(pull) == pytest.approx((best.nuisances[name] - 1.0) / 0.25)


def test_without_nuisances_there_is_none(csi):
    held = {csi.qualified(nuisance.name): 0.0 for nuisance in csi.nuisances}
    problem = Problem.build("weak-mixing-angle", csi, fixed=held)
    found = impacts_of(Search.of(problem), cb.fit("weak-mixing-angle", csi, fixed=held))
    assert found["impact"].shape == (2, 0, 1)


def test_impacts_are_those_of_fits_with_the_nuisance_held(impacts, csi, weak_mixing_angle_fit):
    name = "csi::alpha_radius"
    best, error = (getattr(weak_mixing_angle_fit, of)[name] for of in ("values", "errors"))
    held = cb.fit("weak-mixing-angle", csi, fixed={name: best + error})
    moved = held.params["sin2_theta_w"] - weak_mixing_angle_fit.params["sin2_theta_w"]
    ours = impacts["impact"].sel(nuisance=name, side=1, parameter="sin2_theta_w")
    assert float(ours) == pytest.approx(moved, rel=1e-3)
    assert abs(moved) > 1e-3


def test_covariance_agrees_with_impacts_and_errors(impacts, weak_mixing_angle_fit):
    covariance = weak_mixing_angle_fit.covariance
    name = "csi::alpha_brn"  # of which the fit is nearly linear
    for variable, error in weak_mixing_angle_fit.sampled_errors.items():
        assert covariance[variable][variable] == pytest.approx(error**2)
    assert covariance[name]["sin2_theta_w"] == pytest.approx(covariance["sin2_theta_w"][name])
    linear = covariance[name]["sin2_theta_w"] / covariance[name][name] ** 0.5
    of = impacts["impact"].sel(nuisance=name, parameter="sin2_theta_w")
    half = float(of.sel(side=1) - of.sel(side=-1)) / 2
    assert half == pytest.approx(linear, rel=0.05)
