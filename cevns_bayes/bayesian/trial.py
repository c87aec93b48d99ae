"""A scenario is tried at some draws from its priors before it is sampled."""

import hashlib
import logging
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pytensor.graph.replace import graph_replace

from cevns_bayes.compiling import AS_WRITTEN
from cevns_bayes.engine.nuisances import nuisance_names
from cevns_bayes.engine.problem import Problem
from cevns_bayes.errors import InputError
from cevns_bayes.scenarios.priors import sampled_name

DRAWS = 50
SEED = 1
# Relative to the largest signal in a bin: interpolated form factors may undershoot by less.
NEGLIGIBLE = 1e-4

_log = logging.getLogger(__name__)


def try_predictions(problem: Problem) -> str:
    """The sha256 of expected counts at draws from the priors, which changes with the scenario.

    Raises
    ------
    InputError
        Expected counts that are not numbers, or signals that are negative with all nuisances at
        zero.
    """
    if problem not in _TRIED:
        _TRIED[problem] = _tried(problem)
    return _TRIED[problem]


_TRIED: WeakKeyDictionary[Problem, str] = WeakKeyDictionary()


def _tried(problem: Problem) -> str:
    model = problem.model
    _warn_of_unlisted(problem)
    signals = _signals_without_nuisances(problem)
    variables = [*model.free_RVs, *model.deterministics]
    draws = pm.draw([*variables, *signals], DRAWS, random_seed=SEED, mode=AS_WRITTEN)
    predicted = draws[len(model.free_RVs) : len(variables)]
    for i, values in enumerate(zip(*predicted, strict=True)):
        if not all(np.isfinite(value).all() for value in values):
            _refuse(problem, "predicts what is not a number at", draws, i)
    for counts in draws[len(variables) :]:
        for i, count in enumerate(counts):
            if count.min() < -NEGLIGIBLE * np.abs(count).max():
                _refuse(problem, "predicts negative counts at", draws, i)
    moved = any(np.ptp(counts, axis=0).any() for counts in draws[len(variables) :])
    if problem.scenario.parameters_of_interest and not moved:
        _log.warning("No signal of %s depends on its parameters.", problem.scenario.name)
    text = "".join(f"{x:.6e}" for values in predicted for x in values.ravel())
    return hashlib.sha256(text.encode()).hexdigest()


def _signals_without_nuisances(problem: Problem) -> list[Any]:
    """Expected counts of the signals of all experiments, as variables."""
    nuisances = nuisance_names(problem.experiments)
    free = problem.model.free_RVs
    zeros = {rv: pt.zeros((), rv.dtype) for rv in free if rv.name in nuisances}
    signals = [
        pt.as_tensor_variable(problem.components[experiment.name][signal.name])
        for experiment in problem.experiments
        for signal in experiment.signals
    ]
    return graph_replace(signals, zeros, strict=False)


def _warn_of_unlisted(problem: Problem) -> None:
    """Priors that a scenario declares without listing them as parameters of interest."""
    listed = {sampled_name(problem.model, name) for name in problem.scenario.parameter_names}
    known = listed | nuisance_names(problem.experiments)
    if unlisted := [rv.name for rv in problem.model.free_RVs if rv.name not in known]:
        names = problem.scenario.name, ", ".join(unlisted)
        _log.warning("%s does not list %s as parameters: they are like nuisances.", *names)


def _refuse(problem: Problem, what: str, draws: Sequence[np.ndarray], i: int) -> None:
    free = problem.model.free_RVs
    at = {rv.name: f"{values[i]:.4g}" for rv, values in zip(free, draws, strict=False)}
    raise InputError(f"{problem.scenario.name} {what} {at}")
