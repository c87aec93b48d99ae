"""Nested sampling of a PyMC model by nautilus (Lange, arXiv:2306.16923), without neural networks.

Importance nested sampling on the compiled log-likelihood of the model and the quantile functions of
its priors. Slower than sequential Monte Carlo, and independent of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import lazy_loader
import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import xarray as xr
from pytensor.graph.replace import graph_replace, vectorize_graph
from threadpoolctl import threadpool_limits

from cevns_bayes.bayesian.samplers.checkpoint import Checkpoint
from cevns_bayes.bayesian.samplers.sampler import check_draws, check_integer
from cevns_bayes.compiling import AS_WRITTEN
from cevns_bayes.engine.problem import Problem
from cevns_bayes.errors import InputError

nautilus = lazy_loader.load("nautilus")  # a second, which other samplers need not wait for

BATCH = 1000
STATE_FILE = "nautilus.h5"

Function = Callable[..., Any]


@dataclass(frozen=True)
class Nested:
    """Weighted points of ``live_points``, resampled to ``chains`` times ``draws`` equal ones.

    Splitting the draws into chains serves the diagnostics of others only. Fewer live points lose
    narrow solutions now and then.
    """

    draws: int = 2500
    chains: int = 4
    live_points: int = 3000

    name: ClassVar[str] = "nested"
    resumable: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_draws("draws", self.draws, self.chains)
        check_integer("live_points", self.live_points, 50)

    def run(
        self,
        problem: Problem,
        seed: int,
        *,
        progressbar: bool = False,
        checkpoint: Checkpoint | None = None,
    ) -> xr.DataTree:
        """Sample a problem; the state is kept in the checkpoint.

        Returns
        -------
        xarray.DataTree
            Groups ``posterior`` and ``sample_stats`` (number of likelihood evaluations); attrs
            ``log_evidence``, ``log_evidence_error`` and ``effective_size`` of the weighted points.

        Raises
        ------
        InputError
            Fewer than two free variables, a prior without a quantile function, a likelihood that
            is not a number, or a damaged checkpoint.
        """
        model, size = problem.model, self.draws * self.chains
        sampler = self._sampler(model, seed, checkpoint.folder / STATE_FILE if checkpoint else None)
        with threadpool_limits(1):  # Threads cost more than they give on matrices of this size.
            sampler.run(n_eff=size, discard_exploration=True, verbose=progressbar)
        points, log_weights, _ = sampler.posterior()
        draws = as_posterior(model, resampled(points, log_weights, size, seed), self.chains)
        evaluations = xr.Dataset(
            {"likelihood_evaluations": ("chain", [sampler.n_like] * self.chains)}
        )
        tree = xr.DataTree.from_dict({"posterior": draws, "sample_stats": evaluations})
        tree.attrs = {
            "log_evidence": float(sampler.log_z),
            "log_evidence_error": float(sampler.n_eff**-0.5),
            "effective_size": float(sampler.n_eff),
        }
        return tree

    def _sampler(self, model: pm.Model, seed: int, state: Path | None) -> Any:
        """Nautilus' own, which goes on from a file of its state if there is one."""
        names = [rv.name for rv in model.free_RVs]
        if len(names) < 2:
            raise InputError(
                f"nested needs at least two free variables, got {len(names)} "
                f"({', '.join(names)}); use laplace or smc"
            )
        transform, likelihood = prior_transform(model.free_RVs), log_likelihood(model)
        try:
            return nautilus.Sampler(
                transform,
                likelihood,
                n_dim=len(names),
                n_live=self.live_points,
                n_networks=0,
                n_batch=BATCH,
                vectorized=True,
                pass_dict=False,
                seed=seed,
                filepath=state,
            )
        except Exception as error:  # whatever its readers say of a damaged file
            if state and state.is_file():
                raise InputError(
                    f"{state} is damaged or in use; remove it to start anew"
                ) from error
            raise


def resampled(points: np.ndarray, log_weights: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Equally weighted points, shape (count, variables), in random order; systematic resampling."""
    rng = np.random.default_rng(seed)
    cumulative = np.cumsum(np.exp(log_weights - log_weights.max()))
    steps = (np.arange(count) + rng.random()) / count
    return points[rng.permutation(np.searchsorted(cumulative / cumulative[-1], steps))]


def prior_transform(variables: Sequence[Any]) -> Function:
    """Unit cube -> random variables, both of shape (points, variables)."""
    cube = pt.dmatrix("cube")
    quantiles = []
    for i, rv in enumerate(variables):
        try:
            quantiles.append(pm.icdf(rv, cube[:, i]))
        except NotImplementedError:
            raise InputError(
                f"the prior of {rv.name} has no quantile function, which this sampler needs"
            ) from None
    stacked = pt.stack(quantiles, axis=1) if quantiles else cube
    return pytensor.function([cube], stacked, mode=AS_WRITTEN)


def log_likelihood(model: pm.Model) -> Function:
    """Free variables, shape (points, variables) -> log-likelihood, shape (points,)."""
    terms = [pm.logp(rv, model.rvs_to_values[rv]).sum() for rv in model.observed_RVs]
    one, many = pt.dvector("one"), pt.dmatrix("many")
    at = {rv: one[i] for i, rv in enumerate(model.free_RVs)}
    graph = vectorize_graph(graph_replace([sum(terms)], at, strict=False)[0], {one: many})
    evaluate = pytensor.function([many], graph)

    def checked(points: np.ndarray) -> np.ndarray:
        points = np.atleast_2d(points)
        values = evaluate(points)
        if np.isnan(values).any():
            worst = points[np.isnan(values)][0]
            at = {rv.name: float(x) for rv, x in zip(model.free_RVs, worst, strict=True)}
            raise InputError(f"the likelihood is not a number at {at}")
        return values

    return checked


def as_posterior(model: pm.Model, points: np.ndarray, chains: int) -> xr.Dataset:
    """Draws of the free variables and Deterministics, dims chain, draw and those of the model."""
    draws = points.reshape(chains, -1, points.shape[1])
    free = xr.Dataset(
        {rv.name: (("chain", "draw"), draws[..., i]) for i, rv in enumerate(model.free_RVs)},
        coords={"chain": np.arange(chains), "draw": np.arange(draws.shape[1])},
    )
    return pm.compute_deterministics(
        free,
        model=model,
        extend_dataset=True,
        progressbar=False,
        compile_kwargs={"mode": AS_WRITTEN},
    )
