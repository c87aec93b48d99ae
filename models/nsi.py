"""Neutral-current non-standard interactions (NSI) with up and down quarks.

    L = -2 sqrt(2) G_F eps_ll'^{qX} (nubar_l gamma^mu P_L nu_l') (qbar gamma_mu P_X q),  X = L, R

    Q_l^2 = (Q_SM + c_ll)^2 + sum_{l' != l} c_ll'^2
    c_ll' = (2 eps_ll'^u + eps_ll'^d) Z F_p + (eps_ll'^u + 2 eps_ll'^d) N F_n

for neutrinos of family l, with vector couplings eps_ll'^q = eps_ll'^{qL} + eps_ll'^{qR}, all real,
two of them free at a time:

    eps_ee_u, eps_ee_d, eps_mumu_u, eps_mumu_d ~ Uniform(-1, 1)
    eps_emu_u, eps_emu_d, eps_etau_d, eps_mutau_d ~ Uniform(-1, 1)

The rate fixes Q_l^2 only: bands of slope -(2Z+N)/(Z+2N) in two couplings of one flavour, rings in
couplings of different flavours. arXiv:2211.11905, Secs. 2 and 4.
"""

from functools import partial
from typing import Any

import pymc as pm

from cevns_bayes.authoring import (
    CrossSection,
    Flavour,
    Parameter,
    Scenario,
    Target,
    vector,
    weak_charge,
)

# Family of the neutrino -> its couplings: to itself, then to other families.
COUPLINGS = {
    "e": ("ee", ("emu", "etau")),
    "mu": ("mumu", ("emu", "mutau")),
    "tau": ("tautau", ("etau", "mutau")),
}


def shift(target: Target, eps_u: Any, eps_d: Any) -> Any:
    """c(eps), the shift of the weak charge, shape (recoil,)."""
    return (2 * eps_u + eps_d) * target.Z_Fp + (eps_u + 2 * eps_d) * target.N_Fn


def non_standard(names: tuple[str, ...]):
    """The couplings ``names`` are free, all others zero."""
    eps = {name: pm.Uniform(name, -1.0, 1.0) for name in names}

    def c(target: Target, families: str) -> Any:
        u, d = (eps.get(f"eps_{families}_{quark}", 0.0) for quark in "ud")
        return shift(target, u, d)

    def cross_section(target: Target, flavour: Flavour) -> CrossSection:
        same, others = COUPLINGS[flavour.family]
        charge = weak_charge(target) + c(target, same)
        return vector(target, charge**2 + sum(c(target, other) ** 2 for other in others))

    return cross_section


def _parameter(name: str) -> Parameter:
    _, families, quark = name.split("_")
    label = families.replace("mu", r"\mu ").replace("tau", r"\tau ").strip()
    return Parameter(name, rf"$\varepsilon_{{{label}}}^{{{quark}}}$")


def _word(name: str) -> str:
    _, families, quark = name.split("_")
    return f"ε({families.replace('mu', 'μ').replace('tau', 'τ')}, {quark})"


def _scenario(first: str, second: str) -> Scenario:
    return Scenario(
        title=f"NSI, {_word(first)} and {_word(second)}",
        parameters_of_interest=(_parameter(first), _parameter(second)),
        reference="arXiv:2211.11905, Secs. 2 and 4",
        declare=partial(non_standard, (first, second)),
        degenerate=True,
    )


SCENARIOS = {
    "nsi-ee-ud": _scenario("eps_ee_u", "eps_ee_d"),
    "nsi-mumu-ud": _scenario("eps_mumu_u", "eps_mumu_d"),
    "nsi-d-ee-mumu": _scenario("eps_ee_d", "eps_mumu_d"),
    "nsi-u-ee-mumu": _scenario("eps_ee_u", "eps_mumu_u"),
    "nsi-d-ee-emu": _scenario("eps_ee_d", "eps_emu_d"),
    "nsi-u-mumu-emu": _scenario("eps_mumu_u", "eps_emu_u"),
    "nsi-d-ee-etau": _scenario("eps_ee_d", "eps_etau_d"),
    "nsi-d-mumu-mutau": _scenario("eps_mumu_d", "eps_mutau_d"),
}
