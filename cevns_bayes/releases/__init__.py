"""Importers of official data releases: a folder of release files in, our tables out."""

import shutil
import tempfile
from pathlib import Path

from cevns_bayes.errors import InputError
from cevns_bayes.releases import csi, csi_2017, dresden_ii, lar, reactor

_RELEASES = {
    "csi": csi,
    "lar": lar,
    "csi-2017": csi_2017,
    "dresden-ii": dresden_ii,
    "reactor": reactor,
}


def import_release(folder: Path, destination: Path, *, force: bool = False) -> Path:
    """Read a release folder, validate it, and write its tables.

    Parameters
    ----------
    folder
        An official release folder; which one it is, its file names tell.
    destination
        Where the sub-folder of the release, e.g. ``csi``, is written.
    force
        Replace tables that exist.

    Returns
    -------
    The folder written.

    Raises
    ------
    InputError
        No release recognised, a file missing or malformed (file and line are named), or tables
        that exist. Nothing is left half-written.
    """
    name = _recognise(folder)
    target = destination / name
    if target.exists() and not force:
        raise InputError(f"{target} exists; use --force to replace its tables")
    tables = _RELEASES[name].tables(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=destination) as scratch:
            for file_name, text in tables.items():
                (Path(scratch) / file_name).write_text(text, encoding="utf-8")
            for file_name in tables:
                shutil.move(Path(scratch) / file_name, target / file_name)
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror}") from error
    return target


def _recognise(folder: Path) -> str:
    if not folder.is_dir():
        raise InputError(f"release folder {folder} does not exist")
    present = {path.name for path in folder.iterdir()}
    for name, release in _RELEASES.items():
        if present & set(release.FILES):
            missing = sorted(set(release.FILES) - present)
            if missing:
                raise InputError(f"{name} release {folder} lacks {', '.join(missing)}")
            return name
    known = "; ".join(f"{name}: {', '.join(r.FILES)}" for name, r in _RELEASES.items())
    raise InputError(f"no known release in {folder}; a release holds the files of {known}")
