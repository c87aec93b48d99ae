"""Curves of others over ours: what files may hold, where they are drawn, what is refused."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import cevns_bayes as cb
from cevns_bayes.report.archive import load_analysis
from cevns_bayes.report.figures import draw
from cevns_bayes.report.overlays import check_overlays, overlay_of, read_overlay
from cevns_bayes.report.plot_results import draw_overlays
from cevns_bayes.report.toy_files import read_toys


def written(folder, text, name="curve.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_pieces_comments_and_columns_in_any_order(tmp_path):
    text = "# of mine\ncoupling,piece,mass\n1e-5,0,1\n1e-4,0,10\n\n# more\n1e-3,1,100\n"
    overlay = read_overlay(written(tmp_path, text))
    assert (overlay.label, overlay.axes) == ("curve", ("coupling", "mass"))
    assert [piece.tolist() for piece in overlay.pieces] == [[[1e-5, 1], [1e-4, 10]], [[1e-3, 100]]]
    first, second = overlay.on("mass", "coupling")
    np.testing.assert_allclose(first, [[1, 1e-5], [10, 1e-4]])
    np.testing.assert_allclose(second, [[100, 1e-3]])
    np.testing.assert_allclose(overlay.on("log10_mass", "coupling")[0], [[0, 1e-5], [1, 1e-4]])
    assert overlay.on("mass", "eps") == []
    check_overlays([overlay], ["log10_mass", "log10_coupling"])


def test_our_own_contours_can_be_read(tmp_path):
    text = "# borders\n# data: csi\ndof,level,piece,x,y\n2,0.68,0,1,2\n2,0.68,1,1,2\n2,0.9,1,3,4\n"
    overlay = read_overlay(written(tmp_path, text), "ours")
    assert [len(piece) for piece in overlay.pieces] == [1, 1, 1]
    assert overlay.keys == (("2", "0.68", "0"), ("2", "0.68", "1"), ("2", "0.9", "1"))


def test_names_and_labels(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "x,y\n1,2\n", "a=b.csv")
    written(tmp_path, "x,y\n1,2\n")
    assert overlay_of("a=b.csv").label == "a=b"
    assert overlay_of("curve.csv=arXiv:1 = mine").label == "arXiv:1 = mine"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 0: the header"),
        ("# nothing\n", "line 0: the header"),
        ("x\n1\n", "line 1: the header must name two columns"),
        ("x,y,z\n1,2,3\n", "got 'x,y,z'"),
        ("1,2\n3,4\n", "got '1,2'"),
        ("x,x\n1,2\n", "header"),
        ("x,y\n", "no numbers"),
        ("x,y\n1,2\n3\n", "line 3: expected finite numbers for x,y, got '3'"),
        ("x,y\n1,2\n\n3,four\n", "line 4"),
        ("x,y\n1,nan\n", "line 2"),
        ("x,y\n1,inf\n", "line 2"),
        ("x,y\n1,2,3\n", "line 2"),
    ],
)
def test_bad_files_are_one_line_with_the_number_of_theirs(tmp_path, text, said):
    path = written(tmp_path, text)
    with pytest.raises(cb.InputError, match=r"curve\.csv") as error:
        read_overlay(path)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("value", ["0", "-2"])
def test_what_has_no_logarithm_is_refused_before_sampling(tmp_path, value):
    path = written(tmp_path, f"mass,coupling\n1,1e-4\n10,{value}\n")
    view = cb.View(overlays=[read_overlay(path, "mine")])
    said = rf"curve\.csv: column coupling must be positive, as log10_coupling is shown, got {value}"
    with pytest.raises(cb.InputError, match=said):
        view.check(["log10_mass", "log10_coupling"], [])
    view.check(["log10_mass", "coupling"], [])
    logs = read_overlay(written(tmp_path, f"log10_mass,coupling\n{value},1e-4\n"))
    check_overlays([logs], ["log10_mass", "log10_coupling"])


def test_binary_files_and_folders_are_refused(tmp_path):
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00x")
    for path in (tmp_path, tmp_path / "binary.csv", tmp_path / "missing.csv"):
        with pytest.raises(cb.InputError, match="cannot read"):
            read_overlay(path)


def test_they_are_drawn_where_they_belong(tmp_path):
    panel = Figure().subplots()
    here = read_overlay(written(tmp_path, "y,x\n1,2\n3,4\n"), "mine")
    elsewhere = read_overlay(written(tmp_path, "z,x\n1,2\n"), "other")
    draw_overlays(panel, [elsewhere, here], ("x", "y"))
    (line,) = panel.lines
    assert line.get_label() == "mine"
    np.testing.assert_allclose(line.get_xydata(), [[2, 1], [4, 3]])


FOUND = """parameter,level,interval,low,high,low_error,high_error
sin2_theta_w,0.68,Feldman-Cousins,0.19,0.25,0.001,0.001
sin2_theta_w,0.68,profile,{low},{high},,
sin2_theta_w,0.90,Feldman-Cousins,0.17,0.20,0.001,0.001
sin2_theta_w,0.90,Feldman-Cousins,0.21,0.27,0.001,0.001
"""


def test_feldman_cousins_stand_beside_the_other_intervals(
    cevns_bayes, results, tmp_path, monkeypatch
):
    monkeypatch.setattr("cevns_bayes.report.html.draw", lambda _: {"posterior": Figure()})
    analysis = load_analysis(results)
    ((low, high),) = analysis.confidence("sin2_theta_w", 0.68)
    written(tmp_path, FOUND.format(low=low, high=high), "intervals.csv")
    written(tmp_path, "sin2_theta_w,delta_chi2\n0.2,4\n0.3,1\n", "other.csv")
    code, _, err = cevns_bayes(
        *("report", results, "--feldman-cousins", ".", "--output", "again"),
        *("--overlay", "other.csv=Others"),
    )
    assert code == 0, err
    report = (tmp_path / "again" / "report.html").read_text()
    assert "<td>[0.17, 0.2] ∪ [0.21, 0.27]</td>" in report
    assert "Purple: Feldman-Cousins. Drawn over it: Others." in report
    rows = (tmp_path / "again" / "intervals.csv").read_text()
    assert "sin2_theta_w,,0.9,feldman-cousins,0.17,0.2\n" in rows


def test_feldman_cousins_of_other_data_are_refused(results, tmp_path):
    analysis = load_analysis(results)
    written(tmp_path, FOUND.format(low=0.2, high=0.25), "intervals.csv")
    with pytest.raises(cb.InputError, match="other data: their 68% profile interval"):
        analysis.viewed(cb.View(toys=read_toys(tmp_path)))
    written(tmp_path, FOUND.replace("sin2_theta_w", "x"), "intervals.csv")
    with pytest.raises(cb.InputError, match="not a table of"):
        read_toys(tmp_path)
    written(tmp_path, "level,piece,x,y\n0.9,0,1,2\n", "contours.csv")
    (tmp_path / "intervals.csv").unlink()
    with pytest.raises(cb.InputError, match="are of x, the analysis is not"):
        analysis.viewed(cb.View(toys=read_toys(tmp_path)))


def test_contours_of_feldman_cousins_have_a_line_for_each_level(tmp_path):
    written(tmp_path, "level,piece,x,y\n0.68,0,1,2\n0.68,1,1,2\n0.9,0,3,4\n", "contours.csv")
    first, second = read_toys(tmp_path).contours
    assert [len(of.pieces) for of in (first, second)] == [2, 1]
    assert first.label == "68% confidence (Feldman-Cousins)"
    assert first.dashed != second.dashed
    assert {first.colour, second.colour} == {"#cc79a7"}


def test_an_overlay_of_the_profile_is_in_the_figure(results, tmp_path):
    overlay = read_overlay(written(tmp_path, "sin2_theta_w,delta_chi2\n0.2,4\n0.3,1\n"), "Mine")
    figure = draw(load_analysis(results).viewed(cb.View(overlays=[overlay])))["posterior"]
    assert "Mine" in {text.get_text() for text in figure.legends[0].get_texts()}
