"""The report of a folder again: as it was, or as one wants it, without sampling or fitting."""

import contextlib
import csv
import json
import re
import shutil

import numpy as np
import pytest
import xarray as xr

import cevns_bayes as cb
from cevns_bayes.bayesian import sampling
from cevns_bayes.engine.problem import Problem
from cevns_bayes.frequentist.search import Search
from cevns_bayes.report.archive import ARCHIVE_FILE, FORMAT, load_analysis
from cevns_bayes.report.figures import draw
from cevns_bayes.report.folder import write_posterior


@pytest.fixture
def copied(results, tmp_path):
    return shutil.copytree(results, tmp_path / "copied")


@pytest.fixture
def idle(results, results_of_sm, monkeypatch):
    """Nothing may be sampled, fitted or built."""
    for owner, name in ((sampling.Task, "by"), (Search, "of"), (Problem, "build")):
        monkeypatch.setattr(owner, name, lambda *_, **__: pytest.fail("it worked"))


@pytest.fixture
def quick(monkeypatch):
    """Figures that are drawn elsewhere are left out."""
    monkeypatch.setattr("cevns_bayes.report.html.draw", lambda _: {})


def texts(folder):
    return {
        path.name: path.read_text()
        for path in folder.iterdir()
        if path.suffix != ".pdf" and path.suffix in (".csv", ".json")
    }


@pytest.mark.parametrize("name", ["results", "results_of_sm"])
def test_all_is_as_it_was(cevns_bayes, tmp_path, idle, request, name):
    folder = request.getfixturevalue(name)
    (tmp_path / "again").mkdir()  # An empty folder is as good as none.
    code, out, err = cevns_bayes("report", folder, "--output", "again")
    assert (code, err) == (0, "")
    assert "Report: again/report.html" in out
    again = tmp_path / "again"
    assert {path.name for path in again.iterdir()} == {path.name for path in folder.iterdir()}
    assert texts(again) == texts(folder)
    for path in again.glob("*.png"):
        assert path.read_bytes() == (folder / path.name).read_bytes(), path.name
    assert (again / "report.html").read_text() == (folder / "report.html").read_text()


def test_files_are_replaced_in_place_and_others_stay(cevns_bayes, copied, idle, quick):
    (copied / "notes.txt").write_text("mine")
    before = (copied / "report.html").read_text()
    names = {path.name for path in copied.iterdir()}
    assert cevns_bayes("report", copied, "--level", 0.95)[0] == 0
    assert {path.name for path in copied.iterdir()} == names
    assert (copied / "report.html").read_text() != before
    assert (copied / "notes.txt").read_text() == "mine"


def test_levels_are_those_of_tables_and_figures(cevns_bayes, copied, quick):
    assert cevns_bayes("report", copied, "--level", 0.9, "--level", 0.9973)[0] == 0
    with (copied / "intervals.csv").open() as file:
        assert {row["level"] for row in csv.DictReader(file)} == {"0.9", "0.9973"}
    with (copied / "summary.csv").open() as file:
        assert {"hdi90", "hdi99.73"} <= {*next(csv.DictReader(file))}
    report = (copied / "report.html").read_text()
    assert "<td>99.73%</td>" in report
    assert "<td>68%</td>" not in report


def test_labels_and_levels_are_drawn(results):
    analysis = load_analysis(results)
    view = cb.View(levels=[0.5], labels={"sin2_theta_w": "$s^2$", "csi::alpha_brn": "neutrons"})
    figures = draw(analysis.viewed(view))
    panel, twin = figures["posterior"].axes
    assert panel.get_xlabel() == "$s^2$"
    labels = {line.get_label() for line in twin.lines}
    assert "50% confidence (profile)" in labels
    assert "68% confidence (profile)" not in labels
    assert "neutrons" in {tick.get_text() for tick in figures["pulls"].axes[0].get_yticklabels()}


def test_a_style_is_used(cevns_bayes, copied, tmp_path, monkeypatch):
    seen = []

    def drawn(analysis):
        from matplotlib import rcParams

        seen.append(rcParams["axes.facecolor"])
        return {}

    monkeypatch.setattr("cevns_bayes.report.html.draw", drawn)
    (tmp_path / "mine.mplstyle").write_text("axes.facecolor: pink\n")
    for style, colour in (("ggplot", "#E5E5E5"), (tmp_path / "mine.mplstyle", "pink")):
        assert cevns_bayes("report", copied, "--style", style)[0] == 0
        assert seen.pop() == colour
    from matplotlib import rcParams

    assert rcParams["axes.facecolor"] == "white"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--level", "1"), "'--level': 1.0 is not in the range"),
        (
            ("--level", ".1", "--level", ".2", "--level", ".3", "--level", ".4", "--level", ".5"),
            "4",
        ),
        (("--label", "sin2_theta_w"), "write NAME=TEXT"),
        (("--label", r"sin2_theta_w=$\fra{$"), "cannot be drawn"),
        (("--label", "sin2=x"), "did you mean 'sin2_theta_w'"),
        (("--style", "gplot"), "did you mean 'ggplot'"),
        (("--style", "broken.mplstyle"), "broken.mplstyle"),
        (("--overlay", "nowhere.csv"), "cannot read nowhere.csv"),
        (("--overlay", "other.csv"), "column of the overlay 'other' 'mass'"),
        (("--feldman-cousins", "."), "not a folder of `feldman-cousins`"),
        (("--output", "there"), "there exists"),
    ],
)
def test_what_does_not_suit_is_refused(cevns_bayes, copied, tmp_path, options, said):
    shutil.copytree(copied, tmp_path / "there")
    (tmp_path / "other.csv").write_text("mass,coupling\n1,2\n")
    (tmp_path / "broken.mplstyle").write_bytes(b"\xff\xfe\x00")
    before = {path.name: path.stat().st_mtime_ns for path in copied.iterdir()}
    code, out, err = cevns_bayes("report", copied, *options)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
    assert {path.name: path.stat().st_mtime_ns for path in copied.iterdir()} == before


def test_damaged_missing_and_other_analyses_are_one_line(cevns_bayes, copied, results_of_sm):
    path = copied / ARCHIVE_FILE
    whole = path.read_bytes()

    def refused(said):
        code, _, err = cevns_bayes("report", copied)
        assert (code, err.count("\n")) == (2, 1), err
        assert said in err

    for damaged in (b"", b"\x89HDF\r\n\x1a\n junk", whole[: len(whole) // 2]):
        path.write_bytes(damaged)
        refused("is damaged")
    path.write_bytes((results_of_sm / ARCHIVE_FILE).read_bytes())
    refused("it is not of the posterior beside it")
    path.write_bytes(whole)
    tree = xr.load_datatree(path)
    tree.attrs["format"] = FORMAT + 1
    tree.to_netcdf(path)
    refused(f"in format {FORMAT + 1}; this version reads format {FORMAT}")
    path.unlink()
    refused(f"is not a results folder: it has no {ARCHIVE_FILE}")


def test_what_is_loaded_is_what_was_analysed(results):
    analysis = load_analysis(results)
    assert analysis.scenario.title == "Weak mixing angle"
    assert analysis.parameter_names == ["sin2_theta_w"]
    csi = cb.load_experiment("csi")
    (record,) = analysis.experiments
    assert record.fingerprint() == csi.fingerprint()
    np.testing.assert_array_equal(record.counts, csi.counts)
    assert record.nuisances == csi.nuisances
    assert analysis.comparable
    assert analysis.command.startswith("cevns-bayes run weak-mixing-angle --sampler laplace")
    assert json.loads((results / "fit.json").read_text())["best_fit"]["chi2"] == pytest.approx(
        analysis.best_fit.chi2, rel=1e-12
    )
    with pytest.raises(cb.InputError, match="has no physics"):
        analysis.scenario.declare()


def test_a_run_tries_labels_before_it_samples(cevns_bayes, monkeypatch, tmp_path):
    monkeypatch.setattr(sampling.Task, "by", lambda *_, **__: pytest.fail("sampled"))
    (tmp_path / "mine.py").write_text(
        "import pymc as pm\nfrom cevns_bayes.authoring import *\n\ndef declare():\n"
        "    kappa = pm.Uniform('kappa', 0.0, 3.0)\n"
        "    return lambda target, flavour: vector(target, kappa * weak_charge(target) ** 2)\n"
        r"SCENARIO = Scenario('Scaled', (Parameter('kappa', r'$\kapa$'),), 'nowhere', declare)"
    )
    code, _, err = cevns_bayes("run", "mine.py")
    assert code == 2
    assert re.search(r"label .*\\kapa.* cannot be drawn", err)
    assert not (tmp_path / "results").exists() or not [*(tmp_path / "results").iterdir()]


def test_many_numbers_are_kept_coarsely_and_comparisons_stay(tmp_path, monkeypatch, posterior):
    monkeypatch.setattr("cevns_bayes.report.folder.MAX_NUMBERS", 20 * 2 * 99)
    write_posterior(posterior, tmp_path)
    coarse = cb.load_posterior(tmp_path)
    assert coarse["expected"].sizes["draw"] == 20
    assert coarse["log_likelihood"].sizes == posterior["log_likelihood"].sizes
    ours, theirs = (tree["log_likelihood"]["csi::counts"] for tree in (coarse, posterior))
    error = abs(ours - theirs) / theirs.std(("chain", "draw"))
    assert 0 < float(error.max()) <= 1 / 64
    row = cb.compare({"coarse": coarse, "whole": posterior})
    loo = row["elpd_loo"]
    assert float(loo.sel(model="coarse")) == pytest.approx(float(loo.sel(model="whole")), abs=5e-3)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_damaged_analysis_is_read_or_refused(copied):
    path, rng = copied / ARCHIVE_FILE, np.random.default_rng(1)
    whole = path.read_bytes()
    for _ in range(60):
        damaged = bytearray(whole)
        for place in rng.integers(len(whole), size=8):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        with contextlib.suppress(cb.InputError):
            load_analysis(copied)
