"""Likelihoods of the counts of an experiment, given the expected ones.

All four methods are right for counts that are no integers, such as those of an Asimov data set.
Those but ``declare`` take and return arrays; ``deviance`` takes PyTensor variables as well,
for the counts, too.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pytensor.graph.basic import Variable
from scipy import stats
from scipy.special import gammaln, xlogy

from cevns_bayes.checks import check_array
from cevns_bayes.errors import InputError


class Likelihood(Protocol):
    """What an :class:`Experiment` asks of its likelihood."""

    def checked(self, title: str, shape: tuple[int, ...]) -> "Likelihood":
        """The likelihood, if it fits counts of this shape; ``title`` begins the error if not."""

    def declare(self, name: str, mu: Any, counts: np.ndarray, dims: list[str]) -> None:
        """Add the observed counts to the open PyMC model; ``mu`` is a PyTensor variable."""

    def logpdf(self, counts: np.ndarray, mu: np.ndarray) -> np.ndarray:
        """Log-probability per bin; ``mu`` has axes of draws before those of the bins."""

    def draw(self, rng: np.random.Generator, mu: np.ndarray) -> np.ndarray:
        """Pseudo-data, of the shape of ``mu``."""

    def deviance(self, counts: Any, mu: Any) -> Any:
        """-2 ln of the likelihood, per bin, relative to expected counts equal to the counts."""

    def scaled(self, exposure: float) -> "Likelihood":
        """The likelihood of an experiment with ``exposure`` times the exposure."""

    def arrays(self) -> list[np.ndarray]:
        """Arrays that define it, for the fingerprint."""


@dataclass(frozen=True)
class Poisson:
    """Poisson likelihood of independent counts.

    Examples
    --------
    >>> cb.Poisson().deviance(np.array([12.0, 10.0]), np.array([10.0, 10.0])).round(3)
    array([0.376, 0.   ])
    """

    def checked(self, title: str, shape: tuple[int, ...]) -> "Poisson":
        """Fits every shape."""
        return self

    def declare(self, name: str, mu: Any, counts: np.ndarray, dims: list[str]) -> None:
        """``pm.Poisson``, which rounds down, where the counts are integers."""
        if np.array_equal(counts, np.round(counts)):
            pm.Poisson(name, mu=mu, observed=counts.astype(np.int64), dims=dims)
        else:
            pm.CustomDist(
                name, mu, logp=_poisson_logp, random=_poisson_draw, observed=counts, dims=dims
            )

    def logpdf(self, counts: np.ndarray, mu: np.ndarray) -> np.ndarray:
        """n ln(mu) - mu - ln Gamma(n + 1)."""
        return xlogy(counts, mu) - mu - gammaln(counts + 1)

    def draw(self, rng: np.random.Generator, mu: np.ndarray) -> np.ndarray:
        """Integers drawn from Poisson distributions."""
        return rng.poisson(mu)

    def deviance(self, counts: Any, mu: Any) -> Any:
        """2 [mu - n + n ln(n/mu)]."""
        return 2 * (mu - counts + xlogx(counts) - counts * np.log(mu))

    def scaled(self, exposure: float) -> "Poisson":
        """Itself: the expected counts hold all that it depends on."""
        return self

    def arrays(self) -> list[np.ndarray]:
        """No arrays: nothing is set."""
        return []


def xlogx(x: Any) -> Any:
    """x ln(x), zero at zero, of an array or a PyTensor variable.

    Examples
    --------
    >>> xlogx(np.array([0.0, 1.0])).tolist()
    [0.0, 0.0]
    """
    if isinstance(x, Variable):
        return x * pt.log(pt.switch(pt.gt(x, 0), x, 1.0))
    return xlogy(x, x)


def _poisson_logp(counts: Any, mu: Any) -> Any:
    return counts * pt.log(mu) - mu - pt.gammaln(counts + 1)


def _poisson_draw(mu: Any, rng: Any = None, size: Any = None) -> Any:
    return rng.poisson(mu, size=size)


@dataclass(frozen=True)
class Gaussian:
    """Gaussian likelihood with a known variance per bin, or a covariance between bins.

    Attributes
    ----------
    variance
        Variance of each bin, of the shape of the counts.
    covariance
        Given instead of the variance: shape (bins, bins), for the counts flattened in row-major
        order. ``logpdf`` and ``deviance`` of a bin are then conditional on the bins before it, so
        that they add up to those of all counts together.

    Examples
    --------
    >>> likelihood = cb.Gaussian(variance=np.array([4.0, 9.0]))
    >>> likelihood.deviance(np.array([12.0, 10.0]), np.array([10.0, 10.0]))
    array([1., 0.])
    >>> cb.Gaussian(covariance=np.array([[4.0, 1.0], [1.0, 9.0]])).scaled(2.0).covariance
    array([[ 8.,  2.],
           [ 2., 18.]])
    """

    variance: Any = None
    covariance: Any = None

    def checked(self, title: str, shape: tuple[int, ...]) -> "Gaussian":
        """The likelihood with its variance or covariance as an array of floats."""
        if (self.variance is None) == (self.covariance is None):
            given = "neither" if self.variance is None else "both"
            raise InputError(f"{title} needs a variance or a covariance, got {given}")
        if self.covariance is None:
            allowed = "finite and positive"
            return Gaussian(check_array(f"{title} variance", self.variance, shape, allowed))
        return Gaussian(covariance=_covariance(f"{title} covariance", self.covariance, shape))

    def declare(self, name: str, mu: Any, counts: np.ndarray, dims: list[str]) -> None:
        """``pm.Normal``; with a covariance, one of whitened residuals."""
        if self.covariance is None:
            pm.Normal(name, mu=mu, sigma=np.sqrt(self.variance), observed=counts, dims=dims)
            return

        def logp(value: Any, mean: Any) -> Any:
            return -self.deviance(value, mean) / 2 + self._log_norm(counts.shape)

        def draw(mean: Any, rng: Any = None, size: Any = None) -> Any:
            return self.draw(rng, np.broadcast_to(mean, size if size is not None else mean.shape))

        pm.CustomDist(name, mu, logp=logp, random=draw, observed=counts.astype(float), dims=dims)

    def logpdf(self, counts: np.ndarray, mu: np.ndarray) -> np.ndarray:
        """Normal densities."""
        if self.covariance is None:
            return stats.norm.logpdf(counts, mu, np.sqrt(self.variance))
        return -self.deviance(counts, mu) / 2 + self._log_norm(counts.shape)

    def draw(self, rng: np.random.Generator, mu: np.ndarray) -> np.ndarray:
        """Real numbers, which may be negative."""
        if self.covariance is None:
            return rng.normal(mu, np.sqrt(self.variance))
        bins = len(self.covariance)
        noise = rng.normal(size=(mu.size // bins, bins)) @ np.linalg.cholesky(self.covariance).T
        return mu + noise.reshape(mu.shape)

    def deviance(self, counts: Any, mu: Any) -> Any:
        """(n - mu)^2/variance; with a covariance, squares of the whitened residuals."""
        if self.covariance is None:
            return (counts - mu) ** 2 / self.variance
        whitening = np.linalg.inv(np.linalg.cholesky(self.covariance))
        residuals = counts - mu
        flat = residuals.reshape((-1, len(whitening)))
        return ((flat @ whitening.T) ** 2).reshape(residuals.shape)

    def _log_norm(self, shape: tuple[int, ...]) -> np.ndarray:
        """Log-normalisation of each bin, given the bins before it, of the counts' shape."""
        scale = np.diag(np.linalg.cholesky(self.covariance)).reshape(shape)
        return -np.log(np.sqrt(2 * np.pi) * scale)

    def scaled(self, exposure: float) -> "Gaussian":
        """Variances grow with the exposure."""
        if self.covariance is None:
            return Gaussian(self.variance * exposure)
        return Gaussian(covariance=self.covariance * exposure)

    def arrays(self) -> list[np.ndarray]:
        """The variance or the covariance."""
        return [self.variance if self.covariance is None else self.covariance]


def _covariance(title: str, given: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Symmetric positive-definite matrix for counts of a shape, shape (bins, bins)."""
    bins = int(np.prod(shape))
    matrix = check_array(title, given, (bins, bins))
    if not np.allclose(matrix, matrix.T, rtol=1e-10, atol=0):
        raise InputError(f"{title} must be symmetric")
    lowest = float(np.linalg.eigvalsh(matrix)[0])
    if lowest <= 0:
        raise InputError(f"{title} must be positive definite, got an eigenvalue of {lowest:.3g}")
    return matrix
