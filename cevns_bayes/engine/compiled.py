"""A problem as functions that JAX compiles, for many points at once.

Variables are physical (untransformed) values: ``theta``, those that are held, and ``alpha``, those
over which is maximised or integrated. The functions are derived from the PyMC model. They take
single points, for ``jax.vmap``; counts are an argument, so that pseudo-data need no compilation.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
from pymc.sampling.jax import get_jaxified_graph
from pytensor.graph.replace import graph_replace
from pytensor.graph.traversal import ancestors

from cevns_bayes.engine.problem import Problem
from cevns_bayes.experiments.experiment import Experiment
from cevns_bayes.scenarios.prior_view import Prior
from cevns_bayes.scenarios.priors import sampled_name

jax.config.update("jax_compilation_cache_dir", str(Path(pytensor.config.base_compiledir) / "jax"))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)

Counts = Sequence[np.ndarray]
"""Counts of each experiment, of its shape."""


@dataclass(frozen=True)
class Part:
    """One experiment: expected counts, and the log-likelihood given these.

    ``expected(theta, alpha)``; ``log_likelihood(counts, expected)``, relative to expected counts
    equal to the counts; ``seen`` are the indices of ``alpha`` that matter here.
    """

    expected: Callable[[Any, Any], Any]
    log_likelihood: Callable[[Any, Any], Any]
    seen: np.ndarray


@dataclass(frozen=True)
class Compiled:
    """Functions of a problem, see above.

    Attributes
    ----------
    held, free
        Priors of the variables in the order of ``theta`` and of ``alpha``.
    parts
        By experiment, in the order of the problem.
    log_prior_of_held
        ``(theta, alpha) -> log-density`` of the priors of ``theta``.
    log_prior_of_nuisances
        ``(theta, alpha) -> log-density`` of the priors of those variables of ``alpha`` that are
        nuisances.
    """

    held: tuple[Prior, ...]
    free: tuple[Prior, ...]
    parts: tuple[Part, ...]
    log_prior_of_held: Callable[[Any, Any], Any]
    log_prior_of_nuisances: Callable[[Any, Any], Any]
    experiments: tuple[Experiment, ...] = field(repr=False)

    @classmethod
    def of(cls, problem: Problem, held: Collection[str] | None = None) -> "Compiled":
        """Derive the functions; they are compiled when they are called first.

        ``held`` are the variables that make up ``theta``: all parameters of interest unless given.
        Those that are not held are in ``alpha``, within their limits but without their priors.
        """
        model = problem.model
        interest = [sampled_name(model, name) for name in problem.scenario.parameter_names]
        first = interest if held is None else held
        priors = [Prior.of(model, rv.name) for rv in model.free_RVs]
        theta = tuple(prior for prior in priors if prior.name in first)
        alpha = tuple(prior for prior in priors if prior.name not in first)
        nuisances = [prior for prior in alpha if prior.name not in interest]
        graphs = _Graphs(theta, alpha)
        return cls(
            theta,
            alpha,
            tuple(graphs.part(model, experiment) for experiment in problem.experiments),
            graphs.log_prior(theta),
            graphs.log_prior(nuisances),
            tuple(problem.experiments),
        )

    @property
    def counts(self) -> list[np.ndarray]:
        """Observed counts by experiment."""
        return [np.asarray(e.counts, dtype=float) for e in self.experiments]

    @cached_property
    def limits(self) -> np.ndarray:
        """Bounds of ``alpha``, shape (2, alpha)."""
        return np.array([prior.limits for prior in self.free]).reshape(-1, 2).T

    @cached_property
    def widths(self) -> np.ndarray:
        """Standard deviations of the priors of ``alpha``, shape (alpha,)."""
        return np.array([prior.standard_deviation for prior in self.free])

    @cached_property
    def start(self) -> np.ndarray:
        """Where the priors of ``alpha`` peak, shape (alpha,)."""
        return np.array([prior.peak for prior in self.free])

    def height(self, theta: Any, alpha: Any, counts: Counts) -> Any:
        """Log-likelihood, relative to the best conceivable, plus log-prior of the nuisances."""
        likelihoods = (
            part.log_likelihood(n, part.expected(theta, alpha))
            for part, n in zip(self.parts, counts, strict=True)
        )
        return sum(likelihoods, self.log_prior_of_nuisances(theta, alpha))

    def chi2(self, height: Any) -> Any:
        """-2 ln of the likelihood times the priors of nuisances relative to their peaks."""
        return 2 * (self._greatest_log_prior - height)

    @cached_property
    def _greatest_log_prior(self) -> float:
        theta = np.array([prior.peak for prior in self.held])
        return float(self.log_prior_of_nuisances(theta, self.start))

    def best_log_likelihood(self, counts: Counts) -> float:
        """Log-likelihood of expected counts equal to the counts."""
        return sum(
            float(e.likelihood.logpdf(n, np.maximum(n, np.finfo(float).tiny)).sum())
            for e, n in zip(self.experiments, counts, strict=True)
        )


@dataclass(frozen=True)
class _Graphs:
    """Turns variables of the model into functions of ``theta`` and ``alpha``."""

    theta: tuple[Prior, ...]
    alpha: tuple[Prior, ...]

    @cached_property
    def inputs(self) -> list[Any]:
        return [pt.dvector("theta"), pt.dvector("alpha")]

    def function(self, output: Any) -> Callable[[Any, Any], Any]:
        """As a function that JAX can trace."""
        pairs = zip((self.theta, self.alpha), self.inputs, strict=True)
        at = {prior.rv: x[i] for priors, x in pairs for i, prior in enumerate(priors)}
        return _jaxified(self.inputs, graph_replace([output], at, strict=False)[0])

    def log_prior(self, priors: Sequence[Prior]) -> Callable[[Any, Any], Any]:
        """Sum of the log-densities."""
        return self.function(sum((pm.logp(p.rv, p.rv) for p in priors), pt.zeros(())))

    def part(self, model: pm.Model, experiment: Experiment) -> Part:
        """Functions of one experiment."""
        expected = model[experiment.qualified("expected")]
        above = set(ancestors([expected]))
        seen = [i for i, prior in enumerate(self.alpha) if prior.rv in above]
        counts, mu = (pt.tensor(n, shape=experiment.shape, dtype="float64") for n in ("n", "mu"))
        log_likelihood = -0.5 * experiment.likelihood.deviance(counts, mu).sum()
        return Part(
            self.function(expected), _jaxified([counts, mu], log_likelihood), np.array(seen, int)
        )


def _jaxified(inputs: list[Any], output: Any) -> Callable[..., Any]:
    function = get_jaxified_graph(inputs=inputs, outputs=[output])
    return lambda *values: jnp.asarray(function(*values)[0])
