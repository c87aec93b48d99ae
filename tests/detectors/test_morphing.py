import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from cevns_bayes.detectors.morphing import morphing_weights


@pytest.fixture(scope="module")
def weights():
    """Weights (up, down) and their first and second derivatives at an alpha, shape (3, 2)."""
    alpha = pt.dscalar()
    outputs = []
    for weight in morphing_weights(alpha):
        slope = pt.grad(weight, alpha)
        outputs.append([weight, slope, pt.grad(slope, alpha)])
    flat = [output for column in outputs for output in column]
    function = pytensor.function([alpha], flat, mode="FAST_COMPILE")
    return lambda at: np.reshape(function(at), (2, 3)).T


@pytest.mark.parametrize(
    ("alpha", "up", "down"),
    [(-2.0, 0, 2), (-1.0, 0, 1), (0.0, 0, 0), (1.0, 1, 0), (2.0, 2, 0), (3.5, 3.5, 0)],
)
def test_weights_at_the_models_and_beyond(weights, alpha, up, down):
    np.testing.assert_allclose(weights(alpha)[0], [up, down], rtol=0, atol=1e-14)


@pytest.mark.parametrize("end", [-1.0, 1.0])
@pytest.mark.parametrize("order", [0, 1, 2])
def test_value_slope_and_curvature_are_continuous(weights, end, order):
    below, above = weights(end - 1e-9)[order], weights(end + 1e-9)[order]
    np.testing.assert_allclose(below, above, rtol=0, atol=1e-7)


@pytest.mark.parametrize(("end", "slopes"), [(1.0, (1, 0)), (-1.0, (0, -1))])
def test_slope_and_curvature_at_the_models_are_those_of_the_straight_lines(weights, end, slopes):
    _, first, second = weights(end)
    np.testing.assert_allclose(first, slopes, rtol=0, atol=1e-12)
    np.testing.assert_allclose(second, 0, rtol=0, atol=1e-12)


def test_slope_in_the_middle_is_the_mean_of_both_sides(weights):
    np.testing.assert_allclose(weights(0.0)[1], [0.5, -0.5], rtol=0, atol=1e-14)


@pytest.mark.parametrize("alpha", [-1.7, -0.6, 0.25, 0.9, 1.4])
def test_equals_the_polynomial_solved_from_its_conditions(weights, brute_force, alpha):
    up = brute_force.between_models(alpha, 0.0, 0.0, 1.0)
    down = brute_force.between_models(alpha, 1.0, 0.0, 0.0)
    np.testing.assert_allclose(weights(alpha)[0], [up, down], rtol=0, atol=1e-13)


def test_mirror_symmetry(weights):
    np.testing.assert_allclose(weights(0.37)[0], weights(-0.37)[0][::-1], rtol=1e-14)


def test_plain_numbers_are_accepted():
    up, down = morphing_weights(1.5)
    assert (up.eval(), down.eval()) == (1.5, 0.0)
