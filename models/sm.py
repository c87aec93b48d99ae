"""The Standard Model: no parameter of interest, only nuisances.

    dsigma/dE_nr = G_F^2 m_N/pi Q_SM^2 (1 - E_nr/E_nu - m_N E_nr/(2 E_nu^2))
    Q_SM = g_V^p Z F_p(q^2) + g_V^n N F_n(q^2)
    g_V^p = 1/2 - 2 sin^2(theta_W),  g_V^n = -1/2,  sin^2(theta_W) = 0.23857

arXiv:2211.11905, Eqs. (2.1)-(2.3).
"""

from cevns_bayes.authoring import Scenario, standard_model

SCENARIO = Scenario(
    title="Standard Model",
    parameters_of_interest=(),
    reference="arXiv:2211.11905, Sec. 2",
    declare=lambda: standard_model,
)
