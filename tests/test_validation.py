import csv
import sys

import pytest

from cevns_bayes import cli, datasets, validation
from cevns_bayes.scenario import scenario_names
from cevns_bayes.validation import Row


def test_published_table_is_complete():
    text = (datasets.data_folder() / "published" / "chi2.csv").read_text()
    rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    assert len(rows) == 77  # 26 scenarios on three data sets, less one empty entry
    assert len({(row["scenario"], row["data"]) for row in rows}) == 77
    assert {row["data"] for row in rows} == set(validation.DATA_SETS)
    assert all(row["source"] for row in rows)
    assert {row["scenario"] for row in rows} >= set(scenario_names())


@pytest.mark.parametrize(
    ("chi2", "improvement", "verdict"),
    [
        (82.0, 0.5, "reproduced"),
        (81.2, 0.5, "chi2 differs"),
        (84.4, 1.0, "improvement differs"),
        (80.0, 2.0, "chi2 differs, improvement differs"),
    ],
)
def test_verdict(chi2, improvement, verdict):
    assert Row("any", "csi", chi2, 83.0, improvement, 0.4).verdict == verdict


def test_validate_writes_its_table(monkeypatch, capsys, tmp_path):
    rows = [Row("sm", "lar", 106.1, 106.5, 0.0, 0.0), Row("sm", "csi", 81.2, 83.2, 0.0, 0.0)]
    monkeypatch.setattr(validation, "validate", lambda form_factor: iter(rows))
    files = [tmp_path / "table.csv", tmp_path / "table.md"]
    arguments = ["validate", "--csv", files[0], "--markdown", files[1]]
    monkeypatch.setattr(sys, "argv", ["cevns-bayes", *map(str, arguments)])
    with pytest.raises(SystemExit) as exit_info:
        cli.main()
    assert exit_info.value.code == 0
    assert "106.10" in capsys.readouterr().out
    for file in files:
        assert "-0.40" in file.read_text()
        assert "reproduced" in file.read_text()
        assert "chi2 differs" in file.read_text()


@pytest.mark.slow
def test_fitted_rows():
    rows = {(row.scenario, row.data): row for row in validation.validate()}
    assert len(rows) == 3 * len(scenario_names()) - 1  # no joint neutron radius was published
    for key in (("sm", "lar"), ("weak-mixing-angle", "lar"), ("neutron-radius", "lar")):
        assert rows[key].verdict == "reproduced"
    for data in ("csi", "csi+lar"):
        row = rows["weak-mixing-angle", data]
        assert abs(row.improvement - row.published_improvement) < 0.5
