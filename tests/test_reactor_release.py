"""The importer of reactor spectra; files of the published form are made from the tables."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

from cevns_bayes.datasets import read_table
from cevns_bayes.errors import InputError
from cevns_bayes.releases import import_release

COMMITTED = Path(__file__).parents[1] / "data" / "reactor"
TABLES = ["bestiole.csv", "huber_mueller.csv", "parameters.toml", "source.toml"]
ISOTOPES = ("U235", "U238", "Pu239", "Pu241")


@pytest.fixture
def release(tmp_path):
    folder = tmp_path / "release"
    folder.mkdir()
    bestiole, huber = read_table("reactor", "bestiole"), read_table("reactor", "huber_mueller")
    energy = huber["energy_mev"]
    tables, below = (energy >= 2) & (energy <= 8), energy < 2
    for name in (*ISOTOPES, "U239", "Np239"):
        kept = bestiole[name] > 0
        rows = zip(bestiole["energy_mev"][kept], bestiole[name][kept], strict=True)
        text = "#Data\n" + "\n".join(f"{e!s}, {d!s}" for e, d in rows)
        (folder / f"bestiole_{name.lower()}.txt").write_text(text)
    for name in ("U235", "Pu239", "Pu241"):
        rows = zip(energy[tables], huber[name][tables], strict=True)
        text = "# Reactor\n#\n" + "\n".join("\t".join([f"{e}", f"{d}", *12 * "0"]) for e, d in rows)
        (folder / f"{name}-anti-neutrino-flux-250keV.dat").write_text(text)
    rows = [(1.75, 1.69), *zip(energy[tables], huber["U238"][tables], strict=True), (8.25, 0.002)]
    (folder / "mueller_u238.txt").write_text("\n".join(f"{e},{d}" for e, d in rows) + "\n")
    falling = np.flatnonzero(below)[::-1]
    lines = [f"E(MeV) 2.0 {' '.join(map(str, energy[falling]))}", "Cf252" + 11 * " 1.0"]
    for name, row in zip(ISOTOPES, ("U235", "U238", "P239", "P241"), strict=True):
        lines.append(f"{row} 1.26 {' '.join(map(str, huber[name][falling]))}")
    (folder / "vogel_engel_new_table.txt").write_text("\n".join(lines) + "\n")
    return folder


def refused(release, tmp_path, message):
    """The import fails with the message, in one line, and leaves nothing behind."""
    tables = tmp_path / "tables"
    with pytest.raises(InputError, match=message) as error:
        import_release(release, tables)
    assert "\n" not in str(error.value)
    assert not tables.exists()


def test_published_files_give_the_committed_tables_byte_for_byte(reactor_flux_files, tmp_path):
    written = import_release(reactor_flux_files, tmp_path)
    assert written == tmp_path / "reactor"
    assert sorted(path.name for path in written.iterdir()) == TABLES
    assert sorted(path.name for path in COMMITTED.iterdir()) == TABLES
    for name in TABLES:
        assert (written / name).read_bytes() == (COMMITTED / name).read_bytes(), name


def test_files_of_the_same_form_give_the_same_tables(release, tmp_path):
    """What is outside of 2 to 8 MeV in Mueller's file, and at 2 MeV in the oldest, is not read."""
    written = import_release(release, tmp_path / "tables")
    for name in ("bestiole.csv", "huber_mueller.csv", "parameters.toml"):
        assert (written / name).read_text() == (COMMITTED / name).read_text()
    source = tomllib.loads((written / "source.toml").read_text())
    assert sorted(source["sha256"]) == sorted(path.name for path in release.iterdir())


def test_the_continuation_is_that_of_the_papers():
    table = read_table("reactor", "huber_mueller")
    energy = table["energy_mev"]
    assert energy[energy > 8].tolist() == [8.25, 8.5, 8.75, 9, 9.25, 9.5, 9.75, 10]
    # exp(4.367 - 4.577 E + 2.100 E^2 - 0.5294 E^3 + 0.06186 E^4 - 0.002777 E^5) at 9 MeV
    exponent = 4.367 - 41.193 + 170.1 - 385.9326 + 405.86346 - 163.979073
    assert table["U235"][energy == 9] == pytest.approx(np.exp(exponent), rel=1e-6)
    for name in ISOTOPES:
        assert (np.diff(table[name][energy > 8]) < 0).all()


def replaced(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("bestiole_u235.txt", "0.0375,", "0.0376,", "expected energies from 0.0125 MeV in steps"),
        ("bestiole_u235.txt", "0.0375, 1", "0.0375, -1", r"negative density -1\.\d+ at 0\.0375"),
        ("bestiole_u239.txt", "0.0375,", "0.0375;", r"bestiole_u239\.txt, line 3: expected 2 fin"),
        ("bestiole_np239.txt", "0.0125,", "nan,", r"bestiole_np239\.txt, line 2: expected 2 fin"),
        ("mueller_u238.txt", "2.0,1.48\n", "", "mueller_u238.txt: expected the 25 energies from 2"),
        ("mueller_u238.txt", "2.25,", "2.26,", "mueller_u238.txt: expected the 25 energies from 2"),
        ("U235-anti-neutrino-flux-250keV.dat", "\t0\t", "\t", "line 3: expected 14 finite numbers"),
        ("Pu239-anti-neutrino-flux-250keV.dat", "2.0\t1", "2.0\t-1", "negative density -1.08367"),
        ("vogel_engel_new_table.txt", "P239", "Pu239", "table.txt lacks the rows P239"),
        ("vogel_engel_new_table.txt", "E(MeV)", "E", r"table.txt lacks the rows E\(MeV\)"),
        ("vogel_engel_new_table.txt", " 1.5 1.0 ", " 1.0 1.5 ", "must be positive and decrease"),
        (
            "vogel_engel_new_table.txt",
            "2.0 ",
            "",
            r"table\.txt, line 1: expected 11 finite numbers",
        ),
        ("vogel_engel_new_table.txt", "2.41", "-2.41", r"negative density -2\.41 at 1 MeV"),
    ],
)
def test_corrupt_files_are_named(release, tmp_path, file, old, new, said):
    replaced(release / file, old, new)
    refused(release, tmp_path, said)


def test_a_longer_table_is_refused(release, tmp_path):
    with (release / "bestiole_u235.txt").open("a") as file:
        file.write("\n12.5125, 1e-7\n")
    refused(release, tmp_path, r"bestiole_u235\.txt: expected energies .* up to 12\.4875 at most")


def test_a_missing_file_is_named(release, tmp_path):
    (release / "bestiole_np239.txt").unlink()
    refused(release, tmp_path, r"reactor release .* lacks bestiole_np239\.txt")
