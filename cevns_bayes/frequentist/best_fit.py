"""The global minimum of chi^2."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Unpack

import numpy as np
from iminuit import Minuit
from scipy.stats import qmc

from cevns_bayes.engine.problem import (
    DEFAULT_DATA,
    DataLike,
    ModelOptions,
    Problem,
    ScenarioLike,
)
from cevns_bayes.frequentist.chi2 import Chi2, build_chi2, local_minima, lowest
from cevns_bayes.frequentist.ranges import reach
from cevns_bayes.scenarios.prior_view import SEED, Limits, Prior
from cevns_bayes.scenarios.priors import log10_name, sampled_name

NEIGHBOURS = 6
EDGE = 1e-3  # A parameter is at a limit if it is closer than this part of its range.
MAX_STARTS = 7


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

    Starts from the points of a Sobol sequence over the parameters of interest, within the bounds
    of their priors, that are lower than all their neighbours, and keeps the lowest minimum. Where
    a prior has no bounds, they are looked for where the prior is and where chi^2 is low.

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
    chi2 = build_chi2(problem, sampled_parameters(problem))
    return fit_result(problem, global_minimum(chi2, starting_points(problem, chi2)))


def sampled_parameters(problem: Problem) -> list[str]:
    """Free variables behind the parameters of interest: themselves or their logarithms."""
    return [sampled_name(problem.model, name) for name in problem.scenario.parameter_names]


def fit_result(problem: Problem, minimum: Minuit) -> FitResult:
    """The minimum of the chi^2 of a problem in its words."""
    values, names = minimum.values.to_dict(), problem.scenario.parameter_names
    sampled = {name: values.pop(name) for name in sampled_parameters(problem)}
    at_limit = {name for name in minimum.parameters if _at_limit(minimum, name)}
    flat = [Prior.of(problem.model, name).is_flat for name in values]
    bins = sum(experiment.counts.size for experiment in problem.experiments)
    return FitResult(
        scenario=problem.scenario.name,
        data=tuple(experiment.name for experiment in problem.experiments),
        chi2=float(minimum.fval),
        dof=bins - len(sampled) - sum(flat),
        sampled=sampled,
        nuisances=values,
        sampled_errors={
            name: error if minimum.accurate and name not in at_limit else np.nan
            for name, error in minimum.errors.to_dict().items()
        },
        valid=bool(minimum.valid),
        at_limit=tuple(n for n, free in zip(names, sampled, strict=True) if free in at_limit),
        parameters=tuple(names),
    )


def _at_limit(minimum: Minuit, name: str) -> bool:
    low, high = minimum.limits[name]
    extent = high - low if np.isfinite(high - low) else minimum.errors[name]
    distance = min(minimum.values[name] - low, high - minimum.values[name])
    return bool(distance < EDGE * extent)


def starting_points(problem: Problem, chi2: Chi2) -> list[np.ndarray]:
    """The Standard Model, and points lower than all their neighbours; nuisances at zero."""
    sampled = sampled_parameters(problem)
    standard_model = np.zeros(len(chi2.names))
    if not sampled:
        return [standard_model]
    held = [chi2.names.index(name) for name in sampled]
    bulk = [Prior.of(problem.model, name).bulk for name in sampled]
    standard_model[held] = np.mean(bulk, axis=1)
    for i, parameter in zip(held, problem.scenario.parameters_of_interest, strict=True):
        if chi2.names[i] == parameter.name and parameter.standard_model is not None:
            standard_model[i] = parameter.standard_model
    box = np.array(bulk)
    if not np.isfinite(np.array(chi2.limits)[held]).all():
        box = search_box(chi2, global_minimum(chi2, [standard_model]), held, bulk)
    return [standard_model, *_low_points(chi2, held, box)]


def search_box(
    chi2: Chi2, minimum: Minuit, held: Sequence[int], bulk: Sequence[Limits]
) -> np.ndarray:
    """Ends between which minima are looked for, shape (len(held), 2).

    The bulk of the priors of the parameters ``held``, and, where a prior has no bounds, all that
    is within reach of a minimum.
    """
    box, point = np.array(bulk), np.array(minimum.values)
    for ends, i in zip(box, held, strict=True):
        if not np.isfinite(chi2.limits[i]).all():
            values = [x[i] for _, x in reach(chi2, point, i, minimum.errors[i])]
            ends[:] = min(*values, ends[0]), max(*values, ends[1])
    return box


def _low_points(chi2: Chi2, held: Sequence[int], box: np.ndarray) -> list[np.ndarray]:
    """Local minima among the points of a Sobol sequence in the box."""
    sequence = _sobol_sequence(len(held))
    points = np.zeros((len(sequence), len(chi2.names)))
    points[:, held] = qmc.scale(sequence, *box.T)
    heights = np.array([float(chi2.value(point)) for point in points])
    return list(points[local_minima(sequence, heights, NEIGHBOURS)[:MAX_STARTS]])


def _sobol_sequence(dimensions: int) -> np.ndarray:
    """Shape (points, dimensions): 64 points for one parameter, 256 for two, 1024 for more."""
    return qmc.Sobol(dimensions, seed=SEED).random_base2(min(4 + 2 * dimensions, 10))


def global_minimum(chi2: Chi2, starts: Sequence[np.ndarray]) -> Minuit:
    """The lowest of the minima from these starts, with errors."""
    minima = [chi2.minimised(start) for start in starts]
    _, point = lowest(minima, "anywhere: a prior or the data must be unusable")
    minuit = Minuit(chi2.value, point, grad=chi2.gradient, name=chi2.names)
    minuit.errordef = Minuit.LEAST_SQUARES
    minuit.limits = chi2.limits
    minuit.errors = chi2.steps
    minuit.migrad().hesse()
    for _ in range(2):  # once more with steps that fit
        errors = chi2.errors(np.array(minuit.values), 0.01 * np.array(minuit.errors))
        if np.isfinite(errors).all():
            minuit.errors = errors
    return minuit
