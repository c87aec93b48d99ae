"""The engine: functions that JAX compiles against PyMC's, maxima against another minimiser."""

import jax
import numpy as np
import pytest
import scipy.optimize

import cevns_bayes as cb
from cevns_bayes.engine.compiled import Compiled
from cevns_bayes.engine.problem import Problem
from cevns_bayes.engine.solver import BATCH, Solver

POINTS = 3


def drawn(problem, compiled, seed=1):
    """Values of theta and alpha within their priors."""
    rng = np.random.default_rng(seed)

    def values(priors):
        ends = np.array([prior.bulk for prior in priors]).reshape(-1, 2)
        middle, reach = ends.mean(axis=1), np.ptp(ends, axis=1) / 6
        return middle + reach * rng.uniform(-1, 1, (POINTS, len(priors)))

    return values(compiled.held), values(compiled.free)


@pytest.mark.parametrize(
    ("scenario", "data"),
    [("nsi-ee-ud", ["csi"]), ("sterile-oscillation", ["lar"]), ("sm", ["csi", "lar-gaussian"])],
)
def test_log_density_is_that_of_the_model(scenario, data):
    problem = Problem.build(scenario, data)
    compiled = Compiled.of(problem)
    theta, alpha = drawn(problem, compiled)
    model = problem.model
    density = model.compile_fn(model.logp(jacobian=False), mode="FAST_COMPILE")
    saturated = compiled.best_log_likelihood(compiled.counts)
    priors = (*compiled.held, *compiled.free)
    for t, a in zip(theta, alpha, strict=True):
        values = dict(zip((p.name for p in priors), (*t, *a), strict=True))
        point = {}
        for prior in priors:
            transform = model.rvs_to_transforms[prior.rv]
            value = np.float64(values[prior.name])
            if transform is not None:
                value = transform.forward(value, *prior.rv.owner.inputs).eval()
            point[model.rvs_to_values[prior.rv].name] = value
        found = compiled.height(t, a, compiled.counts) + compiled.log_prior_of_held(t, a)
        assert float(found) + saturated == pytest.approx(float(density(point)), rel=1e-9)


def heights(compiled, theta):
    """By another minimiser, with gradients propagated backwards."""
    downhill = jax.jit(jax.value_and_grad(lambda a, t: -compiled.height(t, a, compiled.counts)))

    def maximum(t):
        result = scipy.optimize.minimize(
            lambda a: tuple(map(np.asarray, downhill(a, t))),
            compiled.start,
            jac=True,
            method="L-BFGS-B",
            bounds=list(zip(*compiled.limits, strict=True)),
            options={"ftol": 1e-14, "gtol": 1e-9},
        )
        return -result.fun

    return np.array([maximum(t) for t in theta])


@pytest.mark.parametrize("data", ["csi", "lar"])
def test_maxima_are_those_of_another_minimiser(data):
    compiled = Compiled.of(Problem.build("weak-mixing-angle", data))
    theta = np.array([[0.2], [0.35]])
    found = Solver(compiled).solve(theta)
    assert found.converged.all()
    np.testing.assert_allclose(found.height, heights(compiled, theta), atol=1e-5)


@pytest.fixture(scope="module")
def solver():
    return Solver(Compiled.of(Problem.build("charge-radius", "csi")))


def test_any_number_of_points_from_anywhere(solver):
    rng = np.random.default_rng(2)
    theta = rng.uniform(-60, 30, (BATCH + 5, 2))
    cold = solver.solve(theta)
    assert cold.converged.all()
    warm = solver.solve(theta + 0.01, near=cold)
    again = solver.solve(theta + 0.01)
    np.testing.assert_allclose(warm.height, again.height, atol=1e-6)


def test_curvature_is_that_of_differences(solver):
    compiled = solver.compiled
    theta = np.array([[-5.0, 3.0]])
    found = solver.solve(theta)
    height = jax.jit(lambda alpha: compiled.height(theta[0], alpha, compiled.counts))
    for i, size in enumerate(1e-3 * compiled.widths):
        step = size * np.eye(len(compiled.free))[i]
        best, up, down = (float(height(found.alpha[0] + k * step)) for k in (0, 1, -1))
        assert found.curvature[0, i, i] == pytest.approx((2 * best - up - down) / size**2, rel=1e-3)


def test_pseudo_data_need_only_other_counts(solver):
    truth = {"r2_ee": 0.0, "r2_mumu": 0.0}
    (asimov,) = cb.asimov("charge-radius", truth, "csi")
    found = solver.solve(np.zeros((1, 2)), counts=[asimov.counts])
    assert solver.compiled.chi2(found.height) == pytest.approx(0.0, abs=1e-8)


def test_whatever_is_not_held_is_maximised():
    compiled = Compiled.of(Problem.build("weak-mixing-angle", "csi"), held=[])
    best = Solver(compiled).solve(np.zeros((1, 0)))
    fit = cb.fit("weak-mixing-angle", "csi")
    assert best.converged.all()
    assert best.alpha[0, 0] == pytest.approx(fit.params["sin2_theta_w"], abs=1e-4)
    assert float(compiled.chi2(best.height)[0]) == pytest.approx(fit.chi2, abs=1e-5)
