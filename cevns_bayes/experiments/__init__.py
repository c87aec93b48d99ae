"""Experiments that ship with the package: one module each, with ``load(binning)``."""

import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any

from cevns_bayes.errors import unknown_name
from cevns_bayes.experiment import Experiment

Binning = Mapping[str, Sequence[float]]


@cache
def experiment_names() -> list[str]:
    """Names accepted by :func:`load_experiment`."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load_experiment(name: str, *, binning: Binning | None = None, **options: Any) -> Experiment:
    """Experiment by name, e.g. ``load_experiment("csi")``.

    Parameters
    ----------
    name
        One of :func:`experiment_names`.
    binning
        Axis name -> bin edges, for axes to be binned otherwise than in the published analysis;
        the edges must lie on the grid of the stored counts.
    options
        Those of the experiment: ``bins`` and ``statistic`` of ``"lar"``.

    Raises
    ------
    InputError
        Unknown name, axis or option, or edges off the grid.
    """
    if name not in experiment_names():
        raise unknown_name("data", name, experiment_names())
    return import_module(f"{__name__}.{name}").load(dict(binning or {}), **options)
