"""Coverage: how often intervals of three kinds hold the truth from which toys are drawn.

An interval of a level L holds the truth if, for

credible (HDI):   the posterior probability where the density is higher than at the truth is < L;
profile (Wilks):  t < quantile of chi^2;
Feldman-Cousins:  p > 1 - L, with toys drawn at the truth and the best fit of each toy there.

The last p is (1 + number of inner toys whose t is not below)/(1 + inner toys), which needs few.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Unpack

import numpy as np
from scipy.stats import chi2

from cevns_bayes.bayesian.samplers.sampler import check_integer
from cevns_bayes.engine.problem import DEFAULT_DATA, DataLike, ModelOptions, ScenarioLike
from cevns_bayes.engine.solver import solver_of
from cevns_bayes.ensembles.fits import Fitter
from cevns_bayes.ensembles.posteriors import Posteriors, content_above
from cevns_bayes.ensembles.pseudo_data import drawn, point_of, seeds_of
from cevns_bayes.ensembles.runner import Runner
from cevns_bayes.ensembles.store import DONE, STATE
from cevns_bayes.ensembles.toy_fits import rounded_sha256
from cevns_bayes.ensembles.work import Columns, Evaluate, Origin
from cevns_bayes.errors import InputError, unknown_name
from cevns_bayes.frequentist.curves import threshold
from cevns_bayes.frequentist.search import Search
from cevns_bayes.scenarios.priors import sampled_name

INNER_TOYS = 99  # 1 - L is a multiple of 1/100, so that p > 1 - L has the probability L.
KINDS = ("credible", "profile", "feldman-cousins")


@dataclass(frozen=True)
class CoverageToys:
    """A :class:`cevns_bayes.ensembles.work.Work`; see :class:`ToyFits` for its attributes."""

    origin: Origin
    truths: np.ndarray
    held: tuple[int, ...]
    library: np.ndarray
    seed: int
    kinds: tuple[str, ...]

    toys_of_task: ClassVar[int] = 10

    @property
    def points(self) -> int:
        """How many truths there are."""
        return len(self.truths)

    @property
    def columns(self) -> Mapping[str, tuple[int, ...]]:
        """Of each kind, the level from which on its interval holds the truth; t."""
        return dict.fromkeys(self.kinds, ()) | {"delta": ()}

    @property
    def settings(self) -> dict[str, Any]:
        """What the toys depend on beside the problem."""
        return {
            "seed": self.seed,
            "held": list(self.held),
            "truths": rounded_sha256(self.truths),
            "kinds": list(self.kinds),
            **self.origin.options,
        }

    def prepared(self) -> Evaluate:
        """See :class:`cevns_bayes.ensembles.work.Work`."""
        problem = self.origin.problem
        fitter = Fitter(solver_of(problem), self.library)
        posteriors = Posteriors(problem) if "credible" in self.kinds else None

        def evaluate(point: int, toys: np.ndarray) -> Columns:
            truth = np.tile(self.truths[point], (len(toys), 1))
            measured = drawn(fitter.solver, truth, seeds_of(self.seed, (0, point), toys))
            found = fitter.fits(measured, truth, self.held)
            columns = {"delta": found.delta}
            if "profile" in self.kinds:
                columns["profile"] = chi2.cdf(found.delta, 1)
            if "feldman-cousins" in self.kinds:
                seeds = [(point + 1, int(toy)) for toy in toys]
                p = self._p_values(fitter, found.held_x, found.delta, seeds)
                columns["feldman-cousins"] = 1 - p
            if posteriors:
                (index,) = self.held
                name = fitter.solver.compiled.names[index]
                densities = (posteriors.density(measured, i, name) for i in range(len(toys)))
                columns["credible"] = np.array(
                    [content_above(of, self.truths[point, index]) for of in densities]
                )
            return columns

        return evaluate

    def _p_values(
        self, fitter: Fitter, x: np.ndarray, delta: np.ndarray, seeds: Sequence[tuple[int, int]]
    ) -> np.ndarray:
        """One for each toy, whose best fit at the truth is a row of x."""
        inner = [s for key in seeds for s in seeds_of(self.seed, key, range(INNER_TOYS))]
        truths = np.repeat(x, INNER_TOYS, axis=0)
        found = fitter.fits(drawn(fitter.solver, truths, inner), truths, self.held)
        higher = found.delta.reshape(len(x), INNER_TOYS) >= delta[:, None]
        return (1 + higher.sum(axis=1)) / (1 + INNER_TOYS)


@dataclass(frozen=True)
class Coverage:
    """Result of :func:`coverage`.

    Attributes
    ----------
    parameter
        Whose intervals they are, as it is sampled.
    truths
        Values of all variables, shape (truths, variables).
    held_from
        Kind -> level from which on the interval of a toy holds the truth, shape (truths, toys),
        NaN for toys without a result.
    """

    parameter: str
    names: list[str]
    truths: np.ndarray
    held_from: Mapping[str, np.ndarray]

    def of(self, kind: str, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Share of the toys whose interval holds the truth, and its binomial error, (truths,)."""
        threshold(level, 1)
        levels = self.held_from[kind]
        number = np.isfinite(levels).sum(axis=1)
        held = (levels < level - 1e-9 if kind == "feldman-cousins" else levels <= level).sum(axis=1)
        p = (held + 1) / (number + 2)
        return held / number, np.sqrt(p * (1 - p) / number)


def coverage(
    scenario: ScenarioLike,
    data: DataLike = DEFAULT_DATA,
    truths: Sequence[Mapping[str, float]] = (),
    parameter: str | None = None,
    *,
    toys: int = 1000,
    seed: int = 1,
    kinds: Sequence[str] = KINDS,
    runner: Runner | None = None,
    **options: Unpack[ModelOptions],
) -> Coverage:
    """How often credible, profile and Feldman-Cousins intervals hold the truth.

    Parameters
    ----------
    truths
        Values of the parameters of interest and of nuisances, which are 0 if not given.
    parameter
        Whose intervals; the first of the scenario, unless given.
    toys
        Of each truth.
    seed
        Of the toys.
    kinds
        Of ``"credible"``, ``"profile"`` and ``"feldman-cousins"``.
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
    >>> truths = [{"sin2_theta_w": 0.2}, {"sin2_theta_w": 0.24}]
    >>> found = cb.coverage("weak-mixing-angle", "csi", truths, toys=200)  # doctest: +SKIP
    >>> found.of("profile", 0.90)  # doctest: +SKIP
    """
    check_integer("toys", toys, 10)
    check_integer("seed", seed, 0)
    for kind in kinds:
        if kind not in KINDS:
            raise unknown_name("kind of interval", kind, KINDS)
    origin = Origin(scenario, data, options)
    problem, search = origin.problem, Search.of(origin.problem)
    if not search.names or not truths:
        raise InputError("coverage needs a scenario with parameters of interest, and one truth")
    wanted = sampled_name(problem.model, parameter) if parameter else search.names[0]
    if wanted not in search.names:
        raise unknown_name(f"parameter of {problem.scenario.name}", wanted, search.names)
    compiled = search.solver.compiled
    x = np.stack([point_of(problem, compiled, truth) for truth in truths])
    held = (search.names.index(wanted),)
    work = CoverageToys(origin, x, held, Fitter.of(search).library, seed, tuple(kinds))
    results = (runner or Runner()).run(work, toys, "coverage").read()
    done = results[STATE] == DONE
    found = {kind: np.where(done, results[kind], np.nan) for kind in kinds}
    return Coverage(wanted, compiled.names, x, found)
