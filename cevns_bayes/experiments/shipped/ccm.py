"""Coherent CAPTAIN-Mills, liquid argon at the Lujan centre (arXiv:2105.14020), a forecast.

Published: 7 t of argon, 20 m from a target of 800 MeV protons, 7.5e21 a year of 0.0425 pi+ each;
a threshold of 20 keV_nr; pulses of 290 ns.
Assumed: three years of 139 days (100 uA for that many protons); 20 pulses a second with 6 us each;
a pulse of Gaussian shape of that full width at half maximum; the resolution; a steady background of
0.5 per keV, kg and day, known to 0.5 %; 10 % on the signal; 5 % on the rms radius. No neutrons of
the beam; electron recoils are told by their pulse shape.
"""

import numpy as np

from cevns_bayes.detectors.detector import Detector
from cevns_bayes.detectors.effects import GaussianResolution
from cevns_bayes.experiments.experiment import Axis, Experiment
from cevns_bayes.experiments.forecasts import RECOIL_SCALE, forecast, norms, radius, threshold_of
from cevns_bayes.sources.pion_decay import Pulse, pion_decay_at_rest

MASS_KG, DISTANCE_M, PIONS_PER_YEAR = 7000.0, 20.0, 7.5e21 * 0.0425
YEARS, BEAM_DAYS_PER_YEAR, DUTY_FACTOR = 3, 139, 20 * 6e-6
PULSE = Pulse(onset_us=0.50, width_us=0.290 / 2.355)
TIME = Axis("time", np.array([0.0, 1.0, 2.0, 4.0, 6.0]), "Time", "µs")
BACKGROUND_PER_KEV_KG_DAY = 0.5


def load(*, threshold: float | None = None) -> Experiment:
    """The detector, with another threshold [keV] if one is given."""
    edges = np.linspace(threshold_of("ccm", threshold, 20.0, 150.0), 150.0, 14)
    days = YEARS * BEAM_DAYS_PER_YEAR * DUTY_FACTOR
    return forecast(
        "ccm",
        Detector(edges, RECOIL_SCALE, GaussianResolution(scale=1.1)),
        pion_decay_at_rest(pions=PIONS_PER_YEAR * YEARS, distance_m=DISTANCE_M, pulse=PULSE),
        {"Ar": 1},
        MASS_KG,
        unit="keV_nr",
        background_events=BACKGROUND_PER_KEV_KG_DAY * MASS_KG * np.ptp(edges) * days,
        nuisances=(*norms(0.10, 0.005), radius("ar")),
        reference="CCM forecast, arXiv:2105.14020",
        time=TIME,
    )
