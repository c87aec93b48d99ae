"""Regions as files."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from scipy import stats

from cevns_bayes import load_experiment
from cevns_bayes.bayesian.density import Density2D
from cevns_bayes.frequentist.profile import Profile, Surface
from cevns_bayes.report.curve_files import about, write_credible_contours, write_profile
from cevns_bayes.report.plot_results import _confidence
from cevns_bayes.scenarios.scenario import load_scenario


def test_contours_of_figure_and_file_are_the_same(tmp_path):
    x = np.linspace(-3, 3, 41)  # of which a step is as wide as the band
    delta = ((x[:, None] + 0.7 * x) / 0.05) ** 2 + x**2
    surface = Surface(("a", "b"), x, x, delta, np.zeros((0, 3)))
    panel = Figure().subplots()
    _confidence(panel, surface, [0.90])
    write_profile(Profile(None, {}, {("a", "b"): surface}), tmp_path, {}, [0.90])
    table = pd.read_csv(tmp_path / "contours_a_b.csv", comment="#")
    drawn = [line.get_xydata() for line in panel.lines if line.get_linestyle() == "-"]
    assert len(drawn) == table["piece"].nunique()
    np.testing.assert_allclose(np.vstack(drawn), table[["a", "b"]], rtol=1e-6, atol=1e-9)


def test_credible_contours_hold_their_probability(tmp_path):
    x, y = np.linspace(-5, 5, 401), np.linspace(-10, 10, 401)
    values = np.outer(stats.norm.pdf(x), stats.norm.pdf(y, scale=2.0))
    weights = values.ravel() / values.sum()
    density = Density2D(
        values=values, at_draws=values.ravel(), weights=weights, noise=0.0, x=x, y=y
    )
    head = about(
        load_scenario("light-scalar"), [csi := load_experiment("csi"), load_experiment("lar")]
    )
    write_credible_contours(density, ("a", "lar::b"), tmp_path, head)
    (file,) = tmp_path.iterdir()
    assert file.name == "credible_contours_a_lar_b.csv"
    lines = file.read_text().splitlines()
    assert {"# scenario: light-scalar", "# data: csi,lar"} <= {*lines}
    assert any(line.startswith(f"# data sha256: {csi.fingerprint()[:16]},") for line in lines)
    assert "# units: mass [MeV], log10_mass [log10 MeV]" in lines
    table = pd.read_csv(file, comment="#")
    for level, border in table.groupby("level"):
        radius = border["a"] ** 2 + (border["lar::b"] / 2) ** 2
        assert radius.to_numpy() == pytest.approx(stats.chi2.ppf(level, 2), rel=0.02)
    assert [*table["level"].unique()] == [0.68, 0.90, 0.95]
