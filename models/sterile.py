"""A sterile neutrino: a dipole portal to it, or oscillations into it.

    dipole:  nu_mu, nu_mu_bar -> nu_4 of mass m_4 through the transition moment mu,
      dsigma += pi alpha^2/m_e^2 (mu/mu_B)^2 Z^2 F_p^2 [1/E - 1/E_nu
                - m_4^2/(2 E_nu E m_N) (1 - E/(2 E_nu) + m_N/(2 E_nu))
                + m_4^4 (E - m_N)/(8 E_nu^2 E^2 m_N^2)]
      for E_nu >= (1 + m_4^2/(2 m_N E)) E_min; for electrons Z F_p -> 1, m_N -> m_e

    oscillation:  nu_mu and nu_mu_bar survive with the probability
      P = 1 - sin^2(2 theta_24) sin^2(1.26693 Dm^2_42 L/E_nu)   [eV^2, m, MeV]

    log10_m4 ~ Uniform(-1, log10(50))  [MeV],   mu_nu_mu ~ Uniform(0, 100)  [1e-9 mu_B]
    sin2_2theta24 ~ Uniform(0, 1),              log10_dm2_42 ~ Uniform(-1, 2)  [eV^2]

arXiv:2211.11905, Secs. 2 and 4.
"""

from typing import Any

import numpy as np
import pymc as pm

from cevns_bayes.authoring import (
    CrossSection,
    Electrons,
    Flavour,
    Parameter,
    Scattering,
    Scenario,
    Target,
    log_uniform,
    standard_model,
    upscattering,
)

PHASE = 1.26693  # per eV^2 m/MeV


def sterile_dipole():
    """Adds to the Standard Model, as the final state is another."""
    m4 = log_uniform("m4", 0.1, 50.0)
    mu = 1e-9 * pm.Uniform("mu_nu_mu", 0.0, 100.0)

    def cross_section(target: Target | Electrons, flavour: Flavour) -> CrossSection:
        sigma = standard_model(target, flavour)
        return sigma + upscattering(target, mu, m4) if flavour.family == "mu" else sigma

    return Scattering(cross_section, cross_section)


def sterile_oscillation():
    """Sterile neutrinos scatter off nothing."""
    mixing = pm.Uniform("sin2_2theta24", 0.0, 1.0)
    dm2 = log_uniform("dm2_42", 0.1, 100.0)

    def survival(energy_mev: Any, distance_m: float) -> Any:
        return 1 - mixing * np.sin(PHASE * dm2 * distance_m / energy_mev) ** 2

    def nuclei(target: Target, flavour: Flavour) -> CrossSection:
        sigma = standard_model(target, flavour)
        return sigma.surviving(survival) if flavour.family == "mu" else sigma

    return Scattering(nuclei)


SCENARIOS = {
    "sterile-dipole": Scenario(
        title="Dipole portal to a sterile neutrino",
        parameters_of_interest=(
            Parameter("m4", "$m_4$", unit="MeV", standard_model=None),
            Parameter("mu_nu_mu", r"$\mu_{\nu_\mu}$", unit="10⁻⁹ μB"),
        ),
        reference="arXiv:2211.11905, Secs. 2 and 4",
        declare=sterile_dipole,
        degenerate=True,
        limit_curve=("m4", "mu_nu_mu"),
    ),
    "sterile-oscillation": Scenario(
        title="Oscillation into a sterile neutrino",
        parameters_of_interest=(
            Parameter("sin2_2theta24", r"$\sin^2 2\theta_{24}$"),
            Parameter("dm2_42", r"$\Delta m^2_{42}$", unit="eV²", standard_model=None),
        ),
        reference="arXiv:2211.11905, Secs. 2 and 4",
        declare=sterile_oscillation,
        degenerate=True,
    ),
}
