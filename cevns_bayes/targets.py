"""What recoils: the nuclei and the electrons of a detector, at the nodes of a quadrature.

Both offer ``recoil_energy_mev``, ``mass_mev`` and ``momentum_transfer_mev``, arrays of shape
(recoil,), so that one formula of kinematics serves both.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from cevns_bayes.constants import ELECTRON_MASS_MEV
from cevns_bayes.form_factors import FormFactor
from cevns_bayes.nuclei import Nucleus


@dataclass(frozen=True)
class Target:
    """The nuclei of a detector.

    Attributes
    ----------
    nuclei
        What recoils at each node, length recoil: node by node, the nuclei of a compound follow
        each other, so that a formula is written once for all of them.
    recoil_energy_mev
        True recoil energies E_nr, shape (recoil,).
    form_factor
        F(q, rms radius) of both densities.
    radius_scale
        Factor on all rms radii (1 + radius nuisance).
    neutron_rms_radius_fm
        Replaces the nuclei's own, if given.
    panels_mev
        Ranges of recoil energy of the quadrature, shape (panels, 2); each holds equally many
        Gauss-Legendre nodes.
    baseline_m
        Distance from the source.
    """

    nuclei: tuple[Nucleus, ...]
    recoil_energy_mev: np.ndarray
    form_factor: FormFactor
    radius_scale: Any = 1.0
    neutron_rms_radius_fm: Any = None
    panels_mev: np.ndarray | None = None
    baseline_m: float | None = None

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


@dataclass(frozen=True)
class Electrons:
    """The electrons of a detector; attributes as in :class:`Target`.

    How many of an atom's electrons are free at each energy is part of the response.
    """

    recoil_energy_mev: np.ndarray
    panels_mev: np.ndarray | None = None
    baseline_m: float | None = None

    @cached_property
    def mass_mev(self) -> np.ndarray:
        """m_e, shape (recoil,)."""
        return np.full_like(self.recoil_energy_mev, ELECTRON_MASS_MEV)

    @cached_property
    def momentum_transfer_mev(self) -> np.ndarray:
        """q = sqrt(2 m_e T), shape (recoil,)."""
        return np.sqrt(2 * self.mass_mev * self.recoil_energy_mev)
