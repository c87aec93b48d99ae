"""Feldman-Cousins intervals and regions (arXiv:physics/9711021), by profile construction.

At each tested point theta toys are drawn with the nuisances at their best fit to the data there:

t = min chi^2 at theta - min chi^2,   p(theta) = share of toys whose t is not below that of the data

theta is in the region of a level if p > 1 - level: where t is below the quantile of the toys, the
critical value, which Wilks' theorem has the same everywhere. It varies slowly between tested
points, while t of the data is known everywhere from the profile likelihood.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Unpack

import numpy as np

from cevns_bayes.bayesian.samplers.sampler import check_integer
from cevns_bayes.engine.compiled import Measured
from cevns_bayes.engine.problem import DEFAULT_DATA, DataLike, ModelOptions, Problem, ScenarioLike
from cevns_bayes.ensembles.confidence_region import FeldmanCousins
from cevns_bayes.ensembles.fits import Fitter
from cevns_bayes.ensembles.runner import Runner, Session
from cevns_bayes.ensembles.store import DONE, STATE
from cevns_bayes.ensembles.toy_fits import ToyFits
from cevns_bayes.ensembles.work import Origin
from cevns_bayes.errors import InputError, unknown_name
from cevns_bayes.frequentist.curves import Curve, Surface, threshold
from cevns_bayes.frequentist.profile import Profile, profile_of
from cevns_bayes.frequentist.search import Search
from cevns_bayes.scenarios.priors import sampled_name

MORE = 4  # times as many toys near the border
NEAR = 3.0  # standard errors of p that are near
CLEARLY_IN, CLEARLY_OUT = 0.4, 1.8  # Points are tested where t is between, in Wilks' thresholds.
DEFAULT_POINTS = {1: 21, 2: 60}
LIBRARY_POINTS = 40  # of each curve


def feldman_cousins(
    scenario: ScenarioLike,
    data: DataLike = DEFAULT_DATA,
    parameters: str | Sequence[str] | None = None,
    *,
    level: float = 0.90,
    toys: int = 1000,
    points: int | None = None,
    seed: int = 1,
    runner: Runner | None = None,
    **options: Unpack[ModelOptions],
) -> FeldmanCousins:
    """Confidence region of one or two parameters of interest, of which Wilks' theorem is no part.

    Parameters
    ----------
    parameters
        One or two names; all that the scenario has, unless given. Others are fitted.
    level
        Confidence level, between 0 and 1.
    toys
        At each tested point; near the border four times as many.
    points
        About how many points are tested: 21 for one parameter, 60 for two, unless given.
    seed
        Of the toys.
    runner
        Workers and store, see :class:`Runner`; this process and none, unless given.
    scenario, data, options
        As in :func:`cevns_bayes.build_model`.

    Raises
    ------
    InputError
        Wrong arguments, or a store of something else.

    Examples
    --------
    >>> found = cb.feldman_cousins("weak-mixing-angle", ["csi"], level=0.90)  # doctest: +SKIP
    >>> found.intervals(), found.interval_errors()  # doctest: +SKIP
    """
    threshold(level, 1)
    check_integer("toys", toys, 10)
    check_integer("seed", seed, 0)
    origin = Origin(scenario, data, options)
    names = _names(origin.problem, parameters)
    number = DEFAULT_POINTS[len(names)] if points is None else points
    check_integer("points", number, 3)
    with (runner or Runner()).opened() as session:
        return _Construction.of(origin, names, level, seed, session).run(number, toys)


@dataclass(frozen=True)
class _Construction:
    """What all steps need."""

    origin: Origin
    names: list[str]
    level: float
    seed: int
    session: Session
    search: Search
    profile: Profile
    fitter: Fitter

    @classmethod
    def of(
        cls, origin: Origin, names: list[str], level: float, seed: int, session: Session
    ) -> "_Construction":
        search = Search.of(origin.problem)
        profile = profile_of(origin.problem, search, surfaces=len(names) == 2)
        fitter = Fitter.of(search, [_thinned(curve) for curve in profile.curves.values()])
        return cls(origin, names, level, seed, session, search, profile, fitter)

    @property
    def held(self) -> tuple[int, ...]:
        return tuple(self.search.names.index(name) for name in self.names)

    @property
    def wilks(self) -> float:
        return threshold(self.level, len(self.names))

    def run(self, number: int, toys: int) -> FeldmanCousins:
        """At points where the region might end; then at, or again at, those where it does."""
        first = self._tested(self._spread(number), toys, 0)
        if len(self.names) == 1:
            ends = np.array([e for interval in first.intervals() for e in interval])
            border = np.setdiff1d(ends, first.curve.limits)[:, None]
            kept = np.ones(len(first.points), dtype=bool)
        else:
            kept = np.abs(first.p_values - (1 - self.level)) > NEAR * first.p_errors
            border = first.points[~kept]
        if not len(border):
            return first
        return first.at(kept).joined(self._tested(border, MORE * toys, 1))

    def _spread(self, number: int) -> np.ndarray:
        """Points to be tested, shape (points, parameters)."""
        if len(self.names) == 2:
            surface = self.profile.surfaces[self.names[0], self.names[1]]
            return _spread_on(surface, self.level, number)
        curve = self.profile.curves[self.names[0]]
        ranges = np.array(curve.below(CLEARLY_OUT * self.wilks))
        ends = curve.values[[0, -1]]
        ranges = np.clip(ranges, *ends)
        counts = np.ceil(number * np.diff(ranges)[:, 0] / np.diff(ranges).sum())
        parts = [
            np.linspace(low, high, max(int(n), 3))
            for (low, high), n in zip(ranges, counts, strict=True)
        ]
        return np.concatenate(parts)[:, None]

    def _tested(self, points: np.ndarray, toys: int, ensemble: int) -> FeldmanCousins:
        """With the nuisances at their best fit to the data there."""
        start = self._nearest(points)
        start[:, self.held] = points
        solver = self.fitter.solver
        observed = Measured(
            [np.repeat(n[None], len(start), axis=0) for n in solver.compiled.counts],
            np.zeros(start.shape),
        )
        found = self.fitter.fits(observed, start, self.held)
        work = ToyFits(
            self.origin, found.held_x, self.held, self.fitter.library, self.seed, ensemble
        )
        store = self.session.run(work, toys, f"feldman-cousins-{ensemble}")
        results = store.read()
        delta = np.where(results[STATE] == DONE, results["delta"], np.nan)
        failed = int((results[STATE] != DONE).sum())
        names = tuple(self.names)
        return FeldmanCousins(names, self.level, points, found.delta, delta, failed, self.profile)

    def _nearest(self, points: np.ndarray) -> np.ndarray:
        """All variables at the points of the library that are nearest."""
        at = self.fitter.library[:, self.held]
        scale = np.maximum(np.ptp(at, axis=0), np.finfo(float).tiny)
        distance = np.abs((points[:, None] - at) / scale).max(axis=2)
        return self.fitter.library[distance.argmin(axis=1)]


def _names(problem: Problem, given: str | Sequence[str] | None) -> list[str]:
    scenario = problem.scenario
    sampled = {name: sampled_name(problem.model, name) for name in scenario.parameter_names}
    wanted = list(sampled) if given is None else [given] if isinstance(given, str) else list(given)
    allowed = {*sampled, *sampled.values()}
    for name in wanted:
        if name not in allowed:
            raise unknown_name(f"parameter of {scenario.name}", name, allowed)
    if len({*wanted}) != len(wanted) or len(wanted) not in (1, 2):
        raise InputError(
            f"a region is one of 1 or 2 parameters, got {', '.join(wanted) or 'none'}; "
            f"{scenario.name} has {', '.join(sampled) or 'none'}"
        )
    names = [sampled.get(name, name) for name in wanted]
    return sorted(names, key=list(sampled.values()).index)


def _thinned(curve: Curve) -> np.ndarray:
    """Some points of a curve, evenly distributed over those in regions."""
    return curve.points[:: max(1, len(curve.points) // LIBRARY_POINTS)]


def _spread_on(surface: Surface, level: float, number: int) -> np.ndarray:
    """Points of the grid near the border of Wilks' region, far from each other."""
    share = surface.delta_chi2 / surface.threshold(level)
    near = (share > CLEARLY_IN) & (share < CLEARLY_OUT)
    unit = np.argwhere(near if near.any() else np.isfinite(share)) / (np.array(share.shape) - 1)
    chosen = [int(np.abs(share[near] - 1).argmin()) if near.any() else 0]
    distance = np.full(len(unit), np.inf)
    while len(chosen) < min(number, len(unit)):
        distance = np.minimum(distance, np.linalg.norm(unit - unit[chosen[-1]], axis=1))
        chosen.append(int(distance.argmax()))
    i, j = np.rint(unit[chosen] * (np.array(share.shape) - 1)).astype(int).T
    return np.column_stack([surface.x[i], surface.y[j]])
