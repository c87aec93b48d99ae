"""Neutrinos from pions decaying at rest: energy spectra, their moments, and arrival times.

A pi+ at rest gives a prompt nu_mu line, its muon a delayed nu_e and nu_mu_bar with Michel
spectra (one of each per pion). Functions of energy accept NumPy arrays and PyTensor variables.
"""

from enum import StrEnum
from typing import Any

import numpy as np
from scipy import stats

from cevns_bayes.constants import (
    MUON_LIFETIME_US,
    MUON_MASS_MEV,
    PION_LIFETIME_US,
    PION_MASS_MEV,
)

PROMPT_ENERGY_MEV = (PION_MASS_MEV**2 - MUON_MASS_MEV**2) / (2 * PION_MASS_MEV)
MAXIMUM_ENERGY_MEV = MUON_MASS_MEV / 2


class Flavour(StrEnum):
    """The three neutrinos of a pi+ decay chain."""

    NU_E = "nu_e"
    NU_MU = "nu_mu"
    NU_MU_BAR = "nu_mu_bar"

    @property
    def family(self) -> str:
        """Charged-lepton family, ``"e"`` or ``"mu"``: the index of couplings such as eps_ee."""
        return "e" if self is Flavour.NU_E else "mu"

    @property
    def is_antineutrino(self) -> bool:
        """Whether the axial coupling of a neutrino changes its sign."""
        return self is Flavour.NU_MU_BAR


# Michel spectra as powers of energy: phi(E) = sum_p coefficient[p] E^p up to m_mu/2.
_MICHEL = {
    Flavour.NU_E: {2: 96 / MUON_MASS_MEV**3, 3: -192 / MUON_MASS_MEV**4},
    Flavour.NU_MU_BAR: {2: 48 / MUON_MASS_MEV**3, 3: -64 / MUON_MASS_MEV**4},
}


def minimum_energy(recoil_energy_mev: Any, mass_mev: Any) -> Any:
    """Least neutrino energy [MeV] that gives a target of ``mass_mev`` the recoil energy [MeV]."""
    return (recoil_energy_mev + np.sqrt(recoil_energy_mev * (recoil_energy_mev + 2 * mass_mev))) / 2


def maximum_recoil_energy(neutrino_energy_mev: float, mass_mev: float) -> float:
    """Kinematic edge [MeV] of the recoil of a target of ``mass_mev``."""
    return 2 * neutrino_energy_mev**2 / (mass_mev + 2 * neutrino_energy_mev)


def recoil_range(
    neutrino_energy_mev: float, mass_mev: np.ndarray, final_mass_mev: Any
) -> tuple[Any, Any]:
    """Least and greatest recoil [MeV] when the neutrino becomes a fermion of ``final_mass_mev``.

    From -2 m E = m_4^2 - (s - m^2)/(2 s) [(s + m_4^2 - m^2) -+ sqrt(lambda(s, m_4^2, m^2))].
    The range is empty (of a relative width of 1e-10) where the energy does not suffice.
    """
    s = mass_mev * (mass_mev + 2 * neutrino_energy_mev)
    m4_squared = final_mass_mev**2
    released = s - mass_mev**2
    kallen = (released + m4_squared) ** 2 - 4 * s * m4_squared
    root = np.sqrt(kallen.clip(1e-20 * released**2, np.inf))
    half = released / (2 * s)
    low, high = (
        (half * (released + m4_squared + sign * root) - m4_squared) / (2 * mass_mev)
        for sign in (-1, 1)
    )
    return low, high


def greatest_energy(flavour: Flavour) -> float:
    """End of the spectrum [MeV]."""
    return PROMPT_ENERGY_MEV if flavour is Flavour.NU_MU else MAXIMUM_ENERGY_MEV


def michel_spectrum(flavour: Flavour, neutrino_energy_mev: Any) -> Any:
    """dphi/dE [1/MeV] of nu_e or nu_mu_bar per pion, for energies up to ``MAXIMUM_ENERGY_MEV``."""
    return sum(c * neutrino_energy_mev**power for power, c in _MICHEL[flavour].items())


def energy_moments(flavour: Flavour, minimum_energy_mev: Any) -> tuple[Any, Any, Any]:
    """Moments of the flux above a threshold: the integral of phi(E) E^-m dE for m = 0, 1, 2.

    Parameters
    ----------
    minimum_energy_mev
        Threshold [MeV], any shape.

    Returns
    -------
    tuple of three arrays of that shape, in units of MeV^-m per pion.
    """
    inside = 1.0 * (minimum_energy_mev <= greatest_energy(flavour))
    m0, m1, m2 = moments_without_end(flavour, minimum_energy_mev)
    return inside * m0, inside * m1, inside * m2


def moments_without_end(flavour: Flavour, minimum_energy_mev: Any) -> tuple[Any, Any, Any]:
    """As :func:`energy_moments`, continued smoothly to thresholds above the spectrum's end."""
    if flavour is Flavour.NU_MU:
        line = 1.0 / PROMPT_ENERGY_MEV
        return 1.0, line, line**2

    def moment(m: int) -> Any:
        return sum(
            c / (n + 1) * (MAXIMUM_ENERGY_MEV ** (n + 1) - minimum_energy_mev ** (n + 1))
            for n, c in ((power - m, c) for power, c in _MICHEL[flavour].items())
        )

    return moment(0), moment(1), moment(2)


def arrival_density(
    flavour: Flavour, time_us: np.ndarray, onset_us: np.ndarray | float, width_us: float
) -> np.ndarray:
    """Density [1/us] of arrival times for a Gaussian proton pulse.

    The pulse (mean ``onset_us``, standard deviation ``width_us``) is folded with the pion
    lifetime for the nu_mu, and with the pion and the muon lifetimes for the nu_e and nu_mu_bar,
    which come from the muon of the same pion. Exact, as exponentially modified Gaussians.
    The two array arguments are broadcast against each other.
    """
    prompt = _modified_gaussian(time_us, onset_us, width_us, PION_LIFETIME_US)
    if flavour is Flavour.NU_MU:
        return prompt
    delayed = _modified_gaussian(time_us, onset_us, width_us, MUON_LIFETIME_US)
    return (MUON_LIFETIME_US * delayed - PION_LIFETIME_US * prompt) / (
        MUON_LIFETIME_US - PION_LIFETIME_US
    )


def _modified_gaussian(time: Any, mean: Any, width: float, lifetime: float) -> np.ndarray:
    return stats.exponnorm.pdf(time, lifetime / width, loc=mean, scale=width)
