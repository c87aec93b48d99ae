"""Where experiments are found: those that ship with the package, and files of the user's own.

An experiment file defines ``EXPERIMENT = Experiment(...)`` or a function ``load()`` that returns
one, or ``EXPERIMENTS = {"name": either of them, ...}`` for several variants. Files in
``cevns_bayes.experiments.shipped`` are known by name; any other file is given by its path,
``"my_detector.py"``, or ``"my_detector.py:name"`` where it holds several.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from cevns_bayes.checks import check_array, check_kind
from cevns_bayes.errors import InputError, unknown_name
from cevns_bayes.experiments.experiment import Experiment
from cevns_bayes.plugins import (
    EXPERIMENT_FILES,
    as_file,
    blamed_on,
    modules_of,
    run_file,
    variant_of,
)

Binning = Mapping[str, Sequence[float]]
Loader = Callable[..., Experiment]

_CANNOT = {
    "binning": "comes in bins and cannot be binned anew",
    "threshold": "has its threshold and cannot have another one",
}


def experiment_names() -> list[str]:
    """Names accepted by :func:`load_experiment`.

    Examples
    --------
    >>> [name for name in cb.experiment_names() if name.startswith("csi")]
    ['csi', 'csi-2017', 'csi-quenching']
    """
    return sorted(_shipped())


def load_experiment(
    name: str | Path, *, binning: Binning | None = None, threshold: float | None = None
) -> Experiment:
    """Experiment by name, e.g. ``load_experiment("csi")``, or from a user's own file.

    Parameters
    ----------
    name
        One of :func:`experiment_names`, or the path of an experiment file, ``"folder/mine.py"``
        or ``"mine.py:name"``.
    binning
        Axis name -> bin edges, for axes to be binned otherwise than in the published analysis;
        the edges must lie on the grid of the stored counts.
    threshold
        Least reconstructed energy, in the unit of the axis, of a forecast that can have another.

    Raises
    ------
    InputError
        Unknown name or axis, edges off the grid, an experiment that is released in bins or with
        its threshold, a file that is missing or is not an experiment file.

    Examples
    --------
    >>> [axis.title for axis in cb.load_experiment("csi").axes]
    ['Reconstructed energy [PE]', 'Reconstructed time [µs]']
    >>> cb.load_experiment("csi", binning={"time": [0.0, 1.0, 6.0]}).shape
    (9, 2)
    """
    changes: dict[str, Any] = {"binning": binning} if binning else {}
    if binning is not None:
        check_kind("binning", binning, Mapping)
    if threshold is not None:
        check_array("threshold", threshold, ())
        changes["threshold"] = threshold
    file = as_file(name)
    if file is not None:
        return _from_file(*file, changes)
    if name not in _shipped():
        raise unknown_name("data", name, _shipped())
    if not changes:
        return _built(str(name))
    return _called(_shipped()[str(name)], str(name), changes)


@cache
def _built(name: str) -> Experiment:
    """An experiment of the package; a run asks for the same one several times."""
    return _shipped()[name]()


@cache
def _shipped() -> dict[str, Loader]:
    found: dict[str, Loader] = {}
    for name, module in modules_of(EXPERIMENT_FILES):
        found |= _loaders(module, name)
    return found


def _loaders(module: ModuleType, name: str) -> dict[str, Loader]:
    """Functions that return the experiments of a file, by name."""
    defined = getattr(module, "EXPERIMENTS", None)
    if defined is None:
        defined = {name: getattr(module, "EXPERIMENT", getattr(module, "load", None))}
    named = defined.items() if isinstance(defined, Mapping) else ()
    loaders = {
        key: (lambda made=made: made) if isinstance(made, Experiment) else made
        for key, made in named
    }
    if not loaders or not all(map(callable, loaders.values())):
        raise InputError(
            f"{module.__file__} is not an experiment file: it must define EXPERIMENT = "
            "Experiment(...), a function load() that returns one, or EXPERIMENTS = {name: either}"
        )
    return loaders


def _called(loader: Loader, name: str, changes: Mapping[str, Any]) -> Experiment:
    for word, value in changes.items():
        if word not in inspect.signature(loader).parameters:
            raise InputError(f"{name} {_CANNOT[word]}, got {value}")
    return loader(**changes)


def _from_file(path: Path, variant: str, changes: Mapping[str, Any]) -> Experiment:
    loaders = _loaders(run_file(path, "experiment"), path.stem.replace("_", "-"))
    loader = variant_of(loaders, variant, f"experiment of {path}")
    with blamed_on(path):
        made: Any = _called(loader, str(path), changes)
    if not isinstance(made, Experiment):
        raise InputError(f"{path} must give an Experiment, got {type(made).__name__}")
    return made
