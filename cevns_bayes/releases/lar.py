"""COHERENT CENNS-10 liquid-argon 2020 release, Analysis A (arXiv:2006.12659)."""

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from cevns_bayes.errors import InputError
from cevns_bayes.releases.text import csv_text, read_columns, source_text

# Column of our table -> file of the release, events per bin of energy x F90 x time.
TEMPLATES = {
    "observed": "datanobkgsub.txt",
    "cevns": "cevnspdf.txt",
    "brn_prompt": "brnpdf.txt",
    "brn_delayed": "delbrnpdf.txt",
    "ssb": "bkgpdf.txt",
    "cevns_f90_down": "cevnspdf-1sigF90.txt",
    "cevns_f90_up": "cevnspdf+1sigF90.txt",
    "cevns_time_up": "cevnspdfCEvNSTimingMeanSyst.txt",
    "brn_energy_down": "brnpdf-1sigEnergy.txt",
    "brn_energy_up": "brnpdf+1sigEnergy.txt",
    "brn_time_down": "brnpdf-1sigBRNTimingMean.txt",
    "brn_time_up": "brnpdf+1sigBRNTimingMean.txt",
    "brn_width_up": "brnpdfBRNTimingWidthSyst.txt",
}
_EFFICIENCY, _PARAMETERS_FILE = "CENNS10AnlAEfficiency.txt", "LArParametersAnlA.yaml"
FILES = (*TEMPLATES.values(), _EFFICIENCY, _PARAMETERS_FILE)

ENERGY_KEVEE = 5.0 + 10.0 * np.arange(12)
F90 = 0.525 + 0.05 * np.arange(8)
TIME_US = 0.15 + 0.5 * np.arange(10)
EFFICIENCY_KEVEE = 0.25 + 0.5 * np.arange(80)

_REFERENCE = "COHERENT Collaboration, arXiv:2006.12659, Analysis A of arXiv:2003.10630"

_PARAMETERS = """\
# {reference}
# From LArParametersAnlA.yaml, except protons_on_target and molar_mass_g_per_mol.

[exposure]
detector_mass_kg = {mass}
molar_mass_g_per_mol = 39.9624 # Ar-40
distance_m = {distance}
protons_on_target = 1.37e23 # arXiv:2003.10630; LArParametersAnlA.yaml has {pot}e22
neutrinos_per_flavour_per_proton = {neutrinos}

[quenching] # E_ee = E (constant + slope_per_kev E), E in keV
constant = {quenching[0]}
slope_per_kev = {quenching[1]}

[resolution] # sigma = scale sqrt(E_ee), in keVee
scale = {resolution}

[pulse] # Gaussian protons on target
onset_us = {pulse[0]}
width_us = {pulse[1]}

[relative_uncertainty] # 1 sigma of the predicted events of each component
cevns = {cevns}
brn_prompt = {brn_prompt}
brn_delayed = {brn_delayed}
ssb = {ssb}
"""


def tables(folder: Path) -> dict[str, str]:
    """Text of every table, file name -> contents, from a complete release folder."""
    return {
        "bins.csv": _bins(folder),
        "efficiency.csv": _efficiency(folder),
        "parameters.toml": _parameters(folder),
        "source.toml": source_text(
            folder,
            FILES,
            reference=_REFERENCE,
            released="2020-06",
            what_was_done="The templates side by side as they are, one row per bin; efficiency\n"
            "without its column of recoil energies; parameters copied.",
        ),
    }


def _bins(folder: Path) -> str:
    centres = np.meshgrid(ENERGY_KEVEE, F90, TIME_US, indexing="ij")
    grid = np.column_stack([axis.ravel() for axis in centres])
    contents = {name: _template(folder / file, grid) for name, file in TEMPLATES.items()}
    _check_counts(folder / TEMPLATES["observed"], contents["observed"])
    comment = (
        f"{_REFERENCE}\n"
        "Events per bin of energy [keVee] x F90 x time [us], bin centres given.\n"
        "observed: data; _up and _down: the +1 and -1 sigma versions of a template."
    )
    return csv_text(
        comment, ["energy_kevee", "f90", "time_us", *contents], [*grid.T, *contents.values()]
    )


def _template(path: Path, grid: np.ndarray) -> np.ndarray:
    rows = read_columns(path, 4)
    if len(rows) != len(grid) or not np.allclose(rows[:, :3], grid):
        raise InputError(f"{path}: expected the {len(grid)} bins of the release in their order")
    negative = np.flatnonzero(rows[:, 3] < 0)
    if negative.size:
        raise InputError(f"{path}, row {negative[0] + 1}: negative content {rows[negative[0], 3]}")
    return rows[:, 3]


def _check_counts(path: Path, counts: np.ndarray) -> None:
    broken = np.flatnonzero(counts != np.round(counts))
    if broken.size:
        row, content = broken[0] + 1, counts[broken[0]]
        raise InputError(f"{path}, row {row}: counts must be non-negative integers, got {content}")


def _efficiency(folder: Path) -> str:
    path = folder / _EFFICIENCY
    energy, _, efficiency = read_columns(path, 3).T
    if len(energy) != len(EFFICIENCY_KEVEE) or not np.allclose(energy, EFFICIENCY_KEVEE):
        raise InputError(
            f"{path}: expected the {len(EFFICIENCY_KEVEE)} energies of the release from "
            f"{EFFICIENCY_KEVEE[0]} to {EFFICIENCY_KEVEE[-1]} keVee in steps of 0.5, "
            f"got {len(energy)} from {energy[0]} to {energy[-1]}"
        )
    wrong = np.flatnonzero((efficiency < 0) | (efficiency > 1))
    if wrong.size:
        row, value = wrong[0] + 1, efficiency[wrong[0]]
        raise InputError(f"{path}, row {row}: an efficiency is between 0 and 1, got {value}")
    comment = f"{_REFERENCE}\nEfficiency against reconstructed energy; flat beyond the last row."
    return csv_text(comment, ["energy_kevee", "efficiency"], [energy, efficiency])


def _parameters(folder: Path) -> str:
    path = folder / _PARAMETERS_FILE
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
        return _PARAMETERS.format(reference=_REFERENCE, **_named(given))
    except (yaml.YAMLError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not the parameter file of the release: {error}") from error


def _named(given: dict[str, Any]) -> dict[str, Any]:
    def values(name: str) -> list[float]:
        return [parameter["value"] for parameter in given[name]["parameters"]]

    def relative_uncertainty(name: str) -> float:
        entry = given[f"{name}PredictionNormalization"]
        return round(entry["uncertainty"] / entry["value"], 6)

    return {
        "mass": given["fiducialMass"]["value"],
        "distance": given["distanceToTarget"]["value"],
        "pot": given["beamExposure"]["value"],
        "neutrinos": given["neutrinosPerProton"]["value"],
        "quenching": values("larQF"),
        "resolution": values("energyResolution")[0],
        "pulse": [value / 1000 for value in values("snsPOTTraceTiming")],
        "cevns": relative_uncertainty("cevns"),
        "brn_prompt": relative_uncertainty("promptBeamRelatedNeutron"),
        "brn_delayed": relative_uncertainty("delayedBeamRelatedNeutron"),
        "ssb": relative_uncertainty("ssBackground"),
    }
