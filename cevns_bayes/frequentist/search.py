"""All minima of chi^2, and how far a parameter without bounds has to be followed.

chi^2 is -2 ln of likelihood times priors of the nuisances, relative to the best conceivable:

chi^2 = 2 sum_bins [mu - n + n ln(n/mu)] + sum_k (alpha_k/sigma_k)^2   (arXiv:2211.11905, Sec. 3)

Priors of the parameters of interest do not enter; their bounds do, as limits of the search.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cevns_bayes.engine.climb import Solution
from cevns_bayes.engine.maxima import observed_maxima
from cevns_bayes.engine.problem import Problem
from cevns_bayes.engine.solver import Solver, solver_of
from cevns_bayes.errors import InputError

MAX_SCANNED = 30.0  # Delta chi^2, beyond five sigma for one parameter
EDGE = 1e-3  # A parameter is at a limit if it is closer than this part of its range.
ROUNDING = np.finfo(float).eps
DOUBLINGS = 2.0 ** np.arange(13)


@dataclass(frozen=True)
class Search:
    """The minima of the chi^2 that a solver minimises."""

    solver: Solver

    @classmethod
    def of(cls, problem: Problem) -> "Search":
        """Compile a problem."""
        if not problem.model.free_RVs:
            raise InputError(f"{problem.scenario.name} has no parameter and no nuisance to fit")
        return cls(solver_of(problem))

    @property
    def names(self) -> list[str]:
        """Names of the parameters of interest, as they are sampled."""
        return self.solver.compiled.names[: self.solver.compiled.interest]

    @cached_property
    def minima(self) -> Solution:
        """Distinct local minima, the lowest first; there is one at least."""
        found = observed_maxima(self.solver, self.box)
        if not len(found.x):
            raise InputError(
                "chi^2 is not a finite number anywhere: a prior or the data must be unusable"
            )
        return found

    @cached_property
    def box(self) -> np.ndarray:
        """Ends between which minima are looked for, shape (parameters of interest, 2).

        The bulk of the priors, and, where a prior has no bounds, all that is within reach of a
        minimum.
        """
        compiled = self.solver.compiled
        box = np.array([p.bulk for p in compiled.priors[: len(self.names)]]).reshape(-1, 2)
        unbounded = np.flatnonzero(~np.isfinite(compiled.limits[:, : len(box)]).all(axis=0))
        if unbounded.size and len((near := observed_maxima(self.solver, box)).x):
            for i in unbounded:
                reached = self._reach(near.at([0]), int(i))
                box[i] = min(*reached, box[i, 0]), max(*reached, box[i, 1])
        return box

    def _reach(self, best: Solution, index: int) -> list[float]:
        """Values of a parameter at growing distances from a minimum, until out of every region.

        The distances are an error and its doubles. Where a prior has a bound the last one is
        there; where chi^2 does not rise, all of them are taken.
        """
        error = self.errors(best.x[0], best.curvature[0])[index]
        step = error if np.isfinite(error) else self.solver.compiled.widths[index]
        center, limits = best.x[0, index], self.solver.compiled.limits[:, index]
        reached = [float(center)]
        for sign in (-1, 1):
            start = np.repeat(best.x, len(DOUBLINGS), axis=0)
            start[:, index] = np.clip(center + sign * step * DOUBLINGS, *limits)
            rise = 2 * (best.height - self.solver.solve(start, [index]).height)
            ended = np.flatnonzero(~(rise <= MAX_SCANNED))
            last = len(rise) if not ended.size else ended[0] + np.isfinite(rise[ended[0]])
            reached += start[:last, index].tolist()
        return reached

    def at_limit(self, x: np.ndarray) -> np.ndarray:
        """Which variables are at an end of their prior, shape (variables,)."""
        compiled = self.solver.compiled
        extent = np.ptp(compiled.limits, axis=0)
        extent = np.where(np.isfinite(extent), extent, compiled.widths)
        return np.abs(x - compiled.limits).min(axis=0) < EDGE * extent

    def errors(
        self, x: np.ndarray, curvature: np.ndarray, held: Collection[int] = ()
    ) -> np.ndarray:
        """Parabolic 1 sigma errors at a minimum, shape (variables,); NaN as in the covariance."""
        return np.sqrt(np.diag(self.covariance(x, curvature, held)))

    def covariance(
        self, x: np.ndarray, curvature: np.ndarray, held: Collection[int] = ()
    ) -> np.ndarray:
        """Covariance of the variables at a minimum, shape (variables, variables).

        NaN for variables that are held or at a limit, and for all if chi^2 is flat somewhere.
        """
        found, free = np.full((len(x), len(x)), np.nan), ~self.at_limit(x)
        free[list(held)] = False
        matrix = curvature[np.ix_(free, free)]
        scale = np.sqrt(np.diag(matrix).clip(min=0))
        if not (scale > 0).all():
            return found
        units = np.outer(scale, scale)
        values, vectors = np.linalg.eigh(matrix / units)
        if (values > ROUNDING * len(values)).all():
            found[np.ix_(free, free)] = (vectors / values) @ vectors.T / units
        return found
