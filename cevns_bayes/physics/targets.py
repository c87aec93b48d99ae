"""What recoils: the nuclei and the electrons of a detector, at given recoil energies.

Both offer ``recoil_energy_mev``, ``mass_mev``, ``momentum_transfer_mev`` and the charges that
mediators couple to, arrays of shape (recoil,), so that one formula serves both.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from cevns_bayes.physics.constants import (
    DOWN_MASS_MEV,
    ELECTRON_MASS_MEV,
    NEUTRON_MASS_MEV,
    PROTON_MASS_MEV,
    SCALAR_FORM_FACTORS,
    TENSOR_CHARGES,
    UP_MASS_MEV,
)
from cevns_bayes.physics.form_factors import FormFactor
from cevns_bayes.physics.nuclei import Nucleus


@dataclass(frozen=True)
class Target:
    """The nuclei of a detector.

    Attributes
    ----------
    nuclei
        The nucleus that recoils at each energy, length recoil. The nuclei of a compound follow
        each other, so that a formula is written once for all of them.
    recoil_energy_mev
        True recoil energies E_nr, shape (recoil,).
    form_factor
        F(q, rms radius) of both densities.
    radius_scale
        Factor on all rms radii (1 + radius nuisance).
    neutron_rms_radius_fm
        Neutron radius in place of the nuclei's own, if given.

    Examples
    --------
    >>> from cevns_bayes.physics.form_factors import helm
    >>> caesium = cb.Target((cb.nucleus("Cs133"),) * 2, np.array([0.005, 0.015]), helm)
    >>> caesium.momentum_transfer_mev.round(1)
    array([35.2, 60.9])
    >>> caesium.N_Fn.round(1)
    array([68.1, 51.3])
    """

    nuclei: tuple[Nucleus, ...]
    recoil_energy_mev: np.ndarray
    form_factor: FormFactor
    radius_scale: Any = 1.0
    neutron_rms_radius_fm: Any = None

    def per_node(self, attribute: str) -> np.ndarray:
        """A property of the nuclei as an array, shape (recoil,)."""
        return np.array([getattr(nucleus, attribute) for nucleus in self.nuclei], dtype=float)

    @cached_property
    def mass_mev(self) -> np.ndarray:
        """m_N, shape (recoil,)."""
        return self.per_node("mass_mev")

    @cached_property
    def momentum_transfer_mev(self) -> np.ndarray:
        """q = sqrt(2 m_N E_nr), shape (recoil,)."""
        return np.sqrt(2 * self.mass_mev * self.recoil_energy_mev)

    @cached_property
    def Z_Fp(self) -> Any:
        """Coherent protons Z F_p(q^2), shape (recoil,)."""
        radius = self.radius_scale * self.per_node("proton_rms_radius_fm")
        return self.per_node("protons") * self.form_factor(self.momentum_transfer_mev, radius)

    @cached_property
    def N_Fn(self) -> Any:
        """Coherent neutrons N F_n(q^2), shape (recoil,)."""
        radius = self.neutron_rms_radius_fm
        if radius is None:
            radius = self.radius_scale * self.per_node("neutron_rms_radius_fm")
        return self.per_node("neutrons") * self.form_factor(self.momentum_transfer_mev, radius)

    @property
    def electric_charge(self) -> Any:
        """Z F_p, shape (recoil,)."""
        return self.Z_Fp

    @property
    def scalar_charge(self) -> Any:
        """S_N = Z F_p sum_q f_q^p m_p/m_q + N F_n sum_q f_q^n m_n/m_q, shape (recoil,).

        For a coupling to up and down quarks alike; arXiv:2211.11905, Sec. 2.
        """
        (f_up, f_dp), (f_un, f_dn) = SCALAR_FORM_FACTORS["proton"], SCALAR_FORM_FACTORS["neutron"]
        proton = PROTON_MASS_MEV * (f_up / UP_MASS_MEV + f_dp / DOWN_MASS_MEV)
        neutron = NEUTRON_MASS_MEV * (f_un / UP_MASS_MEV + f_dn / DOWN_MASS_MEV)
        return proton * self.Z_Fp + neutron * self.N_Fn

    @property
    def tensor_charge(self) -> Any:
        """T_N = Z F_p sum_q delta_q^p + N F_n sum_q delta_q^n, shape (recoil,).

        For a coupling to up and down quarks alike; arXiv:2211.11905, Sec. 2.
        """
        proton, neutron = sum(TENSOR_CHARGES["proton"]), sum(TENSOR_CHARGES["neutron"])
        return proton * self.Z_Fp + neutron * self.N_Fn


@dataclass(frozen=True)
class Electrons:
    """The electrons of a detector, of charge one for every mediator.

    How many of an atom's electrons are free at each energy is part of the response.

    Examples
    --------
    >>> cb.Electrons(np.array([0.001, 0.004])).momentum_transfer_mev.round(4)
    array([0.032 , 0.0639])
    """

    recoil_energy_mev: np.ndarray
    electric_charge: float = 1.0
    scalar_charge: float = 1.0
    tensor_charge: float = 1.0

    @cached_property
    def mass_mev(self) -> np.ndarray:
        """m_e, shape (recoil,)."""
        return np.full_like(self.recoil_energy_mev, ELECTRON_MASS_MEV)

    @cached_property
    def momentum_transfer_mev(self) -> np.ndarray:
        """q = sqrt(2 m_e T), shape (recoil,)."""
        return np.sqrt(2 * self.mass_mev * self.recoil_energy_mev)
