"""The marginal posterior of one or two parameters on a regular grid, from what is known in cells.

The height at the maximum of the nuisances can be evaluated at any point. That maximum, and what the
integral over the nuisances adds to the height, change little from cell to cell and are
interpolated between these.
"""

from itertools import pairwise

import numpy as np
import xarray as xr
from scipy.interpolate import RBFInterpolator, RectBivariateSpline
from scipy.ndimage import convolve1d, maximum_filter
from threadpoolctl import threadpool_limits

from cevns_bayes.bayesian.marginal import Marginal, levels_of

POINTS = {1: (4096,), 2: (128, 256, 512)}  # Grids of one or two parameters, along each.
NEGLIGIBLE = 1e-4  # Cells that hold less together are not shown.
DEPTH = 12.0  # of the log-density below its maximum; beyond it is the same
OUTERMOST = 1e-5  # A prior without an end is shown up to this quantile.
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
        empty unless there are one or two.
    """
    compiled, variables = marginal.solver.compiled, marginal.mesh.variables
    if variables not in POINTS:
        return xr.Dataset()
    window = _window(marginal)
    grids = [_Grid(marginal, window, count) for count in POINTS[variables]]
    logs = grids[0].exactly(np.ones(grids[0].shape, dtype=bool))
    for grid, finer in pairwise(grids):
        rough = _is_rough(logs)
        logs = RectBivariateSpline(*grid.axes, logs, bbox=window.T.ravel())(*finer.axes)
        rough = rough.repeat(2, axis=0).repeat(2, axis=1)
        logs[rough] = finer.exactly(rough)
    logs = np.maximum(logs - logs.max(), -DEPTH)
    names = compiled.names[:variables]
    coords = dict(zip(names, grids[-1].axes, strict=True))
    return xr.Dataset({"log_density": (names, logs)}, coords)


class _Grid:
    """``count`` points along each parameter; ``axes`` are their values."""

    def __init__(self, marginal: Marginal, window: np.ndarray, count: int) -> None:
        edges = np.linspace(window[0], window[1], count + 1)
        levels = levels_of(marginal.quantiles, edges)
        self.marginal = marginal
        self.axes = list((edges[1:] + edges[:-1]).T / 2)
        self.shape = (count,) * len(self.axes)
        self.levels = (levels[1:] + levels[:-1]) / 2
        with np.errstate(divide="ignore"):  # where the prior has nothing
            self.log_priors = np.log(np.diff(levels, axis=0) / np.diff(edges, axis=0))

    def exactly(self, chosen: np.ndarray) -> np.ndarray:
        """Log-density at chosen points, shape (points,), or of the shape of the grid if all."""
        at = np.nonzero(chosen)
        theta, levels, log_priors = (
            np.stack([of[i] for of, i in zip(columns, at, strict=True)], axis=1)
            for columns in (self.axes, self.levels.T, self.log_priors.T)
        )
        logs = _log_likelihood(self.marginal, levels, theta) + log_priors.sum(axis=1)
        return logs.reshape(self.shape) if chosen.all() else logs


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
    mesh, cells = marginal.mesh, marginal.cells
    added = cells.log_density - cells.height
    near = cells.converged & (cells.log_density > cells.log_density.max() - NEAR)
    near &= np.abs(added - np.median(added[near])) < LIKELY
    scale = np.median(mesh.sizes[near])
    plates = RBFInterpolator(
        mesh.centres[near] / scale,
        np.column_stack([added, cells.alpha])[near],
        neighbors=NEIGHBOURS,
    )
    with threadpool_limits(1, user_api="blas"):  # Its many small matrices wait for threads.
        found = plates(points / scale)
    limits = marginal.solver.compiled.limits[:, mesh.variables :]
    return found[:, 0], np.clip(found[:, 1:], *limits)


def _is_rough(logs: np.ndarray) -> np.ndarray:
    """Where splines of a plane would not do, of its shape."""
    differences = [convolve1d(logs, FOURTH_DIFFERENCE, axis, mode="nearest") for axis in (0, 1)]
    rough = np.abs(differences).max(axis=0) > ROUGH
    seen = maximum_filter(logs, 3) > logs.max() - SEEN
    return maximum_filter(rough & seen, 3)


def _window(marginal: Marginal) -> np.ndarray:
    """Ends of what is shown, shape (2, parameters)."""
    mesh = marginal.mesh
    order = np.argsort(-mesh.log_density)
    beyond = np.exp(mesh.log_parts[order]).cumsum() > 1 - NEGLIGIBLE
    shown = order[: int(beyond.argmax()) + 1]
    low = mesh.corners[shown] * mesh.sizes[shown, None]
    high = low + mesh.sizes[shown, None]
    ends = np.stack([low.min(axis=0), high.max(axis=0)])
    window, inner = marginal.quantiles(ends), np.clip(ends, OUTERMOST, 1 - OUTERMOST)
    return np.where(np.isfinite(window), window, marginal.quantiles(inner))
