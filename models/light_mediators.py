"""Light vector, scalar and tensor mediators of mass m and coupling g.

    vector:  Q = Q_SM + kappa g^2 (Z F_p + N F_n)/(sqrt(2) G_F (q^2 + m^2)),
             kappa = 3 (universal), -1 (B - L);  q^2 = 2 m_N E_nr
    scalar:  dsigma += m_N^2 E_nr (g^2 S_N)^2/(4 pi E_nu^2 (q^2 + m^2)^2)
    tensor:  dsigma += m_N (4 E_nu^2 - m_N E_nr) (g^2 T_N)^2/(2 pi E_nu^2 (q^2 + m^2)^2)

S_N and T_N as in the scenarios "ngi". Electrons have the charge 1 in place of these, the mass m_e
in place of m_N, and g_V + g^2/(sqrt(2) G_F (q^2 + m^2)) for both vectors.

    log10_mass ~ Uniform(-1, 4)  [MeV],  log10_coupling ~ Uniform(-6, -1)

arXiv:2211.11905, Secs. 2 and 4.
"""

from functools import partial
from typing import Any

import numpy as np

from cevns_bayes.authoring import (
    G_F,
    CrossSection,
    Electrons,
    Flavour,
    Parameter,
    Scattering,
    Scenario,
    Target,
    electron,
    log_uniform,
    scalar,
    standard_model,
    tensor,
    vector,
    weak_charge,
)


def declare_exchange():
    """Priors of mass and coupling; returns g^2/(q^2 + m^2) [MeV^-2] as a function of the target."""
    mass = log_uniform("mass", 0.1, 1e4)
    coupling = log_uniform("coupling", 1e-6, 1e-1)

    def exchange(target: Target | Electrons) -> Any:
        return coupling**2 / (target.momentum_transfer_mev**2 + mass**2)

    return exchange


def light_vector(kappa: float):
    """``kappa``: charge of a nucleon."""
    exchange = declare_exchange()

    def nuclei(target: Target, flavour: Flavour) -> CrossSection:
        shift = kappa * exchange(target) * (target.Z_Fp + target.N_Fn) / (np.sqrt(2) * G_F)
        return vector(target, (weak_charge(target) + shift) ** 2)

    def electrons(target: Electrons, flavour: Flavour) -> CrossSection:
        return electron(target, flavour, exchange(target) / (np.sqrt(2) * G_F))

    return Scattering(nuclei, electrons)


def light_scalar():
    """Adds to the Standard Model, with which it does not interfere."""
    exchange = declare_exchange()

    def cross_section(target: Target | Electrons, flavour: Flavour) -> CrossSection:
        amplitude = exchange(target) * target.scalar_charge
        return standard_model(target, flavour) + scalar(target, amplitude)

    return Scattering(cross_section, cross_section)


def light_tensor():
    """Adds to the Standard Model, with which it does not interfere."""
    exchange = declare_exchange()

    def cross_section(target: Target | Electrons, flavour: Flavour) -> CrossSection:
        amplitude = exchange(target) * target.tensor_charge
        return standard_model(target, flavour) + tensor(target, amplitude)

    return Scattering(cross_section, cross_section)


def _scenario(title: str, letter: str, declare: Any) -> Scenario:
    return Scenario(
        title=title,
        parameters_of_interest=(
            Parameter("mass", rf"$m_{letter}$", unit="MeV", standard_model=None),
            Parameter("coupling", rf"$g_{letter}$"),
        ),
        reference="arXiv:2211.11905, Secs. 2 and 4",
        declare=declare,
        degenerate=True,
        limit_curve=("mass", "coupling"),
    )


SCENARIOS = {
    "light-vector-universal": _scenario("Light vector, universal", "V", partial(light_vector, 3.0)),
    "light-vector-b-l": _scenario("Light vector, B - L", "V", partial(light_vector, -1.0)),
    "light-scalar": _scenario("Light scalar", "S", light_scalar),
    "light-tensor": _scenario("Light tensor", "T", light_tensor),
}
