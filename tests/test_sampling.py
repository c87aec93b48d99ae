import numpy as np
import pytest
import xarray as xr
from scipy import stats

from cevns_bayes import InputError, check_convergence, profile, sample, sampling, summary


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


def test_divergences_are_a_problem(rng):
    problems = check_convergence(tree(rng.normal(size=(4, 1000)), divergences=3)).problems
    assert problems == ["3 divergent transitions"]


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
    low, high = float(row["hdi68_low"]), float(row["hdi68_high"])
    assert gamma.cdf(high) - gamma.cdf(low) == pytest.approx(0.68, abs=0.01)
    assert gamma.pdf(low) == pytest.approx(gamma.pdf(high), rel=0.1)  # highest density


@pytest.mark.parametrize("wrong", [{"draws": 0}, {"chains": 1}, {"tune": 0}, {"draws": 10.5}])
def test_wrong_sampler_settings(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        sample("sm", **wrong)


def test_sampler_is_cancelled_on_interrupt(monkeypatch):
    class Sampler:
        cancelled = False

        def wait(self):
            raise KeyboardInterrupt

        def cancel(self):
            self.cancelled = True

    sampler = Sampler()
    monkeypatch.setattr(sampling.nutpie, "compile_pymc_model", lambda model: model)
    monkeypatch.setattr(sampling.nutpie, "sample", lambda *_, **__: sampler)
    with pytest.raises(KeyboardInterrupt):
        sample("sm")
    assert sampler.cancelled


def test_unknown_sampler():
    with pytest.raises(InputError, match=r"unknown sampler 'metropolis'.*nuts"):
        sample("sm", sampler="metropolis")


def test_uncertain_evidence_is_a_problem(rng):
    uncertain = tree(rng.normal(size=(4, 1000)))
    uncertain.attrs["log_evidence_error"] = 0.5
    assert any("log-evidence" in problem for problem in check_convergence(uncertain).problems)


def test_few_effective_points_are_a_problem(rng):
    weighted = tree(rng.normal(size=(4, 1000)))
    weighted.attrs["effective_size"] = 90.0
    assert check_convergence(weighted).problems == ["effective size 90 is below 400"]


class Traces:
    """Stands in for the samplers: NUTS gives chains in different places, SMC good ones."""

    def __init__(self, rng):
        self.rng, self.asked = rng, []

    def by(self, run, sampler, reason):
        self.asked.append((sampler, reason))
        apart = np.array([[0.0], [0.0], [3.0], [3.0]]) if sampler == "nuts" else 0.0
        return tree(self.rng.normal(size=(4, 1000)) + apart)


@pytest.fixture
def traces(monkeypatch, rng):
    traces = Traces(rng)
    monkeypatch.setattr(sampling.Run, "by", lambda *arguments: traces.by(*arguments))
    return traces


def test_auto_takes_smc_for_degenerate_scenarios(traces):
    sample("nsi-ee-ud")
    assert traces.asked == [("smc", "the scenario is declared degenerate")]


def test_auto_falls_back_and_says_so(traces, caplog):
    sample("weak-mixing-angle")
    assert [sampler for sampler, _ in traces.asked] == ["nuts", "smc"]
    assert "NUTS did not converge (R-hat" in traces.asked[1][1]
    assert "sampling again by SMC" in caplog.text


def test_named_sampler_is_taken(traces):
    sample("nsi-ee-ud", sampler="nuts")
    assert traces.asked == [("nuts", "as asked")]


SCALED = """
import pymc as pm

from cevns_bayes.cross_sections import vector, weak_charge
from cevns_bayes.scenario import Parameter, Scenario


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

    monkeypatch.setitem(sampling._SAMPLERS, "smc", interrupted)
    file = tmp_path / "mine.py"
    arguments = {"scenario": file, "sampler": "smc", "checkpoint": tmp_path / "going"}
    file.write_text(SCALED)
    for _ in range(2):  # the same model may go on
        with pytest.raises(KeyboardInterrupt):
            sample(**arguments)
    file.write_text(SCALED.replace(old, new))
    with pytest.raises(InputError, match=f"with other {differs};"):
        sample(**arguments)


def test_scenario_that_is_not_a_number_somewhere(tmp_path):
    file = tmp_path / "root.py"
    file.write_text(SCALED.replace("0.0, 3.0", "-1.0, 3.0").replace("kappa *", "kappa**0.5 *"))
    with pytest.raises(InputError, match=r"root predicts what is not a number at \{'kappa': '-0"):
        sample(file)
    with pytest.raises(InputError, match=r"chi\^2 is not a finite number at kappa = -1"):
        profile(file)
