"""A problem as functions that JAX compiles, for many points at once.

``x`` are the values of all free variables, parameters of interest first, as they are sampled but
not transformed. The functions are derived from the PyMC model. They take single points, for
``jax.vmap``; counts are an argument, so that pseudo-data need no compilation.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pymc as pm
import pytensor.tensor as pt
from jax import export
from pytensor.graph.replace import graph_replace
from pytensor.graph.traversal import ancestors

from cevns_bayes.engine.kept import FOLDER, GraphFunction, key_of
from cevns_bayes.engine.problem import Problem
from cevns_bayes.errors import InputError
from cevns_bayes.experiments.experiment import Experiment
from cevns_bayes.scenarios.prior_view import Prior
from cevns_bayes.scenarios.priors import sampled_name

if jax.config.jax_compilation_cache_dir is None:  # which the user may have set
    jax.config.update("jax_compilation_cache_dir", str(FOLDER))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)

Counts = Sequence[np.ndarray]
"""Counts of each experiment, of its shape."""


class Measured(NamedTuple):
    """What an experiment measures, or many pseudo-experiments, one axis of toys before the others.

    Attributes
    ----------
    counts
        By experiment.
    shifts
        Of the auxiliary measurements of the nuisances from the centres of their Gaussian priors,
        shape (variables,), zero for all other variables.
    """

    counts: Counts
    shifts: Any


export.register_namedtuple_serialization(Measured, serialized_name="cevns_bayes.Measured")

Function = Callable[..., Any]
"""Of all variables, one argument each."""


@dataclass(frozen=True)
class Part:
    """One experiment: expected counts, and the log-likelihood given these.

    ``expected(*x)``; ``log_likelihood(counts, expected)``, relative to expected counts equal to the
    counts; ``seen`` are the indices of the variables that matter here.
    """

    expected: Function
    log_likelihood: Callable[[Any, Any], Any]
    seen: np.ndarray

    def derivatives(self, x: Any, counts: Any) -> tuple[Any, Any, Any]:
        """Log-likelihood, its gradient by what is seen, and -J^T H J, see the solver."""

        def slope_at(mu: Any) -> Any:
            return jax.grad(lambda mu: self.log_likelihood(counts, mu))(mu)

        mu, jacobian = _by_each(self.expected, x, self.seen)
        slope, bend = jax.linearize(slope_at, mu)
        bends = jax.vmap(bend, in_axes=-1, out_axes=-1)(jacobian)
        rows, bent = (array.reshape((mu.size, -1)) for array in (jacobian, bends))
        return self.log_likelihood(counts, mu), slope.reshape(-1) @ rows, -rows.T @ bent

    def rest(self, x: Any, counts: Any) -> Any:
        """Second derivatives of expected counts, by what is seen, times their worth."""

        def gradient(*x: Any) -> Any:
            worth = jax.grad(lambda *x: jnp.sum(slope * self.expected(*x)), tuple(self.seen))
            return jnp.array(worth(*x))

        slope = jax.grad(self.log_likelihood, argnums=1)(counts, self.expected(*x))
        return -_by_each(gradient, x, self.seen)[1] if self.seen.size else jnp.zeros((0, 0))


def _by_each(function: Function, x: Any, variables: np.ndarray) -> tuple[Any, Any]:
    """A function, and its derivatives by some variables, along a new last axis.

    One after the other, so that what does not depend on a variable costs nothing.
    """
    x = tuple(x)

    def along(i: int) -> Any:
        return jax.jvp(lambda of: function(*x[:i], of, *x[i + 1 :]), (x[i],), (jnp.ones(()),))[1]

    value = function(*x)
    columns = [along(i) for i in variables]
    return value, jnp.array(columns).reshape((-1, value.size)).T.reshape((*value.shape, -1))


@dataclass(frozen=True)
class Compiled:
    """Functions of a problem, see above.

    Attributes
    ----------
    priors
        Of the variables, in the order of ``x``.
    interest
        Number of parameters of interest, which come first.
    parts
        By experiment, in the order of the problem.
    log_prior_of_nuisances
        Sum of the log-densities of their priors.
    others
        ``*x -> values`` of the Deterministics of the model that are no expected counts.
    """

    priors: tuple[Prior, ...]
    interest: int
    parts: tuple[Part, ...]
    log_prior_of_nuisances: Function
    others: Function
    experiments: tuple[Experiment, ...] = field(repr=False)

    @classmethod
    def of(cls, problem: Problem) -> "Compiled":
        """Derive the functions; they are compiled when they are called first."""
        model = problem.model
        names = [sampled_name(model, name) for name in problem.scenario.parameter_names]
        interest = [Prior.of(model, name) for name in names]
        nuisances = [Prior.of(model, rv.name) for rv in model.free_RVs if rv.name not in names]
        graphs = _Graphs((*interest, *nuisances))
        return cls(
            graphs.priors,
            len(interest),
            tuple(graphs.part(model, experiment) for experiment in problem.experiments),
            graphs.log_prior(nuisances),
            graphs.function(other_deterministics(problem)),
            tuple(problem.experiments),
        )

    @property
    def names(self) -> list[str]:
        """Names of the variables."""
        return [prior.name for prior in self.priors]

    @property
    def counts(self) -> list[np.ndarray]:
        """Observed counts by experiment."""
        return [np.asarray(e.counts, dtype=float) for e in self.experiments]

    @cached_property
    def limits(self) -> np.ndarray:
        """Bounds of the variables, shape (2, variables)."""
        return np.array([prior.limits for prior in self.priors]).reshape(-1, 2).T

    @cached_property
    def widths(self) -> np.ndarray:
        """Standard deviations of their priors, shape (variables,)."""
        return np.array([prior.standard_deviation for prior in self.priors])

    @cached_property
    def peaks(self) -> np.ndarray:
        """Where their priors peak, shape (variables,)."""
        return np.array([prior.peak for prior in self.priors])

    @cached_property
    def centres(self) -> np.ndarray:
        """Of Gaussian priors, and peaks of others, shape (variables,)."""
        return np.array([prior.centre for prior in self.priors])

    @cached_property
    def precisions(self) -> np.ndarray:
        """1/sigma^2 of Gaussian priors of nuisances, zero for others, shape (variables,)."""
        widths = [prior.pull_width for prior in self.priors]
        return np.where(np.arange(len(widths)) < self.interest, 0.0, 1 / np.square(widths))

    @cached_property
    def key(self) -> str | None:
        """Of all functions, for :func:`cevns_bayes.engine.kept.kept`."""
        of_parts = [f for part in self.parts for f in (part.expected, part.log_likelihood)]
        numbers = [self.limits, self.widths, self.peaks, self.centres, self.precisions]
        functions = [self.log_prior_of_nuisances, self.others, *of_parts]
        seen = [part.seen for part in self.parts]
        return key_of(functions, *numbers, np.array(self.interest), *seen)

    def key_of(self, use: str) -> str | None:
        """That of what is made of them for one use."""
        return self.key and f"{self.key} {use}"

    @property
    def measured(self) -> Measured:
        """The observed counts; auxiliary measurements are where the priors have their centres."""
        return Measured(self.counts, np.zeros(len(self.priors)))

    def log_prior(self, x: Any, shifts: Any) -> Any:
        """Log-prior of the nuisances, of which Gaussian ones are shifted, but not their bounds.

        -(x - c - s)^2/2 sigma^2 is -(x - c)^2/2 sigma^2 and a term that is linear in x.
        """
        tilt = self.precisions * shifts * (jnp.asarray(x) - self.centres - shifts / 2)
        return self.log_prior_of_nuisances(*x) + tilt.sum()

    def height(self, x: Any, counts: Counts, shifts: Any = 0.0) -> Any:
        """Log-likelihood, relative to the best conceivable, plus log-prior of the nuisances."""
        likelihoods = (
            part.log_likelihood(n, part.expected(*x))
            for part, n in zip(self.parts, counts, strict=True)
        )
        return sum(likelihoods, self.log_prior(x, shifts))

    def chi2(self, height: Any) -> Any:
        """-2 ln of the likelihood times the priors of nuisances relative to their peaks."""
        return 2 * (self._greatest_log_prior - height)

    @cached_property
    def _greatest_log_prior(self) -> float:
        return float(self.log_prior_of_nuisances(*self.peaks))

    def best_log_likelihood(self, counts: Counts) -> float:
        """Log-likelihood of expected counts equal to the counts."""
        # By way of other ones: a Gaussian may have negative counts, Poisson's mean is positive.
        known = (
            (e.likelihood, n, np.maximum(n, 1.0))
            for e, n in zip(self.experiments, counts, strict=True)
        )
        return sum(float((of.logpdf(n, mu) + of.deviance(n, mu) / 2).sum()) for of, n, mu in known)


def other_deterministics(problem: Problem) -> list[Any]:
    """Deterministics of the model that are no expected counts."""
    expected = {experiment.qualified("expected") for experiment in problem.experiments}
    return [v for v in problem.model.deterministics if v.name not in expected]


@dataclass(frozen=True)
class _Graphs:
    """Turns variables of the model into functions of ``x``."""

    priors: tuple[Prior, ...]

    @cached_property
    def x(self) -> dict[Any, Any]:
        """What stands for each variable."""
        return {prior.rv: pt.dscalar() for prior in self.priors}

    def function(self, output: Any) -> Function:
        """As a function of the variables; of a list of outputs, one that returns a list."""
        return GraphFunction([*self.x.values()], graph_replace(output, self.x, strict=False))

    def log_prior(self, priors: Sequence[Prior]) -> Function:
        """Sum of the log-densities."""
        return self.function(sum((pm.logp(p.rv, p.rv) for p in priors), pt.zeros(())))

    def part(self, model: pm.Model, experiment: Experiment) -> Part:
        """Functions of one experiment."""
        expected = model[experiment.qualified("expected")]
        above = set(ancestors([expected]))
        seen = [i for i, prior in enumerate(self.priors) if prior.rv in above]
        counts, mu = (pt.tensor(n, shape=experiment.shape, dtype="float64") for n in ("n", "mu"))
        try:
            log_likelihood = -0.5 * experiment.likelihood.deviance(counts, mu).sum()
        except Exception as error:  # the likelihood is the user's
            raise InputError(
                f"the deviance of {experiment.name} must take PyTensor variables, counts and "
                f"expected: {error}"
            ) from error
        compare = GraphFunction([counts, mu], log_likelihood)
        return Part(self.function(expected), compare, np.array(seen, int))
