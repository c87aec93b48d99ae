"""Profile likelihood of the parameters of interest: curves, surfaces, confidence regions."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Unpack

import numpy as np

from cevns_bayes.engine.problem import DEFAULT_DATA, DataLike, ModelOptions, Problem, ScenarioLike
from cevns_bayes.errors import InputError
from cevns_bayes.frequentist.best_fit import FitResult, fit_result
from cevns_bayes.frequentist.curves import LEVELS, Curve, Surface, threshold
from cevns_bayes.frequentist.line import MAX_DELTA
from cevns_bayes.frequentist.scan import Scan
from cevns_bayes.frequentist.search import Search
from cevns_bayes.scenarios.prior_view import Limits

__all__ = ["LEVELS", "Curve", "Profile", "Surface", "profile", "threshold"]

DEFAULT_POINTS = 101
DOUBLINGS = 1  # of a surface that is not resolved
MARGIN = 0.15  # A surface has this part of the confidence region around it.
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Profile:
    """Result of :func:`profile`: names are those of the sampled variables (``log10_mass``)."""

    best_fit: FitResult
    curves: Mapping[str, Curve]
    surfaces: Mapping[tuple[str, str], Surface]

    def limits(self, parameter: str, level: float = 0.90) -> list[Limits]:
        """Disjoint confidence intervals: tables, figures and files all take them from here."""
        return self.curves[parameter].intervals(level)


def profile(
    scenario: ScenarioLike,
    data: DataLike = DEFAULT_DATA,
    *,
    points: int = DEFAULT_POINTS,
    surfaces: bool = True,
    dof: int = 2,
    **options: Unpack[ModelOptions],
) -> Profile:
    """Profile likelihood of each parameter of interest, and of each pair of them.

    Curves are refined until the regions are resolved. Surfaces cover the curves' regions. Priors
    matter by their bounds only. Without bounds, curves end where chi^2 is 30 above its minimum, or
    where the prior has hardly any weight if that is farther out: solutions beyond are not seen.

    Parameters
    ----------
    points
        Points of the grid of a surface along each axis; about twice as many where it is not
        resolved.
    surfaces
        Whether to compute the surfaces of pairs as well as the curves.
    dof
        Degrees of freedom of the regions of surfaces: 2, or 1, where the limit on one parameter is
        read off at given values of the other.
    scenario, data, options
        As in :func:`cevns_bayes.build_model`.

    Raises
    ------
    InputError
        Wrong arguments, a scenario without parameters of interest, or without finite chi^2
        somewhere within its priors.

    Examples
    --------
    >>> scan = cb.profile("weak-mixing-angle", data=["csi"])  # doctest: +SKIP
    >>> scan.curves["sin2_theta_w"].intervals(0.90)  # doctest: +SKIP
    [(0.1762..., 0.2707...)]
    """
    if not isinstance(points, int) or points < 10:
        raise InputError(f"points must be an integer of at least 10, got {points!r}")
    if dof not in (1, 2):
        raise InputError(f"dof of a region must be 1 or 2, got {dof!r}")
    problem = Problem.build(scenario, data, **options)
    if not problem.scenario.parameters_of_interest:
        raise InputError(f"{problem.scenario.name} has no parameters of interest to profile")
    return profile_of(problem, Search.of(problem), points, surfaces=surfaces, dof=dof)


def profile_of(
    problem: Problem,
    search: Search,
    points: int = DEFAULT_POINTS,
    *,
    surfaces: bool = True,
    dof: int = 2,
    doublings: int = DOUBLINGS,
) -> Profile:
    """The same of a problem with its search, which may serve for more.

    Surfaces have twice as many points up to ``doublings`` times, until they are resolved.
    """
    scan = Scan.of(search)
    curves = {name: scan.curve(name) for name in search.names}
    if unsure := scan.unconverged():
        _log.warning("The profile of %s has points without a minimum.", ", ".join(unsure))
    pairs = list(combinations(curves, 2)) if surfaces else []
    grids = {name: _grid(curve, points) for name, curve in curves.items()}
    maps = {pair: scan.surface(*pair, grids, dof, doublings=doublings) for pair in pairs}
    return Profile(fit_result(problem, search, scan.minima), curves, maps)


def _grid(curve: Curve, points: int) -> np.ndarray:
    """Covers the region of a curve with a margin, within its limits."""
    near = curve.values[curve.delta_chi2 < MAX_DELTA]
    margin = MARGIN * (near.max() - near.min())
    low, high = np.clip([near.min() - margin, near.max() + margin], *curve.limits)
    return np.linspace(low, high, points)
