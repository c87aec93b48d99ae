"""Scalar leptoquarks that couple nu_e and nu_mu to the first quark generation with equal g.

    L_S1       = g Qbar^c i tau_2 L S_1                    -> -g dbar^c P_L nu S_1
    L_S3       = g Qbar^c i tau_2 tau^k L S_3^k            -> -g dbar^c P_L nu S_3^1/3
                                                              + sqrt(2) g ubar^c P_L nu S_3^-2/3
    L_R2       = g ubar_R L i tau_2 R_2                    -> +-g ubar P_L nu R_2^2/3
    L_R2-tilde = g dbar_R L i tau_2 R2~                    -> +-g dbar P_L nu R2~^-1/3

    Q_l^2 = (Q_SM + Q_LQ)^2 + Q_LQ^2,
    Q_LQ = s g^2/(4 sqrt(2) G_F) [n_u (2 Z F_p + N F_n) + n_d (Z F_p + 2 N F_n)]/(q^2 + m^2)

(the second square: nu_e <-> nu_mu), that is NSI of eps^q = s n_q g^2/(4 sqrt(2) G_F m^2) if heavy.

Sign s. Integrating out a scalar gives +g^2/m^2 (qbar P_L nu)(nubar P_R q); by Fierz' identity for
anticommuting fields this is -g^2/(2 m^2) (qbar gamma^mu P_R q)(nubar gamma_mu P_L nu), so s = +1
for R2 and R2-tilde. With charge-conjugate quarks the current changes its sign and chirality,
s = -1 for S3: a heavy state of the s channel attracts, and NSI repel for eps > 0. (Doršner et al.,
arXiv:1603.04993, list the Lagrangians.) The same derivation gives s = -1 for S1; the published
analysis has s = +1, with a degenerate band at Q_LQ = -Q_SM, and is followed here for S1.

    log10_mass ~ Uniform(-3, 3)  [GeV],  log10_coupling ~ Uniform(-6, log10(sqrt(4 pi)))

arXiv:2307.13790.
"""

from functools import partial

import numpy as np

from cevns_bayes.authoring import (
    G_F,
    CrossSection,
    Flavour,
    Parameter,
    Scenario,
    Target,
    log_uniform,
    vector,
    weak_charge,
)

MEV_PER_GEV = 1e3


def leptoquark(sign: int, n_u: int, n_d: int):
    """``n_u``, ``n_d``: squared couplings to up and down quarks in units of g^2."""
    mass = MEV_PER_GEV * log_uniform("mass", 1e-3, 1e3)
    coupling = log_uniform("coupling", 1e-6, np.sqrt(4 * np.pi))

    def cross_section(target: Target, flavour: Flavour) -> CrossSection:
        quarks = (2 * n_u + n_d) * target.Z_Fp + (n_u + 2 * n_d) * target.N_Fn
        exchange = coupling**2 / (target.momentum_transfer_mev**2 + mass**2)
        q_lq = sign * exchange * quarks / (4 * np.sqrt(2) * G_F)
        return vector(target, (weak_charge(target) + q_lq) ** 2 + q_lq**2)

    return cross_section


def _scenario(label: str, sign: int, n_u: int, n_d: int) -> Scenario:
    return Scenario(
        title=f"Scalar leptoquark {label}",
        parameters_of_interest=(
            Parameter("mass", r"$m_\mathrm{LQ}$", unit="GeV", standard_model=None),
            Parameter("coupling", "$g$"),
        ),
        reference="arXiv:2307.13790",
        declare=partial(leptoquark, sign, n_u, n_d),
        degenerate=True,
        limit_curve=("mass", "coupling"),
    )


SCENARIOS = {
    "leptoquark-s1": _scenario("S1", +1, n_u=0, n_d=1),
    "leptoquark-r2": _scenario("R2", +1, n_u=1, n_d=0),
    "leptoquark-r2-tilde": _scenario("R2~", +1, n_u=0, n_d=1),
    "leptoquark-s3": _scenario("S3", -1, n_u=2, n_d=1),
}
