"""Power-scaling where the scaled posteriors are known: a Gaussian mean with a Gaussian prior."""

import json

import numpy as np
import pymc as pm
import pytest
import xarray as xr
from pymc.stats import compute_log_prior
from scipy import integrate, stats

from cevns_bayes.bayesian.power_scaling import INSENSITIVE, log_prior, power_scaling
from cevns_bayes.compiling import AS_WRITTEN
from cevns_bayes.engine.problem import Problem
from cevns_bayes.errors import InputError

CHAINS, DRAWS = 4, 5000


def gaussian_posterior(prior_sd, data, data_sd, prior_power=1.0, likelihood_power=1.0):
    precision = prior_power / prior_sd**2 + likelihood_power / data_sd**2
    return stats.norm(likelihood_power * data / data_sd**2 / precision, precision**-0.5)


def tree(prior_sd, data, data_sd=1.0, nuisance_sd=1.0):
    """Mean ~ Normal(0, prior_sd), flat if infinite; data in two bins; a nuisance apart from it."""
    rng = np.random.default_rng(20210714)
    shape = (CHAINS, DRAWS)
    mean = gaussian_posterior(prior_sd, data, data_sd).rvs(size=shape, random_state=rng)
    nuisance = rng.normal(0, nuisance_sd, size=shape)
    flat = np.isinf(prior_sd)
    priors = {
        "mean": np.zeros(shape) if flat else stats.norm.logpdf(mean, 0, prior_sd),
        "alpha": stats.norm.logpdf(nuisance, 0, nuisance_sd),
    }
    # two bins of half the information each
    bins = stats.norm.logpdf(data, mean[..., None], data_sd * np.sqrt(2)) * np.ones(2)
    dims = ("chain", "draw")
    built = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset({"mean": (dims, mean), "alpha": (dims, nuisance)}),
            "log_prior": xr.Dataset({name: (dims, value) for name, value in priors.items()}),
            "log_likelihood": xr.Dataset({"x::counts": ((*dims, "x::bin"), bins)}),
        }
    )
    built.attrs["parameters_of_interest"] = json.dumps(["mean"])
    return built


def distance(first, second):
    """Cumulative Jensen-Shannon distance of arXiv:2107.14054, Eqs. 7 and 8, by quadrature."""
    x = np.linspace(-15, 15, 60_001)

    def one_way(p, q):
        terms = p * np.log2(p / ((p + q) / 2)) + (q - p) / (2 * np.log(2))
        return integrate.trapezoid(terms, x), integrate.trapezoid(p, x)

    def both(p, q):
        (pq, p_area), (qp, q_area) = one_way(p, q), one_way(q, p)
        return np.sqrt((pq + qp) / (p_area + q_area))

    # bins beyond all draws do not count: within the range of as many draws
    x = x[(first.cdf(x) > 0.5 / (CHAINS * DRAWS)) & (first.sf(x) > 0.5 / (CHAINS * DRAWS))]
    return max(both(first.cdf(x), second.cdf(x)), both(first.sf(x), second.sf(x)))


@pytest.mark.parametrize(("prior_sd", "data"), [(1.0, 1.0), (0.3, 1.0), (1.0, 4.0), (3.0, 4.0)])
def test_sensitivities_are_those_of_the_scaled_posteriors(prior_sd, data):
    found = power_scaling(tree(prior_sd, data)).sel(variable="mean")
    base = gaussian_posterior(prior_sd, data, 1.0)
    for kind in ("prior", "likelihood"):
        exact = np.mean(
            [
                distance(base, gaussian_posterior(prior_sd, data, 1.0, **{f"{kind}_power": power}))
                / abs(np.log2(power))
                for power in (0.99, 1.01)
            ]
        )
        assert float(found[kind]) == pytest.approx(exact, rel=0.05), kind
    assert float(found.of_parameters) == pytest.approx(float(found.prior), rel=0.1)
    assert float(found.of_nuisances) < 0.02  # it is independent of the mean


def test_diagnoses():
    diagnosis = {
        name: str(power_scaling(tree(*arguments)).diagnosis.item())
        for name, arguments in {
            "flat": (np.inf, 4.0),
            "wide": (30.0, 4.0),
            "conflict": (1.0, 4.0),
            "strong": (0.05, 1.0),
        }.items()
    }
    assert diagnosis == {
        "flat": "✓",
        "wide": "✓",
        "conflict": "potential prior-data conflict",
        "strong": "potential strong prior / weak likelihood",
    }
    silent = tree(np.inf, 4.0)
    silent["log_likelihood"] = xr.DataTree(0 * silent["log_likelihood"].to_dataset())
    assert power_scaling(silent).diagnosis.item() == INSENSITIVE


def test_flat_priors_are_not_scaled():
    built = tree(np.inf, 4.0)
    assert power_scaling(built).of_parameters.item() == 0
    built["log_prior"] = xr.DataTree(0 * built["log_prior"].to_dataset())
    found = power_scaling(built)
    assert found.prior.item() == 0
    assert found.likelihood.item() > 0.05


def test_log_uniform_parameters_are_those_sampled():
    built = tree(1.0, 1.0)
    for group in ("posterior", "log_prior"):
        built[group] = xr.DataTree(built[group].to_dataset().rename(mean="log10_mean"))
    built["posterior"]["mean"] = 10 ** built["posterior"]["log10_mean"]
    assert power_scaling(built)["variable"].values.tolist() == ["log10_mean"]


def test_no_parameters_no_sensitivities():
    built = tree(1.0, 1.0)
    built.attrs["parameters_of_interest"] = "[]"
    assert power_scaling(built).sizes == {"variable": 0}


def test_old_posteriors_are_refused():
    built = tree(1.0, 1.0)
    del built["log_prior"]
    with pytest.raises(InputError, match="log_prior"):
        power_scaling(built)


def test_log_prior_is_that_of_pymc():
    model = Problem.build(
        "light-scalar", ["csi"], priors={"csi::alpha_brn": "HalfNormal(0.3)"}
    ).model
    rng = np.random.default_rng(1)
    draws = pm.draw(model.free_RVs, 6, random_seed=rng, mode=AS_WRITTEN)
    posterior = xr.Dataset(
        {
            rv.name: (("draw", "chain"), values.reshape(3, 2))
            for rv, values in zip(model.free_RVs, draws, strict=True)
        }
    )
    found = log_prior(model, posterior)
    expected = compute_log_prior(
        xr.DataTree.from_dict({"posterior": posterior.transpose("chain", "draw")}),
        model=model,
        extend_inferencedata=False,
        progressbar=False,
        compile_kwargs={"mode": AS_WRITTEN},
    )
    assert set(found.data_vars) == {rv.name for rv in model.free_RVs}
    for name, values in found.data_vars.items():
        assert values.dims == ("chain", "draw")
        np.testing.assert_allclose(values, expected[name], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found["log10_coupling"], -np.log(5))  # of decades


def test_log_prior_of_priors_that_depend_on_each_other():
    with pm.Model() as model:
        width = pm.Uniform("width", *np.array([0.5, 3.0]))  # Python's 0.5 becomes float32
        pm.Normal("x", 0.0, width)
        pm.Normal("pair", 0.0, width, shape=2)
    rng = np.random.default_rng(2)
    dims = ("chain", "draw")
    posterior = xr.Dataset(
        {
            "width": (dims, rng.uniform(1, 2, size=(2, 4))),
            "x": (dims, rng.normal(size=(2, 4))),
            "pair": ((*dims, "i"), rng.normal(size=(2, 4, 2))),
        }
    )
    found = log_prior(model, posterior)
    widths = posterior.width.to_numpy()
    expected = {
        "width": stats.uniform.logpdf(widths, 0.5, 2.5),
        "x": stats.norm.logpdf(posterior.x, 0, widths),
        "pair": stats.norm.logpdf(posterior.pair, 0, widths[..., None]).sum(axis=-1),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-12)
