"""Credible upper limits on a coupling at each mass, under the prior of the coupling.

The joint posterior at a mass, as a function of the coupling, is the posterior at that mass held
fixed: priors of mass and coupling do not depend on each other.
"""

import logging
from typing import Unpack

import numpy as np
import xarray as xr

from cevns_bayes.bayesian.provenance import check_made_of
from cevns_bayes.bayesian.regions import is_estimated, posterior_density_2d
from cevns_bayes.bayesian.sampling import sample
from cevns_bayes.engine.problem import DEFAULT_DATA, DataLike, ModelOptions, Problem, ScenarioLike
from cevns_bayes.errors import InputError
from cevns_bayes.scenarios.prior_view import Prior
from cevns_bayes.scenarios.priors import sampled_name

EVERY = 8  # Of the grid of the joint posterior, every so many masses have a limit,
RARE = 1e-3  # unless its density there, relative to the highest, is lower,
RESOLVED = 5  # or the limit is not so many steps of the grid from its end.
_log = logging.getLogger(__name__)


def credible_limit_curve(
    scenario: ScenarioLike,
    data: DataLike = DEFAULT_DATA,
    *,
    posterior: xr.DataTree | None = None,
    level: float = 0.90,
    **options: Unpack[ModelOptions],
) -> xr.Dataset:
    """Upper limit on the coupling at each mass, below which it is with a probability.

    Parameters
    ----------
    posterior
        Result of :func:`cevns_bayes.sample` with these arguments; sampled here if not given.
    level
        The probability, between 0 and 1.
    scenario, data, options
        As in :func:`cevns_bayes.build_model`; the scenario has ``limit_curve=(mass, coupling)``.

    Returns
    -------
    xarray.Dataset
        As that of :func:`cevns_bayes.limit_curve`, with one interval; attrs ``prior``, that of the
        coupling, on which the limit depends. Masses of which the posterior holds hardly anything
        have no limit, nor have those where it is too close to the end of the grid of the coupling.

    Raises
    ------
    InputError
        Wrong arguments, or a posterior of something else.

    Examples
    --------
    >>> limits = cb.credible_limit_curve("light-scalar", data=["csi"])  # doctest: +SKIP
    >>> float(limits["upper_limit"].sel(mass=1.0, method="nearest"))  # doctest: +SKIP
    9.0e-06
    """
    if not 0 < level < 1:
        raise InputError(f"level must be between 0 and 1, got {level!r}")
    problem = Problem.build(scenario, data, **options)
    _ = problem.scenario.mass_and_coupling  # or it ends here, before sampling
    if posterior is None:
        posterior = sample(scenario, data, **options)
    check_made_of(posterior, problem)
    return credible_limit_curve_of(problem, posterior, level)


def credible_limit_curve_of(
    problem: Problem, posterior: xr.DataTree, level: float = 0.90
) -> xr.Dataset:
    """The same of a posterior that is known to be of the problem."""
    names = problem.scenario.mass_and_coupling
    mass, coupling = (Prior.of(problem.model, sampled_name(problem.model, n)) for n in names)
    pair = (mass.name, coupling.name)
    density = posterior_density_2d(posterior, pair, (mass.limits, coupling.limits))
    masses, rows = density.x[EVERY // 2 :: EVERY], density.values[EVERY // 2 :: EVERY]
    content = rows.sum(axis=1)
    upper = np.array([_quantile(density.y, row, level) for row in rows])
    unresolved = upper < density.y[RESOLVED]
    upper[unresolved | (content < RARE * content.max())] = np.nan
    if is_estimated(posterior, pair):
        _log.warning("Credible limits on %s are estimated from draws, which smooths.", names[1])
    end = np.full(len(masses), coupling.limits[1])
    upper, end = (_physical(values, coupling, names[1])[:, None] for values in (upper, end))
    columns = {
        "upper_limit": (names[0], upper[:, 0]),
        "excluded_low": ((names[0], "interval"), upper),
        "excluded_high": ((names[0], "interval"), end),
    }
    stated = {"coupling": names[1], "level": level, "kind": "credible", "prior": str(coupling)}
    return xr.Dataset(
        columns,
        {names[0]: _physical(masses, mass, names[0])},
        {"scenario": problem.scenario.name, **stated},
    )


def _physical(values: np.ndarray, prior: Prior, name: str) -> np.ndarray:
    return values if prior.name == name else 10.0**values


def _quantile(y: np.ndarray, values: np.ndarray, probability: float) -> float:
    """Of a density at the middles of cells."""
    cumulative = np.concatenate([[0.0], values.cumsum()])
    step = y[1] - y[0]
    ends = np.concatenate([y - step / 2, [y[-1] + step / 2]])
    return float(np.interp(probability, cumulative / cumulative[-1], ends))
