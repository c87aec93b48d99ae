"""Comparison of scenarios by how well they predict the counts: PSIS-LOO and WAIC, over bins."""

import warnings
from collections.abc import Mapping

import arviz as az
import numpy as np
import xarray as xr
from scipy.special import logsumexp

from cevns_bayes.errors import InputError

GREATEST_PARETO_K = 0.7  # above, LOO of the bin is not reliable: Vehtari et al., arXiv:1507.02646
GREATEST_WAIC_VARIANCE = 0.4  # the same for WAIC; there, Sec. 2.2


def compare(posteriors: Mapping[str, xr.DataTree]) -> xr.Dataset:
    """Expected log predictive density of each posterior, the best first.

    Parameters
    ----------
    posteriors
        Name -> result of :func:`cevns_bayes.sample`, all on the same data.

    Returns
    -------
    xarray.Dataset
        Over ``model``: ``elpd_loo`` with ``se_loo`` and ``p_loo`` (effective parameters);
        ``difference`` to the best and ``se_difference``, from the pairs of bins;
        ``unreliable_loo``, the number of bins with Pareto k above 0.7; ``elpd_waic``, ``se_waic``,
        ``p_waic``, and ``unreliable_waic``, bins whose log-likelihood has a variance above 0.4.
        Over ``model`` and ``bin``: ``loo``, ``waic`` and ``pareto_k`` of each bin.
        Sums over bins are natural logarithms, not multiplied by -2.

    Raises
    ------
    InputError
        Fewer than two posteriors, or posteriors of different data.
    """
    if len(posteriors) < 2:
        raise InputError(f"compare needs two or more posteriors, got {len(posteriors)}")
    _check_same_data(posteriors)
    rows = [_criteria(tree).expand_dims(model=[name]) for name, tree in posteriors.items()]
    table = xr.concat(rows, "model", join="exact")
    table = table.isel(model=np.argsort(-table["elpd_loo"].to_numpy(), kind="stable"))
    by_bin = table["loo"] - table["loo"].isel(model=0)
    table["difference"] = by_bin.sum("bin")
    table["se_difference"] = _error_of_sum(by_bin)
    return table


def _check_same_data(posteriors: Mapping[str, xr.DataTree]) -> None:
    first, *others = posteriors
    for name in others:
        if posteriors[name].attrs["data_sha256"] != posteriors[first].attrs["data_sha256"]:
            raise InputError(
                f"'{first}' and '{name}' are posteriors of different data: "
                f"{posteriors[first].attrs['data']} and {posteriors[name].attrs['data']}, which "
                "must be the same experiments in the same bins with the same statistic"
            )


def log_likelihood_by_bin(posterior: xr.DataTree) -> xr.DataArray:
    """Log-likelihood of all bins of all experiments, dims chain, draw, bin."""
    counts = posterior["log_likelihood"].to_dataset().data_vars.values()
    flat = [
        array.stack(bin=[d for d in array.dims if d not in ("chain", "draw")], create_index=False)
        for array in counts
    ]
    bins = [
        array.drop_vars([c for c in array.coords if c not in ("chain", "draw")]) for array in flat
    ]
    return xr.concat(bins, "bin").transpose("chain", "draw", "bin").rename("log_likelihood")


def _criteria(posterior: xr.DataTree) -> xr.Dataset:
    by_bin = log_likelihood_by_bin(posterior)
    tree = xr.DataTree.from_dict(
        {
            "posterior": posterior["posterior"].to_dataset(),
            "log_likelihood": by_bin.to_dataset(name="counts"),
        }
    )
    with warnings.catch_warnings():  # of large Pareto k, which the table counts
        warnings.filterwarnings("ignore", "Estimated shape parameter of Pareto", UserWarning)
        loo = az.loo(tree, var_name="counts", pointwise=True)
    pareto_k = loo.pareto_k.to_numpy()
    density, variance = _waic_by_bin(by_bin)
    waic = density - variance
    return xr.Dataset(
        {
            "elpd_loo": float(loo.elpd),
            "se_loo": float(loo.se),
            "p_loo": float(loo.p),
            "unreliable_loo": int((~(pareto_k <= GREATEST_PARETO_K)).sum()),
            "elpd_waic": float(waic.sum()),
            "se_waic": float(_error_of_sum(waic)),
            "p_waic": float(variance.sum()),
            "unreliable_waic": int((variance > GREATEST_WAIC_VARIANCE).sum()),
            "loo": ("bin", loo.elpd_i.to_numpy()),
            "waic": waic,
            "pareto_k": ("bin", pareto_k),
        }
    )


def _waic_by_bin(by_bin: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Log predictive density and its penalty (Gelman et al., arXiv:1307.5928, Eqs. 5 and 12)."""
    draws = by_bin.sizes["chain"] * by_bin.sizes["draw"]
    density = by_bin.reduce(logsumexp, ("chain", "draw")) - np.log(draws)
    return density, by_bin.var(("chain", "draw"), ddof=1)


def _error_of_sum(by_bin: xr.DataArray) -> xr.DataArray:
    """Standard error of a sum over bins from their scatter."""
    return (by_bin.sizes["bin"] * by_bin.var("bin")) ** 0.5
