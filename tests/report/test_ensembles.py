"""Commands that make toys: their tables, files and figures, and what they refuse."""

import csv
import errno

import pytest

from cevns_bayes.ensembles.store import Store
from cevns_bayes.report.folder import write_posterior

FEW = ("--toys", 20, "--points", 3)


def rows(path):
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


@pytest.fixture
def posterior(tmp_path, weak_mixing_angle_posterior):
    folder = tmp_path / "run"
    folder.mkdir()
    write_posterior(weak_mixing_angle_posterior, folder)
    return folder


def test_three_kinds_of_intervals_in_one_folder(cevns_bayes, posterior, tmp_path):
    command = ("feldman-cousins", "weak-mixing-angle", *FEW, "--posterior", posterior)
    code, out, err = cevns_bayes(*command, "--output", "fc")
    assert code == 0, err
    assert "Feldman-Cousins" in out
    assert "toys" in err  # the progress
    found = rows(tmp_path / "fc" / "intervals.csv")
    kinds = {row["interval"] for row in found}
    assert kinds == {"Feldman-Cousins", "profile", "credible"}
    for row in found:
        assert 0.1 < float(row["low"]) < float(row["high"]) < 0.35
        assert bool(row["low_error"]) == (row["interval"] == "Feldman-Cousins")
    points = rows(tmp_path / "fc" / "points.csv")
    assert len(points) == 5  # and the two ends
    assert (tmp_path / "fc" / "feldman_cousins.png").stat().st_size > 10_000

    code, _, err = cevns_bayes(*command, "--output", "fc")
    assert (code, err) == (2, "cevns-bayes: error: fc exists\n")
    code, again, err = cevns_bayes(*command, "--output", "again", "--store", "fc-toys")
    assert code == 0, err
    assert "toys" not in err  # All of them were kept.
    assert again.replace("again", "fc") == out
    code, _, err = cevns_bayes(*command, "--output", "x", "--store", "fc-toys", "--seed", 2)
    assert code == 2
    assert err.startswith("cevns-bayes: error: store fc-toys has toys of other settings:")
    assert not (tmp_path / "x").exists()


def test_a_full_disk_is_one_line_and_loses_nothing(cevns_bayes, monkeypatch, tmp_path):
    write, written = Store.write, []

    def full(self, task, *found):
        if written:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, task, *found)
        written.append(task)

    command = ("goodness-of-fit", "sm", "--toys", 500, "--store", "toys")
    with monkeypatch.context() as patch:
        patch.setattr(Store, "write", full)
        code, out, err = cevns_bayes(*command)
    assert (code, out) == (2, "")
    assert err.splitlines()[-1] == "cevns-bayes: error: [Errno 28] No space left on device"
    code, out, err = cevns_bayes(*command)
    assert code == 0
    assert "p-value" in out
    assert err.count("toys") == 1  # Half of them were there.


def test_coverage_and_calibration(cevns_bayes, tmp_path):
    truth = ("--truth", "sin2_theta_w=0.23")
    command = ("coverage", "weak-mixing-angle", *truth, "--kind", "profile", "--toys", 50)
    code, out, err = cevns_bayes(*command, "--csv", "coverage.csv")
    assert code == 0, err
    (row,) = rows(tmp_path / "coverage.csv")
    assert 0.7 < float(row["at_0.90"]) <= 1.0
    assert 0.02 < float(row["at_0.90_error"]) < 0.06
    code, out, err = cevns_bayes("calibrate", "sm", "--replicas", 20, "--output", "ranks")
    assert code == 0, err
    assert "csi::alpha_flux" in out
    assert len(rows(tmp_path / "ranks" / "ranks.csv")) == 20
    assert (tmp_path / "ranks" / "calibration.png").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("feldman-cousins", "sm"), "a region is one of 1 or 2 parameters, got none; sm has none"),
        (("feldman-cousins", "sm", "--workers", "0"), "Invalid value for '--workers'"),
        (("coverage", "sm", "--truth", "x=y"), "malformed --truth 'x=y'; write NAME=NUMBER"),
        (("merge-toys", "all", "nothing"), "nothing is no store of toys"),
        (
            ("goodness-of-fit", "sm", "--scheduler", "tcp://127.0.0.1:1"),
            "no Dask scheduler at tcp://127.0.0.1:1",
        ),
    ],
)
def test_refusals_are_one_line(cevns_bayes, monkeypatch, arguments, message):
    monkeypatch.setattr("cevns_bayes.ensembles.runner.TIMEOUT_S", 1)
    code, out, err = cevns_bayes(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"cevns-bayes: error: {message}")
    assert err.count("\n") == 1
