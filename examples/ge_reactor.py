"""A germanium detector at a reactor that does not exist yet: a forecast.

    cevns-bayes run weak-mixing-angle --data examples/ge_reactor.py

No counts are given, so they are those that the Standard Model predicts.
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
    Signal,
    natural_element,
    nuclear_response,
    reactor,
)

MASS_KG, DAYS = 4.0, 365.0
ENERGY = Axis("energy", np.linspace(0.16, 0.80, 33), "Ionisation energy", "keVee")
BACKGROUND_PER_KEV_KG_DAY = 10.0


def load():
    flux = reactor(power_gw=3.9, distance_m=20.0, days=DAYS)
    detector = Detector(
        ENERGY.edges, LindhardQuenching(k=0.162, protons=32), GaussianResolution(noise=0.020)
    )
    events = BACKGROUND_PER_KEV_KG_DAY * MASS_KG * DAYS * np.ptp(ENERGY.edges)
    flat = np.diff(ENERGY.edges) / np.ptp(ENERGY.edges)
    response = nuclear_response(natural_element("Ge", MASS_KG), detector, flux)
    return Experiment(
        name="ge-reactor",
        axes=(ENERGY,),
        signals=(Signal("cevns", response, norms=("alpha_flux",)),),
        backgrounds=(Background("flat", events, flat, norms=("alpha_flat",)),),
        nuisances=(
            Nuisance("alpha_flux", "reactor flux and quenching", sigma=0.05),
            Nuisance("alpha_flat", "flat background", sigma=0.01),
        ),
        reference="a germanium detector at a reactor, forecast",
    )
