"""Six detectors at the European Spallation Source (arXiv:1911.00762), forecasts.

Published: 2.8e23 protons a year of 0.3 pi+ each, 20 m, three years, a duty factor of 4 % for steady
backgrounds; masses, thresholds, resolutions there, largest recoils and steady backgrounds in units
of the recoil energy; 10 % on the signal and 1 % on the background. For Ar and C3F8 the background
is a number per kg and day; C3F8 counts events above its threshold.
Assumed: 5000 h of beam a year (those of 5 MW of 2 GeV protons for that many protons); sigma of the
resolution ~ sqrt(E); bins as wide as sigma; 9 % of the 10 % are the flux, common to all; 5 % on the
rms radii of the nuclei.

Electron recoils are left out, as they are there. Ar and C3F8 do not see them. In the others an
electron looks like a recoil with as much light or charge: with quenching factors of 0.1 (CsI) and
0.2 (Xe) and Lindhard's of 0.146 (Si) and 0.157 (Ge) they would be less than 2e-5 of the events of
the Standard Model, and of those of a magnetic moment of nu_e 2 % as many as nuclei in CsI and Xe,
4 % in Ge, 9 % in Si, so that its 90 % limit would be lower by 0.3, 0.3, 1.0 and 1.9 %.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from cevns_bayes.detectors.detector import Detector
from cevns_bayes.detectors.effects import GaussianResolution
from cevns_bayes.experiments.experiment import Experiment
from cevns_bayes.experiments.forecasts import (
    RECOIL_SCALE,
    forecast,
    norms,
    radius,
    resolved_edges,
    threshold_of,
)
from cevns_bayes.sources.pion_decay import pion_decay_at_rest

YEARS, BEAM_DAYS_PER_YEAR, DUTY_FACTOR = 3, 5000 / 24, 4e-2
PIONS_PER_YEAR, DISTANCE_M = 2.8e23 * 0.3, 20.0


@dataclass(frozen=True)
class Proposal:
    """Energies are those of recoils; the background is per keV, or of all energies, kg and day."""

    atoms: dict[str, int]
    mass_kg: float
    threshold_kev: float
    resolution: float
    last_kev: float
    background_per_kg_day: float
    per_kev: bool = True
    counts_only: bool = False


PROPOSALS = {
    "csi": Proposal({"Cs": 1, "I": 1}, 22.5, 1.0, 0.30, 46.1, 10.0),
    "si": Proposal({"Si": 1}, 1.0, 0.16, 0.60, 212.9, 1.0),
    "xe": Proposal({"Xe": 1}, 20.0, 0.9, 0.40, 45.6, 10.0),
    "ge": Proposal({"Ge": 1}, 7.0, 0.6, 0.15, 78.9, 15.0),
    "ar": Proposal({"Ar": 1}, 10.0, 0.1, 0.40, 150.0, 0.1, per_kev=False),
    "c3f8": Proposal(
        {"C": 3, "F": 8}, 10.0, 2.0, 0.40, 329.6, 0.1, per_kev=False, counts_only=True
    ),
}


def load(target: str, *, threshold: float | None = None) -> Experiment:
    """The detector of a target, with another threshold [keV] if one is given."""
    proposal = PROPOSALS[target]
    name, last = f"ess-{target}", proposal.last_kev
    first = threshold_of(name, threshold, proposal.threshold_kev, last)
    scale = proposal.resolution * np.sqrt(proposal.threshold_kev)
    edges = np.array([first, last]) if proposal.counts_only else resolved_edges(first, last, scale)
    live_kg_days = proposal.mass_kg * YEARS * BEAM_DAYS_PER_YEAR * DUTY_FACTOR
    width = last - first if proposal.per_kev else 1.0
    return forecast(
        name,
        Detector(edges, RECOIL_SCALE, GaussianResolution(scale=scale)),
        pion_decay_at_rest(pions=PIONS_PER_YEAR * YEARS, distance_m=DISTANCE_M),
        proposal.atoms,
        proposal.mass_kg,
        unit="keV_nr",
        background_events=proposal.background_per_kg_day * width * live_kg_days,
        nuisances=(*norms(0.10, 0.01, shared=0.09, beam="alpha_flux_ess"), radius(target)),
        reference="ESS forecast, arXiv:1911.00762",
    )


EXPERIMENTS = {f"ess-{target}": partial(load, target) for target in PROPOSALS}
