"""The minimisations of a profile likelihood.

Delta chi^2(theta) = min over everything else of chi^2 - its global minimum. Scenarios have several
minima, bands and valleys: neighbours on a curve are not the only points from which it is continued.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.interpolate import RegularGridInterpolator
from scipy.ndimage import binary_dilation, maximum_filter

from cevns_bayes.engine.climb import Solution
from cevns_bayes.engine.maxima import FAR_BELOW, climbed, lines_through
from cevns_bayes.frequentist.curves import LEVELS, Curve, Surface
from cevns_bayes.frequentist.line import FAR, GAIN, MAX_DELTA, MIN_STEP, Line, insert, relax
from cevns_bayes.frequentist.search import Search

COARSE_POINTS = 41  # A curve has so many before it is refined,
NEAR_POINTS = np.linspace(-4.0, 4.0, 25)  # and these around a minimum, in units of its error.
OTHER_POINTS = 201  # There are so many on a line along which minima are looked for.
STARTS = 3  # So many local minima are followed.
STEPS = 8, 4, 2, 1  # Of every so many points of a surface nuisances are fitted, in turn;
MIN_POINTS = 30  # the widest step not with fewer, nor where more than nuisances is fitted.
AROUND = 3  # So many points around those where a surface is not resolved are fitted as well.
MAX_WANTED = 5000  # Where it would take more points, as of a surface full of ripples, it stays.
SLACK = 10.0  # Fitting the nuisances is then expected to lower chi^2 by no more elsewhere.
ACCURACY = 1e-6  # of heights on a surface
TRUSTED = 1e-4  # Where fits raised heights by less, at half as many points, none is needed.
ROUNDS = 4  # for the first points of a surface, of which some are hopeless


@dataclass(frozen=True)
class Scan:
    """Profiles of the parameters of interest: ``minima``, the lowest first, and ``lines``."""

    search: Search
    minima: Solution
    lines: Mapping[str, Line]

    @classmethod
    def of(cls, search: Search) -> "Scan":
        """Follow the minima along every parameter of interest, where Delta chi^2 is low."""
        solver, minima = search.solver, search.minima
        lines = _first_lines(search)
        relax(solver, lines)
        highest = max((line.points for line in lines), key=lambda points: points.height.max())
        if highest.height.max() > minima.height[0] + GAIN:
            found = highest.x[highest.height.argmax()]
            minima = climbed(solver, np.vstack([found, minima.x]), search.box)
        scan = cls(search, minima, dict(zip(search.names, lines, strict=True)))
        scan._refine()
        return scan

    def _refine(self) -> None:
        solver, lines = self.search.solver, list(self.lines.values())
        for line in lines:
            line.add(self.minima.at([0]))
        steps = MIN_STEP * np.ptp(self.search.box, axis=1)
        while sum(map(len, wanted := [*map(self._unresolved, lines, steps)])):
            insert(solver, lines, wanted)
        for _ in range(2):
            insert(solver, lines, [_crossings(self.curve(name)) for name in self.lines])

    def _unresolved(self, line: Line, step: float) -> np.ndarray:
        return line.unresolved(line.delta(self.minima.height[0]), step)

    def curve(self, name: str) -> Curve:
        """Profile of one parameter of interest."""
        line = self.lines[name]
        low, high = self.search.solver.compiled.limits[:, line.index]
        delta = line.delta(self.minima.height[0])
        return Curve(name, (float(low), float(high)), line.values, delta, line.points.x)

    def unconverged(self) -> list[str]:
        """Parameters of which a minimum was not found where Delta chi^2 is low."""
        low = {n: of.delta(self.minima.height[0]) < MAX_DELTA for n, of in self.lines.items()}
        return [name for name, of in self.lines.items() if not of.points.converged[low[name]].all()]

    def surface(
        self,
        x: str,
        y: str,
        grids: Mapping[str, np.ndarray],
        dof: int = 2,
        *,
        doublings: int = 0,
    ) -> Surface:
        """Profile of two; everything else is fitted where that could bring a point into a region.

        At first at few points. Between them it is interpolated, and fitted where chi^2 is low,
        unless fits nearby have shown that they bring nothing. The grid has twice as many points up
        to ``doublings`` times, until it is resolved or would take too many: they are fitted where
        it is not resolved, and interpolated elsewhere.
        """
        held = [self.search.names.index(name) for name in (x, y)]
        minima = [
            np.column_stack([curve.points[:, held], curve.delta_chi2])
            for curve in (self.curve(x), self.curve(y))
        ]
        several = len(self.search.names) > 2
        steps = STEPS[several or len(grids[x]) < MIN_POINTS :]
        few, *more = ([_some(grids[name], step) for name in (x, y)] for step in steps)
        nodes = self._coarse(few, held, STARTS if several else 1)
        for axes in more:
            nowhere = np.full([len(axis) for axis in axes], np.inf)
            empty = Surface((x, y), axes[0], axes[1], nowhere, np.concatenate(minima), dof)
            surface, nodes = self._fitted(empty, np.isinf(nowhere), nodes, held)
        for _ in range(doublings):
            finer = surface.finer(2)
            wanted = binary_dilation(surface.unresolved(finer), np.ones((3, 3)), AROUND)
            if not 0 < wanted.sum() < MAX_WANTED:
                break
            surface, _ = self._fitted(finer, wanted, nodes, held)
        return surface

    def _fitted(
        self, surface: Surface, wanted: np.ndarray, nodes: "_Nodes", held: Sequence[int]
    ) -> tuple[Surface, "_Nodes"]:
        """With Delta chi^2 anew where it is wanted, and minima there."""
        solver, lowest = self.search.solver, self.minima.height[0]
        found = nodes.at(_mesh((surface.x, surface.y))[wanted], held)
        x = np.clip(found.x, *solver.compiled.limits)
        heights = solver.heights(x)
        heights = np.where(np.isfinite(heights), heights, FAR_BELOW)
        near = 2 * (lowest - heights) < MAX_DELTA + SLACK
        near |= surface.beside(surface.minima, MAX_DELTA)[wanted]
        done = near & (found.gain < TRUSTED)
        todo, gain = near & ~done, np.where(done, 0.0, np.inf)
        while todo.any():
            fits = solver.solve(
                x[todo], held, rest=found.rest[todo], tolerance=ACCURACY, curvature=False
            )
            higher = np.fmax(fits.height, heights[todo])
            x[todo], gain[todo] = fits.x, higher - heights[todo]
            heights[todo], done[todo] = higher, True
            low = np.zeros(wanted.shape, dtype=bool)
            low[wanted] = done & (2 * (lowest - heights) < MAX_DELTA)
            todo = binary_dilation(low, np.ones((3, 3)))[wanted] & ~done
        delta = surface.delta_chi2.copy()
        delta[wanted] = 2 * (lowest - heights)
        if wanted.all():
            nodes = _Nodes((surface.x, surface.y), x, found.rest, gain)
        return replace(surface, delta_chi2=delta), nodes

    def _coarse(self, axes: Sequence[np.ndarray], held: Sequence[int], feet: int) -> "_Nodes":
        """Minima on a grid, from so many local minima moved there."""
        places = _mesh(axes).reshape(-1, 2)
        found = []
        for foot in self.minima.x[:feet]:
            start = np.tile(foot, (len(places), 1))
            start[:, held] = places
            found.append(self.search.solver.solve(start, held, rounds=ROUNDS, tolerance=ACCURACY))
        heights = np.array([np.nan_to_num(of.height, nan=FAR_BELOW) for of in found])
        chosen = (heights.argmax(axis=0), np.arange(len(places)))
        best = Solution(*(np.stack(arrays)[chosen] for arrays in zip(*found, strict=True)))
        return _Nodes(axes, best.x, best.rest, np.full(len(places), np.inf))


@dataclass(frozen=True)
class _Nodes:
    """Minima at the nodes of a grid of two parameters.

    Attributes
    ----------
    axes
        Values of both parameters.
    x, rest
        As of a :class:`Solution`.
    gain
        By how much a fit raised the height that was interpolated, infinite where nothing is known;
        shape (nodes,).
    """

    axes: Sequence[np.ndarray]
    x: np.ndarray
    rest: np.ndarray
    gain: np.ndarray

    def at(self, places: np.ndarray, held: Sequence[int]) -> "_Nodes":
        """Variables between nodes, rests of those nearest, and the greatest gains around places."""
        shape = tuple(map(len, self.axes))
        on_grid = self.x.reshape(*shape, -1)
        x = RegularGridInterpolator(tuple(self.axes), on_grid, method="cubic")(places)
        x[:, held] = places
        nearest = (
            np.abs(axis[:, None] - at).argmin(axis=0)
            for axis, at in zip(self.axes, places.T, strict=True)
        )
        nodes = np.ravel_multi_index(tuple(nearest), shape)
        gain = maximum_filter(self.gain.reshape(shape), 3).ravel()
        return _Nodes(self.axes, x, self.rest[nodes], gain[nodes])


def _some(values: np.ndarray, step: int) -> np.ndarray:
    """Every so many of values, with the last."""
    return values[sorted({*range(0, len(values), step), len(values) - 1})]


def _mesh(axes: Sequence[np.ndarray]) -> np.ndarray:
    """Points of a grid, shape (x, y, 2)."""
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)


def _first_lines(search: Search) -> list[Line]:
    """Each parameter of interest over all of its box, and closer around local minima."""
    starts = [np.concatenate(list(_starts(search, index))) for index in range(len(search.names))]
    masks = np.eye(len(search.names), search.minima.x.shape[1], dtype=bool)
    sizes = [len(start) for start in starts]
    held = np.repeat(masks, sizes, axis=0)
    found = search.solver.solve(np.concatenate(starts), held, far=FAR / 2, rounds=ROUNDS)
    ends = np.cumsum(sizes)
    return [
        Line(search.names[index], index, masks[index], found.at(slice(end - size, end)))
        for index, (size, end) in enumerate(zip(sizes, ends, strict=True))
    ]


def _starts(search: Search, index: int) -> Iterator[np.ndarray]:
    """From where minima along a parameter are looked for."""
    low, high = search.box[index]
    values = np.linspace(low, high, COARSE_POINTS)
    yield from _minima_along_others(search, index, values)
    minima = search.minima.at(slice(STARTS))
    for x, curvature in zip(minima.x, minima.curvature, strict=True):
        near = x[index] + search.errors(x, curvature)[index] * NEAR_POINTS
        yield _moved(x, index, values)
        yield _moved(x, index, near[(near > low) & (near < high)])


def _moved(point: np.ndarray, index: int, values: np.ndarray) -> np.ndarray:
    """Copies of a point with these values of one variable."""
    points = np.tile(point, (len(values), 1))
    points[:, index] = values
    return points


def _minima_along_others(search: Search, index: int, values: np.ndarray) -> Iterator[np.ndarray]:
    """At each value, local minima on the lines along the other parameters through the best."""
    points = _moved(search.minima.x[0], index, values)
    for other in {*range(len(search.names))} - {index}:
        ends = tuple(search.box[other].tolist())
        yield lines_through(search.solver, points, other, ends, size=OTHER_POINTS, most=STARTS)


def _crossings(curve: Curve) -> np.ndarray:
    """Ends of the intervals at all levels, where the curve is to be exact."""
    ends = [end for level in LEVELS for interval in curve.intervals(level) for end in interval]
    return np.setdiff1d([end for end in ends if end not in curve.limits], curve.values)
