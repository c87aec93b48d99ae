"""Densities of the parameters of interest, from what the sampler knows of them.

The sampler laplace knows the marginal posterior of one or two parameters on a grid (group
``marginal``) without noise, while an estimate from draws has wavy edges, holes and islands on bands
and plateaus. Posteriors of other samplers, and of three parameters, have their density estimated
from the draws.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import xarray as xr

from cevns_bayes.bayesian.density import (
    UNLIMITED,
    Density1D,
    Density2D,
    Limits,
    density_1d,
    density_2d,
    extended_to,
)

ROUGHNESS = 0.01  # of the integral over the nuisances, relative
TILT = 1e-6  # relative, across the window; rounding is far less, what can be seen far more


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
    known = _known(posterior, [name])
    if known is None:
        draws = posterior["posterior"][name].to_numpy()
        return density_1d(draws, extended_to(limits, draws))
    if known.ndim == 1:
        return _from_line(known)
    joint = _from_plane(known.transpose(name, ...))
    values = joint.values.sum(axis=1) * (joint.y[1] - joint.y[0])
    return Density1D(**_normalised(values, joint.x[1] - joint.x[0]), x=joint.x)


def posterior_density_2d(
    posterior: xr.DataTree, pair: tuple[str, str], limits: tuple[Limits, Limits]
) -> Density2D:
    """Density of two variables; arguments as in :func:`posterior_density_1d`."""
    known = _known(posterior, pair)
    if known is not None:
        return _from_plane(known.transpose(*pair))
    draws = [posterior["posterior"][name].to_numpy() for name in pair]
    x_limits, y_limits = (extended_to(of, d) for of, d in zip(limits, draws, strict=True))
    return density_2d(draws[0], draws[1], (x_limits, y_limits))


def is_estimated(posterior: xr.DataTree, names: Sequence[str]) -> bool:
    """Whether the density of these variables is an estimate from draws."""
    return _known(posterior, names) is None


def _known(posterior: xr.DataTree, names: Sequence[str]) -> xr.DataArray | None:
    """Log-density on a grid, if that of these variables is known."""
    marginal = posterior["marginal"].to_dataset() if "marginal" in posterior.children else {}
    known = marginal.get("log_density")
    return known.astype(float) if known is not None and {*names} <= {*known.dims} else None


def _normalised(values: np.ndarray, volume: float) -> dict[str, Any]:
    values = values / (values.sum() * volume)
    flat = values.ravel()
    return {"values": values, "at_draws": flat, "weights": flat * volume, "noise": ROUGHNESS}


def _from_line(known: xr.DataArray) -> Density1D:
    x = known[known.dims[0]].to_numpy()
    return Density1D(**_normalised(np.exp(known.to_numpy()), x[1] - x[0]), x=x)


def _from_plane(known: xr.DataArray) -> Density2D:
    axes = [known[name].to_numpy().tobytes() for name in known.dims]
    return _plane(*axes, known.to_numpy().tobytes())


@lru_cache(maxsize=8)  # Tables and figures ask for the same again and again.
def _plane(*arrays: bytes) -> Density2D:
    x, y, logs = map(np.frombuffer, arrays)
    logs = logs.reshape((len(x), len(y)))
    density = np.exp(logs) * (1 - TILT * _distance_to_peak(logs))
    volume = (x[1] - x[0]) * (y[1] - y[0])
    return Density2D(**_normalised(density, volume), x=x, y=y)


def _distance_to_peak(values: np.ndarray) -> np.ndarray:
    """In units of the window: of equal densities, as on a plateau, the nearer shall be higher."""
    peak = np.unravel_index(values.argmax(), values.shape)
    steps = [(np.arange(n) - at) / n for n, at in zip(values.shape, peak, strict=True)]
    return np.hypot(*np.meshgrid(*steps, indexing="ij"))
