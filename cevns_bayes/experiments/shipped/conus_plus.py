"""CONUS+, germanium at the Leibstadt reactor (arXiv:2501.05206): one number and its error.

    N = (1 + alpha_flux) (N_cevns + N_es),    observed 395 +- 106, background subtracted

There is no data release: one bin from the threshold to 800 eVee, with a Gaussian likelihood.
Published: the detectors C2, C3 and C5 with their masses, days and thresholds, 1.5e13 antineutrinos
per cm^2 and s, 20.7 m, Lindhard's k, the resolution, and 347 +- 59 events expected, whose relative
error is alpha_flux. Assumed: every event above a threshold is found.
"""

from dataclasses import dataclass

import numpy as np

from cevns_bayes.detectors.detector import Detector, electron_response, nuclear_response
from cevns_bayes.detectors.effects import GaussianResolution, LindhardQuenching
from cevns_bayes.experiments.components import Signal
from cevns_bayes.experiments.experiment import Axis, Experiment
from cevns_bayes.experiments.likelihoods import Gaussian
from cevns_bayes.experiments.nuisance import Nuisance
from cevns_bayes.physics.nuclei import natural_element
from cevns_bayes.sources.reactors import reactor

THRESHOLDS_KEVEE = {"C2": 0.180, "C3": 0.160, "C5": 0.170}
KG_DAYS = {"C2": 0.95 * 117, "C3": 0.94 * 110, "C5": 0.94 * 119}
ENERGY = Axis("energy", np.array([0.160, 0.800]), "Ionisation energy", "keVee")
RESOLUTION = GaussianResolution(scale=np.sqrt(0.11 * 2.96e-3), noise=0.0204)
OBSERVED, ERROR = 395.0, 106.0
EXPECTED, EXPECTED_ERROR = 347.0, 59.0


@dataclass(frozen=True)
class AboveThreshold:
    """Share of the exposure whose threshold is below a reconstructed energy [keVee]."""

    kinks = tuple(sorted(THRESHOLDS_KEVEE.values()))

    def __call__(self, energy_kevee: np.ndarray, /) -> np.ndarray:
        open_ = [KG_DAYS[name] * (energy_kevee > at) for name, at in THRESHOLDS_KEVEE.items()]
        return np.sum(open_, axis=0) / sum(KG_DAYS.values())


def load() -> Experiment:
    """All three detectors together, as one of one kilogram with all their exposure."""
    flux = reactor(days=sum(KG_DAYS.values()), flux_per_cm2_s=1.5e13, distance_m=20.7)
    quenching = LindhardQuenching(k=0.162, protons=32)
    detector = Detector(ENERGY.edges, quenching, RESOLUTION, AboveThreshold())
    nuclei = natural_element("Ge", 1.0)
    electrons = electron_response(
        ("Ge",), detector, flux, end_kev=1.2, molecule_number=sum(nuclei.values())
    )
    responses = {"cevns": nuclear_response(nuclei, detector, flux), "es": electrons}
    return Experiment(
        name="conus-plus",
        axes=(ENERGY,),
        counts=np.array([OBSERVED]),
        likelihood=Gaussian(np.array([ERROR**2])),
        signals=tuple(Signal(name, r, norms=("alpha_flux",)) for name, r in responses.items()),
        nuisances=(Nuisance("alpha_flux", "flux and quenching", sigma=EXPECTED_ERROR / EXPECTED),),
        reference="CONUS+ 2025, arXiv:2501.05206",
    )
