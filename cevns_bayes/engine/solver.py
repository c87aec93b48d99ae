"""Maxima of the likelihood at many points at once: of all variables but those that are held.

Held are the parameters of interest, one of them or none: this gives the profile likelihood, curves
of it, the best fit. With the curvature at the maximum over the nuisances it also gives the marginal
likelihood, and a proposal for the nuisances.

The sum of log-likelihood and log-prior of the nuisances is maximised by Gauss-Newton steps with
Levenberg's and Marquardt's step control, projected onto the bounds. With expected counts mu(x) of
Jacobian J and H the second derivatives of the log-likelihood by mu, the curvature is -J^T H J less
that of the log-prior, plus a ``rest`` from second derivatives of mu. The rest varies slowly: it is
computed at the maximum, and kept for points nearby.
"""

from collections.abc import Collection
from copy import copy
from functools import cached_property
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import jax
import jax.numpy as jnp
import numpy as np

from cevns_bayes.engine.batches import MANY, OfPoints, batched, of_points
from cevns_bayes.engine.climb import Climb, Solution
from cevns_bayes.engine.compiled import Compiled, Counts, Measured
from cevns_bayes.engine.problem import Problem

ROUND, ROUNDS = 5, 12  # Steps until those points that have arrived are set aside, and how often.
TOLERANCE = 1e-10  # of heights, unless another one is asked for
ROUNDING = 1e-7  # of heights: a step that lowers one by no more is accepted
MIN_DAMPING, MAX_DAMPING = 1e-8, 1e8
MAX_MOVE = 4.0  # in widths of the priors, per step
NO_STIFFNESS = 1e-12


class _Point(NamedTuple):
    """Height, its gradient and the curvature without the rest."""

    x: Any
    height: Any
    gradient: Any
    curvature: Any


class _State(NamedTuple):
    """The ``best`` point so far; ``tried`` is next; ``left`` is what may be left to rise.

    At -1 ``steps`` there is no point yet: the start is tried, as compiling it apart takes time.
    """

    best: _Point
    rest: Any
    damping: Any
    tried: Any
    left: Any
    steps: Any


def solver_of(problem: Problem) -> "Solver":
    """The solver of a problem, always the same, with what was compiled for it."""
    if problem not in _SOLVERS:
        _SOLVERS[problem] = Solver(Compiled.of(problem))
    return _SOLVERS[problem]


_SOLVERS: WeakKeyDictionary[Problem, "Solver"] = WeakKeyDictionary()


class Solver:
    """Maximises the likelihood of a compiled problem.

    ``measured`` is what the problem has observed, unless it is a solver :meth:`of` pseudo-data.
    """

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self.measured = compiled.measured
        self._climb = OfPoints(self._climbed, compiled.key_of("climb"))
        self._rests = OfPoints(self._rest, compiled.key_of("rest"))
        self._heights = OfPoints(self._height, compiled.key_of("height"))
        self._around = OfPoints(self._heights_around, compiled.key_of("around"))
        self._expected = of_points(
            lambda x: [part.expected(*x) for part in compiled.parts],
            key=compiled.key_of("expected"),
        )
        self._deterministics = of_points(
            lambda x: [*(part.expected(*x) for part in compiled.parts), *compiled.others(*x)],
            key=compiled.key_of("deterministics"),
        )

    def of(self, measured: Measured) -> "Solver":
        """The solver of other measurements, with what was compiled for this one."""
        other = copy(self)
        other.measured = measured
        return other

    def solve(
        self,
        start: np.ndarray,
        held: Collection[int] | np.ndarray,
        *,
        rest: np.ndarray | None = None,
        counts: Counts | Measured | None = None,
        far: float = np.inf,
        tolerance: float = TOLERANCE,
        rounds: int = ROUNDS,
        curvature: bool = True,
        inherit: bool = False,
    ) -> Solution:
        """Maxima at many points.

        Parameters
        ----------
        start
            Values to begin with, shape (points, variables).
        held
            Indices of the variables that keep their values; or a mask of them, shape (variables,),
            or one for each point, (points, variables).
        rest
            That of solutions nearby, shape (points, variables, variables), which saves steps.
        counts
            By experiment, in place of the observed ones; or with auxiliary measurements; or these
            for each point.
        far
            Points that will stay that much lower than the highest need not arrive, and have no
            rest.
        tolerance
            Of the height: where a step promises less, it has arrived.
        rounds
            Of ``ROUND`` steps at most; few of them spare hopeless points.
        curvature
            Whether to compute the curvature and its rest, which are empty otherwise.
        inherit
            Whether the rest nearby, where it served, is as good as that at the maximum.
        """
        moving = ~_as_mask(held, start.shape)
        search = Climb(self, self._measured(counts), start, moving, rest, tolerance, far)
        search.run(rounds)
        if not curvature:
            return search.points()
        found = search.solution(inherit)
        if search.leave_saddles(found):
            search.run(rounds)
            found = search.solution(inherit)
            found.converged[search.saddles(found)[0]] = False
        return found

    def heights(self, x: np.ndarray, counts: Counts | Measured | None = None) -> np.ndarray:
        """:meth:`Compiled.height` at many points, shape (points,)."""
        return self._heights(self._measured(counts), x, size=MANY)[0]

    def heights_around(self, theta: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        """Heights at many nuisances for each point, shape (points, nuisances of each).

        What depends on parameters of interest alone is computed once for a point. Shapes of the
        arguments: (points, parameters) and (points, nuisances of each, nuisances).
        """
        size = max(1, MANY // alpha.shape[1])
        return self._around(self.measured, theta, alpha, size=size)[0]

    def expected(self, x: np.ndarray) -> list[np.ndarray]:
        """Expected counts by experiment, with an axis of points before those of the bins."""
        return batched(self._expected, x)

    def deterministics(self, x: np.ndarray) -> list[np.ndarray]:
        """Expected counts by experiment, then the model's other Deterministics, likewise."""
        return batched(self._deterministics, x, size=MANY)

    def _measured(self, counts: Counts | Measured | None) -> Measured:
        if counts is None:
            return self.measured
        return counts if isinstance(counts, Measured) else self.measured._replace(counts=counts)

    def unsolved(self, x: np.ndarray) -> Solution:
        """Points as they are, with their heights and no curvature, among solutions."""
        zeros = np.zeros((*x.shape, x.shape[1]))
        height = self.heights(x)
        return Solution(x, height, zeros, zeros, np.zeros(len(x), dtype=bool))

    def _height(self, measured: Measured, x: Any) -> tuple[Any]:
        return (self.compiled.height(x, *measured),)

    def _heights_around(self, measured: Measured, theta: Any, alpha: Any) -> tuple[Any]:
        def height(alpha: Any) -> Any:
            return self.compiled.height((*theta, *alpha), *measured)

        return (jax.vmap(height)(alpha),)

    def _rest(self, measured: Measured, x: Any) -> tuple[Any]:
        """Second derivatives of expected counts, times what each is worth."""
        rest = jnp.zeros((x.size, x.size))
        for part, observed in zip(self.compiled.parts, measured.counts, strict=True):
            seen = np.ix_(part.seen, part.seen)
            rest = rest.at[seen].add(part.rest(x, observed))
        return (rest,)

    def _climbed(
        self, measured: Measured, start: Any, rest: Any, damping: Any, moving: Any, tolerance: Any
    ) -> tuple[Any, ...]:
        """Some steps from the start: where they lead, the height there, what may be left of the
        rise, and the curvature without the rest.
        """

        def unfinished(state: _State) -> Any:
            return (state.steps < ROUND) & ~(state.left <= tolerance)

        def step(state: _State) -> _State:
            return self._step(state, moving, measured)

        low, high = self.compiled.limits
        start = jnp.where(moving, jnp.clip(start, low, high), start)
        nowhere = _Point(start, jnp.nan, jnp.zeros_like(start), jnp.zeros_like(rest))
        first = _State(nowhere, rest, 10 * damping, start, jnp.inf, -1)
        last = jax.lax.while_loop(unfinished, step, first)
        best = last.best
        return best.x, last.rest, last.damping, best.height, last.left, best.curvature

    def _step(self, state: _State, moving: Any, measured: Measured) -> _State:
        new = self._derivatives(state.tried, measured)
        better = (new.height >= state.best.height - ROUNDING) | (state.steps < 0)
        best = jax.tree.map(lambda new, old: jnp.where(better, new, old), new, state.best)
        damping = jnp.where(better, state.damping / 10, state.damping * 10)
        state = state._replace(
            best=best,
            rest=jnp.where(better, state.rest, 0.0),
            damping=jnp.clip(damping, MIN_DAMPING, MAX_DAMPING),
            steps=state.steps + 1,
        )
        return self._proposed(state, moving)

    def _proposed(self, state: _State, moving: Any) -> _State:
        """Where to go from the best point."""
        (low, high), widths = self.compiled.limits, self.compiled.widths
        x, _, slope, curvature = state.best
        free = moving & ~(((x <= low) & (slope < 0)) | ((x >= high) & (slope > 0)))
        slope = jnp.where(free, slope, 0.0)
        scale = self._stiffness + jnp.diag(curvature)
        damped = curvature + state.rest + jnp.diag(state.damping * scale)
        root = jnp.linalg.cholesky(jnp.where(free[:, None] & free, damped, jnp.diag(scale)))
        move = jax.scipy.linalg.cho_solve((root, True), slope)
        move = jnp.where(jnp.isfinite(move).all(), move, slope / scale)
        farthest = jnp.where(self._far, jnp.inf, MAX_MOVE * widths)
        tried = x + jnp.clip(move, -farthest, farthest)
        tried = jnp.where(free, jnp.clip(tried, low, high), x)
        return state._replace(tried=tried, left=jnp.sum(slope**2 / scale))

    @cached_property
    def _far(self) -> np.ndarray:
        """Parameters of interest without a bound, whose priors do not tell how far they may go."""
        unbounded = ~np.isfinite(self.compiled.limits).all(axis=0)
        return unbounded & (np.arange(len(unbounded)) < self.compiled.interest)

    @cached_property
    def _stiffness(self) -> np.ndarray:
        return np.where(self._far, NO_STIFFNESS, 1.0) / self.compiled.widths**2

    def _derivatives(self, x: Any, measured: Measured) -> _Point:
        def prior(x: Any) -> Any:
            return self.compiled.log_prior(x, measured.shifts)

        height, gradient = jax.value_and_grad(prior)(x)
        curvature = -jax.jacfwd(jax.grad(prior))(x)
        for part, observed in zip(self.compiled.parts, measured.counts, strict=True):
            log_likelihood, slope, information = part.derivatives(x, observed)
            height += log_likelihood
            gradient = gradient.at[part.seen].add(slope)
            curvature = curvature.at[np.ix_(part.seen, part.seen)].add(information)
        return _Point(x, height, gradient, curvature)


def _as_mask(held: Collection[int] | np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    mask = held if isinstance(held, np.ndarray) else np.isin(np.arange(shape[1]), list(held))
    return np.broadcast_to(mask, shape)
