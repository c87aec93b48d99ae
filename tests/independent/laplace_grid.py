"""Posterior of two parameters on a grid, nuisances integrated out by Laplace's method; no sampler.

At each point: the minimum of chi^2 over the nuisances, and its Hessian there from differences of
the gradient, with all constants, so that the mean over the prior box is the evidence. What
Laplace's method misses of it, importance sampling of the nuisances at points of the posterior adds.
"""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import gammaln

import cevns_bayes as cb
from cevns_bayes.engine.problem import Problem

_spec = importlib.util.spec_from_file_location("chi2", Path(__file__).with_name("chi2.py"))
_chi2 = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_chi2)

POINTS = 121
FAR = 60.0  # of chi^2 with nuisances at zero, above the lowest: of no weight
CHECKED_POINTS, SAMPLES, WIDENED = 100, 400, 1.2
NEAR = 30.0  # with fitted nuisances: the Hessian matters
STEP = 1e-3  # of the widths of the priors


@dataclass(frozen=True)
class Grid:
    """``density`` in units of its maximum, shape (len(x), len(y)); ``weights`` add up to one."""

    names: list[str]
    box: np.ndarray
    x: np.ndarray
    y: np.ndarray
    density: np.ndarray
    weights: np.ndarray
    log_evidence: float

    def quantiles(self, axis, probabilities):
        """Of one parameter, from the distribution function at the cells' centres."""
        marginal = self.weights.sum(axis=1 - axis)
        middle = np.cumsum(marginal) - marginal / 2
        return np.interp(probabilities, middle, (self.x, self.y)[axis])

    def area(self, probability):
        """Of the highest-density region."""
        order = np.argsort(-self.density.ravel())
        content = np.cumsum(self.weights.ravel()[order])
        sizes = np.multiply.outer(_ends_half(self.x), _ends_half(self.y)).ravel()[order]
        return float(sizes[: np.searchsorted(content, probability) + 1].sum())

    def weight(self, label):
        """Posterior probability of ``label(x, y)``."""
        x, y = np.meshgrid(self.x, self.y, indexing="ij")
        return float(self.weights[label(x, y)].sum())


def _ends_half(axis):
    """Widths of the cells around the points of an axis, for the trapezoidal rule."""
    width = np.full(len(axis), axis[1] - axis[0])
    width[[0, -1]] /= 2
    return width


def laplace_grid(scenario, points=POINTS):
    """Posterior of a scenario of two parameters with flat priors on CsI."""
    problem = Problem.build(scenario, ["csi"])
    names = [v.name for v in problem.model.free_RVs if not v.name.startswith("csi::")]
    chi2 = _chi2.build_chi2(problem, names, mode=None)
    held = [chi2.names.index(name) for name in names]
    box = np.array(chi2.limits)[held]
    x, y = _axes(chi2, held, box, points)
    logs, minima = _log_likelihood(chi2, held, x, y)
    logs += _constants(chi2, held)
    cells = np.multiply.outer(_ends_half(x), _ends_half(y))
    integrand = np.exp(logs - logs.max()) * cells
    missed = _missed_by_laplace(chi2, held, minima.reshape(-1, len(chi2.names)), integrand.ravel())
    return Grid(
        names=names,
        box=box,
        x=x,
        y=y,
        density=np.exp(logs - logs.max()),
        weights=integrand / integrand.sum(),
        log_evidence=float(
            logs.max() + np.log(missed * integrand.sum() / np.ptp(box, axis=1).prod())
        ),
    )


def _axes(chi2, held, box, points):
    """Around what is not far from the minimum, with nuisances at zero."""
    axes = [np.linspace(*ends, points) for ends in box]
    heights = _all_at_zero(chi2, held, *axes)
    near = heights - heights.min() < FAR
    grids = []
    for axis, ends, other in zip(axes, box, (1, 0), strict=True):
        inside = axis[near.any(axis=other)]
        step = axis[1] - axis[0]
        low, high = max(ends[0], inside[0] - step), min(ends[1], inside[-1] + step)
        grids.append(np.linspace(low, high, points))
    return grids


def _all_at_zero(chi2, held, x, y):
    """chi^2 with nuisances at zero, shape (len(x), len(y))."""
    point = np.zeros(len(chi2.names))
    heights = np.empty((len(x), len(y)))
    for i, j in np.ndindex(heights.shape):
        point[held] = x[i], y[j]
        heights[i, j] = chi2.value(point)
    return heights


def _log_likelihood(chi2, held, x, y):
    """-chi^2/2 less half the logarithm of the determinant, shape (len(x), len(y)); the minima."""
    heights = _all_at_zero(chi2, held, x, y)
    lowest = heights.min()
    logs = np.full((len(x), len(y)), -np.inf)
    minima = np.zeros((len(x), len(y), len(chi2.names)))
    start = np.zeros(len(chi2.names))
    for i, a in enumerate(x):
        for j, b in enumerate(y):
            if heights[i, j] - lowest > FAR:
                continue
            start[held] = a, b
            value, point = chi2.minimised(start, held, tolerance=1e-10)
            if value - lowest < NEAR:
                start, minima[i, j] = point.copy(), point
                logs[i, j] = -value / 2 - np.linalg.slogdet(_hessian(chi2, held, point))[1] / 2
    return logs, minima


def _missed_by_laplace(chi2, held, minima, weights):
    """Mean ratio of the integrals over nuisances to Laplace's, over points of the posterior."""
    rng = np.random.default_rng(7)
    free = [i for i in range(minima.shape[1]) if i not in held]
    low, high = np.array(chi2.limits)[free].T
    ratios = []
    for point in minima[rng.choice(len(minima), CHECKED_POINTS, p=weights / weights.sum())]:
        root = np.linalg.cholesky(np.linalg.inv(_hessian(chi2, held, point)))
        lowest = float(chi2.value(point))
        for z in WIDENED * rng.standard_normal((SAMPLES, len(free))):
            sample = point.copy()
            sample[free] += root @ z
            inside = ((sample[free] > low) & (sample[free] < high)).all()
            exponent = -(float(chi2.value(sample)) - lowest) / 2 + z @ z / (2 * WIDENED**2)
            ratios.append(inside * WIDENED ** len(free) * np.exp(exponent))
    return float(np.mean(ratios))


def _hessian(chi2, held, point):
    """Of chi^2/2 in the nuisances."""
    free = [i for i in range(len(point)) if i not in held]
    hessian = []
    for i in free:
        step = np.zeros(len(point))
        step[i] = STEP * chi2.steps[i]
        difference = chi2.gradient(point + step) - chi2.gradient(point - step)
        hessian.append(difference[free] / (2 * step[i]))
    hessian = np.array(hessian) / 2
    return (hessian + hessian.T) / 2


def _constants(chi2, held):
    """Of the Poisson likelihood at mu = n, the priors, and the Gaussian integral."""
    n = cb.load_experiment("csi").counts.astype(float)
    saturated = np.sum(n * np.log(np.maximum(n, 1)) - n - gammaln(n + 1))
    log_priors = 0.0
    for i in range(len(chi2.names)):
        if i not in held:
            extent = np.ptp(chi2.limits[i])
            width = extent if np.isfinite(extent) else np.sqrt(2 * np.pi) * chi2.steps[i]
            log_priors -= np.log(width)
    return saturated + log_priors + (len(chi2.names) - len(held)) / 2 * np.log(2 * np.pi)
