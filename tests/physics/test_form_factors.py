import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from scipy.integrate import quad
from scipy.special import erf

from cevns_bayes.errors import InputError
from cevns_bayes.physics.form_factors import form_factor, form_factor_names

HBAR_C = 197.3269804  # MeV fm
RADIUS = 5.01  # fm, neutrons of Cs-133
NAMES = ["helm", "klein-nystrand", "symmetrized-fermi"]


def helm_density(r):
    s = 0.9
    R = np.sqrt(5 / 3 * (RADIUS**2 - 3 * s**2))
    above, below = (r + R) / (np.sqrt(2) * s), (r - R) / (np.sqrt(2) * s)
    tail = np.sqrt(2 / np.pi) * s / r * (np.exp(-(above**2)) - np.exp(-(below**2)))
    return 3 / (4 * np.pi * R**3) / 2 * (erf(above) - erf(below) + tail)


def klein_nystrand_density(r):
    # (1 - a^2 laplacian) density = uniform sphere, solved inside and outside the sphere.
    a = 0.7
    R = np.sqrt(5 / 3 * (RADIUS**2 - 6 * a**2))
    if r < R:
        shape = 1 - (1 + R / a) * np.exp(-R / a) * np.sinh(r / a) / (r / a)
    else:
        shape = (R / a * np.cosh(R / a) - np.sinh(R / a)) * np.exp(-r / a) / (r / a)
    return 3 / (4 * np.pi * R**3) * shape


def symmetrized_fermi_density(r):
    a = 0.52
    c = np.sqrt(5 / 3 * RADIUS**2 - 7 / 3 * (np.pi * a) ** 2)
    norm = 3 / (4 * np.pi * c * (c**2 + (np.pi * a) ** 2))
    return norm * np.sinh(c / a) / (np.cosh(r / a) + np.cosh(c / a))


DENSITIES = {
    "helm": helm_density,
    "klein-nystrand": klein_nystrand_density,
    "symmetrized-fermi": symmetrized_fermi_density,
}


def test_all_form_factors_are_tested():
    assert form_factor_names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_no_momentum_transfer_sees_the_whole_charge(name):
    # 1 - F = (q R)^2/6 = 1.1e-8 at 0.01 MeV
    assert form_factor(name)(0.01, RADIUS) == pytest.approx(1, abs=2e-8)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("radius", [3.427, 4.804, 5.4])
def test_curvature_at_the_origin_is_the_rms_radius(name, radius):
    def squared_radius(q_mev):
        return 6 * (1 - form_factor(name)(q_mev, radius)) * (HBAR_C / q_mev) ** 2

    # the error is of order q^2: extrapolated to zero from two momenta
    extrapolated = (4 * squared_radius(1.0) - squared_radius(2.0)) / 3
    assert np.sqrt(extrapolated) == pytest.approx(radius, rel=1e-6)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("q_mev", [5.0, 30.0, 60.0, 100.0, 150.0])
def test_is_the_fourier_transform_of_its_density(name, q_mev):
    q = q_mev / HBAR_C

    def integrand(r):
        return 4 * np.pi * r**2 * DENSITIES[name](r) * np.sin(q * r) / (q * r)

    transform, _ = quad(integrand, 1e-9, 30, epsabs=1e-12, epsrel=1e-12, limit=400)
    assert form_factor(name)(q_mev, RADIUS) == pytest.approx(transform, abs=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_numpy_and_pytensor_agree(name):
    q_mev, radius = np.linspace(1, 120, 25), np.full(25, RADIUS)
    q, r = pt.dvector(), pt.dvector()
    symbolic = pytensor.function([q, r], form_factor(name)(q, r), mode="FAST_COMPILE")
    np.testing.assert_allclose(symbolic(q_mev, radius), form_factor(name)(q_mev, radius), 1e-11)


def test_unknown_form_factor_suggests_the_nearest():
    with pytest.raises(InputError, match=r"unknown form factor 'hellm'; did you mean 'helm'\?"):
        form_factor("hellm")
