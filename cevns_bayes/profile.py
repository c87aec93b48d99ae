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

from cevns_bayes.model import (
    DEFAULT_DATA,
    DataLike,
    ModelOptions,
    ScenarioLike,
    pose,
)

EXTRA_STARTS = 4  # besides the centre of the priors
START_SEED = 0
PEAK_DRAWS = 10_000


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
        Variable name -> parabolic 1 sigma error; NaN where there is none.
    valid
        Whether the minimiser is content with the minimum it reports.
    """

    scenario: str
    data: tuple[str, ...]
    chi2: float
    dof: int
    params: Mapping[str, float]
    nuisances: Mapping[str, float]
    errors: Mapping[str, float]
    valid: bool


@dataclass(frozen=True)
class Chi2:
    """chi^2 of a model in its physical parameters, with exact gradients.

    ``value`` and ``gradient`` are functions of the values of ``names``, shape (parameters,).
    """

    names: tuple[str, ...]
    limits: tuple[tuple[float, float], ...]
    value: Callable[[np.ndarray], np.ndarray]
    gradient: Callable[[np.ndarray], np.ndarray]


def fit(
    scenario: ScenarioLike,
    data: DataLike = DEFAULT_DATA,
    **options: Unpack[ModelOptions],
) -> FitResult:
    """Minimise chi^2 over the parameters of interest and all nuisances.

    Starts from the centre of the priors and from draws of them, and keeps the lowest minimum.
    Arguments are those of :func:`cevns_bayes.build_model`.

    Raises
    ------
    InputError
        Wrong arguments.
    """
    problem = pose(scenario, data, **options)
    model, scenario, experiments = problem.model, problem.scenario, problem.experiments
    minimum = _global_minimum(build_chi2(model, scenario.parameter_names), _starts(model, scenario))
    values = minimum.values.to_dict()
    params = {name: values.pop(name) for name in scenario.parameter_names}
    errors = (
        minimum.errors.to_dict() if minimum.accurate else dict.fromkeys(minimum.parameters, np.nan)
    )
    return FitResult(
        scenario=scenario.name,
        data=tuple(experiment.name for experiment in experiments),
        chi2=float(minimum.fval),
        dof=sum(e.counts.size for e in experiments) - len(params) - _without_pull(model, values),
        params=params,
        nuisances=values,
        errors=errors,
        valid=bool(minimum.valid),
    )


def build_chi2(model: pm.Model, parameters_of_interest: list[str]) -> Chi2:
    """Compile chi^2 and its gradient for a model whose free variables are scalars."""
    rvs = model.free_RVs
    values = pt.dvector("values")
    at = {rv: values[i] for i, rv in enumerate(rvs)}
    deviances = [_deviance(rv, model.rvs_to_values[rv]) for rv in model.observed_RVs]
    pulls = [_pull(rv, value) for rv, value in at.items() if rv.name not in parameters_of_interest]
    (chi2,) = graph_replace([sum(deviances) + sum(pulls)], at, strict=False)
    # One fit needs some hundred evaluations: compiling for speed would take longer.
    value, gradient = (
        pytensor.function([values], output, mode="FAST_COMPILE")
        for output in (chi2, pytensor.grad(chi2, values))
    )
    return Chi2(
        names=tuple(rv.name for rv in rvs),
        limits=tuple(_limits(model, rv) for rv in rvs),
        value=value,
        gradient=gradient,
    )


def _deviance(rv: Any, n: Any) -> Any:
    mu, *sigma = rv.owner.op.dist_params(rv.owner)
    if sigma:  # a Gaussian likelihood
        return (((n - mu) / sigma[0]) ** 2).sum()
    return 2 * (mu - n + n * pt.log(pt.maximum(n, 1) / mu)).sum()


def _pull(rv: Any, value: Any) -> Any:
    """-2 ln of the prior relative to its peak: (alpha/sigma)^2 for a Gaussian, 0 for a flat."""
    if isinstance(rv.owner.op, NormalRV | TruncatedNormalRV):
        peak = rv.owner.op.dist_params(rv.owner)[0]
    else:  # another prior of the user's: the highest of many draws
        peak = pm.draw(rv, PEAK_DRAWS, random_seed=START_SEED, mode="FAST_COMPILE")
    return -2 * (pm.logp(rv, value) - pm.logp(rv, peak).max())


def _limits(model: pm.Model, rv: Any) -> tuple[float, float]:
    transform = model.rvs_to_transforms[rv]
    if transform is None:
        return -np.inf, np.inf
    low, high = (
        transform.backward(pt.as_tensor_variable(np.float64(end)), *rv.owner.inputs).eval(
            mode="FAST_COMPILE"
        )
        for end in (-np.inf, np.inf)
    )
    return float(low), float(high)


def _starts(model: pm.Model, scenario: Any) -> list[dict[str, float]]:
    """Values of the parameters of interest to start from; nuisances start at zero."""
    if not scenario.parameter_names:
        return [{}]
    variables = [model[name] for name in scenario.parameter_names]
    centre = [
        pm.distributions.distribution.support_point(v).eval(mode="FAST_COMPILE") for v in variables
    ]
    draws = pm.draw(variables, draws=EXTRA_STARTS, random_seed=START_SEED, mode="FAST_COMPILE")
    points = [centre, *zip(*draws, strict=True)]
    return [dict(zip(scenario.parameter_names, map(float, point), strict=True)) for point in points]


def _global_minimum(chi2: Chi2, starts: list[dict[str, float]]) -> Minuit:
    minima = [_minimum(chi2, start) for start in starts]
    best = min(minima, key=lambda minimum: (not np.isfinite(minimum.fval), minimum.fval))
    return best.hesse()


def _minimum(chi2: Chi2, start: dict[str, float]) -> Minuit:
    first = np.array([start.get(name, 0.0) for name in chi2.names])
    minuit = Minuit(chi2.value, first, grad=chi2.gradient, name=chi2.names)
    minuit.errordef = Minuit.LEAST_SQUARES
    minuit.limits = chi2.limits
    return minuit.migrad()


def _without_pull(model: pm.Model, nuisances: Collection[str]) -> int:
    return sum(isinstance(model[name].owner.op, UniformRV) for name in nuisances)
