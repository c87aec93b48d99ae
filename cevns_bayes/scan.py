"""Profile likelihood of the parameters of interest: curves, surfaces, confidence regions.

Delta chi^2(theta) = min over everything else of chi^2 - its global minimum; by Wilks' theorem
the confidence region of a level is where it is below the quantile of chi^2 with as many degrees of
freedom as there are parameters in theta.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Unpack

import numpy as np
from scipy import stats
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import binary_dilation

from cevns_bayes.best_fit import (
    FitResult,
    finite_limits,
    fit_problem,
    sampled_parameters,
    starting_points,
)
from cevns_bayes.chi2 import Chi2, build_chi2, lowest
from cevns_bayes.errors import InputError
from cevns_bayes.model import DEFAULT_DATA, DataLike, ModelOptions, ScenarioLike, pose

LEVELS = (0.68, 0.90, 0.95)
DEFAULT_POINTS = 101
SEARCH_POINTS = 1001  # of a line along which minima are looked for
COARSE_POINTS = 41  # of a curve before it is refined
GREATEST_DELTA = 14.0  # up to which a scan is refined: beyond 99.7 % for two parameters
GREATEST_STEP = 0.4  # of Delta chi^2 between neighbours on a refined curve
SMALLEST_STEP = 1e-5  # of the range
SLACK = 40.0  # that nuisances may gain where they have not been fitted yet
STARTS = 3  # local minima of the other parameters that are followed
MARGIN = 0.15  # of the confidence region, around it on a surface
PRECISELY = 1e-9


@dataclass(frozen=True)
class Curve:
    """Profile of one parameter.

    ``values`` ascend within ``limits``, the bounds of the prior; shapes (points,). ``points`` are
    the minima, shape (points, variables).
    """

    parameter: str
    limits: tuple[float, float]
    values: np.ndarray
    delta_chi2: np.ndarray
    points: np.ndarray

    def intervals(self, level: float = 0.90) -> list[tuple[float, float]]:
        """Disjoint confidence intervals, 0 < level < 1; one that is open ends at the limits."""
        excess = self.delta_chi2 - threshold(level, 1)
        curve = PchipInterpolator(self.values, excess)
        roots = curve.roots(extrapolate=False)
        ends = np.concatenate([self.limits[:1], np.unique(roots), self.limits[1:]])
        middles = curve((ends[1:] + ends[:-1]) / 2)
        return [(float(ends[i]), float(ends[i + 1])) for i in np.flatnonzero(middles < 0)]


@dataclass(frozen=True)
class Surface:
    """Profile of two parameters on a grid; ``delta_chi2`` has the shape (len(x), len(y)).

    Far outside every region the nuisances are not fitted: there ``delta_chi2`` is an upper bound.
    ``minima`` are x, y and Delta chi^2 along the curves of both parameters, shape (points, 3): they
    show valleys narrower than the steps of the grid.
    """

    parameters: tuple[str, str]
    x: np.ndarray
    y: np.ndarray
    delta_chi2: np.ndarray
    minima: np.ndarray

    @staticmethod
    def threshold(level: float) -> float:
        """Delta chi^2 at the border of a confidence region."""
        return threshold(level, 2)


@dataclass(frozen=True)
class Profile:
    """Result of :func:`profile`: names are those of the sampled variables (``log10_mass``)."""

    best_fit: FitResult
    curves: Mapping[str, Curve]
    surfaces: Mapping[tuple[str, str], Surface]


def threshold(level: float, parameters: int) -> float:
    """Quantile of chi^2, by Wilks' theorem."""
    if not 0 < level < 1:
        raise InputError(f"a confidence level must be between 0 and 1, got {level}")
    return float(stats.chi2.ppf(level, parameters))


def profile(
    scenario: ScenarioLike,
    data: DataLike = DEFAULT_DATA,
    *,
    points: int = DEFAULT_POINTS,
    surfaces: bool = True,
    **options: Unpack[ModelOptions],
) -> Profile:
    """Profile likelihood of each parameter of interest, and of each pair of them.

    Curves are refined until the regions are resolved. Surfaces cover the curves' regions.

    Parameters
    ----------
    points
        Points of the grid of a surface along each axis.
    surfaces
        Whether to compute those.
    scenario, data, options
        As in :func:`cevns_bayes.build_model`.

    Raises
    ------
    InputError
        Wrong arguments, a scenario without parameters of interest, or without finite chi^2
        somewhere within its priors.
    """
    if not isinstance(points, int) or points < 10:
        raise InputError(f"points must be an integer of at least 10, got {points!r}")
    problem = pose(scenario, data, **options)
    sampled = list(sampled_parameters(problem).values())
    if not sampled:
        raise InputError(f"{problem.scenario.name} has no parameters of interest to profile")
    chi2 = build_chi2(problem.model, sampled, mode=None)
    best = fit_problem(problem, chi2)
    limits = {
        name: finite_limits(problem.model[name], chi2.limits[chi2.names.index(name)])
        for name in sampled
    }
    at_best = np.array([best.values[name] for name in chi2.names])
    scan = _Scan(chi2, limits, at_best, best.chi2, starting_points(problem, chi2))
    curves = {name: scan.curve(name) for name in sampled}
    grids = {name: _grid(curve, points) for name, curve in curves.items()}
    pairs = list(combinations(sampled, 2)) if surfaces else []
    found = {pair: scan.surface(*pair, grids, [curves[name] for name in pair]) for pair in pairs}
    return Profile(best, curves, found)


def _grid(curve: Curve, points: int) -> np.ndarray:
    """Covers the region of a curve with a margin, within its limits."""
    near = curve.values[curve.delta_chi2 < GREATEST_DELTA]
    margin = MARGIN * (near.max() - near.min())
    low, high = np.clip([near.min() - margin, near.max() + margin], *curve.limits)
    return np.linspace(low, high, points)


@dataclass(frozen=True)
class _Scan:
    """Minimisations around the ``best`` point, shape (variables,), whose chi^2 is ``minimum``.

    Local minima are looked for from ``starts``, too.
    """

    chi2: Chi2
    limits: Mapping[str, tuple[float, float]]
    best: np.ndarray
    minimum: float
    starts: Sequence[np.ndarray] = ()

    def curve(self, name: str) -> Curve:
        index = self.chi2.names.index(name)
        low, high = self.limits[name]
        found = {float(self.best[index]): (self.minimum, self.best)}
        for start in [*self.starts, *self._local_minima(name, self.best, SEARCH_POINTS)]:
            local = self.chi2.minimised(start, tolerance=PRECISELY)[1]
            self._add(found, index, float(local[index]), [local])
        for value in np.linspace(low, high, COARSE_POINTS).tolist():
            self._add(found, index, value)
        while new := self._unresolved(found, high - low):
            for value in new:
                self._add(found, index, value)
        for _ in range(2):
            for value in _crossings(_curve(name, (low, high), found, self.minimum)):
                self._add(found, index, value)
        return _curve(name, (low, high), found, self.minimum)

    def _add(
        self,
        found: dict[float, tuple[float, np.ndarray]],
        index: int,
        value: float,
        others: Sequence[np.ndarray] = (),
    ) -> None:
        """The lowest of the minima from neighbours, from ``others`` and from those of lines."""
        if value in found:
            return
        known = np.array(sorted(found))
        at = int(np.searchsorted(known, value))
        starts = [found[float(known[i])][1].copy() for i in (at - 1, at) if 0 <= i < len(known)]
        for start in starts:
            start[index] = value
        for other in self.limits:
            if other != self.chi2.names[index]:
                starts += self._local_minima(other, starts[0], DEFAULT_POINTS)[:STARTS]
        starts += others
        minima = [self.chi2.minimised(start, [index], tolerance=PRECISELY) for start in starts]
        found[value] = lowest(minima, f"at {self.chi2.names[index]} = {value:.4g}")

    def _local_minima(self, name: str, through: np.ndarray, points: int) -> list[np.ndarray]:
        """Of the line along one parameter of interest, the lowest first."""
        line = np.tile(through, (points, 1))
        line[:, self.chi2.names.index(name)] = np.linspace(*self.limits[name], points)
        heights = np.array([float(self.chi2.value(at)) for at in line])
        padded = np.pad(heights, 1, constant_values=np.inf)
        lowest = np.flatnonzero((heights <= padded[:-2]) & (heights <= padded[2:]))
        return [line[i] for i in lowest[np.argsort(heights[lowest])]]

    def _unresolved(
        self, found: dict[float, tuple[float, np.ndarray]], extent: float
    ) -> list[float]:
        """Middles of the segments on which a curve rises too much to be drawn."""
        values = np.array(sorted(found))
        heights = np.array([found[value][0] for value in values]) - self.minimum
        low = np.minimum(heights[1:], heights[:-1])
        rise = np.abs(np.diff(np.minimum(heights, GREATEST_DELTA)))
        wide = np.diff(values) > SMALLEST_STEP * extent
        chosen = (low < GREATEST_DELTA) & (rise > GREATEST_STEP) & wide
        return [float(x) for x in ((values[1:] + values[:-1]) / 2)[chosen]]

    def surface(
        self, x: str, y: str, grids: Mapping[str, np.ndarray], curves: Sequence[Curve]
    ) -> Surface:
        """Nuisances are fitted where that could bring a point into a region, and beside."""
        held = [self.chi2.names.index(x), self.chi2.names.index(y)]
        mesh = np.stack(np.meshgrid(grids[x], grids[y], indexing="ij"), axis=-1)
        points = np.tile(self.best, (*mesh.shape[:2], 1))
        points[..., held] = mesh
        heights = np.apply_along_axis(self.chi2.value, -1, points) - self.minimum
        todo, done = heights < SLACK, np.zeros(heights.shape, dtype=bool)
        while todo.any():
            for at in sorted(zip(*np.nonzero(todo), strict=True), key=heights.__getitem__):
                start = self._from_neighbours(points, done, at)
                start[held] = mesh[at]
                value, points[at] = self.chi2.minimised(start, held, tolerance=PRECISELY)
                heights[at], done[at] = value - self.minimum, True
            todo = binary_dilation(done & (heights < GREATEST_DELTA), np.ones((3, 3))) & ~done
        minima = [np.column_stack([c.points[:, held], c.delta_chi2]) for c in curves]
        return Surface((x, y), grids[x], grids[y], heights, np.concatenate(minima))

    def _from_neighbours(
        self, points: np.ndarray, done: np.ndarray, at: tuple[int, int]
    ) -> np.ndarray:
        """Mean of the fitted points beside ``at``; the global minimum where there is none."""
        window = tuple(slice(max(i - 1, 0), i + 2) for i in at)
        fitted = points[window][done[window]]
        return fitted.mean(axis=0) if len(fitted) else self.best.copy()


def _curve(
    name: str,
    limits: tuple[float, float],
    found: Mapping[float, tuple[float, np.ndarray]],
    minimum: float,
) -> Curve:
    values = sorted(found)
    heights = np.array([found[value][0] for value in values]) - minimum
    points = np.array([found[value][1] for value in values])
    return Curve(name, limits, np.array(values), heights, points)


def _crossings(curve: Curve) -> list[float]:
    """Ends of the intervals at all levels, where the curve is to be exact."""
    ends = [end for level in LEVELS for interval in curve.intervals(level) for end in interval]
    return [end for end in ends if end not in curve.limits]
