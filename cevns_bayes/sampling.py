"""Posterior samples of a model by NUTS (nutpie), and whether they can be trusted."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any, Unpack

import arviz as az
import numpy as np
import nutpie
import pymc as pm
import xarray as xr
from scipy import stats

from cevns_bayes.errors import InputError
from cevns_bayes.experiment import Experiment
from cevns_bayes.model import (
    DEFAULT_DATA,
    DataLike,
    ModelOptions,
    Problem,
    ScenarioLike,
    pose,
)
from cevns_bayes.priors import log10_name, sampled_name

DEFAULT_DRAWS, DEFAULT_TUNE, DEFAULT_CHAINS, DEFAULT_SEED = 1500, 1000, 4, 1

# Vehtari et al., arXiv:1903.08008: R-hat below 1.01, 100 effective draws for each of 4 chains.
GREATEST_R_HAT = 1.01
LEAST_ESS = 400.0

_PACKAGES = ("cevns-bayes", "pymc", "pytensor", "nutpie", "arviz", "numpy", "scipy")


def sample(
    scenario: ScenarioLike,
    data: DataLike = DEFAULT_DATA,
    *,
    draws: int = DEFAULT_DRAWS,
    tune: int = DEFAULT_TUNE,
    chains: int = DEFAULT_CHAINS,
    seed: int = DEFAULT_SEED,
    progressbar: bool = True,
    **options: Unpack[ModelOptions],
) -> xr.DataTree:
    """Sample the posterior of a scenario.

    Parameters
    ----------
    draws, tune, chains
        Draws kept and draws of adaptation per chain; number of chains (two or more, so that
        R-hat is defined).
    seed
        Same seed, installation and number of chains: same draws.
    scenario, data, options
        As in :func:`cevns_bayes.build_model`.

    Returns
    -------
    xarray.DataTree
        Groups ``posterior`` (parameters of interest first, and ``"<experiment>::expected"``),
        ``sample_stats``, ``log_likelihood`` per bin, ``posterior_predictive``, ``observed_data``
        and ``constant_data`` (bin edges); attrs with versions, seed, settings and the data hash.

    Raises
    ------
    InputError
        Wrong arguments.
    KeyboardInterrupt
        When interrupted; no partial result is returned.
    """
    for name, number, least in (("draws", draws, 4), ("tune", tune, 1), ("chains", chains, 2)):
        if not isinstance(number, int) or number < least:
            raise InputError(f"{name} must be an integer of at least {least}, got {number!r}")
    if not isinstance(seed, int) or not 0 <= seed < 2**64:
        raise InputError(f"seed must be a non-negative integer, got {seed!r}")
    problem = pose(scenario, data, **options)
    settings: dict[str, Any] = {"seed": seed, "draws": draws, "tune": tune, "chains": chains}
    trace = _nuts(problem.model, progress_bar=progressbar, **settings)
    choices = {name: value for name, value in options.items() if name not in ("priors", "binning")}
    return _as_tree(trace, problem, settings | choices)


def _nuts(model: pm.Model, **settings: Any) -> xr.DataTree:
    """Run nutpie; unlike its blocking call, let an interrupt through."""
    compiled = nutpie.compile_pymc_model(model)
    sampler = nutpie.sample(compiled, blocking=False, save_warmup=False, **settings)
    try:
        return sampler.wait()
    except BaseException:
        sampler.cancel()
        raise


def _as_tree(trace: xr.DataTree, problem: Problem, settings: dict[str, Any]) -> xr.DataTree:
    model, scenario, experiments = problem.model, problem.scenario, problem.experiments
    posterior = trace["posterior"].to_dataset()
    order = [
        name
        for parameter in scenario.parameter_names
        for name in (parameter, sampled_name(model, parameter))
    ]
    order += [v.name for v in (*model.free_RVs, *model.deterministics)]
    stats_kept = {k: v for k, v in trace["sample_stats"].data_vars.items() if v.dtype != object}
    rng = np.random.default_rng(settings["seed"])
    tree = xr.DataTree.from_dict(
        {
            "posterior": posterior[list(dict.fromkeys(order))],
            "sample_stats": xr.Dataset(stats_kept),
            "log_likelihood": _per_experiment(experiments, posterior, _log_likelihood),
            "posterior_predictive": _per_experiment(
                experiments, posterior, partial(_replicated, rng)
            ),
            "observed_data": _per_experiment(experiments, posterior, _observed),
            "constant_data": _edges(experiments),
        }
    )
    tree.attrs = {
        "scenario": scenario.name,
        "parameters_of_interest": json.dumps(scenario.parameter_names),
        "data": json.dumps([experiment.name for experiment in experiments]),
        "data_sha256": json.dumps({e.name: e.fingerprint() for e in experiments}),
        "priors": _priors(model),
        "sampler": "nuts",
        "settings": json.dumps(settings),
        "versions": json.dumps({package: version(package) for package in _PACKAGES}),
    }
    return tree


def _priors(model: pm.Model) -> str:
    """The free variables in ``~`` notation, one per line."""
    names = {variable.name for variable in model.free_RVs}
    lines = (line.strip() for line in model.str_repr().splitlines())
    return "\n".join(line for line in lines if line.split(" ~ ")[0] in names)


def _per_experiment(
    experiments: list[Experiment],
    posterior: xr.Dataset,
    function: Callable[[Experiment, xr.DataArray], xr.DataArray],
) -> xr.Dataset:
    return xr.Dataset(
        {
            experiment.qualified("counts"): function(
                experiment, posterior[experiment.qualified("expected")]
            )
            for experiment in experiments
        }
    )


def _log_likelihood(experiment: Experiment, expected: xr.DataArray) -> xr.DataArray:
    """Pointwise, from the stored expectation: compiling the model again would take longer."""
    if experiment.gaussian_variance is None:
        return expected.copy(data=stats.poisson.logpmf(experiment.counts, expected))
    sigma = np.sqrt(experiment.gaussian_variance)
    return expected.copy(data=stats.norm.logpdf(experiment.counts, expected, sigma))


def _replicated(
    rng: np.random.Generator, experiment: Experiment, expected: xr.DataArray
) -> xr.DataArray:
    if experiment.gaussian_variance is None:
        return expected.copy(data=rng.poisson(expected))
    return expected.copy(data=rng.normal(expected, np.sqrt(experiment.gaussian_variance)))


def _observed(experiment: Experiment, expected: xr.DataArray) -> xr.DataArray:
    return expected.isel(chain=0, draw=0, drop=True).copy(data=experiment.counts)


def _edges(experiments: list[Experiment]) -> xr.Dataset:
    return xr.Dataset(
        {
            name: (f"{name}_dim", axis.edges, {"units": axis.unit})
            for experiment in experiments
            for axis in experiment.axes
            for name in [experiment.qualified(f"{axis.name}_edges")]
        }
    )


@dataclass(frozen=True)
class Convergence:
    """Convergence diagnostics over all free variables, worst case each."""

    r_hat: float
    ess_bulk: float
    ess_tail: float
    divergences: int

    @property
    def problems(self) -> list[str]:
        """What is wrong, one phrase each; empty when the posterior can be trusted."""
        found = []
        if not self.r_hat < GREATEST_R_HAT:
            found.append(f"R-hat {self.r_hat:.3f} is not below {GREATEST_R_HAT}")
        for kind, ess in (("bulk", self.ess_bulk), ("tail", self.ess_tail)):
            if not ess >= LEAST_ESS:
                found.append(f"{kind} ESS {ess:.0f} is below {LEAST_ESS:.0f}")
        if self.divergences:
            found.append(f"{self.divergences} divergent transitions")
        return found


def sampled_names(posterior: xr.DataTree) -> list[str]:
    """Free variables of the posterior: parameters of interest, then nuisances.

    A log-uniform parameter is there as ``log10_<name>``.
    """
    names = _scalar_names(posterior)
    return [name for name in names if log10_name(name) not in names]


def _scalar_names(posterior: xr.DataTree) -> list[str]:
    group = posterior["posterior"].data_vars
    return [str(name) for name, variable in group.items() if variable.dims == ("chain", "draw")]


def check_convergence(posterior: xr.DataTree) -> Convergence:
    """Diagnostics of a result of :func:`sample`."""
    scalars = posterior["posterior"].to_dataset()[sampled_names(posterior)]

    def worst(diagnostic: xr.Dataset, reduce: Any) -> float:
        return float(reduce([float(value) for value in diagnostic.data_vars.values()]))

    return Convergence(
        r_hat=worst(az.rhat(scalars), np.max),
        ess_bulk=worst(az.ess(scalars, method="bulk"), np.min),
        ess_tail=worst(az.ess(scalars, method="tail"), np.min),
        divergences=int(posterior["sample_stats"]["diverging"].sum()),
    )


def summary(posterior: xr.DataTree) -> xr.Dataset:
    """Mean, sd, 68/90 % HDI and equal-tailed intervals, and diagnostics per variable.

    Returns
    -------
    xarray.Dataset over ``variable``, with ``hdi68_low``, ``hdi68_high``, ``eti90_low``, ...
    """
    scalars = posterior["posterior"].to_dataset()[_scalar_names(posterior)]
    columns = {
        "mean": scalars.mean(("chain", "draw")),
        "sd": scalars.std(("chain", "draw"), ddof=1),
    }
    for percent in (68, 90):
        for kind, interval in (("hdi", az.hdi), ("eti", az.eti)):
            bounds = interval(scalars, prob=percent / 100)
            columns[f"{kind}{percent}_low"] = bounds.isel(ci_bound=0, drop=True)
            columns[f"{kind}{percent}_high"] = bounds.isel(ci_bound=1, drop=True)
    columns["ess_bulk"] = az.ess(scalars, method="bulk")
    columns["ess_tail"] = az.ess(scalars, method="tail")
    columns["r_hat"] = az.rhat(scalars)
    return xr.Dataset(
        {name: dataset.to_array("variable", name=name) for name, dataset in columns.items()}
    )
