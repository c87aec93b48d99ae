"""Electromagnetic properties of active neutrinos: magnetic moments, millicharges, charge radii.

    magnetic moment:  dsigma += pi alpha^2/m_e^2 (mu/mu_B)^2 Z^2 F_p^2 (1/E_nr - 1/E_nu)
    millicharge:      Q = Q_SM + sqrt(2) pi alpha q Z F_p/(G_F m_N E_nr)
    charge radius:    Q = Q_SM - sqrt(2) pi alpha <r^2> Z F_p/(3 G_F)

one parameter per flavour, e and mu; tau neutrinos have none. For electrons Z F_p becomes 1, m_N
becomes m_e, and g_V takes the shifts of Q with the opposite sign.

    mu_nu_e, mu_nu_mu ~ Uniform(0, 20)       [1e-9 mu_B]
    q_ee, q_mumu      ~ Uniform(-500, 500)   [1e-9 e]
    r2_ee, r2_mumu    ~ Uniform(-150, 150)   [1e-32 cm^2]

The bounds hold the 99 % regions of both experiments. Millicharges are a thousand times better known
from CsI, by its electrons, than from LAr.

arXiv:2211.11905, Secs. 2 and 4.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm

from cevns_bayes.authoring import (
    ALPHA,
    G_F,
    HBAR_C_SQUARED_MEV2_CM2,
    CrossSection,
    Electrons,
    Flavour,
    Parameter,
    Scattering,
    Scenario,
    Target,
    electron,
    magnetic,
    standard_model,
    vector,
    weak_charge,
)

R2_PER_MEV2 = 1e-32 / HBAR_C_SQUARED_MEV2_CM2


def magnetic_moment():
    """Flips the helicity: adds to the Standard Model without interference."""
    mu = {"e": pm.Uniform("mu_nu_e", 0.0, 20.0), "mu": pm.Uniform("mu_nu_mu", 0.0, 20.0)}

    def cross_section(target: Target | Electrons, flavour: Flavour) -> CrossSection:
        return standard_model(target, flavour) + magnetic(
            target, 1e-9 * mu.get(flavour.family, 0.0)
        )

    return Scattering(cross_section, cross_section)


def coherent_shift(shift: Callable[[Target | Electrons, Flavour], Any]) -> Scattering:
    """A coupling to the electric charge alone that interferes: ``shift`` per unit charge."""

    def nuclei(target: Target, flavour: Flavour) -> CrossSection:
        return vector(target, (weak_charge(target) + shift(target, flavour) * target.Z_Fp) ** 2)

    def electrons(target: Electrons, flavour: Flavour) -> CrossSection:
        return electron(target, flavour, -shift(target, flavour))

    return Scattering(nuclei, electrons)


def millicharge():
    """The photon's propagator is 1/q^2 = 1/(2 m E)."""
    q = {"e": pm.Uniform("q_ee", -500.0, 500.0), "mu": pm.Uniform("q_mumu", -500.0, 500.0)}
    factor = np.sqrt(2) * np.pi * ALPHA / G_F * 1e-9
    return coherent_shift(
        lambda t, flavour: q.get(flavour.family, 0.0) * factor / (t.mass_mev * t.recoil_energy_mev)
    )


def charge_radius():
    """The same at all energies."""
    r2 = {"e": pm.Uniform("r2_ee", -150.0, 150.0), "mu": pm.Uniform("r2_mumu", -150.0, 150.0)}
    factor = np.sqrt(2) * np.pi * ALPHA / (3 * G_F) * R2_PER_MEV2
    return coherent_shift(lambda target, flavour: -r2.get(flavour.family, 0.0) * factor)


def _scenario(title: str, e: Parameter, mu: Parameter, declare: Any) -> Scenario:
    reference = "arXiv:2211.11905, Secs. 2 and 4"
    return Scenario(title, (e, mu), reference, declare, degenerate=True)


SCENARIOS = {
    "magnetic-moment": _scenario(
        "Magnetic moments",
        Parameter("mu_nu_e", r"$\mu_{\nu_e}$", "10⁻⁹ μB"),
        Parameter("mu_nu_mu", r"$\mu_{\nu_\mu}$", "10⁻⁹ μB"),
        magnetic_moment,
    ),
    "millicharge": _scenario(
        "Millicharges",
        Parameter("q_ee", r"$q_{ee}$", "10⁻⁹ e"),
        Parameter("q_mumu", r"$q_{\mu\mu}$", "10⁻⁹ e"),
        millicharge,
    ),
    "charge-radius": _scenario(
        "Charge radii",
        Parameter("r2_ee", r"$\langle r^2_{ee}\rangle$", "10⁻³² cm²"),
        Parameter("r2_mumu", r"$\langle r^2_{\mu\mu}\rangle$", "10⁻³² cm²"),
        charge_radius,
    ),
}
