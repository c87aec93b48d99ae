"""chi^2 of a model, that is -2 ln of likelihood times Gaussian priors of the nuisances.

chi^2 = 2 sum_bins [mu - n + n ln(n/mu)] + sum_k (alpha_k/sigma_k)^2   (arXiv:2211.11905, Sec. 3)

with the Gaussian sum_bins (n - mu)^2/variance for experiments that have a variance per bin.

Priors of the parameters of interest do not enter; their bounds do, as limits of the search.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
from pymc.distributions.continuous import TruncatedNormalRV
from pytensor.graph.replace import graph_replace
from pytensor.tensor.random.basic import NormalRV
from scipy.optimize import minimize

from cevns_bayes.compiling import QUICK
from cevns_bayes.errors import InputError

SEED = 0
PRIOR_DRAWS = 10_000
ROUGHLY = 1e-8


@dataclass(frozen=True)
class Chi2:
    """chi^2 of a model in its physical parameters, with exact gradients.

    ``value`` and ``with_gradient`` are functions of the values of ``names``, shape (parameters,);
    ``steps`` are their typical sizes, the standard deviations of their priors.
    """

    names: tuple[str, ...]
    limits: tuple[tuple[float, float], ...]
    steps: np.ndarray
    value: Callable[[np.ndarray], np.ndarray]
    with_gradient: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]

    def gradient(self, point: np.ndarray) -> np.ndarray:
        """Shape (parameters,)."""
        return self.with_gradient(point)[1]

    def minimised(
        self, start: np.ndarray, fixed: Sequence[int] = (), *, tolerance: float = ROUGHLY
    ) -> tuple[float, np.ndarray]:
        """Local minimum and where it is, shape (parameters,), with some parameters held fixed.

        By L-BFGS-B, which, unlike MIGRAD, does not stick at limits, in steps of unit size;
        ``tolerance`` is relative to chi^2.
        """
        free = np.setdiff1d(np.arange(len(self.names)), fixed)
        steps, point = self.steps[free], np.array(start, dtype=float)

        def scaled(x: np.ndarray) -> tuple[float, np.ndarray]:
            point[free] = x * steps
            value, gradient = self.with_gradient(point)
            return float(value), gradient[free] * steps

        bounds = np.array(self.limits)[free] / steps[:, None]
        x = start[free] / steps
        options = {"ftol": tolerance}
        found = minimize(scaled, x, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
        point[free] = found.x * steps
        return float(found.fun), point


def lowest(minima: Sequence[tuple[float, np.ndarray]], where: str) -> tuple[float, np.ndarray]:
    """The lowest of the results of :meth:`Chi2.minimised` that are finite; there must be one."""
    finite = [minimum for minimum in minima if np.isfinite(minimum[0])]
    if not finite:
        raise InputError(f"chi^2 is not a finite number {where}")
    return min(finite, key=lambda minimum: minimum[0])


def build_chi2(model: pm.Model, parameters_of_interest: Collection[str], mode: Any = QUICK) -> Chi2:
    """Compile chi^2 and its gradient for a model whose free variables are scalars.

    ``mode`` is PyTensor's; None, the default of PyTensor, takes longer to compile and pays off
    from some 10^4 evaluations.
    """
    rvs = model.free_RVs
    values = pt.dvector("values")
    at = {rv: values[i] for i, rv in enumerate(rvs)}
    deviances = [_deviance(rv, model.rvs_to_values[rv]) for rv in model.observed_RVs]
    pulls = [_pull(rv, value) for rv, value in at.items() if rv.name not in parameters_of_interest]
    (chi2,) = graph_replace([sum(deviances) + sum(pulls)], at, strict=False)
    gradient: Any = pytensor.grad(chi2, values)
    return Chi2(
        names=tuple(rv.name for rv in rvs),
        limits=tuple(_limits(model, rv) for rv in rvs),
        steps=np.array([_standard_deviation(model, rv) for rv in rvs]),
        value=pytensor.function([values], chi2, mode=mode),
        with_gradient=pytensor.function([values], [chi2, gradient], mode=mode),
    )


def _deviance(rv: Any, n: Any) -> Any:
    mu, *sigma = rv.owner.op.dist_params(rv.owner)
    if sigma:  # a Gaussian likelihood
        return (((n - mu) / sigma[0]) ** 2).sum()
    return 2 * (mu - n + n * pt.log(pt.maximum(n, 1) / mu)).sum()


def _pull(rv: Any, value: Any) -> Any:
    """-2 ln of the prior relative to its peak: (alpha/sigma)^2 for a Gaussian, 0 for a flat."""
    if isinstance(rv.owner.op, NormalRV):
        peak = rv.owner.op.dist_params(rv.owner)[0]
    elif isinstance(rv.owner.op, TruncatedNormalRV):
        mu, _, low, high = rv.owner.op.dist_params(rv.owner)
        peak = pt.clip(mu, low, high)
    else:  # another prior of the user's: the highest of many draws
        peak = pm.draw(rv, PRIOR_DRAWS, random_seed=SEED, mode=QUICK)
    return -2 * (pm.logp(rv, value) - pm.logp(rv, peak).max())


def _limits(model: pm.Model, rv: Any) -> tuple[float, float]:
    transform = model.rvs_to_transforms[rv]
    if transform is None:
        return -np.inf, np.inf
    low, high = (
        transform.backward(pt.as_tensor_variable(np.float64(end)), *rv.owner.inputs).eval(
            mode=QUICK
        )
        for end in (-np.inf, np.inf)
    )
    return float(low), float(high)


def _standard_deviation(model: pm.Model, rv: Any) -> float:
    low, high = _limits(model, rv)
    if np.isfinite(high - low):
        return (high - low) / np.sqrt(12)
    if isinstance(rv.owner.op, NormalRV):
        return float(rv.owner.op.dist_params(rv.owner)[1].eval(mode=QUICK))
    return float(pm.draw(rv, PRIOR_DRAWS, random_seed=SEED, mode=QUICK).std())
