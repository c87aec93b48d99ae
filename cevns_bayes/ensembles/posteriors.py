"""Posteriors of toys: the marginal likelihood of each, by the functions compiled for the data."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
import xarray as xr

from cevns_bayes.bayesian.density import Density1D
from cevns_bayes.bayesian.marginal import Marginal
from cevns_bayes.bayesian.marginal_grid import on_grid
from cevns_bayes.bayesian.mesh import MAX_LOSS
from cevns_bayes.bayesian.regions import posterior_density_1d
from cevns_bayes.bayesian.samplers.laplace import quantiles_of, unsuitable
from cevns_bayes.engine.compiled import Measured
from cevns_bayes.engine.problem import Problem
from cevns_bayes.engine.solver import Solver, solver_of
from cevns_bayes.errors import InputError

POINTS = 4000  # of the proposal
LOSS = 0.1  # Weights make up for what cells of the proposal do not resolve.


class Weighted(NamedTuple):
    """Points, shape (points, variables), and their weights, which add up to one."""

    x: np.ndarray
    weights: np.ndarray

    @property
    def effective_share(self) -> float:
        """Effective number of points relative to that of all."""
        return float(1 / (self.weights**2).sum() / len(self.weights))

    def below(self, truth: np.ndarray) -> np.ndarray:
        """Posterior probability that each variable is below its truth, shape (variables,)."""
        return self.weights @ (self.x < truth)


class Posteriors:
    """Posteriors of the toys of a problem.

    Raises
    ------
    InputError
        A problem that does not suit the sampler laplace.
    """

    def __init__(self, problem: Problem) -> None:
        if reason := unsuitable(problem):
            raise InputError(f"toys of {problem.scenario.name} have no posterior: {reason}")
        self.solver: Solver = solver_of(problem)
        self.quantiles: Callable[..., np.ndarray] = quantiles_of(problem)

    def marginal(self, measured: Measured, toy: int, loss: float = MAX_LOSS) -> Marginal:
        """Where the likelihood of a toy is concentrated; ``loss`` as of :func:`refined`."""
        own = jax.tree.map(lambda array: array[toy], measured)
        return Marginal.explored(self.solver.of(own), self.quantiles, loss)

    def weighted(
        self, measured: Measured, toy: int, rng: np.random.Generator, points: int = POINTS
    ) -> Weighted:
        """Points that are draws of the posterior when weighted."""
        x, log_weights = self.marginal(measured, toy, LOSS).propose(points, rng)
        weights = np.exp(log_weights - log_weights.max())
        return Weighted(x, weights / weights.sum())

    def density(self, measured: Measured, toy: int, name: str) -> Density1D:
        """Marginal posterior density of a parameter of interest, of one or two."""
        tree = xr.DataTree.from_dict({"marginal": on_grid(self.marginal(measured, toy))})
        limits = self.solver.compiled.limits[:, self.solver.compiled.names.index(name)]
        return posterior_density_1d(tree, name, (float(limits[0]), float(limits[1])))


def content_above(density: Density1D, value: float) -> float:
    """Probability where the density is higher than at a value: the smallest HDI that holds it."""
    half = (
        1.01 * (density.x[1] - density.x[0]) / 2
    )  # A prior may end where the outermost cell does.
    seen = density.x[0] - half < value < density.x[-1] + half
    height = np.interp(value, density.x, density.values) if seen else 0.0
    return float(density.weights[density.at_draws > height].sum())
