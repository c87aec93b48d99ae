import tomllib
from pathlib import Path

import numpy as np
import pytest

from cevns_bayes.errors import InputError
from cevns_bayes.releases import import_release

COMMITTED = Path(__file__).parents[1] / "data" / "csi"
TABLES = [
    "background_energy.csv",
    "background_time.csv",
    "counts.csv",
    "parameters.toml",
    "source.toml",
]

EVENTS = "# energy [PE], time [us]\n10.2 0.31\n10.9 0.33\n\n59.5 5.99\n120 1.0  # high energy\n"
COEFFICIENTS = "# a b c d\n1.3 0.28 10.8 -0.33\n1.4 0.28 9.8 -0.35\n"


def energy_shape(scale):
    return "".join(f"{pe + 0.5} {scale * (pe % 7)}\n" for pe in range(80))


def time_shape(scale):
    centres = -0.245 + 0.01 * np.arange(700)
    return "".join(f"{t:.3f} {scale * (0 < t < 1):g}\n" for t in centres)


@pytest.fixture
def release(tmp_path):
    """A small release of the same form as the official one."""
    folder = tmp_path / "release"
    folder.mkdir()
    files = {
        "dataBeamOnC.txt": EVENTS,
        "dataBeamOnAC.txt": "10.2 0.31\n30 2\n",
        "brnPE.txt": energy_shape(1.0),
        "ninPE.txt": energy_shape(0.5),
        "brnTrec.txt": time_shape(2.0),
        "ninTrec.txt": time_shape(3.0),
        "effCoefficients.txt": COEFFICIENTS + "1.2 0.28 11.8 -0.31\n",
        "scintRespCoefficients.txt": COEFFICIENTS + "1 2 3 4\n5 6 7 8\n9 8 7 6\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def refused(release, tmp_path, message):
    """The import fails with the message and leaves nothing behind."""
    tables = tmp_path / "tables"
    with pytest.raises(InputError, match=message):
        import_release(release, tables)
    assert not tables.exists() or not list(tables.iterdir())


def copied(folder, destination):
    destination.mkdir()
    for path in folder.iterdir():
        (destination / path.name).write_bytes(path.read_bytes())
    return destination


def rows(path):
    return [line for line in path.read_text().splitlines() if not line.startswith("#")]


@pytest.mark.parametrize(
    ("release_name", "name"),
    [("csi-2021", "csi"), ("lar-2020", "lar"), ("csi-2017",) * 2, ("../dresden-ii", "dresden-ii")],
)
def test_official_release_gives_the_committed_tables_byte_for_byte(
    official_files, tmp_path, release_name, name
):
    written = import_release(official_files / release_name, tmp_path)
    committed = COMMITTED.parent / name
    names = sorted(path.name for path in written.iterdir())
    assert names == sorted(path.name for path in committed.iterdir())
    for table in names:
        assert (written / table).read_bytes() == (committed / table).read_bytes(), table


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("brnpdf.txt", "5 0.525 0.15 ", "5 0.525 0.16 ", r"brnpdf\.txt: expected the 960 bins"),
        ("bkgpdf.txt", "24.4769", "-24.4769", r"bkgpdf\.txt, row 1: negative"),
        ("cevnspdf.txt", "1.0338", "nan", r"cevnspdf\.txt, line 1"),
        (
            "datanobkgsub.txt",
            "0.65 44",
            "0.65 44.5",
            r"datanobkgsub\.txt, row 2: counts must be non-negative integers, got 44\.5",
        ),
        ("datanobkgsub.txt", "0.65 44", "0.65 -44", r"datanobkgsub\.txt, row 2: negative"),
        ("CENNS10AnlAEfficiency.txt", "1.25 5", "1.35 5", "expected the 80 energies"),
        (
            "CENNS10AnlAEfficiency.txt",
            "0.031002",
            "31.002",
            r"Efficiency\.txt, row 3: an efficiency is between 0 and 1, got 31\.002",
        ),
        ("LArParametersAnlA.yaml", "fiducialMass", "mass", "LArParametersAnlA.yaml"),
        ("LArParametersAnlA.yaml", "beamExposure:", "]", "LArParametersAnlA.yaml"),
    ],
)
def test_corrupt_lar_files_are_named(official_files, tmp_path, file, old, new, said):
    broken = copied(official_files / "lar-2020", tmp_path / "broken")
    text = (broken / file).read_text()
    assert old in text
    (broken / file).write_text(text.replace(old, new, 1))
    refused(broken, tmp_path, said)


@pytest.mark.parametrize(
    ("release_name", "file", "old", "new", "said"),
    [
        ("csi-2017", "data_coincidence_beamOn.txt", "0.25, 2", "0.25, 2.5", "must be integers"),
        ("csi-2017", "data_coincidence_beamOn.txt", "0.25, 2", "0.25, -2", "row 1: negative"),
        ("csi-2017", "promptPDF.txt", "1.5, ", "1.6, ", r"promptPDF\.txt: expected the 50 bins"),
        ("csi-2017", "coherent_parameters.yaml", "csiQF", "qf", "not the parameter file"),
        ("../dresden-ii", "data_release.txt", "0.21500", "0.21600", "expected the 130 bins"),
        ("../dresden-ii", "data_release.txt", "15.057", "-15.057", "row 1: errors must be positiv"),
        ("../dresden-ii", "QF_Fef_YBe.txt", "0.0100000 ", "0.0300000 ", "energies must increase"),
        ("../dresden-ii", "QF_Fef_YBe.txt", "0.43610", "1.43610", "row 1: quenching factors are"),
    ],
)
def test_corrupt_files_of_further_releases(
    official_files, tmp_path, release_name, file, old, new, said
):
    broken = copied(official_files / release_name, tmp_path / "broken")
    text = (broken / file).read_text()
    assert old in text
    (broken / file).write_text(text.replace(old, new, 1))
    refused(broken, tmp_path, said)


@pytest.mark.parametrize(("first", "last"), [(0, 3), (0, 79), (1, 80)])
def test_a_lar_efficiency_that_is_cut_is_refused(official_files, tmp_path, first, last):
    broken = copied(official_files / "lar-2020", tmp_path / "broken")
    path = broken / "CENNS10AnlAEfficiency.txt"
    kept = path.read_text().splitlines()[first:last]
    path.write_text("\n".join(kept))
    energies = rf"the 80 energies of the release from 0\.25 to 39\.75 keVee .* got {last - first} "
    refused(broken, tmp_path, rf"CENNS10AnlAEfficiency\.txt: expected {energies}")


def test_tables_of_a_small_release(release, tmp_path):
    written = import_release(release, tmp_path / "tables")
    assert written == tmp_path / "tables" / "csi"
    assert sorted(path.name for path in written.iterdir()) == TABLES
    assert rows(written / "counts.csv") == [
        "energy_low_pe,time_low_us,coincident,anticoincident",
        "10,0.25,2,1",
        "30,2,0,1",
        "59,5.875,1,0",
        "120,1,1,0",
    ]


def test_shapes_are_normalised_in_the_window(release, tmp_path):
    written = import_release(release, tmp_path)
    for name, window in (("background_energy.csv", 60), ("background_time.csv", 6)):
        lows, *shapes = np.loadtxt(rows(written / name)[1:], delimiter=",").T
        for shape in shapes:
            assert shape[(lows >= 0) & (lows < window)].sum() == pytest.approx(1, abs=1e-6)


def test_coefficients_are_copied(release, tmp_path):
    written = import_release(release, tmp_path)
    parameters = tomllib.loads((written / "parameters.toml").read_text())
    assert parameters["efficiency"] == {
        "nominal": [1.3, 0.28, 10.8, -0.33],
        "up": [1.4, 0.28, 9.8, -0.35],
        "down": [1.2, 0.28, 11.8, -0.31],
    }
    assert parameters["quenching"]["model1_down"] == [9, 8, 7, 6]


def test_the_source_names_every_file(release, tmp_path):
    written = import_release(release, tmp_path)
    source = tomllib.loads((written / "source.toml").read_text())
    assert sorted(source["sha256"]) == sorted(path.name for path in release.iterdir())


def test_missing_file_is_named(release, tmp_path):
    (release / "ninPE.txt").unlink()
    refused(release, tmp_path, r"csi release .* lacks ninPE\.txt")


@pytest.mark.parametrize(
    ("file", "line", "text"),
    [
        ("dataBeamOnC.txt", 3, "10.9 x.33"),
        ("dataBeamOnC.txt", 3, "10.9"),
        ("dataBeamOnAC.txt", 2, "30 2 1"),
        ("dataBeamOnAC.txt", 1, "nan 0.31"),
        ("brnPE.txt", 40, "39.5 inf"),
        ("effCoefficients.txt", 3, "1.4 0.28 9.8"),
    ],
)
def test_corrupt_line_is_named(release, tmp_path, file, line, text):
    lines = (release / file).read_text().splitlines()
    lines[line - 1] = text
    (release / file).write_text("\n".join(lines))
    refused(release, tmp_path, rf"{file}, line {line}: expected \d finite numbers, got '{text}'")


def test_negative_content_is_named_with_its_line(release, tmp_path):
    lines = (release / "ninPE.txt").read_text().splitlines()
    lines[19] = "19.5 -0.5"
    (release / "ninPE.txt").write_text("\n".join(lines))
    refused(release, tmp_path, r"ninPE\.txt, line 20: negative content -0\.5")


def test_lines_are_counted_with_the_comments(release, tmp_path):
    text = (release / "ninPE.txt").read_text().replace("19.5 2.5\n", "19.5 -0.5\n")
    (release / "ninPE.txt").write_text(f"# centre, content\n\n{text}")
    refused(release, tmp_path, r"ninPE\.txt, line 22: negative content -0\.5")


def test_a_histogram_of_one_row_is_refused(release, tmp_path):
    (release / "brnPE.txt").write_text("0.5 1\n")
    refused(release, tmp_path, r"brnPE\.txt")


def test_a_histogram_without_content_in_the_window_is_refused(release, tmp_path):
    (release / "brnPE.txt").write_text("".join(f"{pe + 0.5} 0\n" for pe in range(80)))
    refused(release, tmp_path, r"brnPE\.txt")


def test_falling_bin_centres_are_refused(release, tmp_path):
    for name in ("brnPE.txt", "ninPE.txt"):
        lines = (release / name).read_text().splitlines()
        (release / name).write_text("\n".join(reversed(lines)))
    refused(release, tmp_path, r"brnPE\.txt")


def test_uneven_bins_are_named_with_their_line(release, tmp_path):
    lines = (release / "brnPE.txt").read_text().splitlines()
    lines[50] = "50.9 1.0"
    (release / "brnPE.txt").write_text("\n".join(lines))
    refused(release, tmp_path, r"brnPE\.txt, line 51: bin centres do not rise")


@pytest.mark.parametrize("event", ["260 1.0", "10 6.5", "-1 2", "10 -0.1"])
def test_event_outside_the_range_is_refused(release, tmp_path, event):
    with (release / "dataBeamOnC.txt").open("a") as file:
        file.write(f"{event}\n")
    refused(release, tmp_path, r"dataBeamOnC\.txt: 1 event outside 0-250 PE, 0-6 us")


def test_shapes_in_different_bins_are_refused(release, tmp_path):
    (release / "ninPE.txt").write_text("".join(f"{pe + 0.5} 1\n" for pe in range(70)))
    refused(release, tmp_path, "have different bins")


@pytest.mark.parametrize(("kind", "lines"), [("PE", (0, 40)), ("PE", (3, 80)), ("Trec", (0, 500))])
def test_shapes_that_do_not_cover_the_window_are_refused(release, tmp_path, kind, lines):
    for path in (release / f"brn{kind}.txt", release / f"nin{kind}.txt"):
        kept = path.read_text().splitlines()[slice(*lines)]
        path.write_text("\n".join(kept))
    refused(release, tmp_path, rf"brn{kind}\.txt and nin{kind}\.txt .* must cover 0 to \d+, got")


def test_a_model_too_few_is_refused(release, tmp_path):
    (release / "effCoefficients.txt").write_text(COEFFICIENTS)
    refused(release, tmp_path, r"effCoefficients\.txt: expected 3 rows of coefficients, got 2")


@pytest.mark.parametrize("content", ["", "# only a comment\n"])
def test_an_empty_file_is_named(release, tmp_path, content):
    (release / "dataBeamOnAC.txt").write_text(content)
    refused(release, tmp_path, r"dataBeamOnAC\.txt holds no numbers")


def test_a_binary_file_is_named(release, tmp_path):
    (release / "brnPE.txt").write_bytes(b"\xff\xfe\x00\x81")
    refused(release, tmp_path, r"cannot read .*brnPE\.txt")


def test_unknown_folders_are_refused(tmp_path):
    refused(tmp_path / "nowhere", tmp_path, "release folder .*nowhere does not exist")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("nothing\n")
    refused(tmp_path / "other", tmp_path, "no known release in .*other")


def test_existing_tables_are_kept_unless_forced(release, tmp_path):
    tables = tmp_path / "tables"
    written = import_release(release, tables)
    before = {path.name: path.read_bytes() for path in written.iterdir()}
    (release / "dataBeamOnC.txt").write_text("20 1\n")
    with pytest.raises(InputError, match="exists; use --force"):
        import_release(release, tables)
    assert {path.name: path.read_bytes() for path in written.iterdir()} == before
    import_release(release, tables, force=True)
    assert "20,1,1,0" in rows(written / "counts.csv")


def test_a_failed_forced_import_keeps_the_old_tables(release, tmp_path):
    tables = tmp_path / "tables"
    written = import_release(release, tables)
    before = {path.name: path.read_bytes() for path in written.iterdir()}
    (release / "scintRespCoefficients.txt").write_text("1 2 3\n")
    with pytest.raises(InputError, match=r"scintRespCoefficients\.txt, line 1"):
        import_release(release, tables, force=True)
    assert {path.name: path.read_bytes() for path in written.iterdir()} == before
    assert [path.name for path in tables.iterdir()] == ["csi"]


def test_a_destination_that_cannot_be_written_is_named(release, tmp_path):
    (tmp_path / "tables").write_text("a file, not a folder")
    with pytest.raises(InputError, match=r"cannot write .*tables"):
        import_release(release, tmp_path / "tables")
