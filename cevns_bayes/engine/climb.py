"""Many points on their way to maxima: those that have arrived are set aside, saddles are left."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cevns_bayes.engine.compiled import Measured

if TYPE_CHECKING:
    from cevns_bayes.engine.solver import Solver

DAMPING = 1e-4  # at first, relative to the curvature
BENT = 0.01  # With minus the curvature above this, in widths of the priors, it is a saddle point.
OFF_SADDLE = 0.1  # of these widths


class Solution(NamedTuple):
    """Maxima at many points.

    Attributes
    ----------
    x
        Variables, shape (points, variables).
    height
        Log-likelihood plus log-prior of the nuisances, see :meth:`Compiled.height`; (points,).
    curvature, rest
        Minus the second derivatives of the height by all variables, and their ``rest``, shape
        (points, variables, variables).
    converged
        Whether the maximum was found, (points,).
    """

    x: np.ndarray
    height: np.ndarray
    curvature: np.ndarray
    rest: np.ndarray
    converged: np.ndarray

    def at(self, points: Any) -> "Solution":
        """That of some of the points."""
        return Solution(*(array[points] for array in self))

    @classmethod
    def joined(cls, solutions: Iterable["Solution"]) -> "Solution":
        """All points of several."""
        return cls(*(np.concatenate(arrays) for arrays in zip(*solutions, strict=True)))


class Climb:
    """Points on the way to their maxima; arguments as of :meth:`Solver.solve`."""

    def __init__(
        self,
        solver: "Solver",
        measured: Measured,
        start: np.ndarray,
        moving: np.ndarray,
        rest: np.ndarray | None,
        tolerance: float,
        far: float,
    ) -> None:
        points, size = start.shape
        self.solver, self.measured, self.moving, self.far = solver, measured, moving, far
        self.tolerances = np.full(points, tolerance)
        self.x, self.damping = start.copy(), np.full(points, DAMPING)
        self.rest = np.zeros((points, size, size)) if rest is None else rest.copy()
        self.curvature = np.empty_like(self.rest)  # without the rest
        self.left, self.height = np.full((2, points), np.inf)
        self.todo = np.arange(points)

    @property
    def hopeless(self) -> np.ndarray:
        """Which points will stay too far below the highest."""
        return self.height + self.left < np.fmax.reduce(self.height, initial=-np.inf) - self.far

    def run(self, rounds: int) -> None:
        """Climb until all have arrived."""
        for number in range(rounds):
            if self.todo.size:
                self.climb(number)

    def climb(self, number: int) -> None:
        """Steps of the points that have not arrived."""
        todo = self.todo
        if number >= 2:  # The rest is from too far away: none, and that of where we are, in turn.
            self.rest[todo] = 0.0
        if number >= 3 and number % 2:
            (self.rest[todo],) = self.solver._rests(self.measured, self.x, todo=todo)
        known = self.x, self.rest, self.damping
        found = self.solver._climb(self.measured, *known, self.moving, self.tolerances, todo=todo)
        kept = *known, self.height, self.left, self.curvature
        for array, of_todo in zip(kept, found, strict=True):
            array[todo] = of_todo
        self.todo = np.flatnonzero(~(self.left <= self.tolerances) & ~self.hopeless)

    def saddles(self, found: Solution) -> tuple[np.ndarray, np.ndarray]:
        """Which points are saddle points, and along which axes they are no maxima, as a move."""
        (low, high), widths = self.solver.compiled.limits, self.solver.compiled.widths
        free = self.moving & (found.x > low) & (found.x < high)
        known = found.converged & np.isfinite(found.curvature).all(axis=(1, 2))
        scaled = found.curvature * widths[:, None] * widths
        both = known[:, None, None] & free[:, :, None] & free[:, None]
        values, vectors = np.linalg.eigh(np.where(both, scaled, 0.0))
        chosen = np.flatnonzero(values[:, 0] < -BENT) if values.size else np.empty(0, dtype=int)
        return chosen, widths * vectors[chosen, :, 0]

    def leave_saddles(self, found: Solution) -> bool:
        """Go on beside the saddle points; whether there are any."""
        self.todo, moves = self.saddles(found)
        self.x[self.todo] += OFF_SADDLE * moves
        self.rest[self.todo], self.damping[self.todo] = 0.0, DAMPING
        return bool(self.todo.size)

    def points(self) -> Solution:
        """What has been found, without the curvature."""
        none = np.zeros((len(self.x), 0, 0))
        return Solution(self.x, self.height, none, none, self.left <= self.tolerances)

    def solution(self, inherit: bool) -> Solution:
        """With the curvature, and the rest at the maxima."""
        rest = self.rest if inherit else np.zeros_like(self.rest)
        lacking = ~self.hopeless & ~rest.any(axis=(1, 2))
        if lacking.any():
            (rest[lacking],) = self.solver._rests(self.measured, self.x, todo=lacking)
        curvature = self.curvature + rest
        return Solution(self.x, self.height, curvature, rest, self.left <= self.tolerances)
