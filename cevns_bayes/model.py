"""Model = scenario x experiments: the PyMC model, and expected counts at given parameters."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pymc as pm
import pytensor
import xarray as xr

from cevns_bayes.errors import InputError, unknown_name
from cevns_bayes.experiment import Experiment
from cevns_bayes.experiments import Binning, load_experiment
from cevns_bayes.form_factors import form_factor as form_factor_of
from cevns_bayes.likelihood import add_likelihood
from cevns_bayes.priors import PriorModel, Priors
from cevns_bayes.scenario import Scenario, load_scenario

ScenarioLike = str | Path | Scenario
DataLike = str | Experiment | Sequence[str | Experiment]

DEFAULT_DATA = ("csi",)
DEFAULT_FORM_FACTOR = "helm"


def build_model(
    scenario: ScenarioLike,
    data: DataLike = DEFAULT_DATA,
    *,
    form_factor: str = DEFAULT_FORM_FACTOR,
    priors: Priors | None = None,
    binning: Binning | None = None,
) -> pm.Model:
    """PyMC model of a scenario on one or more experiments.

    Parameters
    ----------
    scenario
        Name, path of a scenario file, or Scenario.
    data
        Experiments, by name or as :class:`Experiment`.
    form_factor
        ``"helm"``, ``"klein-nystrand"`` or ``"symmetrized-fermi"``.
    priors
        Variable name -> prior, as text (``"Normal(0.23, 0.01)"``) or as a PyMC ``.dist()``;
        replaces the prior of the scenario or of a nuisance.
    binning
        Axis name -> bin edges, for experiments given by name.

    Returns
    -------
    pymc.Model
        Free variables: the parameters of interest and ``"<experiment>::alpha_..."``; per
        experiment ``"<experiment>::expected"`` and the observed ``"<experiment>::counts"``.

    Raises
    ------
    InputError
        An unknown name, a malformed prior or unusable bins.
    """
    experiments = load_data(data, binning)
    return _assemble(load_scenario(scenario), experiments, form_factor, priors)[0]


def load_data(data: DataLike, binning: Binning | None = None) -> list[Experiment]:
    """Experiments from names or Experiments; names must differ."""
    given = [data] if isinstance(data, str | Experiment) else list(data)
    experiments = [
        item if isinstance(item, Experiment) else load_experiment(item, binning=binning)
        for item in given
    ]
    names = [experiment.name for experiment in experiments]
    if not names or len(set(names)) < len(names):
        raise InputError(f"data must be one or more different experiments, got {names}")
    return experiments


def _assemble(
    scenario: Scenario,
    experiments: list[Experiment],
    form_factor: str,
    priors: Priors | None = None,
) -> tuple[PriorModel, dict[str, dict[str, Any]]]:
    """The model, and the expected counts of each component by experiment."""
    with PriorModel(priors) as model:
        cross_section = scenario.declare()
        declared = {variable.name for variable in model.unobserved_RVs}
        if missing := set(scenario.parameter_names) - declared:
            raise InputError(
                f"scenario '{scenario.name}' lists {sorted(missing)} but declares "
                f"{sorted(declared) or 'no priors'}"
            )
        components = {
            experiment.name: add_likelihood(
                experiment,
                cross_section,
                form_factor_of(form_factor),
                fixed_nuisances=scenario.fixed_nuisances,
            )
            for experiment in experiments
        }
    model.check_priors_used()
    return model, components


def predict(
    scenario: ScenarioLike,
    parameters: Mapping[str, float] | None = None,
    data: DataLike = DEFAULT_DATA,
    *,
    nuisances: Mapping[str, float] | None = None,
    form_factor: str = DEFAULT_FORM_FACTOR,
    binning: Binning | None = None,
) -> xr.Dataset:
    """Expected counts per bin at given parameters.

    Parameters
    ----------
    parameters
        Value of every parameter of interest of the scenario.
    data
        One experiment.
    nuisances
        Values of nuisances by their full name, ``"csi::alpha_flux"``; 0 where not given.
    form_factor, binning
        As in :func:`build_model`.

    Returns
    -------
    xarray.Dataset
        One variable per component (``"cevns"``, ``"brn"``, ...) and ``"total"``, over the bins
        of the experiment (dims ``energy``, ``time``; bin centres as coordinates, edges in attrs).
    """
    scenario = load_scenario(scenario)
    experiment, *others = load_data(data, binning)
    if others:
        raise InputError(f"predict takes one experiment, got {len(others) + 1}")
    model, components = _assemble(scenario, [experiment], form_factor)
    values = _parameter_values(scenario, parameters or {}) | _nuisance_values(
        model, scenario, nuisances or {}
    )
    outputs = components[experiment.name]
    evaluate = pytensor.function(
        [model[name] for name in values],
        list(outputs.values()),
        mode="FAST_COMPILE",
        on_unused_input="ignore",
    )
    counts = dict(zip(outputs, evaluate(*values.values()), strict=True))
    return _as_dataset(experiment, counts | {"total": sum(counts.values())})


def _parameter_values(scenario: Scenario, given: Mapping[str, float]) -> dict[str, float]:
    for name in given:
        if name not in scenario.parameter_names:
            raise unknown_name(f"parameter of {scenario.name}", name, scenario.parameter_names)
    if missing := [name for name in scenario.parameter_names if name not in given]:
        raise InputError(f"{scenario.name} needs a value for {', '.join(missing)}")
    return {name: _finite(name, value) for name, value in given.items()}


def _nuisance_values(
    model: pm.Model, scenario: Scenario, given: Mapping[str, float]
) -> dict[str, float]:
    names = [v.name for v in model.free_RVs if v.name not in scenario.parameter_names]
    for name in given:
        if name not in names:
            raise unknown_name("nuisance", name, names)
    return {name: _finite(name, given.get(name, 0.0)) for name in names}


def _finite(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not np.isfinite(number):
        raise InputError(f"{name} must be a finite number, got {value!r}")
    return number


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
