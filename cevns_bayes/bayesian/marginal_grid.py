"""The marginal posterior of one or two parameters on a regular grid, from what is known in cells.

The height at the maximum of the nuisances can be evaluated at any point. That maximum, and what the
integral over the nuisances adds to the height, change little from cell to cell and are
interpolated between these.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import pairwise, product
from typing import Any

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import xarray as xr
from scipy.interpolate import RBFInterpolator, RectBivariateSpline
from scipy.ndimage import convolve1d, maximum_filter
from scipy.special import logsumexp
from threadpoolctl import threadpool_limits

from cevns_bayes.bayesian.marginal import Marginal, levels_of, moved
from cevns_bayes.compiling import AS_WRITTEN

POINTS = {1: (4096,), 2: (128, 256, 512)}  # Grids of one or two parameters, along each.
NEGLIGIBLE = 1e-4  # Cells that hold less together are not shown.
DEPTH = 12.0  # of the log-density below its maximum; beyond it is the same
OUTERMOST = 0.01  # This part of the outermost cell is not shown where the prior has no end.
MAX_LOST = 0.03  # of the integral over all cells may be missed by the grid, or added.
NEAR = 40.0  # Cells lower by more are not interpolated between.
LIKELY = 10.0  # Where the integral adds that much more than in most, it is not around the height.
NEIGHBOURS = 30  # cells that are
FOURTH_DIFFERENCE = 1, -4, 6, -4, 1
ROUGH = 0.1  # A spline of values whose fourth difference is larger may be wrong by a fortieth of it
SEEN = 8.0  # where the log-density is lower by no more.


def on_grid(marginal: Marginal) -> xr.Dataset:
    """Logarithm of the density, relative to its maximum.

    Returns
    -------
    xarray.Dataset
        ``log_density`` at the middles of the cells of a grid, whose coordinates are the parameters;
        empty unless there are one or two, or where too little is known, or the grid too coarse.
    """
    compiled, variables = marginal.solver.compiled, marginal.mesh.variables
    if variables not in POINTS or len(_known(marginal)[0]) <= variables:
        return xr.Dataset()
    window = _window(marginal)
    grids = [_Grid(marginal, window, count) for count in POINTS[variables]]
    shape = (POINTS[variables][0],) * variables
    logs = grids[0].exactly(np.ones(shape, dtype=bool)).reshape(shape)
    for grid, finer in pairwise(grids):
        rough = _is_rough(logs)
        logs = RectBivariateSpline(*grid.axes, logs, bbox=window.T.ravel())(*finer.axes)
        rough = rough.repeat(2, axis=0).repeat(2, axis=1)
        logs[rough] = finer.exactly(rough)
    if not _is_whole(marginal, grids[-1], logs):
        return xr.Dataset()
    logs = np.maximum(logs - logs.max(), -DEPTH).astype(np.float32)  # as in files
    names = compiled.names[:variables]
    coords = dict(zip(names, grids[-1].axes, strict=True))
    return xr.Dataset({"log_density": (names, logs)}, coords)


class _Grid:
    """``count`` points along each parameter; ``axes`` are their values."""

    def __init__(self, marginal: Marginal, window: np.ndarray, count: int) -> None:
        edges = np.linspace(window[0], window[1], count + 1)
        middles = (edges[1:] + edges[:-1]) / 2
        self.marginal = marginal
        self.axes = list(middles.T)
        self.levels = list(levels_of(marginal.quantiles, middles).T)
        priors = marginal.solver.compiled.priors[: len(self.axes)]
        pairs = zip(priors, self.axes, strict=True)
        self.log_priors = [_log_prior(prior.rv)(x) for prior, x in pairs]

    def exactly(self, chosen: np.ndarray) -> np.ndarray:
        """Log-density at chosen points, shape (points,)."""
        at = np.nonzero(chosen)
        theta, levels, log_priors = (
            np.stack([of[i] for of, i in zip(columns, at, strict=True)], axis=1)
            for columns in (self.axes, self.levels, self.log_priors)
        )
        return _log_likelihood(self.marginal, levels, theta) + log_priors.sum(axis=1)


@lru_cache(maxsize=16)  # Toys ask again and again.
def _log_prior(rv: Any) -> Callable[[np.ndarray], np.ndarray]:
    """Log-density of a parameter, which differences of quantiles spoil far in its tails."""
    x = pt.dvector("x")
    return pytensor.function([x], pm.logp(rv, x), mode=AS_WRITTEN)


def _log_likelihood(marginal: Marginal, levels: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """Of points theta, whose place in the unit cube is ``levels``; both (points, parameters)."""
    mesh = marginal.mesh
    cells = mesh.cell_of(levels)
    logs, least = mesh.log_density[cells], mesh.log_density.max() - NEAR
    near = mesh.highest_around[cells] > least
    if near.any():
        added, alpha = _between_cells(marginal, levels[near])
        x = np.concatenate([theta[near], alpha], axis=1)
        logs[near] = np.nan_to_num(marginal.solver.heights(x), nan=-np.inf) + added
    return np.maximum(logs, least)


def _between_cells(marginal: Marginal, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the integral over nuisances adds to the height, and their maximum, by thin plates."""
    known, added = _known(marginal)
    nodes = [(marginal.mesh.centres[known], marginal.cells.alpha[known], added)]
    nodes += _at_ends(marginal, known, added)
    places, alpha, added = (np.concatenate(of) for of in zip(*nodes, strict=True))
    scale = np.median(marginal.mesh.sizes[known], axis=0)
    plates = RBFInterpolator(places / scale, np.column_stack([added, alpha]), neighbors=NEIGHBOURS)
    with threadpool_limits(1, user_api="blas"):  # Its many small matrices wait for threads.
        found = plates(points / scale)
    limits = marginal.solver.compiled.limits[:, marginal.mesh.variables :]
    return found[:, 0], np.clip(found[:, 1:], *limits)


def _known(marginal: Marginal) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the cells that are interpolated between, and what is added to their heights."""
    cells = marginal.cells
    near = np.flatnonzero(cells.converged & (cells.log_density > cells.log_density.max() - NEAR))
    added = cells.log_density[near] - cells.height[near]
    likely = np.abs(added - np.median(added)) < LIKELY if near.size else near.astype(bool)
    return near[likely], added[likely]


def _at_ends(
    marginal: Marginal, known: np.ndarray, added: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """At each end of a prior: places, nuisances moved there, and what is added in the cells."""
    mesh, centres = marginal.mesh, marginal.mesh.centres[known]
    half = mesh.sizes[known] / 2
    for axis, end in product(range(mesh.variables), (0, 1)):
        if np.isfinite(marginal.solver.compiled.limits[end, axis]):
            touching = np.abs(centres[:, axis] - end) == half[:, axis]
            places = centres[touching]
            places[:, axis] = end
            cells = marginal.cells.at(known[touching])
            yield places, moved(marginal.solver, cells, places), added[touching]


def _is_rough(logs: np.ndarray) -> np.ndarray:
    """Where splines of a plane would not do, of its shape."""
    differences = [convolve1d(logs, FOURTH_DIFFERENCE, axis, mode="nearest") for axis in (0, 1)]
    rough = np.abs(differences).max(axis=0) > ROUGH
    seen = maximum_filter(logs, 3) > logs.max() - SEEN
    return maximum_filter(rough & seen, 3)


def _is_whole(marginal: Marginal, grid: _Grid, logs: np.ndarray) -> bool:
    """Whether the grid holds what the cells hold."""
    log_volume = sum(np.log(axis[1] - axis[0]) for axis in grid.axes)
    cells = logsumexp(marginal.mesh.log_density + marginal.mesh.log_volumes)
    return bool(abs(np.expm1(logsumexp(logs) + log_volume - cells)) < MAX_LOST)


def _window(marginal: Marginal) -> np.ndarray:
    """Ends of what is shown, shape (2, parameters)."""
    mesh, variables = marginal.mesh, marginal.mesh.variables
    order = np.argsort(-mesh.log_density)
    beyond = np.exp(mesh.log_parts[order]).cumsum() > 1 - NEGLIGIBLE
    shown = order[: int(beyond.argmax()) + 1]
    sizes = mesh.sizes[shown]
    low = mesh.corners[shown] * sizes
    ends = np.stack([low.min(axis=0), (low + sizes).max(axis=0)])
    inner = (low + OUTERMOST * sizes).min(axis=0), (low + (1 - OUTERMOST) * sizes).max(axis=0)
    endless = ~np.isfinite(marginal.solver.compiled.limits[:, :variables])
    return marginal.quantiles(np.where(endless, inner, ends))
