"""What an experiment is: observed counts, signals, backgrounds, nuisances and a likelihood."""

import hashlib
import re
from collections.abc import Collection, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cevns_bayes.checks import (
    check_array,
    check_has,
    check_increasing,
    check_kind,
    check_several,
)
from cevns_bayes.errors import InputError, unknown_name
from cevns_bayes.experiments.components import Component, Signal
from cevns_bayes.experiments.likelihoods import Likelihood, Poisson
from cevns_bayes.experiments.nuisance import Nuisance

ASIMOV = "Asimov data, "
BACKGROUND = ("name", "norms", "nuisance_names", "check", "expected", "scaled", "arrays")
LIKELIHOOD = ("checked", "declare", "logpdf", "draw", "deviance", "scaled", "arrays")


@dataclass(frozen=True)
class Axis:
    """One axis of the histogram of counts: bin edges of shape (bins + 1,), in ``unit`` if any.

    Examples
    --------
    >>> axis = cb.Axis("energy", [0.0, 1.0, 3.0], "Energy", "keVee")
    >>> axis.title, axis.centres
    ('Energy [keVee]', array([0.5, 2. ]))
    """

    name: str
    edges: Any
    label: str
    unit: str

    def __post_init__(self) -> None:
        edges = check_increasing(f"{self.name} edges", self.edges)
        object.__setattr__(self, "edges", edges)

    @property
    def title(self) -> str:
        """Label with unit."""
        return f"{self.label} [{self.unit}]" if self.unit else self.label

    @property
    def centres(self) -> np.ndarray:
        """Bin centres, shape (bins,)."""
        return (self.edges[1:] + self.edges[:-1]) / 2


@dataclass(frozen=True)
class Experiment:
    """Counts in bins with everything needed to predict them.

    Attributes
    ----------
    name
        Short lower-case name; prefixes the nuisances, ``"csi::alpha_brn"``.
    axes
        Axes of the counts: energy first, time last if signals have times.
    signals, backgrounds, nuisances
        At least one signal; everything has a name of its own.
    counts
        Observed events per bin, one axis of the array for each of ``axes``. None for a forecast:
        when it is used, the counts are those that the Standard Model predicts.
    likelihood
        Likelihood of the observed counts given the expected ones; Poisson if not given.
    reference
        Where the data were published.
    variant
        Tells it from other treatments of the same data, such as ``"gaussian"``.
    excludes
        Names of experiments that hold the same events, so that no fit may hold both.

    Examples
    --------
    >>> csi = cb.load_experiment("csi")
    >>> csi.shape, int(csi.counts.sum())
    ((9, 11), 1578)
    >>> csi.component_names
    ['cevns', 'es', 'brn', 'nin', 'ssb']
    >>> csi.scaled(2.0).counts is None
    True
    """

    name: str
    axes: tuple[Axis, ...]
    signals: tuple[Signal, ...]
    backgrounds: tuple[Component, ...] = ()
    nuisances: tuple[Nuisance, ...] = ()
    counts: Any = None
    likelihood: Likelihood = field(default_factory=Poisson)
    reference: str = ""
    variant: str = ""
    excludes: tuple[str, ...] = ()
    is_pseudo_data: bool = False

    def __post_init__(self) -> None:
        self._check_structure()
        if self.counts is not None:
            allowed = "finite and non-negative" if self.likelihood == Poisson() else "finite"
            counts = check_array(f"{self.name} counts", self.counts, self.shape, allowed)
            whole = np.array_equal(counts, np.round(counts))
            counts = counts.astype(np.int64 if whole else float)
            counts.setflags(write=False)  # What was made of them would not notice.
            object.__setattr__(self, "counts", counts)
        likelihood = self.likelihood.checked(f"{self.name} likelihood", self.shape)
        object.__setattr__(self, "likelihood", likelihood)
        for signal in self.signals:
            self._check_edges(signal)
        for component in self.components:
            self._check_component(component)

    def _check_edges(self, signal: Signal) -> None:
        given, edges = signal.response.energy_edges, self.axes[0].edges
        if given is None or (len(given) == len(edges) and np.allclose(given, edges, rtol=1e-9)):
            return
        raise InputError(
            f"{self.name} {signal.name}: the detector's energy_edges must be those of the "
            f"axis {self.axes[0].name}, got {given} and {edges}"
        )

    def _check_component(self, component: Signal | Component) -> None:
        title = f"{self.name} {component.name}"
        check_several(f"{title} norms", component.norms, str)
        component.check(title, self.shape)
        declared = {nuisance.name: nuisance for nuisance in self.nuisances}
        for name in sorted(component.nuisance_names - declared.keys()):
            raise unknown_name(f"nuisance of {title}", name, declared)
        for name in sorted(declared.keys() & getattr(component, "varied_by", set())):
            declared[name].check_unit_width(title)
        onset = declared.get(getattr(component, "onset", None) or "")
        if onset and hasattr(component, "moved"):
            onset.check_onset(title, component.moved)

    def _check_structure(self) -> None:
        """Fields, names, axes, and that there is a signal."""
        check_kind("name of an experiment", self.name, str)
        check_several(f"axes of {self.name}", self.axes, Axis)
        check_several(f"signals of {self.name}", self.signals, Signal)
        check_several(f"backgrounds of {self.name}", self.backgrounds, object)
        check_several(f"nuisances of {self.name}", self.nuisances, Nuisance)
        for background in self.backgrounds:
            check_has(f"backgrounds of {self.name}", background, *BACKGROUND)
        check_has(f"likelihood of {self.name}", self.likelihood, *LIKELIHOOD)
        if not re.fullmatch("[a-z][a-z0-9_-]*", self.name):
            allowed = "lower-case letters, digits, - and _, a letter first"
            raise InputError(f"name of an experiment must be {allowed}, got '{self.name}'")
        axes = [axis.name for axis in self.axes]
        if not axes:
            raise InputError(f"{self.name} needs one axis or more, energy first, got none")
        if not self.signals:
            raise InputError(f"{self.name} needs one signal or more, got none")
        nuisances = [nuisance.name for nuisance in self.nuisances]
        named = {"axes": axes, "components": self.component_names, "nuisances": nuisances}
        taken = {
            "axes": {"counts", "expected", "total", *self.component_names},
            "components": {"total"},
            "nuisances": {"counts", "expected", *axes},
        }
        for kind, names in named.items():
            if len({*names}) < len(names):
                raise InputError(f"{kind} of {self.name} must have different names, got {names}")
            for name in sorted(taken[kind].intersection(names)):
                raise InputError(
                    f"{kind} of {self.name} must not be named '{name}', which is taken"
                )

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of bins per axis."""
        return tuple(len(axis.edges) - 1 for axis in self.axes)

    @property
    def components(self) -> list[Signal | Component]:
        """Signals, then backgrounds."""
        return [*self.signals, *self.backgrounds]

    @property
    def component_names(self) -> list[str]:
        """Names of the components."""
        return [component.name for component in self.components]

    @property
    def full_name(self) -> str:
        """Name with the variant, e.g. ``"lar-gaussian"``, as in :func:`load_experiment`."""
        return f"{self.name}-{self.variant}" if self.variant else self.name

    def asimov(self, counts: Any) -> "Experiment":
        """The experiment with expected counts in place of the observed ones."""
        source = self.reference or self.full_name
        about = source if self.is_pseudo_data else f"{ASIMOV}{source}"
        return replace(self, counts=counts, reference=about, is_pseudo_data=True)

    def fluctuated(self, seed: int) -> "Experiment":
        """A forecast with counts drawn around its expected ones, the same of a name and a seed.

        Auxiliary measurements of nuisances are not drawn.
        """
        if self.counts is None or not self.is_pseudo_data:
            raise InputError(f"counts of {self.name} are not expected ones: none can be drawn")
        rng = np.random.default_rng([seed, *self.name.encode()])
        counts = self.likelihood.draw(rng, np.asarray(self.counts, dtype=float))
        about = f"pseudo-data drawn with seed {seed}, {self.reference.removeprefix(ASIMOV)}"
        return replace(self, counts=counts, reference=about)

    def scaled(self, exposure: float) -> "Experiment":
        """Forecast for ``exposure`` times the exposure: more signal and background, no counts."""
        check_array(f"exposure of {self.name}", exposure, (), "finite and positive")
        return replace(
            self,
            counts=None,
            signals=tuple(signal.scaled(exposure) for signal in self.signals),
            backgrounds=tuple(background.scaled(exposure) for background in self.backgrounds),
            likelihood=self.likelihood.scaled(exposure),
        )

    def with_background(self, factor: float) -> "Experiment":
        """Forecast for ``factor`` times each background, of Poisson counts."""
        check_array(f"factor on the background of {self.name}", factor, (), "finite and positive")
        if self.likelihood != Poisson():
            raise InputError(
                f"the background of {self.full_name} cannot be scaled: its variances are fixed"
            )
        backgrounds = tuple(background.scaled(factor) for background in self.backgrounds)
        return replace(self, counts=None, backgrounds=backgrounds)

    def with_sigma(self, sigma: Mapping[str, float]) -> "Experiment":
        """The experiment with other widths of nuisances, by name; common parts in proportion."""
        names = [nuisance.name for nuisance in self.nuisances if nuisance.sigma]
        for name in sigma.keys() - {*names}:
            raise unknown_name(f"nuisance of {self.name} that has a sigma", name, names)
        changed = tuple(n.with_sigma(sigma.get(n.name, n.sigma)) for n in self.nuisances)
        return replace(self, nuisances=changed)

    def without_shared_part(self, common_names: Collection[str]) -> "Experiment":
        """The experiment with its own part of each nuisance that has one of these common parts."""
        own = [n.own_part if n.common_name in common_names else n for n in self.nuisances]
        narrower = copy(self)  # as it is: variations keep their units
        object.__setattr__(narrower, "nuisances", tuple(filter(None, own)))
        return narrower

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
        """sha256 of counts, likelihood, bins, nuisances, components: identifies the data."""
        arrays = [] if self.counts is None else [self.counts]
        arrays += [axis.edges for axis in self.axes] + self.likelihood.arrays()
        for component in self.components:
            arrays += component.arrays()
        acting = [
            (c.name, c.norms, getattr(c, "radius", None), getattr(c, "onset", None))
            for c in self.components
        ]
        axes = [axis.name for axis in self.axes]
        words = self.name, axes, *_identified(self.likelihood), self.nuisances, acting
        digest = hashlib.sha256(repr(words).encode())
        for array in arrays:
            # Rounded, so that the last bits of another machine's arithmetic do not matter.
            scale = np.abs(array).max() or 1.0
            digest.update((np.round(array / scale, 6) + 0.0).tobytes())
            digest.update(f"{scale:.6e}".encode())
        return digest.hexdigest()


def _identified(likelihood: Likelihood) -> tuple[Any, ...]:
    """Its class and the numbers among its fields, if it is a dataclass."""
    numbers = {
        name: of
        for name, of in getattr(likelihood, "__dict__", {}).items()
        if isinstance(of, int | float)
    }
    return type(likelihood), *numbers.items()
