"""chi^2 of a model through PyTensor, minimised by L-BFGS-B: a second implementation.

-2 ln of likelihood times Gaussian priors of the nuisances.

chi^2 = 2 sum_bins [mu - n + n ln(n/mu)] + sum_k (alpha_k/sigma_k)^2   (arXiv:2211.11905, Sec. 3)

with the Gaussian sum_bins (n - mu)^2/variance for experiments that have a variance per bin.

Priors of the parameters of interest do not enter; their bounds do, as limits of the search.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.graph.replace import graph_replace
from scipy.optimize import minimize

from cevns_bayes.compiling import AS_WRITTEN
from cevns_bayes.engine.problem import Problem
from cevns_bayes.scenarios.prior_view import Limits, Prior

TOLERANCE = 1e-8  # of a minimum, relative to chi^2

Minimum = tuple[float, np.ndarray]
"""chi^2 and where it is, shape (parameters,)."""


@dataclass(frozen=True)
class Chi2:
    """chi^2 of a model in its physical parameters, with exact gradients.

    ``value`` and ``with_gradient`` are functions of the values of ``names``, shape (parameters,);
    ``steps`` are their typical sizes, the standard deviations of their priors.
    """

    names: tuple[str, ...]
    limits: tuple[Limits, ...]
    steps: np.ndarray
    value: Callable[[np.ndarray], np.ndarray]
    with_gradient: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]

    def gradient(self, point: np.ndarray) -> np.ndarray:
        """Shape (parameters,)."""
        return self.with_gradient(point)[1]

    def minimised(
        self, start: np.ndarray, fixed: Sequence[int] = (), *, tolerance: float = TOLERANCE
    ) -> Minimum:
        """Local minimum, with some parameters held fixed.

        By L-BFGS-B, which, unlike MIGRAD, does not stick at limits, in steps of unit size;
        ``tolerance`` is relative to chi^2.
        """
        free = np.setdiff1d(np.arange(len(self.names)), fixed)
        steps, point = self.steps[free], np.array(start, dtype=float)
        if not free.size:
            return float(self.value(point)), point

        def scaled(x: np.ndarray) -> tuple[float, np.ndarray]:
            point[free] = x * steps
            value, gradient = self.with_gradient(point)
            return float(value), gradient[free] * steps

        bounds = np.array(self.limits)[free] / steps[:, None]
        x = start[free] / steps
        options = {"ftol": tolerance}
        result = minimize(scaled, x, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
        point[free] = result.x * steps
        return float(result.fun), point


def build_chi2(
    problem: Problem, parameters_of_interest: Collection[str], mode: Any = AS_WRITTEN
) -> Chi2:
    """Compile chi^2 and its gradient for a model whose free variables are scalars.

    ``mode`` is PyTensor's; None, the default of PyTensor, takes longer to compile and pays off
    from some 10^4 evaluations.
    """
    model = problem.model
    values = pt.dvector("values")
    priors = [Prior.of(model, rv.name) for rv in model.free_RVs]
    at = {prior.rv: values[i] for i, prior in enumerate(priors)}
    deviances = [
        e.likelihood.deviance(e.counts, model[e.qualified("expected")]).sum()
        for e in problem.experiments
    ]
    pulls = [p.pull(at[p.rv]) for p in priors if p.name not in parameters_of_interest]
    (chi2,) = graph_replace([sum(deviances) + sum(pulls)], at, strict=False)
    gradient: Any = pytensor.grad(chi2, values)
    return Chi2(
        names=tuple(prior.name for prior in priors),
        limits=tuple(prior.limits for prior in priors),
        steps=np.array([prior.standard_deviation for prior in priors]),
        value=pytensor.function([values], chi2, mode=mode),
        with_gradient=pytensor.function([values], [chi2, gradient], mode=mode),
    )
