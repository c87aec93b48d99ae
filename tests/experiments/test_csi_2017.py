import numpy as np
import pytest
from scipy import stats

import cevns_bayes as cb


@pytest.fixture(scope="module")
def first():
    return cb.load_experiment("csi-2017")


@pytest.fixture(scope="module")
def counts(first):
    return cb.predict("sm", {}, first)


def test_published_counts(first, counts):
    """arXiv:1708.01294: 547 coincident, 405 anti-coincident."""
    assert first.counts.sum() == 547
    assert float(counts.ssb.sum()) == pytest.approx(405)


def test_published_expectation(counts):
    """arXiv:1708.01294: 173 +- 48 CEvNS and 6 +- 2 neutrons."""
    assert float(counts.cevns.sum()) == pytest.approx(173, rel=0.10)
    assert float(counts.brn.sum()) == pytest.approx(6, abs=2)


def test_fitted_number_is_compatible_with_the_published_one(first, counts):
    """134 +- 22: without the uncertainty of the prediction, which is not part of it."""
    fit = cb.fit("sm", first, priors={"csi-2017::alpha_flux": "Uniform(-0.9, 0.9)"})
    fitted = float(counts.cevns.sum()) * (1 + fit.nuisances["csi-2017::alpha_flux"])
    assert abs(fitted - 134) < 22


@pytest.mark.parametrize("eps", [-0.043, 0.233])
def test_published_limits_on_a_coupling(first, eps):
    """The ends of the published 90 % Feldman-Cousins interval, eps_ee of u and d quarks alike.

    arXiv:2008.06062; the critical value there is near that of one degree of freedom, 2.71.
    """
    fits = [
        cb.fit("nsi-ee-ud", first, fixed={"eps_ee_u": value, "eps_ee_d": value}).chi2
        for value in (eps, 0.032)
    ]
    assert fits[0] - fits[1] == pytest.approx(2.71, abs=0.7)


def test_spectrum_is_an_independent_sum(counts, forecast_brute_force):
    """Sums over whole photoelectrons, of prompt and delayed neutrinos."""
    edges = np.arange(6, 31, 2)

    def detected(recoil_kev):
        n = np.arange(6, 30)[:, None]
        accepted = 0.6655 / (1 + np.exp(-0.4942 * (n + 0.5 - 10.8507)))
        found = accepted * stats.poisson.pmf(n, 13.348 * 0.0878 * recoil_kev)
        return found.reshape((12, 2, -1)).sum(axis=1)

    prompt, delayed = 1.0, 0.914785  # of the released times, before 6 us
    expected = forecast_brute_force.pion_counts(
        {"Cs133": 1, "I127": 1},
        detected,
        mass_kg=14.57,
        pions=1.76e23 * 0.08,
        distance_m=19.3,
        shares={"nu_e": delayed, "nu_mu": prompt, "nu_mu_bar": delayed},
    )
    assert len(expected) == len(edges) - 1
    np.testing.assert_allclose(counts.cevns.sum("time"), expected, rtol=1e-3)


def test_refuses_the_data_that_contain_it():
    with pytest.raises(cb.InputError, match="csi-2017 and csi hold the same events: fit only one"):
        cb.build_model("sm", ["csi", "csi-2017"])
