"""Energy spectra of neutrinos: lines, polynomials, tables.

A spectrum phi(E), per parent particle (pion, fission, ...), is known by its moments above a
threshold, int_threshold^end phi(E) E^-m dE [MeV^-m] for m = 0, 1, 2: every kinematic factor of this
field is a polynomial in 1/E (:mod:`cevns_bayes.physics.cross_sections`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from cevns_bayes.checks import check_array, check_fields, check_increasing
from cevns_bayes.physics.quadrature import composite_rule

Moments = tuple[Any, Any, Any]
Weight = Callable[[Any], Any]

# Between two neighbouring thresholds. At 100 eV^2 and 30 m the phase turns by up to 40 there,
# wherever the recoil can be seen: tests/sources/test_spectra.py.
NODES_BETWEEN_THRESHOLDS = 16


class Spectrum(Protocol):
    """What a :class:`Source` asks of its spectrum; thresholds [MeV] have any shape."""

    @property
    def end_mev(self) -> float:
        """Greatest energy."""

    def moments(self, threshold_mev: Any) -> Moments:
        """Moments above the threshold, of its shape."""

    def smooth_moments(self, threshold_mev: Any) -> Moments:
        """Moments, continued smoothly above the end; thresholds may be PyTensor variables."""

    def weighted_moments(self, threshold_mev: np.ndarray, weight: Weight) -> Moments:
        """Moments of phi(E) weight(E); the thresholds have shape (recoil,).

        The weight may be a PyTensor variable.
        """


class _Ending:
    """Moments that are the smooth ones up to the end of the spectrum."""

    def moments(self: Spectrum, threshold_mev: Any) -> Moments:
        """Moments above the threshold; zero for thresholds above the end of the spectrum."""
        return _times(1.0 * (threshold_mev <= self.end_mev), self.smooth_moments(threshold_mev))


@dataclass(frozen=True)
class Line(_Ending):
    """One neutrino of the energy ``end_mev`` per parent particle.

    Examples
    --------
    >>> number, inverse, _ = cb.Line(25.0).moments(np.array([20.0, 30.0]))
    >>> number, inverse
    (array([1., 0.]), array([0.04, 0.  ]))
    """

    end_mev: float

    def __post_init__(self) -> None:
        check_fields(self, "finite and positive", "end_mev")

    def smooth_moments(self, threshold_mev: Any) -> Moments:
        """Moments of the line, the same at all thresholds."""
        return 1.0, 1 / self.end_mev, 1 / self.end_mev**2

    def weighted_moments(self, threshold_mev: np.ndarray, weight: Weight) -> Moments:
        """Moments of the line times the weight at its energy."""
        return _times(weight(self.end_mev), self.moments(threshold_mev))


@dataclass(frozen=True)
class Polynomials(_Ending):
    """phi(E) = sum_p coefficients[segment, p] E^p between consecutive edges.

    Attributes
    ----------
    edges_mev
        Ends of the segments, shape (segments + 1,).
    coefficients
        Of the powers 0, 1, 2, ..., shape (segments, powers) [MeV^-(p + 1)].

    Examples
    --------
    >>> triangle = cb.Polynomials(np.array([0.0, 2.0]), np.array([[0.0, 0.5]]))
    >>> triangle.density(np.array([1.0, 3.0])), round(float(triangle.moments(1.0)[0]), 3)
    (array([0.5, 0. ]), 0.75)
    """

    edges_mev: np.ndarray
    coefficients: np.ndarray

    def __post_init__(self) -> None:
        edges = check_increasing(
            "edges_mev of Polynomials", self.edges_mev, "finite and non-negative"
        )
        shape = len(edges) - 1, np.size(self.coefficients) // (len(edges) - 1)
        coefficients = check_array("coefficients of Polynomials", self.coefficients, shape)
        object.__setattr__(self, "edges_mev", edges)
        object.__setattr__(self, "coefficients", coefficients)

    @property
    def end_mev(self) -> float:
        """The last edge."""
        return float(self.edges_mev[-1])

    def density(self, energy_mev: np.ndarray) -> np.ndarray:
        """phi(E) [1/MeV], zero outside of the edges; of the shape of the energies."""
        energy = np.asarray(energy_mev, dtype=float)
        segment = np.searchsorted(self.edges_mev, energy, side="right") - 1
        last = len(self.coefficients) - 1
        coefficients = self.coefficients[segment.clip(0, last)]
        powers = energy[..., None] ** np.arange(self.coefficients.shape[1])
        inside = (energy >= self.edges_mev[0]) & (energy <= self.end_mev)
        return inside * (coefficients * powers).sum(axis=-1)

    def smooth_moments(self, threshold_mev: Any) -> Moments:
        """Closed form; the last segment goes on above its end."""
        low, high = self.edges_mev[:-1], self.edges_mev[1:]
        from_ = threshold_mev[..., None] if np.ndim(threshold_mev) else threshold_mev
        from_ = _clip(from_, low, np.append(high[:-1], np.inf))

        def moment(m: int) -> Any:
            parts = (
                c * (_antiderivative(high, p - m) - _antiderivative(from_, p - m))
                for p, c in enumerate(self.coefficients.T)
                if c.any()
            )
            return sum(parts, np.zeros(len(low))).sum(axis=-1)

        return moment(0), moment(1), moment(2)

    def weighted_moments(self, threshold_mev: np.ndarray, weight: Weight) -> Moments:
        """Integrated from one threshold to the next, so that one sum serves all thresholds."""
        end = self.end_mev
        thresholds = np.clip(threshold_mev, self.edges_mev[0], end)
        edges = np.unique(np.concatenate([thresholds, self.edges_mev]))
        rank = np.searchsorted(edges, thresholds)
        energy, rule = composite_rule(edges, NODES_BETWEEN_THRESHOLDS)
        flux = rule * self.density(energy) * energy ** -np.arange(3.0)[:, None]
        per_interval = (-1, NODES_BETWEEN_THRESHOLDS)
        # Before the moments, so that a compiler evaluates the weight once for all of them.
        seen = (np.ones_like(energy) * weight(energy)).reshape(per_interval)
        between = (flux.reshape((3, *per_interval)) * seen).sum(axis=2)
        above = between[:, ::-1].cumsum(axis=1)[:, ::-1]
        found = (thresholds < end) * above[:, np.minimum(rank, len(edges) - 2)]
        return found[0], found[1], found[2]


def tabulated(energy_mev: Any, density_per_mev: Any) -> Polynomials:
    """Spectrum that is linear between the points of a table and zero outside.

    Parameters
    ----------
    energy_mev
        Positive and increasing, shape (points,).
    density_per_mev
        phi(E) per parent particle, not negative, shape (points,).

    Raises
    ------
    InputError
        A table that is none of this.

    Examples
    --------
    >>> spectrum = cb.tabulated([1.0, 2.0, 8.0], [0.0, 1.0, 0.0])
    >>> round(float(spectrum.moments(1.0)[0]), 3)
    3.5
    """
    energy = check_increasing("energies of a spectrum", energy_mev, "finite and positive")
    title = "densities of a spectrum"
    density = check_array(title, density_per_mev, energy.shape, "finite and non-negative")
    slope = np.diff(density) / np.diff(energy)
    return Polynomials(energy, np.column_stack([density[:-1] - slope * energy[:-1], slope]))


def _antiderivative(energy: Any, power: int) -> Any:
    """Antiderivative of E^power."""
    return np.log(energy) if power == -1 else energy ** (power + 1) / (power + 1)


def _clip(energy: Any, low: Any, high: Any) -> Any:
    """Between the limits; PyTensor variables have the method only, and numbers the function."""
    return energy.clip(low, high) if hasattr(energy, "clip") else np.clip(energy, low, high)


def _times(factor: Any, moments: Moments) -> Moments:
    m0, m1, m2 = moments
    return factor * m0, factor * m1, factor * m2
