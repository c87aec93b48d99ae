"""The minimisations of a profile likelihood.

Delta chi^2(theta) = min over everything else of chi^2 - its global minimum. Scenarios have several
minima, bands and valleys: neighbours on a curve are not the only points from which it is continued.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_dilation

from cevns_bayes.frequentist.chi2 import Chi2, Minimum, local_minima, lowest
from cevns_bayes.frequentist.curves import LEVELS, Curve, Surface
from cevns_bayes.frequentist.ranges import PROFILE_TOLERANCE
from cevns_bayes.scenarios.prior_view import Limits

SEARCH_POINTS = 1001  # There are so many on a line along which minima are looked for.
OTHER_POINTS = 101  # There are so many on such a line at every point of a curve.
COARSE_POINTS = 41  # A curve has so many before it is refined.
MAX_DELTA = 14.0  # Up to here scans are refined: beyond 99.7 % for two parameters.
MAX_STEP = 0.4  # Delta chi^2 of neighbours on a refined curve differs by no more.
MIN_STEP = 1e-5  # Relative to the range, points are not closer than this.
SLACK = 40.0  # Fitting the nuisances is expected to lower chi^2 by no more.
STARTS = 3  # So many local minima of the other parameters are followed.


class _Trace:
    """Minima along one parameter, in ascending order of it."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.values: list[float] = []
        self.minima: list[Minimum] = []

    def insert(self, minimum: Minimum) -> None:
        value = float(minimum[1][self.index])
        at = bisect_left(self.values, value)
        self.values.insert(at, value)
        self.minima.insert(at, minimum)

    def beside(self, value: float) -> list[np.ndarray]:
        """Copies of the minima on both sides, moved to the value."""
        at = bisect_left(self.values, value)
        points = [point.copy() for _, point in self.minima[max(at - 1, 0) : at + 1]]
        for point in points:
            point[self.index] = value
        return points

    def unresolved(self, lowest_chi2: float, smallest_step: float) -> list[float]:
        """Middles of the segments on which the curve rises too much to be drawn."""
        values = np.array(self.values)
        heights = np.array([height for height, _ in self.minima]) - lowest_chi2
        low = np.minimum(heights[1:], heights[:-1])
        rise = np.abs(np.diff(np.minimum(heights, MAX_DELTA)))
        chosen = (low < MAX_DELTA) & (rise > MAX_STEP) & (np.diff(values) > smallest_step)
        return [float(x) for x in ((values[1:] + values[:-1]) / 2)[chosen]]


@dataclass(frozen=True)
class Scan:
    """Minimisations around the ``best`` point, shape (variables,), whose chi^2 is ``minimum``.

    Minima are looked for within the ``box`` of the parameters of interest; local ones from
    ``starts``, too.
    """

    chi2: Chi2
    box: Mapping[str, Limits]
    best: np.ndarray
    minimum: float
    starts: Sequence[np.ndarray] = ()

    def curve(self, name: str) -> Curve:
        """Profile of one parameter of interest."""
        index = self.chi2.names.index(name)
        low, high = self.box[name]
        trace = _Trace(index)
        trace.insert((self.minimum, self.best))
        for start in [*self.starts, *self._minima_along(name, self.best, SEARCH_POINTS)]:
            local = self.chi2.minimised(start, tolerance=PROFILE_TOLERANCE)[1]
            self._add(trace, float(local[index]), [local])
        for value in np.linspace(low, high, COARSE_POINTS).tolist():
            self._add(trace, value)
        while middles := trace.unresolved(self.minimum, MIN_STEP * (high - low)):
            for value in middles:
                self._add(trace, value)
        for _ in range(2):
            for value in _crossings(self._as_curve(trace)):
                self._add(trace, value)
        return self._as_curve(trace)

    def _add(self, trace: _Trace, value: float, others: Sequence[np.ndarray] = ()) -> None:
        """Insert the minimum at a value of the parameter, unless it is there.

        It is the lowest of those that are reached from the neighbours, from local minima along
        the other parameters of interest, and from the points ``others``.
        """
        if value in trace.values:
            return
        name = self.chi2.names[trace.index]
        starts = trace.beside(value)
        for other in self.box.keys() - {name}:
            starts += self._minima_along(other, starts[0], OTHER_POINTS)[:STARTS]
        minima = [
            self.chi2.minimised(start, [trace.index], tolerance=PROFILE_TOLERANCE)
            for start in [*starts, *others]
        ]
        trace.insert(lowest(minima, f"at {name} = {value:.4g}"))

    def _minima_along(self, name: str, through: np.ndarray, points: int) -> list[np.ndarray]:
        """Local minima on the line along one parameter of interest, the lowest first."""
        line = np.tile(through, (points, 1))
        line[:, self.chi2.names.index(name)] = np.linspace(*self.box[name], points)
        heights = np.array([float(self.chi2.value(at)) for at in line])
        return list(line[local_minima(np.arange(points)[:, None], heights, 2)])

    def _as_curve(self, trace: _Trace) -> Curve:
        heights = np.array([height for height, _ in trace.minima]) - self.minimum
        points = np.array([point for _, point in trace.minima])
        limits = self.chi2.limits[trace.index]
        name = self.chi2.names[trace.index]
        return Curve(name, limits, np.array(trace.values), heights, points)

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
                value, points[at] = self.chi2.minimised(start, held, tolerance=PROFILE_TOLERANCE)
                heights[at], done[at] = value - self.minimum, True
            todo = binary_dilation(done & (heights < MAX_DELTA), np.ones((3, 3))) & ~done
        minima = [np.column_stack([c.points[:, held], c.delta_chi2]) for c in curves]
        return Surface((x, y), grids[x], grids[y], heights, np.concatenate(minima))

    def _from_neighbours(
        self, points: np.ndarray, done: np.ndarray, at: tuple[int, int]
    ) -> np.ndarray:
        """Mean of the fitted points beside ``at``; the global minimum where there is none."""
        window = tuple(slice(max(i - 1, 0), i + 2) for i in at)
        fitted = points[window][done[window]]
        return fitted.mean(axis=0) if len(fitted) else self.best.copy()


def _crossings(curve: Curve) -> list[float]:
    """Ends of the intervals at all levels, where the curve is to be exact."""
    ends = [end for level in LEVELS for interval in curve.intervals(level) for end in interval]
    return [end for end in ends if end not in curve.limits]
