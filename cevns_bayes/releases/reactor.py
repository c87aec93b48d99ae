"""Antineutrino spectra of reactors, per fission and per neutron capture, from published tables."""

from pathlib import Path

import numpy as np

from cevns_bayes.errors import InputError
from cevns_bayes.releases.text import csv_text, read_columns, read_labelled_rows, source_text

ISOTOPES = ("U235", "U238", "Pu239", "Pu241")  # those that fission
CAPTURES = ("U239", "Np239")  # the two beta decays after a capture on U238

_BESTIOLE = {name: f"bestiole_{name.lower()}.txt" for name in (*ISOTOPES, *CAPTURES)}
_HUBER = {name: f"{name}-anti-neutrino-flux-250keV.dat" for name in ("U235", "Pu239", "Pu241")}
_MUELLER = "mueller_u238.txt"
_VOGEL_ENGEL = "vogel_engel_new_table.txt"
_VOGEL_ENGEL_ROWS = {"U235": "U235", "U238": "U238", "Pu239": "P239", "Pu241": "P241"}
FILES = (*_BESTIOLE.values(), *_HUBER.values(), _MUELLER, _VOGEL_ENGEL)

# Exponents of the polynomials in E [MeV] that the papers fit to their tables of 2 to 8 MeV.
_POLYNOMIALS = {
    "U235": (4.367, -4.577, 2.100, -0.5294, 0.06186, -0.002777),
    "U238": (0.4833, 0.1927, -0.1283, -0.006762, 0.002233, -0.0001536),
    "Pu239": (4.757, -5.392, 2.563, -0.6596, 0.07820, -0.003536),
    "Pu241": (2.990, -2.882, 1.278, -0.3343, 0.03905, -0.001754),
}
ENERGY_PER_FISSION_MEV = {"U235": 201.92, "U238": 205.52, "Pu239": 209.99, "Pu241": 213.60}

_BESTIOLE_MEV = 0.0125 + 0.025 * np.arange(500)
_TABLE_MEV = 2.0 + 0.25 * np.arange(25)
_CONTINUED_MEV = 8.25 + 0.25 * np.arange(8)
_VOGEL_ENGEL_POINTS = 11

_PAPERS = "BESTIOLE arXiv:2304.14992; Huber arXiv:1106.0687; Mueller arXiv:1101.2663; Vogel-Engel"
_UNITS = "Antineutrinos per MeV and fission against the antineutrino energy [MeV]"

_PARAMETERS = """\
# Thermal energy per fission, neutrinos excluded [MeV]: Kopeikin et al., hep-ph/0410100.

[energy_per_fission_mev]
{energies}
"""


def tables(folder: Path) -> dict[str, str]:
    """Text of every table, file name -> contents, from a complete folder."""
    energies = "\n".join(f"{name} = {mev:.2f}" for name, mev in ENERGY_PER_FISSION_MEV.items())
    return {
        "bestiole.csv": _bestiole(folder),
        "huber_mueller.csv": _huber_mueller(folder),
        "parameters.toml": _PARAMETERS.format(energies=energies),
        "source.toml": source_text(
            folder,
            FILES,
            reference=f"{_PAPERS}, PRD 39 (1989) 3378",
            released="2011-06 to 2023-04",
            what_was_done="""\
BESTIOLE: columns side by side, zero where a spectrum has ended. Huber-Mueller: the tables of
the papers from 2 to 8 MeV without their errors, the exponential polynomials of the same papers
above, the table of Vogel and Engel below. Energies per fission are in no file.""",
        ),
    }


def _bestiole(folder: Path) -> str:
    columns = [_bestiole_column(folder / file) for file in _BESTIOLE.values()]
    comment = f"""\
Périssé et al., BESTIOLE-2023 summation spectra, arXiv:2304.14992, ancillary files.
{_UNITS};
U239 and Np239 per decay, both of which follow a neutron capture on U238.
Means over bins of 0.025 MeV, whose centres are given."""
    return csv_text(comment, ["energy_mev", *_BESTIOLE], [_BESTIOLE_MEV, *columns])


def _bestiole_column(path: Path) -> np.ndarray:
    energy, density = _spectrum(path, read_columns(path, 2, separator=","))
    grid = _BESTIOLE_MEV[: len(energy)]
    if len(energy) > len(_BESTIOLE_MEV) or not np.allclose(energy, grid, rtol=0, atol=1e-6):
        raise InputError(
            f"{path}: expected energies from {_BESTIOLE_MEV[0]:g} MeV in steps of 0.025 "
            f"up to {_BESTIOLE_MEV[-1]:g} at most"
        )
    return np.append(density, np.zeros(len(_BESTIOLE_MEV) - len(density)))


def _huber_mueller(folder: Path) -> str:
    below_mev, below = _vogel_engel(folder / _VOGEL_ENGEL)
    columns = []
    for name in ISOTOPES:
        above = np.exp(np.polynomial.polynomial.polyval(_CONTINUED_MEV, _POLYNOMIALS[name]))
        columns.append(np.concatenate([below[name], _published(folder, name), above]))
    energy = np.concatenate([below_mev, _TABLE_MEV, _CONTINUED_MEV])
    return csv_text(_HUBER_MUELLER_COMMENT, ["energy_mev", *ISOTOPES], [energy, *columns])


_HUBER_MUELLER_COMMENT = f"""\
{_UNITS}.
2 to 8 MeV: U235, Pu239, Pu241 Huber, arXiv:1106.0687, ancillary files (which have 0.553406 for
U235 at 3.25 MeV; copies with 0.533 are in circulation); U238 Mueller et al., arXiv:1101.2663.
Above 8 MeV, where these tables end: the exponential polynomials that the same papers fit to them,
an extrapolation.
Below 2 MeV: Vogel and Engel, Phys. Rev. D 39 (1989) 3378. Their own values at 2 MeV, which are
1.26, 1.50, 1.08, 1.32 in the order of the columns, are left out: the spectra are continuous.
They rise and fall below 0.1 MeV, where single decays stand out, as of Ru-106 with 0.039 MeV."""


def _published(folder: Path, name: str) -> np.ndarray:
    """Density at the energies of the papers' tables."""
    if name in _HUBER:
        path = folder / _HUBER[name]
        rows = read_columns(path, 14)
    else:
        path = folder / _MUELLER
        rows = read_columns(path, 2, separator=",")
        # What is outside of these energies was read off a figure.
        rows = rows[(rows[:, 0] >= _TABLE_MEV[0]) & (rows[:, 0] <= _TABLE_MEV[-1])]
    energy, density = _spectrum(path, rows)
    if len(energy) != len(_TABLE_MEV) or not np.allclose(energy, _TABLE_MEV):
        raise InputError(
            f"{path}: expected the {len(_TABLE_MEV)} energies from {_TABLE_MEV[0]:g} to "
            f"{_TABLE_MEV[-1]:g} MeV in steps of 0.25"
        )
    return density


def _vogel_engel(path: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Energies below those of the other tables, increasing, and the densities of every isotope."""
    rows = read_labelled_rows(path, _VOGEL_ENGEL_POINTS)
    missing = {"E(MeV)", *_VOGEL_ENGEL_ROWS.values()} - set(rows)
    if missing:
        raise InputError(f"{path} lacks the rows {', '.join(sorted(missing))}")
    energy = rows["E(MeV)"][::-1]
    below = energy < _TABLE_MEV[0]
    if not ((energy > 0).all() and (np.diff(energy) > 0).all() and below.any()):
        got = ", ".join(f"{e:g}" for e in energy[::-1])
        raise InputError(f"{path}: energies must be positive and decrease, got {got}")
    densities = {
        name: _spectrum(path, np.column_stack([energy, rows[row][::-1]]))[1][below]
        for name, row in _VOGEL_ENGEL_ROWS.items()
    }
    return energy[below], densities


def _spectrum(path: Path, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first two columns: energies, and densities, which are not negative."""
    energy, density = rows[:, 0], rows[:, 1]
    negative = np.flatnonzero(density < 0)
    if negative.size:
        at, value = energy[negative[0]], density[negative[0]]
        raise InputError(f"{path}: negative density {value} at {at:g} MeV")
    return energy, density
