"""Components of the expected counts: neutrino signals, and backgrounds of several kinds.

A background is anything with the attributes of :class:`Component`; ``norms`` are nuisances that
scale it, (1 + sum of norms) times what ``expected`` returns. It may also have ``varied_by``, names
of nuisances of unit width, and ``onset`` with ``moved``, a nuisance and the shapes that it moves.
What the methods do is said there, once for all of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pytensor.tensor as pt

from cevns_bayes.checks import called, check_array, check_kind
from cevns_bayes.detectors.morphing import Alphas, Morphed
from cevns_bayes.detectors.response import Response
from cevns_bayes.detectors.time_shapes import TimeShape
from cevns_bayes.errors import InputError, unknown_name


class Component(Protocol):
    """What an :class:`Experiment` asks of its backgrounds."""

    @property
    def name(self) -> str: ...

    @property
    def norms(self) -> tuple[str, ...]: ...

    @property
    def events(self) -> float:
        """Nominal number of events."""

    @property
    def nuisance_names(self) -> set[str]:
        """Every nuisance that acts here."""

    def check(self, title: str, shape: tuple[int, ...]) -> None:
        """Refuse what does not fit an experiment of this shape; ``title`` begins the message."""

    def expected(self, alphas: Alphas) -> Any:
        """Expected events before the normalisation nuisances, of the experiment's shape."""

    def scaled(self, exposure: float) -> "Component":
        """The component for ``exposure`` times the exposure."""

    def arrays(self) -> list[np.ndarray]:
        """Arrays that define the component, for the fingerprint of the experiment."""


class _Acting:
    """Which nuisances act on a component, by its fields."""

    norms: tuple[str, ...] = ()

    @property
    def nuisance_names(self) -> set[str]:
        single = (getattr(self, field, None) for field in ("radius", "onset"))
        named = {*self.norms, *getattr(self, "nuisances", ()), *filter(None, single)}
        return named | self.varied_by

    @property
    def varied_by(self) -> set[str]:
        """Nuisances of unit width, which morph between variations."""
        return set()

    @property
    def moved(self) -> list[TimeShape]:
        """What the onset moves."""
        return []


@dataclass(frozen=True)
class Signal(_Acting):
    """Neutrino events: (1 + sum of norms) sum_f T_f[t] R rho_f.

    Attributes
    ----------
    response
        Response to the recoils of all target nuclei, or of the electrons, from a flux.
    time_shapes
        Fraction of the events of each source per time bin; empty without a time axis.
    norms
        Nuisances that scale the component, added up.
    radius, onset
        Nuisances that scale the rms radii and shift the beam-time onset [us], if any.
    shape
        Factor on every bin of the experiment: how the events of an energy bin spread over the
        axes between energy and time, and systematics of the shape.

    Examples
    --------
    >>> response = cb.load_experiment("csi").signals[0].response
    >>> sorted(cb.Signal("cevns", response, norms=("alpha_flux",)).nuisance_names)
    ['alpha_efficiency', 'alpha_flux']
    """

    name: str
    response: Response
    time_shapes: Mapping[str, TimeShape] = field(default_factory=dict)
    norms: tuple[str, ...] = ()
    radius: str | None = None
    onset: str | None = None
    shape: Morphed | None = None

    def __post_init__(self) -> None:
        check_kind(f"response of signal {self.name}", self.response, Response)

    @property
    def varied_by(self) -> set[str]:
        return {*self.response.variations, *(self.shape.variations if self.shape else ())}

    @property
    def moved(self) -> list[TimeShape]:
        return list(self.time_shapes.values())

    def check(self, title: str, shape: tuple[int, ...]) -> None:
        nodes = len(self.response.recoil_energy_mev)
        self.response.morphed.check(f"{title} response matrix", (shape[0], nodes))
        if self.shape is not None:
            self.shape.check(f"{title} shape", shape)
        elif len(shape) != (2 if self.time_shapes else 1):
            filled = "energy and time" if self.time_shapes else "energy"
            raise InputError(f"{title} fills {filled}; it needs a shape to fill {len(shape)} axes")
        if self.time_shapes:
            self._check_times(title, shape)

    def _check_times(self, title: str, shape: tuple[int, ...]) -> None:
        sources = self.response.flux.sources
        for name in self.time_shapes.keys() - sources.keys():
            raise unknown_name(f"source of {title}", name, sources)
        for name in sources:
            if name not in self.time_shapes:
                given = ", ".join(self.time_shapes)
                raise InputError(f"{title} needs a time shape of {name}, got {given}")
            _check_time_shape(f"{title} {name}", self.time_shapes[name], shape)

    def scaled(self, exposure: float) -> "Signal":
        return replace(self, response=self.response.scaled(exposure))

    def arrays(self) -> list[np.ndarray]:
        times = [shape.coefficients for shape in self.time_shapes.values()]
        shape = self.shape.arrays() if self.shape else []
        return self.response.morphed.arrays() + self.response.flux.arrays() + times + shape


@dataclass(frozen=True)
class Background(_Acting):
    """Background of events * energy shape * time shape, with one or two axes.

    ``energy_shape``, of shape (energy,), and ``time_shape``, None without a time axis, are
    fractions of ``events``.

    Examples
    --------
    >>> cb.Background("flat", 100.0, np.array([0.5, 0.3, 0.2])).expected({})
    array([50., 30., 20.])
    """

    name: str
    events: float
    energy_shape: np.ndarray
    time_shape: TimeShape | None = None
    norms: tuple[str, ...] = ()
    onset: str | None = None

    @property
    def moved(self) -> list[TimeShape]:
        return [self.time_shape] if self.time_shape else []

    def check(self, title: str, shape: tuple[int, ...]) -> None:
        if len(shape) > 2:
            raise InputError(f"{title} must be a TemplateBackground to fill {len(shape)} axes")
        if (self.time_shape is None) != (len(shape) == 1):
            raise InputError(f"{title} needs a time_shape if, and only if, there is a time axis")
        allowed = "finite and non-negative"
        check_array(f"{title} events", self.events, (), allowed)
        check_array(f"{title} energy_shape", self.energy_shape, shape[:1], allowed)
        if self.time_shape is not None:
            _check_time_shape(title, self.time_shape, shape)

    @property
    def spectrum(self) -> np.ndarray:
        """Events per energy bin at all times, shape (energy,)."""
        return self.events * np.asarray(self.energy_shape)

    def expected(self, alphas: Alphas) -> Any:
        if self.time_shape is None:
            return self.spectrum
        fractions = self.time_shape(alphas[self.onset] if self.onset else 0.0)
        return self.spectrum[:, None] * fractions

    def scaled(self, exposure: float) -> "Background":
        return replace(self, events=self.events * exposure)

    def arrays(self) -> list[np.ndarray]:
        times = [] if self.time_shape is None else [self.time_shape.coefficients]
        return [np.array(self.events), np.asarray(self.energy_shape), *times]


@dataclass(frozen=True)
class TemplateBackground(_Acting):
    """A template in events per bin of the experiment, with systematic variations.

    Examples
    --------
    >>> cb.TemplateBackground("neutrons", cb.Morphed(np.array([[3.0, 2.0], [1.0, 4.0]]))).events
    10.0
    """

    name: str
    template: Morphed
    norms: tuple[str, ...] = ()

    @property
    def events(self) -> float:
        """Nominal number of events."""
        return float(self.template.nominal.sum())

    @property
    def varied_by(self) -> set[str]:
        return {*self.template.variations}

    def check(self, title: str, shape: tuple[int, ...]) -> None:
        self.template.check(f"{title} template", shape, "finite and non-negative")

    def expected(self, alphas: Alphas) -> Any:
        return self.template(alphas)

    def scaled(self, exposure: float) -> "TemplateBackground":
        return replace(self, template=self.template.mapped(lambda array: exposure * array))

    def arrays(self) -> list[np.ndarray]:
        return self.template.arrays()


@dataclass(frozen=True)
class FormulaBackground(_Acting):
    """A formula with nuisances of its own, such as peaks on a flat spectrum.

    Attributes
    ----------
    formula
        Takes the nuisances as keywords and returns events per bin, of the experiment's shape. It
        is called with PyTensor variables, and with zeros: NumPy's functions serve both.
    nuisances
        Names of its keywords.
    exposure
        Factor on what it returns.

    Examples
    --------
    >>> peak = np.array([0.1, 0.8, 0.1])
    >>> line = cb.FormulaBackground("line", lambda height: 20 + height * peak, ("height",))
    >>> line.expected({"height": 10.0})
    array([21., 28., 21.])
    """

    name: str
    formula: Callable[..., Any]
    nuisances: tuple[str, ...] = ()
    norms: tuple[str, ...] = ()
    exposure: float = 1.0

    @cached_property
    def _nominal(self) -> np.ndarray:
        return np.asarray(self.expected(dict.fromkeys(self.nuisances, 0.0)))

    @property
    def events(self) -> float:
        """Nominal number of events, all nuisances being zero."""
        return float(self._nominal.sum())

    def check(self, title: str, shape: tuple[int, ...]) -> None:
        nominal = called(f"{title} formula fails at zero nuisances", lambda: self._nominal)
        check_array(f"{title} formula", nominal, shape, "finite and non-negative")
        variables = {name: pt.dscalar(name) for name in self.nuisances}
        symbolic = called(f"{title} formula fails on PyTensor variables", self.expected, variables)
        if np.ndim(symbolic) != len(shape):
            got = np.ndim(symbolic)
            raise InputError(
                f"{title} formula of PyTensor variables must have dimension {len(shape)}, got {got}"
            )

    def expected(self, alphas: Alphas) -> Any:
        return self.exposure * self.formula(**{name: alphas[name] for name in self.nuisances})

    def scaled(self, exposure: float) -> "FormulaBackground":
        return replace(self, exposure=self.exposure * exposure)

    def arrays(self) -> list[np.ndarray]:
        """What it returns at zero and along each nuisance, for the fingerprint."""
        nominal = dict.fromkeys(self.nuisances, 0.0)
        shifted = [np.asarray(self.expected(nominal | {name: 0.1})) for name in self.nuisances]
        return [self._nominal, *shifted]


def _check_time_shape(title: str, time_shape: TimeShape, shape: tuple[int, ...]) -> None:
    expected = (len(time_shape.knots_us), shape[-1])
    check_array(f"{title} time_shape coefficients", time_shape.coefficients, expected)
