"""COHERENT CsI[Na], full 2016-2019 data (arXiv:2110.07730), analysed as in arXiv:2211.11905.

    N = (1 + alpha_flux + alpha_quenching) N_cevns(alpha_radius, alpha_time, alpha_efficiency)
      + (1 + alpha_flux) N_es(alpha_time, alpha_efficiency)
      + (1 + alpha_brn) N_brn(alpha_time) + (1 + alpha_nin) N_nin(alpha_time)
      + (1 + alpha_ssb) N_ssb

The alpha_k of arXiv:2211.11905 are, for k = 0 ... 7: flux, brn, nin, ssb, radius, quenching,
time, efficiency.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from cevns_bayes.constants import AVOGADRO_PER_MOL
from cevns_bayes.datasets import read_table, read_toml
from cevns_bayes.detectors import (
    DecayingTimeEfficiency,
    GammaResolution,
    PolynomialQuenching,
    SigmoidEfficiency,
)
from cevns_bayes.errors import InputError, unknown_name
from cevns_bayes.experiment import Axis, Background, Experiment, Nuisance, Signal
from cevns_bayes.flux import Flavour, arrival_density
from cevns_bayes.nuclei import nucleus
from cevns_bayes.response import Detector, Response, electron_response, nuclear_response
from cevns_bayes.timing import TimeShape, density_fractions, table_fractions

ENERGY_EDGES_PE = (0, 8, 12, 16, 20, 24, 32, 40, 50, 60)
TIME_EDGES_US = (0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1, 2, 4, 6)
WINDOW_PE = np.array([0.0, 60.0])
WINDOW_US = np.array([0.0, 6.0])

PULSE_ONSET_US = 0.50
PULSE_WIDTH_US = 0.15
ONSET_RANGE_US = 0.25

NUISANCES = (
    Nuisance("alpha_flux", "neutrino flux and efficiency, alpha_0", sigma=0.11, shared_sigma=0.10),
    Nuisance("alpha_brn", "beam-related neutrons, alpha_1", sigma=0.25),
    Nuisance("alpha_nin", "neutrino-induced neutrons, alpha_2", sigma=0.35),
    Nuisance("alpha_ssb", "steady-state background, alpha_3", sigma=0.021),
    Nuisance("alpha_radius", "nuclear rms radii, alpha_4", sigma=0.05),
    Nuisance("alpha_quenching", "quenching, as a normalisation, alpha_5", sigma=0.038),
    Nuisance(
        "alpha_time",
        "shift of the beam-time onset [us], alpha_6",
        bounds=(-ONSET_RANGE_US, ONSET_RANGE_US),
    ),
    Nuisance("alpha_efficiency", "energy efficiency between its models, alpha_7", sigma=1.0),
)


def load(binning: dict[str, Sequence[float]]) -> Experiment:
    """The experiment, in the published 9 x 11 bins of energy [PE] and time [us] unless told."""
    edges: dict[str, Sequence[float]] = {"energy": ENERGY_EDGES_PE, "time": TIME_EDGES_US}
    for name in binning.keys() - edges.keys():
        raise unknown_name("axis of csi", name, edges)
    edges |= binning
    energy = Axis("energy", edges["energy"], "Reconstructed energy", "PE")
    time = Axis("time", edges["time"], "Reconstructed time", "µs")
    counts = read_table("csi", "counts")
    return Experiment(
        name="csi",
        axes=(energy, time),
        counts=_rebinned(counts, "coincident", energy, time),
        signals=_signals(energy, time),
        backgrounds=_backgrounds(counts, energy, time),
        nuisances=NUISANCES,
        reference="COHERENT CsI 2021, arXiv:2110.07730",
    )


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


def _signals(energy: Axis, time: Axis) -> tuple[Signal, Signal]:
    """Recoils of nuclei and of electrons, which the detector cannot tell from each other."""
    parameters = read_toml("csi", "parameters")
    exposure = parameters["exposure"]
    moles = 1000 * exposure["detector_mass_kg"] / exposure["molar_mass_g_per_mol"]
    molecules = moles * AVOGADRO_PER_MOL
    detector = _detector(energy)
    quenching = PolynomialQuenching(tuple(parameters["quenching"]["nominal"]))
    cevns = Signal(
        name="cevns",
        response=Response.joined(
            [
                nuclear_response(
                    nucleus(symbol), detector, quenching=quenching, target_number=molecules
                )
                for symbol in ("Cs133", "I127")
            ]
        ),
        time_shapes={flavour: _arrival_shape(flavour, time) for flavour in Flavour},
        norms=("alpha_flux", "alpha_quenching"),
        radius="alpha_radius",
        onset="alpha_time",
        baseline_m=exposure["distance_m"],
    )
    last_kev = energy.edges[-1] * parameters["resolution"]["mean_scale_kevee"]
    electrons = electron_response(
        ("Cs", "I"),
        detector,
        end_kev=2 * last_kev + 3,  # ten standard deviations above the last bin
        molecule_number=molecules,
    )
    es = replace(cevns, name="es", response=electrons, norms=("alpha_flux",), radius=None)
    return cevns, es


def _detector(energy: Axis) -> Detector:
    parameters = read_toml("csi", "parameters")
    exposure = parameters["exposure"]
    pions = exposure["protons_on_target"] * exposure["neutrinos_per_flavour_per_proton"]
    efficiency = {
        model: SigmoidEfficiency(*coefficients)
        for model, coefficients in parameters["efficiency"].items()
    }
    return Detector(
        energy_edges=energy.edges,
        resolution=GammaResolution(*parameters["resolution"].values()),
        efficiency=efficiency["nominal"],
        efficiency_variations={"alpha_efficiency": (efficiency["down"], efficiency["up"])},
        pions_per_cm2=pions / (4 * np.pi * (100 * exposure["distance_m"]) ** 2),
    )


def _time_efficiency() -> DecayingTimeEfficiency:
    return DecayingTimeEfficiency(**read_toml("csi", "parameters")["time_efficiency"])


def _arrival_shape(flavour: Flavour, time: Axis) -> TimeShape:
    """Arrival times normalised to one inside the window, before the time efficiency.

    So does the published analysis; decays later than 6 us are thus not lost (a 7 % larger signal).
    """
    efficiency = _time_efficiency()

    def fractions(shift_us: float) -> np.ndarray:
        def density(t: np.ndarray) -> np.ndarray:
            return arrival_density(flavour, t, PULSE_ONSET_US + shift_us, PULSE_WIDTH_US)

        in_window = density_fractions(density, WINDOW_US, np.ones_like, efficiency.start_us)
        in_bins = density_fractions(density, time.edges, efficiency, efficiency.start_us)
        return in_bins / in_window

    return _moved_by_onset(fractions)


def _moved_by_onset(fractions: Callable[[float], np.ndarray]) -> TimeShape:
    return TimeShape.from_fractions(fractions, range_us=1.2 * ONSET_RANGE_US)


def _backgrounds(counts: dict[str, np.ndarray], energy: Axis, time: Axis) -> tuple[Background, ...]:
    events = read_toml("csi", "parameters")["background_events"]
    neutrons = tuple(
        Background(
            name=name,
            events=events[name],
            energy_shape=_neutron_energy_shape(name, energy),
            time_shape=_neutron_time_shape(name, time),
            norms=(f"alpha_{name}",),
            onset="alpha_time",
        )
        for name in ("brn", "nin")
    )
    return (*neutrons, _steady_state(counts, events["ssb"], energy, time))


def _neutron_energy_shape(name: str, energy: Axis) -> np.ndarray:
    """Released spectrum, energy efficiency included, one in the analysis window."""
    table = read_table("csi", "background_energy")
    return np.histogram(table["energy_low_pe"] + 0.5, energy.edges, weights=table[name])[0]


def _neutron_time_shape(name: str, time: Axis) -> TimeShape:
    """Released arrival times times the time efficiency, one in the window at nominal onset."""
    table = read_table("csi", "background_time")
    lows, efficiency = table["time_low_us"], _time_efficiency()
    table_edges = np.append(lows, 2 * lows[-1] - lows[-2])

    def in_bins(shift_us: float, edges: np.ndarray) -> np.ndarray:
        return table_fractions(table_edges, table[name], shift_us, edges, efficiency)

    nominal = in_bins(0.0, WINDOW_US)
    return _moved_by_onset(lambda shift_us: in_bins(shift_us, time.edges) / nominal)


def _steady_state(
    counts: dict[str, np.ndarray], events: float, energy: Axis, time: Axis
) -> Background:
    """Energies of the anti-coincident events; times follow the time efficiency's decay."""
    whole = Axis("energy", WINDOW_PE, energy.label, energy.unit)
    window = Axis("time", WINDOW_US, time.label, time.unit)
    in_window = _rebinned(counts, "anticoincident", whole, window).sum()
    spectrum = _rebinned(counts, "anticoincident", energy, window).sum(axis=1)
    rate = _time_efficiency().rate_per_us

    def survived(edges: np.ndarray) -> np.ndarray:
        return -np.diff(np.exp(-rate * edges))

    return Background(
        name="ssb",
        events=events,
        energy_shape=spectrum / in_window,
        time_shape=TimeShape.constant(survived(time.edges) / survived(WINDOW_US)),
        norms=("alpha_ssb",),
    )
