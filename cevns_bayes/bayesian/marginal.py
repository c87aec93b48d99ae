"""The likelihood with the nuisances integrated out, and a proposal for the whole posterior.

Parameters of interest theta live in the unit cube of their priors' distribution functions, where
their prior is uniform, in the cells of a :mod:`cevns_bayes.bayesian.mesh`. In each cell the
nuisances follow a Student t distribution around their maximum at its centre, which moves with theta
inside the cell, as wide as the curvature says. The integral over the nuisances is the mean of
density over proposal at points of that distribution that are the same in all cells, so that its
error varies little from cell to cell.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import gammaln, logsumexp
from scipy.stats import chi2, norm, qmc

from cevns_bayes.bayesian.mesh import MAX_LOSS, Mesh, refined
from cevns_bayes.engine.climb import Solution
from cevns_bayes.engine.maxima import observed_maxima
from cevns_bayes.engine.solver import Solver

MIN_POINTS, POINTS = 32, 3  # So many points, per nuisance, integrate over these: powers of two.
FREEDOM = 10.0  # Degrees of freedom of the t distribution.
DEFENCE = 0.1  # This part of the weight of a cell is from the highest density around it.
FAR = 300.0  # Where the height is lower by more, it need not be exact.
TOLERANCE = 1e-5  # of the height elsewhere: what is lost, the width of the proposal covers
NARROWEST = 1e-6  # of the widths of peaks, in the unit cube
BISECTIONS = 40
FLOOR = 1e-9  # of eigenvalues of the curvature, relative to the largest
SEED = 5


Quantiles = Callable[[np.ndarray], np.ndarray]


class Cells(NamedTuple):
    """What is known at the centres of cells, arrays of length (cells,).

    ``levels`` are these centres and ``alpha`` the nuisances there, ``root`` is the Cholesky factor
    of the curvature by the nuisances, ``slope`` the derivative of alpha by the levels, of shape
    (cells, nuisances, parameters), ``height`` that of the likelihood there and
    ``log_density`` of the marginal likelihood; ``rest`` serves the solver and is large, and empty
    once all is explored.
    """

    levels: np.ndarray
    alpha: np.ndarray
    root: np.ndarray
    slope: np.ndarray
    height: np.ndarray
    log_density: np.ndarray
    rest: np.ndarray
    converged: np.ndarray

    def at(self, cells: np.ndarray) -> "Cells":
        """Those of some cells."""
        return Cells(*(array[cells] for array in self))


@dataclass(frozen=True)
class Marginal:
    """Marginal likelihood over the unit cube of the priors.

    Attributes
    ----------
    solver
        Of the problem.
    quantiles
        Unit cube -> theta, both of shape (points, parameters).
    mesh, cells
        Cells, and what is known of them.
    """

    solver: Solver
    quantiles: Quantiles
    mesh: Mesh
    cells: Cells

    @classmethod
    def explored(cls, solver: Solver, quantiles: Quantiles, loss: float = MAX_LOSS) -> "Marginal":
        """Find out where it is concentrated; ``loss`` as in :func:`refined`."""
        parameters = solver.compiled.interest
        known: list[Cells] = []

        def log_density(
            mesh: Mesh, kept: np.ndarray, parents: np.ndarray, new: np.ndarray
        ) -> np.ndarray:
            near = known[-1].at(parents) if known else None
            found = _evaluated(solver, quantiles, mesh.centres[new], near)
            if known:
                pairs = zip(known.pop().at(kept), found, strict=True)
                known.append(Cells(*(np.concatenate(pair) for pair in pairs)))
            else:
                known.append(found)
            return found.log_density

        mesh = refined(parameters, log_density, *_peaks(solver, quantiles), loss)
        cells = known.pop()
        return cls(solver, quantiles, mesh, cells._replace(rest=cells.rest[:, :0].copy()))

    def proposal(self) -> np.ndarray:
        """Log of the probability of each cell, shape (cells,)."""
        mesh = self.mesh
        parts = np.logaddexp(
            np.log(1 - DEFENCE) + mesh.log_density, np.log(DEFENCE) + mesh.highest_around
        )
        parts += mesh.log_volumes
        return parts - logsumexp(parts)

    def propose(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Independent points, shape (count, variables), and the logarithms of their weights.

        A weight is the likelihood times the priors over the density of the proposal; its mean is
        the evidence relative to the best conceivable likelihood.
        """
        log_chosen = self.proposal()
        cells = rng.choice(len(log_chosen), count, p=np.exp(log_chosen))
        mesh, known = self.mesh, self.cells.at(cells)
        cube = mesh.corners[cells] + rng.random((count, mesh.variables))
        cube *= mesh.sizes[cells]
        theta = self.quantiles(cube)
        z = _student(rng.random((count, known.alpha.shape[1] + 1)))
        alpha = moved(self.solver, known, cube) + _unscaled(known.root, z)
        x = np.concatenate([theta, alpha], axis=1)
        log_proposal = log_chosen[cells] - mesh.log_volumes[cells] + _log_student(known.root, z)
        return x, np.nan_to_num(self.solver.heights(x), nan=-np.inf) - log_proposal


def moved(solver: Solver, known: Cells, levels: np.ndarray) -> np.ndarray:
    """The maximum of the nuisances, which moves with the parameters of interest.

    By its slope, but not by more than about an error, as it need not go on like that.
    """
    move = np.einsum("cai,ci->ca", known.slope, levels - known.levels)
    errors = np.linalg.norm(np.einsum("cij,ci->cj", known.root, move), axis=1, keepdims=True)
    alpha = known.alpha + move / np.maximum(errors, 1.0)
    return np.clip(alpha, *solver.compiled.limits[:, levels.shape[1] :])


def _peaks(solver: Solver, quantiles: Quantiles) -> tuple[np.ndarray, np.ndarray]:
    """Maxima of the likelihood in the unit cube, and how wide they are; (peaks, parameters)."""
    compiled, parameters = solver.compiled, solver.compiled.interest
    box = np.array([prior.bulk for prior in compiled.priors[:parameters]]).reshape((-1, 2))
    found = observed_maxima(solver, box)
    finite = np.isfinite(found.curvature).all(axis=(1, 2))
    found = found.at(finite & (np.linalg.det(np.nan_to_num(found.curvature)) > 0))
    covariance = np.linalg.inv(found.curvature)[:, :parameters, :parameters]
    errors = np.sqrt(np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 0.0))
    theta = found.x[:, :parameters]
    stacked = np.concatenate([theta, theta - errors, theta + errors])
    levels, low, high = np.split(levels_of(quantiles, stacked), 3)
    return levels, np.maximum((high - low) / 2, NARROWEST)


def levels_of(quantiles: Quantiles, theta: np.ndarray) -> np.ndarray:
    """The inverse of the quantile functions, by bisection; of the shape of theta."""
    low, high = np.zeros(theta.shape), np.ones(theta.shape)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        above = quantiles(middle) > theta
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return (low + high) / 2


def _evaluated(
    solver: Solver, quantiles: Quantiles, levels: np.ndarray, near: Cells | None
) -> Cells:
    """What is known at these places in the unit cube; ``near`` are the cells they are from."""
    theta, parameters = quantiles(levels), levels.shape[1]
    start = np.tile(solver.compiled.peaks, (len(theta), 1))
    start[:, :parameters] = theta
    rest = None
    if near is not None:
        there = np.concatenate([theta, moved(solver, near, levels)], axis=1)
        better = solver.heights(there) > solver.heights(start)
        start[better] = there[better]
        rest = np.where(better[:, None, None], near.rest, 0.0)
    found = solver.solve(
        *(start, range(parameters)), rest=rest, far=FAR, tolerance=TOLERANCE, inherit=True
    )
    root, slope = _shape(solver, found)
    alpha = found.x[:, parameters:]
    return Cells(
        levels,
        alpha,
        root,
        slope * _derivatives(quantiles, levels)[:, None],
        found.height,
        _log_integral(solver, theta, alpha, root),
        found.rest,
        found.converged,
    )


def _derivatives(quantiles: Quantiles, levels: np.ndarray) -> np.ndarray:
    """Of each parameter by its level, of the shape of levels."""
    step = 1e-3 * np.minimum(levels, 1 - levels)
    return (quantiles(levels + step) - quantiles(levels - step)) / (2 * step)


def _shape(solver: Solver, found: Solution) -> tuple[np.ndarray, np.ndarray]:
    """Cholesky factor of the curvature by the nuisances, and their derivatives by theta.

    Where it is not positive definite, second derivatives of expected counts are left out of it, and
    what rounding spoils is floored; where it is not finite, the width of the priors stands for it.
    """
    first = solver.compiled.interest
    widths = solver.compiled.widths[first:, None]
    own = found.curvature[:, first:, first:] * widths * widths.T
    rest = found.rest[:, first:, first:] * widths * widths.T
    mixed = found.curvature[:, first:, :first] * widths
    lost = ~np.isfinite(found.curvature).all(axis=(1, 2))
    own[lost], mixed[lost] = np.eye(len(widths)), 0.0
    values = np.linalg.eigvalsh(own)
    poor = ~(values > FLOOR * values.max(axis=1, initial=0.0, keepdims=True)).all(axis=1)
    values, vectors = np.linalg.eigh(own[poor] - rest[poor])
    values = np.maximum(values, FLOOR * values.max(axis=1, initial=0.0, keepdims=True))
    own[poor] = (vectors * values[:, None]) @ np.swapaxes(vectors, 1, 2)
    return np.linalg.cholesky(own) / widths, -np.linalg.solve(own, mixed) * widths


def _log_integral(
    solver: Solver, theta: np.ndarray, alpha: np.ndarray, root: np.ndarray
) -> np.ndarray:
    """Log of the likelihood times priors of the nuisances, integrated over these; (points,)."""
    count = 2 ** int(np.ceil(np.log2(max(MIN_POINTS, POINTS * alpha.shape[1]))))
    half = _student(qmc.Sobol(alpha.shape[1] + 1, seed=SEED).random(count // 2))
    z = np.concatenate([half, -half])
    moves = np.swapaxes(np.linalg.solve(np.swapaxes(root, 1, 2), z.T), 1, 2)
    heights = np.nan_to_num(solver.heights_around(theta, alpha[:, None] + moves), nan=-np.inf)
    return logsumexp(heights - _log_student(root[:, None], z), axis=1) - np.log(count)


def _student(cube: np.ndarray) -> np.ndarray:
    """Points of the unit t distribution, one column less than those of the unit cube."""
    scale = np.sqrt(chi2.ppf(cube[:, -1:], FREEDOM) / FREEDOM)
    return norm.ppf(cube[:, :-1]) / scale


def _log_student(root: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Log-density of the point that lies z units from the centre, shape (points,)."""
    size = z.shape[-1]
    constant = gammaln((FREEDOM + size) / 2) - gammaln(FREEDOM / 2)
    constant -= size / 2 * np.log(FREEDOM * np.pi)
    tail = (FREEDOM + size) / 2 * np.log1p((z**2).sum(axis=-1) / FREEDOM)
    return constant - tail + np.log(np.diagonal(root, axis1=-2, axis2=-1)).sum(axis=-1)


def _unscaled(root: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Distances from the centre that are z units."""
    return np.linalg.solve(np.swapaxes(root, 1, 2), z[..., None])[..., 0]
