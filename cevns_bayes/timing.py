"""Fractions of a component per time bin as smooth functions of a shift of the beam-time onset."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytensor.tensor as pt

from cevns_bayes.quadrature import binned_rule

TimeEfficiency = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class TimeShape:
    """Fraction per time bin, a uniform cubic B-spline in the onset shift.

    Twice continuously differentiable in the shift, which gradient samplers need; the tabulated
    shapes of a release are not. Shifts beyond the tabulated range act like its end.

    Attributes
    ----------
    knots_us
        Uniform positions of the basis functions, shape (knots,).
    coefficients
        Shape (knots, time).
    """

    knots_us: np.ndarray
    coefficients: np.ndarray

    @classmethod
    def from_fractions(
        cls, fractions: Callable[[float], np.ndarray], *, range_us: float, step_us: float = 0.01
    ) -> "TimeShape":
        """Tabulate ``fractions(shift)``, of shape (time,), for shifts within ``±range_us``."""
        count = round(range_us / step_us)
        knots = step_us * np.arange(-count - 1, count + 2)
        shifts = step_us * np.arange(-2 * count, 2 * count + 1) / 2
        table = np.array([fractions(float(shift)) for shift in shifts])
        basis = _cubic_basis((shifts[:, None] - knots) / step_us)
        return cls(knots, np.linalg.lstsq(basis, table)[0])

    @classmethod
    def constant(cls, fractions: np.ndarray) -> "TimeShape":
        """A shape that no shift moves."""
        return cls(np.zeros(1), fractions[None, :])

    def __call__(self, shift_us: Any) -> Any:
        """Fractions, shape (time,), at a shift [us] given as a PyTensor scalar."""
        if len(self.knots_us) == 1:
            return pt.as_tensor_variable(self.coefficients[0])
        step = self.knots_us[1] - self.knots_us[0]
        shift = pt.clip(shift_us, self.knots_us[1], self.knots_us[-2])
        basis = _cubic_basis((shift - self.knots_us) / step)
        return (basis[:, None] * self.coefficients).sum(axis=0)


def _cubic_basis(u: Any) -> Any:
    """Cardinal cubic B-spline of support |u| < 2; NumPy arrays and PyTensor variables alike."""
    two, one = 2 - np.abs(u), 1 - np.abs(u)
    return (two**3 * (two > 0) - 4 * one**3 * (one > 0)) / 6


def density_fractions(
    density: Callable[[np.ndarray], np.ndarray],
    edges_us: np.ndarray,
    efficiency: TimeEfficiency,
    efficiency_start_us: float,
) -> np.ndarray:
    """Integral of a density times the time efficiency over each bin, shape (time,)."""
    points, weights = binned_rule(
        edges_us, panel_width=0.125, nodes=8, breakpoints=[efficiency_start_us]
    )
    return weights @ (density(points) * efficiency(points))


def table_fractions(
    table_edges_us: np.ndarray,
    table: np.ndarray,
    shift_us: float,
    edges_us: np.ndarray,
    efficiency: TimeEfficiency,
) -> np.ndarray:
    """Contents of a shifted histogram times the time efficiency in each bin, shape (time,).

    The histogram is flat inside its own (fine) bins, where the efficiency is taken at the centre.
    """
    shifted = table_edges_us + shift_us
    weighted = table * efficiency((shifted[1:] + shifted[:-1]) / 2)
    cumulative = np.concatenate([[0.0], np.cumsum(weighted)])
    return np.diff(np.interp(edges_us, shifted, cumulative))
