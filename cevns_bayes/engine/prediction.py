"""Expected counts at given parameters, and experiments that observed just these."""

import logging
from collections.abc import Mapping
from typing import Unpack

import numpy as np
import xarray as xr

from cevns_bayes.engine.problem import (
    DEFAULT_DATA,
    DataLike,
    ModelOptions,
    Problem,
    ScenarioLike,
    load_data,
)
from cevns_bayes.errors import InputError, finite_number, unknown_name
from cevns_bayes.experiments.experiment import Experiment
from cevns_bayes.scenarios.priors import sampled_name
from cevns_bayes.scenarios.scenario import Scenario

_log = logging.getLogger(__name__)


def predict(
    scenario: ScenarioLike,
    parameters: Mapping[str, float] | None = None,
    data: DataLike = DEFAULT_DATA,
    *,
    nuisances: Mapping[str, float] | None = None,
    **options: Unpack[ModelOptions],
) -> xr.Dataset:
    """Expected counts per bin at given parameters.

    Parameters
    ----------
    parameters
        Name -> value of every parameter of interest that is not ``fixed``.
    nuisances
        Full name, such as ``"csi::alpha_flux"``, -> value; 0 if not given.
    scenario, data, options
        As in :func:`build_model`, but only one experiment.

    Returns
    -------
    xarray.Dataset
        One variable per component (``"cevns"``, ``"brn"``, ...) and ``"total"``, over the bins
        of the experiment (dims ``energy``, ``time``, for LAr also ``f90``; bin centres as
        coordinates, edges in attrs).

    Raises
    ------
    InputError
        Wrong arguments. Components with a negative number of events are warned of.

    Examples
    --------
    >>> nuisances = {"csi::alpha_flux": 0.1}
    >>> angle = {"sin2_theta_w": 0.23857}
    >>> counts = cb.predict("weak-mixing-angle", angle, "csi", nuisances=nuisances)
    >>> round(float(counts["cevns"].sum()), 1)
    382.9
    """
    problem = Problem.build(scenario, data, **options)
    experiment, *others = problem.experiments
    if others:
        raise InputError(f"predict takes one experiment, got {len(others) + 1}")
    counts = _expected_counts(problem, parameters or {}, nuisances or {})[experiment.name]
    for name, array in counts.items():
        if (events := array.sum()) < 0:
            _log.warning("%s of %s has %.4g events.", name, experiment.full_name, events)
    return _as_dataset(experiment, counts | {"total": np.sum(list(counts.values()), axis=0)})


def asimov(
    scenario: ScenarioLike,
    parameters: Mapping[str, float] | None = None,
    data: DataLike = DEFAULT_DATA,
    *,
    nuisances: Mapping[str, float] | None = None,
    exposure: float | None = None,
    **options: Unpack[ModelOptions],
) -> list[Experiment]:
    """Experiments whose counts are those that a scenario predicts, for forecasts.

    Parameters
    ----------
    parameters, nuisances
        As in :func:`predict`.
    exposure
        Factor on the exposure of the experiments, if given.
    scenario, data, options
        As in :func:`build_model`.

    Returns
    -------
    list of Experiment
        In the order of ``data``; the list can be given as ``data`` to any other function.

    Raises
    ------
    InputError
        Wrong arguments.

    Examples
    --------
    >>> (csi,) = cb.asimov("sm", data="csi", exposure=2.0)
    >>> round(float(csi.counts.sum()), 1)
    3316.1
    """
    experiments = load_data(data, **options)
    if exposure is not None:
        experiments = [experiment.scaled(exposure) for experiment in experiments]
    problem = Problem.build(scenario, experiments, **options)
    counts = _expected_counts(problem, parameters or {}, nuisances or {})
    return [
        experiment.asimov(sum(counts[experiment.name].values()))
        for experiment in problem.experiments
    ]


def _expected_counts(
    problem: Problem, parameters: Mapping[str, float], nuisances: Mapping[str, float]
) -> dict[str, dict[str, np.ndarray]]:
    """Expected counts by experiment and component; checks the arguments and the result."""
    for experiment in problem.experiments:
        _check_bounds(experiment, nuisances)
    values = _parameter_values(problem.scenario, parameters) | _nuisance_values(problem, nuisances)
    counts = problem.expected_counts(values)
    arrays = [array for components in counts.values() for array in components.values()]
    if not all(np.isfinite(array).all() for array in arrays):
        raise InputError(f"expected counts are not finite at {values}")
    return counts


def _parameter_values(scenario: Scenario, given: Mapping[str, float]) -> dict[str, float]:
    for name in given:
        if name not in scenario.parameter_names:
            raise unknown_name(f"parameter of {scenario.name}", name, scenario.parameter_names)
    if missing := [name for name in scenario.parameter_names if name not in given]:
        raise InputError(f"{scenario.name} needs a value for {', '.join(missing)}")
    return {name: finite_number(name, value) for name, value in given.items()}


def _nuisance_values(problem: Problem, given: Mapping[str, float]) -> dict[str, float]:
    model = problem.model
    of_interest = {sampled_name(model, name) for name in problem.scenario.parameter_names}
    names = [v.name for v in model.free_RVs if v.name not in of_interest]
    for name in given:
        if name not in names:
            raise unknown_name("nuisance", name, names)
    return {name: finite_number(name, given.get(name, 0.0)) for name in names}


def _check_bounds(experiment: Experiment, given: Mapping[str, float]) -> None:
    for nuisance in experiment.nuisances:
        name = experiment.qualified(nuisance.name)
        low, high = nuisance.bounds or (-np.inf, np.inf)
        if name in given and not low <= finite_number(name, given[name]) <= high:
            raise InputError(f"{name} must be between {low} and {high}, got {given[name]}")


def _as_dataset(experiment: Experiment, counts: dict[str, np.ndarray]) -> xr.Dataset:
    dims = [axis.name for axis in experiment.axes]
    dataset = xr.Dataset(
        {name: (dims, values) for name, values in counts.items()},
        coords={axis.name: axis.centres for axis in experiment.axes},
        attrs={"experiment": experiment.name, "units": "events"},
    )
    for axis in experiment.axes:
        dataset[axis.name].attrs = {
            "long_name": axis.label,
            "units": axis.unit,
            "edges": axis.edges.tolist(),
        }
    return dataset
