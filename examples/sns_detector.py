"""Germanium at a pulsed stopped-pion source, in bins of energy and time: a forecast.

cevns-bayes run nsi-ee-ud --data examples/sns_detector.py --exposure 3
"""

import numpy as np

from cevns_bayes.authoring import (
    Axis,
    Background,
    Detector,
    Experiment,
    GaussianResolution,
    LindhardQuenching,
    Nuisance,
    Pulse,
    Signal,
    TimeShape,
    arrival_shape,
    natural_element,
    nuclear_response,
    pion_decay_at_rest,
)

ENERGY = Axis("energy", np.linspace(1.5, 15.0, 10), "Ionisation energy", "keVee")
TIME = Axis("time", np.array([0.0, 1.0, 2.0, 4.0, 6.0]), "Time", "µs")


def load():
    pulse = Pulse(onset_us=0.5, width_us=0.15)
    flux = pion_decay_at_rest(pions=0.0848 * 1.5e23, distance_m=19.2, pulse=pulse)
    detector = Detector(ENERGY.edges, LindhardQuenching(0.157, 32), GaussianResolution(0.05, 0.1))
    times = {name: arrival_shape(source, TIME.edges) for name, source in flux.sources.items()}
    response = nuclear_response(natural_element("Ge", 18.0), detector, flux)
    steady = TimeShape.constant(np.diff(TIME.edges) / np.ptp(TIME.edges))
    flat = np.diff(ENERGY.edges) / np.ptp(ENERGY.edges)
    return Experiment(
        name="sns-ge-example",
        axes=(ENERGY, TIME),
        signals=(Signal("cevns", response, times, norms=("alpha_flux",)),),
        backgrounds=(Background("flat", 80.0, flat, steady, norms=("alpha_flat",)),),
        nuisances=(
            Nuisance("alpha_flux", "flux and quenching", sigma=0.10, shared_sigma=0.09),
            Nuisance("alpha_flat", "steady background", sigma=0.05),
        ),
        reference="germanium at a stopped-pion source, forecast",
    )
