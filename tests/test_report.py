import json
import re
import sys

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from cevns_bayes import InputError, cli, load_experiment, predict
from cevns_bayes.results import new_folder

DRAWS, CHAINS = 60, 2


def run(folder, scenario):
    """Folder of a run that is much too short."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        arguments = ["run", scenario, "--draws", str(DRAWS), "--chains", str(CHAINS)]
        patch.setattr(sys, "argv", ["cevns-bayes", *arguments, "--tune", "150", "--no-progress"])
        with pytest.raises(SystemExit) as exit_info:
            cli.main()
    assert exit_info.value.code == 0
    return folder / "results" / f"{scenario}-csi"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return run(tmp_path_factory.mktemp("run"), "weak-mixing-angle")


@pytest.fixture(scope="module")
def posterior(results):
    with xr.open_datatree(results / "posterior.nc") as tree:
        return tree.load()


def test_folder_holds_every_file_and_no_leftovers(results):
    figures = ("posterior", "spectra_csi", "predictive_csi", "corner")
    figures += ("prior_to_posterior", "pareto_k")
    expected = {f"{name}.{suffix}" for name in figures for suffix in ("png", "pdf")}
    expected |= {"posterior.nc", "summary.csv", "fit.json", "report.html"}
    expected |= {"profile_sin2_theta_w.csv"}
    assert {path.name for path in results.iterdir()} == expected
    assert all(path.stat().st_size for path in results.iterdir())
    assert [path.name for path in results.parent.iterdir()] == [results.name]


def test_posterior_file_is_complete(posterior):
    assert set(posterior.children) == {
        "posterior",
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
    np.testing.assert_allclose(draw["csi::expected"], counts["total"], rtol=1e-6)


def test_log_likelihood_is_poisson(posterior):
    mu = posterior["posterior"]["csi::expected"].to_numpy()
    n = load_experiment("csi").counts
    log_factorial = np.array([sum(np.log(np.arange(1, k + 1))) for k in n.ravel()])
    expected = n * np.log(mu) - mu - log_factorial.reshape(n.shape)
    np.testing.assert_allclose(posterior["log_likelihood"]["csi::counts"], expected, rtol=1e-5)


def test_posterior_predictive_scatters_around_the_expectation(posterior):
    mu = posterior["posterior"]["csi::expected"].to_numpy()
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


def test_report_puts_intervals_side_by_side(results):
    curve = np.loadtxt(results / "profile_sin2_theta_w.csv", delimiter=",", skiprows=1)
    inside = curve[curve[:, 1] <= stats.chi2.ppf(0.68, 1) + 1e-3, 0]
    (row,) = [r for r in cells((results / "report.html").read_text()) if r[1:2] == ["68%"]]
    np.testing.assert_allclose(json.loads(row[3]), [inside.min(), inside.max()], rtol=1e-3)
    assert row[2].startswith("[0.")
    assert "arXiv" in row[4]


def test_report_of_the_standard_model(tmp_path):
    """Which has no parameters of interest."""
    report = (run(tmp_path, "sm") / "report.html").read_text(encoding="utf-8")
    titles = ["Convergence", "Best fit", "All variables", "Model and settings", "Figures"]
    assert re.findall("<h2>(.*?)</h2>", report) == titles
    assert "alpha_flux" in report


def test_report_needs_no_other_file(results):
    report = (results / "report.html").read_text()
    sources = re.findall(r'src="([^"]*)"', report)
    assert len(sources) == 6
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
