"""Power-scaling: how the posterior moves when a prior or the likelihood is raised to a power.

Kallioinen, Paananen, Bürkner, Vehtari, arXiv:2107.14054, as ArviZ has it: the distance between the
posterior and that with the power 0.99 or 1.01, per unit of log2 of the power. A flat prior is flat
to any power: of the choice between linear and log priors see
:mod:`cevns_bayes.bayesian.linear_or_log`.
"""

import arviz as az
import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import xarray as xr
from pytensor.graph.replace import graph_replace, vectorize_graph

from cevns_bayes.bayesian.provenance import recorded, require
from cevns_bayes.compiling import AS_WRITTEN
from cevns_bayes.scenarios.priors import sampled_name

THRESHOLD = 0.05  # Sensitivities above it matter: arXiv:2107.14054.
INSENSITIVE = "hardly moved by either"
SAMPLE_DIMS = ("chain", "draw")
ROUNDING = 1e-12  # Densities that differ by less are constant.


def log_prior(model: pm.Model, posterior: xr.Dataset) -> xr.Dataset:
    """Log prior density of each free variable at each draw, per unit of the variable as sampled.

    Parameters
    ----------
    model
        As of :func:`cevns_bayes.build_model`.
    posterior
        Draws of all its free variables, dims chain, draw; of log-uniform parameters the log10.

    Returns
    -------
    xarray.Dataset
        Natural logarithms by name of the variable, dims chain, draw.
    """
    ones = [rv.type() for rv in model.free_RVs]
    many = [pt.tensor(dtype=one.dtype, shape=(None, *one.type.shape)) for one in ones]
    densities = [pm.logp(rv, rv).sum() for rv in model.free_RVs]
    of_one = graph_replace(densities, dict(zip(model.free_RVs, ones, strict=True)), strict=False)
    of_many = vectorize_graph(of_one, dict(zip(ones, many, strict=True)))
    draws = [posterior[rv.name].transpose(*SAMPLE_DIMS, ...) for rv in model.free_RVs]
    chains = draws[0].shape[:2]
    flat = [draw.to_numpy().reshape((-1, *draw.shape[2:])) for draw in draws]
    evaluate = pytensor.function(many, of_many, mode=AS_WRITTEN, on_unused_input="ignore")
    found = zip(model.free_RVs, evaluate(*flat), strict=True)
    return xr.Dataset(
        {
            rv.name: (SAMPLE_DIMS, np.broadcast_to(x, flat[0].shape[:1]).reshape(chains))
            for rv, x in found
        }
    )


def power_scaling(posterior: xr.DataTree) -> xr.Dataset:
    """Sensitivity of the parameters of interest to priors and likelihood, and ArviZ's diagnosis.

    Parameters
    ----------
    posterior
        Result of :func:`cevns_bayes.sample`.

    Returns
    -------
    xarray.Dataset
        Over ``variable``, the parameters of interest as they are sampled: sensitivity to the
        ``likelihood`` and to the ``prior`` of all variables, with the ``diagnosis`` that follows
        from these; the part of the latter that is due to the priors ``of_parameters``, zero if
        they are flat, and to those ``of_nuisances``, which are measurements of their own. Empty
        for a scenario without parameters.

    Raises
    ------
    InputError
        A posterior without the log-density of its priors.
    """
    require(posterior, ["posterior", "log_prior", "log_likelihood"])
    draws = posterior["posterior"].to_dataset()
    priors = posterior["log_prior"].to_dataset()
    names = [
        sampled_name([*map(str, draws)], name)
        for name in recorded(posterior, "parameters_of_interest")
    ]
    likelihood = posterior["log_likelihood"].to_dataset()
    nuisances = [name for name in priors.data_vars if name not in names]
    scaled = {
        "prior": _total(priors),
        "of_parameters": _total(priors[names]),
        "of_nuisances": _total(priors[nuisances]),
        "likelihood": _total(likelihood),
    }
    of_bins = {"likelihood": draws.sel(draw=likelihood["draw"])[names]}
    columns = {
        kind: _sensitivity(of_bins.get(kind, draws[names]), density)
        for kind, density in scaled.items()
    }
    diagnosis = [
        _diagnosis(*pair) for pair in zip(columns["prior"], columns["likelihood"], strict=True)
    ]
    return xr.Dataset(
        {kind: ("variable", column) for kind, column in columns.items()}
        | {"diagnosis": ("variable", np.array(diagnosis, dtype=object))},
        coords={"variable": np.array(names, dtype=object)},
    )


def _total(densities: xr.Dataset) -> np.ndarray:
    """Sum over variables and bins, of dims chain and draw; zero if there are none."""
    arrays = [
        array.sum([dim for dim in array.dims if dim not in SAMPLE_DIMS]).transpose(*SAMPLE_DIMS)
        for array in densities.data_vars.values()
    ]
    return np.sum(arrays, axis=0)


def _sensitivity(draws: xr.Dataset, log_density: np.ndarray) -> list[float]:
    """Sensitivity of each variable to powers of one density."""
    if not draws.data_vars or np.ptp(log_density) < ROUNDING:  # constant to any power
        return [0.0] * len(draws.data_vars)
    density = xr.Dataset({"density": (SAMPLE_DIMS, log_density)})
    tree = xr.DataTree.from_dict({"posterior": draws, "log_prior": density})
    sensitivity = az.psense(tree, group="prior")
    return [float(sensitivity[name]) for name in draws.data_vars]


def _diagnosis(prior: float, likelihood: float) -> str:
    """In the words of ``arviz.psense_summary``, which cannot take constant densities.

    It has none where neither moves the posterior.
    """
    if max(prior, likelihood) < THRESHOLD:
        return INSENSITIVE
    if prior < THRESHOLD:
        return "✓"
    if likelihood < THRESHOLD:
        return "potential strong prior / weak likelihood"
    return "potential prior-data conflict"
