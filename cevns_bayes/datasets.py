"""The only reader of the data tables that ship with the package (``cevns_bayes.data``)."""

import csv
import tomllib
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import numpy as np

from cevns_bayes.errors import InputError


def data_folder() -> Traversable:
    """Folder of the installed tables, one sub-folder per experiment."""
    return files("cevns_bayes.data")


def read_table(folder: str, name: str) -> dict[str, np.ndarray]:
    """Columns of ``<folder>/<name>.csv``: column name -> array of floats, shape (rows,)."""
    path = data_folder() / folder / f"{name}.csv"
    header, *body = _rows(path)
    try:
        columns = np.array([[float(cell) for cell in row] for row in body]).T
        return dict(zip(header, columns, strict=True))
    except ValueError as error:
        raise InputError(f"data table {path} is corrupt: {error}") from error


def read_entries(folder: str, name: str) -> list[dict[str, str]]:
    """Rows of ``<folder>/<name>.csv`` as they are written: column name -> text."""
    path = data_folder() / folder / f"{name}.csv"
    header, *body = _rows(path)
    try:
        return [dict(zip(header, row, strict=True)) for row in body]
    except ValueError as error:
        raise InputError(f"data table {path} is corrupt: {error}") from error


def _rows(path: Traversable) -> list[list[str]]:
    return list(csv.reader(line for line in _text(path).splitlines() if not line.startswith("#")))


def read_toml(folder: str, name: str) -> dict[str, Any]:
    """Contents of ``<folder>/<name>.toml``."""
    path = data_folder() / folder / f"{name}.toml"
    try:
        return tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"data file {path} is corrupt: {error}") from error


def _text(path: Traversable) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"data file {path} is missing; rebuild it with 'data import'") from None
