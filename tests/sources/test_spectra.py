"""Moments of spectra against integrals over the neutrino energy."""

from itertools import pairwise

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from scipy.integrate import quad

from cevns_bayes.errors import InputError
from cevns_bayes.physics.kinematics import maximum_recoil_energy, minimum_energy
from cevns_bayes.physics.nuclei import nucleus
from cevns_bayes.physics.quadrature import composite_rule
from cevns_bayes.sources.pion_decay import MICHEL_END_MEV, PROMPT_ENERGY_MEV, SPECTRA
from cevns_bayes.sources.spectra import Line, tabulated

# --- oscillations of pion-decay neutrinos at the nodes of an argon detector ----------------------

AR = nucleus("Ar40")
ENDS = [
    maximum_recoil_energy(energy, AR.mass_mev) for energy in (PROMPT_ENERGY_MEV, MICHEL_END_MEV)
]
RECOIL, _ = composite_rule(np.array([0, *ENDS]), 40)
THRESHOLDS = minimum_energy(RECOIL, AR.mass_mev)
VISIBLE = 0.015  # MeV; recoils below are not seen in argon
DELAYED = [flavour for flavour, spectrum in SPECTRA.items() if not isinstance(spectrum, Line)]
BASELINE_M = 27.5


def survival(dm2):
    return lambda energy: 1 - np.sin(1.26693 * dm2 * BASELINE_M / energy) ** 2


@pytest.mark.parametrize("dm2", [0.1, 3.0, 30.0, 100.0])
@pytest.mark.parametrize("flavour", DELAYED)
def test_oscillated_moments_are_the_integrals(flavour, dm2):
    moments = SPECTRA[flavour].weighted_moments(THRESHOLDS, survival(dm2))
    for node in np.flatnonzero(RECOIL > VISIBLE)[::9]:
        for power, moment in enumerate(moments):
            expected, _ = quad(
                lambda e, m=power: SPECTRA[flavour].density(e) * e**-m * survival(dm2)(e),
                THRESHOLDS[node],
                MICHEL_END_MEV,
                epsabs=0,
                epsrel=1e-10,
                limit=500,
            )
            assert moment[node] == pytest.approx(expected, rel=1e-4)


def test_the_prompt_line_oscillates_at_its_energy():
    line = Line(PROMPT_ENERGY_MEV)
    oscillated = line.weighted_moments(THRESHOLDS, survival(7.0))
    factor = survival(7.0)(PROMPT_ENERGY_MEV)
    for moment, plain in zip(oscillated, line.moments(THRESHOLDS), strict=True):
        np.testing.assert_allclose(moment, factor * plain, rtol=1e-14)


def test_without_oscillation_the_flux_is_the_plain_one():
    for spectrum in SPECTRA.values():
        same = spectrum.weighted_moments(THRESHOLDS, survival(0.0))
        for moment, plain in zip(same, spectrum.moments(THRESHOLDS), strict=True):
            np.testing.assert_allclose(moment, plain, rtol=1e-11, atol=1e-15)


# --- tables --------------------------------------------------------------------------------------

ENERGY = np.array([0.5, 0.7, 1.5, 1.6, 4.0, 9.0])
DENSITY = np.array([0.0, 3.0, 2.0, 2.5, 0.1, 1e-4])
TABLE = tabulated(ENERGY, DENSITY)
# On the points, between, below and above them.
POINTS = np.array([0.1, 0.5, 0.6, 0.7, 1.0, 1.5, 1.55, 1.6, 2.8, 4.0, 6.0, 8.9, 9.0, 9.1, 30.0])


def integral(function, threshold):
    """Of a function times the table, from the threshold to the end, segment by segment."""

    def integrand(energy):
        return np.interp(energy, ENERGY, DENSITY) * function(energy)

    edges = [threshold, *ENERGY[threshold < ENERGY]] if threshold > ENERGY[0] else ENERGY
    return sum(
        quad(integrand, low, high, epsabs=0, epsrel=1e-12, limit=500)[0]
        for low, high in pairwise(edges)
    )


@pytest.mark.parametrize("threshold", POINTS)
def test_moments_of_a_table_are_the_integrals(threshold):
    for power, moment in enumerate(TABLE.moments(threshold)):
        expected = integral(lambda e, m=power: e**-m, threshold)
        assert moment == pytest.approx(expected, rel=1e-10, abs=1e-14)


def test_moments_have_the_shape_of_the_thresholds():
    one_by_one = np.array([TABLE.moments(threshold) for threshold in POINTS]).T
    together = TABLE.moments(POINTS.reshape(3, 5))
    for moment, expected in zip(together, one_by_one, strict=True):
        assert moment.shape == (3, 5)
        np.testing.assert_allclose(moment.ravel(), expected, rtol=1e-14)


def test_density_of_a_table():
    np.testing.assert_allclose(TABLE.density(ENERGY), DENSITY, rtol=1e-12, atol=1e-14)
    between = np.array([[0.55, 1.2], [3.0, 8.0]])
    np.testing.assert_allclose(TABLE.density(between), np.interp(between, ENERGY, DENSITY), 1e-12)
    assert not TABLE.density(np.array([0.0, 0.499, 9.001])).any()
    assert TABLE.end_mev == 9.0


def test_smooth_moments_are_the_plain_ones_below_the_end():
    below = POINTS[POINTS <= 9]
    for smooth, plain in zip(TABLE.smooth_moments(below), TABLE.moments(below), strict=True):
        np.testing.assert_array_equal(smooth, plain)


@pytest.mark.parametrize("power", [0, 1, 2])
def test_smooth_moments_go_on_above_the_end(power):
    """The last segment goes on, as the integral from the threshold back to the end."""
    slope = (DENSITY[-1] - DENSITY[-2]) / (ENERGY[-1] - ENERGY[-2])
    for threshold in (9.001, 12.0):
        back, _ = quad(lambda e: (DENSITY[-1] + slope * (e - 9)) * e**-power, 9.0, threshold)
        assert TABLE.smooth_moments(threshold)[power] == pytest.approx(-back, rel=1e-10)


@pytest.mark.parametrize("power", [0, 1, 2])
def test_smooth_moments_have_no_steps(power):
    """Neither in value nor in slope, which is the density of the table."""
    for point in (*ENERGY[1:], 1.0):
        below, above = TABLE.smooth_moments(point + np.array([-1e-7, 1e-7]))[power]
        density = np.interp(point, ENERGY, DENSITY) * point**-power
        assert (below - above) / 2e-7 == pytest.approx(density, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("spectrum", [TABLE, tabulated([1.0, 2.0], [1.0, 3.0])])
def test_pytensor_moments_of_tables(spectrum):
    vector, scalar = pt.dvector(), pt.dscalar()
    for numeric, one, of_vector, of_scalar in zip(
        spectrum.smooth_moments(POINTS),
        spectrum.smooth_moments(1.55),
        spectrum.smooth_moments(vector),
        spectrum.smooth_moments(scalar),
        strict=True,
    ):
        evaluated = of_vector.eval({vector: POINTS}, mode="FAST_COMPILE")
        np.testing.assert_allclose(evaluated, numeric, rtol=1e-12, atol=1e-15)
        alone = of_scalar.eval({scalar: 1.55}, mode="FAST_COMPILE")
        assert alone.shape == ()
        assert alone == pytest.approx(one, rel=1e-12)


def test_gradients_of_moments_are_the_density():
    threshold = pt.dscalar()
    slopes = [pytensor.grad(moment, threshold) for moment in TABLE.smooth_moments(threshold)]
    for point in (0.6, 1.0, 2.8, 6.0):
        for power, slope in enumerate(slopes):
            value = slope.eval({threshold: point}, mode="FAST_COMPILE")
            density = np.interp(point, ENERGY, DENSITY) * point**-power
            assert value == pytest.approx(-density, rel=1e-10)


def test_weight_one_gives_the_plain_moments():
    weighted = TABLE.weighted_moments(POINTS, np.ones_like)
    for moment, plain in zip(weighted, TABLE.moments(POINTS), strict=True):
        np.testing.assert_allclose(moment, plain, rtol=1e-11, atol=1e-15)


def test_a_weight_may_be_a_number():
    for half, plain in zip(
        TABLE.weighted_moments(POINTS, lambda _: 0.5), TABLE.moments(POINTS), strict=True
    ):
        np.testing.assert_allclose(half, plain / 2, rtol=1e-11, atol=1e-15)


def test_weighted_moments_of_a_table_are_the_integrals():
    def weight(energy):
        return 1 - 0.9 * np.sin(6.0 / energy) ** 2

    for power, moment in enumerate(TABLE.weighted_moments(POINTS, weight)):
        for threshold, value in zip(POINTS, moment, strict=True):
            expected = integral(lambda e, m=power: e**-m * weight(e), threshold)
            assert value == pytest.approx(expected, rel=1e-10, abs=1e-14)


def test_weights_may_be_pytensor_variables():
    strength = pt.dscalar()
    symbolic = TABLE.weighted_moments(POINTS, lambda e: 1 - strength * np.sin(6.0 / e) ** 2)
    numeric = TABLE.weighted_moments(POINTS, lambda e: 1 - 0.9 * np.sin(6.0 / e) ** 2)
    for moment, expected in zip(symbolic, numeric, strict=True):
        evaluated = moment.eval({strength: 0.9}, mode="FAST_COMPILE")
        np.testing.assert_allclose(evaluated, expected, rtol=1e-12, atol=1e-18)


@pytest.mark.parametrize(
    ("energy", "density", "said"),
    [
        ([1, 2, 3], [1, 2], r"densities of a spectrum must have shape \(3,\), got \(2,\)"),
        ([1], [1], "two or more"),
        ([[1, 2]], [[1, 2]], r"two or more .* got shape \(1, 2\)"),
        ([1, 2], [1, "x"], "densities of a spectrum must be numbers"),
        ([1, 2], [1, [2, 3]], "densities of a spectrum must be numbers"),
        ([0, 1], [1, 1], r"increasing numbers, finite and positive, got 0\.0 at index \(0,\)"),
        ([2, 1], [1, 1], r"increasing numbers, finite and positive, got 1\.0 at index \(1,\)"),
        ([1, 1], [1, 1], "increasing numbers, finite and positive"),
        ([1, np.nan], [1, 1], "increasing numbers, finite and positive"),
        ([1, np.inf], [1, 1], "increasing numbers, finite and positive"),
        ([1, 2], [1, -0.1], "finite and non-negative"),
        ([1, 2], [1, np.nan], "finite and non-negative"),
        (np.arange(500.0), np.ones(500), "increasing numbers, finite and positive"),
        (1 + np.arange(500.0), -np.ones(500), "finite and non-negative"),
    ],
)
def test_bad_tables_get_one_line(energy, density, said):
    with pytest.raises(InputError, match=said) as refused:
        tabulated(energy, density)
    assert "\n" not in str(refused.value)
