"""Profile likelihood: known answers on toys, iminuit on the real thing."""

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pymc as pm
import pytest
from contourpy import contour_generator
from iminuit import Minuit
from scipy import stats

from cevns_bayes import InputError, asimov, profile
from cevns_bayes.engine.problem import Problem
from cevns_bayes.frequentist.curves import Curve, Surface, threshold
from cevns_bayes.frequentist.profile import Profile, _grid
from cevns_bayes.frequentist.scan import Scan
from cevns_bayes.frequentist.search import Search
from cevns_bayes.report.curve_files import write_profile
from cevns_bayes.scenarios.priors import sampled_name


def scan(solver):
    return Scan.of(Search(solver))


@pytest.fixture(scope="module")
def band(toy):
    """((xy - 1)/0.002 - alpha)^2 + alpha^2 + (x/3 - 1)^2: a thin hyperbola in a box."""
    box = (pm.Uniform, 0.2, 5.0)
    solver = toy(
        lambda x, y, alpha: [(x * y - 1) / 0.002 - alpha, x / 3 - 1],
        2,
        x=box,
        y=box,
        alpha=(pm.Normal, 0, 1),
    )
    return scan(solver)


@pytest.fixture(scope="module")
def two_minima(toy):
    """((x^2 - 1)/0.1 - alpha)^2 + alpha^2, whose profile is ((x^2 - 1)/0.1)^2/2."""
    solver = toy(
        lambda x, alpha: [(x**2 - 1) / 0.1 - alpha],
        1,
        x=(pm.Uniform, -50, 50),
        alpha=(pm.Normal, 0, 1),
    )
    return scan(solver)


def test_thresholds_are_those_of_wilks():
    assert threshold(stats.chi2.cdf(1, 1), 1) == pytest.approx(1.0)
    assert threshold(0.90, 1) == pytest.approx(2.706, abs=1e-3)
    assert threshold(0.90, 2) == pytest.approx(4.605, abs=1e-3)
    with pytest.raises(InputError, match="between 0 and 1"):
        threshold(90, 1)


def test_interval_around_a_minimum_much_narrower_than_the_prior(two_minima):
    curve = two_minima.curve("x")
    half = 0.1 * np.sqrt(2 * threshold(0.90, 1))
    known = [(-np.sqrt(1 + half), -np.sqrt(1 - half)), (np.sqrt(1 - half), np.sqrt(1 + half))]
    np.testing.assert_allclose(curve.intervals(0.90), known, rtol=1e-3)
    known = ((curve.values**2 - 1) / 0.1) ** 2 / 2
    near = known < 100
    np.testing.assert_allclose(curve.delta_chi2[near], known[near], rtol=1e-4, atol=1e-5)
    assert (curve.delta_chi2[~near] > 99).all()


def test_open_interval_ends_at_the_limit():
    x = np.linspace(0.0, 4.0, 41)
    curve = Curve("x", (0.0, 4.0), x, x**2, np.zeros((41, 1)))
    ((low, high),) = curve.intervals(0.90)
    assert low == 0.0
    assert high == pytest.approx(np.sqrt(threshold(0.90, 1)), rel=1e-3)
    assert Curve("x", (0.0, 4.0), x, 0 * x, np.zeros((41, 1))).intervals(0.9) == [(0.0, 4.0)]


def needle(points):
    """(u/0.5)^2 + (v/0.02)^2 of axes that are turned by 35 degrees."""
    x = np.linspace(-1.5, 1.5, points)
    turn = np.exp(1j * np.radians(35))
    w = (x[:, None] + 1j * x) * turn
    delta = (w.real / 0.5) ** 2 + (w.imag / 0.02) ** 2
    return Surface(("x", "y"), x, x, delta, np.zeros((0, 3)))


def test_a_thin_region_is_in_one_piece_on_a_finer_grid():
    surface = needle(101)
    assert not surface.resolved
    assert len(surface.borders(surface.threshold(0.90))) > 1
    (border,) = surface.contours()
    area = abs(np.sum(border[:-1, 0] * border[1:, 1] - border[1:, 0] * border[:-1, 1])) / 2
    assert area == pytest.approx(np.pi * 0.5 * 0.02 * threshold(0.90, 2), rel=0.005)
    assert needle(161).resolved


def test_surfaces_get_more_points_until_they_are_resolved(toy):
    solver = toy(
        lambda x, y, alpha: [(x + y) / 0.06 - alpha, x - y],
        2,
        x=(pm.Uniform, -5.0, 5.0),
        y=(pm.Uniform, -5.0, 5.0),
        alpha=(pm.Normal, 0, 1),
    )
    found = scan(solver)
    grids = {name: _grid(found.curve(name), 31) for name in ("x", "y")}
    few, more, enough = (found.surface("x", "y", grids, doublings=n) for n in (0, 1, 3))
    assert (len(few.x), len(more.x)) == (31, 61)
    assert not more.resolved
    assert enough.resolved
    (border,) = enough.contours()
    x, y = border.T
    heights = ((x + y) / 0.06) ** 2 / 2 + (x - y) ** 2
    np.testing.assert_allclose(heights, threshold(0.90, 2), atol=0.2)


def test_curve_follows_a_thin_band(band):
    curve = band.curve("x")
    np.testing.assert_allclose(curve.delta_chi2, (curve.values / 3 - 1) ** 2, atol=1e-3)
    assert np.diff(curve.values).max() < 0.3


@pytest.fixture(scope="module")
def two_branches(toy):
    """y = 1 with Delta chi^2 = ((x - 1)/4)^2, or y = -1 with 0.5 + (x + 1)^2/50."""

    def residuals(x, y, alpha):
        first = [(x - 1) / 4, 3 * (y - 1), 0 * x]
        second = [(x + 1) / np.sqrt(50), 3 * (y + 1), 0 * x + np.sqrt(0.5)]
        lower = sum(r**2 for r in first) < sum(r**2 for r in second)
        return [jnp.where(lower, a, b) for a, b in zip(first, second, strict=True)]

    box = (pm.Uniform, -5, 5)
    return scan(toy(residuals, 3, x=box, y=box, alpha=(pm.Normal, 0, 1)))


def test_curve_is_the_lower_of_two_branches(two_branches):
    curve = two_branches.curve("x")
    x = curve.values
    known = np.minimum((x - 1) ** 2 / 16, 0.5 + (x + 1) ** 2 / 50)
    np.testing.assert_allclose(curve.delta_chi2, known, atol=1e-5)


def test_surface_is_the_minimum_over_nuisances(band):
    x, y = np.linspace(2.5, 3.5, 21), np.linspace(0.25, 0.45, 301)
    surface = band.surface("x", "y", {"x": x, "y": y})
    known = ((x[:, None] * y - 1) / 0.002) ** 2 / 2 + (x[:, None] / 3 - 1) ** 2
    inside = known < 10
    assert inside.sum() > 50
    np.testing.assert_allclose(surface.delta_chi2[inside], known[inside], atol=1e-3)
    assert (surface.delta_chi2[~inside] > 9.9).all()
    x, y, height = surface.minima.T
    np.testing.assert_allclose(height, (x / 3 - 1) ** 2, atol=1e-3)
    np.testing.assert_allclose(y, 1 / x, rtol=0.02)


@pytest.mark.parametrize("dof", [1, 2])
def test_contours_are_where_the_threshold_is(tmp_path, dof):
    x = np.linspace(-4, 4, 161)
    surface = Surface(("x", "y"), x, x, x[:, None] ** 2 + 4 * x**2, np.zeros((0, 3)), dof)
    for level in (0.68, 0.95, stats.chi2.cdf(13.9, dof)):
        (border,) = surface.contours(level)
        heights = border[:, 0] ** 2 + 4 * border[:, 1] ** 2
        np.testing.assert_allclose(heights, stats.chi2.ppf(level, dof), atol=0.01)
    with pytest.raises(InputError, match="the level of a contour must be below"):
        surface.contours(stats.chi2.cdf(15.0, dof))
    write_profile(Profile(None, {}, {("x", "y"): surface}), tmp_path, {"data": "toy"})
    table = pd.read_csv(tmp_path / "contours_x_y.csv", comment="#")
    assert "\n# data: toy\n" in (tmp_path / "contours_x_y.csv").read_text()
    assert set(table["level"]) == {0.68, 0.90, 0.95}
    of = table[table["level"] == 0.90]
    np.testing.assert_allclose(of["x"] ** 2 + 4 * of["y"] ** 2, threshold(0.90, dof), atol=0.01)
    assert (table["dof"] == dof).all()


@pytest.fixture(scope="module")
def own_prior():
    """Of the weak mixing angle, uniform between bounds that are far away."""
    return profile("weak-mixing-angle", surfaces=False)


PROFILED = {0.68: (0.1926, 0.2492), 0.90: (0.1762, 0.2708), 0.95: (0.1686, 0.2819)}


@pytest.mark.parametrize(
    "prior",
    [
        "Normal(0.2386, 0.01)",
        "Normal(0.1, 0.001)",
        "StudentT(3, mu=0.3, sigma=0.02)",
        "HalfNormal(0.02)",
    ],
)
def test_intervals_do_not_depend_on_a_prior_without_bounds(own_prior, prior):
    priors = {"sin2_theta_w": prior}
    found = profile("weak-mixing-angle", surfaces=False, priors=priors)
    curve = found.curves["sin2_theta_w"]
    assert curve.limits == (0.0 if prior.startswith("Half") else -np.inf, np.inf)
    assert found.best_fit.chi2 == pytest.approx(own_prior.best_fit.chi2, abs=1e-4)
    for level, known in PROFILED.items():
        (ours,) = curve.intervals(level)
        assert ours == pytest.approx(known, abs=1e-4)
        assert ours == pytest.approx(*own_prior.curves["sin2_theta_w"].intervals(level), abs=1e-5)


def test_bounds_of_a_prior_cut_an_interval():
    priors = {"sin2_theta_w": "TruncatedNormal(0.2, 0.1, lower=0.19, upper=inf)"}
    found = profile("weak-mixing-angle", surfaces=False, priors=priors)
    ((low, high),) = found.curves["sin2_theta_w"].intervals(0.90)
    assert low == pytest.approx(0.19)
    assert high == pytest.approx(PROFILED[0.90][1], abs=1e-4)


@pytest.fixture(scope="module")
def plateau(toy):
    """Delta chi^2 = 4 tanh(x)^2 on all of the line: it never leaves the region at 99 %."""
    return scan(toy(lambda x: [2 * jnp.tanh(x)], 1, x=(pm.Normal, 0, 0.5)))


def test_interval_without_end_is_infinite(plateau):
    curve = plateau.curve("x")
    assert curve.intervals(0.99) == [(-np.inf, np.inf)]
    half = np.arctanh(np.sqrt(threshold(0.90, 1) / 4))
    np.testing.assert_allclose(curve.intervals(0.90), [(-half, half)], rtol=1e-3)


def test_levels_beyond_what_was_scanned_are_refused(plateau):
    with pytest.raises(InputError, match="beyond Delta chi\\^2 = 30"):
        plateau.curve("x").intervals(1 - 1e-9)


def test_scenario_without_parameters():
    with pytest.raises(InputError, match="sm has no parameters of interest"):
        profile("sm")


@pytest.mark.parametrize("points", [5, 20.0])
def test_wrong_points(points):
    with pytest.raises(InputError, match="points must be an integer of at least 10"):
        profile("weak-mixing-angle", points=points)


@pytest.fixture
def minimiser(build_chi2):
    """Scenario -> names of its parameters, and its chi^2 in another implementation."""

    def of(scenario):
        problem = Problem.build(scenario, ["csi"])
        names = [sampled_name(problem.model, name) for name in problem.scenario.parameter_names]
        return names, build_chi2(problem, names, mode=None)

    return of


def test_wrong_degrees_of_freedom():
    with pytest.raises(InputError, match="dof of a region must be 1 or 2"):
        profile("charge-radius", dof=3)


def minuit(chi2, start):
    fit = Minuit(chi2.value, start, grad=chi2.gradient, name=chi2.names)
    fit.errordef, fit.limits, fit.errors = Minuit.LEAST_SQUARES, chi2.limits, chi2.steps / 10
    fit.strategy, fit.tol = 2, 1e-3
    return fit


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["weak-mixing-angle", "neutron-radius", "charge-radius", "millicharge"]
)
def test_intervals_are_those_of_minos(minimiser, name):
    found = profile(name, surfaces=False)
    names, chi2 = minimiser(name)
    best = np.array([found.best_fit.values[variable] for variable in chi2.names])
    for level in (0.68, 0.90):
        for parameter in names:
            fit = minuit(chi2, best).migrad().minos(parameter, cl=level)
            error, value = fit.merrors[parameter], fit.values[parameter]
            low, high = value + error.lower, value + error.upper
            ours = next(i for i in found.curves[parameter].intervals(level) if i[0] < value < i[1])
            assert error.is_valid
            assert np.abs(np.subtract(ours, (low, high))).max() < 0.01 * (high - low)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["charge-radius", "nsi-d-ee-mumu", "millicharge", "magnetic-moment"]
)
def test_contours_are_where_migrad_puts_them(minimiser, name):
    found = profile(name)
    _, chi2 = minimiser(name)
    ((pair, surface),) = found.surfaces.items()
    best = np.array([found.best_fit.values[variable] for variable in chi2.names])
    minimum = minuit(chi2, best).migrad().fval
    extent = np.array([np.ptp(surface.x), np.ptp(surface.y)])

    def height(point):
        start = best.copy()
        start[[chi2.names.index(variable) for variable in pair]] = point
        fit = minuit(chi2, start)
        for variable in pair:
            fit.fixed[variable] = True
        return fit.migrad().fval - minimum

    generator = contour_generator(surface.x, surface.y, surface.delta_chi2.T)
    (line, *_) = generator.lines(surface.threshold(0.90))
    for vertex in line[:: len(line) // 8]:
        step = 1e-3 * extent
        slope = [(height(vertex + e * step) - height(vertex - e * step)) / 2e-3 for e in np.eye(2)]
        distance = abs(height(vertex) - surface.threshold(0.90)) / np.hypot(*slope)
        assert distance < 0.01  # of the extent of the region


@pytest.mark.slow
def test_a_region_apart_from_all_fits_is_found():
    """A second band, to which no low point of the grid leads."""
    data = asimov("sm", {}, "csi", exposure=3)
    found = profile("light-vector-universal", data)
    (surface,) = found.surfaces.values()
    assert len(surface.contours(0.90)) == 2
    minima = surface.minima[surface.minima[:, 2] < surface.threshold(0.90)]
    grid = surface.finer()
    x, y = (
        np.abs(axis[:, None] - at).argmin(axis=0)
        for axis, at in zip((grid.x, grid.y), minima.T, strict=False)
    )
    assert (grid.delta_chi2[x, y] < 10).all()
