"""The sampler laplace against distributions that are known, and what makes it give up."""

import numpy as np
import pytest

import cevns_bayes as cb
from cevns_bayes import InputError
from cevns_bayes.bayesian.regions import posterior_density_1d, posterior_density_2d
from cevns_bayes.bayesian.samplers import Laplace
from cevns_bayes.bayesian.samplers.laplace import unsuitable
from cevns_bayes.engine.problem import Problem

NO_QUANTILES = {"sin2_theta_w": "ExGaussian(0.2, sigma=0.1, nu=0.1)"}
WINDOW = ((-np.inf, np.inf), (-np.inf, np.inf))


AXIS = cb.Axis("energy", np.array([0.0, 1.0, 2.0]), "E", "keV")
NEGLIGIBLE = {cb.nucleus("Ar40"): 1.0}  # one atom
DETECTOR = cb.Detector(
    AXIS.edges, cb.LindhardQuenching(0.157, 18), cb.GaussianResolution(noise=0.1)
)
FLUX = cb.Flux({"line": cb.Source(cb.Flavour.NU_MU, cb.Line(30.0))}, 1.0, 20.0)
SIGNAL = cb.Signal("cevns", cb.nuclear_response(NEGLIGIBLE, DETECTOR, FLUX))


def counting(formula, nuisances, counts=(100.0, 100.0), sigma=0.1):
    """An experiment of two bins whose background is a formula of nuisances."""
    return cb.Experiment(
        name="toy",
        axes=(AXIS,),
        signals=(SIGNAL,),
        counts=np.array(counts),
        backgrounds=(cb.FormulaBackground("b", formula, tuple(nuisances)),),
        nuisances=tuple(cb.Nuisance(name, name, sigma=sigma) for name in nuisances),
    )


@pytest.fixture(scope="module")
def charge_radius():
    return cb.sample("charge-radius", data=["csi"], progressbar=False)


def test_it_is_the_default(charge_radius):
    assert charge_radius.attrs["sampler"] == "laplace"
    convergence = cb.check_convergence(charge_radius)
    assert convergence.problems == []
    assert convergence.pareto_k < 0.5
    assert convergence.effective_share > 0.5
    assert min(convergence.ess_bulk, convergence.ess_tail) > 4000


def test_same_seed_same_draws(charge_radius):
    again = cb.sample("charge-radius", data=["csi"], progressbar=False)
    assert again["posterior"].to_dataset().equals(charge_radius["posterior"].to_dataset())


def test_density_of_the_cells_is_that_of_the_draws(charge_radius):
    names = ("r2_ee", "r2_mumu")
    joint = posterior_density_2d(charge_radius, names, WINDOW)
    draws = [charge_radius["posterior"][name].to_numpy().ravel() for name in names]
    for probability in (0.68, 0.90):
        inside = joint.values >= joint.threshold(probability)
        cells = [
            np.searchsorted(axis - (axis[1] - axis[0]) / 2, d) - 1
            for axis, d in zip((joint.x, joint.y), draws, strict=True)
        ]
        cells = [np.clip(c, 0, len(joint.x) - 1) for c in cells]
        assert inside[tuple(cells)].mean() == pytest.approx(probability, abs=0.015)


def test_a_peak_at_a_corner_of_four_cells_is_whole():
    """Nuisances once stuck, in one quadrant, in a maximum found far away."""
    draws = cb.sample("millicharge", data=["csi"], progressbar=False)["posterior"]
    right, up = draws["q_ee"] > 0, draws["q_mumu"] > 0
    for a, b in ((right, up), (right, ~up), (~right, up), (~right, ~up)):
        assert float((a & b).mean()) == pytest.approx(0.25, abs=0.05)


def test_density_of_one_parameter_of_two(charge_radius):
    density = posterior_density_1d(charge_radius, "r2_mumu")
    x = charge_radius["posterior"]["r2_mumu"].to_numpy()
    step = density.x[1] - density.x[0]
    assert density.values.sum() * step == pytest.approx(1.0)
    for probability in (0.68, 0.90):
        inside = [(a <= x) & (x <= b) for a, b in density.intervals(probability)]
        assert len(inside) == 2
        assert np.any(inside, axis=0).mean() == pytest.approx(probability, abs=0.015)


def test_draws_are_those_of_the_density(charge_radius):
    """Expected counts in the posterior are predictions at its draws."""
    draw = charge_radius["posterior"].isel(chain=1, draw=7)
    values = {name: float(draw[name]) for name in ("r2_ee", "r2_mumu")}
    nuisances = {n: float(v) for n, v in draw.data_vars.items() if n.startswith("csi::alpha")}
    predicted = cb.predict("charge-radius", values, "csi", nuisances=nuisances)["total"]
    expected = charge_radius["expected"]["csi::expected"].isel(chain=1, draw=7)
    np.testing.assert_allclose(expected.to_numpy(), predicted.to_numpy(), rtol=1e-9)


def test_evidence_and_moments_of_a_linear_model():
    """One Gaussian bin after the other, linear in its nuisances: all integrals are known."""
    a = np.array([[3.0, 1.0], [0.5, -2.0]])
    experiment = cb.Experiment(
        name="toy",
        axes=(AXIS,),
        signals=(SIGNAL,),
        counts=np.array([11.0, 9.0]),
        backgrounds=(
            cb.FormulaBackground(
                "b", lambda one, two: 10.0 + a[:, 0] * one + a[:, 1] * two, ("one", "two")
            ),
        ),
        nuisances=(cb.Nuisance("one", "one", sigma=1.0), cb.Nuisance("two", "two", sigma=1.0)),
        likelihood=cb.Gaussian(variance=np.array([4.0, 1.0])),
    )
    tree = cb.sample("sm", data=[experiment], sampler="laplace", progressbar=False)
    covariance = a @ a.T + np.diag([4.0, 1.0])
    residual = np.array([1.0, -1.0])
    exact = -0.5 * residual @ np.linalg.solve(covariance, residual)
    exact -= 0.5 * np.linalg.slogdet(2 * np.pi * covariance)[1]
    assert tree.attrs["log_evidence"] == pytest.approx(exact, abs=0.01)
    mean = a.T @ np.linalg.solve(covariance, residual)
    found = [float(tree["posterior"][f"toy::{n}"].mean()) for n in ("one", "two")]
    np.testing.assert_allclose(found, mean, atol=0.03)


def test_a_bimodal_nuisance_is_noticed_and_another_sampler_takes_over(caplog):
    experiment = counting(lambda a: 100.0 * (0.5 + 50 * a**2) + 0 * np.ones(2), ["a"])
    tree = cb.sample("sm", data=[experiment], progressbar=False, draws=200, tune=300)
    assert tree.attrs["sampler"] != "laplace"
    assert "several maxima" in tree.attrs["sampler_reason"]
    assert "sampling again" in caplog.text


@pytest.mark.slow
def test_what_wiggles_is_explored_more_finely():
    tree = cb.sample("sterile-oscillation", data=["csi"], progressbar=False)
    assert tree.attrs["sampler"] == "laplace"
    assert cb.check_convergence(tree).problems == []
    assert tree.attrs["log_evidence"] == pytest.approx(-228.14, abs=0.02)  # SMC: -228.15


def test_an_edge_of_the_prior_through_the_peak():
    experiment = cb.Experiment(
        name="toy",
        axes=(AXIS,),
        signals=(SIGNAL,),
        counts=np.array([130.0, 130.0]),
        backgrounds=(cb.FormulaBackground("b", lambda a: 100.0 * (1 + a) * np.ones(2), ("a",)),),
        nuisances=(cb.Nuisance("a", "a", sigma=0.5, bounds=(-0.5, 0.1)),),
    )
    tree = cb.sample("sm", data=[experiment], sampler="laplace", progressbar=False)
    draws = tree["posterior"]["toy::a"].to_numpy().ravel()
    assert draws.min() >= -0.5
    assert draws.max() <= 0.1
    a = np.linspace(-0.5, 0.1, 20001)
    logs = 260 * np.log(1 + a) - 200 * (1 + a) - a**2 / (2 * 0.5**2)
    weights = np.exp(logs - logs.max())
    assert draws.mean() == pytest.approx(np.average(a, weights=weights), abs=0.002)


def test_priors_without_a_quantile_function_or_that_depend_on_each_other():
    assert "quantile" in unsuitable(Problem.build("weak-mixing-angle", "csi", priors=NO_QUANTILES))
    assert unsuitable(Problem.build("weak-mixing-angle", "csi")) == ""


def test_what_is_not_suitable_is_refused_when_named():
    with pytest.raises(InputError, match="laplace does not suit weak-mixing-angle"):
        cb.sample(
            "weak-mixing-angle",
            priors=NO_QUANTILES,
            sampler="laplace",
        )


@pytest.mark.parametrize("wrong", [{"draws": 3}, {"chains": 1}])
def test_settings(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        Laplace(**wrong)
