"""Neutral-current non-standard interactions (NSI) with up and down quarks.

    L = -2 sqrt(2) G_F eps_ll^q (nubar_l gamma^mu P_L nu_l) (qbar gamma_mu q)

    Q_l = Q_SM + c_l,   c_l = (2 eps_ll^u + eps_ll^d) Z F_p + (eps_ll^u + 2 eps_ll^d) N F_n

for neutrinos of family l, with vector couplings eps_ll^q = eps_ll^{qL} + eps_ll^{qR}:

    eps_ee_u, eps_ee_d ~ Uniform(-1, 1)

The rate fixes |Q_l| only: solutions lie on two lines of slope -(2Z+N)/(Z+2N).
arXiv:2211.11905, Eqs. (2.8)-(2.9).
"""

from functools import partial
from typing import Any

import pymc as pm

from cevns_bayes.constants import SIN2_THETA_W
from cevns_bayes.cross_sections import CrossSection, Target, vector, weak_charge
from cevns_bayes.flux import Flavour
from cevns_bayes.scenario import Parameter, Scenario

EPS_EE_U = Parameter("eps_ee_u", r"$\varepsilon_{ee}^{u}$")
EPS_EE_D = Parameter("eps_ee_d", r"$\varepsilon_{ee}^{d}$")


def shift(target: Target, eps_u: Any, eps_d: Any) -> Any:
    """c(eps), the shift of the weak charge, shape (recoil,)."""
    return (2 * eps_u + eps_d) * target.Z_Fp + (eps_u + 2 * eps_d) * target.N_Fn


def non_universal(parameters: tuple[Parameter, ...]):
    """Flavour-diagonal couplings among ``parameters`` are free, all others zero."""
    eps = {parameter.name: pm.Uniform(parameter.name, -1.0, 1.0) for parameter in parameters}

    def cross_section(target: Target, flavour: Flavour) -> CrossSection:
        coupling = f"eps_{flavour.family * 2}"
        c = shift(target, eps.get(f"{coupling}_u", 0.0), eps.get(f"{coupling}_d", 0.0))
        return vector(target, (weak_charge(target, SIN2_THETA_W) + c) ** 2)

    return cross_section


def _non_universal_scenario(first: Parameter, second: Parameter) -> Scenario:
    pair = (first, second)
    return Scenario(
        title=f"Non-universal NSI, {first.name} and {second.name}",
        parameters_of_interest=pair,
        reference="arXiv:2211.11905, Sec. 4.3",
        declare=partial(non_universal, pair),
    )


SCENARIOS = {
    "nsi-ee-ud": _non_universal_scenario(EPS_EE_U, EPS_EE_D),
}
