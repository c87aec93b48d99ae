"""A forecast in short: a detector at a source, a flat steady background, two norms.

    N = (1 + alpha_flux) (N_cevns(alpha_radius) + N_es) + (1 + alpha_background) N_background

Without counts: they are those that the Standard Model predicts, unless told otherwise.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from cevns_bayes.detectors.detector import Detector, electron_response, nuclear_response
from cevns_bayes.detectors.effects import PolynomialQuenching
from cevns_bayes.detectors.time_shapes import TimeShape, arrival_shape
from cevns_bayes.errors import InputError
from cevns_bayes.experiments.components import Background, Signal
from cevns_bayes.experiments.experiment import Axis, Experiment
from cevns_bayes.experiments.nuisance import Nuisance
from cevns_bayes.physics.nuclei import natural_compound
from cevns_bayes.sources.source import Flux

RECOIL_SCALE = PolynomialQuenching((1.0,))  # of a detector whose energies are those of recoils
RADIUS_SIGMA = 0.05  # of the rms radii of nuclei: that of arXiv:2211.11905 for CsI


def forecast(
    name: str,
    detector: Detector,
    flux: Flux,
    atoms: Mapping[str, int],
    mass_kg: float,
    *,
    unit: str,
    background_events: float,
    nuisances: Sequence[Nuisance],
    reference: str,
    time: Axis | None = None,
    electrons: bool = False,
) -> Experiment:
    """Experiment without counts.

    Parameters
    ----------
    atoms
        Element -> number of its atoms in a molecule, of natural composition.
    unit
        Of the energies of the detector's bins.
    background_events
        Number of events of the background in all bins, flat in energy and time.
    nuisances
        As of :func:`norms`; with ``"alpha_radius"``, see :func:`radius`, if it is to act.
    time
        Axis of the arrival times, for a flux that has such.
    electrons
        Whether electrons recoil, too: where the detector cannot tell and its energies are those
        that electrons deposit.
    """
    energy = Axis("energy", detector.energy_edges, "Energy", unit)
    nuclei = natural_compound(atoms, mass_kg)
    responses = {"cevns": nuclear_response(nuclei, detector, flux)}
    if electrons:
        responses["es"] = electron_response(
            [element for element, number in atoms.items() for _ in range(number)],
            detector,
            flux,
            end_kev=1.5 * energy.edges[-1],
            molecule_number=sum(nuclei.values()) / sum(atoms.values()),
        )
    sources = flux.sources.items() if time else ()
    times = {source: arrival_shape(at, time.edges) for source, at in sources if time}
    radii = {"cevns": "alpha_radius"} if "alpha_radius" in [n.name for n in nuisances] else {}
    return Experiment(
        name=name,
        axes=(energy, time) if time else (energy,),
        signals=tuple(
            Signal(kind, response, times, norms=("alpha_flux",), radius=radii.get(kind))
            for kind, response in responses.items()
        ),
        backgrounds=(_flat(background_events, energy, time),),
        nuisances=tuple(nuisances),
        reference=reference,
    )


def _flat(events: float, energy: Axis, time: Axis | None) -> Background:
    def shares(axis: Axis) -> np.ndarray:
        return np.diff(axis.edges) / np.ptp(axis.edges)

    steady = TimeShape.constant(shares(time)) if time else None
    return Background("background", events, shares(energy), steady, norms=("alpha_background",))


def norms(
    signal: float, background: float, *, shared: float = 0.0, beam: str = ""
) -> tuple[Nuisance, Nuisance]:
    """Norms of signal and background; ``shared`` is the part of the signal's that a beam has."""
    return (
        Nuisance(
            "alpha_flux",
            "flux, quenching and efficiency",
            sigma=signal,
            shared_sigma=shared,
            shared_as=beam,
        ),
        Nuisance("alpha_background", "background", sigma=background),
    )


def radius(target: str) -> Nuisance:
    """Rms radii of the nuclei of a target, which all its detectors have in common."""
    return Nuisance(
        "alpha_radius",
        "nuclear rms radii",
        sigma=RADIUS_SIGMA,
        shared_sigma=RADIUS_SIGMA,
        shared_as=f"alpha_radius_{target}",
    )


def threshold_of(name: str, given: float | None, own: float, last: float) -> float:
    """The threshold of a detector whose bins end at ``last``: the one given, or its own."""
    threshold = own if given is None else given
    if not 0 < threshold < last:
        raise InputError(f"threshold of {name} must be above 0 and below {last:g}, got {given}")
    return threshold


def resolved_edges(first_kev: float, last_kev: float, scale: float) -> np.ndarray:
    """Bins that are as wide as sigma = scale sqrt(E) at their lower edge, or a bit wider.

    Equal steps of sqrt(E), shape (bins + 1,).
    """
    low, high = np.sqrt(first_kev), np.sqrt(last_kev)
    # Of a bin from x^2 to (x + d)^2, wider than scale x if d >= scale/2.
    bins = max(1, int((high - low) / (scale / 2)))
    return np.linspace(low, high, bins + 1) ** 2
