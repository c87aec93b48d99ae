"""Nested sampling of a PyMC model by nautilus (Lange, arXiv:2306.16923), without neural networks.

Importance nested sampling on the compiled log-likelihood of the model and the quantile functions of
its priors. Slower than sequential Monte Carlo, and independent of it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import xarray as xr
from nautilus import Sampler
from pytensor.graph.replace import graph_replace, vectorize_graph
from threadpoolctl import threadpool_limits

from cevns_bayes.checkpoint import Checkpoint
from cevns_bayes.compiling import QUICK
from cevns_bayes.errors import InputError

DEFAULT_LIVE_POINTS = 3000  # fewer lose narrow solutions now and then
BATCH = 1000
POINTS_AT_ONCE = 250  # of expected counts, for memory

Function = Callable[..., Any]


def run_nested(
    model: pm.Model,
    *,
    live_points: int,
    draws: int,
    chains: int,
    seed: int,
    progressbar: bool,
    checkpoint: Checkpoint | None = None,
) -> xr.DataTree:
    """Sample a model; the weighted points are resampled to ``chains`` times ``draws`` equal ones.

    Returns
    -------
    xarray.DataTree
        Groups ``posterior`` and ``sample_stats`` (number of likelihood evaluations); attrs
        ``log_evidence``, ``log_evidence_error`` and ``effective_size`` of the weighted points.
        Splitting the draws into chains serves the diagnostics of others only.

    Raises
    ------
    InputError
        A prior without a quantile function, or a likelihood that is not a number.
    """
    sampler = Sampler(
        prior_transform(model),
        log_likelihood(model),
        n_dim=len(model.free_RVs),
        n_live=live_points,
        n_networks=0,
        n_batch=BATCH,
        vectorized=True,
        pass_dict=False,
        seed=seed,
        filepath=None if checkpoint is None else str(checkpoint.folder / "nautilus.h5"),
    )
    with threadpool_limits(1):  # threads cost more than they give on matrices of this size
        sampler.run(n_eff=draws * chains, discard_exploration=True, verbose=progressbar)
    points, log_weights, _ = sampler.posterior()
    equal = resampled(points, log_weights, draws * chains, seed)
    evaluations = xr.Dataset({"likelihood_evaluations": ("chain", [sampler.n_like] * chains)})
    tree = xr.DataTree.from_dict(
        {"posterior": as_posterior(model, equal, chains), "sample_stats": evaluations}
    )
    tree.attrs = {
        "log_evidence": float(sampler.log_z),
        "log_evidence_error": float(sampler.n_eff**-0.5),
        "effective_size": float(sampler.n_eff),
    }
    return tree


def resampled(points: np.ndarray, log_weights: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Equally weighted points, shape (count, variables), in random order; systematic resampling."""
    rng = np.random.default_rng(seed)
    cumulative = np.cumsum(np.exp(log_weights - log_weights.max()))
    steps = (np.arange(count) + rng.random()) / count
    return points[rng.permutation(np.searchsorted(cumulative / cumulative[-1], steps))]


def prior_transform(model: pm.Model) -> Function:
    """Unit cube -> free variables, both of shape (points, variables)."""
    cube = pt.dmatrix("cube")
    quantiles = []
    for i, rv in enumerate(model.free_RVs):
        try:
            quantiles.append(pm.icdf(rv, cube[:, i]))
        except NotImplementedError:
            raise InputError(
                f"the prior of {rv.name} has no quantile function, which nested sampling needs"
            ) from None
    return pytensor.function([cube], pt.stack(quantiles, axis=1), mode=QUICK)


def log_likelihood(model: pm.Model) -> Function:
    """Free variables, shape (points, variables) -> log-likelihood, shape (points,)."""
    terms = [pm.logp(rv, model.rvs_to_values[rv]).sum() for rv in model.observed_RVs]
    evaluate = _vectorised(model, [sum(terms)])

    def checked(points: np.ndarray) -> np.ndarray:
        (values,) = evaluate(np.atleast_2d(points))
        if np.isnan(values).any():
            worst = np.atleast_2d(points)[np.isnan(values)][0]
            at = {rv.name: float(x) for rv, x in zip(model.free_RVs, worst, strict=True)}
            raise InputError(f"the likelihood is not a number at {at}")
        return values

    return checked


def _vectorised(model: pm.Model, outputs: list[Any], mode: Any = None) -> Function:
    """Function of (points, variables) whose outputs get a leading axis of points."""
    one, many = pt.dvector("one"), pt.dmatrix("many")
    at = {rv: one[i] for i, rv in enumerate(model.free_RVs)}
    graphs = vectorize_graph(graph_replace(outputs, at, strict=False), {one: many})
    return pytensor.function([many], graphs, mode=mode)


def as_posterior(model: pm.Model, points: np.ndarray, chains: int) -> xr.Dataset:
    """Draws of the free variables and Deterministics, dims chain, draw and those of the model."""
    evaluate = _vectorised(model, list(model.deterministics), QUICK)
    starts = range(0, len(points), POINTS_AT_ONCE)
    parts = [evaluate(points[start : start + POINTS_AT_ONCE]) for start in starts]
    arrays = {rv.name: points[:, i] for i, rv in enumerate(model.free_RVs)}
    for variable, pieces in zip(model.deterministics, zip(*parts, strict=True), strict=True):
        arrays[variable.name] = np.concatenate(pieces)
    dims = {name: model.named_vars_to_dims.get(name, ()) for name in arrays}
    shape = (chains, len(points) // chains)
    return xr.Dataset(
        {
            name: (("chain", "draw", *dims[name]), array.reshape(*shape, *array.shape[1:]))
            for name, array in arrays.items()
        },
        coords={
            "chain": np.arange(shape[0]),
            "draw": np.arange(shape[1]),
            **{dim: np.asarray(model.coords[dim]) for names in dims.values() for dim in names},
        },
    )
