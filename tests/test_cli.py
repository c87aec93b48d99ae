import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cevns_bayes import cli, sampling
from cevns_bayes.diagnostics import Convergence
from cevns_bayes.survey import Row

QUICK = ("--draws", "100", "--tune", "200", "--chains", "2", "--no-progress")


@pytest.fixture
def cevns_bayes(monkeypatch, capsys, tmp_path):
    """Run the command line in an empty folder: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["cevns-bayes", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_info:
            cli.main()
        captured = capsys.readouterr()
        return exit_info.value.code, captured.out, captured.err

    return call


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
        (("profile", "sm"), "no parameters of interest"),
        (("profile", "weak-mixing-angle", "--points", "3"), "at least 10"),
        (("survey", "smm"), "did you mean 'sm'?"),
        (("predict", "sm", "--set", "csi::alpha_brn=1", "--set", "csi::alpha_brn=2"), "twice"),
        (("predict", "sm", "--data", "csi,lar"), "one experiment"),
        (("validate", "leptoquark-s1"), "unknown published scenario"),
        (("run", "sm", "--draws", "many"), "many"),
        (("run", "no_such_file.py"), "does not exist"),
        (("runn", "sm"), "runn"),
        (("fit", "sm", "--data", ""), "unknown data"),
        (("predict", "weak-mixing-angle"), "sin2_theta_w"),
        (("predict", "weak-mixing-angle", "--set", "sin2_theta_w=big"), "NAME=NUMBER"),
        (("predict", "weak-mixing-angle", "--set", "sin2_theta_w=nan"), "finite"),
        (("predict", "sm", "--set", "csi::alpha_fluxx=0.1"), "csi::alpha_flux"),
        (("data", "import", "nowhere"), "nowhere"),
        (("list", "smm"), "did you mean 'sm'?"),
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
    monkeypatch.setitem(sampling._SAMPLERS, "nuts", lambda *_, **__: pytest.fail("sampled"))
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

    monkeypatch.setitem(sampling._SAMPLERS, "nuts", interrupted)
    code, _, err = cevns_bayes("run", "sm", *QUICK)
    assert code == 130
    assert "interrupted" in err
    assert list((tmp_path / "results").iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_while_sampling(tmp_path, number):
    command = [Path(sys.executable).parent / "cevns-bayes", "run", "sm", "--draws", "400000"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    time.sleep(40)  # compiled, and some minutes of sampling ahead
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted; nothing was written" in err
    assert "Traceback" not in err
    assert list((tmp_path / "results").iterdir()) == []


def test_an_interrupt_that_python_swallowed_still_stops_the_run(cevns_bayes, monkeypatch):
    # raised inside a callback of the garbage collector it is printed and lost
    monkeypatch.setattr(cli, "_interrupts", [])

    def swallowing(*_, **__):
        with contextlib.suppress(KeyboardInterrupt):
            cli._remember_interrupt()

    monkeypatch.setattr("cevns_bayes.analysis.analyse", swallowing)
    code, _, err = cevns_bayes("run", "sm", "--output", "x")
    assert code == 130
    assert "nothing was written" in err
    assert not Path("x").exists()


@pytest.mark.parametrize("command", [("--csv", "a", "--markdown", "a"), ("--csv", "there")])
def test_validate_refuses_its_files_before_the_fits(cevns_bayes, tmp_path, monkeypatch, command):
    (tmp_path / "there").write_text("")
    monkeypatch.setattr("cevns_bayes.validation.validate", lambda *_, **__: pytest.fail("fits"))
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
    assert "csi, lar" in out
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


def test_fit_prints_chi2(cevns_bayes):
    code, out, _ = cevns_bayes("fit", "sm", "--prior", "csi::alpha_brn ~ Normal(0, 0.001)")
    assert code == 0
    assert "98 degrees of freedom" in out
    row = next(line for line in out.splitlines() if line.startswith("csi::alpha_brn"))
    assert abs(float(row.split()[1])) < 1e-4


def test_help_of_every_command_has_an_example(cevns_bayes):
    commands = ("run", "fit", "profile", "predict", "compare", "survey", "validate", "list")
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
    assert written.read_text().startswith("sin2_theta_w,delta_chi2\n")
    code, _, err = cevns_bayes("profile", "weak-mixing-angle", "--output", "profiles")
    assert code == 2
    assert "profiles exists" in err


def test_survey_writes_a_table(cevns_bayes, tmp_path, monkeypatch):
    row = Row("sm", "nuts", 12.3, Convergence(1.02, 5000.0, 300.0), float("nan"))
    monkeypatch.setattr("cevns_bayes.survey.survey", lambda scenarios, data: iter([row]))
    code, out, _ = cevns_bayes("survey", "sm", "--markdown", "table.md")
    assert code == 0
    assert "tail ESS 300 is below 400" in out
    header, _, line = (tmp_path / "table.md").read_text().splitlines()
    assert header.startswith("| scenario | sampler | seconds | R-hat |")
    assert line.startswith("| sm | nuts | 12 | 1.0200 | 5000 | 300 | — | R-hat 1.020 is not")
