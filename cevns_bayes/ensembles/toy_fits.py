"""The work of fitting toys: chi^2 with variables held at the truth, and its global minimum."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from cevns_bayes.engine.solver import solver_of
from cevns_bayes.ensembles.fits import Fitter
from cevns_bayes.ensembles.pseudo_data import drawn, seeds_of
from cevns_bayes.ensembles.work import Columns, Evaluate, Origin


@dataclass(frozen=True)
class ToyFits:
    """A :class:`cevns_bayes.ensembles.work.Work`.

    Attributes
    ----------
    truths
        All variables, shape (points, variables).
    held
        Indices of those that are held.
    library
        Of the :class:`Fitter`.
    seed, ensemble
        Seed of the job, and number of this ensemble in it.
    """

    origin: Origin
    truths: np.ndarray
    held: tuple[int, ...]
    library: np.ndarray
    seed: int
    ensemble: int = 0

    toys_of_task: ClassVar[int] = 250

    @property
    def points(self) -> int:
        """How many truths there are."""
        return len(self.truths)

    @property
    def columns(self) -> Mapping[str, tuple[int, ...]]:
        """As in :class:`cevns_bayes.ensembles.fits.Fits`."""
        return {"chi2": (), "delta": (), "converged": ()}

    @property
    def settings(self) -> dict[str, Any]:
        """What the toys depend on beside the problem."""
        return {
            "seed": self.seed,
            "ensemble": self.ensemble,
            "held": list(self.held),
            "truths": rounded_sha256(self.truths),
            **self.origin.options,
        }

    def prepared(self) -> Evaluate:
        """See :class:`cevns_bayes.ensembles.work.Work`."""
        solver = solver_of(self.origin.problem)
        fitter = Fitter(solver, self.library)

        def evaluate(point: int, toys: np.ndarray) -> Columns:
            truth = np.tile(self.truths[point], (len(toys), 1))
            seeds = seeds_of(self.seed, (self.ensemble, point), toys)
            found = fitter.fits(drawn(solver, truth, seeds), truth, self.held)
            return {
                "chi2": found.chi2,
                "delta": found.delta,
                "converged": found.converged.astype(float),
            }

        return evaluate


def rounded_sha256(array: np.ndarray) -> str:
    """Identifies an array but for the last bits, which another machine may have differently."""
    scale = np.abs(array).max(initial=0.0) or 1.0
    return hashlib.sha256((np.round(array / scale, 6) + 0.0).tobytes()).hexdigest()
