"""How far experiments reach in a parameter, against exposure and systematics.

The reach is that of what the Standard Model predicts for all of them, for one parameter with the
others at their Standard Model values: half the length of the confidence interval around it, or all
of it where it begins at an end of the prior.

With f times the exposure the likelihood is f D(theta, alpha) + sum_k (alpha_k / sigma_k)^2, with D
that of the data; with s times all sigma_k as well it is 1/s^2 of that of f s^2. One solver thus
serves all exposures and systematics: f is read off the counts it is given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.interpolate import PchipInterpolator

from cevns_bayes.engine.compiled import Compiled, Part
from cevns_bayes.engine.problem import Problem
from cevns_bayes.engine.solver import Solver, solver_of
from cevns_bayes.frequentist.curves import threshold
from cevns_bayes.scenarios.scenario import Parameter

LEVEL = 0.90
EXPOSURES = 4.0 ** np.arange(-2, 4)
BETTER = 0.5  # factor on all systematics, of which the square is a step between exposures
DISTANCES = np.geomspace(1e-4, 4.0, 41)  # from the Standard Model, in units of a region
NEARER = np.geomspace(0.02, 1.5, 20)  # in units of the reach
TINY = 1e-9  # distance from the end of a prior


@dataclass(frozen=True)
class Reach:
    """Reach of all experiments together in one parameter.

    Attributes
    ----------
    systematics, better, statistics
        At each of ``EXPOSURES``: with the systematics as they are, with all of them times
        ``BETTER``, and without any; NaN where nothing is excluded.
    impact
        Nuisance -> by which part the reach would shrink, were it known exactly; largest first.
    """

    parameter: Parameter
    systematics: np.ndarray
    better: np.ndarray
    statistics: np.ndarray
    impact: Mapping[str, float]


def reaches(
    problem: Problem, parameters: Sequence[Parameter], lengths: Sequence[float]
) -> list[Reach]:
    """Reach in each parameter, if all of them have a value in the Standard Model; none if not.

    ``lengths`` are those of regions of the parameters, about.
    """
    values = [parameter.standard_model for parameter in parameters]
    if any(value is None for value in values):
        return []
    compiled = solver_of(problem).compiled
    truth = compiled.peaks.copy()
    truth[: len(values)] = values
    asimov = [np.asarray(part.expected(*truth)) for part in compiled.parts]
    solver = Solver(_rescalable(compiled, asimov))
    return [
        _reach(parameter, _Line(solver, truth, asimov, i), length)
        for i, (parameter, length) in enumerate(zip(parameters, lengths, strict=True))
    ]


def _rescalable(compiled: Compiled, asimov: Sequence[np.ndarray]) -> Compiled:
    """Functions that take f times the Asimov counts for those of f times the exposure."""

    def rescaled(part: Part, total: float) -> Part:
        def log_likelihood(counts: Any, expected: Any) -> Any:
            f = counts.sum() / total
            return f * part.log_likelihood(counts / f, expected)

        return replace(part, log_likelihood=log_likelihood)

    pairs = zip(compiled.parts, asimov, strict=True)
    return replace(compiled, parts=tuple(rescaled(part, n.sum()) for part, n in pairs))


@dataclass(frozen=True)
class _Line:
    """Asimov data of the truth, and distances from it in one parameter."""

    solver: Solver
    truth: np.ndarray
    asimov: Sequence[np.ndarray]
    index: int

    @property
    def signs(self) -> list[int]:
        """Directions in which the truth is not at the end of the prior."""
        low, high = self.solver.compiled.limits[:, self.index]
        return [sign for sign in (-1, 1) if low < self.truth[self.index] + sign * TINY < high]

    def points(self, steps: np.ndarray) -> np.ndarray:
        """Shape (directions, steps, variables)."""
        found = np.tile(self.truth, (len(self.signs), len(steps), 1))
        found[:, :, self.index] += np.outer(self.signs, steps)
        low, high = self.solver.compiled.limits
        return np.clip(found, low, high)

    def rise(self, steps: np.ndarray, held: np.ndarray, exposure: float = 1.0) -> np.ndarray:
        """Delta chi^2, shape (masks, directions, steps), for masks of held variables."""
        points = self.points(steps)
        shape = len(held), *points.shape
        masks = np.broadcast_to(held[:, None, None, :], shape).reshape((-1, shape[-1]))
        start = np.broadcast_to(points, shape).reshape(masks.shape)
        counts = [exposure * n for n in self.asimov]
        found = self.solver.solve(start, masks, counts=counts, curvature=False)
        return self.solver.compiled.chi2(found.height).reshape(shape[:-1])

    def alone(self, steps: np.ndarray) -> np.ndarray:
        """Delta chi^2 of nuisances at their peaks, shape (directions, steps)."""
        points = self.points(steps)
        heights = self.solver.heights(points.reshape((-1, points.shape[-1])), self.asimov)
        return self.solver.compiled.chi2(heights).reshape(points.shape[:-1])


def _reach(parameter: Parameter, line: _Line, length: float) -> Reach:
    steps, compiled = length * DISTANCES, line.solver.compiled
    held = np.arange(len(line.truth)) < compiled.interest
    exposures = (EXPOSURES[0] * BETTER**2, *EXPOSURES)
    rises = {f: line.rise(steps, held[None, :], f)[0] for f in exposures}
    alone = line.alone(steps)
    return Reach(
        parameter,
        systematics=np.array([_crossing(steps, rises[f]) for f in EXPOSURES]),
        better=np.array([_crossing(steps, rises[f * BETTER**2] / BETTER**2) for f in EXPOSURES]),
        statistics=np.array([_crossing(steps, f * alone) for f in EXPOSURES]),
        impact=_impact(line, held, _crossing(steps, rises[1.0])),
    )


def _impact(line: _Line, held: np.ndarray, reach: float) -> dict[str, float]:
    """Nuisance -> part by which the reach shrinks if it is held, the largest first."""
    nuisances = np.flatnonzero(~held)
    if not (nuisances.size and np.isfinite(reach)):
        return {}
    steps = reach * NEARER
    masks = np.vstack([held, held | np.eye(len(held), dtype=bool)[nuisances]])
    free, *others = (_crossing(steps, rise) for rise in line.rise(steps, masks))
    names = [line.solver.compiled.names[k] for k in nuisances]
    parts = {name: 1 - other / free for name, other in zip(names, others, strict=True)}
    return dict(sorted(parts.items(), key=lambda item: -item[1]))


def _crossing(steps: np.ndarray, rises: np.ndarray) -> float:
    """Distance where Delta chi^2 first reaches the level, a mean of the directions, else NaN."""
    return float(np.mean([_first(steps, rise) for rise in rises]))


def _first(steps: np.ndarray, rise: np.ndarray) -> float:
    root = np.sqrt(np.maximum(rise, 0.0)) - np.sqrt(threshold(LEVEL, 1))
    found = PchipInterpolator(steps, root).roots(extrapolate=False)
    return float(found.min()) if found.size else float("nan")
