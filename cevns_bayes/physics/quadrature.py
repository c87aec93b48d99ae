"""Composite Gauss-Legendre quadrature with breakpoints where the integrand has an edge."""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import numpy as np

from cevns_bayes.errors import InputError

gauss_legendre = cache(np.polynomial.legendre.leggauss)


def composite_rule(breakpoints: np.ndarray, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights, each of shape (panels * nodes,), of ``nodes`` points per panel."""
    return rule_of_panels(np.column_stack([breakpoints[:-1], breakpoints[1:]]), nodes)


def rule_of_panels(panels: np.ndarray, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights for panels of shape (panels, 2), which need not adjoin."""
    x, w = gauss_legendre(nodes)
    half_width, centre = np.diff(panels) / 2, panels.mean(axis=1, keepdims=True)
    return (centre + half_width * x).ravel(), (half_width * w).ravel()


def integrals_over_bins(
    function: Callable[[np.ndarray], np.ndarray],
    edges: np.ndarray,
    *,
    panel_width: float,
    nodes: int,
    breakpoints: Iterable[float] = (),
) -> np.ndarray:
    """Integral over each bin of a histogram, shape (bins,).

    Parameters
    ----------
    edges
        Bin edges, shape (bins + 1,).
    panel_width
        Greatest width of a panel, in the units of the edges.
    breakpoints
        Points where the function is not smooth; those out of range do not matter.
    """
    first, last = edges[0], edges[-1]
    steps = np.linspace(first, last, int(np.ceil((last - first) / panel_width)) + 1)
    inner = [b for b in breakpoints if first < b < last]
    points, weights = composite_rule(np.unique(np.concatenate([edges, steps, inner])), nodes)
    return sums_by_bin(weights * function(points), points, edges)


def sums_by_bin(values: np.ndarray, at: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Sums, along the first axis, of the values at increasing points in each bin."""
    return np.add.reduceat(values, np.searchsorted(at, edges[:-1]), axis=0)


def adaptive_panels(
    edges: np.ndarray,
    integrals: Callable[[np.ndarray], np.ndarray],
    converged: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray],
    *,
    most: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Panels that are halved until that changes nothing.

    Parameters
    ----------
    edges
        Of the first panels, increasing, shape (panels + 1,).
    integrals
        Of panels of shape (panels, 2): vectors of integrals, shape (panels, values).
    converged
        Of the changes by halving and the integrals, both of shape (panels, values), and the total
        of the magnitudes of all integrals, shape (values,): whether a panel is good.
    most
        Greatest number of panels.

    Returns
    -------
    panels, in their order, shape (panels, 2), and their integrals

    Raises
    ------
    InputError
        If there are more panels.
    """
    todo = np.column_stack([edges[:-1], edges[1:]])
    values = integrals(todo)
    done, done_values = todo[:0], values[:0]
    while len(todo):
        if len(done) + 2 * len(todo) > most:
            raise InputError(f"an integral needs more than {most} panels: is it smooth?")
        middles = todo.mean(axis=1)
        halves = np.column_stack([todo[:, 0], middles, middles, todo[:, 1]]).reshape((-1, 2))
        of_halves = integrals(halves)
        sums = of_halves.reshape((len(todo), 2, -1)).sum(axis=1)
        total = np.abs(done_values).sum(axis=0) + np.abs(of_halves).sum(axis=0)
        good = converged(np.abs(sums - values), sums, total)
        done = np.concatenate([done, todo[good]])
        done_values = np.concatenate([done_values, sums[good]])
        again = np.repeat(~good, 2)
        todo, values = halves[again], of_halves[again]
    order = np.argsort(done[:, 0])
    return done[order], done_values[order]


def inside_weights(panels: np.ndarray, nodes: int, low: Any, high: Any) -> Any:
    """Factors on the nodes that turn the integral over all panels into one over [low, high].

    Integrates the polynomial through the nodes of each panel exactly, so the result is smooth in
    the limits although the nodes stay where they are.

    Parameters
    ----------
    panels
        Ranges, shape (panels, 2), with ``nodes`` Gauss-Legendre points each.
    low, high
        Limits for every panel, shape (panels,), NumPy or PyTensor; they may lie outside of it.

    Returns
    -------
    array of shape (panels * nodes,)
    """
    x, w = gauss_legendre(nodes)
    order = np.arange(nodes)
    falling = np.array([0.0 if n == 1 else 1 / (n - 1) for n in order])
    per_node = np.linalg.inv(np.polynomial.chebyshev.chebvander(x, nodes - 1)) / w

    def integrals(limit: Any) -> Any:
        """Indefinite integrals of the Chebyshev polynomials, shape (panels, nodes)."""
        centre, half_width = panels.mean(axis=1), np.diff(panels).ravel() / 2
        inside = ((limit - centre) / half_width).clip(-1 + 1e-14, 1 - 1e-14)
        cosines = np.cos(np.arange(nodes + 1) * np.arccos(inside)[:, None])
        return (cosines[:, 1:] / (order + 1) - falling * cosines[:, np.abs(order - 1)]) / 2

    return ((integrals(high) - integrals(low)) @ per_node).ravel()
