"""Effects of a detector that are ready-made: quenching, energy resolution, efficiency."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.polynomial import Polynomial
from scipy import stats

from cevns_bayes.checks import check_array, check_fields, check_increasing
from cevns_bayes.errors import InputError

KEV_PER_MEV = 1e3


def _table(owner: object, x: str, y: str, allowed: str) -> tuple[np.ndarray, np.ndarray]:
    """Fields of increasing x and of y that is ``allowed``, as arrays of the shape (points,)."""
    name = type(owner).__name__
    at = check_increasing(f"{x} of {name}", getattr(owner, x))
    values = check_array(f"{y} of {name}", getattr(owner, y), at.shape, allowed)
    object.__setattr__(owner, x, at)
    object.__setattr__(owner, y, values)
    return at, values


@dataclass(frozen=True)
class PolynomialQuenching:
    """Visible energy E_ee = a E + b E^2 + ..., with E the nuclear recoil energy in MeV.

    Examples
    --------
    >>> cb.PolynomialQuenching((0.08, 1.0)).visible_energy_kev(np.array([0.010, 0.020]))
    array([0.9, 2. ])
    """

    coefficients: tuple[float, ...]

    def __post_init__(self) -> None:
        title, count = "coefficients of PolynomialQuenching", np.size(self.coefficients)
        check_array(title, self.coefficients, (count,))

    def visible_energy_kev(self, recoil_energy_mev: np.ndarray) -> np.ndarray:
        """Electron-equivalent energy [keVee]."""
        return KEV_PER_MEV * Polynomial((0.0, *self.coefficients))(recoil_energy_mev)


@dataclass(frozen=True)
class LinearQuenchingFactor:
    """Visible energy E_ee = E (constant + slope E), with E the nuclear recoil energy in keV.

    Examples
    --------
    >>> cb.LinearQuenchingFactor(0.25, 0.001).visible_energy_kev(np.array([0.010, 0.020]))
    array([2.6, 5.4])
    """

    constant: float
    slope_per_kev: float

    def __post_init__(self) -> None:
        check_fields(self, "finite and positive", "constant")
        check_fields(self, "finite", "slope_per_kev")

    def visible_energy_kev(self, recoil_energy_mev: np.ndarray) -> np.ndarray:
        """Electron-equivalent energy [keVee]."""
        energy_kev = KEV_PER_MEV * recoil_energy_mev
        return energy_kev * (self.constant + self.slope_per_kev * energy_kev)


@dataclass(frozen=True)
class LindhardQuenching:
    """Lindhard's theory: QF = k g/(1 + k g), g = 3 eps^0.15 + 0.7 eps^0.6 + eps.

    eps = 11.5 Z^(-7/3) E_nr/keV; J. Lindhard et al., Mat. Fys. Medd. 33, 10 (1963).

    Examples
    --------
    >>> germanium = cb.LindhardQuenching(k=0.157, protons=32)
    >>> germanium.visible_energy_kev(np.array([0.001, 0.010])).round(3)
    array([0.171, 2.341])
    """

    k: float
    protons: int

    def __post_init__(self) -> None:
        check_fields(self, "finite and positive", "k", "protons")

    def visible_energy_kev(self, recoil_energy_mev: np.ndarray) -> np.ndarray:
        """Electron-equivalent energy [keVee]."""
        energy_kev = KEV_PER_MEV * recoil_energy_mev
        eps = 11.5 * self.protons ** (-7 / 3) * energy_kev
        g = 3 * eps**0.15 + 0.7 * eps**0.6 + eps
        return energy_kev * self.k * g / (1 + self.k * g)


@dataclass(frozen=True)
class TabulatedQuenching:
    """Visible energy E_ee = E QF(E); QF is linear between points of a table and flat outside.

    ``recoil_energy_kev`` increases, and E QF(E) does not decrease; both arrays have the shape
    (points,).

    Examples
    --------
    >>> quenching = cb.TabulatedQuenching(np.array([1.0, 9.0]), np.array([0.15, 0.25]))
    >>> quenching.visible_energy_kev(np.array([0.005, 0.020]))
    array([1., 5.])
    """

    recoil_energy_kev: np.ndarray
    quenching_factor: np.ndarray

    def __post_init__(self) -> None:
        factor = "quenching_factor"
        energy, qf = _table(self, "recoil_energy_kev", factor, "finite and non-negative")
        slope = np.diff(qf) / np.diff(energy)
        rise = np.minimum(qf[:-1] + slope * energy[:-1], qf[1:] + slope * energy[1:])
        if (rise < 0).any():
            raise InputError(
                "recoil energy times quenching_factor of TabulatedQuenching must not decrease, but "
                f"does above {energy[int(np.argmax(rise < 0))]:g} keV"
            )

    def visible_energy_kev(self, recoil_energy_mev: np.ndarray) -> np.ndarray:
        """Electron-equivalent energy [keVee]."""
        energy_kev = KEV_PER_MEV * recoil_energy_mev
        return energy_kev * np.interp(energy_kev, self.recoil_energy_kev, self.quenching_factor)


class _Distribution:
    """Resolution by a distribution of SciPy's; arguments are broadcast against each other."""

    distribution: ClassVar[Any]

    def parameters(self, visible_energy_kev: np.ndarray) -> dict[str, np.ndarray]:
        """Keywords of the distribution."""
        raise NotImplementedError

    def density(self, reconstructed: np.ndarray, visible_energy_kev: np.ndarray) -> np.ndarray:
        """Probability density of the reconstructed energy, in its unit."""
        return self.distribution.pdf(reconstructed, **self.parameters(visible_energy_kev))

    def cumulative(self, reconstructed: np.ndarray, visible_energy_kev: np.ndarray) -> np.ndarray:
        """Probability to be reconstructed below an energy."""
        return self.distribution.cdf(reconstructed, **self.parameters(visible_energy_kev))


@dataclass(frozen=True)
class GaussianResolution(_Distribution):
    """Reconstructed energy [keVee], Gaussian with sigma^2 = noise^2 + scale^2 E_ee.

    ``noise`` is in keVee, ``scale`` in keVee^(1/2).

    Examples
    --------
    >>> resolution = cb.GaussianResolution(scale=0.1, noise=0.05)
    >>> resolution.density(np.array([0.9, 1.0, 1.1]), 1.0).round(2)
    array([2.39, 3.57, 2.39])
    """

    distribution = stats.norm
    scale: float = 0.0
    noise: float = 0.0

    def __post_init__(self) -> None:
        if not (min(self.scale, self.noise) >= 0 and 0 < self.scale + self.noise < np.inf):
            raise InputError(
                "a Gaussian resolution needs a positive scale or noise and no negative ones, got "
                f"scale {self.scale} and noise {self.noise}"
            )

    def parameters(self, visible_energy_kev: np.ndarray) -> dict[str, np.ndarray]:
        sigma = np.sqrt(self.noise**2 + self.scale**2 * visible_energy_kev)
        return {"loc": visible_energy_kev, "scale": sigma}


@dataclass(frozen=True)
class TruncatedGaussianResolution(GaussianResolution):
    """The same, but cut at zero and normalised above: no event is reconstructed below zero.

    Examples
    --------
    >>> cb.TruncatedGaussianResolution(noise=0.1).density(np.array([-0.1, 0.1]), 0.0).round(2)
    array([0.  , 4.84])
    """

    def density(self, reconstructed: np.ndarray, visible_energy_kev: np.ndarray) -> np.ndarray:
        """Probability density of the reconstructed energy [1/keVee]."""
        alike = super().density(reconstructed, visible_energy_kev)
        return (reconstructed > 0) * alike / self._above_zero(visible_energy_kev)

    def cumulative(self, reconstructed: np.ndarray, visible_energy_kev: np.ndarray) -> np.ndarray:
        """Probability to be reconstructed below an energy."""
        above = 1 - super().cumulative(np.maximum(reconstructed, 0.0), visible_energy_kev)
        return 1 - above / self._above_zero(visible_energy_kev)

    def _above_zero(self, visible_energy_kev: np.ndarray) -> np.ndarray:
        return 1 - super().cumulative(np.zeros(()), visible_energy_kev)


@dataclass(frozen=True)
class GammaResolution(_Distribution):
    """Photoelectrons for a visible energy: density ~ x^b exp(-a (1 + b) x).

    a = mean_scale / E_ee, b = shape_scale * E_ee with E_ee in keVee (arXiv:2110.07730,
    supplemental material); the mean is 1/a, x in photoelectrons.

    Examples
    --------
    >>> resolution = cb.GammaResolution(mean_scale=0.0749, shape_scale=9.56)
    >>> resolution.density(np.array([10.0, 13.4, 20.0]), 1.0).round(3)
    array([0.086, 0.096, 0.024])
    """

    distribution = stats.gamma
    mean_scale: float
    shape_scale: float

    def __post_init__(self) -> None:
        check_fields(self, "finite and positive", "mean_scale", "shape_scale")

    def parameters(self, visible_energy_kev: np.ndarray) -> dict[str, np.ndarray]:
        shape = 1 + self.shape_scale * visible_energy_kev
        return {"a": shape, "scale": visible_energy_kev / (self.mean_scale * shape)}


@dataclass(frozen=True)
class ConstantEfficiency:
    """Efficiency that is the same at all energies.

    Examples
    --------
    >>> cb.ConstantEfficiency(0.9)(np.array([1.0, 2.0]))
    array([0.9, 0.9])
    """

    efficiency: float = 1.0

    def __post_init__(self) -> None:
        check_fields(self, "between 0 and 1", "efficiency")

    def __call__(self, x: np.ndarray, /) -> np.ndarray:
        return np.full_like(x, self.efficiency, dtype=float)


@dataclass(frozen=True)
class SigmoidEfficiency:
    """Efficiency a / (1 + exp(-b (x - c))) + d, cut at zero, with x the reconstructed energy.

    Examples
    --------
    >>> efficiency = cb.SigmoidEfficiency(a=1.32, b=0.286, c=10.9, d=-0.333)
    >>> efficiency(np.array([5.0, 10.0, 40.0])).round(2)
    array([0.  , 0.24, 0.99])
    """

    a: float
    b: float
    c: float
    d: float

    def __post_init__(self) -> None:
        check_fields(self, "finite", "a", "b", "c", "d")

    def __call__(self, x: np.ndarray, /) -> np.ndarray:
        return np.maximum(self.a / (1 + np.exp(-self.b * (x - self.c))) + self.d, 0.0)

    @property
    def kinks(self) -> tuple[float, ...]:
        """The energy below which the efficiency is zero; none if it never is."""
        if not -self.a < self.d < 0:
            return ()
        return (float(self.c - np.log(-self.a / self.d - 1) / self.b),)


@dataclass(frozen=True)
class TabulatedEfficiency:
    """Efficiency that is linear between the points of a table and flat outside.

    ``energy`` [as reconstructed] increases; both arrays have the shape (points,).

    Examples
    --------
    >>> efficiency = cb.TabulatedEfficiency(np.array([0.0, 10.0]), np.array([0.0, 0.8]))
    >>> efficiency(np.array([5.0, 20.0]))
    array([0.4, 0.8])
    """

    energy: np.ndarray
    efficiency: np.ndarray

    def __post_init__(self) -> None:
        _table(self, "energy", "efficiency", "between 0 and 1")

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

    def __post_init__(self) -> None:
        check_fields(self, "finite", "start_us")
        check_fields(self, "finite and non-negative", "rate_per_us")

    def __call__(self, time_us: np.ndarray) -> np.ndarray:
        return np.exp(-self.rate_per_us * np.maximum(time_us - self.start_us, 0.0))
