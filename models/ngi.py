"""Neutrino generalised interactions (NGI): heavy vector, scalar and tensor mediators.

    L_V = -sqrt(2) G_F C_V^q (nubar gamma^mu P_L nu) (qbar gamma_mu q)
    L_X = -G_F/sqrt(2) C_X^q (nubar Gamma_X nu) (qbar Gamma_X q),  X = S, T

with real couplings, equal for up and down quarks and for all flavours:

    V:  Q = Q_SM + 3 C_V (Z F_p + N F_n)
    S:  dsigma += G_F^2 m_N/pi (C_S S_N)^2 m_N E_nr/(8 E_nu^2)
    T:  dsigma += G_F^2 m_N/pi 2 (C_T T_N)^2 (1 - m_N E_nr/(4 E_nu^2))
    S_N = Z F_p sum_q f_q^p m_p/m_q + N F_n sum_q f_q^n m_n/m_q
    T_N = Z F_p sum_q delta_q^p + N F_n sum_q delta_q^n

    c_v ~ Uniform(-0.5, 0.5),  c_s ~ Uniform(0, 0.1),  c_t ~ Uniform(0, 2)

The normalisation is the one of these formulae: C_V = 1 shifts the charge by one per quark. C_S and
C_T enter squared; scalar and tensor do not interfere with the vector. arXiv:2211.11905, Sec. 2.
"""

from functools import partial
from typing import Any

import numpy as np
import pymc as pm

from cevns_bayes.authoring import (
    G_F,
    CrossSection,
    Flavour,
    Parameter,
    Scenario,
    Target,
    scalar,
    tensor,
    vector,
    weak_charge,
)

PARAMETERS = {x: Parameter(f"c_{x}", rf"$C_{x.upper()}$") for x in "vst"}
BOUNDS = {"v": (-0.5, 0.5), "s": (0.0, 0.1), "t": (0.0, 2.0)}


def generalised(letters: str):
    """The couplings of ``letters``, of "v", "s" and "t", are free, the others zero."""
    free: dict[str, Any] = {x: pm.Uniform(f"c_{x}", *BOUNDS[x]) for x in letters}
    c_v = free.get("v", 0.0)

    def cross_section(target: Target, flavour: Flavour) -> CrossSection:
        sigma = vector(target, (weak_charge(target) + 3 * c_v * (target.Z_Fp + target.N_Fn)) ** 2)
        if "s" in free:
            sigma += scalar(target, G_F / np.sqrt(2) * free["s"] * target.scalar_charge)
        if "t" in free:
            sigma += tensor(target, G_F * free["t"] * target.tensor_charge)
        return sigma

    return cross_section


SCENARIOS = {
    f"ngi-{letters}": Scenario(
        title=f"NGI, {' and '.join(words)}",
        parameters_of_interest=tuple(PARAMETERS[x] for x in letters),
        reference="arXiv:2211.11905, Secs. 2 and 4",
        declare=partial(generalised, letters),
        degenerate=True,
    )
    for letters, words in {
        "v": ("vector",),
        "s": ("scalar",),
        "t": ("tensor",),
        "vt": ("vector", "tensor"),
        "vs": ("vector", "scalar"),
        "st": ("scalar", "tensor"),
    }.items()
}
