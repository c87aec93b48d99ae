"""Composite Gauss-Legendre quadrature with breakpoints where the integrand has an edge."""

from collections.abc import Iterable
from typing import Any

import numpy as np


def composite_rule(breakpoints: np.ndarray, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights, each of shape (panels * nodes,), of ``nodes`` points per panel."""
    x, w = np.polynomial.legendre.leggauss(nodes)
    half_width = np.diff(breakpoints)[:, None] / 2
    centre = (breakpoints[1:] + breakpoints[:-1])[:, None] / 2
    return (centre + half_width * x).ravel(), (half_width * w).ravel()


def binned_rule(
    edges: np.ndarray, *, panel_width: float, nodes: int, breakpoints: Iterable[float] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Rule for the integrals over each bin of a histogram.

    Parameters
    ----------
    edges
        Bin edges, shape (bins + 1,).
    panel_width
        Greatest width of a panel, in the units of the edges.
    breakpoints
        Points inside the range where the integrand is not smooth.

    Returns
    -------
    points : shape (points,)
    weights : shape (bins, points), zero for the points of other bins.
    """
    first, last = edges[0], edges[-1]
    steps = np.linspace(first, last, int(np.ceil((last - first) / panel_width)) + 1)
    inner = [b for b in breakpoints if first < b < last]
    points, weights = composite_rule(np.unique(np.concatenate([edges, steps, inner])), nodes)
    bin_of_point = np.searchsorted(edges, points) - 1
    return points, weights * (bin_of_point == np.arange(len(edges) - 1)[:, None])


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
    x, w = np.polynomial.legendre.leggauss(nodes)
    order = np.arange(nodes)
    per_node = np.linalg.inv(np.polynomial.chebyshev.chebvander(x, nodes - 1)) / w

    def integrals(limit: Any) -> Any:
        """Indefinite integrals of the Chebyshev polynomials, shape (panels, nodes, 1)."""
        centre, half_width = panels.mean(axis=1), np.diff(panels).ravel() / 2
        inside = ((limit - centre) / half_width).clip(-1 + 1e-14, 1 - 1e-14)
        theta = np.arccos(inside)[:, None]
        lower = np.where(order == 1, 1, order - 1)
        terms = np.cos((order + 1) * theta) / (order + 1)
        terms = terms - np.where(order == 1, 0, 1 / lower) * np.cos(lower * theta)
        return terms[:, :, None] / 2

    return ((integrals(high) - integrals(low)) * per_node).sum(axis=1).ravel()
