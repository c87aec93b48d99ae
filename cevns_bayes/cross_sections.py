"""Cross sections as sums of terms: coupling C(E_nr; theta) times kinematics kappa(E_nr, E_nu).

Every kinematic factor of this field is a polynomial in 1/E_nu,

    kappa = k_0 + k_1 / E_nu + k_2 / E_nu^2,   k_m = k_m(E_nr),

so a term folded with a flux phi is  C * sum_m k_m * M_m  with the moments M_m of
:mod:`cevns_bayes.folding`. Each function below is one term; what recoils, a nucleus or an electron,
is its first argument. Couplings may be NumPy arrays or PyTensor variables.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from cevns_bayes.constants import (
    DOWN_MASS_MEV,
    ELECTRON_MASS_MEV,
    FERMI_CONSTANT_PER_MEV2,
    FINE_STRUCTURE_CONSTANT,
    NEUTRON_MASS_MEV,
    PROTON_MASS_MEV,
    SCALAR_FORM_FACTORS,
    SIN2_THETA_W,
    TENSOR_CHARGES,
    UP_MASS_MEV,
)
from cevns_bayes.flux import Flavour
from cevns_bayes.folding import MomentsOf, flux_moments, upscattered_moments
from cevns_bayes.targets import Electrons, Target

NEUTRON_VECTOR_COUPLING = -0.5  # g_V^n at tree level


@dataclass(frozen=True)
class Term:
    """Coupling [MeV^-3] times kinematics k_0, k_1 [MeV], k_2 [MeV^2]; all of shape (recoil,).

    ``moments`` is the flux that it is folded with.
    """

    coupling: Any
    kinematics: tuple[Any, Any, Any]
    moments: MomentsOf = flux_moments


@dataclass(frozen=True)
class CrossSection:
    """dsigma/dE_nr [MeV^-3, natural units] as a sum of terms; cross sections add with ``+``."""

    terms: tuple[Term, ...]

    def __add__(self, other: "CrossSection") -> "CrossSection":
        return CrossSection(self.terms + other.terms)

    def with_flux(self, moments: MomentsOf) -> "CrossSection":
        """The same, folded with another flux."""
        return CrossSection(tuple(replace(term, moments=moments) for term in self.terms))

    def folded(self, target: Target | Electrons, flavour: Flavour) -> Any:
        """Integral of flux times cross section over E_nu, shape (recoil,) [MeV^-3 per pion]."""
        return sum(
            term.coupling
            * sum(
                k * m for k, m in zip(term.kinematics, term.moments(target, flavour), strict=True)
            )
            for term in self.terms
        )


def proton_vector_coupling(sin2_theta_w: Any) -> Any:
    """g_V^p = 1/2 - 2 sin^2(theta_W) at tree level."""
    return 0.5 - 2 * sin2_theta_w


def weak_charge(target: Target, sin2_theta_w: Any = SIN2_THETA_W) -> Any:
    """Q = g_V^p Z F_p + g_V^n N F_n, shape (recoil,)."""
    g_p, g_n = proton_vector_coupling(sin2_theta_w), NEUTRON_VECTOR_COUPLING
    return g_p * target.Z_Fp + g_n * target.N_Fn


def scalar_charge(target: Target) -> Any:
    """S_N = Z F_p sum_q f_q^p m_p/m_q + N F_n sum_q f_q^n m_n/m_q, shape (recoil,).

    For a coupling to up and down quarks alike; arXiv:2211.11905, Sec. 2.
    """
    (f_up, f_dp), (f_un, f_dn) = SCALAR_FORM_FACTORS["proton"], SCALAR_FORM_FACTORS["neutron"]
    proton = PROTON_MASS_MEV * (f_up / UP_MASS_MEV + f_dp / DOWN_MASS_MEV)
    neutron = NEUTRON_MASS_MEV * (f_un / UP_MASS_MEV + f_dn / DOWN_MASS_MEV)
    return proton * target.Z_Fp + neutron * target.N_Fn


def tensor_charge(target: Target) -> Any:
    """T_N = Z F_p sum_q delta_q^p + N F_n sum_q delta_q^n, shape (recoil,).

    For a coupling to up and down quarks alike; arXiv:2211.11905, Sec. 2.
    """
    return sum(TENSOR_CHARGES["proton"]) * target.Z_Fp + sum(TENSOR_CHARGES["neutron"]) * (
        target.N_Fn
    )


def vector(target: Target, weak_charge_squared: Any) -> CrossSection:
    """Neutral-current vector scattering off a heavy nucleus.

    dsigma/dE_nr = G_F^2 m_N/pi Q^2 (1 - E_nr/E_nu - m_N E_nr/(2 E_nu^2)),
    arXiv:2211.11905, Sec. 2, with the per-mille term E_nr/E_nu kept.

    Parameters
    ----------
    weak_charge_squared
        Q^2, or any sum of squares that stands in its place, shape (recoil,).
    """
    energy, mass = target.recoil_energy_mev, target.mass_mev
    coupling = FERMI_CONSTANT_PER_MEV2**2 * mass / np.pi * weak_charge_squared
    return CrossSection((Term(coupling, (1.0, -energy, -mass * energy / 2)),))


def scalar(target: Target | Electrons, amplitude: Any) -> CrossSection:
    """Exchange of a scalar.

    dsigma/dE_nr = A^2 m^2 E_nr/(4 pi E_nu^2), arXiv:2211.11905, Sec. 2.

    Parameters
    ----------
    amplitude
        A = g^2 S_N/(q^2 + m_S^2), or G_F C_S S_N/sqrt(2) for a contact interaction [MeV^-2].
    """
    energy, mass = target.recoil_energy_mev, target.mass_mev
    return CrossSection((Term(amplitude**2 * mass**2 * energy / (4 * np.pi), (0.0, 0.0, 1.0)),))


def tensor(target: Target | Electrons, amplitude: Any) -> CrossSection:
    """Exchange of a tensor.

    dsigma/dE_nr = A^2 m (4 E_nu^2 - m E_nr)/(2 pi E_nu^2), arXiv:2211.11905, Sec. 2.

    Parameters
    ----------
    amplitude
        A = g^2 T_N/(q^2 + m_T^2), or G_F C_T T_N for a contact interaction [MeV^-2].
    """
    energy, mass = target.recoil_energy_mev, target.mass_mev
    return CrossSection((Term(amplitude**2 * mass / (2 * np.pi), (4.0, 0.0, -mass * energy)),))


def magnetic(target: Target | Electrons, charge: Any, moment: Any) -> CrossSection:
    """Photon exchange through a magnetic moment, which flips the helicity.

    dsigma/dE_nr = pi alpha^2/m_e^2 (mu/mu_B)^2 Z^2 F_p^2 (1/E_nr - 1/E_nu),
    arXiv:2211.11905, Sec. 2.

    Parameters
    ----------
    charge
        Z F_p of a nucleus, shape (recoil,), 1 of an electron.
    moment
        mu/mu_B.
    """
    coupling = (np.pi * (FINE_STRUCTURE_CONSTANT / ELECTRON_MASS_MEV) ** 2) * (charge * moment) ** 2
    return CrossSection((Term(coupling, (1 / target.recoil_energy_mev, -1.0, 0.0)),))


def upscattering(
    target: Target | Electrons, charge: Any, moment: Any, final_mass_mev: Any
) -> CrossSection:
    """:func:`magnetic` through a transition moment to a sterile neutrino of mass m_4.

    (1/E - 1/E_nu) gains  - m_4^2/(2 E_nu E m) (1 - E/(2 E_nu) + m/(2 E_nu))
    + m_4^4 (E - m)/(8 E_nu^2 E^2 m^2)  for the recoil E of a target of mass m;
    arXiv:2211.11905, Sec. 2.
    """
    energy, mass = target.recoil_energy_mev, target.mass_mev
    massless = magnetic(target, charge, moment).terms[0]
    r = final_mass_mev**2 / (2 * mass * energy)
    k_1 = -1.0 - r
    k_2 = (energy - mass) / 2 * (r + r**2)
    return CrossSection(
        (
            Term(
                massless.coupling,
                (1 / energy, k_1, k_2),
                partial(upscattered_moments, final_mass_mev=final_mass_mev),
            ),
        )
    )


def electron(
    electrons: Electrons, flavour: Flavour, vector_coupling_shift: Any = 0.0
) -> CrossSection:
    """Elastic scattering off a free electron at rest.

    dsigma/dT = G_F^2 m_e/(2 pi) [(g_V + g_A)^2 + (g_V - g_A)^2 (1 - T/E_nu)^2
    - (g_V^2 - g_A^2) m_e T/E_nu^2], arXiv:2211.11905, Sec. 2, with g_V = -1/2 + 2 sin^2(theta_W),
    g_A = -1/2, each plus one for nu_e, and -g_A for antineutrinos.

    Parameters
    ----------
    vector_coupling_shift
        Added to g_V; scalar or shape (recoil,).
    """
    energy, mass = electrons.recoil_energy_mev, electrons.mass_mev
    charged_current = 1.0 if flavour is Flavour.NU_E else 0.0
    g_v = -0.5 + 2 * SIN2_THETA_W + charged_current + vector_coupling_shift
    g_a = (-0.5 + charged_current) * (-1 if flavour.is_antineutrino else 1)
    plus, minus = (g_v + g_a) ** 2, (g_v - g_a) ** 2
    kinematics = (
        plus + minus,
        -2 * energy * minus,
        energy**2 * minus - (g_v**2 - g_a**2) * mass * energy,
    )
    coupling = FERMI_CONSTANT_PER_MEV2**2 * mass / (2 * np.pi)
    return CrossSection((Term(coupling, kinematics),))


@dataclass(frozen=True)
class Scattering:
    """What a scenario says of both kinds of targets.

    Attributes
    ----------
    nuclei
        ``(target, flavour) -> CrossSection``.
    electrons
        The same for electrons; by default the Standard Model's.
    """

    nuclei: Callable[[Target, Flavour], CrossSection]
    electrons: Callable[[Electrons, Flavour], CrossSection] = electron
