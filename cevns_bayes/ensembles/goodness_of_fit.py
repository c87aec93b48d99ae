"""How often pseudo-data of the best fit are fitted worse than the data.

Most bins hold few events, so that the minimum of chi^2 does not follow a chi^2 distribution: toys
of the best fit, fitted as the data are, tell how it is distributed.
"""

from dataclasses import dataclass
from typing import Unpack

import numpy as np

from cevns_bayes.bayesian.samplers.sampler import check_integer
from cevns_bayes.engine.problem import DEFAULT_DATA, DataLike, ModelOptions, ScenarioLike
from cevns_bayes.ensembles.fits import Fitter
from cevns_bayes.ensembles.runner import Runner
from cevns_bayes.ensembles.store import DONE, STATE
from cevns_bayes.ensembles.toy_fits import ToyFits
from cevns_bayes.ensembles.work import Origin
from cevns_bayes.frequentist.search import Search


@dataclass(frozen=True)
class GoodnessOfFit:
    """``chi2`` of the data and of the ``toys``, shape (toys,), all at their minima."""

    chi2: float
    toys: np.ndarray
    failed: int

    @property
    def p_value(self) -> float:
        """Share of the toys that are fitted no better than the data."""
        return float((self.toys >= self.chi2).mean())

    @property
    def p_error(self) -> float:
        """Its standard error for want of toys."""
        size = len(self.toys)
        p = (self.p_value * size + 1) / (size + 2)
        return float(np.sqrt(p * (1 - p) / size))


def goodness_of_fit(
    scenario: ScenarioLike,
    data: DataLike = DEFAULT_DATA,
    *,
    toys: int = 1000,
    seed: int = 1,
    runner: Runner | None = None,
    **options: Unpack[ModelOptions],
) -> GoodnessOfFit:
    """p-value of the minimum of chi^2, from toys of the best fit.

    Parameters
    ----------
    toys
        How many at least.
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
    >>> found = cb.goodness_of_fit("sm", ["csi"], toys=1000)  # doctest: +SKIP
    >>> found.p_value, found.p_error  # doctest: +SKIP
    """
    check_integer("toys", toys, 10)
    check_integer("seed", seed, 0)
    origin = Origin(scenario, data, options)
    search = Search.of(origin.problem)
    library = Fitter.of(search).library
    work = ToyFits(origin, search.minima.x[:1], (), library, seed)
    results = (runner or Runner()).run(work, toys, "goodness-of-fit").read()
    done = results[STATE] == DONE
    chi2 = float(search.solver.compiled.chi2(search.minima.height[0]))
    return GoodnessOfFit(chi2, results["chi2"][done], int((~done).sum()))
