"""Fits of many toys at once: with variables held, and the global minimum of each.

A toy has its minima where the data have theirs, or its truth is, or elsewhere. Its chi^2 is seen
without a fit at the points of a library, which are minima of the data over all of the box; from the
lowest local minima among these, and from its truth, the minima of the toy are reached.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import jax
import numpy as np
from scipy.spatial import cKDTree

from cevns_bayes.engine.batches import batched
from cevns_bayes.engine.compiled import Measured
from cevns_bayes.engine.maxima import SAME, sobol_sequence
from cevns_bayes.engine.solver import ROUNDS, Solver
from cevns_bayes.frequentist.search import Search

MAX_DELTA = 60.0  # Points of the library have a Delta chi^2 on the data below this.
LIBRARY_ROUNDS = 3  # for its points, of which some are hopeless
NEIGHBOURS = 4  # A point that is no higher than these is a local minimum of chi^2 in the library.
STARTS = 3  # So many of these, the lowest, are followed in each toy.
ROUNDS_OF_TOYS = (2, ROUNDS, ROUNDS)  # At first for all starts, then for those still on their way,
HOPELESS = 1.0  # unless they are lower than the best of their toy by this height.
SMALL = 16  # Toys are compared with the library so many at once, to save memory.


class Fits(NamedTuple):
    """Of toys.

    Attributes
    ----------
    chi2
        Global minimum of each, (toys,).
    delta
        Minimum with variables held at their truth, less the global one, (toys,).
    x
        Where the global minimum is, (toys, variables).
    held_x
        Where the minimum with variables held is, (toys, variables).
    converged
        Whether both were found, (toys,).
    """

    chi2: np.ndarray
    delta: np.ndarray
    x: np.ndarray
    held_x: np.ndarray
    converged: np.ndarray


@dataclass(frozen=True)
class Fitter:
    """Fits toys from the points of a ``library``, shape (points, variables)."""

    solver: Solver
    library: np.ndarray

    @classmethod
    def of(cls, search: Search, more: Sequence[np.ndarray] = ()) -> "Fitter":
        """With the minima of the data, everywhere in the box, and more points where it is low."""
        return cls(search.solver, library_of(search, more))

    def fits(self, measured: Measured, truth: np.ndarray, held: Sequence[int]) -> Fits:
        """Both minima of every toy.

        ``truth`` has the shape (toys, variables), ``held`` are indices of what is held there.
        """
        toys, feet = self._feet(measured)
        own = np.arange(len(truth))
        others = slice(None if len(held) < self.solver.compiled.interest else 0)
        moved = feet[others].copy()
        moved[:, list(held)] = truth[toys[others]][:, list(held)]
        conditional = self._lowest(
            measured, np.append(own, toys[others]), np.concatenate([truth, moved]), held
        )
        best = self._lowest(
            measured, np.append(own, toys), np.concatenate([conditional.x, feet]), ()
        )
        return Fits(
            chi2=np.asarray(self.solver.compiled.chi2(best.height)),
            delta=2 * (best.height - conditional.height),
            x=best.x,
            held_x=conditional.x,
            converged=best.converged & conditional.converged,
        )

    def _lowest(
        self, measured: Measured, toys: np.ndarray, feet: np.ndarray, held: Sequence[int]
    ) -> "_Lowest":
        """The lowest minimum of chi^2 that each toy has; ``toys`` are those of the feet."""
        x = feet.copy()
        height, converged = np.full(len(feet), -np.inf), np.zeros(len(feet), dtype=bool)
        best, left = np.full(len(measured.shifts), -np.inf), np.arange(len(feet))
        for rounds in ROUNDS_OF_TOYS:
            own = jax.tree.map(lambda array, of=toys[left]: array[of], measured)
            found = self.solver.solve(x[left], held, counts=own, rounds=rounds, curvature=False)
            x[left], height[left], converged[left] = found.x, found.height, found.converged
            np.fmax.at(best, toys, height)
            left = np.flatnonzero(~converged & ~(height < best[toys] - HOPELESS))
            if not left.size:
                break
        order = np.lexsort((np.where(np.isfinite(height), -height, np.inf), toys))
        first = order[np.unique(toys[order], return_index=True)[1]]
        return _Lowest(x[first], height[first], converged[first])

    def _feet(self, measured: Measured) -> tuple[np.ndarray, np.ndarray]:
        """Toys, and points of the library from which to climb there; some for each toy."""
        if len(self.library) <= 1:
            toys = np.arange(len(measured.shifts))
            return toys, np.repeat(self.library, len(toys), axis=0)
        (heights,) = batched(self._compare, measured, size=SMALL)
        heights = np.where(np.isfinite(heights), heights, -np.inf)
        local = heights >= heights[:, self._nearest].max(axis=2)
        ranked = np.where(local, heights, -np.inf)
        chosen = np.argsort(-ranked, axis=1, kind="stable")[:, :STARTS]
        toys, number = np.nonzero(np.isfinite(np.take_along_axis(ranked, chosen, axis=1)))
        return toys, self.library[chosen[toys, number]]

    @cached_property
    def _nearest(self) -> np.ndarray:
        """Indices of the neighbours of each point of the library, and of itself."""
        interest = self.library[:, : self.solver.compiled.interest]
        scaled = (interest - interest.min(axis=0)) / np.maximum(np.ptp(interest, axis=0), 1e-300)
        count = min(NEIGHBOURS + 1, len(scaled))
        return np.asarray(cKDTree(scaled).query(scaled, k=count)[1])

    @cached_property
    def _compare(self) -> Any:
        """Measurements of toys -> heights of all points of the library, (toys, points)."""
        compiled, library = self.solver.compiled, self.library
        expected = self.solver.expected(library)

        def heights(measured: Measured) -> tuple[Any]:
            priors = jax.vmap(lambda x: compiled.log_prior(x, measured.shifts))(library)
            triples = zip(compiled.parts, measured.counts, expected, strict=True)
            return (
                sum((jax.vmap(p.log_likelihood, (None, 0))(n, mu) for p, n, mu in triples), priors),
            )

        return jax.jit(jax.vmap(heights))


class _Lowest(NamedTuple):
    x: np.ndarray
    height: np.ndarray
    converged: np.ndarray


def library_of(search: Search, more: Sequence[np.ndarray] = ()) -> np.ndarray:
    """Minima of the data, its minima at points of a Sobol sequence, and more points.

    None twice: each of them would be a local minimum.
    """
    solver, box = search.solver, search.box
    values = sobol_sequence(box)
    start = np.tile(search.minima.x[0], (len(values), 1))
    start[:, : len(box)] = values
    found = solver.solve(start, range(len(box)), rounds=LIBRARY_ROUNDS, curvature=False)
    near = 2 * (search.minima.height[0] - found.height) < MAX_DELTA
    points = np.concatenate([search.minima.x, found.x[near], *more])
    scale = SAME * np.maximum(np.ptp(points[:, : len(box)], axis=0), np.finfo(float).tiny)
    places = np.round(points[:, : len(box)] / scale)
    return points[np.sort(np.unique(places, axis=0, return_index=True)[1])]
