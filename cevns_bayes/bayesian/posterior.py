"""The result of sampling as one DataTree: draws, densities, predictions, data."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pymc as pm
import xarray as xr

from cevns_bayes.bayesian.power_scaling import log_prior
from cevns_bayes.compiling import AS_WRITTEN
from cevns_bayes.engine.problem import Problem
from cevns_bayes.experiments.experiment import Experiment
from cevns_bayes.scenarios.priors import sampled_name

PRIOR_DRAWS = 2000
MAX_NUMBERS = 4_000_000  # per draw and bin of an experiment; of more bins, every so many draws

OfExperiment = Callable[[Experiment, xr.DataArray], xr.DataArray]
"""Maps an experiment and its expected counts (dims chain, draw, bins) to an array."""


def assembled(trace: xr.DataTree, problem: Problem, seed: int) -> xr.DataTree:
    """Groups of a result of :func:`cevns_bayes.sample`, from draws of all variables of the model.

    Expected counts are apart from the parameters, in the group ``expected``. That and the other
    groups with bins have every second or third draw only, where there are many bins.
    """
    draws = trace["posterior"].to_dataset()
    expected = draws[[experiment.qualified("expected") for experiment in problem.experiments]]
    parameters = _parameters(draws.drop_vars(list(expected)), problem)
    largest = max(counts.size for counts in expected.data_vars.values())
    expected = expected.isel(draw=slice(None, None, -(-largest // MAX_NUMBERS)))

    def by_experiment(function: OfExperiment) -> xr.Dataset:
        return xr.Dataset(
            {
                e.qualified("counts"): function(e, expected[e.qualified("expected")])
                for e in problem.experiments
            }
        )

    for experiment in problem.experiments:
        title = f"expected events of {experiment.full_name}"
        expected[experiment.qualified("expected")].attrs |= {"long_name": title, "units": "1"}
    replicated = partial(_replicated, np.random.default_rng(seed))
    stats = trace["sample_stats"].data_vars
    groups = {"marginal": trace["marginal"]} if "marginal" in trace.children else {}
    return xr.DataTree.from_dict(
        groups
        | {
            "posterior": parameters,
            "expected": expected,
            "sample_stats": xr.Dataset({k: v for k, v in stats.items() if v.dtype != object}),
            "prior": _prior(problem.model, seed),
            "log_prior": log_prior(problem.model, parameters),
            "log_likelihood": by_experiment(_log_likelihood),
            "posterior_predictive": by_experiment(replicated),
            "observed_data": by_experiment(_observed),
            "constant_data": _edges(problem.experiments),
        }
    )


def _parameters(draws: xr.Dataset, problem: Problem) -> xr.Dataset:
    """Parameters of interest first, each before its logarithm, with CF attributes of all."""
    parameters = problem.scenario.parameters_of_interest
    free = [rv.name for rv in problem.model.free_RVs]
    names = [name for p in parameters for name in (p.name, sampled_name(free, p.name))] + free
    draws = draws[list(dict.fromkeys([*names, *map(str, draws.data_vars)]))]
    for name, (title, unit) in _attributes(problem).items():
        if name in draws:
            draws[name].attrs |= {"long_name": title, "units": unit or "1"}
    return draws


def _attributes(problem: Problem) -> dict[str, tuple[str, str]]:
    """Words and unit of each variable that a model of the problem may have."""
    nuisances = [(e, nuisance) for e in problem.experiments for nuisance in e.nuisances]
    parameters = problem.scenario.parameters_of_interest
    return {
        **{n.common_name: (f"{n.description}, common part", "") for _, n in nuisances},
        **{e.qualified(n.name): (n.description, "") for e, n in nuisances},
        **{p.logarithm.name: (p.logarithm.label, "") for p in parameters},
        **{p.name: (p.label, p.unit) for p in parameters},
    }


def _prior(model: pm.Model, seed: int) -> xr.Dataset:
    """Draws of the free variables from their priors."""
    draws = pm.draw(model.free_RVs, PRIOR_DRAWS, random_seed=seed, mode=AS_WRITTEN)
    return xr.Dataset(
        {
            rv.name: (("chain", "draw"), values[None])
            for rv, values in zip(model.free_RVs, draws, strict=True)
        }
    )


def _log_likelihood(experiment: Experiment, expected: xr.DataArray) -> xr.DataArray:
    """Pointwise, from the stored expectation: compiling the model again would take longer."""
    density = experiment.likelihood.logpdf(experiment.counts, expected.to_numpy())
    return expected.copy(data=density)


def _replicated(
    rng: np.random.Generator, experiment: Experiment, expected: xr.DataArray
) -> xr.DataArray:
    return expected.copy(data=experiment.likelihood.draw(rng, expected.to_numpy()))


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
