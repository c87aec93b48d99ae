"""The engine: functions that JAX compiles against PyMC's, maxima against another minimiser."""

from dataclasses import replace

import jax
import numpy as np
import pymc as pm
import pytest
import scipy.optimize

import cevns_bayes as cb
from cevns_bayes.authoring import vector, weak_charge
from cevns_bayes.engine.batches import BATCH
from cevns_bayes.engine.compiled import Compiled, Measured
from cevns_bayes.engine.problem import Problem
from cevns_bayes.engine.solver import Solver, solver_of

POINTS = 3


def drawn(compiled, seed=1):
    """Values of the variables within their priors."""
    ends = np.array([prior.bulk for prior in compiled.priors])
    moves = np.random.default_rng(seed).uniform(-1, 1, (POINTS, len(ends)))
    return ends.mean(axis=1) + moves * np.ptp(ends, axis=1) / 6


def at(compiled, values):
    """Start with parameters of interest at these values, nuisances at the peaks of their priors."""
    start = np.tile(compiled.peaks, (len(values), 1))
    start[:, : compiled.interest] = values
    return start


@pytest.mark.parametrize(
    ("scenario", "data"),
    [
        ("nsi-ee-ud", ["csi"]),
        ("sterile-oscillation", ["lar"]),
        ("sm", ["csi", "lar-gaussian"]),
        ("sm", ["negative"]),
    ],
)
def test_log_density_is_that_of_the_model(scenario, data):
    gaussian = cb.load_experiment("lar-gaussian")
    negative = replace(gaussian, counts=gaussian.counts - 5.0)  # as where background is subtracted
    problem = Problem.build(scenario, [negative if name == "negative" else name for name in data])
    compiled = Compiled.of(problem)
    model = problem.model
    density = model.compile_fn(model.logp(jacobian=False), mode="FAST_COMPILE")
    saturated = compiled.best_log_likelihood(compiled.counts)
    for x in drawn(compiled):
        pairs = zip(compiled.priors[: compiled.interest], x, strict=False)
        log_prior = sum(float(pm.logp(prior.rv, value).eval()) for prior, value in pairs)
        found = compiled.height(x, compiled.counts) + log_prior
        point = transformed(model, dict(zip(compiled.names, x, strict=True)))
        assert float(found) + saturated == pytest.approx(float(density(point)), rel=1e-9)


def transformed(model, values):
    """Values of PyMC's variables."""
    point = {}
    for rv in model.free_RVs:
        transform, value = model.rvs_to_transforms[rv], np.float64(values[rv.name])
        if transform is not None:
            value = transform.forward(value, *rv.owner.inputs).eval()
        point[model.rvs_to_values[rv].name] = value
    return point


@pytest.mark.parametrize("data", ["csi", "lar"])
def test_maxima_are_those_of_another_minimiser(data):
    compiled = Compiled.of(Problem.build("weak-mixing-angle", data))
    start = at(compiled, [[0.2], [0.35]])
    found = Solver(compiled).solve(start, held=[0])
    assert found.converged.all()
    np.testing.assert_allclose(found.height, heights(compiled, start), atol=1e-5)


def heights(compiled, start):
    """By another minimiser, with gradients propagated backwards."""
    downhill = jax.jit(jax.value_and_grad(lambda x: -compiled.height(x, compiled.counts)))

    def maximum(x):
        bounds = compiled.limits.T.copy()
        bounds[0] = x[0]
        result = scipy.optimize.minimize(
            lambda x: tuple(map(np.asarray, downhill(x))),
            x,
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"ftol": 1e-14, "gtol": 1e-9},
        )
        return -result.fun

    return np.array([maximum(x) for x in start])


@pytest.fixture(scope="module")
def solver():
    return Solver(Compiled.of(Problem.build("charge-radius", "csi")))


def test_any_number_of_points_from_anywhere(solver):
    values = np.random.default_rng(2).uniform(-60, 30, (BATCH + 5, 2))
    cold = solver.solve(at(solver.compiled, values), held=[0, 1])
    assert cold.converged.all()
    np.testing.assert_array_equal(cold.x[:, :2], values)
    near = at(solver.compiled, values + 0.01)
    near[:, 2:] = cold.x[:, 2:]
    warm = solver.solve(near, held=[0, 1], rest=cold.rest)
    again = solver.solve(at(solver.compiled, values + 0.01), held=[0, 1])
    np.testing.assert_allclose(warm.height, again.height, atol=1e-6)


def test_curvature_is_that_of_differences(solver):
    compiled = solver.compiled
    found = solver.solve(at(compiled, [[-5.0, 3.0]]), held=[0, 1])
    height = jax.jit(lambda x: compiled.height(x, compiled.counts))
    for i, size in enumerate(1e-3 * compiled.widths):
        step = size * np.eye(len(compiled.priors))[i]
        here, up, down = (float(height(found.x[0] + k * step)) for k in (0, 1, -1))
        assert found.curvature[0, i, i] == pytest.approx((2 * here - up - down) / size**2, rel=1e-3)


def test_pseudo_data_need_only_other_counts(solver):
    truth = {"r2_ee": 0.0, "r2_mumu": 0.0}
    (asimov,) = cb.asimov("charge-radius", truth, "csi")
    found = solver.solve(at(solver.compiled, [[0.0, 0.0]]), held=[0, 1], counts=[asimov.counts])
    assert solver.compiled.chi2(found.height) == pytest.approx(0.0, abs=1e-8)


def test_without_anything_held_the_maximum_is_the_best_fit():
    compiled = Compiled.of(Problem.build("weak-mixing-angle", "csi"))
    best = Solver(compiled).solve(at(compiled, [[0.3]]), held=[])
    fit = cb.fit("weak-mixing-angle", "csi")
    assert best.converged.all()
    assert best.x[0, 0] == pytest.approx(fit.params["sin2_theta_w"], abs=1e-4)
    assert float(compiled.chi2(best.height)[0]) == pytest.approx(fit.chi2, abs=1e-5)


def test_shifted_measurements_are_shifted_priors():
    plain = Compiled.of(Problem.build("weak-mixing-angle", "csi"))
    moved = {"csi::alpha_flux": "Normal(0.1, 0.11)", "csi::alpha_ssb": "Normal(-0.03, 0.021)"}
    other = Compiled.of(Problem.build("weak-mixing-angle", "csi", priors=moved))
    shifts = np.zeros(len(plain.priors))
    shifts[[plain.names.index(name) for name in moved]] = 0.1, -0.03
    start = at(plain, [[0.2], [0.3]])
    found = Solver(plain).of(Measured(plain.counts, shifts)).solve(start, held=[0])
    expected = Solver(other).solve(start, held=[0])
    np.testing.assert_allclose(found.x, expected.x, atol=1e-4)
    np.testing.assert_allclose(plain.chi2(found.height), other.chi2(expected.height), atol=1e-6)


def test_a_gaussian_may_have_its_centre_where_it_is_cut():
    name, cut = "csi::alpha_brn", "TruncatedNormal({}, 0.25, lower=-0.1)"
    plain, other = (
        Compiled.of(Problem.build("weak-mixing-angle", "csi", priors={name: cut.format(centre)}))
        for centre in (-0.3, 0.0)
    )
    shifts = np.zeros(len(plain.priors))
    shifts[plain.names.index(name)] = 0.3
    start = at(plain, [[0.2], [0.3]])
    found = Solver(plain).of(Measured(plain.counts, shifts)).solve(start, held=[0])
    expected = Solver(other).solve(start, held=[0])
    np.testing.assert_allclose(found.x, expected.x, atol=1e-4)
    np.testing.assert_allclose(np.diff(found.height), np.diff(expected.height), atol=1e-6)


def test_each_point_may_have_pseudo_data_of_its_own(solver):
    rng = np.random.default_rng(3)
    counts = rng.poisson(20.0, (5, *solver.compiled.counts[0].shape)).astype(float)
    shifts = rng.normal(size=(5, len(solver.compiled.priors))) * (solver.compiled.precisions > 0)
    shifts *= 0.1 * solver.compiled.widths
    start = at(solver.compiled, np.zeros((5, 2)))
    together = solver.solve(start, held=[], counts=Measured([counts], shifts))
    assert np.ptp(together.height) > 1
    for i in range(5):
        alone = solver.of(Measured([counts[i]], shifts[i])).solve(start[i : i + 1], held=[])
        assert together.height[i] == pytest.approx(alone.height[0], abs=1e-6)


def test_points_that_still_rise_are_not_given_up():
    solver = solver_of(Problem.build("weak-mixing-angle", ["dresden-ii"]))
    start = np.tile(solver.compiled.peaks, (9, 1))
    start[:, 0] = np.linspace(0.05, 0.45, 9)  # where the background is far from its maximum
    found = solver.solve(start, [0], far=300.0)
    assert found.converged.all()
    np.testing.assert_allclose(found.height, solver.solve(start, [0]).height, rtol=1e-9)


def test_a_saddle_point_is_left():
    """The rate is proportional to kappa + lam^2, and nuisances begin at lam = 0."""

    def declare():
        kappa, lam = pm.Uniform("kappa", 0.0, 3.0), pm.Uniform("lam", -1.0, 1.0)

        def cross_section(target, flavour):
            return vector(target, (kappa + lam**2) * weak_charge(target, 0.2387) ** 2)

        return cross_section

    kappa = cb.Parameter("kappa", r"$\kappa$", standard_model=1.0)
    scenario = cb.Scenario("kappa and lambda", (kappa,), "none", declare)
    solver = solver_of(Problem.build(scenario, ["csi"]))
    found = solver.solve(at(solver.compiled, [[0.2], [0.6], [1.5]]), [0])
    assert found.converged.all()
    assert found.height[0] == pytest.approx(found.height[1], abs=1e-6)
    lam = found.x[:, 1]
    assert lam[0] ** 2 - lam[1] ** 2 == pytest.approx(0.4, abs=1e-3)
    assert lam[2] == 0.0
