"""Areas of highest-density regions against known ones, and the figure that shows them."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.backends.backend_agg import FigureCanvasAgg
from scipy.ndimage import label

from cevns_bayes import InputError
from cevns_bayes.bayesian.density import density_1d, hdi_area
from cevns_bayes.bayesian.regions import posterior_density_1d, posterior_density_2d
from cevns_bayes.frequentist.best_fit import FitResult
from cevns_bayes.frequentist.profile import Curve, Profile, Surface
from cevns_bayes.published import Bound
from cevns_bayes.report.plot_results import plot_curves, plot_region
from cevns_bayes.scenarios.scenario import Parameter

BOX = ((-1.0, 1.0), (-1.0, 1.0))
DRAWS = 12_000


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def test_uniform_square_up_to_its_edges(rng):
    draws = rng.uniform(-1, 1, (2, DRAWS))
    assert hdi_area(*draws, BOX, 0.90) == pytest.approx(0.9 * 4, rel=0.05)


def test_thin_band(rng):
    along, across = rng.uniform(-0.7, 0.7, DRAWS), 0.01 * rng.standard_normal(DRAWS)
    area = hdi_area(along + across, along - across, BOX, 0.90)
    assert area == pytest.approx(0.9 * 2 * 1.4 * 2 * 0.0166, rel=0.15)  # ends of the band count


def test_two_modes(rng):
    left = rng.random(DRAWS) < 0.25
    x = np.where(left, -0.5, 0.5) + 0.05 * rng.standard_normal(DRAWS)
    y = 0.05 * rng.standard_normal(DRAWS)
    # exp(-r^2/2) above t/w in each mode holds (0.9 - ...): 1 - sum_w w (t/w) = 0.9, t = 0.05
    area = 2 * np.pi * 0.05**2 * (np.log(0.25 / 0.05) + np.log(0.75 / 0.05))
    assert hdi_area(x, y, BOX, 0.90) == pytest.approx(area, rel=0.06)


def test_interval_at_a_hard_edge(rng):
    draws = np.abs(rng.standard_normal(DRAWS))
    ((low, high),) = density_1d(draws, (0.0, np.inf)).intervals(0.90)
    assert low == pytest.approx(0.0, abs=0.01)
    assert high == pytest.approx(1.645, rel=0.05)


def on_grid(logs, **coords):
    """A posterior whose log-density is known on a grid."""
    marginal = xr.Dataset({"log_density": (list(coords), logs)}, coords)
    return xr.DataTree.from_dict({"marginal": marginal})


def test_interval_on_a_grid_has_real_gaps_alone():
    x = (np.arange(1000) + 0.5) / 1000
    plateau = on_grid(0.005 * np.sin(60 * x) - (x > 0.9), x=x)
    ((low, high),) = posterior_density_1d(plateau, "x").intervals(0.9)
    assert low < 0.1
    assert 0.8 < high < 0.91
    two = on_grid(-(((np.abs(x - 0.5) - 0.25) / 0.05) ** 2), x=x)
    assert len(posterior_density_1d(two, "x").intervals(0.9)) == 2


def test_interval_of_a_plateau_has_no_gaps_but_noise(rng):
    for _ in range(5):
        draws = rng.uniform(-1, 1, DRAWS) + rng.uniform(-0.2, 0.2, DRAWS)  # flat within 0.8
        ((low, high),) = density_1d(draws, (-1.2, 1.2)).intervals(0.68)
        assert 0.66 <= (high - low) / 2 <= 0.80


def test_region_of_a_plateau_has_no_border_of_rounding(rng):
    """A square of equal density, of which each level takes what is nearest to the highest point."""
    middles = (np.arange(64) + 0.5) / 64
    tree = on_grid(1e-9 * rng.standard_normal((64, 64)), a=middles, b=middles)
    density = posterior_density_2d(tree, ("a", "b"), ((0, 1), (0, 1)))
    for level in (0.68, 0.90):
        assert density.area(level) == pytest.approx(level, rel=0.01)
        assert label(density.values >= density.threshold(level))[1] == 1


def test_intervals_of_two_modes(rng):
    side = np.where(rng.random(DRAWS) < 0.5, -1, 1)
    first, second = density_1d(side + 0.3 * rng.standard_normal(DRAWS)).intervals(0.68)
    ends = np.array([0.702, 1.298])  # the valley between them holds 1 in 100 of their height
    np.testing.assert_allclose([first, second], [-ends[::-1], ends], atol=0.03)


def test_draws_outside_the_prior(rng):
    with pytest.raises(InputError, match="not within"):
        hdi_area(2 * rng.uniform(-1, 1, DRAWS), rng.uniform(-1, 1, DRAWS), BOX, 0.90)


def test_draws_of_different_sizes(rng):
    with pytest.raises(InputError, match=r"as many draws of each variable, got \[5, 4\]"):
        hdi_area(rng.random(5), rng.random(4), BOX, 0.90)


@pytest.fixture
def toy(rng):
    """Posterior, profile, parameters, bounds."""
    draws = {name: (("chain", "draw"), 0.2 * rng.standard_normal((4, 1000))) for name in "ab"}
    grid = np.linspace(-1, 1, 41)
    height = (grid / 0.2) ** 2
    fit = FitResult("toy", ("csi",), 1.0, 1, {"a": 0.0, "b": 0.0}, {}, {}, valid=True)
    curve = {name: Curve(name, (-1.0, 1.0), grid, height, np.zeros((41, 2))) for name in "ab"}
    valley = np.array([[0.8, 0.8, 1.0]])  # which the grid misses
    surface = Surface(("a", "b"), grid, grid, height[:, None] + height, valley)
    posterior = xr.DataTree.from_dict({"posterior": xr.Dataset(draws)})
    profile = Profile(fit, curve, {("a", "b"): surface})
    parameters = Parameter("a", "$a$", "fm"), Parameter("b", "$b$")
    source = "arXiv:0000.00000 (data of 2017), Table 1"
    return posterior, profile, parameters, [Bound("a", 0.9, -0.4, np.inf, "fm", source)]


def legend_of(figure):
    """Labels of the legend, which must not be clipped."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    (legend,) = figure.legends
    box = legend.get_window_extent(canvas.get_renderer())
    assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
    return {text.get_text() for text in legend.get_texts()}


def test_figure_of_regions(toy):
    figure = plot_region(*toy, "Toy")
    shown = legend_of(figure)
    (panel,) = figure.axes
    assert panel.get_xlabel() == "$a$ [fm]"
    assert {"68% credible (HDI)", "95% confidence (profile)", "best fit", "Standard Model"} <= shown
    assert "narrow valleys (95%)" in shown
    assert "arXiv:0000.00000 (data of 2017) (90%)" in shown


def test_figure_with_limits_at_each_mass(toy):
    mass, upper = np.linspace(-0.5, 0.5, 5), np.array([0.1, 0.2, np.nan, 0.2, 0.1])
    ends = {"excluded_low": upper[:, None], "excluded_high": 0 * upper[:, None] + 1}
    data = {name: (("a", "interval"), values) for name, values in ends.items()}
    attrs = {"coupling": "b", "level": 0.9, "kind": "confidence"}
    limits = xr.Dataset(data | {"upper_limit": ("a", upper)}, {"a": mass}, attrs)
    label = "90% confidence limit at each mass"
    for figure in (plot_region(*toy, "Toy", [limits]), plot_region(*toy, "Toy", [])):
        (panel,) = figure.axes
        lines = [line for line in panel.lines if line.get_label() == label]
        assert bool(lines) == (label in legend_of(figure))
    lines = plot_region(*toy, "Toy", [limits]).axes[0].lines
    (line,) = (line for line in lines if line.get_label() == label)
    np.testing.assert_array_equal(line.get_ydata(), upper)
    other = limits.assign_attrs(coupling="c")
    assert label not in legend_of(plot_region(*toy, "Toy", [other]))


def test_figure_of_curves(toy):
    posterior, profile, parameters, bounds = toy
    for shown in (parameters[:1], parameters):
        legend = legend_of(plot_curves(posterior, profile, shown, bounds, "Toy"))
        assert {"posterior", "90% credible (HDI)", "68% confidence (profile)"} <= legend
        assert "arXiv:0000.00000 (data of 2017) (90%)" in legend
