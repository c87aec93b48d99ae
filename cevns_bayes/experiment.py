"""What an experiment is: observed counts, signals, backgrounds and nuisances."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cevns_bayes.errors import InputError, unknown_name
from cevns_bayes.flux import Flavour
from cevns_bayes.morphing import Alphas, Morphed
from cevns_bayes.response import Response
from cevns_bayes.timing import TimeShape

_MUST_BE: Mapping[str, Callable[[np.ndarray], Any]] = {
    "numbers": lambda x: ~np.isnan(x),
    "finite": np.isfinite,
    "finite and non-negative": lambda x: np.isfinite(x) & (x >= 0),
    "finite and positive": lambda x: np.isfinite(x) & (x > 0),
    "non-negative integers": lambda x: np.isfinite(x) & (x >= 0) & (x == np.round(x)),
}


@dataclass(frozen=True)
class Axis:
    """One axis of the histogram of counts: bin edges of shape (bins + 1,), in ``unit`` if any."""

    name: str
    edges: Any
    label: str
    unit: str

    def __post_init__(self) -> None:
        try:
            edges = np.asarray(self.edges, dtype=float)
        except (TypeError, ValueError):
            raise InputError(f"{self.name} edges must be numbers, got {self.edges}") from None
        object.__setattr__(self, "edges", edges)
        if edges.ndim != 1 or len(edges) < 2 or not np.all(np.diff(edges) > 0):
            raise InputError(
                f"{self.name} edges must be increasing numbers, at least two, got {edges}"
            )

    @property
    def title(self) -> str:
        """Label with unit."""
        return f"{self.label} [{self.unit}]" if self.unit else self.label

    @property
    def centres(self) -> np.ndarray:
        """Bin centres, shape (bins,)."""
        return (self.edges[1:] + self.edges[:-1]) / 2


@dataclass(frozen=True)
class Nuisance:
    """A systematic uncertainty alpha_k.

    Gaussian around 0 with ``sigma``, flat within ``bounds``, or, with both, Gaussian cut at the
    bounds. ``shared_sigma`` is the part of sigma that experiments with a nuisance of the same
    name have in common.
    """

    name: str
    description: str
    sigma: float | None = None
    bounds: tuple[float, float] | None = None
    shared_sigma: float = 0.0

    def __post_init__(self) -> None:
        if self.sigma is None and self.bounds is None:
            raise InputError(f"nuisance '{self.name}' needs sigma or bounds")
        if self.sigma is not None:
            _checked(f"nuisance '{self.name}' sigma", self.sigma, (), "finite and positive")
        if self.bounds is not None:
            title = f"nuisance '{self.name}' bounds"
            allowed = "finite" if self.sigma is None else "numbers"
            low, high = _checked(title, self.bounds, (2,), allowed)
            if not low < high:
                raise InputError(f"{title} must increase, got {self.bounds}")
        if self.shared_sigma and not (self.sigma and self.sigma > self.shared_sigma > 0):
            raise InputError(f"nuisance '{self.name}' needs 0 < shared_sigma < sigma")


@dataclass(frozen=True)
class Signal:
    """Neutrino events: (1 + sum of norms) sum_f T_f[t] R rho_f.

    Attributes
    ----------
    response
        Response to the recoils of all target nuclei, or of the electrons.
    time_shapes
        Fraction of each flavour's events per time bin.
    norms
        Nuisances that scale the component, added up.
    radius, onset
        Nuisances that scale the rms radii and shift the beam-time onset [us], if any.
    shape
        Factor on every bin of the experiment: how the events of an energy bin spread over the
        axes between energy and time, and systematics of the shape.
    baseline_m
        Distance from the source, which neutrinos that oscillate need.
    """

    name: str
    response: Response
    time_shapes: Mapping[Flavour, TimeShape]
    norms: tuple[str, ...] = ()
    radius: str | None = None
    onset: str | None = None
    shape: Morphed | None = None
    baseline_m: float | None = None

    @property
    def nuisance_names(self) -> set[str]:
        """Every nuisance that acts here."""
        optional = {name for name in (self.radius, self.onset) if name}
        shape = self.shape.variations if self.shape else ()
        return {*self.response.variations, *self.norms, *shape} | optional

    def check(self, title: str, shape: tuple[int, ...]) -> None:
        """Refuse what does not fit an experiment of this shape; ``title`` begins the message."""
        matrix = Morphed(self.response.matrix, self.response.variations)
        nodes = len(self.response.recoil_energy_mev)
        _check_morphed(f"{title} response matrix", matrix, (shape[0], nodes))
        for flavour in Flavour:
            if flavour not in self.time_shapes:
                given = ", ".join(self.time_shapes) or "none"
                raise InputError(f"{title} needs a time shape of {flavour}, got {given}")
            _check_time_shape(f"{title} {flavour}", self.time_shapes[flavour], shape)
        if self.shape is not None:
            _check_morphed(f"{title} shape", self.shape, shape)
        elif len(shape) != 2:
            raise InputError(f"{title} needs a shape to fill {len(shape)} axes, got none")

    def arrays(self) -> list[np.ndarray]:
        """What makes it, for the fingerprint."""
        response = Morphed(self.response.matrix, self.response.variations).arrays()
        times = [shape.coefficients for shape in self.time_shapes.values()]
        baseline = [] if self.baseline_m is None else [np.array(self.baseline_m)]
        return response + times + (self.shape.arrays() if self.shape else []) + baseline


@dataclass(frozen=True)
class Background:
    """(1 + sum of norms) * events * energy shape * time shape, in an experiment of two axes.

    ``energy_shape``, of shape (energy,), and ``time_shape`` are fractions of ``events``.
    """

    name: str
    events: float
    energy_shape: np.ndarray
    time_shape: TimeShape
    norms: tuple[str, ...] = ()
    onset: str | None = None

    @property
    def nuisance_names(self) -> set[str]:
        """Every nuisance that acts here."""
        return {*self.norms} | ({self.onset} if self.onset else set())

    def check(self, title: str, shape: tuple[int, ...]) -> None:
        """Refuse what does not fit an experiment of this shape; ``title`` begins the message."""
        if len(shape) != 2:
            raise InputError(f"{title} must be a TemplateBackground to fill {len(shape)} axes")
        _checked(f"{title} events", self.events, (), "finite and non-negative")
        _checked(f"{title} energy_shape", self.energy_shape, shape[:1])
        _check_time_shape(title, self.time_shape, shape)

    def expected(self, alphas: Alphas) -> Any:
        """Expected events before the normalisation nuisances, shape (energy, time)."""
        shift = alphas[self.onset] if self.onset else 0.0
        return self.events * self.energy_shape[:, None] * self.time_shape(shift)

    def arrays(self) -> list[np.ndarray]:
        """What makes it, for the fingerprint."""
        return [np.array(self.events), self.energy_shape, self.time_shape.coefficients]


@dataclass(frozen=True)
class TemplateBackground:
    """(1 + sum of norms) * template, in events per bin of the experiment."""

    name: str
    template: Morphed
    norms: tuple[str, ...] = ()

    @property
    def events(self) -> float:
        """Nominal number of events."""
        return float(self.template.nominal.sum())

    @property
    def nuisance_names(self) -> set[str]:
        """Every nuisance that acts here."""
        return {*self.norms, *self.template.variations}

    def check(self, title: str, shape: tuple[int, ...]) -> None:
        """Refuse what does not fit an experiment of this shape; ``title`` begins the message."""
        _check_morphed(f"{title} template", self.template, shape, "finite and non-negative")

    def expected(self, alphas: Alphas) -> Any:
        """Expected events before the normalisation nuisances, of the experiment's shape."""
        return self.template(alphas)

    def arrays(self) -> list[np.ndarray]:
        """What makes it, for the fingerprint."""
        return self.template.arrays()


@dataclass(frozen=True)
class Experiment:
    """Counts in bins with everything needed to predict them.

    Attributes
    ----------
    name
        Short lower-case name; prefixes the nuisances, ``"csi::alpha_brn"``.
    axes
        Axes of the counts, at least two: energy first, time last.
    counts
        Observed events per bin: non-negative integers, of the shape of the axes.
    signals, backgrounds, nuisances
        At least one signal; everything has a name of its own.
    gaussian_variance
        If given, the likelihood is Gaussian with this variance per bin instead of Poisson.
    reference
        Where the data were published.
    """

    name: str
    axes: tuple[Axis, ...]
    counts: np.ndarray
    signals: tuple[Signal, ...]
    backgrounds: tuple[Background | TemplateBackground, ...]
    nuisances: tuple[Nuisance, ...]
    reference: str = ""
    gaussian_variance: np.ndarray | None = None

    def __post_init__(self) -> None:
        self._check_structure()
        counts = _checked(f"{self.name} counts", self.counts, self.shape, "non-negative integers")
        object.__setattr__(self, "counts", counts.astype(np.int64))
        if self.gaussian_variance is not None:
            title = f"{self.name} gaussian_variance"
            variance = _checked(title, self.gaussian_variance, self.shape, "finite and positive")
            object.__setattr__(self, "gaussian_variance", variance)
        declared = [nuisance.name for nuisance in self.nuisances]
        for component in self.components:
            component.check(f"{self.name} {component.name}", self.shape)
            for name in sorted(component.nuisance_names - {*declared}):
                raise unknown_name(f"nuisance of {self.name} {component.name}", name, declared)

    def _check_structure(self) -> None:
        """Names, axes, and that there is a signal."""
        if not re.fullmatch("[a-z][a-z0-9_-]*", self.name):
            allowed = "lower-case letters, digits, - and _, a letter first"
            raise InputError(f"name of an experiment must be {allowed}, got '{self.name}'")
        axes = [axis.name for axis in self.axes]
        if len(axes) < 2:
            raise InputError(f"{self.name} needs two axes or more, energy to time, got {axes}")
        if not self.signals:
            raise InputError(f"{self.name} needs one signal or more, got none")
        nuisances = [nuisance.name for nuisance in self.nuisances]
        named = {"axes": axes, "components": self.component_names, "nuisances": nuisances}
        for kind, names in named.items():
            if len({*names}) < len(names):
                raise InputError(f"{kind} of {self.name} must have different names, got {names}")

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of bins per axis."""
        return tuple(len(axis.edges) - 1 for axis in self.axes)

    @property
    def components(self) -> list[Signal | Background | TemplateBackground]:
        """Signals, then backgrounds."""
        return [*self.signals, *self.backgrounds]

    @property
    def component_names(self) -> list[str]:
        """Names of the components."""
        return [component.name for component in self.components]

    def without_shared_part(self) -> "Experiment":
        """The same with only its own part of the nuisances that have a shared part."""
        own = [
            replace(n, sigma=float(np.sqrt(n.sigma**2 - n.shared_sigma**2)), shared_sigma=0.0)
            if n.sigma and n.shared_sigma
            else n
            for n in self.nuisances
        ]
        return replace(self, nuisances=tuple(own))

    def qualified(self, local_name: str) -> str:
        """Name inside a model, e.g. ``"csi::alpha_brn"``."""
        return f"{self.name}::{local_name}"

    def axis(self, name: str) -> Axis:
        """Axis by name."""
        for axis in self.axes:
            if axis.name == name:
                return axis
        raise unknown_name(f"axis of {self.name}", name, [axis.name for axis in self.axes])

    def fingerprint(self) -> str:
        """sha256 of counts, variance, bins, nuisances, responses, shapes: identifies the data."""
        arrays = [self.counts, *(axis.edges for axis in self.axes)]
        arrays += [] if self.gaussian_variance is None else [self.gaussian_variance]
        for component in self.components:
            arrays += component.arrays()
        digest = hashlib.sha256(repr((self.name, self.nuisances)).encode())
        for array in arrays:
            # Rounded, so that the last bits of another machine's arithmetic do not matter.
            scale = np.abs(array).max() or 1.0
            digest.update((np.round(array / scale, 6) + 0.0).tobytes())
            digest.update(f"{scale:.6e}".encode())
        return digest.hexdigest()


def _checked(title: str, given: Any, shape: tuple[int, ...], allowed: str = "finite") -> np.ndarray:
    """Array of a shape and of numbers that are ``allowed``; ``title`` begins the message."""
    try:
        array = np.asarray(given, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError(f"{title} must be numbers of shape {shape}: {error}") from None
    if array.shape != shape:
        raise InputError(f"{title} must have shape {shape}, got {array.shape}")
    wrong = ~_MUST_BE[allowed](array)
    if wrong.any():
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        place = f" at index {where}" if where else ""
        raise InputError(f"{title} must be {allowed}, got {array[where]}{place}")
    return array


def _check_morphed(
    title: str, morphed: Morphed, shape: tuple[int, ...], allowed: str = "finite"
) -> None:
    _checked(title, morphed.nominal, shape, allowed)
    for name, versions in morphed.variations.items():
        _checked(f"{title} at -1 and +1 sigma of {name}", versions, (2, *shape))


def _check_time_shape(title: str, time_shape: TimeShape, shape: tuple[int, ...]) -> None:
    expected = (len(time_shape.knots_us), shape[-1])
    _checked(f"{title} time_shape coefficients", time_shape.coefficients, expected)
