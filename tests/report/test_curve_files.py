"""Regions as files."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cevns_bayes.bayesian.density import Density2D
from cevns_bayes.report.curve_files import about, write_credible_contours
from cevns_bayes.scenarios.scenario import load_scenario


def test_credible_contours_hold_their_probability(tmp_path):
    x, y = np.linspace(-5, 5, 401), np.linspace(-10, 10, 401)
    values = np.outer(stats.norm.pdf(x), stats.norm.pdf(y, scale=2.0))
    weights = values.ravel() / values.sum()
    density = Density2D(
        values=values, at_draws=values.ravel(), weights=weights, noise=0.0, x=x, y=y
    )
    head = about(load_scenario("light-scalar"), ["csi", "lar"])
    write_credible_contours(density, ("a", "lar::b"), tmp_path, head)
    (file,) = tmp_path.iterdir()
    assert file.name == "credible_contours_a_lar_b.csv"
    lines = file.read_text().splitlines()
    assert {"# scenario: light-scalar", "# data: csi,lar"} <= {*lines}
    assert "# units: mass [MeV], log10_mass [log10 MeV]" in lines
    table = pd.read_csv(file, comment="#")
    for level, border in table.groupby("level"):
        radius = border["a"] ** 2 + (border["lar::b"] / 2) ** 2
        assert radius.to_numpy() == pytest.approx(stats.chi2.ppf(level, 2), rel=0.02)
    assert [*table["level"].unique()] == [0.68, 0.90, 0.95]
