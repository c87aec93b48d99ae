"""The global minimum of chi^2."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
import pymc as pm
from iminuit import Minuit
from pytensor.tensor.random.basic import UniformRV
from scipy.spatial import cKDTree
from scipy.stats import qmc

from cevns_bayes.chi2 import PRIOR_DRAWS, SEED, Chi2, build_chi2, lowest
from cevns_bayes.compiling import QUICK
from cevns_bayes.model import (
    DEFAULT_DATA,
    DataLike,
    ModelOptions,
    Problem,
    ScenarioLike,
    pose,
)
from cevns_bayes.priors import log10_name, sampled_name

NEIGHBOURS = 6
EDGE = 1e-3  # of the range of a prior
GREATEST_NUMBER_OF_STARTS = 7


@dataclass(frozen=True)
class FitResult:
    """The global minimum of chi^2.

    Attributes
    ----------
    chi2, dof
        Minimum; number of bins less parameters of interest and nuisances without a pull.
    params, nuisances
        Variable name -> best-fit value.
    errors
        Variable name -> parabolic 1 sigma error; NaN where there is none. For a parameter that is
        sampled in its logarithm, also ``"log10_<name>"``.
    valid
        Whether the minimiser is content with the minimum it reports.
    at_limit
        Parameters of interest that ended at an end of their prior: the data want to go further,
        or do not care.
    """

    scenario: str
    data: tuple[str, ...]
    chi2: float
    dof: int
    params: Mapping[str, float]
    nuisances: Mapping[str, float]
    errors: Mapping[str, float]
    valid: bool
    at_limit: tuple[str, ...] = ()

    @property
    def values(self) -> dict[str, float]:
        """Best-fit value of everything in ``errors``."""
        of_logarithms = {
            log10_name(name): float(np.log10(value))
            for name, value in self.params.items()
            if log10_name(name) in self.errors
        }
        return {**self.params, **self.nuisances, **of_logarithms}


def fit(
    scenario: ScenarioLike,
    data: DataLike = DEFAULT_DATA,
    **options: Unpack[ModelOptions],
) -> FitResult:
    """Minimise chi^2 over the parameters of interest and all nuisances.

    Starts from the points of a Sobol sequence over the parameters of interest, within the bounds
    of their priors, that are lower than all their neighbours, and keeps the lowest minimum.

    Arguments are those of :func:`cevns_bayes.build_model`.

    Raises
    ------
    InputError
        Wrong arguments.
    """
    problem = pose(scenario, data, **options)
    return fit_problem(problem, build_chi2(problem.model, sampled_parameters(problem).values()))


def sampled_parameters(problem: Problem) -> dict[str, str]:
    """Parameter of interest -> free variable behind it, itself or its logarithm."""
    names = problem.scenario.parameter_names
    return {name: sampled_name(problem.model, name) for name in names}


def fit_problem(problem: Problem, chi2: Chi2) -> FitResult:
    """:func:`fit` of a problem whose chi^2 is compiled already."""
    model, scenario, experiments = problem.model, problem.scenario, problem.experiments
    sampled = sampled_parameters(problem)
    minimum = _global_minimum(chi2, starting_points(problem, chi2))
    values = minimum.values.to_dict()
    errors = (
        minimum.errors.to_dict() if minimum.accurate else dict.fromkeys(minimum.parameters, np.nan)
    )
    at_limit = tuple(name for name, free in sampled.items() if _at_limit(minimum, free))
    params = {}
    for name, free in sampled.items():
        params[name] = values.pop(free)
        if free != name:
            params[name] = 10.0 ** params[name]
            errors[name] = np.log(10) * params[name] * errors[free]
    return FitResult(
        scenario=scenario.name,
        data=tuple(experiment.name for experiment in experiments),
        chi2=float(minimum.fval),
        dof=sum(e.counts.size for e in experiments) - len(params) - _without_pull(model, values),
        params=params,
        nuisances=values,
        errors=errors,
        valid=bool(minimum.valid),
        at_limit=at_limit,
    )


def _at_limit(minimum: Minuit, name: str) -> bool:
    low, high = minimum.limits[name]
    edge = EDGE * (high - low)
    return bool(min(minimum.values[name] - low, high - minimum.values[name]) < edge < np.inf)


def starting_points(problem: Problem, chi2: Chi2) -> list[np.ndarray]:
    """The Standard Model, and points lower than all their neighbours; nuisances at zero."""
    sampled = sampled_parameters(problem)
    nominal = np.zeros(len(chi2.names))
    if not sampled:
        return [nominal]
    chosen = [chi2.names.index(name) for name in sampled.values()]
    limits = np.array([finite_limits(problem.model[chi2.names[i]], chi2.limits[i]) for i in chosen])
    sequence = _sobol_sequence(len(chosen))
    points = np.tile(nominal, (len(sequence), 1))
    points[:, chosen] = qmc.scale(sequence, *limits.T)
    heights = np.array([float(chi2.value(point)) for point in points])
    neighbours = cKDTree(sequence).query(sequence, k=NEIGHBOURS + 1)[1]  # the first is itself
    lowest = np.flatnonzero(heights <= heights[neighbours].min(axis=1))
    order = lowest[np.argsort(heights[lowest])][:GREATEST_NUMBER_OF_STARTS]
    standard_model = nominal.copy()
    standard_model[chosen] = limits.mean(axis=1)
    for i, parameter in zip(chosen, problem.scenario.parameters_of_interest, strict=True):
        if chi2.names[i] == parameter.name and parameter.standard_model is not None:
            standard_model[i] = parameter.standard_model
    return [standard_model, *points[order]]


def _sobol_sequence(dimensions: int) -> np.ndarray:
    """Shape (points, dimensions): 64 points for one parameter, 256 for two, 1024 for more."""
    return qmc.Sobol(dimensions, seed=SEED).random_base2(min(4 + 2 * dimensions, 10))


def finite_limits(rv: Any, limits: tuple[float, float]) -> tuple[float, float]:
    """Limits of a search: those of the prior, or of many draws from it where it has none."""
    if np.isfinite(limits).all():
        return limits
    draws = pm.draw(rv, PRIOR_DRAWS, random_seed=SEED, mode=QUICK)
    low, high = limits
    return (
        low if np.isfinite(low) else float(draws.min()),
        high if np.isfinite(high) else float(draws.max()),
    )


def _global_minimum(chi2: Chi2, starts: list[np.ndarray]) -> Minuit:
    minima = [chi2.minimised(start) for start in starts]
    _, point = lowest(minima, "anywhere: a prior or the data must be unusable")
    minuit = Minuit(chi2.value, point, grad=chi2.gradient, name=chi2.names)
    minuit.errordef = Minuit.LEAST_SQUARES
    minuit.limits = chi2.limits
    minuit.errors = chi2.steps
    return minuit.migrad().hesse()


def _without_pull(model: pm.Model, nuisances: Collection[str]) -> int:
    return sum(isinstance(model[name].owner.op, UniformRV) for name in nuisances)
