"""Feldman-Cousins intervals: against exact ones at a boundary, and where Wilks' theorem holds."""

import numpy as np
import pytest

import cevns_bayes as cb


def exact_interval(x, level):
    """Of a Gaussian with sigma 1 and mean >= 0, from the acceptance of each mean on a fine grid."""
    means = np.linspace(0.0, 8.0, 801)
    grid = np.linspace(-9.0, 17.0, 13001)

    def t(values, mean):
        return (values - mean) ** 2 - (values - np.maximum(values, 0.0)) ** 2

    inside = []
    for mean in means:
        density = np.exp(-0.5 * (grid - mean) ** 2)
        order = np.argsort(t(grid, mean))
        content = np.cumsum(density[order]) / density.sum()
        inside.append(t(x, mean) <= t(grid, mean)[order][np.searchsorted(content, level)])
    return means[inside][[0, -1]]


def test_the_exact_interval_is_the_published_one():
    """Feldman and Cousins, Table X."""
    assert exact_interval(0.0, 0.90)[1] == pytest.approx(1.64, abs=0.01)
    assert exact_interval(-1.0, 0.90)[1] == pytest.approx(0.81, abs=0.01)


@pytest.mark.parametrize("x", [-1.0, 0.3, 2.0])
def test_at_a_boundary_intervals_are_the_exact_ones(norm, one_bin, x):
    found = cb.feldman_cousins(norm, one_bin(x), toys=1000, points=9, seed=2)
    for level in (0.90, 0.68):
        ((low, high),), ((low_error, high_error),) = (
            found.intervals(level),
            found.interval_errors(level),
        )
        exact = exact_interval(x, level)
        assert low == pytest.approx(exact[0], abs=4 * low_error + 0.03)
        assert high == pytest.approx(exact[1], abs=4 * high_error + 0.03)
        assert high_error < 0.3
    if x == 2.0:  # By Wilks' theorem the test would fail.
        assert found.curve.intervals(0.90)[0][0] == pytest.approx(2.0 - 1.645, abs=0.01)
        assert found.interval_errors(0.90)[0][0] < 0.05


@pytest.fixture(scope="module")
def weak_mixing_angle():
    return cb.feldman_cousins("weak-mixing-angle", "csi", level=0.90, toys=250, points=7)


def test_far_from_boundaries_it_is_nearly_wilks(weak_mixing_angle):
    found = weak_mixing_angle
    (ends,), (errors,) = found.intervals(), found.interval_errors()
    (wilks,) = found.curve.intervals(0.90)
    np.testing.assert_allclose(ends, wilks, atol=4 * max(errors))
    assert max(errors) < 0.004
    assert found.failed == 0
    assert (found.toys[np.isfinite(found.toys)] > -1e-6).all()
    at_ends = found.numbers == 1000
    assert at_ends.sum() == 2  # more toys at both ends
    np.testing.assert_allclose(found.p_values[at_ends], 0.10, atol=4 * 0.0095)


@pytest.mark.slow
def test_a_region_of_two_parameters():
    found = cb.feldman_cousins("nsi-ee-ud", "csi", toys=100, points=5, level=0.68)
    assert 3 <= len(found.points) <= 5
    assert found.contours()
    ratio = found.critical()[0] / found.surface.threshold(0.68)
    assert ((ratio > 0.2) & (ratio < 1.2)).all()  # bands constrain less than two parameters
    with pytest.raises(cb.InputError, match="two parameters have a region"):
        found.intervals()


@pytest.mark.slow
def test_one_of_two_parameters_fits_the_other():
    found = cb.feldman_cousins(
        "charge-radius", "csi", "r2_ee", toys=20, points=3, priors={"r2_mumu": "Normal(0, 1)"}
    )
    assert found.parameters == ("r2_ee",)
    assert found.intervals()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"level": 1.0}, "a confidence level must be between 0 and 1, got 1.0"),
        ({"toys": 3}, "toys must be an integer of at least 10, got 3"),
        ({"points": 1}, "points must be an integer of at least 3, got 1"),
        ({"seed": -1}, "seed must be an integer of at least 0, got -1"),
        ({"parameters": "r_n"}, "unknown parameter of weak-mixing-angle 'r_n'"),
        ({"parameters": ["sin2_theta_w"] * 2}, "a region is one of 1 or 2 parameters, got sin2"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(cb.InputError, match=message):
        cb.feldman_cousins("weak-mixing-angle", "csi", **arguments)


def test_a_scenario_without_parameters_is_refused():
    with pytest.raises(cb.InputError, match="got none; sm has none"):
        cb.feldman_cousins("sm", "csi")


def test_goodness_of_fit_knows_wrong_data(csi):
    good = cb.goodness_of_fit("sm", csi, toys=250)
    assert good.chi2 == pytest.approx(cb.fit("sm", csi).chi2, abs=1e-4)
    assert 0.05 < good.p_value < 0.99
    assert good.toys.mean() == pytest.approx(99, abs=15)
    flipped = csi.asimov(np.asarray(csi.counts)[::-1])
    assert cb.goodness_of_fit("sm", flipped, toys=250).p_value < 0.01
