"""Detection: the probability to be found in a bin, from the effects of a detector.

An effect of one's own is an object with the one method of :class:`Quenching` or
:class:`Resolution`, or a function as :class:`Efficiency`.
"""

from typing import Protocol

import numpy as np

from cevns_bayes.checks import called, check_array
from cevns_bayes.detectors.effects import ConstantEfficiency
from cevns_bayes.physics.quadrature import adaptive_panels, rule_of_panels, sums_by_bin

ACCURACY = 1e-9  # of a probability
NODES = 12  # per panel of reconstructed energy
MAX_PANELS = 50_000
PANELS_AT_ONCE = 200  # so that arrays of points times visible energies fit into memory


class Quenching(Protocol):
    """Nuclear recoil energy [MeV] to visible energy [keVee]."""

    def visible_energy_kev(self, recoil_energy_mev: np.ndarray) -> np.ndarray: ...


class Resolution(Protocol):
    """Density of the reconstructed energy for a visible energy [keVee], broadcast.

    One that has the method ``cumulative``, with the same arguments, is proved to be resolved: a
    peak much narrower than the bins can otherwise fall between the points that are tried.
    """

    def density(self, reconstructed: np.ndarray, visible_energy_kev: np.ndarray) -> np.ndarray: ...


class Efficiency(Protocol):
    """Probability to accept an event of a reconstructed energy: a function of arrays.

    If it has ``kinks``, they are reconstructed energies where it is not smooth.
    """

    def __call__(self, reconstructed: np.ndarray, /) -> np.ndarray: ...


def detection_matrix(
    edges: np.ndarray,
    resolution: Resolution,
    efficiency: Efficiency,
    visible_energy_kev: np.ndarray,
) -> np.ndarray:
    """Probability to be reconstructed in each bin and accepted, shape (bins, visible energies).

    By adaptive quadrature: however narrow the resolution is, each visible energy is resolved. Exact
    where the efficiency is constant and the resolution knows its cumulative.

    Raises
    ------
    InputError
        If the quadrature does not converge, or the effects are no probabilities.
    """
    visible_energy_kev = np.asarray(visible_energy_kev, dtype=float)
    if isinstance(efficiency, ConstantEfficiency) and hasattr(resolution, "cumulative"):
        below = resolution.cumulative(edges[:, None], visible_energy_kev)
        return efficiency.efficiency * np.diff(below, axis=0)
    inside = [kink for kink in getattr(efficiency, "kinks", ()) if edges[0] < kink < edges[-1]]

    def integrals(panels: np.ndarray) -> np.ndarray:
        """Those wanted, then what the density alone misses of the resolution's cumulative."""
        points, weights = rule_of_panels(panels, NODES)
        density = _density(resolution, points, visible_energy_kev) * weights[:, None]
        accepted = density * _accepted(efficiency, points)[:, None]
        found, alone = (
            x.reshape((len(panels), NODES, -1)).sum(axis=1) for x in (accepted, density)
        )
        return np.hstack([found, alone - _contents(resolution, panels, visible_energy_kev, alone)])

    def blockwise(panels: np.ndarray) -> np.ndarray:
        blocks = range(0, len(panels), PANELS_AT_ONCE)
        return np.concatenate([integrals(panels[i : i + PANELS_AT_ONCE]) for i in blocks])

    def converged(change: np.ndarray, sums: np.ndarray, _: np.ndarray) -> np.ndarray:
        missed = np.abs(sums[:, len(visible_energy_kev) :])
        return (change < ACCURACY).all(axis=1) & (missed < 10 * ACCURACY).all(axis=1)

    panels, values = adaptive_panels(
        np.unique(np.concatenate([edges, inside])),
        blockwise,
        converged,
        most=MAX_PANELS,
    )
    return sums_by_bin(values[:, : len(visible_energy_kev)], panels[:, 0], edges)


def _density(resolution: Resolution, points: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """Densities of a resolution, shape (points, visible energies)."""
    density = called("density of the resolution", resolution.density, points[:, None], visible)
    shape = len(points), len(visible)
    return check_array("density of the resolution", density, shape, "finite and non-negative")


def _accepted(efficiency: Efficiency, points: np.ndarray) -> np.ndarray:
    found = called("efficiency of an array of energies", efficiency, points)
    return check_array("efficiency", found, points.shape, "between 0 and 1")


def _contents(
    resolution: Resolution, panels: np.ndarray, visible_energy_kev: np.ndarray, alone: np.ndarray
) -> np.ndarray:
    """Exact integrals of the density over panels, where the resolution knows them."""
    cumulative = getattr(resolution, "cumulative", None)
    if cumulative is None:
        return alone
    low, high = (cumulative(panels[:, i, None], visible_energy_kev) for i in (0, 1))
    return high - low
