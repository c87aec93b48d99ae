"""Model = scenario x experiments: the PyMC model, and expected counts at given parameters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, Unpack

import numpy as np
import pymc as pm
import pytensor
import xarray as xr

from cevns_bayes.compiling import QUICK
from cevns_bayes.cross_sections import Scattering
from cevns_bayes.errors import InputError, unknown_name
from cevns_bayes.experiment import Experiment, Nuisance
from cevns_bayes.experiments import Binning, load_experiment
from cevns_bayes.form_factors import form_factor as form_factor_of
from cevns_bayes.likelihood import add_likelihood, declare_nuisance
from cevns_bayes.priors import PriorModel, Priors, sampled_name
from cevns_bayes.scenario import Scenario, load_scenario

ScenarioLike = str | Path | Scenario
DataLike = str | Experiment | Sequence[str | Experiment]

DEFAULT_DATA = ("csi",)


class ModelOptions(TypedDict, total=False):
    """Keywords of :func:`build_model`, understood wherever a model is built."""

    form_factor: str
    share_flux: bool
    lar_statistic: str
    lar_bins: str | None
    priors: Priors | None
    binning: Binning | None


@dataclass(frozen=True)
class Problem:
    """A model with what it was made from.

    ``components`` are the expected counts, by experiment and component, as PyTensor variables.
    """

    model: pm.Model
    scenario: Scenario
    experiments: list[Experiment]
    components: dict[str, dict[str, Any]]


def build_model(
    scenario: ScenarioLike, data: DataLike = DEFAULT_DATA, **options: Unpack[ModelOptions]
) -> pm.Model:
    """PyMC model of a scenario on one or more experiments.

    Parameters
    ----------
    scenario
        Name, path of a scenario file, or Scenario.
    data
        Experiments, by name or as :class:`Experiment`.
    form_factor
        ``"helm"`` (default), ``"klein-nystrand"`` or ``"symmetrized-fermi"``.
    share_flux
        With several experiments: whether the flux uncertainty of the common beam (10 %) is one
        nuisance, ``"alpha_flux"``, and only the remainder is each experiment's own (default), or
        all is each one's own, as in the published combination.
    lar_statistic, lar_bins
        ``"poisson"`` (default) or ``"gaussian"``; ``"3d"`` or ``"2d"``, by default 3d for the
        Poisson and 2d for the Gaussian statistic. See :mod:`cevns_bayes.experiments.lar`.
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
    return pose(scenario, data, **options).model


def pose(scenario: ScenarioLike, data: DataLike, **options: Unpack[ModelOptions]) -> Problem:
    """:func:`build_model`, returning also what the model was made from."""
    if unknown := options.keys() - ModelOptions.__annotations__.keys():
        raise unknown_name("option", unknown.pop(), ModelOptions.__annotations__)
    scenario = load_scenario(scenario)
    experiments = load_data(data, **options)
    form_factor = form_factor_of(options.get("form_factor", "helm"))
    together = scenario.on([experiment.name for experiment in experiments])
    with PriorModel(options.get("priors")) as model:
        scatterings = _declared(scenario, together, experiments, options.get("priors"))
        _check_declared(together, {variable.name for variable in model.unobserved_RVs})
        shared = {}
        used = experiments
        if len(experiments) > 1 and options.get("share_flux", True):
            shared = _shared_nuisances(experiments)
            used = [experiment.without_shared_part() for experiment in experiments]
        components = {
            experiment.name: add_likelihood(
                experiment,
                scatterings[experiment.name],
                form_factor,
                fixed_nuisances=scenario.fixed_nuisances,
                shared=shared,
            )
            for experiment in used
        }
    model.check_priors_used()
    return Problem(model, together, experiments, components)


def load_data(data: DataLike, **options: Unpack[ModelOptions]) -> list[Experiment]:
    """Experiments from names or Experiments; names must differ."""
    given = [data] if isinstance(data, str | Experiment) else data
    if not isinstance(given, Sequence):
        raise InputError(f"data must be names of experiments or Experiments, got {data!r}")
    own: dict[str, dict[str, Any]] = {
        "lar": {
            "bins": options.get("lar_bins"),
            "statistic": options.get("lar_statistic", "poisson"),
        }
    }
    experiments = [
        item
        if isinstance(item, Experiment)
        else load_experiment(item, binning=options.get("binning"), **own.get(item, {}))
        for item in given
    ]
    names = [experiment.name for experiment in experiments]
    if not names or len(set(names)) < len(names):
        raise InputError(f"data must be one or more different experiments, got {names}")
    return experiments


def _declared(
    scenario: Scenario, together: Scenario, experiments: list[Experiment], priors: Priors | None
) -> dict[str, Scattering]:
    """Priors of the scenario in the open model; its cross sections by experiment."""
    names = [experiment.name for experiment in experiments]
    if together is scenario:
        return dict.fromkeys(names, scenario.scattering())
    scatterings = {}
    for name in names:
        with PriorModel(priors, name):  # prefixes the names of what is declared
            scatterings[name] = scenario.scattering()
    return scatterings


def _check_declared(scenario: Scenario, declared: set[str]) -> None:
    if missing := set(scenario.parameter_names) - declared:
        raise InputError(
            f"scenario '{scenario.name}' lists {sorted(missing)} but declares "
            f"{sorted(declared) or 'no priors'}"
        )


def _shared_nuisances(experiments: list[Experiment]) -> dict[str, Any]:
    """Common parts of the experiments' nuisances, declared in the open model."""
    by_name: dict[str, list[float]] = {}
    for experiment in experiments:
        for nuisance in experiment.nuisances:
            if nuisance.shared_sigma:
                by_name.setdefault(nuisance.name, []).append(nuisance.shared_sigma)
    return {
        name: declare_nuisance(name, Nuisance(name, "common part", sigma=max(sigmas)))
        for name, sigmas in by_name.items()
    }


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
    parameters, nuisances
        Value of every parameter of interest; nuisances by their full name,
        ``"csi::alpha_flux"``, 0 where not given.
    data, options
        As in :func:`build_model`, but one experiment.

    Returns
    -------
    xarray.Dataset
        One variable per component (``"cevns"``, ``"brn"``, ...) and ``"total"``, over the bins
        of the experiment (dims ``energy``, ``time``, for LAr also ``f90``; bin centres as
        coordinates, edges in attrs).

    Raises
    ------
    InputError
        Wrong arguments.
    """
    problem = pose(scenario, data, **options)
    experiment, *others = problem.experiments
    if others:
        raise InputError(f"predict takes one experiment, got {len(others) + 1}")
    _check_bounds(experiment, nuisances or {})
    values = _parameter_values(problem.scenario, parameters or {}) | _nuisance_values(
        problem.model, problem.scenario, nuisances or {}
    )
    outputs = problem.components[experiment.name]
    evaluate = pytensor.function(
        [problem.model[name] for name in values],
        list(outputs.values()),
        mode=QUICK,
        on_unused_input="ignore",
    )
    counts = dict(zip(outputs, evaluate(*values.values()), strict=True))
    if not all(np.isfinite(component).all() for component in counts.values()):
        raise InputError(f"expected counts are not finite at {values}")
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
    of_interest = {sampled_name(model, name) for name in scenario.parameter_names}
    names = [v.name for v in model.free_RVs if v.name not in of_interest]
    for name in given:
        if name not in names:
            raise unknown_name("nuisance", name, names)
    return {name: _finite(name, given.get(name, 0.0)) for name in names}


def _check_bounds(experiment: Experiment, given: Mapping[str, float]) -> None:
    for nuisance in experiment.nuisances:
        name = experiment.qualified(nuisance.name)
        low, high = nuisance.bounds or (-np.inf, np.inf)
        if name in given and not low <= _finite(name, given[name]) <= high:
            raise InputError(f"{name} must be between {low} and {high}, got {given[name]}")


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
