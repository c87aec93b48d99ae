"""Who emits which neutrinos, and when they arrive.

A :class:`Source` is a flavour with a spectrum and arrival times, a :class:`Flux` the sources of an
experiment; pion decay at rest and reactors are ready-made fluxes.
"""

from cevns_bayes.sources.pion_decay import Pulse, pion_decay_at_rest
from cevns_bayes.sources.reactors import reactor
from cevns_bayes.sources.source import Flux, Source
from cevns_bayes.sources.spectra import Line, Polynomials, Spectrum, tabulated

__all__ = [
    "Flux",
    "Line",
    "Polynomials",
    "Pulse",
    "Source",
    "Spectrum",
    "pion_decay_at_rest",
    "reactor",
    "tabulated",
]
