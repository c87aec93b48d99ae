"""COHERENT CsI[Na] 2017, the first observation (arXiv:1708.01294, release arXiv:1804.09459).

    N = (1 + alpha_flux) (N_cevns + N_es) + (1 + alpha_brn) N_brn + (1 + alpha_ssb) N_ssb

with alpha_flux of 28 % for flux, quenching, efficiency and form factor together. 12 x 12 bins of
6-30 photoelectrons and 0-6 us; quenching by a constant factor; whole photoelectrons, Poisson
distributed; arrival times as released. The steady state is the energy spectrum times the time
spectrum of the anti-coincident events. The exposure of ``csi`` contains this one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from cevns_bayes.datasets import read_table, read_toml
from cevns_bayes.detectors.detector import Detector, electron_response, nuclear_response
from cevns_bayes.detectors.effects import LinearQuenchingFactor
from cevns_bayes.detectors.time_shapes import TimeShape
from cevns_bayes.experiments.components import Background, Signal
from cevns_bayes.experiments.experiment import Axis, Experiment
from cevns_bayes.experiments.nuisance import Nuisance
from cevns_bayes.physics.constants import AVOGADRO_PER_MOL
from cevns_bayes.physics.nuclei import nucleus
from cevns_bayes.sources.pion_decay import pion_decay_at_rest

ENERGY = Axis("energy", np.arange(6.0, 31.0, 2.0), "Reconstructed energy", "PE")
TIME = Axis("time", np.arange(0.0, 6.1, 0.5), "Reconstructed time", "µs")
ARRIVALS = {"nu_e": "delayed", "nu_mu": "prompt", "nu_mu_bar": "delayed"}


@dataclass(frozen=True)
class Photoelectrons:
    """Whole photoelectrons n, Poisson distributed, somewhere between n and n + 1."""

    per_kevee: float

    def density(self, reconstructed: np.ndarray, visible_energy_kev: np.ndarray) -> np.ndarray:
        """Probability density of the reconstructed energy [PE]."""
        return stats.poisson.pmf(np.floor(reconstructed), self.per_kevee * visible_energy_kev)


@dataclass(frozen=True)
class Acceptance:
    """The released sigmoid a / (1 + exp(-k (x - x_0))), taken at the centre of each PE."""

    a: float
    k: float
    x_0: float
    kinks = tuple(range(5, 31))

    def __call__(self, energy_pe: np.ndarray, /) -> np.ndarray:
        centre = np.floor(energy_pe) + 0.5
        step = np.select([centre > 6, centre > 5], [1.0, 0.5])
        return step * self.a / (1 + np.exp(-self.k * (centre - self.x_0)))


def load() -> Experiment:
    """The experiment, in the published 12 x 12 bins."""
    counts = read_table("csi-2017", "counts")
    parameters = read_toml("csi-2017", "parameters")
    sigma = parameters["relative_uncertainty"]
    return Experiment(
        name="csi-2017",
        axes=(ENERGY, TIME),
        counts=_binned(counts, "coincident"),
        signals=_signals(parameters),
        backgrounds=(_neutrons(parameters), _steady_state(_binned(counts, "anticoincident"))),
        nuisances=(
            Nuisance(
                "alpha_flux",
                "flux, quenching, efficiency and form factor",
                sigma=sigma["signal"],
                shared_sigma=sigma["flux"],
            ),
            Nuisance("alpha_brn", "beam-related neutrons", sigma=sigma["brn"]),
            Nuisance("alpha_ssb", "steady-state background", sigma=sigma["ssb"]),
        ),
        reference="COHERENT CsI 2017, arXiv:1708.01294",
        excludes=("csi",),
    )


def _binned(counts: dict[str, np.ndarray], column: str) -> np.ndarray:
    cells = (counts["energy_low_pe"] + 1.0, counts["time_low_us"] + 0.25)
    return np.histogram2d(*cells, bins=(ENERGY.edges, TIME.edges), weights=counts[column])[0]


def _signals(parameters: Mapping[str, Any]) -> tuple[Signal, ...]:
    """Recoils of nuclei and of electrons, which the detector cannot tell from each other."""
    exposure, light = parameters["exposure"], parameters["detector"]
    flux = pion_decay_at_rest(
        pions=exposure["protons_on_target"] * exposure["neutrinos_per_flavour_per_proton"],
        distance_m=exposure["distance_m"],
    )
    moles = 1000 * exposure["detector_mass_kg"] / exposure["molar_mass_g_per_mol"]
    molecules = moles * AVOGADRO_PER_MOL
    detector = Detector(
        energy_edges=ENERGY.edges,
        quenching=LinearQuenchingFactor(light["quenching_factor"], 0.0),
        resolution=Photoelectrons(light["photoelectrons_per_kevee"]),
        efficiency=Acceptance(**parameters["efficiency"]),
    )
    nuclei = {nucleus(symbol): molecules for symbol in ("Cs133", "I127")}
    electrons = electron_response(
        ("Cs", "I"),
        detector,
        flux,
        end_kev=2 * ENERGY.edges[-1] / light["photoelectrons_per_kevee"] + 2,
        molecule_number=molecules,
    )
    return tuple(
        Signal(name, response, _arrivals(), norms=("alpha_flux",))
        for name, response in (
            ("cevns", nuclear_response(nuclei, detector, flux)),
            ("es", electrons),
        )
    )


def _arrivals() -> dict[str, TimeShape]:
    """Shares of all events, of which the release counts those up to 12 us."""
    times = read_table("csi-2017", "times")
    return {name: _time_shape(times[column]) for name, column in ARRIVALS.items()}


def _time_shape(shares: np.ndarray) -> TimeShape:
    return TimeShape.constant(shares[: len(TIME.centres)])


def _neutrons(parameters: Mapping[str, Any]) -> Background:
    """Released before the efficiency, per energy of the beam."""
    table = read_table("csi-2017", "neutrons")
    centres = table["energy_low_pe"] + 0.5
    accepted = table["events_per_gwh"] * Acceptance(**parameters["efficiency"])(centres)
    spectrum = np.histogram(centres, ENERGY.edges, weights=accepted)[0]
    events = parameters["exposure"]["beam_energy_gwh"] * spectrum.sum()
    times = read_table("csi-2017", "times")["neutrons"]
    shape = spectrum / spectrum.sum()
    return Background("brn", events, shape, _time_shape(times), norms=("alpha_brn",))


def _steady_state(anticoincident: np.ndarray) -> Background:
    events = anticoincident.sum()
    energies, times = (anticoincident.sum(axis=axis) / events for axis in (1, 0))
    return Background("ssb", events, energies, TimeShape.constant(times), norms=("alpha_ssb",))
