"""Cross sections as sums of terms: coupling C(E_nr; theta) times kinematics kappa(E_nr, E_nu).

Every kinematic factor of this field is a polynomial in 1/E_nu,

    kappa = k_0 + k_1 / E_nu + k_2 / E_nu^2,   k_m = k_m(E_nr),

so a term folded with a flux phi is  C * sum_m k_m * M_m  with the moments M_m of
:mod:`cevns_bayes.sources.spectra`. What is known, k_m and M_m, is folded with the response before
anything is compiled; couplings may be NumPy arrays or PyTensor variables.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from cevns_bayes.errors import InputError
from cevns_bayes.physics.constants import (
    ELECTRON_MASS_MEV,
    FERMI_CONSTANT_PER_MEV2,
    FINE_STRUCTURE_CONSTANT,
    SIN2_THETA_W,
)
from cevns_bayes.physics.flavours import Flavour
from cevns_bayes.physics.targets import Electrons, Target

NEUTRON_VECTOR_COUPLING = -0.5  # g_V^n at tree level

Kinematics = Callable[[Any, Any], tuple[Any, Any, Any]]
Survival = Callable[[Any, float], Any]


@dataclass(frozen=True)
class Term:
    """One coupling times one kinematic factor.

    Attributes
    ----------
    coupling
        C, shape (recoil,) or ().
    kinematics
        (recoil energies, masses) [MeV] -> k_0, k_1, k_2; C k_m/E_nu^m is in MeV^-3.
    survival
        Survival probability(energy [MeV], distance [m]) of the neutrino, if not one.
    final_mass_mev
        Mass [MeV] of what the neutrino becomes, if not massless.
    """

    coupling: Any
    kinematics: Kinematics
    survival: Survival | None = None
    final_mass_mev: Any = None

    def __post_init__(self) -> None:
        if self.survival is not None and self.final_mass_mev is not None:
            raise InputError("a term with a massive final state cannot oscillate as well")

    @property
    def changes_flux(self) -> bool:
        """Whether it sees another flux than the one produced, which may depend on parameters."""
        return self.survival is not None or self.final_mass_mev is not None


@dataclass(frozen=True)
class CrossSection:
    """dsigma/dE_nr [MeV^-3, natural units] as a sum of terms; cross sections add with ``+``.

    Examples
    --------
    >>> recoils = cb.Electrons(np.array([0.001]))
    >>> len((cb.electron(recoils, cb.Flavour.NU_MU) + cb.magnetic(recoils, 1e-10)).terms)
    4
    """

    terms: tuple[Term, ...]

    def __add__(self, other: "CrossSection") -> "CrossSection":
        return CrossSection(self.terms + other.terms)

    def __radd__(self, other: int) -> "CrossSection":
        """So that ``sum`` works, which begins with 0."""
        return self if other == 0 else NotImplemented

    def surviving(self, survival: Survival) -> "CrossSection":
        """The cross section times a survival probability(energy [MeV], distance [m])."""
        return CrossSection(tuple(replace(term, survival=survival) for term in self.terms))


def proton_vector_coupling(sin2_theta_w: Any) -> Any:
    """g_V^p = 1/2 - 2 sin^2(theta_W) at tree level."""
    return 0.5 - 2 * sin2_theta_w


def weak_charge(target: Target, sin2_theta_w: Any = SIN2_THETA_W) -> Any:
    """Q = g_V^p Z F_p + g_V^n N F_n, shape (recoil,).

    Examples
    --------
    >>> argon = cb.Target((cb.nucleus("Ar40"),), np.array([0.01]), lambda q, radius: 1.0)
    >>> cb.weak_charge(argon).round(2)
    array([-10.59])
    """
    g_p, g_n = proton_vector_coupling(sin2_theta_w), NEUTRON_VECTOR_COUPLING
    return g_p * target.Z_Fp + g_n * target.N_Fn


def vector(target: Target, weak_charge_squared: Any) -> CrossSection:
    """Neutral-current vector scattering off a heavy nucleus: arXiv:2211.11905, Sec. 2.

    dsigma/dE_nr = G_F^2 m_N/pi Q^2 (1 - E_nr/E_nu - m_N E_nr/(2 E_nu^2)).

    Parameters
    ----------
    weak_charge_squared
        Q^2, or any sum of squares that stands in its place, shape (recoil,).

    Examples
    --------
    >>> argon = cb.Target((cb.nucleus("Ar40"),), np.array([0.01]), lambda q, radius: 1.0)
    >>> f"{cb.vector(argon, cb.weak_charge(argon) ** 2).terms[0].coupling[0]:.2e} / MeV^3"
    '1.81e-16 / MeV^3'
    """
    coupling = FERMI_CONSTANT_PER_MEV2**2 * target.mass_mev / np.pi * weak_charge_squared
    return CrossSection((Term(coupling, vector_kinematics),))


def vector_kinematics(energy: Any, mass: Any) -> tuple[Any, Any, Any]:
    """1 - E/E_nu - m E/(2 E_nu^2)."""
    return 1.0, -energy, -mass * energy / 2


def scalar(target: Target | Electrons, amplitude: Any) -> CrossSection:
    """Exchange of a scalar.

    dsigma/dE_nr = A^2 m^2 E_nr/(4 pi E_nu^2), arXiv:2211.11905, Sec. 2.

    Parameters
    ----------
    amplitude
        A = g^2 S_N/(q^2 + m_S^2), or G_F C_S S_N/sqrt(2) for a contact interaction [MeV^-2].

    Examples
    --------
    >>> f"{cb.scalar(cb.Electrons(np.array([0.001])), 1e-12).terms[0].coupling[0]:.2e} / MeV^2"
    '2.08e-26 / MeV^2'
    """
    coupling = amplitude**2 * target.mass_mev**2 / (4 * np.pi)
    return CrossSection((Term(coupling, _scalar_kinematics),))


def _scalar_kinematics(energy: Any, mass: Any) -> tuple[Any, Any, Any]:
    return 0.0, 0.0, energy


def tensor(target: Target | Electrons, amplitude: Any) -> CrossSection:
    """Exchange of a tensor.

    dsigma/dE_nr = A^2 m (4 E_nu^2 - m E_nr)/(2 pi E_nu^2), arXiv:2211.11905, Sec. 2.

    Parameters
    ----------
    amplitude
        A = g^2 T_N/(q^2 + m_T^2), or G_F C_T T_N for a contact interaction [MeV^-2].

    Examples
    --------
    >>> f"{cb.tensor(cb.Electrons(np.array([0.001])), 1e-12).terms[0].coupling[0]:.2e} / MeV^3"
    '8.13e-26 / MeV^3'
    """
    coupling = amplitude**2 * target.mass_mev / (2 * np.pi)
    return CrossSection((Term(coupling, _tensor_kinematics),))


def _tensor_kinematics(energy: Any, mass: Any) -> tuple[Any, Any, Any]:
    return 4.0, 0.0, -mass * energy


def magnetic(target: Target | Electrons, moment: Any) -> CrossSection:
    """Photon exchange through a magnetic moment, which flips the helicity.

    dsigma/dE_nr = pi (alpha/m_e mu/mu_B Z F_p)^2 (1/E_nr - 1/E_nu), arXiv:2211.11905, Sec. 2.

    Parameters
    ----------
    moment
        mu/mu_B, the moment in Bohr magnetons.

    Examples
    --------
    >>> f"{cb.magnetic(cb.Electrons(np.array([0.001])), 1e-10).terms[0].coupling:.2e} / MeV^2"
    '6.41e-24 / MeV^2'
    """
    return CrossSection((Term(_dipole_coupling(target, moment), _magnetic_kinematics),))


def _dipole_coupling(target: Target | Electrons, moment: Any) -> Any:
    charge = target.electric_charge
    return (np.pi * (FINE_STRUCTURE_CONSTANT / ELECTRON_MASS_MEV) ** 2) * (charge * moment) ** 2


def _magnetic_kinematics(energy: Any, mass: Any) -> tuple[Any, Any, Any]:
    return 1 / energy, -1.0, 0.0


def upscattering(target: Target | Electrons, moment: Any, final_mass_mev: Any) -> CrossSection:
    """:func:`magnetic` through a transition moment to a sterile neutrino of mass m_4.

    (1/E - 1/E_nu) gains  - m_4^2/(2 E_nu E m) (1 - E/(2 E_nu) + m/(2 E_nu))
    + m_4^4 (E - m)/(8 E_nu^2 E^2 m^2)  for a target of mass m; arXiv:2211.11905, Sec. 2.

    Examples
    --------
    >>> cb.upscattering(cb.Electrons(np.array([0.001])), 1e-10, 0.1).terms[0].final_mass_mev
    0.1
    """
    kinematics = partial(_upscattering_kinematics, final_mass_mev=final_mass_mev)
    coupling = _dipole_coupling(target, moment)
    return CrossSection((Term(coupling, kinematics, final_mass_mev=final_mass_mev),))


def _upscattering_kinematics(
    energy: Any, mass: Any, *, final_mass_mev: Any
) -> tuple[Any, Any, Any]:
    r = final_mass_mev**2 / (2 * mass * energy)
    return 1 / energy, -1.0 - r, (energy - mass) / 2 * (r + r**2)


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

    Examples
    --------
    >>> len(cb.electron(cb.Electrons(np.array([0.001])), cb.Flavour.NU_E).terms)
    3
    """
    flavour = Flavour(flavour)
    charged_current = 1.0 if flavour.family == "e" else 0.0
    g_v = -0.5 + 2 * SIN2_THETA_W + charged_current + vector_coupling_shift
    g_a = (-0.5 + charged_current) * (-1 if flavour.is_antineutrino else 1)
    scale = FERMI_CONSTANT_PER_MEV2**2 * electrons.mass_mev / (2 * np.pi)
    return CrossSection(
        (
            Term(scale * (g_v + g_a) ** 2, _isotropic_kinematics),
            Term(scale * (g_v - g_a) ** 2, _backward_kinematics),
            Term(scale * (g_a**2 - g_v**2), _interference_kinematics),
        )
    )


def _isotropic_kinematics(energy: Any, mass: Any) -> tuple[Any, Any, Any]:
    return 1.0, 0.0, 0.0


def _backward_kinematics(energy: Any, mass: Any) -> tuple[Any, Any, Any]:
    return 1.0, -2 * energy, energy**2


def _interference_kinematics(energy: Any, mass: Any) -> tuple[Any, Any, Any]:
    return 0.0, 0.0, mass * energy


def standard_model(target: Target | Electrons, flavour: Flavour) -> CrossSection:
    """Cross section of the Standard Model off nuclei or off electrons.

    Examples
    --------
    >>> len(cb.standard_model(cb.Electrons(np.array([0.001])), cb.Flavour.NU_E).terms)
    3
    """
    if isinstance(target, Electrons):
        return electron(target, flavour)
    return vector(target, weak_charge(target) ** 2)


@dataclass(frozen=True)
class Scattering:
    """Cross sections of a scenario off nuclei and off electrons.

    Attributes
    ----------
    nuclei
        ``(target, flavour) -> CrossSection``.
    electrons
        The same for electrons; by default that of the Standard Model.

    Examples
    --------
    >>> cb.Scattering(cb.standard_model).electrons is cb.electron
    True
    """

    nuclei: Callable[[Target, Flavour], CrossSection]
    electrons: Callable[[Electrons, Flavour], CrossSection] = electron
