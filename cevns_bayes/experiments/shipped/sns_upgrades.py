"""Detectors to come at the Spallation Neutron Source (arXiv:2204.04575), forecasts.

Published: 1.5e23 protons a year (1.4 MW) of 0.0848 pi+ each; masses, distances and thresholds; for
germanium Lindhard's quenching with k = 0.157. The arrival times are those of COHERENT's CsI: prompt
nu_mu within the first microsecond, nu_e and nu_mu_bar after them.
Assumed: three years of 5000 h of beam; 60 pulses a second with 6 us each that are looked at, in
which the steady backgrounds, per keV, kg and day, are found, known to 0.5 % from the time between
pulses; the resolutions; 10 % on the signal, as COHERENT has it for the flux, of which 9 % are
common to all detectors at the SNS; 5 % on the rms radii of the nuclei. No neutrons of the beam.
Electron recoils count in germanium, which cannot tell them and whose energies are theirs; argon
tells them, and in the others they matter as little as at the ESS (ess.py).
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from cevns_bayes.detectors.detection import Quenching
from cevns_bayes.detectors.detector import Detector
from cevns_bayes.detectors.effects import GaussianResolution, LindhardQuenching
from cevns_bayes.experiments.experiment import Axis, Experiment
from cevns_bayes.experiments.forecasts import RECOIL_SCALE, forecast, norms, radius, threshold_of
from cevns_bayes.sources.pion_decay import Pulse, pion_decay_at_rest

YEARS, BEAM_DAYS_PER_YEAR = 3, 5000 / 24
PIONS_PER_YEAR = 1.5e23 * 0.0848
PULSE = Pulse(onset_us=0.50, width_us=0.15)
TIME = Axis("time", np.array([0.0, 1.0, 2.0, 4.0, 6.0]), "Time", "µs")
DUTY_FACTOR = 60 * 6e-6


@dataclass(frozen=True)
class Upgrade:
    """Energies in the unit given; the background is per keV, kg and day."""

    atoms: dict[str, int]
    mass_kg: float
    distance_m: float
    first_kev: float  # published
    last_kev: float
    bins: int
    resolution: GaussianResolution
    background_per_kev_kg_day: float
    quenching: Quenching = RECOIL_SCALE
    unit: str = "keV_nr"


UPGRADES = {
    "ge": Upgrade(
        *({"Ge": 1}, 18.0, 19.2, 1.5, 20.5, 19, GaussianResolution(0.05, 0.1), 10.0),
        quenching=LindhardQuenching(k=0.157, protons=32),
        unit="keVee",
    ),
    "nai": Upgrade(
        {"Na": 1, "I": 1}, 3400.0, 22.0, 13.0, 153.0, 14, GaussianResolution(scale=1.0), 60.0
    ),
    "cryocsi": Upgrade(
        {"Cs": 1, "I": 1}, 10.0, 19.3, 1.0, 46.0, 30, GaussianResolution(scale=0.3), 20.0
    ),
    "lar": Upgrade({"Ar": 1}, 610.0, 27.5, 20.0, 150.0, 13, GaussianResolution(scale=1.1), 0.5),
}
SAME_NUCLEI = {"cryocsi": "csi", "lar": "ar"}  # as another target's


def load(target: str, *, threshold: float | None = None) -> Experiment:
    """The detector of a target, with another threshold [keV] if one is given."""
    upgrade = UPGRADES[target]
    name, last = f"sns-{target}", upgrade.last_kev
    first = threshold_of(name, threshold, upgrade.first_kev, last)
    edges = np.linspace(first, last, upgrade.bins + 1)
    days = YEARS * BEAM_DAYS_PER_YEAR * DUTY_FACTOR
    rate = upgrade.background_per_kev_kg_day * upgrade.mass_kg
    return forecast(
        name,
        Detector(edges, upgrade.quenching, upgrade.resolution),
        pion_decay_at_rest(
            pions=PIONS_PER_YEAR * YEARS, distance_m=upgrade.distance_m, pulse=PULSE
        ),
        upgrade.atoms,
        upgrade.mass_kg,
        unit=upgrade.unit,
        background_events=rate * np.ptp(edges) * days,
        nuisances=(
            *norms(0.10, 0.005, shared=0.09, beam="alpha_flux"),
            radius(SAME_NUCLEI.get(target, target)),
        ),
        reference="SNS forecast, arXiv:2204.04575",
        time=TIME,
        electrons=upgrade.unit == "keVee",
    )


EXPERIMENTS = {f"sns-{target}": partial(load, target) for target in UPGRADES}
