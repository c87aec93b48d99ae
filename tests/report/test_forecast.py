"""The sensitivity report: reach, impact, figures, files."""

import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import cevns_bayes as cb
from cevns_bayes.engine.problem import Problem
from cevns_bayes.frequentist.profile import Curve, Profile, Surface, profile_of, threshold
from cevns_bayes.frequentist.search import Search
from cevns_bayes.report.forecast import DOUBLINGS, SURFACE_POINTS, Forecast, Sensitivity, tables
from cevns_bayes.report.forecast_page import write_forecast
from cevns_bayes.report.plot_forecast import _slope, _zoom, figures, is_quark_pair, slope
from cevns_bayes.report.reach import EXPOSURES, _first

ONE = list(EXPOSURES).index(1.0)


@pytest.fixture(scope="module")
def angle():
    return cb.forecast("weak-mixing-angle", ["reactor-ge", "ess-c3f8"])


def test_every_data_set_has_its_intervals(angle):
    assert list(angle.sensitivities) == ["reactor-ge", "ess-c3f8", "together"]
    for of in angle.sensitivities.values():
        for intervals in (of.confidence("sin2_theta_w"), of.credible("sin2_theta_w")):
            ((low, high),) = intervals
            assert low < 0.23857 < high
    lengths = [np.ptp(of.confidence("sin2_theta_w")) for of in angle.sensitivities.values()]
    assert lengths[2] < min(lengths[:2])


def test_reach_is_half_the_confidence_interval(angle):
    (reach,) = angle.reaches
    ((low, high),) = angle.last.confidence("sin2_theta_w")
    assert reach.systematics[ONE] == pytest.approx((high - low) / 2, rel=0.01)


def test_reach_without_systematics_falls_as_the_root_of_the_exposure(angle):
    (reach,) = angle.reaches
    ratio = reach.statistics[:-1] / reach.statistics[1:]
    np.testing.assert_allclose(ratio, 2.0, rtol=0.02)
    assert np.all(np.diff(reach.systematics) < 0)
    assert np.all(reach.better < reach.systematics)
    assert np.all(reach.statistics < reach.better)


def test_reach_at_another_exposure_is_that_of_a_scaled_experiment(angle):
    (reach,) = angle.reaches
    data = [cb.load_experiment(name).scaled(4.0) for name in ("reactor-ge", "ess-c3f8")]
    ((low, high),) = cb.profile("weak-mixing-angle", data).limits("sin2_theta_w")
    assert reach.systematics[ONE + 1] == pytest.approx((high - low) / 2, rel=0.01)


def test_reach_with_better_systematics_is_that_of_narrower_nuisances(angle):
    (reach,) = angle.reaches
    data = []
    for name in ("reactor-ge", "ess-c3f8"):
        experiment = cb.load_experiment(name)
        half = {n.name: n.sigma / 2 for n in experiment.nuisances}
        data.append(experiment.with_sigma(half))
    ((low, high),) = cb.profile("weak-mixing-angle", data).limits("sin2_theta_w")
    assert reach.better[ONE] == pytest.approx((high - low) / 2, rel=0.01)


def test_impact_is_that_of_a_nuisance_which_is_held(angle):
    (reach,) = angle.reaches
    name = next(iter(reach.impact))
    held = cb.profile("weak-mixing-angle", ["reactor-ge", "ess-c3f8"], fixed={name: 0.0})
    ((low, high),) = held.limits("sin2_theta_w")
    expected = 1 - (high - low) / 2 / reach.systematics[ONE]
    assert reach.impact[name] == pytest.approx(expected, abs=0.03)
    assert list(reach.impact.values()) == sorted(reach.impact.values(), reverse=True)
    assert np.isfinite([*reach.impact.values()]).all()


def test_files(angle, tmp_path):
    shown = figures(angle)
    assert all(isinstance(figure, Figure) for figure in shown.values())
    write_forecast(angle, shown, tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    csv = {f"{name}.csv" for name in ("events", "intervals", "reach", "impact")}
    drawn = {f"{name}.{kind}" for name in ("regions", "reach") for kind in ("png", "pdf")}
    assert names == {*csv, *drawn, *angle.sensitivities, "forecast.md", "report.html"}
    curve = tmp_path / "together" / "profile_sin2_theta_w.csv"
    assert "# data: reactor-ge,ess-c3f8" in curve.read_text()
    intervals = pd.read_csv(tmp_path / "intervals.csv").set_index(["data", "kind"])
    ((low, high),) = angle.last.confidence("sin2_theta_w")
    assert tuple(intervals.loc["together", "confidence"][["low", "high"]]) == pytest.approx(
        (low, high), rel=1e-4
    )
    page = (tmp_path / "forecast.md").read_text()
    assert "| ess-c3f8 | cevns |" in page
    events = tables(angle)["events"].rows
    expected = float(cb.predict("sm", {}, "ess-c3f8").cevns.sum())
    assert events[[row[:2] for row in events].index(["ess-c3f8", "cevns"])][2] == pytest.approx(
        expected
    )


def test_curves_are_smooth_and_the_height_of_the_interval_is_drawn(angle):
    panel, *_ = figures(angle)["regions"].axes
    of_label = {line.get_label(): line.get_xydata() for line in panel.lines}
    (name,) = (label for label in of_label if "2.71" in label)
    assert of_label[name][:, 1] == pytest.approx([2.7055] * 2, rel=1e-4)
    curves = [xy for xy in (line.get_xydata() for line in panel.lines) if len(xy) > 2]
    assert len(curves) == 3
    for x, height in (xy.T for xy in curves):
        # Where two straight pieces meet, their slopes hardly differ.
        slopes = np.diff(height) / np.diff(x) * np.ptp(x)
        assert np.abs(np.diff(slopes)).max() < 0.02 * np.ptp(slopes)


def test_page_needs_no_other_file_and_begins_with_the_result(angle, tmp_path):
    write_forecast(angle, figures(angle), tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert page.count('src="data:image/png;base64,') == 2
    assert not re.search(r'(src|href)="(?!data:)', page)
    headings = re.findall("<h2>(.*?)</h2>", page)
    assert headings[0] == "Intervals, 90%"
    assert len(headings) == 6
    for row in tables(angle)["intervals"].cells():
        assert "".join(f"<td>{cell}</td>" for cell in row[1:]) in page
    assert "ESS forecast, arXiv:1911.00762" in page


def test_slope_of_a_target():
    # CsI: the mean of -(2 55 + 78)/(55 + 2 78) and -(2 53 + 74)/(53 + 2 74)
    assert slope(cb.load_experiment("ess-csi")) == pytest.approx(-(188 / 211 + 180 / 201) / 2)
    assert is_quark_pair(cb.load_scenario("nsi-ee-ud").parameters_of_interest)
    assert not is_quark_pair(cb.load_scenario("nsi-d-ee-mumu").parameters_of_interest)


@pytest.mark.parametrize("name", ["ess-csi", "ess-ge", "ess-c3f8"])
def test_rate_hardly_changes_along_the_slope(name):
    def events(up, down):
        return float(cb.predict("nsi-ee-ud", {"eps_ee_u": up, "eps_ee_d": down}, name).cevns.sum())

    step, of = 0.05, slope(cb.load_experiment(name))
    along, across = (abs(events(step, sign * step * of) - events(0, 0)) for sign in (1, -1))
    assert along < 0.02 * across


@pytest.mark.slow
def test_bands_of_two_targets_end_smoothly():
    """Two bands, of which the one through the Standard Model ends within the prior."""
    problem = Problem.build("nsi-ee-ud", ["ess-csi", "ess-ar"])
    found = profile_of(problem, Search.of(problem), SURFACE_POINTS, doublings=DOUBLINGS)
    surface = found.surfaces["eps_ee_u", "eps_ee_d"]
    assert surface.resolved
    assert len(surface.finer().contours()) == 2


def test_slopes_are_drawn_through_the_standard_model():
    parameters = cb.load_scenario("nsi-ee-ud").parameters_of_interest
    panel = Figure().subplots()
    experiment = cb.load_experiment("ess-ar")
    _slope(panel, Sensitivity((experiment,), parameters, None, None), "black")
    (line,) = panel.lines
    assert line.get_xy1() == (0, 0)
    assert line.get_slope() == slope(experiment)


def test_figure_shows_the_regions_alone():
    x = np.linspace(0.0, 10.0, 101)
    surface = Surface(("a", "b"), x, x, x[:, None] ** 2 + (x / 2) ** 2, np.zeros((0, 3)))
    curves = {name: Curve(name, (0.0, 20.0), x, x**2, np.zeros((101, 1))) for name in ("a", "b")}
    parameters = (cb.Parameter("a", "a"), cb.Parameter("b", "b"))
    of = Sensitivity((), parameters, Profile(None, curves, {("a", "b"): surface}), None)
    panel = Figure().subplots()
    _zoom(panel, Forecast(None, {}, {"one": of}, ()))
    end = threshold(0.90, 2) ** 0.5
    assert panel.get_xlim() == pytest.approx((0.0, 1.08 * end), abs=0.03)
    assert panel.get_ylim() == pytest.approx((0.0, 1.08 * 2 * end), abs=0.03)


def test_first_crossing():
    steps = np.array([1.0, 2.0, 4.0])  # sqrt(Delta chi^2) = step
    assert _first(steps, steps**2) == pytest.approx(2.7055**0.5, rel=1e-4)
    assert np.isnan(_first(steps, 0.01 * steps**2))


def test_on_the_command_line(cevns_bayes):
    code, out, err = cevns_bayes("forecast", "sm", "--data", "ess-c3f8")
    assert (code, out) == (2, "")
    assert "sm has no parameters of interest to forecast" in err
