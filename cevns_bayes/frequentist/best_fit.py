"""The global minimum of chi^2."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Unpack

import numpy as np

from cevns_bayes.engine.climb import Solution
from cevns_bayes.engine.problem import (
    DEFAULT_DATA,
    DataLike,
    ModelOptions,
    Problem,
    ScenarioLike,
)
from cevns_bayes.frequentist.search import Search
from cevns_bayes.scenarios.priors import log10_name


@dataclass(frozen=True)
class FitResult:
    """The global minimum of chi^2.

    Attributes
    ----------
    chi2, dof
        Value of chi^2 at the minimum, and the number of bins less that of the parameters of
        interest and of the nuisances without a pull term.
    sampled, nuisances
        Best-fit values of the parameters of interest, as they are sampled (``"log10_mass"``), and
        of the nuisances, by name.
    sampled_errors
        Parabolic 1 sigma errors of all of them; NaN where there is none, as at a limit.
    valid
        Whether the minimiser reports a valid minimum.
    at_limit
        Parameters of interest that ended at an end of their prior: chi^2 decreases beyond it, or
        does not depend on the parameter.
    parameters
        Names of the parameters of interest, in the order of ``sampled``.
    covariance
        Of all that have an error, row by row; empty if there is none.
    """

    scenario: str
    data: tuple[str, ...]
    chi2: float
    dof: int
    sampled: Mapping[str, float]
    nuisances: Mapping[str, float]
    sampled_errors: Mapping[str, float]
    valid: bool
    at_limit: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    covariance: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def params(self) -> dict[str, float]:
        """Parameters of interest themselves, not their logarithms."""
        pairs = zip(self.parameters, self.sampled.items(), strict=False)
        return {name: x if free == name else 10.0**x for name, (free, x) in pairs}

    @property
    def values(self) -> dict[str, float]:
        """Best-fit values of the parameters of interest, of their logarithms, of the nuisances."""
        return {**self.params, **self.nuisances, **self.sampled}

    @property
    def errors(self) -> dict[str, float]:
        """Errors of all ``values``."""
        physical = {
            name: np.log(10) * value * self.sampled_errors[log10_name(name)]
            for name, value in self.params.items()
            if name not in self.sampled
        }
        return {**physical, **self.sampled_errors}


def fit(
    scenario: ScenarioLike,
    data: DataLike = DEFAULT_DATA,
    **options: Unpack[ModelOptions],
) -> FitResult:
    """Minimise chi^2 over the parameters of interest and all nuisances.

    The lowest of the minima between the bounds of the priors of the parameters of interest, see
    :func:`cevns_bayes.engine.maxima.maxima`. Where a prior has no bounds, they are looked for where
    the prior is and where chi^2 is low.

    Arguments are those of :func:`cevns_bayes.build_model`.

    Raises
    ------
    InputError
        Wrong arguments.

    Examples
    --------
    >>> best = cb.fit("weak-mixing-angle", data=["csi"])  # doctest: +SKIP
    >>> round(best.params["sin2_theta_w"], 3), round(best.chi2, 2), best.dof  # doctest: +SKIP
    (0.219, 80.78, 97)
    """
    problem = Problem.build(scenario, data, **options)
    search = Search.of(problem)
    return fit_result(problem, search, search.minima)


def fit_result(problem: Problem, search: Search, minima: Solution) -> FitResult:
    """The lowest, that is first, of the minima of a problem in its words."""
    compiled, best = search.solver.compiled, Solution(*(array[0] for array in minima))
    values = dict(zip(compiled.names, best.x.tolist(), strict=True))
    sampled = {name: values.pop(name) for name in search.names}
    at_limit = search.at_limit(best.x)[: len(sampled)]
    covariance = search.covariance(best.x, best.curvature)
    errors = np.sqrt(np.diag(covariance)).tolist()
    flat = [prior.is_flat for prior in compiled.priors[len(sampled) :]]
    bins = sum(counts.size for counts in compiled.counts)
    names = problem.scenario.parameter_names
    return FitResult(
        scenario=problem.scenario.name,
        data=tuple(experiment.name for experiment in problem.experiments),
        chi2=float(compiled.chi2(best.height)),
        dof=bins - len(sampled) - sum(flat),
        sampled=sampled,
        nuisances=values,
        sampled_errors=dict(zip(compiled.names, errors, strict=True)),
        valid=bool(best.converged),
        at_limit=tuple(name for name, ended in zip(names, at_limit, strict=True) if ended),
        parameters=tuple(names),
        covariance=_by_name(compiled.names, covariance),
    )


def _by_name(names: list[str], matrix: np.ndarray) -> dict[str, dict[str, float]]:
    """Rows and columns of a matrix that are numbers."""
    known = np.flatnonzero(np.isfinite(np.diag(matrix)))
    return {names[i]: {names[j]: float(matrix[i, j]) for j in known} for i in known}
