"""What a report needs of an experiment and of a scenario, as data and without their physics."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, NoReturn

import numpy as np
import xarray as xr

from cevns_bayes.errors import InputError
from cevns_bayes.experiments.experiment import ASIMOV, Axis, Experiment
from cevns_bayes.experiments.nuisance import Nuisance
from cevns_bayes.scenarios.scenario import Parameter, Scenario


class Part(NamedTuple):
    """A component: its name and how many events it has nominally."""

    name: str
    events: float = 0.0


@dataclass(frozen=True, eq=False)
class Recorded:
    """An experiment of which an analysis was stored; attributes as those of `Experiment`."""

    name: str
    full_name: str
    reference: str
    is_pseudo_data: bool
    digest: str
    axes: tuple[Axis, ...]
    signals: tuple[Part, ...]
    backgrounds: tuple[Part, ...]
    nuisances: tuple[Nuisance, ...]
    counts: np.ndarray

    @classmethod
    def of(cls, experiment: "Experiment | Recorded") -> "Recorded":
        """The record of an experiment with counts."""
        if isinstance(experiment, Recorded):
            return experiment
        return cls(
            **{k: getattr(experiment, k) for k in ("name", "full_name", "reference", "axes")},
            is_pseudo_data=experiment.is_pseudo_data,
            digest=experiment.fingerprint(),
            signals=tuple(Part(signal.name) for signal in experiment.signals),
            backgrounds=tuple(Part(b.name, float(b.events)) for b in experiment.backgrounds),
            nuisances=experiment.nuisances,
            counts=experiment.counts,
        )

    def qualified(self, local_name: str) -> str:
        """Name inside a model."""
        return f"{self.name}::{local_name}"

    def fingerprint(self) -> str:
        """That of the experiment."""
        return self.digest

    def as_dataset(self) -> xr.Dataset:
        """Counts, edges, and the rest as text in the attrs."""
        axes = [{"name": a.name, "label": a.label, "unit": a.unit} for a in self.axes]
        words = {k: getattr(self, k) for k in _WORDS} | {"axes": axes}
        words["nuisances"] = [asdict(nuisance) for nuisance in self.nuisances]
        edges = {f"edges_{i}": (f"edge_{i}", a.edges) for i, a in enumerate(self.axes)}
        dims = [f"bin_{i}" for i in range(len(self.axes))]
        return xr.Dataset({"counts": (dims, self.counts), **edges}, attrs={"of": as_json(words)})

    @classmethod
    def from_dataset(cls, stored: xr.Dataset) -> "Recorded":
        """From the dataset that :meth:`as_dataset` gives."""
        words = json.loads(stored.attrs["of"])
        axes = [
            Axis(edges=stored[f"edges_{i}"].to_numpy(), **axis)
            for i, axis in enumerate(words["axes"])
        ]
        parts = {k: tuple(Part(*part) for part in words[k]) for k in ("signals", "backgrounds")}
        nuisances = [_nuisance(of) for of in words["nuisances"]]
        return cls(
            **words | parts | {"axes": tuple(axes), "nuisances": tuple(nuisances)},
            counts=stored["counts"].to_numpy(),
        )


def data_word(experiment: Experiment | Recorded) -> str:
    """What its counts are called: ``"data"``, ``"Asimov data"`` or ``"pseudo-data"``."""
    if not experiment.is_pseudo_data:
        return "data"
    return ASIMOV.rstrip(", ") if experiment.reference.startswith(ASIMOV) else "pseudo-data"


_WORDS = ("name", "full_name", "reference", "is_pseudo_data", "digest", "signals", "backgrounds")


def _nuisance(words: Mapping[str, Any]) -> Nuisance:
    bounds = words["bounds"]
    return Nuisance(**{**words, "bounds": None if bounds is None else tuple(bounds)})


def scenario_as_words(scenario: Scenario) -> dict[str, Any]:
    """All of a scenario but its physics."""
    words = {k: v for k, v in vars(scenario).items() if k != "declare"}
    return words | {"parameters_of_interest": [asdict(p) for p in scenario.parameters_of_interest]}


def scenario_of(words: Mapping[str, Any]) -> Scenario:
    """A scenario without physics."""
    limit_curve = words["limit_curve"]
    return Scenario(
        **{
            **words,
            "parameters_of_interest": tuple(
                Parameter(**parameter) for parameter in words["parameters_of_interest"]
            ),
            "fixed_nuisances": tuple(words["fixed_nuisances"]),
            "limit_curve": None if limit_curve is None else tuple(limit_curve),
        },
        declare=_without_physics,
    )


def _without_physics() -> NoReturn:
    raise InputError("a scenario read from a folder of results has no physics; load it by name")


def as_json(words: Any) -> str:
    """Text of plain Python and NumPy values."""
    return json.dumps(words, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else str(value)
