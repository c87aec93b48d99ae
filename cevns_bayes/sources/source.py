"""A source: a flavour with its spectrum and arrival times. A flux: the sources of an experiment."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from cevns_bayes.checks import called, check_array, check_fields, check_has, check_kind
from cevns_bayes.errors import InputError
from cevns_bayes.physics.flavours import Flavour
from cevns_bayes.sources.spectra import Spectrum

THRESHOLDS = np.array([0.05, 0.3, 0.6])  # of the end, where a spectrum is tried

# Density [1/us] of arrival times [us] for a shift of the beam-time onset [us].
Arrival = Callable[[np.ndarray, float], np.ndarray]


@dataclass(frozen=True)
class Source:
    """Neutrinos of one flavour; ``arrival`` is None if they come at any time.

    The spectrum is normalised to the neutrinos that a parent particle emits.

    Examples
    --------
    >>> cb.Source(cb.Flavour.NU_E_BAR, cb.tabulated([1.0, 8.0], [0.5, 0.0])).spectrum.end_mev
    8.0
    """

    flavour: Flavour
    spectrum: Spectrum
    arrival: Arrival | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "flavour", Flavour(self.flavour))
        title = f"spectrum of {self.flavour}"
        check_has(title, self.spectrum, "end_mev", "moments")
        check_array(f"end_mev of the {title}", self.spectrum.end_mev, (), "finite and positive")
        moments = called(title, self.spectrum.moments, self.spectrum.end_mev * THRESHOLDS)
        allowed = "finite and non-negative"
        check_array(f"the three moments of the {title}", moments, (3, len(THRESHOLDS)), allowed)


@dataclass(frozen=True)
class Flux:
    """The sources of an experiment, by name.

    Attributes
    ----------
    sources
        Name -> source; two sources may have the same flavour.
    fluence_per_cm2
        Parent particles during the exposure over 4 pi L^2.
    distance_m
        Distance L from the source, needed only where neutrinos oscillate.

    Examples
    --------
    >>> sources = {"prompt": cb.Source(cb.Flavour.NU_MU, cb.Line(29.8))}
    >>> flux = cb.Flux.from_point(sources, parents=1e22, distance_m=20.0)
    >>> f"{flux.fluence_per_cm2:.3e}"
    '1.989e+14'
    """

    sources: Mapping[str, Source]
    fluence_per_cm2: float
    distance_m: float | None = None

    def __post_init__(self) -> None:
        if not self.sources:
            raise InputError("a flux needs one source or more, got none")
        for name, source in self.sources.items():
            check_kind(f"source {name} of a flux", source, Source)
        check_fields(self, "finite and positive", "fluence_per_cm2")
        if self.distance_m is not None:
            check_fields(self, "finite and positive", "distance_m")

    @classmethod
    def from_point(
        cls, sources: Mapping[str, Source], *, parents: float, distance_m: float
    ) -> "Flux":
        """From ``parents`` particles that decayed at a point at a distance [m]."""
        for name, number in {"parents": parents, "distance_m": distance_m}.items():
            check_array(f"{name} of Flux", number, (), "finite and positive")
        return cls(sources, parents / (4 * np.pi * (100 * distance_m) ** 2), distance_m)

    @property
    def ends_mev(self) -> list[float]:
        """Ends of the spectra, where rates are not smooth."""
        return sorted({source.spectrum.end_mev for source in self.sources.values()})

    def arrays(self) -> list[np.ndarray]:
        """Arrays that define the flux, for the fingerprint of an experiment."""
        thresholds = self.ends_mev[-1] * np.linspace(0.05, 0.95, 10)
        moments = [np.array(s.spectrum.moments(thresholds)) for s in self.sources.values()]
        numbers = [np.array(self.fluence_per_cm2), np.array(self.distance_m or 0.0)]
        return [*numbers, *moments]
