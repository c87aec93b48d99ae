"""One number under one name: terminal, report, CSV, figures and fit.json say the same."""

import csv
import json
import re
from dataclasses import replace

import numpy as np
import pytest

from cevns_bayes.report.archive import load_analysis
from cevns_bayes.report.figures import caption, draw, shown_together
from cevns_bayes.report.tables import intervals
from cevns_bayes.report.terminal import print_run

NAME = "sin2_theta_w"


@pytest.fixture(scope="module")
def analysis(results):
    return load_analysis(results)


def cells(report, *begin):
    """The row of a report that begins with these cells."""
    rows = re.findall(r"<tr>(.*?)</tr>", report, flags=re.DOTALL)
    texts = [re.findall(r"<td>(.*?)</td>", row, flags=re.DOTALL) for row in rows]
    (row,) = [of for of in texts if of[: len(begin)] == list(begin)]
    return row


def ends(text):
    return [float(x) for x in re.findall(r"-?[0-9.]+(?:e-?[0-9]+)?", text)]


def test_intervals(results, analysis, capsys):
    print_run(analysis)
    printed = capsys.readouterr().out.splitlines()
    report = (results / "report.html").read_text()
    with (results / "intervals.csv").open() as file:
        pieces = [row for row in csv.DictReader(file) if float(row["level"]) == 0.9]
    by_kind = {row["kind"]: [float(row["low"]), float(row["high"])] for row in pieces}
    with (results / "summary.csv").open() as file:
        (summary,) = [row for row in csv.DictReader(file) if row["variable"] == NAME]
    _, _, hdi, confidence, _ = cells(report, f"<code>{NAME}</code>", "90%")
    row = cells(report, f"<code>{NAME}</code>", "")
    assert json.loads(summary["hdi90"]) == pytest.approx(by_kind["credible"], rel=1e-5)
    assert ends(hdi) == pytest.approx(by_kind["credible"], rel=1e-3)
    assert ends(row[5]) == pytest.approx(by_kind["credible"], rel=5e-3)
    assert ends(confidence) == pytest.approx(by_kind["confidence"], rel=1e-3)
    lines = [line for line in printed if line.startswith(NAME)]
    posterior, profile = (ends(line.removeprefix(NAME)) for line in lines)
    assert posterior[2:4] == pytest.approx(by_kind["credible"], rel=5e-3)
    assert profile[2:4] == pytest.approx(by_kind["confidence"], rel=1e-3)
    outcome = json.loads((results / "summary.json").read_text())
    assert outcome["credible"][NAME][0] == pytest.approx(by_kind["credible"], rel=1e-5)
    assert outcome["confidence"][NAME][0] == pytest.approx(by_kind["confidence"], rel=1e-5)


def test_intervals_of_the_figure(analysis):
    panel, twin = draw(analysis)["posterior"].axes
    (star,) = (line for line in twin.lines if line.get_label() == "best fit")
    assert star.get_xydata().tolist() == [[analysis.best_fit.params[NAME], 0.0]]
    for collection in panel.collections:
        level = float(collection.get_label().split("%")[0]) / 100
        x = collection.get_paths()[0].vertices[:, 0]
        ((low, high),) = analysis.credible(NAME, level)
        assert [x.min(), x.max()] == pytest.approx([low, high], abs=2e-4)


def test_best_fit_and_its_error(results, analysis, capsys):
    print_run(analysis)
    printed = capsys.readouterr().out
    fits = json.loads((results / "fit.json").read_text())
    best = fits["best_fit"]
    report = (results / "report.html").read_text()
    assert f"χ² = {best['chi2']:.2f} for {best['dof']} degrees" in printed
    assert cells(report, "<code>weak-mixing-angle</code>")[1] == f"{best['chi2']:.2f}"
    value, error = best["sampled"][NAME], best["sampled_errors"][NAME]
    assert best["covariance"][NAME][NAME] == pytest.approx(error**2)
    shown = f"{value:.3g} ± {error:.3g}"
    assert shown in printed
    assert shown in cells(report, f"<code>{NAME}</code>", "")
    with (results / "summary.csv").open() as file:
        (summary,) = [row for row in csv.DictReader(file) if row["variable"] == NAME]
    assert float(summary["best_fit"]) == pytest.approx(value, rel=1e-5)
    assert float(summary["best_fit_error"]) == pytest.approx(error, rel=1e-5)
    outcome = json.loads((results / "summary.json").read_text())
    assert outcome["chi2"] == pytest.approx(best["chi2"])
    assert fits["p_values"]["csi"] == analysis.p_values["csi"]
    p_value = cells(report, "posterior predictive, csi")[1]
    assert float(p_value) == pytest.approx(analysis.p_values["csi"], rel=0.05)


def test_without_published_bounds_there_is_no_word_of_them(analysis):
    own = replace(analysis, scenario=replace(analysis.scenario, name="mine"))
    for of, there in ((analysis, True), (own, False)):
        assert ("published" in intervals(of).titles) == there
        assert ("published" in caption("posterior", of)) == there


def test_a_corner_shows_parameters_and_nuisances_of_most_impact(analysis):
    size = abs(analysis.impacts["impact"]).max(("side", "parameter"))
    largest = size["nuisance"].to_numpy()[np.argsort(-size.to_numpy())[:2]]
    assert set(shown_together(analysis, 3)) == {NAME, *largest}
    assert caption("corner", analysis).endswith("HDI regions of 68%, 90%.")
