"""Profile likelihood of the parameters of interest: curves, surfaces, confidence regions."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Unpack

import numpy as np
from iminuit import Minuit

from cevns_bayes.engine.problem import DEFAULT_DATA, DataLike, ModelOptions, Problem, ScenarioLike
from cevns_bayes.errors import InputError
from cevns_bayes.frequentist.best_fit import (
    FitResult,
    fit_result,
    global_minimum,
    sampled_parameters,
    search_box,
    starting_points,
)
from cevns_bayes.frequentist.chi2 import Chi2, build_chi2
from cevns_bayes.frequentist.curves import LEVELS, Curve, Surface, threshold
from cevns_bayes.frequentist.scan import MAX_DELTA, Scan
from cevns_bayes.scenarios.prior_view import Limits, Prior

__all__ = ["LEVELS", "Curve", "Profile", "Surface", "profile", "threshold"]

DEFAULT_POINTS = 101
MARGIN = 0.15  # A surface has this part of the confidence region around it.


@dataclass(frozen=True)
class Profile:
    """Result of :func:`profile`: names are those of the sampled variables (``log10_mass``)."""

    best_fit: FitResult
    curves: Mapping[str, Curve]
    surfaces: Mapping[tuple[str, str], Surface]


def profile(
    scenario: ScenarioLike,
    data: DataLike = DEFAULT_DATA,
    *,
    points: int = DEFAULT_POINTS,
    surfaces: bool = True,
    **options: Unpack[ModelOptions],
) -> Profile:
    """Profile likelihood of each parameter of interest, and of each pair of them.

    Curves are refined until the regions are resolved. Surfaces cover the curves' regions. Priors
    matter by their bounds only. Without bounds, curves end where chi^2 is 30 above its minimum, or
    where the prior has hardly any weight if that is farther out: solutions beyond are not seen.

    Parameters
    ----------
    points
        Points of the grid of a surface along each axis.
    surfaces
        Whether to compute the surfaces of pairs as well as the curves.
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
    problem = Problem.build(scenario, data, **options)
    sampled = sampled_parameters(problem)
    if not sampled:
        raise InputError(f"{problem.scenario.name} has no parameters of interest to profile")
    chi2 = build_chi2(problem, sampled, mode=None)
    starts = starting_points(problem, chi2)
    minimum = global_minimum(chi2, starts)
    scan = Scan(chi2, _box(problem, chi2, minimum), np.array(minimum.values), minimum.fval, starts)
    curves = {name: scan.curve(name) for name in sampled}
    grids = {name: _grid(curve, points) for name, curve in curves.items()}
    pairs = list(combinations(sampled, 2)) if surfaces else []
    maps = {pair: scan.surface(*pair, grids, [curves[name] for name in pair]) for pair in pairs}
    return Profile(fit_result(problem, minimum), curves, maps)


def _box(problem: Problem, chi2: Chi2, minimum: Minuit) -> dict[str, Limits]:
    """Ranges of the parameters of interest: their bounds, or all that is within reach."""
    sampled = sampled_parameters(problem)
    held = [chi2.names.index(name) for name in sampled]
    bulk = [Prior.of(problem.model, name).bulk for name in sampled]
    box = search_box(chi2, minimum, held, bulk)
    return dict(zip(sampled, map(tuple, box.tolist()), strict=True))


def _grid(curve: Curve, points: int) -> np.ndarray:
    """Covers the region of a curve with a margin, within its limits."""
    near = curve.values[curve.delta_chi2 < MAX_DELTA]
    margin = MARGIN * (near.max() - near.min())
    low, high = np.clip([near.min() - margin, near.max() + margin], *curve.limits)
    return np.linspace(low, high, points)
