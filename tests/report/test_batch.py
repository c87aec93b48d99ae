"""Many runs; the sampler, the analysis and the figures are stand-ins unless told otherwise."""

import contextlib
import csv
import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from cevns_bayes import InputError
from cevns_bayes.bayesian import provenance, sampling
from cevns_bayes.bayesian.diagnostics import check_convergence
from cevns_bayes.bayesian.samplers import NUTS, SMC, Laplace
from cevns_bayes.commands import interrupts
from cevns_bayes.engine.problem import Problem
from cevns_bayes.frequentist.best_fit import FitResult
from cevns_bayes.report import batch, folder, html
from cevns_bayes.report.analysis import Analysis
from cevns_bayes.report.outcome import Outcome, read_outcome, write_outcome
from cevns_bayes.report.overview import overview, page, write_overview
from cevns_bayes.report.progress import Display

TWO_BY_TWO = ("run", "sm", "weak-mixing-angle", "--data", "csi", "--data", "csi+lar")
FOLDERS = ["sm-csi", "sm-csi-lar", "weak-mixing-angle-csi", "weak-mixing-angle-csi-lar"]


class Sampler:
    """Counts what is sampled; ``trouble`` says by the number of a run what happens instead."""

    def __init__(self):
        self.sampled, self.trouble = [], {}

    def run(self, problem, seed, **_):
        self.sampled.append(
            "-".join([problem.scenario.name, *(e.name for e in problem.experiments)])
        )
        apart = self.trouble.get(len(self.sampled), 0.0)
        if callable(apart):
            apart = apart()
        draws = np.random.default_rng(seed).normal(size=(4, 500)) + apart * np.eye(4, 500)[:, :1]
        stats = xr.Dataset({"lp": ("chain", np.zeros(4))})
        group = {rv.name: (("chain", "draw"), draws) for rv in problem.model.free_RVs}
        return xr.DataTree.from_dict({"posterior": xr.Dataset(group), "sample_stats": stats})


def analysed(scenario, experiments, posterior, **_):
    data = tuple(e.name for e in experiments)
    fit = FitResult(scenario.name, data, 81.2, 98, {}, {"csi::alpha_brn": 0.0}, {}, valid=True)
    convergence = check_convergence(posterior)
    return Analysis(scenario, experiments, {}, posterior, convergence, fit, fit)


@pytest.fixture
def sampler(monkeypatch):
    stub = Sampler()
    for kind in (Laplace, NUTS, SMC):
        monkeypatch.setattr(kind, "run", lambda _, *args, **keywords: stub.run(*args, **keywords))
    monkeypatch.setattr(sampling, "assembled", lambda trace, *_: trace)
    for room in (sampling, provenance):
        monkeypatch.setattr(room, "try_predictions", lambda problem: problem.scenario.name)
    monkeypatch.setattr("cevns_bayes.report.analysis.analyse", analysed)
    monkeypatch.setattr(html, "draw", lambda _: {})
    monkeypatch.setattr(interrupts, "_seen", [])
    return stub


def raising(error):
    def run():
        raise error

    return run


def summary():
    with Path("results/summary.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_each_run_has_its_folder_and_its_place_in_the_summary(cevns_bayes, sampler):
    code, out, err = cevns_bayes(*TWO_BY_TWO)
    assert code == 0
    assert sampler.sampled == FOLDERS
    assert "Summary: results/index.html" in out
    assert "2 of 4: sm on csi+lar ... 0:00:" in err
    assert re.search(r"4 of 4: weak-mixing-angle on csi\+lar .* gone, about 0:00:\d\d left", err)
    assert err.count(": converged") == 4
    files = {"index.html", "summary.csv", "summary.md"}
    assert {path.name for path in Path("results").iterdir()} == {*FOLDERS, *files}
    rows = summary()
    assert [(row["scenario"], row["data"]) for row in rows] == [
        *(("sm", "csi"), ("sm", "csi+lar")),
        *(("weak-mixing-angle", "csi"), ("weak-mixing-angle", "csi+lar")),
    ]
    assert {(row["sampler"], row["chi2"], row["verdict"]) for row in rows} == {
        ("laplace", "81.20", "converged")
    }
    assert rows[2]["hdi90"].startswith("sin2_theta_w [-1.")
    assert len(Path("results/summary.md").read_text().splitlines()) == 2 + 4
    links = re.findall(
        '<td data-title="scenario"><a href="(.*?)">', Path("results/index.html").read_text()
    )
    assert links == [f"{name}/report.html" for name in FOLDERS]
    assert all((Path("results") / link).is_file() for link in links)


def test_all_are_all_scenarios(cevns_bayes, monkeypatch, sampler):
    from cevns_bayes import scenario_names

    asked = {}
    monkeypatch.setattr(batch, "run_all", lambda jobs, *_, **__: asked.update(jobs) or {})
    code, _, _ = cevns_bayes("run", "--all", "--data", "csi", "--data", "lar")
    assert code == 0
    assert set(asked) == {f"{name}-{data}" for name in scenario_names() for data in ("csi", "lar")}


def test_several_runs_have_checkpoints_of_their_own_and_no_bars(cevns_bayes, monkeypatch, sampler):
    jobs = {}
    monkeypatch.setattr(batch, "run_all", lambda given, *_, **__: jobs.update(given) or {})
    cevns_bayes("run", "sm", "nsi-ee-ud", "--checkpoint", "going")
    assert jobs["nsi-ee-ud-csi"].settings["checkpoint"] == Path("going/nsi-ee-ud-csi")
    assert not any(job.settings["progressbar"] for job in jobs.values())


def test_finished_runs_are_read_and_not_repeated(cevns_bayes, sampler):
    cevns_bayes(*TWO_BY_TWO)
    before = Path("results/index.html").read_text()
    sampler.sampled.clear()
    code, _, _ = cevns_bayes(*TWO_BY_TWO)
    assert code == 0
    assert sampler.sampled == []
    assert Path("results/index.html").read_text() == before
    cevns_bayes(*TWO_BY_TWO[:4], "csi", "--data", "lar")
    assert sampler.sampled == ["sm-lar", "weak-mixing-angle-lar"]
    assert [row["data"] for row in summary()] == ["csi", "lar", "csi", "lar"]


def test_a_single_run_is_part_of_a_later_batch(cevns_bayes, sampler):
    assert cevns_bayes("run", "sm", "--data", "csi")[0] == 0
    assert not Path("results/summary.csv").exists()
    assert cevns_bayes(*TWO_BY_TWO)[0] == 0
    assert sampler.sampled == FOLDERS


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--draws", "77"), "one with draws 2500, not 77"),
        (("--seed", "2"), "one with seed 1, not 2"),
        (("--sampler", "laplace"), "the sampler was laplace, 0 parameters of interest"),
        (("--sampler", "smc"), "the sampler was laplace"),
        (("--form-factor", "klein-nystrand"), "form_factor helm, not klein-nystrand"),
        (("--prior", "csi::alpha_brn ~ Normal(0, 0.1)"), "another prior"),
    ],
)
def test_results_of_another_run_are_replaced_by_force_only(cevns_bayes, sampler, options, said):
    command = ("run", "sm", "weak-mixing-angle")
    cevns_bayes("run", "sm")
    sampler.sampled.clear()
    code, _, err = cevns_bayes(*command, *options)
    assert code == 2
    assert "results/sm-csi is of another run: " in err
    assert said in " ".join(err.split())
    assert "--force" in err
    assert sampler.sampled == []
    for _ in range(2):  # what has been replaced is not replaced again
        assert cevns_bayes(*command, *options, "--force")[0] == 0
        assert sampler.sampled == ["sm-csi", "weak-mixing-angle-csi"]


def test_the_seed_may_be_named(cevns_bayes, sampler):
    cevns_bayes("run", "sm")
    assert cevns_bayes("run", "sm", "weak-mixing-angle", "--seed", "1", "--draws", "2500")[0] == 0
    assert sampler.sampled == ["sm-csi", "weak-mixing-angle-csi"]


def test_an_edited_scenario_is_another_run(tmp_path):
    file = tmp_path / "mine.py"
    text = (
        "import pymc as pm\nfrom cevns_bayes.authoring import *\n\ndef declare():\n"
        "    kappa = pm.Uniform('kappa', 0.0, 3.0)\n"
        "    return lambda target, flavour: vector(target, kappa * weak_charge(target, 0.2) ** 2)\n"
        "SCENARIO = Scenario('Scaled', (Parameter('kappa', 'k'),), 'nowhere', declare)\n"
    )
    file.write_text(text)
    problem = Problem.build(file, "csi")
    posterior = Sampler().run(problem, 1)
    settings = {"seed": 1, **vars(NUTS())}
    posterior.attrs = sampling.provenance(problem, "nuts", settings) | {
        "sampler_reason": "the scenario is not declared degenerate",
    }
    sampling.check_sampled_as(posterior, problem)
    file.write_text(text.replace("'k')", "'kappa')"))
    with pytest.raises(InputError, match="other things of itself"):
        sampling.check_sampled_as(posterior, Problem.build(file, "csi"))
    file.write_text(text.replace("0.2)", "0.21)"))
    with pytest.raises(InputError, match="other predictions"):
        sampling.check_sampled_as(posterior, Problem.build(file, "csi"))


def test_what_fails_is_listed_and_does_not_end_the_others(cevns_bayes, sampler, caplog):
    sampler.trouble = {
        1: raising(InputError("no such\nluck")),
        2: raising(RuntimeError("a bug")),
        3: 10.0,  # chains apart, and so again by NUTS and SMC
        4: 10.0,
        5: 10.0,
    }
    code, out, err = cevns_bayes(*TWO_BY_TWO)
    assert code == 2
    assert "3 of 4 failed" in err
    assert "sm on csi: failed: no such luck" in err.splitlines()
    assert "Traceback" not in err
    assert "sm on csi+lar failed." in caplog.text  # with the traceback: an error of the program
    verdicts = [row["verdict"] for row in summary()]
    assert verdicts[:2] == ["failed: no such luck", "failed: RuntimeError: a bug"]
    assert verdicts[2].startswith("failed: not converged (R-hat ")
    assert verdicts[3] == "converged"
    assert "failed: no such luck" in out
    html_page = Path("results/index.html").read_text()
    assert "3 of 4 failed." in html_page
    assert html_page.count('class="bad">failed: ') == 3
    assert html_page.count('<td data-title="scenario"><a ') == 2  # where there is a report
    sampler.sampled.clear()
    assert cevns_bayes(*TWO_BY_TWO)[0] == 2  # those without results are tried again
    assert sampler.sampled[:2] == ["sm-csi", "sm-csi-lar"]
    assert "weak-mixing-angle-csi" not in sampler.sampled


def test_an_interrupt_keeps_what_is_finished(cevns_bayes, sampler):
    sampler.trouble = {2: raising(KeyboardInterrupt())}
    code, _, err = cevns_bayes(*TWO_BY_TWO)
    assert code == 130
    assert err.splitlines()[-1].endswith("interrupted; 1 of 4 are done; the same again goes on")
    assert [row["scenario"] for row in summary()] == ["sm"]
    assert sorted(path.name for path in Path("results").iterdir() if path.is_dir()) == ["sm-csi"]
    sampler.sampled, sampler.trouble = [], {}
    assert cevns_bayes(*TWO_BY_TWO)[0] == 0
    assert sampler.sampled == FOLDERS[1:]


@pytest.mark.parametrize("force", [(), ("--force",)])
def test_what_another_process_finishes_meanwhile_is_read(cevns_bayes, sampler, force):
    def meanwhile():
        assert cevns_bayes("run", "sm", "--data", "csi+lar")[0] == 0
        return 0.0

    sampler.trouble = {1: meanwhile}
    assert cevns_bayes(*TWO_BY_TWO, *force)[0] == 0
    assert sampler.sampled == FOLDERS
    assert {row["verdict"] for row in summary()} == {"converged"}


def test_what_appears_meanwhile_with_other_settings_is_a_failure(cevns_bayes, sampler):
    def meanwhile():
        assert cevns_bayes("run", "sm", "--data", "csi+lar", "--seed", "2")[0] == 0
        return 0.0

    sampler.trouble = {1: meanwhile}
    assert cevns_bayes(*TWO_BY_TWO)[0] == 2
    assert sampler.sampled == FOLDERS
    assert "sm-csi-lar is of another run" in summary()[1]["verdict"]


@pytest.mark.parametrize("disguise", [SystemError("error return"), InputError("odd"), None])
def test_a_disguised_interrupt_is_no_failed_run(cevns_bayes, sampler, disguise):
    def swallowing():
        with contextlib.suppress(KeyboardInterrupt):
            interrupts.remember()
        if disguise:
            raise disguise
        return 0.0

    sampler.trouble = {2: swallowing}
    code, _, _ = cevns_bayes(*TWO_BY_TWO)
    assert code == 130
    assert [row["scenario"] for row in summary()] == ["sm"]


def test_what_is_in_the_way_is_refused_before_anything_is_run(cevns_bayes, sampler):
    Path("results/sm-csi-lar").mkdir(parents=True)
    Path("results/sm-csi-lar/precious.txt").write_text("keep me")
    for force in ((), ("--force",)):
        code, _, err = cevns_bayes(*TWO_BY_TWO, *force)
        assert code == 2
        assert "results/sm-csi-lar is not a results folder" in err
    Path("results/index.html").write_text("a page of mine")
    code, _, err = cevns_bayes("run", "sm", "weak-mixing-angle")
    assert code == 2
    assert "results/index.html is not a summary of runs" in err
    assert Path("results/index.html").read_text() == "a page of mine"
    assert sampler.sampled == []


def test_the_folder_of_one_run_is_not_that_of_several(cevns_bayes, sampler):
    cevns_bayes("run", "sm", "--output", "one")
    before = Path("one/summary.csv").read_text()
    code, _, err = cevns_bayes(*TWO_BY_TWO, "--output", "one")
    assert code == 2
    assert "one/summary.csv is not a summary of runs" in err
    assert Path("one/summary.csv").read_text() == before


KILLED = """
import os, pathlib, signal, sys
from cevns_bayes.report.folder import new_folder
with new_folder(pathlib.Path(sys.argv[1]), force=False) as staging:
    (staging / sys.argv[2]).write_text("partial")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(
    ("file", "left"), [("fit.json", set()), ("posterior.nc", {"sm-csi-unfinished"})]
)
def test_what_the_killed_leave_is_cleared_away(cevns_bayes, sampler, file, left):
    command = [sys.executable, "-c", KILLED, "results/sm-csi", file]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    (staging,) = Path("results").iterdir()
    assert staging.name.startswith(".sm-csi-")
    alive = Path("results") / f"{folder._staging_prefix(Path('sm-csi-2017'))}abc"
    alive.mkdir()
    assert cevns_bayes(*TWO_BY_TWO)[0] == 0
    assert sampler.sampled == FOLDERS
    assert {path.name for path in Path("results").iterdir() if path.is_dir()} == {
        *(alive.name, *FOLDERS),
        *left,
    }


def test_an_outcome_is_read_as_it_was_written(tmp_path):
    outcome = Outcome("sm", "csi", ["odd"], "smc", 1.5, 81.2, credible={"χ": [[0.1, 0.2]]})
    write_outcome(outcome, tmp_path)
    assert read_outcome(tmp_path) == outcome
    assert json.loads((tmp_path / "summary.json").read_text())["r_hat"] is None
    (tmp_path / "summary.json").write_text("{}")
    with pytest.raises(InputError, match="damaged"):
        read_outcome(tmp_path)


def test_summary_of_evidence_and_missing_numbers():
    good = Outcome("a", "csi", sampler="smc", log_evidence=-230.0, log_evidence_error=0.02)
    first, second = overview({"x": good, "y": Outcome("b", "csi", ["why"])}).cells()
    assert "-230.000 ± 0.020" in first
    assert second == ["b", "csi", *["—"] * 8, "failed: why", *["—"] * 3]


def test_two_processes_may_write_the_summary_at_once(tmp_path, monkeypatch):
    replace = Path.replace

    def slow(self, target):
        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", replace)
            patch.setattr("os.getpid", lambda: 1)
            write_overview({}, tmp_path)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", slow)
    write_overview({}, tmp_path)
    files = {"index.html", "summary.csv", "summary.md"}
    assert {path.name for path in tmp_path.iterdir()} == files


def test_of_a_summary_that_cannot_be_written_nothing_stays(tmp_path, full_disk):
    full_disk(10)
    with pytest.raises(OSError, match="too large"):
        write_overview({}, tmp_path)
    assert not [*tmp_path.iterdir()]


def test_words_in_the_summary_cannot_become_html():
    evil = '"><script>alert(1)</script>'
    text = page({evil: Outcome(evil, evil, [evil], sampler=evil)})
    assert "<script" not in text
    assert "<link" not in text
    assert 'href="%22%3E%3Cscript' in text


def test_time_left_counts_what_was_run_here(monkeypatch, capsys):
    clock = iter([0.0, 0.0, 60.0, 60.0])
    monkeypatch.setattr("cevns_bayes.report.progress.time.perf_counter", lambda: next(clock))
    with Display(13, finished=10, bar=False) as display:
        display.begin("a")
        display.end("a", "converged")
        display.begin("b")
    assert capsys.readouterr().err.splitlines() == [
        "11 of 13: a ... 0:00:00 gone",
        "a: converged",
        "12 of 13: b ... 0:01:00 gone, about 0:02:00 left",
    ]
