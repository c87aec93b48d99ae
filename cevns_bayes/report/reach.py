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

from cevns_bayes.engine.compiled import Compiled, Part
from cevns_bayes.engine.problem import Problem
from cevns_bayes.engine.solver import Solver, solver_of
from cevns_bayes.frequentist.curves import threshold
from cevns_bayes.scenarios.scenario import Parameter

LEVEL = 0.90
EXPOSURES = 4.0 ** np.arange(-2, 4)
BETTER = 0.5  # factor on all systematics, of which the square is a step between exposures
DISTANCES = np.geomspace(1e-4, 4.0, 41)  # from the Standard Model, in units of a region


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
    asimov = [np.asarray(part.expected(truth)) for part in compiled.parts]
    solver = Solver(_rescalable(compiled, asimov))
    return [
        _reach(solver, truth, asimov, i, parameter, length)
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


def _reach(
    solver: Solver,
    truth: np.ndarray,
    asimov: Sequence[np.ndarray],
    index: int,
    parameter: Parameter,
    length: float,
) -> Reach:
    compiled = solver.compiled
    steps = length * DISTANCES
    low, high = compiled.limits[:, index]
    sides = [
        side for side in (truth[index] - steps, truth[index] + steps) if low <= side[0] <= high
    ]
    points = np.tile(truth, (len(sides) * len(steps), 1))
    points[:, index] = np.clip(np.concatenate(sides), low, high)
    interest = np.arange(len(truth)) < compiled.interest

    def reach(rise: np.ndarray) -> float:
        rises = rise.reshape((len(sides), -1))
        return float(np.mean([_crossing(steps, of_side) for of_side in rises]))

    def delta_chi2(exposure: float, held: np.ndarray) -> np.ndarray:
        counts = [exposure * n for n in asimov]
        return compiled.chi2(solver.solve(points, held, counts=counts, curvature=False).height)

    by_exposure = {f: delta_chi2(f, interest) for f in (EXPOSURES[0] * BETTER**2, *EXPOSURES)}
    alone = compiled.chi2(solver.heights(points, asimov))
    now = reach(by_exposure[1.0])
    impact = {
        name: 1 - reach(delta_chi2(1.0, interest | (np.arange(len(truth)) == k))) / now
        for k, name in enumerate(compiled.names)
        if k >= compiled.interest
    }
    return Reach(
        parameter,
        systematics=np.array([reach(by_exposure[f]) for f in EXPOSURES]),
        better=np.array([reach(by_exposure[f * BETTER**2] / BETTER**2) for f in EXPOSURES]),
        statistics=np.array([reach(f * alone) for f in EXPOSURES]),
        impact=dict(sorted(impact.items(), key=lambda item: -item[1])),
    )


def _crossing(steps: np.ndarray, rise: np.ndarray) -> float:
    """Distance at which Delta chi^2 first reaches the level; NaN if it does not."""
    level = np.sqrt(threshold(LEVEL, 1))
    root = np.sqrt(np.maximum(rise, 0.0))
    above = np.flatnonzero(root >= level)
    if not above.size or above[0] == 0:
        return float("nan")
    pair = slice(above[0] - 1, above[0] + 1)
    return float(np.interp(level, root[pair], steps[pair]))
