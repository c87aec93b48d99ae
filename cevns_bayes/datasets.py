"""The only reader of the data tables that ship with the package (``cevns_bayes.data``)."""

import csv
import math
import tomllib
from dataclasses import dataclass
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


def published_chi2(scenario: str, data: str) -> float | None:
    """Published best-fit chi^2 of a scenario on a data set; None where there is none."""
    header, *body = _rows(data_folder() / "published" / "chi2.csv")
    for row in body:
        entry = dict(zip(header, row, strict=True))
        if (entry["scenario"], entry["data"]) == (scenario, data):
            return float(entry["chi2"])
    return None


@dataclass(frozen=True)
class Bound:
    """A published interval of one parameter, or one of several disjoint ones.

    Attributes
    ----------
    parameter
        Name of the parameter of interest, ``"csi::r_n"`` where experiments have their own.
    level
        Confidence level, between 0 and 1.
    low, high
        Ends in ``unit``; -inf or inf where the bound is one-sided.
    unit
        Unit of the parameter, empty where it has none.
    source
        arXiv number and place, with what differs from our analysis.
    """

    parameter: str
    level: float
    low: float
    high: float
    unit: str
    source: str


def published_bounds(scenario: str, data: str) -> list[Bound]:
    """Published frequentist intervals of a scenario on a data set; empty where there are none.

    Parameters
    ----------
    scenario
        Name of the scenario.
    data
        ``"csi"``, ``"lar"`` or ``"csi+lar"``.

    Returns
    -------
    list[Bound]
        In the order of the file; several of one parameter and level are disjoint parts of one
        region.
    """
    path = data_folder() / "published" / "bounds.csv"
    header, *body = _rows(path)
    try:
        entries = [dict(zip(header, row, strict=True)) for row in body]
        return [_bound(e) for e in entries if (e["scenario"], e["data"]) == (scenario, data)]
    except ValueError as error:
        raise InputError(f"data table {path} is corrupt: {error}") from error


def _bound(entry: dict[str, str]) -> Bound:
    level = float(entry["level"])
    low = float(entry["low"] or -math.inf)
    high = float(entry["high"] or math.inf)
    if not (0 < level < 1 and low < high):
        raise ValueError(f"level {level}, interval [{low}, {high}] of {entry['parameter']}")
    return Bound(entry["parameter"], level, low, high, entry["unit"], entry["source"])


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
