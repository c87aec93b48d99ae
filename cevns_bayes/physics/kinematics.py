"""Two-body kinematics of a neutrino on a target at rest; NumPy arrays and PyTensor variables."""

from typing import Any

import numpy as np


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
