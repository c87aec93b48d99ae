import numpy as np
import pytest

import cevns_bayes as cb

DETECTORS = {"C2": (0.95, 117, 0.180), "C3": (0.94, 110, 0.160), "C5": (0.94, 119, 0.170)}


@pytest.fixture(scope="module")
def counts():
    return cb.predict("sm", {}, "conus-plus")


def test_published_expectation(counts):
    assert float(counts.total.sum()) == pytest.approx(347, abs=59)


def test_expectation_is_that_of_three_detectors(counts, reactor_brute_force):
    """Each with a constant resolution, that of 0.2 keVee, near which the events are."""
    from cevns_bayes.sources.reactors import antineutrinos, reactor_spectrum

    sigma = np.sqrt(0.0204**2 + 0.11 * 2.96e-3 * 0.2)
    total = sum(
        reactor_brute_force.counts(
            np.array([threshold, 0.8]),
            sigma_kevee=sigma,
            power_gw=1.0,
            distance_m=1.0,
            mass_kg=mass,
            days=days,
        ).sum()
        for mass, days, threshold in DETECTORS.values()
    )
    parents = reactor_brute_force.fissions_per_cm2(1.0, 1.0, 1.0) / 86400
    total *= 1.5e13 / antineutrinos(reactor_spectrum()) / parents
    assert float(counts.cevns.sum()) == pytest.approx(total, rel=0.02)


def test_observation_is_compatible(counts):
    fit = cb.fit("sm", "conus-plus")
    assert fit.chi2 < 1.0
    assert 0 < fit.nuisances["conus-plus::alpha_flux"] < 0.17
