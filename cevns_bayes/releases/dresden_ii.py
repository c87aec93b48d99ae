"""Dresden-II: the ancillary release of Colaresi et al., arXiv:2202.09672."""

from pathlib import Path

import numpy as np

from cevns_bayes.errors import InputError
from cevns_bayes.releases.text import csv_text, read_columns, source_text

_RATES, _QUENCHING = "data_release.txt", "QF_Fef_YBe.txt"
FILES = (_RATES, _QUENCHING)

CENTRES_KEVEE = 0.205 + 0.01 * np.arange(130)

_REFERENCE = "Colaresi et al., arXiv:2202.09672 (PRL 129 (2022) 211802), ancillary files"

# Figures of the papers that are in no file of the release.
_PARAMETERS = """\
# {reference}
# As analysed in arXiv:2202.10829, which is the source of what follows.

[exposure]
detector_mass_kg = 2.924
antineutrinos_per_cm2_s = 4.8e13
days_on = 96.4
days_off = 25.0

[resolution] # sigma^2 = noise^2 + fano * pair_energy * E_ee
noise_kevee = 0.0685
fano = 0.11
pair_energy_kevee = 2.96e-3

[lindhard]
k = 0.157

[lines] # electron capture in Ge-71: energies [keVee], and areas relative to the line L1
l2_kevee = 1.142
l2_share = 0.008
m_kevee = 0.158
m_width_kevee = 0.0685
m_share = 0.16

[relative_uncertainty]
flux = 0.05
quenching = 0.05
resolution = 0.05
m_share = 0.03

# Background near the fits without neutrinos to the reactor-on and the reactor-off spectrum, where
# the nuisances of the background are zero: counts per 10 eV and day, the rising part at 0.2 keVee,
# 1/keVee, counts per day, keVee.
[background_on]
flat = 14.25
rise = 68.4
slope_per_kevee = 4.13
l1_area = 1468.0
l1_kevee = 1.292
l1_width_kevee = 0.0693

[background_off]
flat = 3.15
rise = 15.9
slope_per_kevee = 5.33
l1_area = 3200.0
l1_kevee = 1.301
l1_width_kevee = 0.0677
"""


def tables(folder: Path) -> dict[str, str]:
    """Text of every table, file name -> contents, from a complete release folder."""
    return {
        "rates.csv": _rates(folder / _RATES),
        "quenching.csv": _quenching(folder / _QUENCHING),
        "parameters.toml": _PARAMETERS.format(reference=_REFERENCE),
        "source.toml": source_text(
            folder,
            FILES,
            reference=_REFERENCE,
            released="2022-02",
            what_was_done="""\
Columns named, lower edges in place of the bin centres. Figures of the papers are in
parameters.toml.""",
        ),
    }


def _rates(path: Path) -> str:
    rows = read_columns(path, 5)
    centres = rows[:, 0]
    if len(rows) != len(CENTRES_KEVEE) or not np.allclose(centres, CENTRES_KEVEE, atol=1e-4):
        raise InputError(
            f"{path}: expected the {len(CENTRES_KEVEE)} bins of the release from 0.2 to 1.5 keVee"
        )
    if wrong := np.flatnonzero((rows[:, [2, 4]] <= 0).any(axis=1)).tolist():
        raise InputError(f"{path}, row {wrong[0] + 1}: errors must be positive")
    comment = (
        f"{_REFERENCE}\n"
        "Counts per 10 eV and day of the detector with their errors, lower edges of the bins\n"
        "given; the efficiency is divided out. on, off: reactor."
    )
    header = ["energy_low_kevee", "on", "on_error", "off", "off_error"]
    return csv_text(comment, header, [CENTRES_KEVEE - 0.005, *rows[:, 1:].T])


def _quenching(path: Path) -> str:
    rows = read_columns(path, 3)
    energy, factors = rows[:, 0], rows[:, 1:]
    if not (np.diff(energy) > 0).all():
        raise InputError(f"{path}: recoil energies must increase")
    if wrong := np.flatnonzero(((factors < 0) | (factors > 1)).any(axis=1)).tolist():
        raise InputError(f"{path}, row {wrong[0] + 1}: quenching factors are between 0 and 1")
    comment = (
        f"{_REFERENCE}\n"
        "Quenching factors of germanium against the recoil energy [keV], measured with\n"
        "iron-filtered neutrons (fef) and with photo-neutrons of YBe (ybe)."
    )
    return csv_text(comment, ["energy_kev", "fef", "ybe"], [energy, *factors.T])
