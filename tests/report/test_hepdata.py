"""HEPData submissions hold what the CSV files hold, in the format of HEPData."""

import numpy as np
import pandas as pd
import pytest
import yaml

import cevns_bayes as cb
from cevns_bayes.report.curve_files import about, write_limit_curve
from cevns_bayes.scenarios.scenario import load_scenario


def limits():
    variables = {
        "upper_limit": ("mass", [1e-4, np.nan]),
        "excluded_low": (("mass", "interval"), [[1e-4], [np.nan]]),
        "excluded_high": (("mass", "interval"), [[0.1], [np.nan]]),
    }
    attrs = {"level": 0.9, "kind": "confidence", "coupling": "coupling"}
    return (
        pd.DataFrame({"mass": [1.0, 10.0]})
        .set_index("mass")
        .to_xarray()
        .assign(variables)
        .assign_attrs(attrs)
    )


@pytest.fixture
def folder(tmp_path):
    head = about(load_scenario("light-scalar"), [cb.load_experiment("csi")])
    results = tmp_path / "results"
    results.mkdir()
    write_limit_curve(limits(), results, head)
    lines = ["# profile likelihood", "# scenario: light-scalar", "# units: mass [MeV]"]
    lines += ["mass,coupling,delta_chi2", "1,0.1,2.5", "2,0.1,3.5"]
    (results / "profile_mass_coupling.csv").write_text("\n".join(lines))
    (results / "summary.csv").write_text("variable,mean\nmass,1\n")
    return results


@pytest.mark.filterwarnings("ignore:jsonschema:DeprecationWarning")
def test_submission_is_valid(cevns_bayes, folder, tmp_path):
    from hepdata_validator.data_file_validator import DataFileValidator
    from hepdata_validator.submission_file_validator import SubmissionFileValidator

    code, out, _ = cevns_bayes("hepdata", folder, "--output", tmp_path / "new")
    assert code == 0
    assert "limit_curve_confidence, profile_mass_coupling" in out
    files = {path.name: path.read_text() for path in (tmp_path / "new").iterdir()}
    submission = [*yaml.safe_load_all(files.pop("submission.yaml"))]
    validator = SubmissionFileValidator()
    valid = validator.validate(file_path="submission.yaml", data=submission)
    assert valid, validator.get_messages()
    assert {entry["data_file"] for entry in submission[1:]} == set(files)
    for name, text in files.items():
        validator = DataFileValidator()
        valid = validator.validate(file_path=name, data=yaml.safe_load(text))
        assert valid, validator.get_messages()


def test_tables_hold_what_the_files_hold(folder, tmp_path):
    assert cb.write_hepdata(folder, tmp_path / "new") == [
        "limit_curve_confidence",
        "profile_mass_coupling",
    ]
    table = yaml.safe_load((tmp_path / "new/limit_curve_confidence.yaml").read_text())
    (mass,) = table["independent_variables"]
    assert mass["header"] == {"name": "mass", "units": "MeV"}
    upper, low, high = table["dependent_variables"]
    assert [v["value"] for v in mass["values"]] == [1.0, 10.0]
    assert [v["value"] for v in upper["values"]] == [1e-4, "-"]
    assert [v["value"] for v in high["values"]] == [0.1, "-"]
    assert {"name": "scenario", "value": "light-scalar"} in low["qualifiers"]
    surface = yaml.safe_load((tmp_path / "new/profile_mass_coupling.yaml").read_text())
    assert [v["header"]["name"] for v in surface["independent_variables"]] == ["mass", "coupling"]
    assert [v["value"] for v in surface["dependent_variables"][0]["values"]] == [2.5, 3.5]


def test_limits_have_the_unit_of_what_they_are_on(tmp_path):
    text = "# 90% confidence limit on mu_nu_mu at each m4\n# units: m4 [MeV], mu_nu_mu [1e-9]\n"
    (tmp_path / "limit_curve.csv").write_text(text + "m4,upper_limit\n1,2\n")
    cb.write_hepdata(tmp_path, tmp_path / "new")
    table = yaml.safe_load((tmp_path / "new/limit_curve.yaml").read_text())
    assert table["dependent_variables"][0]["header"] == {"name": "upper_limit", "units": "1e-9"}


def test_a_folder_without_curves_is_refused(cevns_bayes, tmp_path):
    (tmp_path / "summary.csv").write_text("variable,mean\n")
    code, _, err = cevns_bayes("hepdata", tmp_path, "--output", tmp_path / "new")
    assert code == 2
    assert "holds no CSV files of curves, regions or limits" in err
    assert not (tmp_path / "new").exists()


def test_what_is_no_text_is_named(cevns_bayes, tmp_path):
    (tmp_path / "curve.csv").write_bytes(bytes(range(200, 256)))
    code, _, err = cevns_bayes("hepdata", tmp_path, "--output", tmp_path / "new")
    assert code == 2
    assert "curve.csv: it is not a text file" in err
    assert not (tmp_path / "new").exists()
