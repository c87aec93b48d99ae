"""Densities of the parameters of interest, from what the sampler knows of them.

The sampler laplace knows the marginal likelihood in cells (group ``marginal``): interpolated, it
has hardly any noise, while an estimate from draws has wavy edges, holes and islands on bands and
plateaus. Posteriors of other samplers, and of three parameters, have their density estimated from
the draws.
"""

from functools import lru_cache
from typing import Any

import numpy as np
import xarray as xr
from scipy.interpolate import (
    NearestNDInterpolator,
    PchipInterpolator,
    RBFInterpolator,
    RectBivariateSpline,
)
from threadpoolctl import threadpool_limits

from cevns_bayes.bayesian.density import (
    CELLS,
    UNLIMITED,
    Density1D,
    Density2D,
    Limits,
    density_1d,
    density_2d,
    extended_to,
)

NEGLIGIBLE = 1e-4  # Cells that hold less together are not shown.
ROUGHNESS = 0.01  # of the interpolation between cells, relative
NEIGHBOURS = 30  # cells that each point of a plane is interpolated between
TILT = 1e-6  # relative, across the window; rounding is far less, what can be seen far more
DEPTH = 12.0  # of the log-density below its maximum; beyond it is the same


def posterior_density_1d(
    posterior: xr.DataTree, name: str, limits: Limits = UNLIMITED
) -> Density1D:
    """Density of one variable.

    Parameters
    ----------
    posterior
        Result of :func:`cevns_bayes.sample`.
    name
        A variable, as it is sampled.
    limits
        Ends of its prior, infinite where it has none.
    """
    names = _of_cells(posterior)
    if name not in names:
        draws = posterior["posterior"][name].to_numpy()
        return density_1d(draws, extended_to(limits, draws))
    if len(names) == 1:
        return _from_line(posterior["marginal"].to_dataset(), name)
    joint = _from_plane(posterior["marginal"].to_dataset(), names)
    axis = names.index(name)
    x, other = (joint.x, joint.y) if axis == 0 else (joint.y, joint.x)
    values = joint.values.sum(axis=1 - axis) * (other[1] - other[0])
    return Density1D(**_interpolated(values, x[1] - x[0]), x=x)


def posterior_density_2d(
    posterior: xr.DataTree, pair: tuple[str, str], limits: tuple[Limits, Limits]
) -> Density2D:
    """Density of two variables; arguments as in :func:`posterior_density_1d`."""
    names = _of_cells(posterior)
    if set(names) == set(pair):
        return _from_plane(posterior["marginal"].to_dataset(), list(pair))
    draws = [posterior["posterior"][name].to_numpy() for name in pair]
    x_limits, y_limits = (extended_to(of, d) for of, d in zip(limits, draws, strict=True))
    return density_2d(draws[0], draws[1], (x_limits, y_limits))


def _of_cells(posterior: xr.DataTree) -> list[str]:
    """Parameters whose cells are known, if there are one or two."""
    known = posterior["marginal"].data_vars if "marginal" in posterior.children else ()
    names = [str(name) for name in known if f"{name}_low" in known]
    return names if len(names) <= 2 else []


def _interpolated(values: np.ndarray, volume: float) -> dict[str, Any]:
    values = values / (values.sum() * volume)
    flat = values.ravel()
    return {"values": values, "at_draws": flat, "weights": flat * volume, "noise": ROUGHNESS}


def _logs(cells: xr.Dataset, names: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centres of the cells and log-density there, and the window that shows them.

    Shapes (cells, parameters), (cells,) and (2, parameters).
    """
    low, high, centres = (
        np.stack([cells[f"{name}{end}"].to_numpy() for name in names], axis=1)
        for end in ("_low", "_high", "")
    )
    log_parts = cells["log_probability"].to_numpy()
    logs = log_parts - np.log(high - low).sum(axis=1)
    order = np.argsort(-logs)
    beyond = np.exp(log_parts[order]).cumsum() > 1 - NEGLIGIBLE
    shown = order[: int(beyond.argmax()) + 1]
    window = np.stack([low[shown].min(axis=0), high[shown].max(axis=0)])
    return centres, np.maximum(logs - logs.max(), -DEPTH), window


def _middles(window: np.ndarray, count: int) -> np.ndarray:
    return window[0] + (window[1] - window[0]) * (np.arange(count) + 0.5) / count


def _from_line(cells: xr.Dataset, name: str) -> Density1D:
    centres, logs, window = _logs(cells, [name])
    order = np.argsort(centres[:, 0])
    x = _middles(window[:, 0], CELLS[1])
    inside = np.clip(x, centres[order[0], 0], centres[order[-1], 0])
    values = np.exp(PchipInterpolator(centres[order, 0], logs[order])(inside))
    return Density1D(**_interpolated(values, x[1] - x[0]), x=x)


def _from_plane(cells: xr.Dataset, names: list[str]) -> Density2D:
    ends = [np.stack([cells[f"{n}{end}"] for n in names], axis=1) for end in ("_low", "_high")]
    centres, logs, window = _logs(cells, names)
    centres, logs = _with_border(centres, logs, ends)
    size = np.median(ends[1] - ends[0], axis=0)
    return _plane(centres.tobytes(), logs.tobytes(), window.tobytes(), size.tobytes())


def _with_border(
    centres: np.ndarray, logs: np.ndarray, ends: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Also at the ends of the prior, where the density is that of the cells there."""
    for axis in (0, 1):
        for end, outermost in zip(ends, (ends[0].min(axis=0), ends[1].max(axis=0)), strict=True):
            at = np.flatnonzero(end[:, axis] == outermost[axis])
            border = centres[at].copy()
            border[:, axis] = outermost[axis]
            centres, logs = np.concatenate([centres, border]), np.concatenate([logs, logs[at]])
    return centres, logs


@lru_cache(maxsize=8)  # Tables and figures ask for the same again and again.
def _plane(*arrays: bytes) -> Density2D:
    """By thin plates between cells, in units of these, which are squares then, or nearly so.

    These on every second line of the grid, as they are slow; cubic splines between the lines.
    """
    centres, logs, window, size = map(np.frombuffer, arrays)
    centres, window = centres.reshape((-1, 2)), window.reshape((2, 2))
    coarse = [_middles(window[:, i], CELLS[2] // 2) for i in (0, 1)]
    points = np.stack(np.meshgrid(*coarse, indexing="ij"), axis=-1) / size
    values = NearestNDInterpolator(centres / size, logs)(points)
    reached = values > -DEPTH
    plates = RBFInterpolator(centres / size, logs, neighbors=NEIGHBOURS)
    with threadpool_limits(1, user_api="blas"):  # Its many small matrices wait for threads.
        values[reached] = plates(points[reached])
    x, y = (_middles(window[:, i], CELLS[2]) for i in (0, 1))
    values = RectBivariateSpline(*coarse, values)(x, y)
    density = np.exp(np.minimum(values, 0.5)) * (1 - TILT * _distance_to_peak(values))
    volume = (x[1] - x[0]) * (y[1] - y[0])
    return Density2D(**_interpolated(density, volume), x=x, y=y)


def _distance_to_peak(values: np.ndarray) -> np.ndarray:
    """In units of the window: of equal densities, as on a plateau, the nearer shall be higher."""
    peak = np.unravel_index(values.argmax(), values.shape)
    steps = [(np.arange(n) - at) / n for n, at in zip(values.shape, peak, strict=True)]
    return np.hypot(*np.meshgrid(*steps, indexing="ij"))
