"""Minima of chi^2 along one variable, refined where they are wanted."""

from collections.abc import Sequence

import numpy as np

from cevns_bayes.engine.climb import Solution
from cevns_bayes.engine.solver import Solver
from cevns_bayes.errors import InputError

MAX_STEP = 0.4  # Delta chi^2 of neighbours on a refined line differs by no more.
MAX_DELTA = 14.0  # Up to here lines are refined: beyond 99.7 % for two parameters.
MIN_STEP = 1e-5  # Relative to the range, points are not closer than this.
MAX_PARTS = 8  # into which a segment is divided at once
FAR = 40.0  # Delta chi^2 from which on it does not matter whether a minimum is the lowest.
GAIN = 1e-4  # of the height, for which neighbours are tried again


class Line:
    """Minima along one variable in ascending order of it, held with others or alone.

    One for each value: the lowest of those added. ``held`` is a mask of the variables.
    """

    def __init__(self, name: str, index: int, held: np.ndarray, points: Solution) -> None:
        self.name, self.index, self.held = name, index, held
        self.points = points.at(slice(0, 0))
        self.add(points)

    @property
    def values(self) -> np.ndarray:
        """Of the variable, shape (points,)."""
        return self.points.x[:, self.index]

    def delta(self, height: float | None = None) -> np.ndarray:
        """Delta chi^2 to a height, that of the minimum unless given; shape (points,)."""
        return 2 * ((self.points.height.max() if height is None else height) - self.points.height)

    def add(self, points: Solution) -> None:
        """Insert minima; each has a finite chi^2 or another one at its value has."""
        points = Solution.joined([self.points, points])
        heights = np.where(np.isfinite(points.height), points.height, -np.inf)
        points = points.at(np.lexsort((-heights, points.x[:, self.index])))
        self.points = points.at(np.unique(points.x[:, self.index], return_index=True)[1])
        if not np.isfinite(self.points.height).all():
            value = self.values[~np.isfinite(self.points.height)][0]
            raise InputError(f"chi^2 is not a finite number at {self.name} = {value:.4g}")

    def moved(self, origins: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Some of the points with other values of the variable, and their rests."""
        start = self.points.x[origins]
        start[:, self.index] = values
        return start, self.points.rest[origins]

    def unresolved(self, delta: np.ndarray, smallest_step: float) -> np.ndarray:
        """Values that divide the segments on which the line rises too much to be drawn."""
        rise = np.abs(np.diff(delta.clip(max=MAX_DELTA)))
        steep = (rise > MAX_STEP) & (np.diff(self.values) > smallest_step)
        parts = np.where(steep, np.ceil(rise / MAX_STEP).clip(2, MAX_PARTS), 1).astype(int)
        ends = zip(self.values[:-1], self.values[1:], parts, strict=True)
        divided = [np.linspace(low, high, n + 1)[1:-1] for low, high, n in ends if n > 1]
        return np.concatenate(divided) if divided else np.zeros(0)


def insert(solver: Solver, lines: Sequence[Line], values: Sequence[np.ndarray]) -> None:
    """Add to each line the minima at its values, from those on both sides."""
    origins = []
    for line, of in zip(lines, values, strict=True):
        right = np.searchsorted(line.values, of).clip(1, len(line.values) - 1)
        origins.append(np.concatenate([right - 1, right]))
    _add_moved(solver, lines, origins, [np.tile(of, 2) for of in values])


def relax(solver: Solver, lines: Sequence[Line]) -> None:
    """Try every minimum from those beside it, until none becomes lower."""
    changed = [np.arange(len(line.values)) for line in lines]
    while any(at.size for at in changed):
        before = [line.points.height for line in lines]
        origins = [np.repeat(at, 2) for at in changed]
        targets = [
            (np.repeat(at, 2) + np.tile([-1, 1], len(at))).clip(0, len(line.values) - 1)
            for line, at in zip(lines, changed, strict=True)
        ]
        values = [line.values[to] for line, to in zip(lines, targets, strict=True)]
        _add_moved(solver, lines, origins, values)
        changed = [
            np.flatnonzero((line.points.height > old + GAIN) & (line.delta() < FAR))
            for line, old in zip(lines, before, strict=True)
        ]


def _add_moved(
    solver: Solver,
    lines: Sequence[Line],
    origins: Sequence[np.ndarray],
    values: Sequence[np.ndarray],
) -> None:
    """Solve all lines together from points moved to other values."""
    moved = [line.moved(*of) for line, *of in zip(lines, origins, values, strict=True)]
    start, rest = (np.concatenate(arrays) for arrays in zip(*moved, strict=True))
    sizes = [len(of) for of in values]
    if not len(start):
        return
    held = np.repeat([line.held for line in lines], sizes, axis=0)
    found = solver.solve(start, held, rest=rest, far=FAR / 2, inherit=True)
    ends = np.cumsum(sizes)
    for line, size, end in zip(lines, sizes, ends, strict=True):
        line.add(found.at(slice(end - size, end)))
