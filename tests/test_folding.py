"""Moments of the flux against integrals over the neutrino energy."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

from cevns_bayes.errors import InputError
from cevns_bayes.flux import (
    MAXIMUM_ENERGY_MEV,
    PROMPT_ENERGY_MEV,
    Flavour,
    michel_spectrum,
    minimum_energy,
    recoil_range,
)
from cevns_bayes.folding import flux_moments, oscillated_moments, upscattered_moments
from cevns_bayes.form_factors import helm
from cevns_bayes.nuclei import nucleus
from cevns_bayes.quadrature import composite_rule
from cevns_bayes.response import recoil_panels
from cevns_bayes.targets import Electrons, Target

AR = nucleus("Ar40")
PANELS = recoil_panels(AR)
RECOIL, WEIGHTS = composite_rule(np.unique(PANELS), 40)
TARGET = Target((AR,) * len(RECOIL), RECOIL, helm, panels_mev=PANELS, baseline_m=27.5)
VISIBLE = 0.015  # MeV; recoils below are not seen in argon
DELAYED = [Flavour.NU_E, Flavour.NU_MU_BAR]


def survival(dm2):
    return lambda energy, baseline: 1 - np.sin(1.26693 * dm2 * baseline / energy) ** 2


@pytest.mark.parametrize("dm2", [0.1, 3.0, 30.0, 100.0])
@pytest.mark.parametrize("flavour", DELAYED)
def test_oscillated_moments_are_the_integrals(flavour, dm2):
    moments = oscillated_moments(TARGET, flavour, survival(dm2))
    for node in np.flatnonzero(RECOIL > VISIBLE)[::9]:
        low = minimum_energy(RECOIL[node], AR.mass_mev)
        for power, moment in enumerate(moments):
            expected, _ = quad(
                lambda e, m=power: michel_spectrum(flavour, e) * e**-m * survival(dm2)(e, 27.5),
                low,
                MAXIMUM_ENERGY_MEV,
                epsabs=0,
                epsrel=1e-10,
                limit=500,
            )
            assert moment[node] == pytest.approx(expected, rel=1e-4)


def test_the_prompt_line_oscillates_at_its_energy():
    oscillated = oscillated_moments(TARGET, Flavour.NU_MU, survival(7.0))
    factor = survival(7.0)(PROMPT_ENERGY_MEV, 27.5)
    for moment, plain in zip(oscillated, flux_moments(TARGET, Flavour.NU_MU), strict=True):
        np.testing.assert_allclose(moment, factor * plain, rtol=1e-14)


def test_without_oscillation_the_flux_is_the_plain_one():
    for flavour in Flavour:
        same = oscillated_moments(TARGET, flavour, survival(0.0))
        for moment, plain in zip(same, flux_moments(TARGET, flavour), strict=True):
            np.testing.assert_allclose(moment, plain, rtol=1e-11, atol=1e-15)


def test_oscillations_need_a_distance():
    with pytest.raises(InputError, match="baseline_m"):
        oscillated_moments(Electrons(RECOIL), Flavour.NU_MU, survival(1.0))


@pytest.mark.parametrize("m4", [1.0, 10.0, 25.0, 45.0])
@pytest.mark.parametrize("energy", [PROMPT_ENERGY_MEV, MAXIMUM_ENERGY_MEV])
def test_recoil_range_is_where_the_energy_suffices(energy, m4):
    def lacking(recoil):
        return (1 + m4**2 / (2 * AR.mass_mev * recoil)) * minimum_energy(recoil, AR.mass_mev)

    low, high = (float(end[0]) for end in recoil_range(energy, np.array([AR.mass_mev]), m4))
    if m4 > energy:
        assert abs(high - low) < 1e-8 * abs(high)
        return
    middle = np.sqrt(low * high)
    for end, other in ((low, low / 10), (high, 10 * high)):
        root = brentq(lambda recoil: lacking(recoil) - energy, *sorted((middle, other)), xtol=1e-16)
        assert end == pytest.approx(root, rel=1e-6)


@pytest.mark.parametrize("m4", [1.0, 20.0, 29.0, 40.0, 50.0, 52.0])
@pytest.mark.parametrize("flavour", list(Flavour))
def test_counts_above_a_massive_threshold(flavour, m4):
    """Of a detector that is smooth in the recoil energy and blind to the smallest, as all are."""

    def detected(recoil):
        return np.exp(-(np.log(recoil / 0.03) ** 2) / (2 * 0.3**2))

    folded = (WEIGHTS * detected(RECOIL)) @ upscattered_moments(TARGET, flavour, m4)[0]
    end = PROMPT_ENERGY_MEV if flavour is Flavour.NU_MU else MAXIMUM_ENERGY_MEV
    low, high = (float(x[0]) for x in recoil_range(end, np.array([AR.mass_mev]), m4))

    def rate(recoil):
        least = (1 + m4**2 / (2 * AR.mass_mev * recoil)) * minimum_energy(recoil, AR.mass_mev)
        if flavour is Flavour.NU_MU:
            return detected(recoil)
        return detected(recoil) * quad(lambda e: michel_spectrum(flavour, e), least, end)[0]

    expected = 0.0
    if m4 < end:
        expected, _ = quad(rate, low, high, epsabs=1e-14, epsrel=1e-9, limit=200)
    assert folded == pytest.approx(expected, rel=1e-4, abs=1e-9)


def test_counts_are_smooth_in_the_mass():
    """Second differences of a step function over fixed nodes would jump."""
    m4 = pt.dscalar()
    detected = WEIGHTS * np.exp(-((RECOIL - 0.03) ** 2) / (2 * 0.008**2))
    counts = (detected * upscattered_moments(TARGET, Flavour.NU_MU, m4)[0]).sum()
    both = pytensor.function([m4], [counts, pytensor.grad(counts, m4)], mode="FAST_COMPILE")
    masses = np.linspace(5.0, 25.0, 400)
    values, slopes = np.array([both(m) for m in masses]).T
    step = masses[1] - masses[0]
    np.testing.assert_allclose(np.gradient(values, step)[1:-1], slopes[1:-1], rtol=0.02, atol=1e-7)


def test_a_massive_final_state_needs_panels():
    with pytest.raises(InputError, match="panels_mev"):
        upscattered_moments(Electrons(RECOIL), Flavour.NU_MU, 1.0)
