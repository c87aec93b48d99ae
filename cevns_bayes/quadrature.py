"""Composite Gauss-Legendre quadrature with breakpoints where the integrand has an edge."""

from collections.abc import Iterable

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
