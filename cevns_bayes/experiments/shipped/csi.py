"""COHERENT CsI[Na], full 2016-2019 data (arXiv:2110.07730), analysed as in arXiv:2211.11905.

    N = (1 + alpha_flux + alpha_quenching) N_cevns(alpha_radius, alpha_time, alpha_efficiency)
      + (1 + alpha_flux) N_es(alpha_time, alpha_efficiency)
      + (1 + alpha_brn) N_brn(alpha_time) + (1 + alpha_nin) N_nin(alpha_time)
      + (1 + alpha_ssb) N_ssb

The alpha_k of arXiv:2211.11905 are, for k = 0 ... 7: flux, brn, nin, ssb, radius, quenching,
time, efficiency. The variant ``csi-quenching`` has the two systematic quenching models of the
release, which change the response, in the place of the normalisation alpha_quenching.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from cevns_bayes.datasets import read_table, read_toml
from cevns_bayes.detectors.detector import Detector, electron_response, nuclear_response
from cevns_bayes.detectors.effects import (
    DecayingTimeEfficiency,
    GammaResolution,
    PolynomialQuenching,
    SigmoidEfficiency,
)
from cevns_bayes.detectors.time_shapes import TimeShape, arrival_shape, table_fractions
from cevns_bayes.errors import InputError, unknown_name
from cevns_bayes.experiments.components import Background, Signal
from cevns_bayes.experiments.experiment import Axis, Experiment
from cevns_bayes.experiments.nuisance import Nuisance
from cevns_bayes.physics.constants import AVOGADRO_PER_MOL
from cevns_bayes.physics.nuclei import nucleus
from cevns_bayes.sources.pion_decay import Pulse, pion_decay_at_rest
from cevns_bayes.sources.source import Flux

ENERGY_EDGES_PE = (0, 8, 12, 16, 20, 24, 32, 40, 50, 60)
TIME_EDGES_US = (0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1, 2, 4, 6)
WINDOW_PE = (0.0, 60.0)
WINDOW_US = (0.0, 6.0)

PULSE = Pulse(onset_us=0.50, width_us=0.15)
ONSET_RANGE_US = 0.25
QUENCHING_MODELS = ("quenching_model0", "quenching_model1")
ENDS = ("down", "up")

NUISANCES = (
    Nuisance("alpha_flux", "neutrino flux and efficiency, alpha_0", sigma=0.11, shared_sigma=0.10),
    Nuisance("alpha_brn", "beam-related neutrons, alpha_1", sigma=0.25),
    Nuisance("alpha_nin", "neutrino-induced neutrons, alpha_2", sigma=0.35),
    Nuisance("alpha_ssb", "steady-state background, alpha_3", sigma=0.021),
    Nuisance(
        "alpha_radius",
        "nuclear rms radii, alpha_4",
        sigma=0.05,
        shared_sigma=0.05,
        shared_as="alpha_radius_csi",
    ),
    Nuisance("alpha_quenching", "quenching, as a normalisation, alpha_5", sigma=0.038),
    Nuisance(
        "alpha_time",
        "shift of the beam-time onset [us], alpha_6",
        bounds=(-ONSET_RANGE_US, ONSET_RANGE_US),
    ),
    Nuisance("alpha_efficiency", "energy efficiency between its models, alpha_7", sigma=1.0),
)


Parameters = Mapping[str, Any]


def load(
    binning: Mapping[str, Sequence[float]] | None = None, *, quenching_models: bool = False
) -> Experiment:
    """The experiment, in the published 9 x 11 bins of energy [PE] and time [us] unless told."""
    edges: dict[str, Sequence[float]] = {"energy": ENERGY_EDGES_PE, "time": TIME_EDGES_US}
    for name in (binning or {}).keys() - edges.keys():
        raise unknown_name("axis of csi", name, edges)
    edges |= binning or {}
    energy = Axis("energy", edges["energy"], "Reconstructed energy", "PE")
    time = Axis("time", edges["time"], "Reconstructed time", "µs")
    counts = read_table("csi", "counts")
    parameters = read_toml("csi", "parameters")
    return Experiment(
        name="csi",
        variant="quenching" if quenching_models else "",
        axes=(energy, time),
        counts=_rebinned(counts, "coincident", energy, time),
        signals=_signals(parameters, energy, time, quenching_models),
        backgrounds=_backgrounds(parameters, counts, energy, time),
        nuisances=_nuisances(quenching_models),
        reference="COHERENT CsI 2021, arXiv:2110.07730",
    )


EXPERIMENTS = {"csi": load, "csi-quenching": partial(load, quenching_models=True)}


def _nuisances(quenching_models: bool) -> tuple[Nuisance, ...]:
    if not quenching_models:
        return NUISANCES
    models = (
        Nuisance(f"alpha_{model}", f"systematic {model} of the quenching", sigma=1.0)
        for model in QUENCHING_MODELS
    )
    return (*(n for n in NUISANCES if n.name != "alpha_quenching"), *models)


def _rebinned(counts: dict[str, np.ndarray], column: str, energy: Axis, time: Axis) -> np.ndarray:
    for axis, step, last in ((energy, 1.0, 250.0), (time, 0.125, 6.0)):
        on_grid = np.isclose(axis.edges / step, np.round(axis.edges / step), rtol=0, atol=1e-9)
        if not on_grid.all() or axis.edges[0] < 0 or axis.edges[-1] > last:
            raise InputError(
                f"csi {axis.name} edges must be multiples of {step:g} {axis.unit} between 0 and "
                f"{last:g}, got {axis.edges.tolist()}"
            )
    cells = (counts["energy_low_pe"] + 0.5, counts["time_low_us"] + 0.0625)
    return np.histogram2d(*cells, bins=(energy.edges, time.edges), weights=counts[column])[0]


def _signals(
    parameters: Parameters, energy: Axis, time: Axis, quenching_models: bool
) -> tuple[Signal, Signal]:
    """Recoils of nuclei and of electrons, which the detector cannot tell from each other."""
    exposure = parameters["exposure"]
    flux = pion_decay_at_rest(
        pions=exposure["protons_on_target"] * exposure["neutrinos_per_flavour_per_proton"],
        distance_m=exposure["distance_m"],
        pulse=PULSE,
    )
    moles = 1000 * exposure["detector_mass_kg"] / exposure["molar_mass_g_per_mol"]
    molecules = moles * AVOGADRO_PER_MOL
    detector = _detector(parameters, energy)
    quenched = _with_quenching_models(parameters, detector) if quenching_models else detector
    cevns = Signal(
        name="cevns",
        response=nuclear_response(
            {nucleus(symbol): molecules for symbol in ("Cs133", "I127")}, quenched, flux
        ),
        time_shapes=_arrival_shapes(parameters, flux, time),
        norms=("alpha_flux",) if quenching_models else ("alpha_flux", "alpha_quenching"),
        radius="alpha_radius",
        onset="alpha_time",
    )
    last_kev = energy.edges[-1] * parameters["resolution"]["mean_scale_kevee"]
    electrons = electron_response(
        ("Cs", "I"),
        detector,
        flux,
        end_kev=2 * last_kev + 3,  # ten standard deviations above the last bin
        molecule_number=molecules,
    )
    es = replace(cevns, name="es", response=electrons, norms=("alpha_flux",), radius=None)
    return cevns, es


def _detector(parameters: Parameters, energy: Axis) -> Detector:
    """With the two other models of its efficiency as a variation."""
    models = {name: SigmoidEfficiency(*given) for name, given in parameters["efficiency"].items()}
    nominal = Detector(
        energy_edges=energy.edges,
        quenching=PolynomialQuenching(tuple(parameters["quenching"]["nominal"])),
        resolution=GammaResolution(*parameters["resolution"].values()),
        efficiency=models["nominal"],
    )
    down, up = (replace(nominal, efficiency=models[end]) for end in ENDS)
    return replace(nominal, variations={"alpha_efficiency": (down, up)})


def _with_quenching_models(parameters: Parameters, detector: Detector) -> Detector:
    variations = {**detector.variations}
    for model in QUENCHING_MODELS:
        names = (f"{model.removeprefix('quenching_')}_{end}" for end in ENDS)
        down, up = (PolynomialQuenching(tuple(parameters["quenching"][name])) for name in names)
        alone = replace(detector, variations={})
        variations[f"alpha_{model}"] = replace(alone, quenching=down), replace(alone, quenching=up)
    return replace(detector, variations=variations)


def _arrival_shapes(parameters: Parameters, flux: Flux, time: Axis) -> dict[str, TimeShape]:
    """Arrival times normalised to one inside the window, before the time efficiency.

    So does the published analysis; decays later than 6 us are thus not lost (a 7 % larger signal).
    """
    efficiency = DecayingTimeEfficiency(**parameters["time_efficiency"])
    return {
        name: arrival_shape(
            source,
            time.edges,
            range_us=1.2 * ONSET_RANGE_US,
            efficiency=efficiency,
            efficiency_start_us=efficiency.start_us,
            window_us=WINDOW_US,
        )
        for name, source in flux.sources.items()
    }


def _backgrounds(
    parameters: Parameters, counts: dict[str, np.ndarray], energy: Axis, time: Axis
) -> tuple[Background, ...]:
    """Neutrons, whose released spectra have the energy efficiency in them, and the steady state."""
    events = parameters["background_events"]
    efficiency = DecayingTimeEfficiency(**parameters["time_efficiency"])
    energies, times = read_table("csi", "background_energy"), read_table("csi", "background_time")
    centres = energies["energy_low_pe"] + 0.5
    neutrons = tuple(
        Background(
            name=name,
            events=events[name],
            energy_shape=np.histogram(centres, energy.edges, weights=energies[name])[0],
            time_shape=_neutron_time_shape(times["time_low_us"], times[name], time, efficiency),
            norms=(f"alpha_{name}",),
            onset="alpha_time",
        )
        for name in ("brn", "nin")
    )
    return *neutrons, _steady_state(counts, events["ssb"], energy, time, efficiency.rate_per_us)


def _neutron_time_shape(
    lows_us: np.ndarray, table: np.ndarray, time: Axis, efficiency: DecayingTimeEfficiency
) -> TimeShape:
    """Released arrival times times the time efficiency, one in the window at nominal onset."""
    table_edges = np.append(lows_us, 2 * lows_us[-1] - lows_us[-2])

    def in_bins(shift_us: float, edges: Any) -> np.ndarray:
        return table_fractions(table_edges, table, shift_us, edges, efficiency)

    nominal = in_bins(0.0, WINDOW_US)
    return TimeShape.from_fractions(
        lambda shift_us: in_bins(shift_us, time.edges) / nominal,
        range_us=1.2 * ONSET_RANGE_US,
    )


def _steady_state(
    counts: dict[str, np.ndarray], events: float, energy: Axis, time: Axis, rate_per_us: float
) -> Background:
    """Energies of the anti-coincident events; times follow the time efficiency's decay."""
    whole = Axis("energy", WINDOW_PE, energy.label, energy.unit)
    window = Axis("time", WINDOW_US, time.label, time.unit)
    in_window = _rebinned(counts, "anticoincident", whole, window).sum()
    spectrum = _rebinned(counts, "anticoincident", energy, window).sum(axis=1)

    def survived(edges: Any) -> np.ndarray:
        return -np.diff(np.exp(-rate_per_us * np.asarray(edges)))

    return Background(
        name="ssb",
        events=events,
        energy_shape=spectrum / in_window,
        time_shape=TimeShape.constant(survived(time.edges) / survived(WINDOW_US)),
        norms=("alpha_ssb",),
    )
