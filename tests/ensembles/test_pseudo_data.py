"""Pseudo-data: moments, seeds, and that fits by cb.fit have the same pulls."""

import numpy as np
import pytest

import cevns_bayes as cb
from cevns_bayes.engine.compiled import Measured
from cevns_bayes.engine.problem import Problem
from cevns_bayes.engine.solver import solver_of
from cevns_bayes.ensembles.fits import Fitter
from cevns_bayes.ensembles.pseudo_data import drawn, from_prior, seeds_of
from cevns_bayes.frequentist.search import Search

ANGLE = {"sin2_theta_w": 0.3, "csi::alpha_flux": 0.1, "csi::alpha_time": 0.1}


@pytest.fixture(scope="module")
def toys():
    return cb.pseudo_data("weak-mixing-angle", "csi", ANGLE, toys=400, seed=5)


def test_counts_and_auxiliary_measurements_scatter_around_the_truth(toys):
    nuisances = {name: value for name, value in ANGLE.items() if "::" in name}
    angle = {"sin2_theta_w": 0.3}
    mu = cb.predict("weak-mixing-angle", angle, "csi", nuisances=nuisances)["total"].to_numpy()
    chi2 = ((toys.counts[0] - mu) ** 2 / mu).mean(axis=0)
    assert chi2.mean() == pytest.approx(1.0, abs=5 * np.sqrt(2.5 / (400 * mu.size)))
    has_centre = {n: np.isfinite(c).all() for n, c in zip(toys.names, toys.centres.T, strict=True)}
    assert not has_centre["sin2_theta_w"]
    assert not has_centre["csi::alpha_time"]  # flat within bounds
    flux = toys.centres[:, toys.names.index("csi::alpha_flux")]
    assert flux.mean() == pytest.approx(0.1, abs=5 * 0.11 / 20)
    assert flux.std() == pytest.approx(0.11, rel=5 / np.sqrt(800))


def test_a_toy_depends_on_its_seed_alone(toys):
    fewer = cb.pseudo_data("weak-mixing-angle", "csi", ANGLE, toys=3, seed=5)
    np.testing.assert_array_equal(fewer.counts[0], toys.counts[0][:3])
    np.testing.assert_array_equal(fewer.centres, toys.centres[:3])
    other = cb.pseudo_data("weak-mixing-angle", "csi", ANGLE, toys=3, seed=6)
    assert (other.counts[0] != fewer.counts[0]).any()
    (child,) = np.random.SeedSequence(5).spawn(3)[2].spawn(2)[1].spawn(1)
    (own,) = seeds_of(5, (2, 1), [0])
    np.testing.assert_array_equal(child.generate_state(4), own.generate_state(4))


def test_truths_from_the_prior_are_distributed_as_it_is():
    problem = Problem.build("light-scalar", "csi")
    compiled = solver_of(problem).compiled
    x = from_prior(compiled, seeds_of(1, (0, 0), range(2000)))
    middle = np.quantile(x, [0.16, 0.5, 0.84], axis=0)
    flux = compiled.names.index("csi::alpha_flux")
    np.testing.assert_allclose(middle[:, flux], [-0.11, 0.0, 0.11], atol=0.015)
    low, high = compiled.limits[:, 0]
    np.testing.assert_allclose((middle[:, 0] - low) / (high - low), [0.16, 0.5, 0.84], atol=0.05)


def test_truths_from_a_posterior_are_its_draws(weak_mixing_angle_posterior):
    found = cb.pseudo_data("weak-mixing-angle", "csi", weak_mixing_angle_posterior, toys=200)
    draws = weak_mixing_angle_posterior["posterior"]["sin2_theta_w"].to_numpy().ravel()
    assert np.isin(found.truth[:, 0], draws).all()
    assert found.truth[:, 0].mean() == pytest.approx(draws.mean(), abs=5 * draws.std() / 14)
    with pytest.raises(cb.InputError, match="is one of 'weak-mixing-angle', not of 'sm'"):
        cb.pseudo_data("sm", "csi", weak_mixing_angle_posterior)


def test_fits_of_many_toys_are_those_of_cb_fit(toys):
    search = Search.of(Problem.build("weak-mixing-angle", "csi"))
    compiled = search.solver.compiled
    measured = drawn(search.solver, toys.truth[:2], seeds_of(5, (0, 0), range(2)))
    found = Fitter.of(search).fits(measured, toys.truth[:2], [0])
    for toy in range(2):
        options = {"data": toys.experiments(toy), "priors": toys.priors(toy)}
        free = cb.fit("weak-mixing-angle", **options)
        held = cb.fit("weak-mixing-angle", **options, fixed={"sin2_theta_w": 0.3})
        assert found.chi2[toy] == pytest.approx(free.chi2, abs=1e-4)
        assert found.delta[toy] == pytest.approx(held.chi2 - free.chi2, abs=1e-4)
        assert found.x[toy, 0] == pytest.approx(free.params["sin2_theta_w"], abs=1e-3)
    assert isinstance(measured, Measured)
    assert compiled.names == toys.names


@pytest.mark.parametrize(
    ("truth", "message"),
    [
        ({"sin2_theta_w": 0.7}, r"sin2_theta_w must be within Uniform\(0, 0.5\), got 0.7"),
        ({}, "weak-mixing-angle needs a value for sin2_theta_w"),
        ({"sin2": 0.2}, "unknown variable of weak-mixing-angle 'sin2'"),
        ("posterior", "truth must be values by name, 'prior' or a posterior, got 'posterior'"),
    ],
)
def test_wrong_truths_are_refused(truth, message):
    with pytest.raises(cb.InputError, match=message):
        cb.pseudo_data("weak-mixing-angle", "csi", truth)


def test_wrong_numbers_are_refused():
    with pytest.raises(cb.InputError, match="toys must be an integer of at least 1, got 0"):
        cb.pseudo_data("sm", "csi", {}, toys=0)
