"""Comparison of scenarios: how well they predict the counts, by bins, and their evidence.

The expected log predictive density of a bin left out, by PSIS-LOO (Vehtari, Gelman, Gabry,
arXiv:1507.04544) and by WAIC (Watanabe, arXiv:1004.2316), hardly depends on the priors. The
evidence does: a prior ten times as wide lowers it by up to a factor of ten.
"""

import json
import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import arviz as az
import numpy as np
import xarray as xr
from scipy.special import logsumexp

from cevns_bayes.bayesian.diagnostics import MAX_PARETO_K, check_convergence, pareto_smoothed
from cevns_bayes.bayesian.power_scaling import ROUNDING, SAMPLE_DIMS
from cevns_bayes.bayesian.provenance import provenance, require
from cevns_bayes.compiling import AS_WRITTEN
from cevns_bayes.engine.problem import Problem
from cevns_bayes.errors import InputError, counted

# WAIC of a bin above this variance is not reliable: Vehtari, Gelman, Gabry, arXiv:1507.04544.
MAX_WAIC_VARIANCE = 0.4
MIN_DRAWS = 25  # A fifth of them is the tail of the weights of LOO, whose shape needs five.

_log = logging.getLogger(__name__)


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
        ``difference`` to the best and ``se_difference``, from the pairs of bins; ``weight``, that
        of the model in the mixture which predicts the bins best (stacking, arXiv:1704.02030);
        ``unreliable_loo``, the number of bins with Pareto k above 0.7, and all of
        LOO is NaN with fewer than 25 draws; ``elpd_waic``, ``se_waic``,
        ``p_waic``, and ``unreliable_waic``, bins whose log-likelihood has a variance above 0.4:
        with any, WAIC is not to be trusted, LOO may be.
        ``log_evidence`` and ``log_evidence_error`` (NaN where the sampler gives none, as NUTS);
        ``log_bayes_factor`` and its error, against the first model that has an evidence, which is
        the best by LOO unless that one was sampled by NUTS.
        Over ``model`` and ``bin``: ``loo``, ``waic``, ``pareto_k``, -inf where nothing moves the
        bin, and ``waic_variance``. All are natural logarithms, not multiplied by -2.
        attrs: ``problems``, JSON of model -> why its posterior has not converged.

    Raises
    ------
    InputError
        Fewer than two posteriors, posteriors of different data or of something else, or
        likelihoods that are not finite. Posteriors that have not converged are warned of.

    Examples
    --------
    >>> names = ["sm", "weak-mixing-angle"]
    >>> table = cb.compare({name: cb.sample(name) for name in names})  # doctest: +SKIP
    >>> table["difference"].round(1).values  # doctest: +SKIP
    array([ 0. , -0.4])
    """
    if len(posteriors) < 2:
        raise InputError(f"compare needs two or more posteriors, got {len(posteriors)}")
    for name, tree in posteriors.items():
        require(tree, ["posterior", "log_likelihood"], ["data", "data_sha256"], f"'{name}'")
    _check_same_data({name: tree.attrs for name, tree in posteriors.items()})
    return ranked({name: scores(name, tree) for name, tree in posteriors.items()})


@dataclass(frozen=True)
class Scores:
    """How well a posterior with these ``attrs`` predicts the bins: its row of :func:`compare`.

    ``problems`` is why it has not converged.
    """

    attrs: Mapping[Any, Any]
    loo: az.ELPDData
    row: xr.Dataset
    problems: str = ""


def scores(name: str, posterior: xr.DataTree) -> Scores:
    """Those of one posterior, for :func:`ranked`; ``name`` is for warnings."""
    by_bin = log_likelihood_by_bin(posterior)
    _check_usable(name, by_bin)
    problems = "; ".join(check_convergence(posterior).problems)
    if problems:
        _log.warning("'%s' has not converged: %s.", name, problems)
    draws = posterior["posterior"].to_dataset().sel(draw=by_bin["draw"])
    found = _scored(posterior.attrs, by_bin, _relative_size(draws))
    if np.isnan(found.loo.elpd):
        _log.warning("LOO of '%s' needs %d draws or more.", name, MIN_DRAWS)
    return replace(found, problems=problems)


def scores_of_point(problem: Problem) -> Scores:
    """Those of a model in which nothing is free: its likelihood is its evidence."""
    expected = expected_of_point(problem)
    by_name = {
        e.qualified("counts"): e.likelihood.logpdf(e.counts, expected[e.name]).ravel()
        for e in problem.experiments
    }
    by_bin = np.concatenate([log for _, log in sorted(by_name.items())])
    draws = xr.DataArray(np.tile(by_bin, (1, 2, 1)), dims=(*SAMPLE_DIMS, "bin"))
    evidence = {"log_evidence": by_bin.sum(), "log_evidence_error": 0.0}
    return _scored(provenance(problem, "none", {}) | evidence, draws, 1.0)


def expected_of_point(problem: Problem) -> dict[str, np.ndarray]:
    """Expected counts by experiment of a model in which nothing is free."""
    variables = {e.name: problem.model[e.qualified("expected")] for e in problem.experiments}
    return {name: variable.eval(mode=AS_WRITTEN) for name, variable in variables.items()}


def _scored(attrs: Mapping[Any, Any], by_bin: xr.DataArray, relative_size: float) -> Scores:
    loo = _loo(by_bin, relative_size)
    columns = [_loo_columns(loo), _waic_columns(by_bin), _evidence_columns(attrs)]
    return Scores(attrs, loo, xr.merge(columns))


def ranked(scored: Mapping[str, Scores]) -> xr.Dataset:
    """The table of :func:`compare`, of posteriors of the same data."""
    _warn_of_versions({name: of.attrs for name, of in scored.items()})
    rows = [of.row for of in scored.values()]
    table = xr.concat(rows, xr.Variable("model", list(scored)), join="exact")
    ranking = az.compare(
        {name: of.loo for name, of in scored.items()}, method="stacking", round_to="none"
    )
    table = table.sel(model=list(ranking.index))
    by_bin = table["loo"] - table["loo"].isel(model=0, drop=True)
    table["difference"] = by_bin.sum("bin", skipna=False)
    table["se_difference"] = error_of_sum(by_bin)
    weight = xr.DataArray(ranking["weight"].to_numpy(dtype=float), dims="model")
    table["weight"] = weight.where(table["elpd_loo"].notnull().all())
    problems = {name: of.problems for name, of in scored.items() if of.problems}
    return table.assign(_bayes_factors(table)).assign_attrs(problems=json.dumps(problems))


def _check_same_data(attrs: Mapping[str, Mapping[Any, Any]]) -> None:
    first, *others = attrs
    bins = {name: json.loads(of["data_sha256"]) for name, of in attrs.items()}
    for name in others:
        if bins[name] != bins[first]:
            raise InputError(
                f"'{first}' and '{name}' are posteriors of different data: "
                f"{attrs[first]['data']} and {attrs[name]['data']}, which "
                "must be the same experiments in the same bins with the same statistic"
            )


def _warn_of_versions(attrs: Mapping[str, Mapping[Any, Any]]) -> None:
    texts = {name: of.get("versions", "{}") for name, of in attrs.items()}
    versions = {name: json.loads(text).get("cevns-bayes") for name, text in texts.items()}
    if len({*versions.values()}) > 1:
        each = ", ".join(f"'{name}' {version}" for name, version in versions.items())
        _log.warning("The posteriors are of different versions of cevns-bayes: %s.", each)


def _check_usable(name: str, by_bin: xr.DataArray) -> None:
    unusable = int((~np.isfinite(by_bin.to_numpy())).any(axis=(0, 1)).sum())
    if unusable:
        raise InputError(
            f"the log-likelihood of '{name}' is not finite in {counted(unusable, 'bin')}"
        )


def log_likelihood_by_bin(posterior: xr.DataTree) -> xr.DataArray:
    """Log-likelihood of all bins of all experiments, by name, dims chain, draw, bin."""
    counts = posterior["log_likelihood"].to_dataset().data_vars
    flat = [
        array.stack(bin=[d for d in array.dims if d not in ("chain", "draw")], create_index=False)
        for _, array in sorted(counts.items())
    ]
    bins = [
        array.drop_vars([c for c in array.coords if c not in ("chain", "draw")]) for array in flat
    ]
    return xr.concat(bins, "bin").transpose("chain", "draw", "bin").rename("log_likelihood")


def _relative_size(draws: xr.Dataset) -> float:
    """Effective size of draws over their number, the mean of all variables, as in ``az.loo``."""
    if draws.sizes["chain"] == 1:
        return 1.0
    sizes = az.ess(draws, method="mean", relative=True).data_vars.values()
    return float(np.hstack([size.to_numpy().ravel() for size in sizes]).mean())


def _loo(by_bin: xr.DataArray, relative_size: float) -> az.ELPDData:
    weights, pareto_k = xr.apply_ufunc(
        *(_weights, by_bin),
        kwargs={"relative_size": relative_size},
        input_core_dims=[SAMPLE_DIMS],
        output_core_dims=[SAMPLE_DIMS, []],
        vectorize=True,
    )
    given = {"log_weights": weights, "pareto_k": pareto_k, "reff": relative_size}
    tree = xr.DataTree.from_dict({"log_likelihood": by_bin.to_dataset(name="counts")})
    with warnings.catch_warnings():  # of large Pareto k, which the table counts, and of one bin
        warnings.filterwarnings("ignore", "Estimated shape parameter of Pareto", UserWarning)
        warnings.filterwarnings("ignore", "The point-wise LOO is the same", UserWarning)
        return az.loo(tree, var_name="counts", pointwise=True, **given)


def _weights(log_likelihood: np.ndarray, relative_size: float) -> tuple[np.ndarray, float]:
    """Log weights of the draws without a bin, the tail smoothed, and Pareto k; arrays of a bin."""
    moves = np.ptp(log_likelihood) > ROUNDING
    if moves and log_likelihood.size < MIN_DRAWS:
        return log_likelihood * np.nan, np.nan
    return pareto_smoothed(-log_likelihood if moves else 0 * log_likelihood, relative_size)


def _loo_columns(loo: az.ELPDData) -> xr.Dataset:
    pareto_k = loo.pareto_k.to_numpy()
    return xr.Dataset(
        {
            "elpd_loo": float(loo.elpd),
            "se_loo": float(error_of_sum(loo.elpd_i)),
            "p_loo": float(loo.p),
            "unreliable_loo": int((~(pareto_k <= MAX_PARETO_K)).sum()),
            "loo": ("bin", loo.elpd_i.to_numpy()),
            "pareto_k": ("bin", pareto_k),
        }
    )


def _waic_columns(by_bin: xr.DataArray) -> xr.Dataset:
    density, variance = _waic_by_bin(by_bin)
    waic = density - variance
    return xr.Dataset(
        {
            "elpd_waic": float(waic.sum()),
            "se_waic": float(error_of_sum(waic)),
            "p_waic": float(variance.sum()),
            "unreliable_waic": int((~(variance <= MAX_WAIC_VARIANCE)).sum()),
            "waic": waic,
            "waic_variance": variance,
        }
    )


def _evidence_columns(attrs: Mapping[Any, Any]) -> xr.Dataset:
    names = ("log_evidence", "log_evidence_error")
    return xr.Dataset({name: float(attrs.get(name, np.nan)) for name in names})


def _bayes_factors(table: xr.Dataset) -> dict[str, xr.DataArray]:
    values, errors = table["log_evidence"], table["log_evidence_error"]
    known = values.notnull().to_numpy()
    reference = int(known.argmax())  # the first known; 0 if there is none
    others = np.arange(len(known)) != reference
    return {
        "log_bayes_factor": values - values.isel(model=reference, drop=True),
        "log_bayes_factor_error": np.hypot(errors, errors.isel(model=reference, drop=True))
        * others,
    }


def _waic_by_bin(by_bin: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Log predictive density and its penalty (Gelman et al., arXiv:1307.5928, Eqs. 5 and 12)."""
    draws = by_bin.sizes["chain"] * by_bin.sizes["draw"]
    density = by_bin.reduce(logsumexp, ("chain", "draw")) - np.log(draws)
    return density, by_bin.var(("chain", "draw"), ddof=1)


def error_of_sum(by_bin: xr.DataArray) -> xr.DataArray:
    """Standard error of a sum over bins from their scatter, which one bin does not have."""
    size = by_bin.sizes["bin"]
    return (size * by_bin.var("bin")) ** 0.5 if size > 1 else by_bin.sum("bin") * np.nan
