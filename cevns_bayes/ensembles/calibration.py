"""Simulation-based calibration (arXiv:1804.06788): are posteriors right over all of the prior?

Truths are drawn from the prior and data from them; the posterior probability below the truth is
then uniform for every variable. Its distribution function is compared with simultaneous bands
(arXiv:2103.10522).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Unpack

import numpy as np
from arviz_stats.ecdf_utils import compute_ecdf, ecdf_pit

from cevns_bayes.bayesian.samplers.sampler import check_integer
from cevns_bayes.engine.problem import DEFAULT_DATA, DataLike, ModelOptions, ScenarioLike
from cevns_bayes.engine.solver import solver_of
from cevns_bayes.ensembles.posteriors import Posteriors
from cevns_bayes.ensembles.pseudo_data import drawn, from_prior, seeds_of
from cevns_bayes.ensembles.runner import Runner
from cevns_bayes.ensembles.store import DONE, STATE
from cevns_bayes.ensembles.work import Columns, Evaluate, Origin
from cevns_bayes.errors import InputError
from cevns_bayes.scenarios.priors import Priors

SIMULATIONS = 2000  # of the bands
MIN_SHARE = 0.01  # A replica with a smaller share of effective points is doubtful.


@dataclass(frozen=True)
class Replicas:
    """A :class:`cevns_bayes.ensembles.work.Work`: truths of one problem, posteriors of another."""

    origin: Origin
    fitted: Origin
    seed: int

    toys_of_task: ClassVar[int] = 10
    points: ClassVar[int] = 1

    @property
    def columns(self) -> Mapping[str, tuple[int, ...]]:
        """Probability below the truth by variable; share of effective points."""
        return {"below": (len(self.origin.problem.model.free_RVs),), "share": ()}

    @property
    def settings(self) -> dict[str, Any]:
        """What the replicas depend on beside the problem."""
        return {
            "seed": self.seed,
            "fitted": {name: str(of) for name, of in self.fitted.options.items()},
            **self.origin.options,
        }

    def prepared(self) -> Evaluate:
        """See :class:`cevns_bayes.ensembles.work.Work`."""
        solver = solver_of(self.origin.problem)
        posteriors = Posteriors(self.fitted.problem)

        def evaluate(point: int, toys: np.ndarray) -> Columns:
            seeds = seeds_of(self.seed, (0, point), toys)
            truth = from_prior(solver.compiled, seeds)
            measured = drawn(solver, truth, seeds)
            measured = measured._replace(shifts=np.zeros_like(truth))  # The prior is all there is.
            found = [
                posteriors.weighted(measured, i, np.random.default_rng([self.seed, 1, int(toy)]))
                for i, toy in enumerate(toys)
            ]
            below = [of.below(x) for of, x in zip(found, truth, strict=True)]
            return {
                "below": np.stack(below),
                "share": np.array([of.effective_share for of in found]),
            }

        return evaluate


@dataclass(frozen=True)
class Calibration:
    """Result of :func:`calibrate`.

    Attributes
    ----------
    names
        Of the variables.
    below
        Posterior probability below the truth, shape (replicas, variables).
    shares
        Of effective points, (replicas,); where it is small the posterior is doubtful.
    failed
        How many replicas had no result.
    """

    names: list[str]
    below: np.ndarray
    shares: np.ndarray
    failed: int

    @property
    def doubtful(self) -> int:
        """Replicas whose posterior had few effective points."""
        return int((self.shares < MIN_SHARE).sum())

    @cached_property
    def ecdf(self) -> np.ndarray:
        """Points, distribution function there, 99 % bands: (variables, 4, points)."""
        points, _, low, high = (of[1:-1] for of in ecdf_pit(self.below[:, 0], 0.99, SIMULATIONS))
        return np.stack([[points, compute_ecdf(of, points), low, high] for of in self.below.T])

    @property
    def within(self) -> dict[str, bool]:
        """Whether each variable is within its 99 % simultaneous band."""
        _, ecdf, low, high = np.moveaxis(self.ecdf, 1, 0)
        inside = ((ecdf >= low) & (ecdf <= high)).all(axis=1)
        return dict(zip(self.names, inside.tolist(), strict=True))


def calibrate(
    scenario: ScenarioLike,
    data: DataLike = DEFAULT_DATA,
    *,
    replicas: int = 1000,
    seed: int = 1,
    believed: Priors | None = None,
    runner: Runner | None = None,
    **options: Unpack[ModelOptions],
) -> Calibration:
    """Ranks of truths from the prior in their posteriors.

    Parameters
    ----------
    replicas
        How many truths.
    seed
        Of the replicas.
    believed
        Priors of the fits in place of those of the truths: wrong ones, which should be noticed.
    runner
        Workers and store, see :class:`Runner`; this process and none, unless given.
    scenario, data, options
        As in :func:`cevns_bayes.build_model`.

    Raises
    ------
    InputError
        Wrong arguments, a store of something else, or a problem without the sampler laplace.

    Examples
    --------
    >>> found = cb.calibrate("weak-mixing-angle", ["csi"], replicas=200)  # doctest: +SKIP
    >>> found.within  # doctest: +SKIP
    """
    check_integer("replicas", replicas, 20)
    check_integer("seed", seed, 0)
    origin = Origin(scenario, data, options)
    priors = {**(options.get("priors") or {}), **(believed or {})}
    fitted = replace(origin, options={**options, "priors": priors}) if believed else origin
    names = solver_of(origin.problem).compiled.names
    if names != solver_of(fitted.problem).compiled.names:
        raise InputError("believed priors must leave the variables what they are")
    results = (runner or Runner()).run(Replicas(origin, fitted, seed), replicas, "calibration")
    columns = {name: values[0] for name, values in results.read().items()}
    done = columns[STATE] == DONE
    return Calibration(names, columns["below"][done], columns["share"][done], int((~done).sum()))
