"""Predictive criteria where they are known exactly: the mean of Gaussian counts."""

import json

import numpy as np
import pytest
import xarray as xr
from scipy import stats

import cevns_bayes as cb
from cevns_bayes.comparison import log_likelihood_by_bin
from cevns_bayes.errors import InputError

COUNTS = stats.norm.ppf((np.arange(30) + 0.5) / 30).reshape(5, 6)
DRAWS = 4000


def posterior(shift=0.0, data="d"):
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
    tree.attrs = {"data_sha256": json.dumps({"x": data}), "data": json.dumps(["x"])}
    return tree


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
    expected = np.log(np.exp(logs).mean(axis=0)) - np.var(logs, axis=0, ddof=1)
    np.testing.assert_allclose(table.waic.sel(model="right"), expected, rtol=1e-10)
    assert float(table.p_waic.sel(model="right")) == pytest.approx(1, abs=0.1)
    error = np.sqrt(len(expected) * np.var(expected))
    assert float(table.se_waic.sel(model="right")) == pytest.approx(error, rel=1e-10)


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


def test_unreliable_bins_are_counted():
    wide = posterior()
    group = wide["log_likelihood"].to_dataset()
    rng = np.random.default_rng(1)
    group["x::counts"][:, :, 0, 0] = -1.5 * rng.exponential(size=(4, DRAWS // 4))
    wide["log_likelihood"] = xr.DataTree(group)
    table = cb.compare({"wide": wide, "right": posterior()}).sel(model="wide")
    assert int(table.unreliable_waic) == 1
    assert int(table.unreliable_loo) == 1


def test_different_data_are_refused():
    with pytest.raises(InputError, match="'a' and 'b' are posteriors of different data"):
        cb.compare({"a": posterior(), "b": posterior(data="other")})


def test_one_posterior_is_refused():
    with pytest.raises(InputError, match="two or more posteriors, got 1"):
        cb.compare({"a": posterior()})
