"""Germanium at the Dresden-II reactor (arXiv:2202.09672), analysed as in arXiv:2202.10829.

    N = (1 + alpha_flux) (N_cevns(alpha_quenching, alpha_resolution) + N_es(alpha_resolution))
      + N_background

    N_background = flat + rise exp(-slope (E - 0.2 keVee)) + L1 + L2 + M

Rates with Gaussian errors, times days. L1 is a Gaussian peak of free area, energy and width, L2 and
M have shares of its area; all but that of M are free, with flat priors within wide bounds, relative
to the background without neutrinos (or as a shift in keVee). The quenching model decides the
result: measured with iron-filtered neutrons in ``dresden-ii`` and ``dresden-ii-fef``, the same;
with photo-neutrons in ``dresden-ii-ybe``; Lindhard's theory in ``dresden-ii-lindhard``.

``dresden-ii-off`` is a test of the analysis: the spectrum taken with the reactor off, from which
the signal of the reactor is expected to be absent, against the prediction for the reactor on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from cevns_bayes.datasets import read_table, read_toml
from cevns_bayes.detectors.detection import Quenching
from cevns_bayes.detectors.detector import Detector, electron_response, nuclear_response
from cevns_bayes.detectors.effects import (
    KEV_PER_MEV,
    LindhardQuenching,
    TruncatedGaussianResolution,
)
from cevns_bayes.experiments.components import FormulaBackground, Signal
from cevns_bayes.experiments.experiment import Axis, Experiment
from cevns_bayes.experiments.likelihoods import Gaussian
from cevns_bayes.experiments.nuisance import Nuisance
from cevns_bayes.physics.nuclei import natural_element
from cevns_bayes.sources.reactors import antineutrinos, reactor, reactor_spectrum
from cevns_bayes.sources.source import Flux

EDGES_KEVEE = np.linspace(0.2, 1.5, 131)
ENERGY = Axis("energy", EDGES_KEVEE, "Ionisation energy", "keVee")
DEFAULT_QUENCHING = "fef"
SPECTRUM = "huber-mueller"
PER_FISSION = 6.0  # antineutrinos after fissions, without captures
END_KEV = 2.5  # twelve standard deviations above the last bin

FREE = (
    Nuisance("alpha_flat", "flat background", bounds=(-1.0, 1.0)),
    Nuisance("alpha_rise", "background that rises to low energies", bounds=(-1.0, 2.0)),
    Nuisance("alpha_slope", "slope of the rise", bounds=(-0.9, 3.0)),
    Nuisance("alpha_l1", "area of the line L1", bounds=(-0.3, 0.3)),
    Nuisance("alpha_l1_energy", "energy of the line L1 [keVee]", bounds=(-0.03, 0.03)),
    Nuisance("alpha_l1_width", "width of the line L1", bounds=(-0.3, 0.3)),
)


def load(variant: str = "", *, reactor_on: bool = True) -> Experiment:
    """The experiment with the quenching model fef, or a variant, which is another one."""
    quenching = variant or DEFAULT_QUENCHING
    parameters = read_toml("dresden-ii", "parameters")
    state = "on" if reactor_on else "off"
    days = parameters["exposure"][f"days_{state}"]
    rates = read_table("dresden-ii", "rates")
    background = partial(_background, days, parameters["lines"], parameters[f"background_{state}"])
    return Experiment(
        name="dresden-ii",
        variant=variant if reactor_on else state,
        axes=(ENERGY,),
        counts=days * rates[state],
        likelihood=Gaussian((days * rates[f"{state}_error"]) ** 2),
        signals=_signals(parameters, _quenching(quenching, parameters), days),
        backgrounds=(
            FormulaBackground("background", background, (*(n.name for n in FREE), "alpha_m")),
        ),
        nuisances=(*_constrained(parameters["relative_uncertainty"]), *FREE),
        reference=f"Dresden-II, arXiv:2202.09672, reactor {state}, quenching {quenching}",
    )


EXPERIMENTS = {
    "dresden-ii": load,
    "dresden-ii-fef": partial(load, "fef"),
    "dresden-ii-ybe": partial(load, "ybe"),
    "dresden-ii-lindhard": partial(load, "lindhard"),
    "dresden-ii-off": partial(load, reactor_on=False),
}


def _constrained(sigma: Mapping[str, float]) -> tuple[Nuisance, ...]:
    five = f"moved by {100 * sigma['quenching']:.0f} %"
    return (
        Nuisance("alpha_flux", "reactor flux", sigma=sigma["flux"]),
        Nuisance("alpha_quenching", f"quenching factor, {five}", sigma=1.0),
        Nuisance("alpha_resolution", f"energy resolution, {five}", sigma=1.0),
        Nuisance("alpha_m", "area of the line M against L1", sigma=sigma["m_share"]),
    )


@dataclass(frozen=True)
class Measured:
    """Visible energy E QF(E) of a table as it is; fef falls by 3 % from 1.14 to 1.33 keV."""

    recoil_energy_kev: np.ndarray
    quenching_factor: np.ndarray

    def visible_energy_kev(self, recoil_energy_mev: np.ndarray) -> np.ndarray:
        """Electron-equivalent energy [keVee]."""
        energy_kev = KEV_PER_MEV * recoil_energy_mev
        return energy_kev * np.interp(energy_kev, self.recoil_energy_kev, self.quenching_factor)


@dataclass(frozen=True)
class Scaled:
    """Another quenching times a factor."""

    quenching: Quenching
    factor: float

    def visible_energy_kev(self, recoil_energy_mev: np.ndarray) -> np.ndarray:
        """Electron-equivalent energy [keVee]."""
        return self.factor * self.quenching.visible_energy_kev(recoil_energy_mev)


def _quenching(name: str, parameters: Mapping[str, Any]) -> Quenching:
    if name == "lindhard":
        return LindhardQuenching(parameters["lindhard"]["k"], protons=32)
    table = read_table("dresden-ii", "quenching")
    return Measured(table["energy_kev"], table[name])


def _signals(
    parameters: Mapping[str, Any], quenching: Quenching, days: float
) -> tuple[Signal, ...]:
    """Recoils of nuclei and of electrons, which the detector cannot tell from each other."""
    exposure = parameters["exposure"]
    flux = _flux(exposure["antineutrinos_per_cm2_s"], days)
    nuclei = natural_element("Ge", exposure["detector_mass_kg"])
    nominal, down, up = (_detector(parameters, quenching, end) for end in (0, -1, 1))
    electrons = replace(nominal, variations={"alpha_resolution": (down, up)})
    sigma = parameters["relative_uncertainty"]["quenching"]
    less, more = (replace(nominal, quenching=Scaled(quenching, 1 + x)) for x in (-sigma, sigma))
    variations = {**electrons.variations, "alpha_quenching": (less, more)}
    detector = replace(nominal, variations=variations)
    responses = {
        "cevns": nuclear_response(nuclei, detector, flux),
        "es": electron_response(
            ("Ge",), electrons, flux, end_kev=END_KEV, molecule_number=sum(nuclei.values())
        ),
    }
    return tuple(Signal(name, found, norms=("alpha_flux",)) for name, found in responses.items())


def _flux(antineutrinos_per_cm2_s: float, days: float) -> Flux:
    """Fissions with six of the antineutrinos each; those of neutron captures come on top.

    Only this reproduces the published rates. As the number of all antineutrinos, the flux would
    give rates that are 12 % lower.
    """
    per_fission = antineutrinos(reactor_spectrum(spectrum=SPECTRUM))
    total = antineutrinos_per_cm2_s * per_fission / PER_FISSION
    return reactor(days=days, flux_per_cm2_s=total, spectrum=SPECTRUM)


def _detector(parameters: Mapping[str, Any], quenching: Quenching, end: int) -> Detector:
    """With the resolution at so many standard deviations of its uncertainty."""
    given = parameters["resolution"]
    wider = 1 + end * parameters["relative_uncertainty"]["resolution"]
    scale = np.sqrt(given["fano"] * given["pair_energy_kevee"])
    resolution = TruncatedGaussianResolution(wider * scale, wider * given["noise_kevee"])
    return Detector(EDGES_KEVEE, quenching, resolution)


def _background(
    days: float, lines: Mapping[str, float], nominal: Mapping[str, float], **alphas: Any
) -> Any:
    """Counts per bin, from the rate at its centre, shape (energy,)."""
    energy = ENERGY.centres
    norm = {name: nominal[name] * (1 + alphas[f"alpha_{name}"]) for name in ("flat", "rise")}
    slope = nominal["slope_per_kevee"] * (1 + alphas["alpha_slope"])
    area = nominal["l1_area"] * (1 + alphas["alpha_l1"])
    width = nominal["l1_width_kevee"] * (1 + alphas["alpha_l1_width"])
    m_share = lines["m_share"] * (1 + alphas["alpha_m"])
    peaks = (
        _peak(nominal["l1_kevee"] + alphas["alpha_l1_energy"], width)
        + lines["l2_share"] * _peak(lines["l2_kevee"], width)
        + m_share * _peak(lines["m_kevee"], lines["m_width_kevee"])
    )
    rise = norm["rise"] * np.exp(-slope * (energy - EDGES_KEVEE[0]))
    return days * (norm["flat"] + rise + area * peaks)


def _peak(centre: Any, width: Any) -> Any:
    """Share of a Gaussian in each bin, from its density at the centre, shape (energy,)."""
    shape = np.exp(-(((ENERGY.centres - centre) / width) ** 2) / 2) / (width * np.sqrt(2 * np.pi))
    return shape * np.diff(EDGES_KEVEE)
