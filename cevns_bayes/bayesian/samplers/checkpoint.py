"""A folder from which a long run goes on where an earlier one was stopped."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xarray as xr

from cevns_bayes.errors import InputError

IDENTITY_FILE = "identity.json"


@dataclass(frozen=True)
class Checkpoint:
    """Finished parts of a run, in a folder; see :func:`open_checkpoint`."""

    folder: Path

    def load_or_compute(self, name: str, compute: Callable[[], xr.DataTree]) -> xr.DataTree:
        """The part ``name`` if the folder has it, else computed and kept there."""
        path = self.folder / f"{name}.nc"
        if path.is_file():
            try:
                return xr.load_datatree(path)
            except (OSError, ValueError) as error:
                raise InputError(f"{path} is damaged or not a netCDF file; remove it") from error
        part = compute()
        unfinished = path.with_suffix(".part")
        unfinished.write_bytes(part.to_netcdf())  # HDF5 itself crashes on a full disk.
        unfinished.replace(path)
        return part


def open_checkpoint(folder: Path, identity: Mapping[str, Any]) -> Checkpoint:
    """Begin a checkpoint, or make sure that an existing one is of the same run.

    Parameters
    ----------
    identity
        What has to be equal for two runs to have one result: settings, data, priors, versions.

    Raises
    ------
    InputError
        The folder holds something else or the checkpoint of another run, or cannot be written.
    """
    path, text = folder / IDENTITY_FILE, json.dumps(identity, indent=2, sort_keys=True)
    try:
        if path.is_file():
            _check_same(folder, json.loads(path.read_text(encoding="utf-8")), json.loads(text))
        elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(f"{folder} exists and is not a checkpoint")
        else:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror}") from error
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise InputError(f"{path} is corrupt; remove {folder}") from None
    return Checkpoint(folder)


def _check_same(folder: Path, stored: Any, wanted: dict[str, Any]) -> None:
    if stored != wanted:
        stored = stored if isinstance(stored, dict) else {}
        different = [key for key in wanted if stored.get(key) != wanted[key]]
        raise InputError(
            f"{folder} is the checkpoint of another run, with other {', '.join(different)}; "
            "name another folder or remove it"
        )
