"""Fractions of a component per time bin as smooth functions of a shift of the beam-time onset."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytensor.tensor as pt

from cevns_bayes.checks import check_array, check_increasing
from cevns_bayes.errors import InputError
from cevns_bayes.physics.quadrature import integrals_over_bins
from cevns_bayes.sources.source import Source

TimeEfficiency = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class TimeShape:
    """Fraction per time bin, a uniform cubic B-spline in the onset shift.

    Twice continuously differentiable in the shift, which gradient samplers need; the tabulated
    shapes of a release are not. Shifts beyond the tabulated range act like its end.

    Attributes
    ----------
    knots_us
        Uniform positions of the basis functions, shape (knots,); a single one if the shape does
        not depend on the shift.
    coefficients
        Weight of each basis function in each time bin, shape (knots, time).

    Examples
    --------
    >>> cb.TimeShape.constant(np.array([0.25, 0.75]))(0.1)
    array([0.25, 0.75])
    >>> moving = cb.TimeShape.from_fractions(lambda s: np.array([0.5 - s, 0.5 + s]), range_us=0.25)
    >>> moving(0.1).eval().round(3)
    array([0.4, 0.6])
    """

    knots_us: np.ndarray
    coefficients: np.ndarray

    @classmethod
    def from_fractions(
        cls, fractions: Callable[[float], np.ndarray], *, range_us: float, step_us: float = 0.01
    ) -> "TimeShape":
        """Tabulate ``fractions(shift)``, of shape (time,), for shifts within ``±range_us``."""
        check_array("range_us of a TimeShape", range_us, (), "finite and positive")
        count = max(1, round(range_us / step_us))
        knots = step_us * np.arange(-count - 1, count + 2)
        shifts = step_us * np.arange(-2 * count, 2 * count + 1) / 2
        table = np.array([fractions(float(shift)) for shift in shifts])
        basis = _cubic_basis((shifts[:, None] - knots) / step_us)
        return cls(knots, np.linalg.lstsq(basis, table)[0])

    @classmethod
    def constant(cls, fractions: np.ndarray) -> "TimeShape":
        """A shape that no shift moves."""
        return cls(np.zeros(1), np.asarray(fractions, dtype=float)[None, :])

    @classmethod
    def joined(cls, shapes: "Sequence[TimeShape]") -> "TimeShape":
        """One shape of the bins of several, one after the other.

        Raises
        ------
        InputError
            If those that move have different knots.
        """
        knots = max((shape.knots_us for shape in shapes), key=len)
        moving = [shape for shape in shapes if len(shape.knots_us) > 1]
        if not all(np.array_equal(shape.knots_us, knots) for shape in moving):
            raise InputError("time shapes that one onset moves must have the same range and step")
        columns = [np.broadcast_to(s.coefficients, (len(knots), s.bins)) for s in shapes]
        return cls(knots, np.hstack(columns))

    @property
    def bins(self) -> int:
        """Number of time bins."""
        return self.coefficients.shape[1]

    @property
    def reach_us(self) -> float:
        """Greatest shift that is tabulated; zero if none moves it."""
        return float(self.knots_us[-2]) if len(self.knots_us) > 1 else 0.0

    def __call__(self, shift_us: Any) -> Any:
        """Fractions, shape (time,), at a shift [us], a number or a PyTensor scalar.

        Of the basis functions only the four that do not vanish are evaluated.
        """
        if len(self.knots_us) == 1:
            return self.coefficients[0]
        first, step = self.knots_us[0], self.knots_us[1] - self.knots_us[0]
        shift = pt.clip(shift_us, self.knots_us[1], self.knots_us[-2])
        position = (shift - first) / step
        cell = pt.clip(pt.floor(position), 1, len(self.knots_us) - 3)
        x = position - cell
        basis = [(1 - x) ** 3, 4 - 6 * x**2 + 3 * x**3, 1 + 3 * x + 3 * x**2 - 3 * x**3, x**3]
        rows = pt.cast(cell, "int64") + np.arange(-1, 3)
        return (pt.stack(basis) / 6) @ pt.as_tensor(self.coefficients)[rows]


def _cubic_basis(u: np.ndarray) -> np.ndarray:
    """Cardinal cubic B-spline of support |u| < 2."""
    two, one = 2 - np.abs(u), 1 - np.abs(u)
    return (two**3 * (two > 0) - 4 * one**3 * (one > 0)) / 6


def arrival_shape(
    source: Source,
    edges_us: np.ndarray,
    *,
    range_us: float | None = None,
    efficiency: TimeEfficiency = np.ones_like,
    efficiency_start_us: float = 0.0,
    window_us: Sequence[float] | None = None,
) -> TimeShape:
    """Fractions of a source's events per time bin.

    Parameters
    ----------
    source
        Source with arrival times.
    edges_us
        Bin edges [us], shape (time + 1,).
    range_us
        Greatest shift of the onset [us] in either direction; None if nothing moves it.
    efficiency
        Probability to accept an event, as a function of the time [us].
    efficiency_start_us
        Time [us] at which the efficiency is not smooth.
    window_us
        Two times [us]. The fractions are relative to the arrivals between them, before the
        efficiency; without a window, to all arrivals, also those outside of the bins.

    Raises
    ------
    InputError
        A source without arrival times, edges that do not increase.

    Examples
    --------
    >>> pulse = cb.Pulse(onset_us=0.5, width_us=0.15)
    >>> flux = cb.pion_decay_at_rest(pions=1e22, distance_m=20.0, pulse=pulse)
    >>> cb.arrival_shape(flux.sources["nu_mu"], np.array([0.0, 1.0, 6.0]))(0.0).round(3)
    array([0.999, 0.001])
    >>> cb.arrival_shape(flux.sources["nu_e"], np.array([0.0, 1.0, 6.0]))(0.0).round(3)
    array([0.192, 0.725])
    """
    arrival = source.arrival
    if arrival is None:
        raise InputError(f"a source of {source.flavour} has no arrival times")
    edges = check_increasing("edges_us of an arrival shape", edges_us)
    given = (0.0, 1.0) if window_us is None else window_us
    window = check_increasing("window_us of an arrival shape", given)

    def fractions(shift_us: float) -> np.ndarray:
        def density(t: np.ndarray) -> np.ndarray:
            return arrival(t, shift_us)

        in_bins = density_fractions(density, edges, efficiency, efficiency_start_us)
        if window_us is None:
            return in_bins
        return in_bins / density_fractions(density, window, np.ones_like, efficiency_start_us)

    if range_us is None:
        return TimeShape.constant(fractions(0.0))
    return TimeShape.from_fractions(fractions, range_us=range_us)


def density_fractions(
    density: Callable[[np.ndarray], np.ndarray],
    edges_us: np.ndarray,
    efficiency: TimeEfficiency,
    efficiency_start_us: float,
) -> np.ndarray:
    """Integral of a density times the time efficiency over each bin, shape (time,)."""
    return integrals_over_bins(
        lambda time_us: density(time_us) * efficiency(time_us),
        edges_us,
        panel_width=0.125,
        nodes=8,
        breakpoints=[efficiency_start_us],
    )


def table_fractions(
    table_edges_us: np.ndarray,
    table: np.ndarray,
    shift_us: float,
    edges_us: Any,
    efficiency: TimeEfficiency,
) -> np.ndarray:
    """Contents of a shifted histogram times the time efficiency in each bin, shape (time,).

    The histogram is flat inside its own (fine) bins, where the efficiency is taken at the centre.
    """
    shifted = table_edges_us + shift_us
    weighted = table * efficiency((shifted[1:] + shifted[:-1]) / 2)
    cumulative = np.concatenate([[0.0], np.cumsum(weighted)])
    return np.diff(np.interp(edges_us, shifted, cumulative))
