"""Folders of results: made whole or not at all, and read again."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from cevns_bayes.errors import InputError
from cevns_bayes.scan import Profile

REPORT_FILE = "report.html"
POSTERIOR_FILE = "posterior.nc"


@contextmanager
def new_folder(path: Path, *, force: bool) -> Iterator[Path]:
    """A folder that appears at ``path`` only when the block has ended well.

    Raises
    ------
    InputError
        If ``path`` exists (with ``force``: if it is not the folder of an earlier report), or
        cannot be written.
    """
    if path.exists():
        if not force:
            raise InputError(f"output folder {path} exists; use --force to replace it")
        if not (path / REPORT_FILE).is_file():
            raise InputError(f"{path} is not a results folder; --force will not replace it")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    except OSError as error:
        raise InputError(f"cannot write to {path.parent}: {error.strerror}") from error
    try:
        staging.chmod(0o755)
        yield staging
        if path.exists():
            shutil.rmtree(path)
        staging.rename(path)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def write_posterior(posterior: xr.DataTree, folder: Path) -> None:
    """Write the posterior into an existing folder."""
    posterior.to_netcdf(folder / POSTERIOR_FILE, encoding=_compression(posterior))


def write_profile(profile: Profile, folder: Path) -> None:
    """Write the curves and surfaces of a profile likelihood as CSV into an existing folder."""
    for name, curve in profile.curves.items():
        _write_csv(folder, [name], np.column_stack([curve.values, curve.delta_chi2]))
    for names, surface in profile.surfaces.items():
        x, y = np.meshgrid(surface.x, surface.y, indexing="ij")
        columns = np.column_stack([x.ravel(), y.ravel(), surface.delta_chi2.ravel()])
        _write_csv(folder, list(names), columns)


def _write_csv(folder: Path, names: list[str], columns: np.ndarray) -> None:
    path = folder / f"profile_{'_'.join(names).replace('::', '_')}.csv"
    header = ",".join([*names, "delta_chi2"])
    np.savetxt(path, columns, fmt="%.8g", delimiter=",", header=header, comments="")


def load_posterior(folder: Path) -> xr.DataTree:
    """The posterior in a folder of results.

    Raises
    ------
    InputError
        If there is none, or it cannot be read.
    """
    path = folder / POSTERIOR_FILE
    if not path.is_file():
        raise InputError(f"{folder} is not a results folder: it has no {POSTERIOR_FILE}")
    try:
        return xr.load_datatree(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is damaged or not a netCDF file") from error


def _compression(tree: xr.DataTree) -> dict[str, dict[str, Any]]:
    """Arrays per draw and bin in single precision and compressed: a quarter of the size."""
    return {
        f"/{group}": {
            str(name): {"zlib": True, "complevel": 1}
            | ({"dtype": "float32"} if values.dtype == np.float64 else {})
            for name, values in tree[group].data_vars.items()
            if values.ndim > 2 and "draw" in values.dims
        }
        for group in tree.children
    }
