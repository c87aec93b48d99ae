"""Curves, regions and limits of a folder of results as a HEPData submission.

The format is that of https://hepdata-submission.readthedocs.io: ``submission.yaml`` names the
tables, each of which is a YAML file of independent and dependent variables.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from cevns_bayes.errors import InputError
from cevns_bayes.report.folder import new_folder

SUBMISSION_FILE = "submission.yaml"
DEPENDENT = re.compile(r"delta_chi2|upper_limit|excluded_(low|high)_\d+")
MISSING = "-"
KEYWORDS = {"reactions": ["NU NUCLEUS --> NU NUCLEUS"], "phrases": ["CEvNS", "Neutrino"]}


@dataclass(frozen=True)
class _File:
    """A CSV file with what stands at its head."""

    name: str
    title: str
    about: Mapping[str, str]
    columns: pd.DataFrame

    @property
    def dependent(self) -> list[str]:
        """Columns that are results; of a border the last one, a coordinate."""
        names = [*self.columns]
        return [name for name in names if DEPENDENT.fullmatch(name)] or names[-1:]

    @property
    def units(self) -> dict[str, str]:
        """Column -> unit; limits have that of what they are on."""
        units = dict(re.findall(r"(\S+) \[(.+?)\]", self.about.get("units", "")))
        limited = re.search(r"limit on (\S+) at", self.title)
        unit = units.get(limited[1], "") if limited else ""
        return units | {name: unit for name in self.dependent if unit}


def write_hepdata(folder: str | Path, output: str | Path) -> list[str]:
    """Write the curves, regions and limits of a folder of results as a HEPData submission.

    Parameters
    ----------
    folder
        Written by `run`, `profile` or :func:`cevns_bayes.write_report`: of its CSV files those
        whose head says what they are of.
    output
        New folder, to be zipped and uploaded.

    Returns
    -------
    list of str
        Names of the tables.

    Raises
    ------
    InputError
        A folder without such files, or an ``output`` that exists.

    Examples
    --------
    >>> cb.write_hepdata("results/nsi-ee-ud-csi", "submission")  # doctest: +SKIP
    """
    files = [file for path in sorted(Path(folder).glob("*.csv")) if (file := _read(path))]
    if not files:
        raise InputError(f"{folder} holds no CSV files of curves, regions or limits")
    with new_folder(Path(output), force=False) as staging:
        for file in files:
            _dump(staging / f"{file.name}.yaml", [_table(file)])
        _dump(staging / SUBMISSION_FILE, [_comment(files), *map(_entry, files)])
    return [file.name for file in files]


def _read(path: Path) -> _File | None:
    """None where the file does not say what it is of."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: it is not a text file") from error
    head = [line.removeprefix("#").strip() for line in lines if line.startswith("#")]
    if not head:
        return None
    about = dict(line.split(": ", 1) for line in head[1:] if ": " in line)
    return _File(path.stem, head[0], about, pd.read_csv(path, comment="#"))


def _table(file: _File) -> dict[str, Any]:
    qualifiers = [{"name": k, "value": v} for k, v in file.about.items() if k != "units"]
    variables: dict[str, list[Any]] = {"independent_variables": [], "dependent_variables": []}
    for name, column in file.columns.items():
        header = {"name": str(name)}
        if unit := file.units.get(str(name)):
            header["units"] = unit
        values = [{"value": MISSING if pd.isna(x) else float(x)} for x in column]
        variable: dict[str, Any] = {"header": header, "values": values}
        if name in file.dependent:
            variables["dependent_variables"].append(variable | {"qualifiers": qualifiers})
        else:
            variables["independent_variables"].append(variable)
    return variables


def _comment(files: Sequence[_File]) -> dict[str, Any]:
    about = files[0].about
    words = ", ".join(f"{key} {about[key]}" for key in ("scenario", "data") if key in about)
    return {"comment": f"Coherent elastic neutrino-nucleus scattering: {words}. By cevns-bayes."}


def _entry(file: _File) -> dict[str, Any]:
    keywords = KEYWORDS | {"observables": ["DELTA CHI2" if "profile" in file.name else "LIMIT"]}
    return {
        "name": file.name,
        "description": f"{file.title[0].upper()}{file.title[1:]}.",
        "keywords": [{"name": name, "values": values} for name, values in keywords.items()],
        "data_file": f"{file.name}.yaml",
    }


def _dump(path: Path, documents: Sequence[Mapping[str, Any]]) -> None:
    text = yaml.dump_all(documents, Dumper=_Plain, sort_keys=False, allow_unicode=True)
    path.write_text(text, encoding="utf-8")


class _Plain(yaml.SafeDumper):
    """Without references to what has been written before, which HEPData does not resolve."""

    def ignore_aliases(self, data: Any) -> bool:
        return True
