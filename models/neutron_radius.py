"""The rms radius of the neutron distribution, free.

    F_n(q^2) = F(q; r_n)

    r_n ~ Uniform(2, 9)  [fm]

One radius for all nuclei of an experiment (Cs and I alike), one per experiment where several are
analysed together. The radius nuisance is off. arXiv:2211.11905, Sec. 4.2.
"""

from dataclasses import replace

import pymc as pm

from cevns_bayes.authoring import CrossSection, Flavour, Parameter, Scenario, Target, standard_model


def neutron_radius():
    """r_n replaces the neutron radii of the nuclei."""
    r_n = pm.Uniform("r_n", 2.0, 9.0)

    def cross_section(target: Target, flavour: Flavour) -> CrossSection:
        return standard_model(replace(target, neutron_rms_radius_fm=r_n), flavour)

    return cross_section


SCENARIO = Scenario(
    title="Neutron rms radius",
    parameters_of_interest=(Parameter("r_n", r"$R_n$", unit="fm", standard_model=None),),
    reference="arXiv:2211.11905, Sec. 4.2",
    declare=neutron_radius,
    fixed_nuisances=("alpha_radius",),
    per_experiment=True,
)
