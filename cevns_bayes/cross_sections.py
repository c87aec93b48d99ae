"""Cross sections as sums of terms: coupling C(E_nr; theta) times kinematics kappa(E_nr, E_nu).

Every kinematic factor of this field is a polynomial in 1/E_nu,

    kappa = k_0 + k_1 / E_nu + k_2 / E_nu^2,   k_m = k_m(E_nr),

so a term folded with a flux phi is  C * sum_m k_m * M_m  with the moments
M_m = int_{E_min} phi(E_nu) E_nu^-m dE_nu  of :func:`cevns_bayes.flux.energy_moments`.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from cevns_bayes.constants import FERMI_CONSTANT_PER_MEV2
from cevns_bayes.flux import Flavour, energy_moments, minimum_energy
from cevns_bayes.form_factors import FormFactor
from cevns_bayes.nuclei import Nucleus

NEUTRON_VECTOR_COUPLING = -0.5  # g_V^n at tree level


def proton_vector_coupling(sin2_theta_w: Any) -> Any:
    """g_V^p = 1/2 - 2 sin^2(theta_W) at tree level."""
    return 0.5 - 2 * sin2_theta_w


@dataclass(frozen=True)
class Target:
    """The nuclei of a detector, seen at the recoil energies of the quadrature.

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


@dataclass(frozen=True)
class Term:
    """Coupling [MeV^-3] times kinematics k_0, k_1 [MeV], k_2 [MeV^2]; all of shape (recoil,)."""

    coupling: Any
    kinematics: tuple[Any, Any, Any]


@dataclass(frozen=True)
class CrossSection:
    """dsigma/dE_nr [MeV^-3, natural units] as a sum of terms; cross sections add with ``+``."""

    terms: tuple[Term, ...]

    def __add__(self, other: "CrossSection") -> "CrossSection":
        return CrossSection(self.terms + other.terms)

    def folded(self, moments: tuple[Any, Any, Any]) -> Any:
        """Integral of flux times cross section over E_nu, shape (recoil,) [MeV^-3 per pion]."""
        return sum(
            term.coupling * sum(k * m for k, m in zip(term.kinematics, moments, strict=True))
            for term in self.terms
        )


def flux_moments(target: Target, flavour: Flavour) -> tuple[Any, Any, Any]:
    """Moments of the flavour's flux above the threshold of each recoil energy, shape (recoil,)."""
    return energy_moments(flavour, minimum_energy(target.recoil_energy_mev, target.mass_mev))


def weak_charge(target: Target, sin2_theta_w: Any) -> Any:
    """Q = g_V^p Z F_p + g_V^n N F_n, shape (recoil,)."""
    g_p, g_n = proton_vector_coupling(sin2_theta_w), NEUTRON_VECTOR_COUPLING
    return g_p * target.Z_Fp + g_n * target.N_Fn


def vector(target: Target, weak_charge_squared: Any) -> CrossSection:
    """Neutral-current vector scattering off a heavy nucleus.

    dsigma/dE_nr = G_F^2 m_N/pi Q^2 (1 - E_nr/E_nu - m_N E_nr/(2 E_nu^2)),
    arXiv:2211.11905, Eq. (2.2), with the per-mille term E_nr/E_nu kept.

    Parameters
    ----------
    weak_charge_squared
        Q^2, or any sum of squares that stands in its place, shape (recoil,).
    """
    energy, mass = target.recoil_energy_mev, target.mass_mev
    coupling = FERMI_CONSTANT_PER_MEV2**2 * mass / np.pi * weak_charge_squared
    return CrossSection((Term(coupling, (1.0, -energy, -mass * energy / 2)),))
