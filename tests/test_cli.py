import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import pytest

import cevns_bayes as cb
from cevns_bayes import InputError
from cevns_bayes.bayesian.samplers import NUTS
from cevns_bayes.bayesian.sampling import SAMPLERS, check_settings
from cevns_bayes.commands import arguments, interrupts, options, runs
from cevns_bayes.plugins import EXPERIMENT_FILES, SCENARIO_FILES, names_in
from cevns_bayes.report.folder import write_posterior

FAST_COMPILE = ("--draws", "100", "--tune", "200", "--chains", "2", "--no-progress")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "weak-mixing-angel"), "did you mean 'weak-mixing-angle'?"),
        (("run", "sm", "--data", "cis"), "did you mean 'csi'?"),
        (("run", "sm", "--data", "csi,csi"), "different experiments"),
        (("run", "sm", "--form-factor", "helmm"), "did you mean 'helm'?"),
        (("run", "sm", "--prior", "csi::alpha_brn"), "NAME ~ Distribution"),
        (("run", "sm", "--prior", "csi::alpha_brn ~ Normal(0,"), "malformed prior"),
        (("run", "sm", "--prior", "csi::alpha_bnr ~ Normal(0, 1)"), "csi::alpha_brn"),
        (("run", "sm", "--chains", "1"), "at least 2"),
        (("fit", "sm", "--prior", "x ~ Normal(0, 1)", "--prior", "x ~ Normal(0, 2)"), "twice"),
        (("run", "sm", "--seed", "-3"), "non-negative"),
        (("run", "sm", "--sampler", "nut"), "did you mean 'nuts'?"),
        (("run", "sm", "--live-points", "3"), "at least 50"),
        (("run", "sm", "--fix", "csi::alpha_brn"), "malformed --fix 'csi::alpha_brn'"),
        (("run", "sm", "--fix", "csi::alpha_bnr=0.1"), "did you mean 'csi::alpha_brn'?"),
        (("fit", "sm", "--fix", "csi::alpha_time=1"), "must be within Uniform(-0.25, 0.25)"),
        (("profile", "sm", "--fix", "x=1", "--fix", "x=2"), "--fix names a variable twice"),
        (("profile", "sm"), "no parameters of interest"),
        (("profile", "weak-mixing-angle", "--points", "3"), "at least 10"),
        (("run",), "name a SCENARIO, or several, or give --all"),
        (("run", "--all", "sm"), "--all runs all scenarios"),
        (("run", "sm", "smm"), "did you mean 'sm'?"),
        (("run", "sm", "sm"), "run names sm-csi twice"),
        (("run", "sm", "--data", "csi", "--data", "cis"), "did you mean 'csi'?"),
        (("run", "sm", "--data", "csi,lar", "--data", "lar+csi"), "--data names csi+lar twice"),
        (("run", "--all", "--seed", "-3"), "non-negative"),
        (("run", "--all", "--draws", "1"), "at least 4"),
        (("run", "--all", "--posterior", "kept"), "for one scenario on one data set"),
        (("predict", "sm", "--set", "csi::alpha_brn=1", "--set", "csi::alpha_brn=2"), "twice"),
        (("predict", "sm", "--data", "csi,lar"), "one experiment"),
        (("validate", "leptoquark-s1"), "unknown published scenario"),
        (("run", "sm", "--draws", "many"), "many"),
        (("run", "no_such_file.py"), "does not exist"),
        (
            ("run", "sm", "--checkpoint", "x/y", "--output", "x"),
            "not be within the output x",
        ),
        (("runn", "sm"), "runn"),
        (("fit", "sm", "--data", ""), "unknown data"),
        (("predict", "weak-mixing-angle"), "sin2_theta_w"),
        (("predict", "weak-mixing-angle", "--set", "sin2_theta_w=big"), "NAME=NUMBER"),
        (("predict", "weak-mixing-angle", "--set", "sin2_theta_w=nan"), "finite"),
        (("predict", "sm", "--set", "csi::alpha_fluxx=0.1"), "csi::alpha_flux"),
        (("data", "import", "nowhere"), "nowhere"),
        (("list", "smm"), "did you mean 'sm'?"),
        (("fit", "sm", "--set", "csi::alpha_flux=1"), "--asimov, which is missing"),
        (("fit", "sm", "--asimov", "smm"), "did you mean 'sm'?"),
        (("fit", "sm", "--exposure", "-1"), "finite and positive"),
        (("fit", "sm", "--asimov", "weak-mixing-angle"), "needs a value for sin2_theta_w"),
        (("fit", "sm", "--data", "mine.py"), "does not exist"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(cevns_bayes, tmp_path, arguments, said):
    code, out, err = cevns_bayes(*arguments)
    assert code == 2
    assert out == ""
    message = [line for line in err.splitlines() if line.startswith("cevns-bayes: error: ")]
    assert len(message) == 1
    assert said in message[0]
    assert "Traceback" not in err
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_existing_output_is_refused_before_any_work(cevns_bayes, tmp_path, monkeypatch):
    monkeypatch.setattr(NUTS, "run", lambda *_, **__: pytest.fail("sampled"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious.txt").write_text("keep me")
    code, _, err = cevns_bayes("run", "sm", "--output", "mine")
    assert code == 2
    assert "--force" in err
    code, _, err = cevns_bayes("run", "sm", "--output", "mine", "--force")
    assert code == 2
    assert "not a results folder" in err
    assert (tmp_path / "mine" / "precious.txt").read_text() == "keep me"


def test_unwritable_output(cevns_bayes, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = cevns_bayes("run", "sm", "--output", "file/results")
    assert code == 2
    assert "cannot write" in err


def test_interrupt_in_sampling_leaves_nothing(cevns_bayes, tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(NUTS, "run", interrupted)
    code, _, err = cevns_bayes("run", "sm", *FAST_COMPILE)
    assert code == 130
    assert "interrupted" in err
    assert list((tmp_path / "results").iterdir()) == []


@pytest.mark.slow
def test_signals_while_sampling(tmp_path):
    command = [Path(sys.executable).parent / "cevns-bayes", "run", "sm", "--sampler", "nuts"]
    command += ["--draws", "200000", "--tune", "200000", "--output"]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a background job
    pipes = {"cwd": tmp_path, "stderr": subprocess.PIPE, "text": True}
    runs = {
        number: subprocess.Popen([*command, f"results/{number.name}"], **pipes)
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        time.sleep(50)  # compiled, and some minutes of sampling ahead
        for number, process in runs.items():
            process.send_signal(number)
        errors = [process.communicate(timeout=60)[1] for process in runs.values()]
    finally:
        for process in runs.values():
            process.kill()
    assert [process.returncode for process in runs.values()] == [130, 130]
    for err in errors:
        assert "interrupted; nothing was written" in err
        assert "Traceback" not in err
    assert list((tmp_path / "results").iterdir()) == []


def test_an_interrupt_that_python_swallowed_still_stops_the_run(cevns_bayes, monkeypatch):
    # raised inside a callback of the garbage collector it is printed and lost
    monkeypatch.setattr(interrupts, "_seen", [])

    def swallowing(*_, **__):
        with contextlib.suppress(KeyboardInterrupt):
            interrupts.remember()

    monkeypatch.setattr("cevns_bayes.bayesian.sampling.sample", swallowing)
    code, _, err = cevns_bayes("run", "sm", "--output", "x")
    assert code == 130
    assert "nothing was written" in err
    assert not Path("x").exists()


@pytest.mark.parametrize("terminal", [True, False])
def test_bars_are_for_terminals(cevns_bayes, monkeypatch, terminal):
    asked = []
    monkeypatch.setattr(runs.err, "_force_terminal", terminal)
    monkeypatch.setattr(runs.out, "_force_terminal", terminal)
    monkeypatch.setattr("cevns_bayes.report.job.Job.run", lambda job, *_, **__: asked.append(job))
    monkeypatch.setattr(runs, "print_run", lambda _: None)
    cevns_bayes("run", "sm")
    assert [job.settings["progressbar"] for job in asked] == [terminal]


@pytest.mark.parametrize("command", [("predict", "sm", "--csv", "x"), ("run", "sm")])
def test_a_folder_that_has_gone_is_one_line(cevns_bayes, tmp_path, command):
    tmp_path.rmdir()
    code, _, err = cevns_bayes(*command)
    assert (code, err.count("\n")) == (2, 1)
    assert "No such file or directory" in err


def test_a_finished_posterior_survives_an_interrupt(cevns_bayes, monkeypatch, draws_of_sm):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("cevns_bayes.bayesian.sampling.sample", lambda *_, **__: draws_of_sm)
    monkeypatch.setattr("cevns_bayes.report.analysis.analyse", interrupted)
    for kept in ("x-unfinished", "x-unfinished-2"):
        code, _, err = cevns_bayes("run", "sm", "--output", "x")
        assert code == 130
        assert re.match(r"Compiling and sampling sm on csi ... \d+ s gone\n", err)
        assert err.splitlines()[-1].endswith(
            f"interrupted; the posterior is kept in {kept}, for --posterior"
        )
        assert [path.name for path in Path(kept).iterdir()] == ["posterior.nc"]
    assert not Path("x").exists()


def test_a_kept_posterior_spares_the_sampling(cevns_bayes, monkeypatch, draws_of_sm):
    monkeypatch.setattr("cevns_bayes.bayesian.sampling.sample", lambda *_, **__: pytest.fail("ran"))
    Path("kept").mkdir()
    write_posterior(draws_of_sm, Path("kept"))
    code, _, err = cevns_bayes("run", "sm", "--data", "lar", "--posterior", "kept")
    assert code == 2
    assert "the posterior is one of other data" in err
    code, out, _ = cevns_bayes("run", "sm", "--posterior", "kept")
    assert code == 0
    assert "results/sm-csi/report.html" in out


@pytest.fixture(scope="module")
def draws_of_sm():
    return cb.sample("sm", "csi", draws=50, tune=100, chains=2, progressbar=False)


def test_forecast_of_the_standard_model_fits_itself(cevns_bayes):
    code, out, _ = cevns_bayes("fit", "sm", "--exposure", "10")
    assert code == 0
    assert "χ² = 0.00" in out
    code, out, _ = cevns_bayes("fit", "sm", "--asimov", "sm", "--set", "csi::alpha_brn=0.1")
    row = next(line for line in out.splitlines() if line.startswith("csi::alpha_brn"))
    assert 0 < float(row.split()[1]) < 0.1  # the pull of the prior draws it back


def test_asimov_of_another_scenario_is_found_again(cevns_bayes):
    truth = ("--asimov", "weak-mixing-angle", "--set", "sin2_theta_w=0.25")
    code, out, _ = cevns_bayes("fit", "weak-mixing-angle", *truth)
    assert code == 0
    row = next(line for line in out.splitlines() if line.startswith("sin2_theta_w"))
    assert float(row.split()[1]) == pytest.approx(0.25, abs=1e-3)


def test_what_is_held_is_held_in_the_fit_and_not_in_the_truth(cevns_bayes):
    truth = ("--asimov", "weak-mixing-angle", "--set", "sin2_theta_w=0.25")
    held = ("--fix", "csi::alpha_flux=0", "--fix", "sin2_theta_w=0.25")
    code, out, _ = cevns_bayes("fit", "weak-mixing-angle", *truth, *held)
    assert code == 0
    assert "χ² = 0.00 for 98 degrees of freedom" in out
    assert "csi::alpha_brn" in out
    assert "sin2_theta_w" not in out
    assert "csi::alpha_flux" not in out


def test_values_of_the_truth_are_parameters_or_nuisances():
    data = cb.load_experiment("csi"), cb.load_experiment("lar")
    texts = ("csi::r_n=5", "lar::r_n=3", "alpha_flux=0.1", "lar::alpha_ssb=0.01")
    values, nuisances = arguments.values_of("neutron-radius", data, texts)
    assert values == {"csi::r_n": 5, "lar::r_n": 3}
    assert nuisances == {"alpha_flux": 0.1, "lar::alpha_ssb": 0.01}


@pytest.mark.parametrize(
    ("data", "forecast", "label"),
    [
        ("csi", {}, "csi"),
        ("csi,lar-gaussian", {}, "csi-lar-gaussian"),
        ("lar-2d, folder/mine.py:low", {"exposure": 2.0}, "lar-2d-mine-low-asimov"),
        ("my_detector.py", {"asimov": "sm"}, "my_detector-asimov"),
        (
            "csi",
            {"fixed": {"mass": 10.0, "csi::alpha_brn": 0.1}},
            "csi-csi_alpha_brn=0.1-mass=10.0",
        ),
        ("csi+lar", {}, "csi-lar"),
    ],
)
def test_name_of_the_folder_tells_the_data(data, forecast, label):
    assert arguments.label_of(data, {"asimov": None, "exposure": None} | forecast) == label


def test_a_plus_joins_experiments_but_is_part_of_the_name_of_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a+b").mkdir()
    Path("a+b/mine.py").write_text("")
    assert arguments.names_of("csi + lar") == arguments.names_of("csi,lar") == ["csi", "lar"]
    files = ["a+b/mine.py", "a+b/mine.py:low"]
    assert arguments.names_of(", ".join(["csi+lar", *files])) == ["csi", "lar", *files]


def test_an_experiment_file_is_data(cevns_bayes, tmp_path):
    text = (
        "from cevns_bayes import load_experiment\nEXPERIMENT = load_experiment('csi').scaled(2)\n"
    )
    (tmp_path / "mine.py").write_text(text)
    code, out, _ = cevns_bayes("predict", "sm", "--data", "mine.py")
    assert code == 0
    assert "2572.00" in out  # twice the steady-state background
    code, out, _ = cevns_bayes("predict", "sm", "--exposure", "2")
    assert "2572.00" in out


def test_choices_of_the_command_line_are_those_of_the_library():
    assert options.SAMPLERS == SAMPLERS


def test_a_terminal_without_greek_letters_shows_question_marks():
    command = [sys.executable, "-m", "cevns_bayes", "list", "--data"]
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert b"time [?s]" in done.stdout


@pytest.mark.parametrize("command", [("--csv", "a", "--markdown", "a"), ("--csv", "there")])
def test_validate_refuses_its_files_before_the_fits(cevns_bayes, tmp_path, monkeypatch, command):
    (tmp_path / "there").write_text("")
    monkeypatch.setattr("cevns_bayes.published.validate", lambda *_, **__: pytest.fail("fits"))
    code, _, err = cevns_bayes("validate", *command)
    assert code == 2
    assert err.count("\n") == 1
    assert not (tmp_path / "a").exists()


def test_list(cevns_bayes):
    code, out, _ = cevns_bayes("list")
    assert code == 0
    assert "weak-mixing-angle" in out
    assert "sin2_theta_w ~ Uniform(0, 0.5)" in out
    assert "r_n ~ Uniform(2, 9) [fm]" in out
    assert "log10_dm2_42 ~ Uniform(-1, 2) [eV²]" in out
    first = [line.split(" ")[0] for line in out.splitlines()]
    assert {"csi", "csi-quenching", "lar", "lar-2d", "lar-gaussian"} <= {*first}
    assert "…" not in out  # nothing is cut
    code, out, _ = cevns_bayes("list", "weak-mixing-angle")
    assert "sin2_theta_w ~ Uniform(0, 0.5)" in out


def test_predict_prints_components_and_writes_bins(cevns_bayes, tmp_path):
    code, out, _ = cevns_bayes("predict", "sm", "--csv", "bins.csv")
    assert code == 0
    assert "1286.00" in out
    lines = (tmp_path / "bins.csv").read_text().splitlines()
    assert lines[0] == "energy,time,cevns,es,brn,nin,ssb,total"
    assert len(lines) == 1 + 99
    total = sum(float(line.split(",")[-1]) for line in lines[1:])
    assert f"{total:.2f}" in out
    code, _, err = cevns_bayes("predict", "sm", "--csv", "bins.csv")
    assert code == 2
    assert "exists" in err


def test_a_full_disk_leaves_no_half_of_the_bins(cevns_bayes, tmp_path, full_disk):
    full_disk(2000)
    code, out, err = cevns_bayes("predict", "sm", "--csv", "bins.csv")
    assert (code, out) == (2, "")
    assert err.startswith("cevns-bayes: error: cannot write bins.csv: ")
    assert not [*tmp_path.iterdir()]


def test_fit_prints_chi2(cevns_bayes):
    code, out, _ = cevns_bayes("fit", "sm", "--prior", "csi::alpha_brn ~ Normal(0, 0.001)")
    assert code == 0
    assert "98 degrees of freedom" in out
    row = next(line for line in out.splitlines() if line.startswith("csi::alpha_brn"))
    assert abs(float(row.split()[1])) < 1e-4


def test_help_of_every_command_has_an_example(cevns_bayes):
    commands = ("run", "fit", "profile", "predict", "compare", "validate", "list")
    for command in (*([name] for name in commands), ["data", "import"]):
        code, out, _ = cevns_bayes(*command, "--help")
        assert code == 0
        assert "Example: cevns-bayes" in out


def test_entry_point_is_installed():
    script = Path(sys.executable).parent / "cevns-bayes"
    assert shutil.which(script)
    done = subprocess.run(
        [script, "list", "smm"], capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_profile_prints_intervals_and_writes_curves(cevns_bayes, tmp_path):
    levels = ("--level", "0.9", "--level", "0.997")
    code, out, _ = cevns_bayes("profile", "weak-mixing-angle", *levels, "--output", "profiles")
    assert code == 0
    assert "99.7% confidence" in out
    row = next(line for line in out.splitlines() if line.startswith("sin2_theta_w"))
    low, high, lower, higher = map(float, [row.split()[i] for i in (1, 3, 4, 6)])
    assert 0.13 < lower < low - 0.02 < high + 0.02 < higher < 0.35
    assert 0.15 < low < 0.2194 < high < 0.30
    (written,) = (tmp_path / "profiles").iterdir()
    lines = written.read_text().splitlines()
    assert {"# scenario: weak-mixing-angle", "# data: csi", "# units: none"} <= {*lines}
    assert "sin2_theta_w,delta_chi2" in lines
    code, _, err = cevns_bayes("profile", "weak-mixing-angle", "--output", "profiles")
    assert code == 2
    assert "profiles exists" in err


def test_names_that_are_known_without_pymc_are_those_there_are():
    assert names_in(SCENARIO_FILES, "SCENARIOS") == {*cb.scenario_names()}
    assert names_in(EXPERIMENT_FILES, "EXPERIMENTS") == {*cb.experiment_names()}


@pytest.mark.parametrize(
    "wrong",
    [
        ("fit", "WMA"),
        ("run", "sm", "mine.py"),
        ("profile", "sm", "--data", "csi,la"),
        ("run", "sm", "--draws", "3"),
        ("run", "sm", "--seed", "-1"),
        ("run", "sm", "--chains", "1"),
        ("run", "sm", "--overlay", "none.csv"),
        ("fit", "sm", "--prior", "x ~ Normal(0, one)"),
        ("fit", "sm", "--asimov", "smm"),
        ("run", "sm", "--output", "there"),
        ("report", "there"),
        ("compare", "there", "here"),
    ],
)
def test_wrong_names_and_settings_do_not_wait_for_pymc(tmp_path, wrong):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "report.html").write_text("")
    code = (
        "import sys\nfrom cevns_bayes import cli\n"
        "try:\n    cli.main()\nexcept SystemExit as error:\n"
        "    sys.exit(error.code if 'pymc' not in sys.modules else 'waited')\n"
    )
    command = [sys.executable, "-c", code, *wrong]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("cevns-bayes: error: ")
    assert done.stderr.count("\n") == 1


def test_settings_are_refused_in_the_words_of_the_samplers(cevns_bayes):
    for name, value in (
        ("draws", 3),
        ("tune", 0),
        ("chains", 1),
        ("live_points", 49),
        ("seed", -1),
    ):
        _, _, err = cevns_bayes("run", "sm", f"--{name.replace('_', '-')}", value)
        with pytest.raises(cb.InputError) as error:
            check_settings(**{name: value})
        assert err == f"cevns-bayes: error: {error.value}\n"


@pytest.mark.parametrize("stage", ["html.write_archive", "html.write_views", "job.write_outcome"])
@pytest.mark.parametrize("disguise", [KeyboardInterrupt(), RuntimeError("xla"), InputError("odd")])
def test_an_interrupt_in_any_stage_is_130(cevns_bayes, monkeypatch, stage, disguise, draws_of_sm):
    monkeypatch.setattr(interrupts, "_seen", [])
    analysis = types.SimpleNamespace(viewed=lambda _: analysis)
    monkeypatch.setattr("cevns_bayes.bayesian.sampling.sample", lambda *_, **__: draws_of_sm)
    monkeypatch.setattr("cevns_bayes.report.analysis.analyse", lambda *_, **__: analysis)
    monkeypatch.setattr("cevns_bayes.report.job.replace", lambda analysis, **_: analysis)
    for name in ("write_archive", "write_views"):
        monkeypatch.setattr(f"cevns_bayes.report.html.{name}", lambda *_: None)
    monkeypatch.setattr("cevns_bayes.report.job.outcome_of", lambda *_: None)

    def interrupted(*_, **__):
        interrupts._seen.append(True)
        raise disguise

    monkeypatch.setattr(f"cevns_bayes.report.{stage}", interrupted)
    code, _, err = cevns_bayes("run", "sm", "--output", "x")
    assert code == 130
    assert "the posterior is kept in x-unfinished" in err
    assert not Path("x").exists()


def test_a_closed_terminal_is_an_interrupt_unless_ignored(tmp_path):
    code = (
        "import os, signal, sys, time\nfrom cevns_bayes import cli\n"
        "ignored = 'nohup' in sys.argv\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)\n"
        "cli.cli.main = lambda **_: (os.kill(os.getpid(), signal.SIGHUP), time.sleep(0.1), 0)[-1]\n"
        "cli.main()\n"
    )
    for extra, expected in (((), 130), (("nohup",), 0)):
        done = subprocess.run([sys.executable, "-c", code, *extra], check=False, cwd=tmp_path)
        assert done.returncode == expected


@pytest.mark.parametrize(
    ("name", "value", "work", "said"),
    [
        ("MPLBACKEND", "nonsense", "import matplotlib.pyplot", ""),
        ("HOME", "/proc/nowhere", "import pytensor; pytensor.config.compiledir", "FLAGS=base_comp"),
    ],
)
def test_surroundings_that_libraries_do_not_like(tmp_path, monkeypatch, name, value, work, said):
    monkeypatch.delenv("PYTENSOR_FLAGS", raising=False)
    monkeypatch.setenv(name, value)
    code = f"from cevns_bayes import cli\ncli.cli.main = lambda **_: exec({work!r})\ncli.main()\n"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == ((2, 1) if said else (0, 0))
    assert said in done.stderr


def test_what_memory_does_not_hold_is_one_line(cevns_bayes, monkeypatch):
    monkeypatch.setattr("cevns_bayes.cli.cli.main", lambda **_: [0] * 2**62)
    assert cevns_bayes("fit", "sm") == (2, "", "cevns-bayes: error: out of memory:\n")


def test_the_module_of_commands_is_one_as_well(tmp_path):
    command = [sys.executable, "-m", "cevns_bayes.cli", "--version"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.endswith(f"version {cb.__version__}\n")
