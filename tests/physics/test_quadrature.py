import numpy as np
import pytest
from scipy.integrate import quad

from cevns_bayes.physics.quadrature import composite_rule, inside_weights, integrals_over_bins


def test_polynomials_up_to_twice_the_nodes_are_exact():
    points, weights = composite_rule(np.array([-1.0, 0.3, 2.0]), nodes=4)
    assert points.shape == weights.shape == (8,)
    for power in range(8):
        exact = (2.0 ** (power + 1) - (-1.0) ** (power + 1)) / (power + 1)
        assert weights @ points**power == pytest.approx(exact, rel=1e-13)


def test_polynomials_beyond_are_not():
    points, weights = composite_rule(np.array([-1.0, 1.0]), nodes=4)
    assert abs(weights @ points**8 - 2 / 9) > 1e-3


def test_a_step_on_a_breakpoint_is_exact():
    points, weights = composite_rule(np.array([0.0, 1.0, 3.0]), nodes=5)
    assert weights @ (points < 1.0) == pytest.approx(1.0, rel=1e-14)


def test_each_bin_gets_its_own_integral():
    edges = np.array([0.0, 1.0, 1.5, 4.0])
    found = integrals_over_bins(lambda x: np.exp(-x), edges, panel_width=0.4, nodes=8)
    np.testing.assert_allclose(found, np.diff(-np.exp(-edges)), rtol=1e-13)


def test_panels_are_no_wider_than_asked_for():
    seen = []
    integrals_over_bins(
        lambda x: seen.extend(x) or x, np.array([0.0, 10.0]), panel_width=2.6, nodes=1
    )
    np.testing.assert_allclose(seen, [1.25, 3.75, 6.25, 8.75])  # four panels of 2.5


def test_kinks_on_breakpoints_are_exact_and_outside_ones_ignored():
    seen = []

    def kink(x):
        seen.extend(x)
        return np.maximum(x - 2.7, 0.0)

    breakpoints = [-3.0, 2.7, 8.0]
    found = integrals_over_bins(
        kink, np.array([0.0, 2.0, 5.0]), panel_width=9.0, nodes=2, breakpoints=breakpoints
    )
    np.testing.assert_allclose(found, [0.0, 2.3**2 / 2], rtol=1e-13)
    assert len(seen) == 2 * 3  # panels [0, 2], [2, 2.7], [2.7, 5]


@pytest.mark.parametrize(("low", "high"), [(0, 3), (0.2, 0.21), (0.5, 2.2), (1.5, 5), (-3, 0.4)])
def test_inside_weights_integrate_between_any_limits(low, high):
    panels, nodes = np.array([[0.0, 1.0], [1.0, 3.0]]), 20
    x, weights = composite_rule(np.array([0.0, 1.0, 3.0]), nodes)

    def f(t):
        return np.exp(-t) * np.sin(3 * t) + t**2

    inside = inside_weights(panels, nodes, np.full(2, float(low)), np.full(2, float(high)))
    expected, _ = quad(f, max(low, 0), min(high, 3), epsabs=1e-13)
    assert (weights * inside) @ f(x) == pytest.approx(expected, rel=1e-10)
