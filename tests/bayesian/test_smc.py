"""Sequential Monte Carlo and nested sampling on a density with known answers."""

import math

import h5py
import numpy as np
import pymc as pm
import pytest
import xarray as xr
from scipy import stats

from cevns_bayes import InputError
from cevns_bayes.bayesian.samplers import SMC, Nested
from cevns_bayes.bayesian.samplers.checkpoint import IDENTITY_FILE, open_checkpoint
from cevns_bayes.bayesian.samplers.nested import resampled
from cevns_bayes.bayesian.samplers.smc import evidence
from cevns_bayes.engine.problem import Problem

WEIGHT, NARROW, WIDE = 0.25, 0.05, 0.2
QUIET = {"seed": 5, "progressbar": False}


def of(model):
    """A problem of which samplers see the model only."""
    return Problem(scenario=None, experiments=[], model=model, components={})


def log_density(value, x, y):
    narrow = pm.logp(pm.Normal.dist(-3.0, NARROW), x) + math.log(WEIGHT)
    wide = pm.logp(pm.Normal.dist(3.0, WIDE), x) + math.log(1 - WEIGHT)
    return pm.math.logaddexp(narrow, wide) + pm.logp(pm.Normal.dist(0.0, 1.0), y) + 0.0 * value


@pytest.fixture(scope="module")
def two_modes():
    """Modes at x = -3 (weight 0.25) and 3; log-evidence -ln 20 for each of two uniform priors."""
    with pm.Model() as model:
        x, y = pm.Uniform("x", -10.0, 10.0), pm.Uniform("y", -10.0, 10.0)
        pm.CustomDist("observed", x, y, logp=log_density, observed=0.0)
        pm.Deterministic("sum", x + y)
    return model


def check(tree, tolerance=0.04):
    x, y = tree["posterior"]["x"], tree["posterior"]["y"]
    assert float((x < 0).mean()) == pytest.approx(WEIGHT, abs=tolerance)
    assert float(x.where(x < 0).std()) == pytest.approx(NARROW, rel=0.15)
    assert float(x.where(x > 0).std()) == pytest.approx(WIDE, rel=0.1)
    assert stats.kstest(y.to_numpy().ravel()[::5], "norm").pvalue > 1e-3
    assert tree.attrs["log_evidence"] == pytest.approx(-2 * np.log(20), abs=0.15)
    assert tree.attrs["log_evidence_error"] < 0.15
    np.testing.assert_allclose(tree["posterior"]["sum"], x + y, rtol=1e-12)


def test_smc_weighs_disconnected_modes(two_modes):
    check(SMC(particles=4000, chains=2).run(of(two_modes), **QUIET))


@pytest.mark.slow
def test_nested_sampling_weighs_disconnected_modes(two_modes):
    tree = Nested(live_points=1000, draws=2000, chains=2).run(of(two_modes), **QUIET)
    check(tree)
    assert tree.attrs["effective_size"] > 4000


def test_nested_sampling_needs_quantile_functions():
    with pm.Model() as model:
        pm.VonMises("angle", 0.0, 1.0)
        pm.Normal("x")
    with pytest.raises(InputError, match="prior of angle has no quantile function"):
        Nested(live_points=100, draws=10, chains=2).run(of(model), **QUIET)


def test_nested_sampling_refuses_what_is_not_a_number():
    with pm.Model() as model:
        x, y = pm.Uniform("x", -1.0, 1.0), pm.Normal("y")
        pm.CustomDist("observed", x, y, logp=lambda v, x, y: pm.math.log(x) + y + v, observed=0.0)
    with pytest.raises(InputError, match=r"not a number at \{'x': -0"):
        Nested(live_points=100, draws=10, chains=2).run(of(model), **QUIET)


def test_nested_sampling_needs_two_variables():
    with pm.Model() as model:
        pm.Normal("x")
    with pytest.raises(InputError, match=r"two free variables, got 1 \(x\); use laplace or smc"):
        Nested().run(of(model), **QUIET)


@pytest.mark.parametrize("cut", [True, False])
def test_a_damaged_state_of_nested_sampling_is_named(two_modes, tmp_path, cut):
    checkpoint = open_checkpoint(tmp_path, {})
    path = tmp_path / "nautilus.h5"
    with h5py.File(path, "w") as file:
        file["something"] = np.zeros(1000)
    if cut:
        path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(
        InputError, match=r"nautilus.h5 is damaged or in use; remove it to start anew$"
    ):
        Nested().run(of(two_modes), checkpoint=checkpoint, **QUIET)


def test_resampling_keeps_the_weights():
    points = np.arange(4.0)[:, None]
    drawn = resampled(points, np.log([0.1, 0.2, 0.3, 0.4]), 1000, seed=1)
    assert np.unique(drawn, return_counts=True)[1].tolist() == [100, 200, 300, 400]


def test_evidence_of_several_runs():
    runs = np.log([1.0, 2.0, 3.0]) - 1000
    joined = evidence(runs, runs)
    assert joined["log_evidence"] == pytest.approx(np.log(2) - 1000)
    assert joined["log_evidence_error"] == pytest.approx(0.5 / np.sqrt(3))


def test_the_error_of_the_evidence_covers_what_all_chains_share():
    joined = evidence(np.full(3, -1000.0), np.full(3, -1000.2))
    assert joined == {"log_evidence": -1000.0, "log_evidence_error": pytest.approx(0.2)}


def test_interrupted_smc_goes_on(two_modes, tmp_path, monkeypatch):
    sampler = SMC(particles=200, chains=2)
    whole = sampler.run(of(two_modes), **QUIET)
    checkpoint = open_checkpoint(tmp_path / "run", {"seed": 5})
    sample_smc, calls = pm.sample_smc, []

    def second_is_interrupted(*arguments, **keywords):
        calls.append(keywords["random_seed"])
        if len(calls) == 2:
            raise KeyboardInterrupt
        return sample_smc(*arguments, **keywords)

    monkeypatch.setattr(pm, "sample_smc", second_is_interrupted)
    with pytest.raises(KeyboardInterrupt):
        sampler.run(of(two_modes), checkpoint=checkpoint, **QUIET)
    again = open_checkpoint(tmp_path / "run", {"seed": 5})
    resumed = sampler.run(of(two_modes), checkpoint=again, **QUIET)
    assert len(calls) == 5  # two chains and two of half size; the first was not run again
    xr.testing.assert_equal(resumed["posterior"].to_dataset(), whole["posterior"].to_dataset())
    assert resumed.attrs == whole.attrs


@pytest.mark.parametrize("link", ["__cause__", "__context__"])
def test_an_interrupt_of_compiled_code_is_an_interrupt(two_modes, monkeypatch, link):
    def interrupted(*_, **__):
        error = SystemError("CPUDispatcher returned a result with an exception set")
        setattr(error, link, KeyboardInterrupt())
        raise error

    monkeypatch.setattr(pm, "sample_smc", interrupted)
    with pytest.raises(KeyboardInterrupt):
        SMC(particles=100).run(of(two_modes), **QUIET)


def test_other_errors_of_compiled_code_remain(two_modes, monkeypatch):
    def broken(*_, **__):
        raise SystemError("something else") from ValueError("a reason")

    monkeypatch.setattr(pm, "sample_smc", broken)
    with pytest.raises(SystemError, match="something else"):
        SMC(particles=100).run(of(two_modes), **QUIET)


@pytest.mark.slow
def test_stopped_nested_sampling_goes_on(two_modes, tmp_path, monkeypatch):
    sampler = Nested(live_points=200, draws=200, chains=2)
    whole = sampler.run(of(two_modes), **QUIET)
    checkpoint = open_checkpoint(tmp_path / "run", {})
    with monkeypatch.context() as patch:
        patch.setattr("nautilus.Sampler.add_bound", stop_at(5))
        with pytest.raises(KeyboardInterrupt):
            sampler.run(of(two_modes), checkpoint=checkpoint, **QUIET)
    resumed = sampler.run(of(two_modes), checkpoint=checkpoint, **QUIET)
    assert resumed.attrs == whole.attrs
    xr.testing.assert_equal(resumed["posterior"].to_dataset(), whole["posterior"].to_dataset())


def stop_at(number):
    from nautilus import Sampler

    add_bound, calls = Sampler.add_bound, []

    def counted(self, *arguments, **keywords):
        calls.append(1)
        if len(calls) == number:
            raise KeyboardInterrupt
        return add_bound(self, *arguments, **keywords)

    return counted


@pytest.mark.parametrize("content", [b"", b"[]", b'{"seed": 6}', b"\xff\xfe\x00"])
def test_checkpoint_of_another_run(tmp_path, content):
    (tmp_path / IDENTITY_FILE).write_bytes(content)
    with pytest.raises(InputError, match=r"corrupt|another run, with other seed"):
        open_checkpoint(tmp_path, {"seed": 5})


def test_checkpoint_does_not_take_a_folder_of_something_else(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(InputError, match="not a checkpoint"):
        open_checkpoint(tmp_path, {})
    with pytest.raises(InputError, match="not a checkpoint"):
        open_checkpoint(tmp_path / "thesis.tex", {})


def test_corrupt_chain(tmp_path):
    checkpoint = open_checkpoint(tmp_path, {})
    (tmp_path / "chain-0.nc").write_text("half")
    with pytest.raises(InputError, match=r"chain-0.nc is damaged or not a netCDF file; remove it"):
        checkpoint.load_or_compute("chain-0", xr.DataTree)
