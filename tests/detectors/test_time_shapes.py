from itertools import pairwise

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from scipy.integrate import quad

from cevns_bayes.detectors.time_shapes import TimeShape, density_fractions, table_fractions
from cevns_bayes.physics.flavours import Flavour
from cevns_bayes.sources.pion_decay import arrival_density

EDGES = np.array([0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1, 2, 4, 6])
OFF_KNOT_SHIFTS = [-0.2437, -0.1234, -0.0049, 0.0, 0.0537, 0.1811, 0.2475]  # knots every 0.01


def time_efficiency(t):
    return np.exp(-0.0494 * np.maximum(t - 0.52, 0.0))


def integral(function, low, high):
    points = [p for p in (0.35, 0.5, 0.52, 0.65, 1.0) if low < p < high]
    return quad(function, low, high, points=points or None, epsabs=1e-13, epsrel=1e-11)[0]


def direct_fractions(flavour, shift):
    """Per bin with the efficiency, over the whole window without."""

    def density(t):
        return float(arrival_density(flavour, t, 0.5 + shift, 0.15))

    in_bins = [
        integral(lambda t: density(t) * time_efficiency(t), low, high)
        for low, high in pairwise(EDGES)
    ]
    return np.array(in_bins) / integral(density, 0, 6)


@pytest.fixture(scope="module")
def shapes(csi):
    """Compiled arrival shapes of CsI with first and second derivatives of a weighted sum."""
    shift = pt.dscalar()
    weights = np.random.default_rng(5).normal(size=len(EDGES) - 1)
    compiled = {}
    for flavour, shape in csi.signals[0].time_shapes.items():
        fractions = shape(shift)
        slope = pt.grad((weights * fractions).sum(), shift)
        outputs = [fractions, slope, pt.grad(slope, shift)]
        compiled[flavour] = pytensor.function([shift], outputs, mode="FAST_COMPILE")
    return compiled, weights


@pytest.mark.parametrize("flavour", [Flavour.NU_MU, Flavour.NU_E])
@pytest.mark.parametrize("shift", OFF_KNOT_SHIFTS)
def test_spline_is_the_directly_computed_fractions(shapes, flavour, shift):
    fractions = shapes[0][flavour](shift)[0]
    np.testing.assert_allclose(fractions, direct_fractions(flavour, shift), rtol=0, atol=1e-6)


def test_both_delayed_flavours_arrive_alike(shapes):
    nu_e, nu_mu_bar = (shapes[0][f](0.033)[0] for f in (Flavour.NU_E, Flavour.NU_MU_BAR))
    np.testing.assert_array_equal(nu_e, nu_mu_bar)


@pytest.mark.parametrize("flavour", [Flavour.NU_MU, Flavour.NU_E])
@pytest.mark.parametrize("shift", [-0.1234, 0.0537])
def test_gradient_is_that_of_the_direct_fractions(shapes, flavour, shift):
    compiled, weights = shapes
    step = 2e-3
    ahead, behind = (direct_fractions(flavour, shift + s) for s in (step, -step))
    expected = weights @ (ahead - behind) / (2 * step)
    assert compiled[flavour](shift)[1] == pytest.approx(expected, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("knot", [-0.20, -0.03, 0.0, 0.11])
def test_slope_and_curvature_are_continuous_at_the_knots(shapes, knot):
    function = shapes[0][Flavour.NU_MU]
    (_, *below), (_, *above) = function(knot - 1e-9), function(knot + 1e-9)
    np.testing.assert_allclose(below, above, rtol=0, atol=1e-4)


def test_shifts_beyond_the_range_act_like_its_end(shapes):
    function = shapes[0][Flavour.NU_E]
    np.testing.assert_allclose(function(0.9)[0], function(0.3)[0], rtol=1e-12)
    np.testing.assert_allclose(function(-0.9)[0], function(-0.3)[0], rtol=1e-12)


@pytest.mark.parametrize("name", ["brn", "nin"])
def test_neutron_shapes_follow_their_shifted_tables(csi, brute_force, name):
    (background,) = (b for b in csi.backgrounds if b.name == name)
    # The table is flat in cells of 10 ns, its integral a polygon. A parabola through corners has
    # an eighth of the change of slope in between: 1.5e-4 for the BRN, 0.003 of 18 events.
    greatest_step = np.abs(np.diff(brute_force.table("background_time.csv")[name])).max()
    for shift in OFF_KNOT_SHIFTS:
        fractions = background.time_shape(shift).eval(mode="FAST_COMPILE")
        expected = brute_force.neutron_times(name, shift)
        np.testing.assert_allclose(fractions, expected, rtol=0, atol=greatest_step / 8)


def test_polynomials_of_third_order_are_reproduced():
    def fractions(shift):
        return np.array([1.0, shift, shift**2 - 2 * shift**3])

    shape = TimeShape.from_fractions(fractions, range_us=0.2, step_us=0.05)
    for shift in (-0.2, -0.113, 0.0, 0.071, 0.2):
        found = shape(shift).eval(mode="FAST_COMPILE")
        np.testing.assert_allclose(found, fractions(shift), rtol=0, atol=1e-13)


def test_a_constant_shape_does_not_move():
    shape = TimeShape.constant(np.array([0.2, 0.8]))
    assert shape(0.2).tolist() == [0.2, 0.8]


def test_density_fractions_are_integrals():
    def density(t):
        return np.exp(-t)

    found = density_fractions(density, EDGES, time_efficiency, 0.52)
    expected = [
        integral(lambda t: density(t) * time_efficiency(t), low, high)
        for low, high in pairwise(EDGES)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


TABLE_EDGES = np.round(np.arange(-25, 76) * 0.01, 2)
TABLE = np.random.default_rng(3).uniform(size=100)


@pytest.mark.parametrize("shift", [-0.2, -0.0137, 0.0, 0.25])
def test_a_shifted_table_keeps_its_content(shift):
    bins = np.array([-1.0, 0.111, 0.3, 2.0])
    fractions = table_fractions(TABLE_EDGES, TABLE, shift, bins, np.ones_like)
    assert fractions.sum() == pytest.approx(TABLE.sum(), rel=1e-13)


def test_a_table_shifted_by_whole_bins_moves_its_bins():
    bins = np.array([0.1, 0.2, 0.4])
    fractions = table_fractions(TABLE_EDGES, TABLE, 0.05, bins, np.ones_like)
    np.testing.assert_allclose(fractions, [TABLE[30:40].sum(), TABLE[40:60].sum()], rtol=1e-12)


def test_a_bin_edge_inside_a_table_bin_takes_its_share():
    bins = np.array([0.10, 0.1025])  # a quarter of table bin 35
    fractions = table_fractions(TABLE_EDGES, TABLE, 0.0, bins, np.ones_like)
    assert fractions == pytest.approx([TABLE[35] / 4], rel=1e-12)


def test_the_efficiency_does_not_move_with_the_table():
    def first_half_only(t):
        return 1.0 * (t < 0.25)

    bins = np.array([-1.0, 2.0])
    fractions = table_fractions(TABLE_EDGES, TABLE, 0.1, bins, first_half_only)
    assert fractions == pytest.approx([TABLE[:40].sum()], rel=1e-12)
