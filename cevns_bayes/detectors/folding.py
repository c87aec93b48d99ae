"""Folding of cross sections with a flux, and of a fine response onto few nodes.

Product integration: what is not smooth in the recoil energy but known (response, moments of the
flux, kinematics) is folded, once, onto a few nodes at which the couplings, which are smooth but
free, are evaluated:

    N_b = sum_k R[b, k] kappa(E_k) g(E_k)  ~  sum_i W[b, i] g(E_i),   W = (R kappa) L,

where L interpolates between Chebyshev nodes in ln E.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cevns_bayes.checks import check_has, check_one_or_each
from cevns_bayes.errors import InputError
from cevns_bayes.physics.cross_sections import Kinematics, Term
from cevns_bayes.physics.kinematics import minimum_energy, recoil_range
from cevns_bayes.physics.quadrature import inside_weights
from cevns_bayes.sources.source import Source

Coupling = Callable[[np.ndarray], np.ndarray]

MIN_NODES, MAX_NODES = 8, 96
TOLERANCE = 1e-7  # of the folded counts of a bin
NEGLIGIBLE = 1e-8  # share of all counts below which a bin is not looked at
BLIND = 1e-9  # share of a bin's counts, weighted by 1/E^2, that recoils not seen may have


def folded_kinematics(source: Source, kinematics: Kinematics, energy: Any, mass: Any) -> Any:
    """sum_m k_m M_m, the kinematics averaged over the flux as produced, shape (recoil,)."""
    moments = source.spectrum.moments(minimum_energy(energy, mass))
    return _sum_of_products(_three(kinematics, energy, mass), moments)


def folded_term(
    term: Term,
    source: Source,
    energy: np.ndarray,
    mass: np.ndarray,
    *,
    panels: np.ndarray,
    distance_m: float | None,
) -> Any:
    """A term folded with the flux that it sees, at the nodes of a fine response.

    With a massive final state the threshold is E_nu >= (1 + m_4^2/(2 m E)) E_min. The recoils it
    leaves are a range that depends on m_4 and ends, for a line, in steps. Inside it the moments
    are smooth; as weights that integrate over just that range stand in for its steps, expected
    counts are smooth in m_4 however the nodes lie.

    Parameters
    ----------
    panels
        Ranges of recoil energy, shape (panels, 2); each holds equally many Gauss-Legendre nodes.

    Returns
    -------
    array of shape (recoil,) [MeV^-3 per parent particle]
    """
    threshold = minimum_energy(energy, mass)
    inside: Any = 1.0
    if term.final_mass_mev is not None:
        threshold = (1 + term.final_mass_mev**2 / (2 * mass * energy)) * threshold
        nodes = len(energy) // len(panels)
        low, high = recoil_range(source.spectrum.end_mev, mass[::nodes], term.final_mass_mev)
        inside = inside_weights(panels, nodes, low, high)
        moments = _method(source, "smooth_moments")(threshold)
    elif term.survival is not None:
        survival, distance = term.survival, distance_m
        if distance is None:
            raise InputError("oscillations need a flux with a distance_m")
        moments = _method(source, "weighted_moments")(threshold, lambda e: survival(e, distance))
    else:
        moments = source.spectrum.moments(threshold)
    return term.coupling * inside * _sum_of_products(_three(term.kinematics, energy, mass), moments)


def _three(kinematics: Kinematics, energy: np.ndarray, mass: Any) -> Sequence[Any]:
    """k_0, k_1 and k_2, each of them a number or of shape (recoil,)."""
    found = kinematics(energy, mass)
    if len(found) != 3:
        raise InputError(f"kinematics must return three arrays, got {len(found)}")
    for k in found:
        check_one_or_each("what kinematics returns", k, len(energy))
    return found


def _method(source: Source, name: str) -> Callable[..., Any]:
    """One that only what changes the flux asks of a spectrum."""
    check_has(
        f"spectrum of {source.flavour}, for a final state or an oscillation", source.spectrum, name
    )
    return getattr(source.spectrum, name)  # type: ignore[no-any-return]


def _sum_of_products(kinematics: Sequence[Any], moments: Sequence[Any]) -> Any:
    return sum(k * m for k, m in zip(kinematics, moments, strict=True))


def few_nodes(
    energy: np.ndarray, rows: np.ndarray, couplings: Sequence[Coupling]
) -> tuple[np.ndarray, np.ndarray]:
    """Nodes that stand in for the fine ones of one nucleus; where many are needed, of two halves.

    Parameters
    ----------
    energy
        Fine nodes [MeV], shape (recoil,).
    rows
        What is folded with couplings, e.g. a response times moments, shape (rows, recoil).
    couplings
        Functions of the energy, as smooth as any coupling may be. So many nodes are taken that
        their folded values agree with those of the fine nodes.

    Returns
    -------
    nodes [MeV], shape (nodes,), and the matrix L, shape (recoil, nodes)
    """
    seen = _seen(energy, rows)
    if not seen.any():
        return energy[:1], np.zeros((len(energy), 1))
    log_energy = np.log(energy[seen])
    low, high = log_energy.min(), log_energy.max()
    exact = np.array([rows @ coupling(energy) for coupling in couplings])
    floor = NEGLIGIBLE * np.abs(exact).sum(axis=1, keepdims=True)
    for count in range(MIN_NODES, MAX_NODES + 1, 2):
        nodes, weights = _chebyshev(count, low, high)
        matrix = np.zeros((len(energy), count))
        matrix[seen] = _interpolation(nodes, weights, log_energy)
        found = np.array([rows @ (matrix @ g(np.exp(nodes))) for g in couplings])
        if np.all(np.abs(found - exact) <= TOLERANCE * np.abs(exact) + TOLERANCE * floor):
            return np.exp(nodes), matrix
    below = seen & (np.log(energy) < (low + high) / 2)
    halves = [_of_some(part, energy, rows, couplings) for part in (below, seen & ~below)]
    nodes, matrices = zip(*halves, strict=True)
    return np.concatenate(nodes), np.hstack(matrices)


def _of_some(
    chosen: np.ndarray, energy: np.ndarray, rows: np.ndarray, couplings: Sequence[Coupling]
) -> tuple[np.ndarray, np.ndarray]:
    """Nodes that stand in for the chosen ones."""
    few = chosen.sum() <= MAX_NODES
    own, part = energy[chosen], rows[:, chosen]
    nodes, found = (own, np.eye(len(own))) if few else few_nodes(own, part, couplings)
    matrix = np.zeros((len(energy), len(nodes)))
    matrix[chosen] = found
    return nodes, matrix


def _seen(energy: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Whether a node counts, even for a coupling that rises as 1/E towards lower energies."""
    weighted = np.abs(rows) / energy**2
    order = np.argsort(energy)
    below = np.cumsum(weighted[:, order], axis=1)
    total = below[:, -1:]
    seen = np.zeros(len(energy), dtype=bool)
    seen[order] = ((below > BLIND * total) & (total > 0)).any(axis=0)
    return seen


def _chebyshev(count: int, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """Chebyshev nodes of the first kind between two ends, and their barycentric weights."""
    k = np.arange(count)
    angle = np.pi * (2 * k + 1) / (2 * count)
    return (low + high) / 2 - (high - low) / 2 * np.cos(angle), (-1.0) ** k * np.sin(angle)


def _interpolation(nodes: np.ndarray, weights: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Matrix that takes values at the nodes to values at x, shape (x, nodes)."""
    gap = x[:, None] - nodes
    gap[gap == 0] = 1e-300
    terms = weights / gap
    return terms / terms.sum(axis=1, keepdims=True)
