"""The Standard Model: no parameter of interest, only nuisances.

    dsigma/dE_nr = G_F^2 m_N/pi Q_SM^2 (1 - E_nr/E_nu - m_N E_nr/(2 E_nu^2))
    Q_SM = g_V^p Z F_p(q^2) + g_V^n N F_n(q^2)
    g_V^p = 1/2 - 2 sin^2(theta_W),  g_V^n = -1/2,  sin^2(theta_W) = 0.23857

arXiv:2211.11905, Eqs. (2.1)-(2.3).
"""

from cevns_bayes.cross_sections import CrossSection, vector, weak_charge
from cevns_bayes.flux import Flavour
from cevns_bayes.scenario import Scenario
from cevns_bayes.targets import Target


def standard_model():
    """No priors: everything is known."""

    def cross_section(target: Target, flavour: Flavour) -> CrossSection:
        return vector(target, weak_charge(target) ** 2)

    return cross_section


SCENARIO = Scenario(
    title="Standard Model",
    parameters_of_interest=(),
    reference="arXiv:2211.11905, Sec. 2",
    declare=standard_model,
)
