"""COHERENT CsI[Na] 2017, the first observation: the release arXiv:1804.09459."""

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from cevns_bayes.errors import InputError
from cevns_bayes.releases.text import csv_text, read_columns, source_text

# Column of our table -> file of the release.
COUNTS = {
    "coincident": "data_coincidence_beamOn.txt",
    "anticoincident": "data_anticoincidence_beamOn.txt",
}
TIMES = {
    "prompt": "arrivalTimePDF_promptNeutrinos.txt",
    "delayed": "arrivalTimePDF_delayedNeutrinos.txt",
    "neutrons": "arrivalTimePDF_promptNeutrons.txt",
}
_NEUTRONS, _PARAMETERS_FILE = "promptPDF.txt", "coherent_parameters.yaml"
FILES = (*COUNTS.values(), *TIMES.values(), _NEUTRONS, _PARAMETERS_FILE)

ENERGY_PE = 1.0 + 2.0 * np.arange(25)
TIME_US = 0.25 + 0.5 * np.arange(24)
NEUTRON_PE = 0.5 + np.arange(50)

_REFERENCE = "COHERENT Collaboration, arXiv:1804.09459, release of arXiv:1708.01294"

# Figures that are in no file of the release.
_PARAMETERS = """\
# {reference}
# From coherent_parameters.yaml, except what names another source.

[exposure]
detector_mass_kg = 14.57 # arXiv:1708.01294
molar_mass_g_per_mol = 259.81 # CsI
distance_m = {distance}
beam_energy_gwh = {beam}
protons_on_target = 1.76e23 # arXiv:1708.01294, for these GWh
neutrinos_per_flavour_per_proton = {neutrinos}

[detector]
quenching_factor = {quenching}
photoelectrons_per_kevee = {light_yield}

[efficiency] # a / (1 + exp(-k (x - x_0))), x in PE, half of it in 5-6 PE, zero below
a = {efficiency[a]}
k = {efficiency[k]}
x_0 = {efficiency[x_0]}

[relative_uncertainty]
flux = {flux}
signal = 0.28 # flux, quenching, efficiency, form factor together: arXiv:1708.01294
brn = {brn}
ssb = 0.171 # arXiv:2008.06062
"""


def tables(folder: Path) -> dict[str, str]:
    """Text of every table, file name -> contents, from a complete release folder."""
    return {
        "counts.csv": _counts(folder),
        "times.csv": _times(folder),
        "neutrons.csv": _neutrons(folder),
        "parameters.toml": _parameters(folder),
        "source.toml": source_text(
            folder,
            FILES,
            reference=_REFERENCE,
            released="2018-04",
            what_was_done="""\
Beam-on counts and arrival times side by side as they are, lower edges in place of centres, cells
without events left out; the neutrons' spectrum and parameters copied. Beam-off data are not
used.""",
        ),
    }


def _counts(folder: Path) -> str:
    grid = np.column_stack(
        [axis.ravel() for axis in np.meshgrid(ENERGY_PE, TIME_US, indexing="ij")]
    )
    columns = [_on_grid(folder / file, grid) for file in COUNTS.values()]
    for file, column in zip(COUNTS.values(), columns, strict=True):
        if not np.array_equal(column, np.round(column)):
            raise InputError(f"{folder / file}: counts must be integers")
    filled = np.sum(columns, axis=0) > 0
    lows = grid[filled] - (1.0, 0.25)
    comment = (
        f"{_REFERENCE}\n"
        "Events per cell of 2 PE x 0.5 us, lower edges given; cells without events left out."
    )
    header = ["energy_low_pe", "time_low_us", *COUNTS]
    return csv_text(comment, header, [*lows.T, *(column[filled] for column in columns)])


def _times(folder: Path) -> str:
    columns = [_on_grid(folder / file, TIME_US[:, None]) for file in TIMES.values()]
    comment = (
        f"{_REFERENCE}\n"
        "Share of all events per 0.5 us, lower edges given: prompt nu_mu; delayed nu_e and\n"
        "nu_mu_bar, of which a part comes later; prompt neutrons."
    )
    return csv_text(comment, ["time_low_us", *TIMES], [TIME_US - 0.25, *columns])


def _neutrons(folder: Path) -> str:
    contents = _on_grid(folder / _NEUTRONS, NEUTRON_PE[:, None])
    comment = (
        f"{_REFERENCE}\n"
        "Prompt neutrons per PE and GWh of beam, before the efficiency, lower edges given."
    )
    return csv_text(comment, ["energy_low_pe", "events_per_gwh"], [NEUTRON_PE - 0.5, contents])


def _on_grid(path: Path, grid: np.ndarray) -> np.ndarray:
    """Contents of a histogram whose bin centres are those of the grid, shape (rows, axes)."""
    rows = read_columns(path, grid.shape[1] + 1, separator=",")
    if len(rows) != len(grid) or not np.allclose(rows[:, :-1], grid):
        raise InputError(f"{path}: expected the {len(grid)} bins of the release in their order")
    negative = np.flatnonzero(rows[:, -1] < 0)
    if negative.size:
        raise InputError(f"{path}, row {negative[0] + 1}: negative content {rows[negative[0], -1]}")
    return rows[:, -1]


def _parameters(folder: Path) -> str:
    path = folder / _PARAMETERS_FILE
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
        return _PARAMETERS.format(reference=_REFERENCE, **_named(given))
    except (yaml.YAMLError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not the parameter file of the release: {error}") from error


def _named(given: dict[str, Any]) -> dict[str, Any]:
    efficiency = given["acceptanceEfficiency"]["parameters"]
    neutrinos = given["neutrinosPerProton"]
    return {
        "distance": given["distanceToTarget"]["value"],
        "beam": given["beamExposure"]["value"],
        "neutrinos": neutrinos["value"],
        "quenching": given["csiQF"]["value"],
        "light_yield": given["csiLightYield"]["value"],
        "efficiency": {entry["name"]: entry["value"] for entry in efficiency},
        "flux": round(neutrinos["uncertainty"] / neutrinos["value"], 6),
        "brn": given["promptNeutronNormalization"]["uncertainty"],
    }
