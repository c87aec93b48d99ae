"""Limits on a coupling at each mass, as exclusion curves are published.

At every mass: Delta chi^2 of the coupling, everything else minimised, relative to the minimum at
that mass, with one degree of freedom.
"""

import logging
from collections.abc import Iterator
from typing import Unpack

import numpy as np
import xarray as xr

from cevns_bayes.engine.climb import Solution
from cevns_bayes.engine.maxima import lines_through
from cevns_bayes.engine.problem import DEFAULT_DATA, DataLike, ModelOptions, Problem, ScenarioLike
from cevns_bayes.errors import InputError
from cevns_bayes.frequentist.curves import Curve, threshold
from cevns_bayes.frequentist.line import Line, insert
from cevns_bayes.frequentist.search import Search
from cevns_bayes.scenarios.prior_view import Limits
from cevns_bayes.scenarios.priors import sampled_name
from cevns_bayes.scenarios.scenario import Scenario

DEFAULT_MASSES = 60
COUPLINGS = 41  # at each mass, before the limits are refined,
NEAR_POINTS = np.linspace(-4.0, 4.0, 9)  # and these around minima, in units of the error
ON_LINE, MOST = 401, 3  # points of a line along which minima are looked for; that many of them
ROUNDS = 3
LOW = 0.5  # Where Delta chi^2 is lower without a fit, nuisances need none.
CLOSE = 0.01  # An end is a point whose Delta chi^2 is that close to the height, if low, relatively.
NOT_AT_END = 0.05  # of a segment
MAX_STEPS = 20
_log = logging.getLogger(__name__)


def limit_curve(
    scenario: ScenarioLike,
    data: DataLike = DEFAULT_DATA,
    *,
    level: float = 0.90,
    masses: int = DEFAULT_MASSES,
    **options: Unpack[ModelOptions],
) -> xr.Dataset:
    """Upper limit on the coupling at each mass, and all that is excluded there.

    By chi^2 relative to its minimum at that mass, with one degree of freedom: 2.71 at 90 %.

    Parameters
    ----------
    level
        Confidence level, between 0 and 1.
    masses
        Number of masses, equidistant in the logarithm, over the prior.
    scenario, data, options
        As in :func:`cevns_bayes.build_model`; the scenario has ``limit_curve=(mass, coupling)``.

    Returns
    -------
    xarray.Dataset
        Over the mass, in its unit: ``upper_limit``, the end of the allowed interval of the smallest
        couplings, NaN where that is open within the prior; ``excluded_low`` and ``excluded_high``
        by ``interval``, disjoint ones, filled with NaN.

    Raises
    ------
    InputError
        Wrong arguments, or a scenario without such parameters.

    Examples
    --------
    >>> limits = cb.limit_curve("light-scalar", data=["csi"])  # doctest: +SKIP
    >>> float(limits["upper_limit"].sel(mass=1.0, method="nearest"))  # doctest: +SKIP
    2.1e-05
    """
    if not isinstance(masses, int) or masses < 2:
        raise InputError(f"masses must be an integer of at least 2, got {masses!r}")
    threshold(level, 1)  # which refuses a wrong one
    problem = Problem.build(scenario, data, **options)
    return limit_curve_of(problem.scenario, Search.of(problem), level, masses)


def limit_curve_of(
    scenario: Scenario, search: Search, level: float = 0.90, masses: int = DEFAULT_MASSES
) -> xr.Dataset:
    """The same of a search, which may serve for more."""
    names = scenario.mass_and_coupling
    mass, coupling = (search.names.index(sampled_name(search.names, name)) for name in names)
    low, high = search.box[mass]
    is_log = search.names[mass] != names[0]
    spaced = np.linspace if is_log or low <= 0 else np.geomspace
    height = threshold(level, 1)
    lines = _lines(search, mass, coupling, spaced(low, high, masses), min(LOW, height / 10))
    _refine(search, lines, height)
    limits = search.solver.compiled.limits[:, coupling]
    curves = [_curve(line, limits) for line in lines]
    at = np.array([line.points.x[0, mass] for line in lines])
    log_coupling = search.names[coupling] != names[1]
    found = xr.Dataset(coords={names[0]: 10.0**at if is_log else at})
    allowed = [_physical(curve.intervals(level), log_coupling) for curve in curves]
    ((low, high),) = _physical([(float(limits[0]), float(limits[1]))], log_coupling)
    return _filled(found, allowed, (low, high)).assign_attrs(
        scenario=scenario.name, coupling=names[1], level=level, kind="confidence"
    )


def _lines(
    search: Search, mass: int, coupling: int, masses: np.ndarray, inside: float
) -> list[Line]:
    """At each mass, minima along the coupling; fitted where Delta chi^2 is not below ``inside``."""
    start = np.tile(search.minima.x[0], (len(masses), 1))
    start[:, mass] = masses
    low, high = search.box[coupling]
    feet = lines_through(search.solver, start, coupling, (low, high), size=ON_LINE, most=MOST)
    lowest = search.solver.solve(feet, [mass])
    held = np.isin(np.arange(start.shape[1]), [mass, coupling])
    grid = np.repeat(start, COUPLINGS, axis=0)
    grid[:, coupling] = np.tile(np.linspace(low, high, COUPLINGS), len(masses))
    found = [lowest, search.solver.unsolved(grid)]
    rise = 2 * (_lowest_at(grid[:, mass], lowest, mass) - found[1].height)
    wanted = [*_around(search, lowest, mass, coupling), grid[rise > inside]]
    if sum(map(len, wanted)):
        found.append(search.solver.solve(np.concatenate(wanted), held, rounds=ROUNDS))
    points = Solution.joined(found)
    points = points.at(np.isfinite(points.height))
    name = search.names[coupling]
    return [Line(name, coupling, held, points.at(points.x[:, mass] == at)) for at in masses]


def _lowest_at(masses: np.ndarray, minima: Solution, mass: int) -> np.ndarray:
    """Height of the lowest of the minima at each mass."""
    heights = {at: minima.height[minima.x[:, mass] == at].max() for at in np.unique(masses)}
    return np.array([heights[at] for at in masses])


def _around(search: Search, minima: Solution, mass: int, coupling: int) -> Iterator[np.ndarray]:
    """Points on both sides of minima at held masses, within the prior."""
    low, high = search.box[coupling]
    for x, curvature in zip(minima.x, minima.curvature, strict=True):
        near = x[coupling] + search.errors(x, curvature, [mass])[coupling] * NEAR_POINTS
        near = near[(near > low) & (near < high)]
        points = np.tile(x, (len(near), 1))
        points[:, coupling] = near
        yield points


def _refine(search: Search, lines: list[Line], height: float) -> None:
    """Until the ends of the intervals are exact."""
    for _ in range(MAX_STEPS):
        wanted = [_crossings(line, height) for line in lines]
        if not sum(map(len, wanted)):
            return
        insert(search.solver, lines, wanted)
    if left := sum(len(_crossings(line, height)) > 0 for line in lines):
        _log.warning("Limits on %s are not exact at %d of the masses.", lines[0].name, left)


def _crossings(line: Line, height: float) -> np.ndarray:
    """Where Delta chi^2 crosses the height, on segments of which no end is close to it.

    By its logarithm, which is almost a straight line.
    """
    delta = line.delta()
    above = delta > height
    close = np.abs(delta - height) < CLOSE * min(1.0, height)
    wanted = (above[1:] != above[:-1]) & ~close[1:] & ~close[:-1]
    left, right = line.values[:-1][wanted], line.values[1:][wanted]
    offset = np.log1p(delta) - np.log1p(height)
    start, end = offset[:-1][wanted], offset[1:][wanted]
    return left + (right - left) * (start / (start - end)).clip(NOT_AT_END, 1 - NOT_AT_END)


def _curve(line: Line, limits: np.ndarray) -> Curve:
    ends = (float(limits[0]), float(limits[1]))
    return Curve(line.name, ends, line.values, line.delta(), line.points.x)


def _physical(intervals: list[Limits], is_log: bool) -> list[Limits]:
    return [(10.0**low, 10.0**high) if is_log else (low, high) for low, high in intervals]


def _filled(found: xr.Dataset, allowed: list[list[Limits]], limits: Limits) -> xr.Dataset:
    """With upper limits, and what lies between the allowed intervals."""
    (name,) = found.sizes
    ends = [np.array([limits[0], *np.ravel(of), limits[1]]).reshape(-1, 2) for of in allowed]
    excluded = [of[of[:, 1] > of[:, 0]] for of in ends]
    widest = max(map(len, excluded))
    padded = np.full((len(allowed), widest, 2), np.nan)
    for row, of in zip(padded, excluded, strict=True):
        row[: len(of)] = of
    upper = [of[0][1] if of[0][1] < limits[1] else np.nan for of in allowed]
    return found.assign(
        upper_limit=(name, upper),
        excluded_low=((name, "interval"), padded[..., 0]),
        excluded_high=((name, "interval"), padded[..., 1]),
    )
