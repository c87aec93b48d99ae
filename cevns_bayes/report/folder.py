"""Folders of results: made whole or not at all, and read again."""

import os
import re
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr

from cevns_bayes.errors import InputError

REPORT_FILE = "report.html"
POSTERIOR_FILE = "posterior.nc"
ARCHIVE_FILE = "analysis.nc"
OLD = "old"  # at the end of the hidden name of a folder that is replaced
THINNED = ("expected", "posterior_predictive")
MAX_NUMBERS = 500_000  # of one array; of more, fewer draws or digits are kept:
RESOLUTION = 1 / 64  # of the log-likelihood of a bin, in units of its standard deviation.
NOISE = 1e-9  # of a log-likelihood that does not vary


@contextmanager
def new_folder(path: Path, *, force: bool) -> Iterator[Path]:
    """A folder that appears at ``path`` only when the block has ended well.

    If the block fails when it has already written a posterior, which may have taken hours, that
    is kept in ``<path>-unfinished``, and a note of the exception says so. What earlier calls left
    beside ``path`` because they were killed is treated likewise.

    Raises
    ------
    InputError
        If ``path`` exists and is not empty (with ``force``: if it is not the folder of an earlier
        report), or cannot be written; if another run on this machine is about to write it, or it
        has appeared meanwhile.
    """
    refuse_occupied(path, force=force)
    path = path.resolve() if path.is_symlink() else path  # The link stays.
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for left in _left_by_the_dead(path):
            _abandon(left, path)
        staging = Path(tempfile.mkdtemp(prefix=_staging_prefix(path), dir=path.parent))
    except OSError as error:
        raise InputError(f"cannot write to {path.parent}: {error.strerror}") from error
    try:
        _refuse_rivals(path)
        staging.chmod(0o755)
        yield staging
        _move(staging, path, force=force)
    except BaseException as error:
        if kept := _abandon(staging, path):
            error.add_note(f"the posterior is kept in {kept}, for --posterior")
        raise


def refuse_occupied(path: Path, *, force: bool) -> None:
    """The errors of :func:`new_folder` for a path that is taken, before any work."""
    if is_free(path):
        return
    if not force:
        raise InputError(f"output folder {path} exists; use --force to replace it")
    if not (path / REPORT_FILE).is_file():
        raise InputError(f"{path} is not a results folder; --force will not replace it")


def is_free(path: Path) -> bool:
    """Whether there is nothing, or an empty folder that may be replaced by another."""
    if not path.exists():
        return True
    in_use = path.is_mount() or path.resolve() == Path.cwd()
    return path.is_dir() and not in_use and not any(path.iterdir())


def _staging_prefix(path: Path, owner: int | str | None = None) -> str:
    """A hidden name that tells machine and process of the owner."""
    return f".{path.name}-{socket.gethostname()}-{owner or os.getpid()}-"


def _refuse_rivals(path: Path) -> None:
    """Raise InputError if another living process has a staging folder for the same path."""
    for _, owner in _staged(path):
        if _is_rival(owner):
            raise InputError(f"another run, process {owner}, is writing to {path}")


def _left_by_the_dead(path: Path) -> list[Path]:
    """Staging folders for ``path`` whose owners were killed on this machine."""
    return [folder for folder, owner in _staged(path) if not _is_rival(owner)]


def _staged(path: Path) -> list[tuple[Path, int]]:
    """Staging folders for ``path`` on this machine, with their owners."""
    before, after = (re.escape(part) for part in _staging_prefix(path, "OWNER").split("OWNER"))
    name = re.compile(rf"{before}(\d+){after}\w+")
    found = [(folder, name.fullmatch(folder.name)) for folder in path.parent.iterdir()]
    return [(folder, int(match[1])) for folder, match in found if match]


def _is_rival(process: int) -> bool:
    """Whether a process lives and is not this one, whose number a dead one may have had."""
    if process == os.getpid():
        return False
    if os.name != "posix":  # signal 0 is no question elsewhere
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # of another user
        return True
    return True


def _abandon(staging: Path, path: Path) -> Path | None:
    """Remove a staging folder, but for the posterior, if it has a new one: where that is then."""
    kept = None
    if (staging / POSTERIOR_FILE).is_file() and not staging.name.endswith(f"-{OLD}"):
        kept = _unfinished(path)
        kept.mkdir()
        (staging / POSTERIOR_FILE).rename(kept / POSTERIOR_FILE)
    shutil.rmtree(staging, ignore_errors=True)
    return kept


def _move(staging: Path, path: Path, *, force: bool) -> None:
    if not (force or is_free(path)):
        raise InputError(f"{path} has appeared meanwhile and is not replaced without --force")
    try:
        if force and path.exists():
            _exchange(staging, path)
        else:
            if path.exists():
                path.rmdir()
            staging.rename(path)
    except OSError as error:  # another run was a moment faster
        raise InputError(f"cannot write {path}: {error.strerror}") from error


def _exchange(staging: Path, path: Path) -> None:
    """Put the new folder in the place of the old one, which stays there if that fails."""
    old = path.with_name(f"{_staging_prefix(path)}{OLD}")
    try:
        path.rename(old)
        staging.rename(path)
    finally:
        if not path.exists():
            old.rename(path)
        shutil.rmtree(old, ignore_errors=True)


def _unfinished(path: Path) -> Path:
    """A name for what is kept, with a number if there is such a folder already."""
    candidate, number = path.with_name(f"{path.name}-unfinished"), 1
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.name}-unfinished-{number}")
    return candidate


def write_posterior(posterior: xr.DataTree, folder: Path) -> None:
    """Write the posterior into an existing folder."""
    stored = _stored(posterior)
    write_netcdf(stored, folder / POSTERIOR_FILE, encoding=_compression(stored))


def write_netcdf(tree: xr.DataTree, path: Path, **options: Any) -> None:
    """Write a file under its name only when it is whole; of what fails, nothing stays.

    It is made in memory, because HDF5 crashes on a full disk.
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        partial.write_bytes(tree.to_netcdf(**options))
        partial.rename(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def load_posterior(folder: str | Path) -> xr.DataTree:
    """The posterior in a folder of results.

    Raises
    ------
    InputError
        If there is none, or it cannot be read.

    Examples
    --------
    >>> posterior = cb.load_posterior("results/sm-csi")  # doctest: +SKIP
    >>> analysis = cb.analyse("sm", data=["csi"], posterior=posterior)  # doctest: +SKIP
    """
    return _read(folder, xr.load_datatree)


def check_files(folder: Path, *names: str) -> None:
    """Raise InputError for a folder that lacks one of these files."""
    for name in names:
        if not (folder / name).is_file():
            raise InputError(f"{folder} is not a results folder: it has no {name}")


def open_posterior(folder: str | Path) -> xr.DataTree:
    """A context, the posterior in a folder of results, read as far as it is used; errors alike."""
    return _read(folder, xr.open_datatree)


def _read(folder: str | Path, reader: Callable[[Path], xr.DataTree]) -> xr.DataTree:
    path = Path(folder) / POSTERIOR_FILE
    check_files(Path(folder), POSTERIOR_FILE)
    return read_netcdf(path, reader)


def read_netcdf(path: Path, reader: Callable[[Path], xr.DataTree]) -> xr.DataTree:
    """A file as a DataTree; whatever its readers say of a damaged one is an InputError."""
    try:
        with h5py.File(path):  # h5netcdf would be noisy about what is no such file.
            return reader(path)
    except Exception as error:
        raise InputError(f"{path} is damaged or not a netCDF file") from error


def _stored(tree: xr.DataTree) -> xr.DataTree:
    """The posterior as it is written: what there are too many numbers of is kept more coarsely.

    Of expected and replicated counts every so many draws are enough for bands; comparisons need
    the log-likelihood at all draws, but not all of its digits.
    """
    groups = {name: of.to_dataset() for name, of in tree.children.items()}
    for name in THINNED:
        if name in groups and "draw" in groups[name].dims:
            step = -(-_largest(groups[name]) // MAX_NUMBERS)
            groups[name] = groups[name].isel(draw=slice(None, None, step))
    densities = groups.get("log_likelihood")
    if densities is not None and _largest(densities) > MAX_NUMBERS:
        width = densities.std(("chain", "draw")) * RESOLUTION
        unit = 2.0 ** np.floor(np.log2(width.clip(min=NOISE)))
        groups["log_likelihood"] = (densities / unit).round() * unit
    stored = xr.DataTree.from_dict(groups)
    stored.attrs = tree.attrs
    return stored


def _largest(group: xr.Dataset) -> int:
    return max((of.size for of in group.data_vars.values()), default=0)


def _compression(tree: xr.DataTree) -> dict[str, dict[str, Any]]:
    """Arrays per draw and bin in single precision and compressed, the draws of a bin together."""
    return {
        f"/{group}": {
            str(name): _packed(values)
            for name, values in tree[group].data_vars.items()
            if values.ndim > 2 or group == "marginal"
        }
        for group in tree.children
    }


def _packed(values: xr.DataArray) -> dict[str, Any]:
    packed: dict[str, Any] = {"zlib": True, "shuffle": True, "complevel": 4}
    if values.dims[:2] == ("chain", "draw"):
        packed["chunksizes"] = (1, values.sizes["draw"], *[1] * (values.ndim - 2))
    return packed | {"dtype": "float32" if values.dtype == np.float64 else values.dtype.name}
