"""Germanium and calcium tungstate near reactors, forecasts.

``reactor-ge`` is a germanium point contact of the CONUS type. Published: Lindhard's k = 0.162
(arXiv:2202.03754). Assumed: 4 kg, 20 m from 3.9 GW, a threshold of 160 eVee, a resolution of 20 eV,
10 counts per keV, kg and day, one year.

``reactor-cawo4`` is a cryogenic bolometer of the NUCLEUS type. Published (arXiv:1905.10258): 10 g,
72 and 102 m from two cores of 4.25 GW, a threshold of 20 eV_nr, 100 counts per keV, kg and day.
Assumed: a resolution of 4 eV at the threshold, sigma ~ sqrt(E), one year. It measures heat,
which is all energy of any recoil.

Assumed in both: 5 % on the signal (flux, spectrum, quenching), 1 % on the background. Neither can
tell the recoils of electrons. Momentum transfers are so small that radii do not matter.
"""

import numpy as np

from cevns_bayes.detectors.detector import Detector
from cevns_bayes.detectors.effects import GaussianResolution, LindhardQuenching
from cevns_bayes.experiments.experiment import Experiment
from cevns_bayes.experiments.forecasts import RECOIL_SCALE, forecast, norms, threshold_of
from cevns_bayes.sources.reactors import reactor

DAYS = 365.0
NUISANCES = norms(0.05, 0.01)


def germanium(*, threshold: float | None = None) -> Experiment:
    """Point contacts, with another threshold [keVee] if one is given."""
    mass_kg, rate = 4.0, 10.0
    edges = np.linspace(threshold_of("reactor-ge", threshold, 0.160, 0.800), 0.800, 33)
    return forecast(
        "reactor-ge",
        Detector(edges, LindhardQuenching(k=0.162, protons=32), GaussianResolution(noise=0.020)),
        reactor(power_gw=3.9, distance_m=20.0, days=DAYS),
        {"Ge": 1},
        mass_kg,
        unit="keVee",
        background_events=rate * mass_kg * DAYS * np.ptp(edges),
        nuisances=NUISANCES,
        reference="Germanium at a reactor, forecast",
        electrons=True,
    )


def tungstate(*, threshold: float | None = None) -> Experiment:
    """Bolometers, with another threshold [keV] if one is given."""
    mass_kg, rate = 0.010, 100.0
    edges = np.geomspace(threshold_of("reactor-cawo4", threshold, 0.020, 2.0), 2.0, 27)
    return forecast(
        "reactor-cawo4",
        Detector(edges, RECOIL_SCALE, GaussianResolution(scale=0.004 / 0.020**0.5)),
        reactor(power_gw=4.25 * (1 + (72 / 102) ** 2), distance_m=72.0, days=DAYS),
        {"Ca": 1, "W": 1, "O": 4},
        mass_kg,
        unit="keV",
        background_events=rate * mass_kg * DAYS * np.ptp(edges),
        nuisances=NUISANCES,
        reference="CaWO4 at a reactor, forecast, arXiv:1905.10258",
        electrons=True,
    )


EXPERIMENTS = {"reactor-ge": germanium, "reactor-cawo4": tungstate}
