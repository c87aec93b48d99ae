"""Limits under the other prior: where they are known, and against sampling on the CsI data."""

import json
from functools import partial

import numpy as np
import pymc as pm
import pytest
import xarray as xr
from scipy import special

import cevns_bayes as cb
from cevns_bayes.bayesian import linear_or_log
from cevns_bayes.bayesian.couplings import Coupling
from cevns_bayes.bayesian.linear_or_log import WeightedDraws, prior_sensitivity, reweighted
from cevns_bayes.engine.problem import Problem
from cevns_bayes.errors import InputError
from cevns_bayes.physics.cross_sections import vector, weak_charge
from cevns_bayes.scenarios.prior_view import prior_lines
from cevns_bayes.scenarios.priors import log_uniform
from cevns_bayes.scenarios.scenario import Parameter, Scenario

HIGH, SIGMA = 10.0, 1.0
SHAPE = (4, 3000)


def scenario(*declared):
    """Of parameters (name, declaration); those whose name begins with m are not couplings."""

    def declare():
        values = [declaration(name) for name, declaration in declared]

        def cross_section(target, flavour):
            return vector(target, weak_charge(target) ** 2 + sum(v**2 for v in values))

        return cross_section

    parameters = tuple(
        Parameter(name, name, standard_model=None if name.startswith("m") else 0.0)
        for name, _ in declared
    )
    return Scenario("Toy", parameters, "none", declare, name="toy")


def uniform(low, high):
    return partial(pm.Uniform, lower=low, upper=high)


def logarithmic(low, high):
    return partial(log_uniform, low=low, high=high)


class Gaussian:
    """Of a coupling: exp(-g^2/(2 sigma^2)), times a prior between two ends."""

    def __init__(self, kind, low):
        self.kind, self.low = kind, low

    def cdf(self, g):
        start, end, g = (x / SIGMA for x in (self.low, HIGH, np.asarray(g)))
        if self.kind == "linear":
            return (special.erf(g / 2**0.5) - special.erf(start / 2**0.5)) / (
                special.erf(end / 2**0.5) - special.erf(start / 2**0.5)
            )
        return (special.exp1(start**2 / 2) - special.exp1(g**2 / 2)) / (
            special.exp1(start**2 / 2) - special.exp1(end**2 / 2)
        )

    def ppf(self, probability):
        grid = np.geomspace(max(self.low, 1e-9), HIGH, 200_001)
        return np.interp(probability, self.cdf(grid), grid)


def posterior_of(problem, draws):
    """As ``sample`` returns it, for a problem."""
    shape = next(iter(draws.values())).shape
    dims = ("chain", "draw")
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset({name: (dims, values) for name, values in draws.items()}),
            "sample_stats": xr.Dataset({"diverging": (dims, np.zeros(shape, dtype=bool))}),
        }
    )
    tree.attrs = {
        "scenario": problem.scenario.name,
        "data": json.dumps([e.name for e in problem.experiments]),
        "data_sha256": json.dumps({e.name: e.fingerprint() for e in problem.experiments}),
        "priors": "\n".join(prior_lines(problem.model)),
    }
    return tree


def gaussian_posterior(toy, data, kind, low, **options):
    g = Gaussian(kind, low).ppf(np.random.default_rng(5).uniform(size=SHAPE))
    return posterior_of(Problem.build(toy, data, **options), {"g": g, "log10_g": np.log10(g)})


@pytest.fixture
def no_sampling(monkeypatch):
    def sample(*_, **__):
        raise AssertionError("sampled")

    monkeypatch.setattr(linear_or_log, "sample", sample)


CASES = {
    "log to linear": (logarithmic(0.01, HIGH), "log", 0.01, "linear", 0.01),
    "linear to log": (uniform(0.05, HIGH), "linear", 0.05, "log", 0.05),
    "linear from zero to log": (uniform(0, HIGH), "linear", 0.0, "log", HIGH * 10**-2.3),
}


@pytest.mark.usefixtures("no_sampling")
@pytest.mark.parametrize("case", CASES)
def test_limits_of_a_gaussian_likelihood(csi, case):
    declaration, own, low, other, other_low = CASES[case]
    toy = scenario(("g", declaration))
    table = prior_sensitivity(
        toy, csi, posterior=gaussian_posterior(toy, csi, own, low), decades=2.3
    ).sel(parameter="g")
    assert table.method.sel(prior=own) == "its own prior"
    assert table.method.sel(prior=other) == "reweighted"
    assert table.problems.values.tolist() == ["", ""]
    for kind, start in ((own, low), (other, other_low)):
        exact = Gaussian(kind, start).ppf(0.9)
        row = table.sel(prior=kind)
        assert abs(float(row.upper_limit) - exact) < 4 * float(row.upper_limit_error)
        assert float(row.upper_limit_error) < 0.05 * exact  # or all would pass
        assert float(row.hdi_low) < start + 0.1  # the density falls from its lower end on
        assert abs(float(row.hdi_high) - exact) < 0.1 * exact
    limits = table.upper_limit
    assert float(limits.sel(prior="linear")) > 1.1 * float(limits.sel(prior="log"))


def test_errors_of_the_limits_are_their_scatter():
    coupling = Coupling("g", "log", 0.01, HIGH, 0.01)
    limits, errors = [], []
    for seed in range(40):
        g = Gaussian("log", 0.01).ppf(np.random.default_rng(seed).uniform(size=SHAPE))
        draws = xr.Dataset({"g": (("chain", "draw"), g)})
        own = WeightedDraws(draws, xr.ones_like(draws["g"]), "its own prior")
        row = reweighted(own, [coupling], "linear").limits("g", 0.9)
        limits.append(row["upper_limit"])
        errors.append(row["upper_limit_error"])
    # a scatter of 40 is good to 11 %; the larger of two errors is above each, by some 20 %
    assert 0.6 < np.std(limits, ddof=1) / np.mean(errors) < 1.2


def test_what_the_draws_do_not_hold_is_sampled(csi, monkeypatch):
    toy = scenario(("m", logarithmic(1, 2)), ("g", uniform(0, HIGH)))
    asked = []

    def sample(*arguments, **keywords):
        asked.append((arguments, keywords))
        changed = scenario(("g", logarithmic(1e-3, HIGH)))
        return gaussian_posterior(changed, csi, "log", HIGH * 1e-4)

    monkeypatch.setattr(linear_or_log, "sample", sample)
    own = {"g": "Uniform(0, 10)", "csi::alpha_brn": "Normal(0, 0.1)"}
    given = gaussian_posterior(toy, csi, "linear", 0.0, priors=own)
    settings = {"seed": 3, "sampler": "smc"}
    arguments = {"decades": 4, "settings": settings, "priors": own}
    table = prior_sensitivity(toy, csi, posterior=given, **arguments).sel(parameter="g")
    (((asked_scenario, asked_data), keywords),) = asked
    assert (asked_scenario, asked_data) == (toy, csi)
    assert keywords == settings | {"priors": own | {"g": "LogUniform(0.001, 10)"}}
    assert table.method.values.tolist() == ["its own prior", "sampled again"]
    assert float(table.share.sel(prior="log")) < 0.1
    exact = Gaussian("log", HIGH * 1e-4).ppf(0.9)
    row = table.sel(prior="log")
    assert abs(float(row.upper_limit) - exact) < 4 * float(row.upper_limit_error)
    assert row.distribution == "LogUniform(0.001, 10)"


@pytest.mark.parametrize(
    ("declaration", "other", "prior"),
    [
        (logarithmic(1e-5, HIGH), "linear", "Uniform(1e-05, 10)"),
        (uniform(0, HIGH), "log", "LogUniform(1e-05, 10)"),
    ],
)
def test_laplace_samples_again_what_is_compiled(csi, monkeypatch, declaration, other, prior):
    toy = scenario(("g", declaration))
    own, direct = (
        cb.sample(toy, csi, progressbar=False, priors=priors) for priors in ({}, {"g": prior})
    )
    monkeypatch.setattr(linear_or_log, "trustworthy", lambda *_: False)
    monkeypatch.setattr(linear_or_log, "sample", None)
    table = prior_sensitivity(toy, csi, posterior=own, decades=6).sel(parameter="g")
    row = table.sel(prior=other)
    assert (row.method.item(), row.distribution.item()) == ("sampled again", prior)
    limit = float(direct["posterior"]["g"].quantile(0.9))
    assert abs(float(row.upper_limit) - limit) < 5 * float(row.upper_limit_error)
    assert float(row.upper_limit_error) < 0.1 * limit


def test_laplace_in_doubt_leaves_it_to_others(csi, monkeypatch):
    toy = scenario(("g", uniform(0, HIGH)))
    given = gaussian_posterior(toy, csi, "linear", 0.0)
    again = gaussian_posterior(scenario(("g", logarithmic(1e-5, HIGH))), csi, "log", 1e-5)
    asked = []

    def sample(*_, **keywords):
        asked.append(keywords)
        return again

    monkeypatch.setattr(linear_or_log, "sample", sample)
    few = {"draws": 20}  # too few effective ones
    table = prior_sensitivity(toy, csi, posterior=given, decades=6, settings=few)
    assert asked == [few | {"priors": {"g": "LogUniform(1e-05, 10)"}}]
    exact = Gaussian("log", 1e-5).ppf(0.9)
    row = table.sel(parameter="g", prior="log")
    assert abs(float(row.upper_limit) - exact) < 4 * float(row.upper_limit_error)


@pytest.mark.usefixtures("no_sampling")
def test_nothing_is_sampled_if_not_wanted(csi):
    toy = scenario(("g", uniform(0, HIGH)))
    given = gaussian_posterior(toy, csi, "linear", 0.0)
    table = prior_sensitivity(toy, csi, posterior=given, decades=6, resample=False)
    assert table.method.values.tolist() == ["its own prior", "none"]
    assert table.upper_limit.isnull().values.tolist() == [[False, True]]


@pytest.mark.usefixtures("no_sampling")
def test_outside_of_all_draws_nothing_is_known(csi):
    toy = scenario(("g", uniform(0, HIGH)))
    far = np.random.default_rng(1).uniform(1e-6, 2e-6, size=SHAPE)  # below the log prior
    given = posterior_of(Problem.build(toy, csi), {"g": far})
    table = prior_sensitivity(toy, csi, posterior=given, resample=False)
    assert table.method.values.tolist() == ["its own prior", "none"]
    assert np.isinf(table.pareto_k.sel(prior="log"))


@pytest.mark.usefixtures("no_sampling")
def test_couplings_change_together(csi):
    toy = scenario(("g", logarithmic(0.01, HIGH)), ("h", uniform(0.1, HIGH)))
    rng = np.random.default_rng(11)
    g = Gaussian("log", 0.01).ppf(rng.uniform(size=SHAPE))
    h = Gaussian("linear", 0.1).ppf(rng.uniform(size=SHAPE))
    given = posterior_of(Problem.build(toy, csi), {"g": g, "log10_g": np.log10(g), "h": h})
    table = prior_sensitivity(toy, csi, posterior=given)
    assert table.method.values.tolist() == ["reweighted", "reweighted"]
    for name, low in {"g": 0.01, "h": 0.1}.items():
        for kind in ("linear", "log"):
            row = table.sel(parameter=name, prior=kind)
            exact = Gaussian(kind, low).ppf(0.9)
            assert abs(float(row.upper_limit) - exact) < 4 * float(row.upper_limit_error)


@pytest.mark.usefixtures("no_sampling")
def test_what_has_no_log_prior_is_left_out(csi):
    toy = scenario(
        ("signed", uniform(-1, 1)),
        ("normal", partial(pm.Normal, mu=0, sigma=1)),
        ("m", uniform(1, 2)),
    )
    table = prior_sensitivity(toy, csi)
    assert table.sizes == {"parameter": 0, "prior": 2}
    assert json.loads(table.attrs["left_out"]) == {
        "signed": "its prior goes down to -1",
        "normal": "its prior is neither uniform nor log-uniform",
    }


@pytest.mark.usefixtures("no_sampling")
def test_wrong_arguments(csi):
    toy = scenario(("g", logarithmic(0.01, HIGH)))
    given = gaussian_posterior(toy, csi, "log", 0.01)
    for arguments, message in (
        ({"probability": 90}, "probability must be between 0 and 1, got 90"),
        ({"decades": 0}, "decades must be positive and finite, got 0"),
        ({"parameters": ["h"]}, "unknown parameter of toy 'h'"),
        ({"priors": {"g": "LogUniform(0.1, 10)"}}, "under another prior: log10_g ~ Uniform"),
    ):
        with pytest.raises(InputError, match=message):
            prior_sensitivity(toy, csi, posterior=given, **arguments)
    with pytest.raises(InputError, match="is one of 'toy', not of 'sm'"):
        prior_sensitivity("sm", csi, posterior=given)
    given.attrs["data_sha256"] = json.dumps({"csi": "other"})
    with pytest.raises(InputError, match="one of other data"):
        prior_sensitivity(toy, csi, posterior=given)


@pytest.mark.slow
def test_reweighted_limit_is_that_of_sampling():
    log, linear = {"c_s": "LogUniform(0.001, 0.1)"}, {"c_s": "Uniform(0.001, 0.1)"}
    settings = {"sampler": "smc", "progressbar": False}
    table = prior_sensitivity("ngi-s", ["csi"], settings=settings, priors=log)
    assert table.method.values.tolist() == ["reweighted", "its own prior"]
    again = cb.sample("ngi-s", ["csi"], **settings, seed=7, priors=linear)
    direct = prior_sensitivity(
        "ngi-s", ["csi"], posterior=again, resample=False, priors=linear
    ).sel(parameter="c_s", prior="linear")
    row = table.sel(parameter="c_s", prior="linear")
    error = np.hypot(float(row.upper_limit_error), float(direct.upper_limit_error))
    assert abs(float(row.upper_limit - direct.upper_limit)) < 4 * error
    # ... and told apart from the limit under the log prior
    own = table.sel(parameter="c_s", prior="log")
    assert abs(float(row.upper_limit - own.upper_limit)) > 8 * error


@pytest.mark.slow
def test_a_leptoquark_is_sampled_again():
    # weights g over six decades rest on the largest couplings
    table = prior_sensitivity("leptoquark-s1", ["csi"], settings={"progressbar": False})
    assert table.parameter.values.tolist() == ["coupling"]
    assert table.method.values.tolist() == ["sampled again", "its own prior"]
    assert table.problems.values.tolist() == ["", ""]
    limits = table.upper_limit.sel(parameter="coupling")
    assert float(limits.sel(prior="linear")) > 10 * float(limits.sel(prior="log"))
