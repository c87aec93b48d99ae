"""Detector effects: quenching, energy resolution, efficiencies."""

from dataclasses import dataclass

import numpy as np
from numpy.polynomial import Polynomial
from scipy import stats

KEV_PER_MEV = 1e3


@dataclass(frozen=True)
class PolynomialQuenching:
    """Visible energy E_ee = a E + b E^2 + ..., with E the nuclear recoil energy in MeV."""

    coefficients: tuple[float, ...]

    def visible_energy_kev(self, recoil_energy_mev: np.ndarray) -> np.ndarray:
        """Electron-equivalent energy [keVee]."""
        return KEV_PER_MEV * Polynomial((0.0, *self.coefficients))(recoil_energy_mev)


@dataclass(frozen=True)
class LinearQuenchingFactor:
    """Visible energy E_ee = E (constant + slope E), with E the nuclear recoil energy in keV."""

    constant: float
    slope_per_kev: float

    def visible_energy_kev(self, recoil_energy_mev: np.ndarray) -> np.ndarray:
        """Electron-equivalent energy [keVee]."""
        energy_kev = KEV_PER_MEV * recoil_energy_mev
        return energy_kev * (self.constant + self.slope_per_kev * energy_kev)


@dataclass(frozen=True)
class GaussianResolution:
    """Reconstructed energy [keVee], Gaussian with sigma = scale sqrt(E_ee)."""

    scale: float

    def density(self, reconstructed: np.ndarray, visible_energy_kev: np.ndarray) -> np.ndarray:
        """Probability density [1/keVee]; the arguments are broadcast against each other."""
        sigma = self.scale * np.sqrt(visible_energy_kev)
        return stats.norm.pdf(reconstructed, visible_energy_kev, sigma)


@dataclass(frozen=True)
class GammaResolution:
    """Photoelectrons for a visible energy: density ~ x^b exp(-a (1 + b) x).

    a = mean_scale / E_ee, b = shape_scale * E_ee with E_ee in keVee (arXiv:2110.07730,
    supplemental material); the mean is 1/a.
    """

    mean_scale: float
    shape_scale: float

    def density(self, photoelectrons: np.ndarray, visible_energy_kev: np.ndarray) -> np.ndarray:
        """Probability density [1/PE]; the arguments are broadcast against each other."""
        a = self.mean_scale / visible_energy_kev
        b = self.shape_scale * visible_energy_kev
        return stats.gamma.pdf(photoelectrons, b + 1, scale=1 / (a * (1 + b)))


@dataclass(frozen=True)
class SigmoidEfficiency:
    """eff(x) = a / (1 + exp(-b (x - c))) + d, cut at zero, with x the reconstructed energy."""

    a: float
    b: float
    c: float
    d: float

    def __call__(self, x: np.ndarray, /) -> np.ndarray:
        return np.maximum(self.a / (1 + np.exp(-self.b * (x - self.c))) + self.d, 0.0)

    @property
    def kinks(self) -> tuple[float, ...]:
        """The energy below which the efficiency is zero."""
        return (float(self.c - np.log(-self.a / self.d - 1) / self.b),)


@dataclass(frozen=True)
class TabulatedEfficiency:
    """Linear between the points of a table, flat outside; arrays of shape (points,)."""

    energy: np.ndarray
    efficiency: np.ndarray

    def __call__(self, x: np.ndarray, /) -> np.ndarray:
        return np.interp(x, self.energy, self.efficiency)

    @property
    def kinks(self) -> tuple[float, ...]:
        """The points of the table."""
        return tuple(self.energy)


@dataclass(frozen=True)
class DecayingTimeEfficiency:
    """One before ``start_us``, then exp(-rate (t - start)): early pulses veto later ones."""

    start_us: float
    rate_per_us: float

    def __call__(self, time_us: np.ndarray) -> np.ndarray:
        return np.exp(-self.rate_per_us * np.maximum(time_us - self.start_us, 0.0))
