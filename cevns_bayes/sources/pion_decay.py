"""Neutrinos from pions decaying at rest: a prompt nu_mu line, delayed nu_e and nu_mu_bar.

A pi+ at rest gives a nu_mu of one energy, its muon a nu_e and a nu_mu_bar with Michel spectra.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy import stats

from cevns_bayes.checks import check_fields
from cevns_bayes.physics.constants import (
    MUON_LIFETIME_US,
    MUON_MASS_MEV,
    PION_LIFETIME_US,
    PION_MASS_MEV,
)
from cevns_bayes.physics.flavours import Flavour
from cevns_bayes.sources.source import Flux, Source
from cevns_bayes.sources.spectra import Line, Polynomials, Spectrum

PROMPT_ENERGY_MEV = (PION_MASS_MEV**2 - MUON_MASS_MEV**2) / (2 * PION_MASS_MEV)
MICHEL_END_MEV = MUON_MASS_MEV / 2


@dataclass(frozen=True)
class Pulse:
    """Arrival of the protons: Gaussian of mean ``onset_us`` and standard deviation ``width_us``.

    Examples
    --------
    >>> pulse = cb.Pulse(onset_us=0.5, width_us=0.15)
    >>> flux = cb.pion_decay_at_rest(pions=1e22, distance_m=20.0, pulse=pulse)
    >>> flux.sources["nu_mu"].arrival(np.array([0.5, 1.0]), 0.0).round(2)
    array([2.59, 0.02])
    """

    onset_us: float
    width_us: float

    def __post_init__(self) -> None:
        check_fields(self, "finite", "onset_us")
        check_fields(self, "finite and positive", "width_us")


def _michel(squared: float, cubed: float) -> Polynomials:
    coefficients = np.array([[0, 0, squared / MUON_MASS_MEV**3, cubed / MUON_MASS_MEV**4]])
    return Polynomials(np.array([0, MICHEL_END_MEV]), coefficients)


SPECTRA: dict[Flavour, Spectrum] = {
    Flavour.NU_E: _michel(96, -192),
    Flavour.NU_MU: Line(PROMPT_ENERGY_MEV),
    Flavour.NU_MU_BAR: _michel(48, -64),
}


def pion_decay_at_rest(*, pions: float, distance_m: float, pulse: Pulse | None = None) -> Flux:
    """Flux of pi+ that decay at rest: one nu_e, nu_mu and nu_mu_bar each.

    Parameters
    ----------
    pions
        Number of pi+ that decay during the exposure: protons on target times pi+ per proton.
    distance_m
        Distance from the target to the detector.
    pulse
        Pulse of the beam; without one, neutrinos have no arrival times.

    Examples
    --------
    >>> flux = cb.pion_decay_at_rest(pions=1e22, distance_m=20.0)
    >>> list(flux.sources), f"{flux.fluence_per_cm2:.3e}"
    (['nu_e', 'nu_mu', 'nu_mu_bar'], '1.989e+14')
    """
    sources = {}
    for flavour, spectrum in SPECTRA.items():
        arrival = None if pulse is None else partial(_arrival, flavour=flavour, pulse=pulse)
        sources[flavour.value] = Source(flavour, spectrum, arrival)
    return Flux.from_point(sources, parents=pions, distance_m=distance_m)


def _arrival(time_us: np.ndarray, shift_us: float, *, flavour: Flavour, pulse: Pulse) -> np.ndarray:
    return arrival_density(flavour, time_us, pulse.onset_us + shift_us, pulse.width_us)


def arrival_density(
    flavour: Flavour, time_us: np.ndarray, onset_us: np.ndarray | float, width_us: float
) -> np.ndarray:
    """Density [1/us] of arrival times for a Gaussian proton pulse.

    The pulse (mean ``onset_us``, standard deviation ``width_us``) is folded with the pion
    lifetime for the nu_mu, and with the pion and the muon lifetimes for the nu_e and nu_mu_bar,
    which come from the muon of the same pion. Exact, as exponentially modified Gaussians.
    The two array arguments are broadcast against each other.
    """
    prompt = _modified_gaussian(time_us, onset_us, width_us, PION_LIFETIME_US)
    if flavour == Flavour.NU_MU:
        return prompt
    delayed = _modified_gaussian(time_us, onset_us, width_us, MUON_LIFETIME_US)
    return (MUON_LIFETIME_US * delayed - PION_LIFETIME_US * prompt) / (
        MUON_LIFETIME_US - PION_LIFETIME_US
    )


def _modified_gaussian(time: Any, mean: Any, width: float, lifetime: float) -> np.ndarray:
    return stats.exponnorm.pdf(time, lifetime / width, loc=mean, scale=width)
