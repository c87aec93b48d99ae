import numpy as np
import pytest
from scipy.integrate import quad

from cevns_bayes.detectors.detection import detection_matrix
from cevns_bayes.detectors.effects import (
    ConstantEfficiency,
    DecayingTimeEfficiency,
    GammaResolution,
    GaussianResolution,
    PolynomialQuenching,
    SigmoidEfficiency,
    TruncatedGaussianResolution,
)

CSI_QUENCHING = PolynomialQuenching((0.0554628, 4.30681, -111.707, 840.384))
CSI_RESOLUTION = GammaResolution(mean_scale=0.0749, shape_scale=9.56)
CSI_EFFICIENCY = SigmoidEfficiency(1.32045, 0.285979, 10.8646, -0.333322)


def test_quenching_by_hand():
    # 10 keV = 0.01 MeV: 0.000554628 + 0.000430681 - 0.000111707 + 0.00000840384 MeV
    assert CSI_QUENCHING.visible_energy_kev(0.01) == pytest.approx(0.88200584, rel=1e-9)
    assert CSI_QUENCHING.visible_energy_kev(0.0) == 0


def moment_of_resolution(visible_kev, power):
    centre = visible_kev * 13.35
    return sum(
        quad(
            lambda x: x**power * CSI_RESOLUTION.density(x, visible_kev),
            low,
            high,
            epsabs=1e-12,
            epsrel=1e-11,
            limit=200,
        )[0]
        for low, high in ((0, centre), (centre, 3 * centre), (3 * centre, 300))
    )


@pytest.mark.parametrize("visible_kev", [0.3, 0.88, 2.5, 4.5])
def test_resolution_is_normalised_with_the_light_yield_as_mean(visible_kev):
    assert moment_of_resolution(visible_kev, 0) == pytest.approx(1, abs=1e-8)
    mean = moment_of_resolution(visible_kev, 1)
    assert mean == pytest.approx(visible_kev / 0.0749, rel=1e-7)
    assert mean / visible_kev == pytest.approx(13.35, rel=1e-3)  # PE/keVee of the paper


def test_resolution_has_the_variance_of_its_gamma_distribution():
    # density ~ x^b exp(-a (1 + b) x): variance = mean^2/(1 + b)
    mean = 0.88 / 0.0749
    variance = moment_of_resolution(0.88, 2) - moment_of_resolution(0.88, 1) ** 2
    assert variance == pytest.approx(mean**2 / (1 + 9.56 * 0.88), rel=1e-6)


def test_resolution_follows_the_published_formula():
    a, b = 0.0749 / 2.0, 9.56 * 2.0
    x = np.array([10.0, 26.7, 50.0])
    formula = x**b * np.exp(-a * (1 + b) * x)
    density = CSI_RESOLUTION.density(x, 2.0)
    np.testing.assert_allclose(density / density[1], formula / formula[1], rtol=1e-11)


def test_resolution_broadcasts():
    density = CSI_RESOLUTION.density(np.linspace(1, 60, 5)[:, None], np.array([0.5, 1.0, 2.0]))
    assert density.shape == (5, 3)


def test_efficiency_by_hand():
    assert CSI_EFFICIENCY(10.8646) == pytest.approx(1.32045 / 2 - 0.333322, rel=1e-12)
    assert CSI_EFFICIENCY(60.0) == pytest.approx(1.32045 - 0.333322, rel=2e-6)
    # at 15 PE: 1.32045/(1 + exp(-0.285979 x 4.1354)) - 0.333322, exp(-1.182638) = 0.306469
    assert CSI_EFFICIENCY(15.0) == pytest.approx(1.32045 / 1.306469 - 0.333322, rel=1e-5)


def test_efficiency_is_zero_below_its_kink_and_not_above():
    (kink,) = CSI_EFFICIENCY.kinks
    assert kink == pytest.approx(7.068, abs=1e-3)  # c - ln(-a/d - 1)/b = 10.8646 - 3.7964
    assert np.all(CSI_EFFICIENCY(np.array([0.0, 3.0, kink - 1e-6])) == 0)
    assert 0 < CSI_EFFICIENCY(kink + 1e-6) < 1e-6


def test_efficiency_rises_and_stays_below_one():
    efficiency = CSI_EFFICIENCY(np.linspace(7.1, 60, 300))
    assert np.all(np.diff(efficiency) > 0)
    assert efficiency[-1] < 1


def test_time_efficiency_by_hand():
    efficiency = DecayingTimeEfficiency(start_us=0.52, rate_per_us=0.0494)
    times = np.array([0.0, 0.52, 1.52, 6.0])
    expected = [1.0, 1.0, 0.951800, 0.762837]  # exp(-0.0494) and exp(-0.0494 x 5.48)
    np.testing.assert_allclose(efficiency(times), expected, rtol=2e-6)


def test_a_sigmoid_that_never_vanishes_has_no_kink():
    for offset in (0.0, 0.1):
        efficiency = SigmoidEfficiency(0.8, 1.0, 5.0, offset)
        assert efficiency.kinks == ()
        assert efficiency(np.array([5.0])) == pytest.approx(0.4 + offset)


@pytest.mark.parametrize("sigma", [0.1, 0.005, 0.0002])
@pytest.mark.parametrize("top", [10.0, 300.0, 1000.0])
@pytest.mark.parametrize("efficiency", [ConstantEfficiency(), np.ones_like])
def test_no_peak_falls_between_the_points(sigma, top, efficiency):
    """Bins far wider than the resolution hold all of one visible energy."""
    edges = np.array([0.0, 1.0, top])
    resolution = GaussianResolution(noise=sigma)
    found = detection_matrix(edges, resolution, efficiency, np.array([3.3]))
    np.testing.assert_allclose(found[:, 0], [0.0, 1.0], atol=1e-8)


def test_a_constant_efficiency_needs_no_quadrature():
    edges, visible = np.array([0.2, 1.0, 4.0]), np.array([0.0, 0.3, 2.0])
    resolution = TruncatedGaussianResolution(scale=0.3, noise=0.1)
    exact = detection_matrix(edges, resolution, ConstantEfficiency(0.7), visible)
    summed = detection_matrix(edges, resolution, lambda x: np.full_like(x, 0.7), visible)
    np.testing.assert_allclose(exact, summed, atol=1e-8)


@pytest.mark.parametrize("visible", [0.0, 0.1, 3.0])
def test_nothing_is_reconstructed_below_zero(visible):
    resolution = TruncatedGaussianResolution(noise=0.1)
    assert resolution.cumulative(0.0, visible) == pytest.approx(0.0, abs=1e-15)
    assert resolution.density(-0.01, visible) == 0.0
    assert resolution.cumulative(9.0, visible) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "resolution",
    [
        GammaResolution(0.0749, 9.56),
        GaussianResolution(scale=0.3, noise=0.1),
        TruncatedGaussianResolution(scale=0.3, noise=0.1),
    ],
)
def test_cumulative_is_the_integral_of_the_density(resolution):
    for visible in (0.7, 2.0):
        integral = quad(resolution.density, -10.0, 9.0, args=(visible,), points=[0.0, visible])[0]
        assert resolution.cumulative(9.0, visible) == pytest.approx(integral, rel=1e-7)
