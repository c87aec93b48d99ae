"""The weak mixing angle at low momentum transfer, free.

    Q = (1/2 - 2 sin^2(theta_W)) Z F_p(q^2) - 1/2 N F_n(q^2)

    sin2_theta_w ~ Uniform(0, 0.5)

arXiv:2211.11905, Eqs. (2.1)-(2.3) and Sec. 4.1.
"""

import pymc as pm

from cevns_bayes.authoring import (
    SIN2_THETA_W,
    CrossSection,
    Flavour,
    Parameter,
    Scenario,
    Target,
    vector,
    weak_charge,
)


def weak_mixing_angle():
    """sin^2(theta_W) replaces its Standard Model value in the weak charge."""
    sin2_theta_w = pm.Uniform("sin2_theta_w", 0.0, 0.5)

    def cross_section(target: Target, flavour: Flavour) -> CrossSection:
        return vector(target, weak_charge(target, sin2_theta_w) ** 2)

    return cross_section


SCENARIO = Scenario(
    title="Weak mixing angle",
    parameters_of_interest=(
        Parameter("sin2_theta_w", r"$\sin^2\theta_W$", standard_model=SIN2_THETA_W),
    ),
    reference="arXiv:2211.11905, Sec. 4.1",
    declare=weak_mixing_angle,
)
