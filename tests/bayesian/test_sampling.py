import json

import numpy as np
import pymc as pm
import pytest
import xarray as xr
from scipy import stats

import cevns_bayes as cb
from cevns_bayes import InputError, check_convergence, profile, sample, summary
from cevns_bayes.bayesian import sampling
from cevns_bayes.bayesian.samplers import NUTS, SMC, Laplace, Nested, nuts
from cevns_bayes.bayesian.samplers.nested import resampled
from cevns_bayes.bayesian.trial import try_predictions
from cevns_bayes.compiling import AS_WRITTEN
from cevns_bayes.engine.problem import Problem


def tree(draws, divergences=0):
    diverging = np.zeros(draws.shape, dtype=bool)
    diverging.ravel()[:divergences] = True
    dims = ("chain", "draw")
    return xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset({"x": (dims, draws)}),
            "sample_stats": xr.Dataset({"diverging": (dims, diverging)}),
        }
    )


@pytest.fixture
def rng():
    return np.random.default_rng(20231003)


def test_independent_draws_converge(rng):
    convergence = check_convergence(tree(rng.normal(size=(4, 1000))))
    assert convergence.problems == []
    assert convergence.r_hat < 1.01
    assert convergence.ess_bulk > 3000


def test_chains_in_different_places_do_not_converge(rng):
    draws = rng.normal(size=(4, 1000)) + np.array([[0.0], [0.0], [3.0], [3.0]])
    problems = check_convergence(tree(draws)).problems
    assert any("R-hat" in problem for problem in problems)
    assert any("bulk ESS" in problem for problem in problems)


def test_sticky_chains_lack_tail_ess(rng):
    draws = np.repeat(rng.normal(size=(4, 100)), 10, axis=1)
    assert any("tail ESS" in problem for problem in check_convergence(tree(draws)).problems)


@pytest.mark.parametrize(
    ("number", "said"), [(3, "3 divergent transitions"), (1, "1 divergent transition")]
)
def test_divergences_are_a_problem(rng, number, said):
    problems = check_convergence(tree(rng.normal(size=(4, 1000)), divergences=number)).problems
    assert problems == [said]


@pytest.mark.filterwarnings("ignore:invalid value encountered")
def test_constant_chains_are_a_problem():
    assert check_convergence(tree(np.ones((4, 100)))).problems


def test_summary_of_a_gamma_distribution(rng):
    gamma = stats.gamma(3)
    row = summary(tree(gamma.rvs(size=(4, 50_000), random_state=rng))).sel(variable="x")
    assert float(row["mean"]) == pytest.approx(3.0, abs=0.02)
    assert float(row["sd"]) == pytest.approx(np.sqrt(3), abs=0.02)
    assert float(row["eti90_low"]) == pytest.approx(gamma.ppf(0.05), abs=0.03)
    assert float(row["eti90_high"]) == pytest.approx(gamma.ppf(0.95), abs=0.03)
    low, high = float(row["hdi68_single_low"]), float(row["hdi68_single_high"])
    assert gamma.cdf(high) - gamma.cdf(low) == pytest.approx(0.68, abs=0.01)
    assert gamma.pdf(low) == pytest.approx(gamma.pdf(high), rel=0.1)  # highest density


@pytest.mark.parametrize("wrong", [{"draws": 0}, {"chains": 1}, {"tune": 0}, {"draws": 10.5}])
def test_wrong_sampler_settings(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        sample("sm", **wrong)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (NUTS, {"tune": 0}),
        (NUTS, {"chains": 1}),
        (NUTS, {"draws": True}),
        (SMC, {"particles": 3}),
        (SMC, {"chains": 2.0}),
        (Nested, {"live_points": 49}),
        (Nested, {"draws": "many"}),
    ],
)
def test_samplers_check_their_settings(kind, wrong):
    with pytest.raises(InputError, match=f"{next(iter(wrong))} must be an integer of at least"):
        kind(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"draws": 0},
        {"sampler": "smc", "draws": 3},
        {"sampler": "nested", "live_points": 1},
        {"sampler": "smc", "tune": 0},
        {"live_points": 49},
        {"draws": 1_000_000_000},
        {"tune": 1_000_000_000},
        {"sampler": "smc", "chains": 1000},
        {"seed": -1},
        {"sampler": NUTS(), "tune": 100},
    ],
)
def test_settings_are_checked_before_anything_is_built(monkeypatch, wrong):
    monkeypatch.setattr(sampling.Problem, "build", lambda *_, **__: pytest.fail("built"))
    with pytest.raises(InputError):
        sample("sm", **wrong)


def test_named_samplers_take_the_settings_that_they_have():
    settings = {"draws": 500, "tune": 300, "chains": 3}
    assert sampling._candidates("auto", settings) == [
        Laplace(500, 3),
        NUTS(500, 300, 3),
        SMC(500, 3),
    ]
    assert sampling._candidates("nested", settings) == [Nested(500, 3)]
    assert sampling._candidates("smc", {}) == [SMC()]


class FromPrior:
    """A sampler of somebody else's: the prior, weighted by the likelihood and resampled."""

    name, resumable = "from the prior", False

    def __init__(self, tries):
        self.tries = tries

    def run(self, problem, seed, *, progressbar, checkpoint):
        model = problem.model
        variables = [*model.free_RVs, *model.deterministics]
        values = pm.draw(variables, self.tries, random_seed=seed, mode=AS_WRITTEN)
        (experiment,) = problem.experiments
        logs = experiment.likelihood.logpdf(experiment.counts, values[-1]).sum(axis=(1, 2))
        chosen = resampled(np.arange(self.tries), logs, 400, seed)
        dims = {"csi::expected": ("csi::energy", "csi::time")}
        draws = {
            v.name: (
                ("chain", "draw", *dims.get(v.name, ())),
                x[chosen].reshape(2, 200, *x.shape[1:]),
            )
            for v, x in zip(variables, values, strict=True)
        }
        stats = xr.Dataset({"tries": ("chain", [self.tries] * 2)})
        return xr.DataTree.from_dict({"posterior": xr.Dataset(draws), "sample_stats": stats})


@pytest.fixture(scope="module")
def by_somebody_else():
    priors = {"r_n": "Uniform(2, 8)"}
    return sample("neutron-radius", sampler=FromPrior(3000), seed=2, priors=priors)


def test_a_sampler_from_outside_is_an_object(by_somebody_else):
    attrs = by_somebody_else.attrs
    assert (attrs["sampler"], attrs["sampler_reason"]) == ("from the prior", "as asked")
    assert json.loads(attrs["settings"]) == {"seed": 2, "tries": 3000}
    radius = by_somebody_else["posterior"]["r_n"]
    assert radius.shape == (2, 200)
    assert 4.5 < float(radius.mean()) < 7.0  # the prior's mean is 5, its standard deviation 1.7
    assert float(radius.std()) < 1.3


def test_expected_counts_are_apart_from_the_parameters(by_somebody_else):
    parameters = by_somebody_else["posterior"].to_dataset()
    assert set(parameters.dims) == {"chain", "draw"}
    assert next(iter(parameters)) == "r_n"
    expected = by_somebody_else["expected"]["csi::expected"]
    assert list(by_somebody_else["expected"].data_vars) == ["csi::expected"]
    density = stats.poisson.logpmf(cb.load_experiment("csi").counts, expected)
    np.testing.assert_allclose(
        by_somebody_else["log_likelihood"]["csi::counts"], density, rtol=1e-9
    )


def test_parameters_have_units(by_somebody_else):
    attrs = by_somebody_else["posterior"]["r_n"].attrs
    assert attrs == {"units": "fm", "long_name": "$R_n$"}


def test_sampler_is_cancelled_on_interrupt(monkeypatch):
    class Sampler:
        cancelled = False

        def wait(self):
            raise KeyboardInterrupt

        def cancel(self):
            self.cancelled = True

    sampler = Sampler()
    monkeypatch.setattr(nuts.nutpie, "compile_pymc_model", lambda model: model)
    monkeypatch.setattr(nuts.nutpie, "sample", lambda *_, **__: sampler)
    with pytest.raises(KeyboardInterrupt):
        sample("sm", sampler="nuts")
    assert sampler.cancelled


def test_unknown_sampler():
    with pytest.raises(InputError, match=r"unknown sampler 'metropolis'.*nuts"):
        sample("sm", sampler="metropolis")


def test_uncertain_evidence_is_a_problem(rng):
    uncertain = tree(rng.normal(size=(4, 1000)))
    uncertain.attrs["log_evidence_error"] = 0.5
    assert any("log-evidence" in problem for problem in check_convergence(uncertain).problems)


@pytest.mark.parametrize("function", [check_convergence, summary])
def test_something_else_is_not_a_posterior(function):
    with pytest.raises(InputError, match="is not one of cevns-bayes: it has no posterior"):
        function(xr.DataTree.from_dict({"climate": xr.Dataset({"t": 1.0})}))
    with pytest.raises(InputError, match="must be a result of sample, got dict"):
        function({})


def test_few_effective_points_are_a_problem(rng):
    weighted = tree(rng.normal(size=(4, 1000)))
    weighted.attrs["effective_size"] = 90.0
    assert check_convergence(weighted).problems == ["effective size 90 is below 400"]


class Traces:
    """Stands in for the samplers: chains of SMC agree, those of others do not."""

    def __init__(self, rng):
        self.rng, self.asked = rng, []

    def by(self, task, sampler, reason):
        self.asked.append((sampler.name, reason))
        apart = np.array([[0.0], [0.0], [3.0], [3.0]]) if sampler.name != "smc" else 0.0
        return tree(self.rng.normal(size=(4, 1000)) + apart)


@pytest.fixture
def traces(monkeypatch, rng):
    traces = Traces(rng)
    monkeypatch.setattr(sampling.Task, "by", lambda *arguments: traces.by(*arguments))
    return traces


def test_auto_takes_smc_for_degenerate_scenarios(traces):
    sample("nsi-ee-ud")
    assert [sampler for sampler, _ in traces.asked] == ["laplace", "smc"]
    why = traces.asked[1][1]
    assert why.startswith("laplace did not converge (R-hat")
    assert why.endswith("the scenario is declared degenerate")


def test_auto_falls_back_and_says_so(traces, caplog):
    sample("weak-mixing-angle")
    assert [sampler for sampler, _ in traces.asked] == ["laplace", "nuts", "smc"]
    assert "NUTS did not converge (R-hat" in traces.asked[2][1]
    assert "sampling again by SMC" in caplog.text


def test_named_sampler_is_taken(traces):
    sample("nsi-ee-ud", sampler="nuts")
    assert traces.asked == [("nuts", "as asked")]


SCALED = """
import pymc as pm

from cevns_bayes.physics.cross_sections import vector, weak_charge
from cevns_bayes.scenarios.scenario import Parameter, Scenario


def scaled():
    kappa = pm.Uniform("kappa", 0.0, 3.0)
    return lambda target, flavour: vector(target, kappa * weak_charge(target, 0.23857) ** 2)


SCENARIO = Scenario("Scaled", (Parameter("kappa", "k"),), "nowhere", scaled)
"""


@pytest.mark.parametrize(
    ("old", "new", "differs"),
    [("0.23857", "0.23858", "predictions"), ("3.0", "3.0001", "predictions, priors")],
)
def test_checkpoint_is_not_resumed_with_another_model(tmp_path, monkeypatch, old, new, differs):
    def interrupted(*arguments, **keywords):
        raise KeyboardInterrupt

    monkeypatch.setattr(SMC, "run", interrupted)
    file = tmp_path / "mine.py"
    arguments = {"scenario": file, "sampler": "smc", "checkpoint": tmp_path / "going"}
    file.write_text(SCALED)
    for _ in range(2):  # the same model may go on
        with pytest.raises(KeyboardInterrupt):
            sample(**arguments)
    file.write_text(SCALED.replace(old, new))
    with pytest.raises(InputError, match=f"with other {differs};"):
        sample(**arguments)


def test_negative_signals_are_named_before_sampling(tmp_path, monkeypatch):
    monkeypatch.setattr(NUTS, "run", lambda *_, **__: pytest.fail("sampled"))
    file = tmp_path / "below.py"
    file.write_text(SCALED.replace("0.0, 3.0", "-1.0, 3.0"))
    with pytest.raises(InputError, match=r"below predicts negative counts at \{'kappa': '-0"):
        sample(file)


def test_scenario_that_is_not_a_number_somewhere(tmp_path):
    file = tmp_path / "root.py"
    file.write_text(SCALED.replace("0.0, 3.0", "-1.0, 3.0").replace("kappa *", "kappa**0.5 *"))
    with pytest.raises(InputError, match=r"root predicts what is not a number at \{'kappa': '-0"):
        sample(file)
    with pytest.raises(InputError, match=r"chi\^2 is not a finite number at kappa = -1"):
        profile(file)


def test_parameters_without_an_effect_are_named(csi, caplog):
    def declare():
        pm.Uniform("kappa", 0.0, 1.0)
        return cb.standard_model

    parameters = (cb.Parameter("kappa", "k"),)
    idle = cb.Scenario("Idle", parameters, "nowhere", declare, name="idle")
    try_predictions(Problem.build(idle, [csi]))
    assert caplog.messages == ["No signal of idle depends on its parameters."]


def test_priors_that_are_not_listed_are_named(csi, caplog):
    def declare():
        kappa, hidden = pm.Uniform("kappa", 0.0, 1.0), pm.Normal("hidden", 1.0, 0.1)
        return lambda target, flavour: cb.vector(target, kappa * hidden)

    scenario = cb.Scenario("Half", (cb.Parameter("kappa", "k"),), "nowhere", declare, name="half")
    try_predictions(Problem.build(scenario, [csi]))
    assert caplog.messages == ["half does not list hidden as parameters: they are like nuisances."]
