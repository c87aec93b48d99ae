"""The frequentist side of the same likelihood: chi^2 and its global minimum.

chi^2 = 2 sum_bins [mu - n + n ln(n/mu)] + sum_k (alpha_k/sigma_k)^2   (arXiv:2211.11905, Sec. 3)

with the Gaussian sum_bins (n - mu)^2/variance for experiments that have a variance per bin.

Priors of the parameters of interest do not enter; their bounds do, as limits of the search.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
from iminuit import Minuit
from pymc.distributions.continuous import TruncatedNormalRV
from pytensor.graph.replace import graph_replace
from pytensor.tensor.random.basic import NormalRV, UniformRV
from scipy.optimize import minimize
from scipy.spatial import cKDTree
from scipy.stats import qmc

from cevns_bayes.compiling import QUICK
from cevns_bayes.errors import InputError
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
ROUGHLY = {"ftol": 1e-8}  # MIGRAD has the last word
SEED = 0
PRIOR_DRAWS = 10_000


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


@dataclass(frozen=True)
class Chi2:
    """chi^2 of a model in its physical parameters, with exact gradients.

    ``value`` and ``with_gradient`` are functions of the values of ``names``, shape (parameters,);
    ``steps`` are their typical sizes, the standard deviations of their priors.
    """

    names: tuple[str, ...]
    limits: tuple[tuple[float, float], ...]
    steps: np.ndarray
    value: Callable[[np.ndarray], np.ndarray]
    with_gradient: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]

    def gradient(self, point: np.ndarray) -> np.ndarray:
        """Shape (parameters,)."""
        return self.with_gradient(point)[1]


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
    model, scenario, experiments = problem.model, problem.scenario, problem.experiments
    sampled = {name: sampled_name(model, name) for name in scenario.parameter_names}
    chi2 = build_chi2(model, list(sampled.values()))
    minimum = _global_minimum(chi2, _starts(problem, chi2, sampled))
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


def build_chi2(model: pm.Model, parameters_of_interest: list[str]) -> Chi2:
    """Compile chi^2 and its gradient for a model whose free variables are scalars."""
    rvs = model.free_RVs
    values = pt.dvector("values")
    at = {rv: values[i] for i, rv in enumerate(rvs)}
    deviances = [_deviance(rv, model.rvs_to_values[rv]) for rv in model.observed_RVs]
    pulls = [_pull(rv, value) for rv, value in at.items() if rv.name not in parameters_of_interest]
    (chi2,) = graph_replace([sum(deviances) + sum(pulls)], at, strict=False)
    gradient: Any = pytensor.grad(chi2, values)
    return Chi2(
        names=tuple(rv.name for rv in rvs),
        limits=tuple(_limits(model, rv) for rv in rvs),
        steps=np.array([_standard_deviation(model, rv) for rv in rvs]),
        value=pytensor.function([values], chi2, mode=QUICK),
        with_gradient=pytensor.function([values], [chi2, gradient], mode=QUICK),
    )


def _deviance(rv: Any, n: Any) -> Any:
    mu, *sigma = rv.owner.op.dist_params(rv.owner)
    if sigma:  # a Gaussian likelihood
        return (((n - mu) / sigma[0]) ** 2).sum()
    return 2 * (mu - n + n * pt.log(pt.maximum(n, 1) / mu)).sum()


def _pull(rv: Any, value: Any) -> Any:
    """-2 ln of the prior relative to its peak: (alpha/sigma)^2 for a Gaussian, 0 for a flat."""
    if isinstance(rv.owner.op, NormalRV):
        peak = rv.owner.op.dist_params(rv.owner)[0]
    elif isinstance(rv.owner.op, TruncatedNormalRV):
        mu, _, low, high = rv.owner.op.dist_params(rv.owner)
        peak = pt.clip(mu, low, high)
    else:  # another prior of the user's: the highest of many draws
        peak = pm.draw(rv, PRIOR_DRAWS, random_seed=SEED, mode=QUICK)
    return -2 * (pm.logp(rv, value) - pm.logp(rv, peak).max())


def _limits(model: pm.Model, rv: Any) -> tuple[float, float]:
    transform = model.rvs_to_transforms[rv]
    if transform is None:
        return -np.inf, np.inf
    low, high = (
        transform.backward(pt.as_tensor_variable(np.float64(end)), *rv.owner.inputs).eval(
            mode=QUICK
        )
        for end in (-np.inf, np.inf)
    )
    return float(low), float(high)


def _standard_deviation(model: pm.Model, rv: Any) -> float:
    low, high = _limits(model, rv)
    if np.isfinite(high - low):
        return (high - low) / np.sqrt(12)
    if isinstance(rv.owner.op, NormalRV):
        return float(rv.owner.op.dist_params(rv.owner)[1].eval(mode=QUICK))
    return float(pm.draw(rv, PRIOR_DRAWS, random_seed=SEED, mode=QUICK).std())


def _starts(problem: Problem, chi2: Chi2, sampled: Mapping[str, str]) -> list[np.ndarray]:
    """The Standard Model, and points lower than all their neighbours; nuisances at zero."""
    nominal = np.zeros(len(chi2.names))
    if not sampled:
        return [nominal]
    chosen = [chi2.names.index(name) for name in sampled.values()]
    limits = np.array(
        [_finite_limits(problem.model[chi2.names[i]], chi2.limits[i]) for i in chosen]
    )
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


def _finite_limits(rv: Any, limits: tuple[float, float]) -> tuple[float, float]:
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
    minima = [_local_minimum(chi2, start) for start in starts]
    value, point = min(minima, key=lambda minimum: (not np.isfinite(minimum[0]), minimum[0]))
    if not np.isfinite(value):
        raise InputError("chi^2 is not finite anywhere: a prior or the data must be unusable")
    minuit = Minuit(chi2.value, point, grad=chi2.gradient, name=chi2.names)
    minuit.errordef = Minuit.LEAST_SQUARES
    minuit.limits = chi2.limits
    minuit.errors = chi2.steps
    return minuit.migrad().hesse()


def _local_minimum(chi2: Chi2, start: np.ndarray) -> tuple[float, np.ndarray]:
    """By L-BFGS-B, which, unlike MIGRAD, does not stick at limits, in steps of unit size."""

    def scaled(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = chi2.with_gradient(x * chi2.steps)
        return float(value), gradient * chi2.steps

    bounds = np.array(chi2.limits) / chi2.steps[:, None]
    found = minimize(
        scaled, start / chi2.steps, jac=True, method="L-BFGS-B", bounds=bounds, options=ROUGHLY
    )
    return float(found.fun), found.x * chi2.steps


def _without_pull(model: pm.Model, nuisances: Collection[str]) -> int:
    return sum(isinstance(model[name].owner.op, UniformRV) for name in nuisances)
