"""Predictive criteria where they are known exactly: the mean of Gaussian counts; refits."""

import json
from pathlib import Path

import arviz as az
import numpy as np
import nutpie
import pymc as pm
import pytest
import xarray as xr
from click.testing import CliRunner
from scipy import optimize, stats

import cevns_bayes as cb
from cevns_bayes.bayesian.comparison import log_likelihood_by_bin, scores_of_point
from cevns_bayes.cli import cli
from cevns_bayes.engine.problem import Problem
from cevns_bayes.errors import InputError
from cevns_bayes.report.folder import POSTERIOR_FILE

COUNTS = stats.norm.ppf((np.arange(30) + 0.5) / 30).reshape(5, 6)
DRAWS = 4000


def posterior(shift=0.0, data="d", **attrs):
    """Of the mean under a flat prior; ``shift`` moves the prediction, not the fit."""
    rng = np.random.default_rng(3)
    mean = rng.normal(COUNTS.mean(), 1 / np.sqrt(COUNTS.size), size=(4, DRAWS // 4))
    log_likelihood = stats.norm.logpdf(COUNTS, mean[:, :, None, None] + shift, 1)
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset({"mean": (("chain", "draw"), mean)}),
            "log_likelihood": xr.Dataset(
                {"x::counts": (("chain", "draw", "x::energy", "x::time"), log_likelihood)},
                coords={"x::energy": np.arange(5), "x::time": np.arange(6)},
            ),
        }
    )
    tree.attrs = {"data_sha256": json.dumps({"x": data}), "data": json.dumps(["x"])} | attrs
    return tree


def functional_variance_criterion(logs):
    """WAIC of Watanabe, arXiv:1004.2316, per observation and times -n: from ``logs``, [draw][bin].

    There, T + V/n with the training loss T and the functional variance V, a sum over observations
    of E[(ln p)^2] - E[ln p]^2; unbiased here, as the draws are few. Written as plain loops.
    """
    terms = []
    for column in zip(*logs, strict=True):
        draws = len(column)
        predictive = sum(np.exp(value) for value in column) / draws
        first = sum(column) / draws
        second = sum(value * value for value in column) / draws
        terms.append(np.log(predictive) - (second - first**2) * draws / (draws - 1))
    return terms


def exact_leave_one_out():
    """Each bin under the posterior predictive of the others."""
    n, total = COUNTS.size, COUNTS.sum()
    others = (total - COUNTS) / (n - 1)
    return stats.norm.logpdf(COUNTS, others, np.sqrt(1 + 1 / (n - 1))).ravel()


@pytest.fixture(scope="module")
def table():
    return cb.compare({"worse": posterior(shift=0.5), "right": posterior()})


def test_loo_is_that_of_refits_without_each_bin(table):
    exact = exact_leave_one_out()
    np.testing.assert_allclose(table.loo.sel(model="right"), exact, atol=0.01)
    assert float(table.elpd_loo.sel(model="right")) == pytest.approx(exact.sum(), abs=0.02)
    assert float(table.p_loo.sel(model="right")) == pytest.approx(1, abs=0.1)  # one parameter
    assert float(table.unreliable_loo.max()) == 0


def test_waic_is_its_formula(table):
    logs = log_likelihood_by_bin(posterior()).to_numpy().reshape(-1, COUNTS.size)
    expected = functional_variance_criterion(logs)
    np.testing.assert_allclose(table.waic.sel(model="right"), expected, rtol=1e-9)
    error = np.sqrt(len(expected) * np.var(expected))
    assert float(table.se_waic.sel(model="right")) == pytest.approx(error, rel=1e-9)


def test_waic_of_random_log_likelihoods_is_its_formula():
    rng = np.random.default_rng(20100414)
    tree = posterior()
    group = tree["log_likelihood"].to_dataset()
    logs = rng.gamma(rng.uniform(0.1, 3, size=(5, 6)), size=(4, DRAWS // 4, 5, 6))
    group["x::counts"] = group["x::counts"].copy(data=-logs)
    tree["log_likelihood"] = xr.DataTree(group)
    row = cb.compare({"random": tree, "right": posterior()}).sel(model="random")
    expected = functional_variance_criterion(-logs.reshape(DRAWS, 30))
    np.testing.assert_allclose(row.waic, expected, rtol=1e-9)
    assert float(row.elpd_waic) == pytest.approx(sum(expected))
    assert float(row.p_waic) == pytest.approx(float(row.waic_variance.sum()))


def test_waic_of_a_gaussian_mean_is_the_exact_one(table):
    # mean ~ N(average, 1/n): ln p = const - (d - e)^2/2 with d = y - average, Var(e) = 1/n
    n, average = COUNTS.size, COUNTS.mean()
    variance = (COUNTS - average) ** 2 / n + 1 / (2 * n**2)
    exact = stats.norm.logpdf(COUNTS, average, np.sqrt(1 + 1 / n)) - variance
    row = table.sel(model="right")
    # a variance from independent draws is good to sqrt(kurtosis/draws), the kurtosis at most 15
    np.testing.assert_allclose(row.waic_variance, variance.ravel(), rtol=4 * np.sqrt(15 / DRAWS))
    errors = np.sqrt(variance.ravel() / DRAWS) + variance.ravel() * np.sqrt(15 / DRAWS)
    assert (abs(row.waic - exact.ravel()) < 4 * errors).all()
    assert float(row.p_waic) == pytest.approx(variance.sum(), rel=4 * np.sqrt(2 / DRAWS))


def test_the_best_comes_first_and_differences_are_of_pairs(table):
    assert table.model.values.tolist() == ["right", "worse"]
    assert float(table.difference[0]) == float(table.se_difference[0]) == 0
    pairs = (table.loo.sel(model="worse") - table.loo.sel(model="right")).to_numpy()
    assert float(table.difference[1]) == pytest.approx(pairs.sum())
    assert float(table.difference[1]) == pytest.approx(-30 * 0.5**2 / 2, abs=0.3)
    assert float(table.se_difference[1]) == pytest.approx(np.sqrt(30 * pairs.var()), rel=1e-9)


def test_bins_of_several_experiments_are_concatenated():
    tree = posterior()
    group = tree["log_likelihood"].to_dataset()
    group["y::counts"] = group["x::counts"].isel({"x::time": 0}).rename({"x::energy": "y::energy"})
    tree["log_likelihood"] = xr.DataTree(group)
    assert log_likelihood_by_bin(tree).sizes == {"chain": 4, "draw": DRAWS // 4, "bin": 35}


def test_experiments_in_another_order_are_the_same_data():
    trees = {}
    for name, order in {"one": ["x", "y"], "other": ["y", "x"]}.items():
        tree = posterior()
        group = tree["log_likelihood"].to_dataset()
        y = group["x::counts"].isel({"x::time": 0}).rename({"x::energy": "y::energy"}) - 1
        by_name = {"x": group["x::counts"], "y": y}
        tree["log_likelihood"] = xr.DataTree(
            xr.Dataset({f"{experiment}::counts": by_name[experiment] for experiment in order})
        )
        tree.attrs["data_sha256"] = json.dumps(dict.fromkeys(order, "d"))
        trees[name] = tree
    table = cb.compare(trees)
    assert (table.loo.sel(model="one") == table.loo.sel(model="other")).all()


def test_weights_are_those_of_the_best_mixture(table):
    # the mixture q p_right + (1 - q) p_worse that makes the bins left out most likely
    right, worse = (np.exp(table.loo.sel(model=name)) for name in ("right", "worse"))
    best = optimize.minimize_scalar(
        lambda q: -float(np.log(q * right + (1 - q) * worse).sum()), (0, 1), bounds=(0, 1)
    )
    assert 0.5 < best.x < 1
    assert table.weight.values == pytest.approx([best.x, 1 - best.x], abs=1e-3)


def test_bayes_factors_are_against_the_best_that_has_an_evidence():
    none = cb.compare({"a": posterior(), "b": posterior(shift=0.5)})
    assert none.log_bayes_factor.isnull().all()
    assert none.log_bayes_factor_error.isnull().all()
    table = cb.compare(
        {
            "worst": posterior(shift=0.9, log_evidence=-44.0, log_evidence_error=0.4),
            "worse": posterior(shift=0.5, log_evidence=-50.0, log_evidence_error=0.3),
            "best": posterior(),
        }
    )
    assert table.model.values.tolist() == ["best", "worse", "worst"]
    np.testing.assert_allclose(table.log_evidence, [np.nan, -50, -44])
    np.testing.assert_allclose(table.log_evidence_error, [np.nan, 0.3, 0.4])
    np.testing.assert_allclose(table.log_bayes_factor, [np.nan, 0, 6])
    np.testing.assert_allclose(table.log_bayes_factor_error, [np.nan, 0, 0.5])


def test_unreliable_bins_are_counted():
    wide = posterior()
    group = wide["log_likelihood"].to_dataset()
    rng = np.random.default_rng(1)
    group["x::counts"][:, :, 0, 0] = -1.5 * rng.exponential(size=(4, DRAWS // 4))
    wide["log_likelihood"] = xr.DataTree(group)
    table = cb.compare({"wide": wide, "right": posterior()}).sel(model="wide")
    assert int(table.unreliable_waic) == 1
    assert float(table.waic_variance[0]) > 0.4 > float(table.waic_variance[1:].max())
    assert int(table.unreliable_loo) == 1


def with_first_bin(log_likelihood):
    tree = posterior()
    group = tree["log_likelihood"].to_dataset()
    group["x::counts"][:, :, 0, 0] = log_likelihood
    tree["log_likelihood"] = xr.DataTree(group)
    return tree


def test_loo_of_bins_is_that_of_arviz():
    tree = posterior()
    theirs = az.loo(tree, var_name="x::counts", pointwise=True)
    ours = cb.compare({"one": tree, "two": tree}).isel(model=0)
    np.testing.assert_allclose(ours.loo, theirs.elpd_i.values.ravel(), rtol=1e-12)
    np.testing.assert_allclose(ours.pareto_k, theirs.pareto_k.values.ravel(), rtol=1e-12)


def test_loo_of_a_bin_that_nothing_moves_is_its_log_likelihood():
    still = with_first_bin(-1.25)
    row = cb.compare({"still": still, "right": posterior()}).sel(model="still")
    assert float(row.loo[0]) == pytest.approx(-1.25, rel=1e-12)
    assert float(row.waic[0]) == pytest.approx(-1.25, rel=1e-12)
    assert float(row.pareto_k[0]) == -np.inf
    assert int(row.unreliable_loo) == 0
    figure = cb.plot_pareto_k(row.expand_dims("model"))
    assert "still (1 bin without $k$)" in {line.get_label() for line in figure.axes[0].lines}


def test_a_flat_tail_is_bounded():
    rng = np.random.default_rng(4)
    logs = np.maximum(-rng.exponential(size=(4, DRAWS // 4)), -1.0)  # a third of them -1
    table = cb.compare({"flat": with_first_bin(logs), "right": posterior()}).sel(model="flat")
    assert float(table.loo[0]) == pytest.approx(-np.log(np.exp(-logs).mean()))
    assert float(table.pareto_k[0]) == -np.inf
    assert int(table.unreliable_loo) == 0


@pytest.mark.parametrize("names", ["ab", "ba"])
def test_too_few_draws_have_no_loo(names, caplog):
    few = posterior().isel(draw=slice(6))
    trees = {"a": few, "b": posterior()}
    table = cb.compare({name: trees[name] for name in names})
    assert "LOO of 'a' needs 25 draws or more." in caplog.messages
    assert table.model.values.tolist() == ["b", "a"]
    assert float(table.elpd_loo[0]) < 0
    assert int(table.unreliable_loo.sel(model="a")) == COUNTS.size
    row = table.sel(model="a")
    for name in ("elpd_loo", "se_loo", "p_loo", "difference", "se_difference", "weight"):
        assert np.isnan(row[name]), name
    assert np.isfinite(row.elpd_waic)
    assert cb.compare({"a": few, "c": few})["difference"].isnull().all()


def test_a_model_with_nothing_free_is_a_point(csi):
    held = {f"csi::{nuisance.name}": 0.0 for nuisance in csi.nuisances}
    found = scores_of_point(Problem.build("sm", [csi], fixed=held))
    mu = cb.predict("sm", {}, csi)["total"].to_numpy()
    exact = stats.poisson.logpmf(csi.counts, mu).ravel()
    for name in ("loo", "waic"):
        np.testing.assert_allclose(found.row[name], exact, rtol=1e-9)
        assert float(found.row[f"p_{name}"]) == pytest.approx(0.0, abs=1e-9)
        assert int(found.row[f"unreliable_{name}"]) == 0
    assert float(found.row.log_evidence) == pytest.approx(exact.sum())
    assert float(found.row.log_evidence_error) == 0
    assert not found.problems


def test_different_data_are_refused():
    with pytest.raises(InputError, match="'a' and 'b' are posteriors of different data"):
        cb.compare({"a": posterior(), "b": posterior(data="other")})


def test_likelihoods_that_are_no_numbers_are_refused():
    wrong = posterior()
    group = wrong["log_likelihood"].to_dataset()
    group["x::counts"][0, 3, 2, 1] = np.nan
    wrong["log_likelihood"] = xr.DataTree(group)
    with pytest.raises(InputError, match=r"log-likelihood of 'a' is not finite in 1 bin$"):
        cb.compare({"a": wrong, "b": posterior()})


@pytest.mark.parametrize("missing", ["data_sha256", "log_likelihood"])
def test_something_else_is_refused(missing):
    other = posterior()
    other.attrs.pop(missing, None)
    if missing in other.children:
        del other[missing]
    with pytest.raises(InputError, match=f"'b' is not one of cevns-bayes: it has no {missing}"):
        cb.compare({"a": posterior(), "b": other})
    with pytest.raises(InputError, match="'b' must be a result of sample, got str"):
        cb.compare({"a": posterior(), "b": "results/b"})


def test_posteriors_that_did_not_converge_are_warned_of_once(caplog, tmp_path):
    apart = posterior()
    group = apart["posterior"].to_dataset()
    group["mean"] = group["mean"] + xr.DataArray([0, 0, 3, 3], dims="chain")
    apart["posterior"] = xr.DataTree(group)
    table = cb.compare({"apart": apart, "good": posterior()})
    (warning,) = caplog.messages
    (problem,) = json.loads(table.attrs["problems"]).items()
    assert "'{}' has not converged: {}.".format(*problem) == warning
    assert warning.startswith("'apart' has not converged: R-hat")
    folders = [tmp_path / "apart", tmp_path / "good"]
    for folder, tree in zip(folders, (apart, posterior()), strict=True):
        folder.mkdir()
        tree.to_netcdf(folder / POSTERIOR_FILE)
    told = CliRunner().invoke(cli, ["compare", *map(str, folders)])
    assert "converged" not in told.output.lower()  # but in the log
    assert caplog.messages == [warning] * 2


def test_posteriors_of_two_versions_are_warned_of(caplog):
    old = posterior(versions=json.dumps({"cevns-bayes": "0.0.1"}))
    new = posterior(versions=json.dumps({"cevns-bayes": "0.1.0"}))
    cb.compare({"new": new, "same": new})
    assert not caplog.messages
    cb.compare({"old": old, "new": new})
    (warning,) = caplog.messages
    assert warning.endswith("different versions of cevns-bayes: 'old' 0.0.1, 'new' 0.1.0.")


def test_one_posterior_is_refused():
    with pytest.raises(InputError, match="two or more posteriors, got 1"):
        cb.compare({"a": posterior()})


def test_command_names_folders_as_far_as_needed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder, shift in (("a/one", 0.0), ("b/one", 0.5), ("b/two", 0.5)):
        Path(folder).mkdir(parents=True)
        posterior(shift).to_netcdf(Path(folder) / POSTERIOR_FILE)
    told_apart = CliRunner().invoke(cli, ["compare", "a/one", "b/two"])
    assert [line.split()[0] for line in told_apart.output.splitlines()[1:3]] == ["one", "two"]
    alike = CliRunner().invoke(cli, ["compare", "a/one", "b/one"])
    assert [line.split()[0] for line in alike.output.splitlines()[1:3]] == ["a/one", "b/one"]
    twice = CliRunner().invoke(cli, ["compare", "a/one", "a/one"])
    assert "names a folder twice: a/one, a/one" in str(twice.exception)


@pytest.fixture(scope="module")
def refit():
    """Bin -> posterior of the expected count there without that bin, sampled: chain, draw."""
    model = cb.build_model("weak-mixing-angle", data=["csi"])
    with model:
        observed = model.rvs_to_values[model["csi::counts"]]
        shape = observed.data.shape
        left_out = pm.Data("left_out", np.zeros(shape))
        log_likelihood = pm.logp(model["csi::counts"], observed)
        pm.Potential("minus", -(left_out * log_likelihood).sum())
    compiled = nutpie.compile_pymc_model(model)

    def sample(index):
        mask = np.zeros(shape)
        mask.flat[index] = 1
        trace = nutpie.sample(
            compiled.with_data(left_out=mask), seed=int(index), chains=4, progress_bar=False
        )
        assert int(trace["sample_stats"].diverging.sum()) == 0
        expected = trace["posterior"]["csi::expected"]
        return expected.stack(bin=expected.dims[2:], create_index=False).isel(bin=index)

    return sample


@pytest.mark.slow
def test_loo_of_csi_is_that_of_refits_without_each_bin(weak_mixing_angle_posterior, refit):
    tree = weak_mixing_angle_posterior
    table = cb.compare({"one": tree, "the same": tree}).sel(model="one")
    likelihood = np.exp(log_likelihood_by_bin(tree))
    penalty = np.log(likelihood.mean(("chain", "draw"))) - table.loo
    by_k, by_penalty = np.argsort(table.pareto_k.values), np.argsort(penalty.values)
    chosen = {*by_k[:4], *by_k[-4:], *by_penalty[-6:]}  # what matters little and most to the fit
    assert len(chosen) >= 10
    told_apart = 0
    for index in sorted(chosen):
        count = int(tree["observed_data"]["csi::counts"].values.flat[index])
        expected = refit(index)
        refitted = expected.copy(data=stats.poisson.pmf(count, expected))
        exact = float(np.log(refitted.mean()))
        weights = 1 / likelihood.isel(bin=index)  # of importance sampling, 1/mean(1/p)
        error = np.hypot(
            float(az.mcse(refitted) / refitted.mean()), float(az.mcse(weights) / weights.mean())
        )
        assert abs(float(table.loo[index]) - exact) < 4 * error, index
        told_apart += float(penalty[index]) > 8 * error
    assert told_apart >= 6  # bins in which leaving out nothing would have failed
