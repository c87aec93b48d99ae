import csv
import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import html5lib
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cevns_bayes import InputError, load_experiment, predict
from cevns_bayes.bayesian.diagnostics import check_convergence
from cevns_bayes.engine.nuisances import common_widths
from cevns_bayes.report.analysis import Analysis, analyse
from cevns_bayes.report.archive import load_analysis, write_archive
from cevns_bayes.report.expectations import nuisances_of
from cevns_bayes.report.folder import _staging_prefix, new_folder, write_posterior
from cevns_bayes.report.html import _fits, render
from cevns_bayes.scenarios.scenario import Parameter, Scenario, load_scenario

DRAWS, CHAINS = 60, 2  # of the posterior in results


def test_folder_holds_every_file_and_no_leftovers(results):
    figures = ("posterior", "spectra_csi", "predictive_csi", "corner", "pulls")
    figures += ("prior_to_posterior", "pareto_k")
    expected = {f"{name}.{suffix}" for name in figures for suffix in ("png", "pdf")}
    expected |= {
        "posterior.nc",
        "analysis.nc",
        "summary.csv",
        "summary.json",
        "fit.json",
        "report.html",
    }
    expected |= {"profile_sin2_theta_w.csv", "intervals.csv"}
    assert {path.name for path in results.iterdir()} == expected
    assert all(path.stat().st_size for path in results.iterdir())
    assert [path.name for path in results.parent.iterdir()] == [results.name]


def test_posterior_file_is_complete(posterior):
    assert set(posterior.children) == {
        "marginal",
        "posterior",
        "expected",
        "sample_stats",
        "prior",
        "log_prior",
        "log_likelihood",
        "posterior_predictive",
        "observed_data",
        "constant_data",
    }
    assert posterior["observed_data"]["csi::counts"].sum() == 1578
    assert posterior["posterior"]["sin2_theta_w"].shape == (CHAINS, DRAWS)
    assert json.loads(posterior.attrs["settings"])["seed"] == 1
    assert "pymc" in json.loads(posterior.attrs["versions"])
    assert len(json.loads(posterior.attrs["data_sha256"])["csi"]) == 64
    assert "sin2_theta_w ~ Uniform(0, 0.5)" in posterior.attrs["priors"]


def test_expectation_of_a_draw_is_that_of_predict(posterior):
    draw = posterior["posterior"].to_dataset().isel(chain=1, draw=7)
    nuisances = {name: float(draw[name]) for name in draw if "::alpha" in str(name)}
    counts = predict(
        "weak-mixing-angle", {"sin2_theta_w": float(draw["sin2_theta_w"])}, nuisances=nuisances
    )
    expected = posterior["expected"]["csi::expected"].isel(chain=1, draw=7)
    np.testing.assert_allclose(expected, counts["total"], rtol=1e-6)


def test_log_likelihood_is_poisson(posterior):
    mu = posterior["expected"]["csi::expected"].to_numpy()
    n = load_experiment("csi").counts
    log_factorial = np.array([sum(np.log(np.arange(1, k + 1))) for k in n.ravel()])
    expected = n * np.log(mu) - mu - log_factorial.reshape(n.shape)
    np.testing.assert_allclose(posterior["log_likelihood"]["csi::counts"], expected, rtol=1e-5)


def test_posterior_predictive_scatters_around_the_expectation(posterior):
    mu = posterior["expected"]["csi::expected"].to_numpy()
    replicated = posterior["posterior_predictive"]["csi::counts"].to_numpy()
    pull = (replicated - mu) / np.sqrt(mu)
    assert abs(pull.mean()) < 5 / np.sqrt(pull.size)
    assert pull.var() == pytest.approx(1.0, abs=0.1)


def test_failed_convergence_is_shouted(results):
    assert "NOT CONVERGED" in (results / "report.html").read_text()


def cells(report):
    """Rows of the tables of a report, as lists of text."""
    rows = re.findall(r"<tr>(.*?)</tr>", report, flags=re.DOTALL)
    return [re.findall(r"<t[dh]>(.*?)</t[dh]>", row, flags=re.DOTALL) for row in rows]


def test_report_names_best_fit_and_published_chi2(results):
    fits = json.loads((results / "fit.json").read_text())
    rows = cells((results / "report.html").read_text())
    assert ["<code>sm</code>", f"{fits['sm']['chi2']:.2f}", "98", "83.2"] in rows
    ours = f"{fits['best_fit']['chi2']:.2f}"
    assert ["<code>weak-mixing-angle</code>", ours, "97", "82.8"] in rows


def test_one_parameter_is_not_many(results):
    rows = cells((results / "report.html").read_text())
    assert [row[0] for row in rows if "1 more parameter" in row] == ["χ² at the minimum"]


def test_report_puts_intervals_side_by_side(results):
    curve = pd.read_csv(results / "profile_sin2_theta_w.csv", comment="#").to_numpy()
    inside = curve[curve[:, 1] <= stats.chi2.ppf(0.68, 1) + 1e-3, 0]
    (row,) = [r for r in cells((results / "report.html").read_text()) if r[1:2] == ["68%"]]
    np.testing.assert_allclose(json.loads(row[3]), [inside.min(), inside.max()], rtol=1e-3)
    assert row[2].startswith("[0.")
    notes = re.search('<p class="notes">(.*?)</p>', (results / "report.html").read_text())
    assert row[4].endswith("¹")
    assert "arXiv" in notes[1].split("<sup>1</sup>")[1]


def test_report_of_the_standard_model(results_of_sm):
    report = (results_of_sm / "report.html").read_text(encoding="utf-8")
    titles = ["Result", "Data", "Nuisances and correlations", "Diagnostics", "All variables"]
    titles += ["Model and settings"]
    assert re.findall("<h2>(.*?)</h2>", report) == titles
    assert "alpha_flux" in report


def test_report_needs_no_other_file(results):
    report = (results / "report.html").read_text()
    sources = re.findall(r'src="([^"]*)"', report)
    assert len(sources) == 7
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert "<link" not in report
    assert "<script" not in report


def test_new_folder_appears_only_after_success(tmp_path):
    target = tmp_path / "deep" / "results"
    with pytest.raises(ZeroDivisionError), new_folder(target, force=False) as staging:
        (staging / "report.html").write_text(str(1 / 0))
    assert list((tmp_path / "deep").iterdir()) == []
    with new_folder(target, force=False) as staging:
        (staging / "report.html").write_text("first")
        assert not target.exists()
    assert (target / "report.html").read_text() == "first"


def test_new_folder_through_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with new_folder(tmp_path / "link", force=False) as staging:
        (staging / "file").touch()
    assert (tmp_path / "real" / "file").exists()
    assert (tmp_path / "link").is_symlink()


def test_the_folder_where_we_are_is_refused_at_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with (
        pytest.raises(InputError, match=r"output folder \. exists"),
        new_folder(Path(), force=False),
    ):
        raise AssertionError


def test_new_folder_replaces_results_only_by_force(tmp_path):
    target = tmp_path / "results"
    with new_folder(target, force=False) as staging:
        (staging / "report.html").write_text("first")
    with pytest.raises(InputError, match="--force"), new_folder(target, force=False):
        pytest.fail("entered")
    with pytest.raises(RuntimeError), new_folder(target, force=True):
        raise RuntimeError
    assert (target / "report.html").read_text() == "first"
    with new_folder(target, force=True) as staging:
        (staging / "report.html").write_text("second")
    assert (target / "report.html").read_text() == "second"


def test_an_empty_folder_is_as_good_as_none(tmp_path):
    (tmp_path / "results").mkdir()
    with new_folder(tmp_path / "results", force=False) as staging:
        (staging / "report.html").write_text("first")
    assert (tmp_path / "results" / "report.html").read_text() == "first"


def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path, results, full_disk):
    analysis = load_analysis(results)
    full_disk(5000)
    for write, what in ((write_posterior, analysis.posterior), (write_archive, analysis)):
        with pytest.raises(OSError, match="too large"):
            write(what, tmp_path)
    assert not [*tmp_path.iterdir()]


def test_the_second_of_two_runs_stops_at_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = f"another run, process {os.getpid()}, is writing to results"
    for target in (Path("results"), tmp_path / "results"):
        with new_folder(target, force=False) as first:
            with monkeypatch.context() as second:
                second.setattr("os.getpid", os.getppid)
                with pytest.raises(InputError, match=said), new_folder(Path("results"), force=True):
                    pytest.fail("entered")
            (first / "report.html").write_text("first")
        assert (target / "report.html").read_text() == "first"
        shutil.rmtree(target)
    assert not [*tmp_path.iterdir()]


def test_what_a_dead_process_of_our_number_has_left_is_no_rival(tmp_path):
    target = tmp_path / "results"
    left = tmp_path / f"{_staging_prefix(target)}abcdefgh"
    left.mkdir()
    (left / "posterior.nc").write_text("draws")
    make(target, "first")
    assert (tmp_path / "results-unfinished" / "posterior.nc").read_text() == "draws"
    assert len([*tmp_path.iterdir()]) == 2


@pytest.mark.parametrize(
    ("error", "seen"), [(KeyboardInterrupt, KeyboardInterrupt), (OSError(5, "odd"), InputError)]
)
def test_old_results_stay_if_the_new_ones_cannot_take_their_place(
    tmp_path, monkeypatch, error, seen
):
    target, rename = tmp_path / "results", Path.rename
    make(target, "first")

    def failing(self, to):
        if (self / "report.html").read_text() == "second":
            raise error
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(seen):
        make(target, "second", force=True)
    assert (target / "report.html").read_text() == "first"
    assert len([*tmp_path.iterdir()]) == 1


def test_replaced_results_that_a_killed_run_has_left_are_removed(tmp_path, monkeypatch):
    target = tmp_path / "results"
    make(target, "first")
    (target / "posterior.nc").touch()
    with monkeypatch.context() as killed:
        killed.setattr(shutil, "rmtree", raising_interrupt)
        with pytest.raises(KeyboardInterrupt):
            make(target, "second", force=True)
    assert (target / "report.html").read_text() == "second"
    assert len([*tmp_path.iterdir()]) == 2
    make(target, "third", force=True)
    assert (target / "report.html").read_text() == "third"
    assert len([*tmp_path.iterdir()]) == 1


def make(target, text, *, force=False):
    with new_folder(target, force=force) as staging:
        (staging / "report.html").write_text(text)


def raising_interrupt(*_, **__):
    raise KeyboardInterrupt


def test_a_folder_that_has_appeared_meanwhile_is_not_replaced(tmp_path):
    target = tmp_path / "results"

    def race():
        with new_folder(target, force=False) as slow:
            (slow / "posterior.nc").write_text("slow")
            target.mkdir()  # by another machine
            (target / "report.html").write_text("fast")

    with pytest.raises(InputError, match="appeared meanwhile") as error:
        race()
    assert (target / "report.html").read_text() == "fast"
    assert (tmp_path / "results-unfinished" / "posterior.nc").read_text() == "slow"
    assert error.value.__notes__ == [
        f"the posterior is kept in {target}-unfinished, for --posterior"
    ]
    assert len([*tmp_path.iterdir()]) == 2


def test_words_of_a_scenario_cannot_become_html(posterior, csi, weak_mixing_angle_fit):
    evil = "<script>alert(1)</script>"
    analysis = Analysis(
        scenario=Scenario(evil, (), f"{evil} & co", lambda: None, name=evil),
        experiments=[replace(csi, reference=evil)],
        options={},
        posterior=posterior,
        convergence=check_convergence(posterior),
        best_fit=weak_mixing_angle_fit,
        standard_model=weak_mixing_angle_fit,
    )
    report = render(analysis, {})
    assert "<script" not in report
    assert report.count("&lt;script&gt;") == 6
    assert "&amp; co" in report


def test_limits_of_files_and_report_are_the_same(results):
    with (results / "intervals.csv").open(encoding="utf-8") as file:
        pieces = [row for row in csv.DictReader(file) if row["level"] == "0.9"]
    credible, confidence = ([float(p["low"]), float(p["high"])] for p in pieces)
    (row,) = [r for r in cells((results / "report.html").read_text()) if r[1:2] == ["90%"]]
    np.testing.assert_allclose(json.loads(row[2]), credible, rtol=1e-3)
    np.testing.assert_allclose(json.loads(row[3]), confidence, rtol=1e-3)
    with (results / "summary.csv").open(encoding="utf-8") as file:
        (own,) = [r for r in csv.DictReader(file) if r["variable"] == "sin2_theta_w"]
    np.testing.assert_allclose(json.loads(own["hdi90"]), credible, rtol=1e-5)


def test_the_report_says_what_is_held(posterior, csi, weak_mixing_angle_fit):
    radius = Parameter("r_n", "$R_n$", unit="fm")
    analysis = Analysis(
        scenario=Scenario("Toy", (radius,), "nowhere", lambda: None, name="toy"),
        experiments=[csi],
        options={},
        posterior=posterior,
        convergence=check_convergence(posterior),
        best_fit=weak_mixing_angle_fit,
        standard_model=weak_mixing_angle_fit,
        fixed={"r_n": 5.25, "csi::alpha_flux": 0.1},
    )
    assert "Held fixed: r_n [fm] = 5.25, csi::alpha_flux = 0.1." in render(analysis, {})
    assert "Held fixed" not in render(replace(analysis, fixed={}), {})
    assert analysis.parameters == []


@pytest.fixture(scope="module")
def held():
    """Analysis of two experiments, too short, in which all of the scenario is held."""
    csi = load_experiment("csi")
    fixed = {"csi::r_n": 5.0, "other::r_n": 6.0, "csi::alpha_brn": 0.1, "alpha_flux": 0.05}
    data = [csi, replace(csi, name="other")]
    short = {"sampler": "laplace", "draws": 20, "chains": 2, "progressbar": False}
    return analyse("neutron-radius", data, fixed=fixed, **short)


def test_an_analysis_of_which_all_is_held_is_like_that_of_the_standard_model(held):
    assert held.parameters == []
    assert held.profile is None
    assert "csi::alpha_brn" not in held.posterior["posterior"]
    settings = json.loads(held.posterior.attrs["settings"])
    assert settings["fixed"] == held.fixed
    assert "csi::r_n = 5" in held.posterior.attrs["priors"].splitlines()
    assert _fits(held)["fixed"] == held.fixed


def test_spectra_are_at_the_values_that_are_held(held):
    fitted = {**held.best_fit.values, **held.fixed}
    widths = common_widths(held.experiments, dict.fromkeys(held.names, ()))
    for experiment, radius in zip(held.experiments, (5.0, 6.0), strict=True):
        nuisances = nuisances_of(experiment, fitted, widths)
        shared = held.best_fit.nuisances[experiment.qualified("alpha_flux")] + 0.05
        assert nuisances[experiment.qualified("alpha_flux")] == pytest.approx(shared)
        best = predict("neutron-radius", {"r_n": radius}, experiment, nuisances=nuisances)
        sm = predict("sm", {}, experiment)
        for at, counts in (("best_fit", best), ("sm", sm)):
            ours = held.expected[experiment.name].sel(at=at)
            np.testing.assert_allclose(ours["total"], counts["total"], rtol=1e-12)
    assert nuisances_of(held.experiments[0], fitted, widths)["csi::alpha_brn"] == 0.1


@pytest.mark.parametrize("name", ["results", "results_of_sm"])
def test_the_report_is_valid_html(name, request):
    text = (request.getfixturevalue(name) / "report.html").read_text(encoding="utf-8")
    html5lib.HTMLParser(strict=True).parse(text)
    with pytest.raises(html5lib.html5parser.ParseError):
        html5lib.HTMLParser(strict=True).parse(text.replace("</h1>", "</h2>"))


def test_fit_json_is_strict_and_names_what_is_at_a_limit(weak_mixing_angle_fit, posterior, csi):
    errors = {**weak_mixing_angle_fit.sampled_errors, "sin2_theta_w": 1.97}
    errors["csi::alpha_brn"] = float("nan")
    fit = replace(weak_mixing_angle_fit, sampled_errors=errors, at_limit=("sin2_theta_w",))
    scenario = load_scenario("weak-mixing-angle")
    made = Analysis(scenario, [csi], {}, posterior, check_convergence(posterior), fit, fit)
    best = json.loads(json.dumps(_fits(made), allow_nan=False))["best_fit"]
    assert best["sampled_errors"]["sin2_theta_w"] == "at_limit"
    assert best["sampled_errors"]["csi::alpha_brn"] is None
    assert best["sampled_errors"]["csi::alpha_nin"] > 0.1
