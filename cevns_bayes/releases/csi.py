"""COHERENT CsI[Na] 2021 release: the ancillary files of arXiv:2110.07730."""

from pathlib import Path

import numpy as np

from cevns_bayes.errors import InputError, counted
from cevns_bayes.releases.text import csv_text, read_columns, read_histogram, source_text

FILES = (
    "brnPE.txt",
    "brnTrec.txt",
    "dataBeamOnAC.txt",
    "dataBeamOnC.txt",
    "effCoefficients.txt",
    "ninPE.txt",
    "ninTrec.txt",
    "scintRespCoefficients.txt",
)

GRID_ENERGY_PE = np.arange(0.0, 251.0)
GRID_TIME_US = np.arange(49) * 0.125
WINDOW_PE, WINDOW_US = 60.0, 6.0  # the analysis window, where shapes are normalised

_REFERENCE = "COHERENT Collaboration, arXiv:2110.07730 (PRL 129 (2022) 081801), ancillary files"

# Figures of the paper and its supplemental material that are in no file of the release.
_PARAMETERS = """\
# {reference}
# Detector and exposure: the paper and its supplemental material.
# Efficiency and quenching coefficients: effCoefficients.txt, scintRespCoefficients.txt.

[exposure]
detector_mass_kg = 14.6
molar_mass_g_per_mol = 259.81 # CsI
distance_m = 19.3
protons_on_target = 3.198e23
neutrinos_per_flavour_per_proton = 0.0848

[resolution] # gamma distribution of photoelectrons
mean_scale_kevee = 0.0749 # a = mean_scale / E_ee; 1 / 0.0749 = 13.35 PE/keVee
shape_scale_per_kevee = 9.56 # b = shape_scale * E_ee

[time_efficiency] # 1 before start_us, then exp(-rate (t - start))
start_us = 0.52
rate_per_us = 0.0494

[quenching] # E_ee = a E + b E^2 + c E^3 + d E^4, energies in MeV
nominal = {quenching[0]}
model0_up = {quenching[1]}
model0_down = {quenching[2]}
model1_up = {quenching[3]}
model1_down = {quenching[4]}

[efficiency] # a / (1 + exp(-b (x - c))) + d, x in PE, cut at zero
nominal = {efficiency[0]}
down = {efficiency[2]} # lower efficiency; the release labels both variations "+1 sigma"
up = {efficiency[1]}

[background_events] # in 0-60 PE, 0-6 us
brn = 18.4
nin = 5.6
ssb = 1286.0
"""


def tables(folder: Path) -> dict[str, str]:
    """Text of every table, file name -> contents, from a complete release folder."""
    return {
        "counts.csv": _counts(folder),
        "background_energy.csv": _shapes(folder, "PE", "energy_low_pe", WINDOW_PE),
        "background_time.csv": _shapes(folder, "Trec", "time_low_us", WINDOW_US),
        "parameters.toml": _parameters(folder),
        "source.toml": source_text(
            folder,
            FILES,
            reference=_REFERENCE,
            released="2021-10",
            what_was_done="""\
Event lists counted on a grid of 1 PE x 0.125 us; background shapes normalised to one in the
analysis window (0-60 PE, 0-6 us); coefficients copied. Figures of the paper that no file
holds are in parameters.toml.""",
        ),
    }


def _counts(folder: Path) -> str:
    coincident = _grid(folder / "dataBeamOnC.txt")
    anticoincident = _grid(folder / "dataBeamOnAC.txt")
    energy, time = np.nonzero(coincident + anticoincident)
    cell = (energy, time)
    comment = (
        f"{_REFERENCE}\n"
        "Events per cell of 1 PE x 0.125 us, lower edges given; cells without events left out.\n"
        "coincident: beam on, dataBeamOnC.txt; anticoincident: beam on, dataBeamOnAC.txt."
    )
    return csv_text(
        comment,
        ["energy_low_pe", "time_low_us", "coincident", "anticoincident"],
        [GRID_ENERGY_PE[energy], GRID_TIME_US[time], coincident[cell], anticoincident[cell]],
    )


def _grid(path: Path) -> np.ndarray:
    """Events (PE, us) counted on the fine grid; lower edges belong to a cell, as in NumPy."""
    events = read_columns(path, 2)
    energy, time = events.T
    counts, _, _ = np.histogram2d(energy, time, bins=(GRID_ENERGY_PE, GRID_TIME_US))
    if counts.sum() != len(events):
        raise InputError(
            f"{path}: {counted(len(events) - int(counts.sum()), 'event')} outside "
            f"0-{GRID_ENERGY_PE[-1]:g} PE, 0-{GRID_TIME_US[-1]:g} us"
        )
    return counts


def _shapes(folder: Path, kind: str, column: str, window: float) -> str:
    comment = (
        f"{_REFERENCE}\n"
        "Background shapes per bin, lower edge given, normalised to one between "
        f"0 and {window:g}."
    )
    lows, brn = read_histogram(folder / f"brn{kind}.txt")
    nin_lows, nin = read_histogram(folder / f"nin{kind}.txt")
    if not np.array_equal(lows, nin_lows):
        raise InputError(f"brn{kind}.txt and nin{kind}.txt in {folder} have different bins")
    end = 2 * lows[-1] - lows[-2]
    if lows[0] > 0 or end < window - 1e-6:
        raise InputError(
            f"brn{kind}.txt and nin{kind}.txt in {folder} must cover 0 to {window:g}, "
            f"got {lows[0]:g} to {end:g}"
        )
    inside = (lows >= 0) & (lows < window)
    for name, shape in (("brn", brn), ("nin", nin)):
        if not shape[inside].any():
            raise InputError(f"{folder / name}{kind}.txt is empty between 0 and {window:g}")
    normalised = [shape / shape[inside].sum() for shape in (brn, nin)]
    return csv_text(comment, [column, "brn", "nin"], [lows, *normalised])


def _parameters(folder: Path) -> str:
    efficiency = _coefficients(folder / "effCoefficients.txt", models=3)
    quenching = _coefficients(folder / "scintRespCoefficients.txt", models=5)
    return _PARAMETERS.format(reference=_REFERENCE, efficiency=efficiency, quenching=quenching)


def _coefficients(path: Path, models: int) -> list[list[float]]:
    rows = read_columns(path, 4)
    if len(rows) != models:
        raise InputError(f"{path}: expected {models} rows of coefficients, got {len(rows)}")
    return rows.tolist()
