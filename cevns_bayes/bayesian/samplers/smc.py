"""Sequential Monte Carlo, PyMC's: from the prior to the posterior in stages.

Particles drawn from the prior are reweighted, resampled and moved while the likelihood is switched
on. As they start everywhere, disconnected solutions, bands and plateaus get their right weights,
and the evidence comes with them. Independent runs, the chains, tell whether there were enough
particles. (Del Moral, Doucet, Jasra, J. R. Stat. Soc. B 68 (2006) 411.)

As the particles themselves shape the moves, the evidence is biased by an amount that falls as one
over their number, and that all chains share: as many runs of half as many particles show it.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pymc as pm
import xarray as xr
from scipy.special import logsumexp

from cevns_bayes.bayesian.samplers.checkpoint import Checkpoint
from cevns_bayes.bayesian.samplers.sampler import check_draws
from cevns_bayes.engine.problem import Problem


@dataclass(frozen=True)
class SMC:
    """``chains`` independent runs of ``particles``, which become the draws."""

    particles: int = 3000
    chains: int = 4

    name: ClassVar[str] = "smc"
    resumable: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_draws("particles", self.particles, self.chains)

    def run(
        self,
        problem: Problem,
        seed: int,
        *,
        progressbar: bool = False,
        checkpoint: Checkpoint | None = None,
    ) -> xr.DataTree:
        """Sample a problem; finished chains are kept in the checkpoint.

        Returns
        -------
        xarray.DataTree
            Groups ``posterior`` and ``sample_stats`` (per chain: log-evidence, number of stages
            and acceptance in the last one), attrs ``log_evidence`` and ``log_evidence_error``.
        """
        seeds = np.random.SeedSequence(seed).generate_state(2 * self.chains)

        def chains(name: str, particles: int, seeds: np.ndarray) -> list[xr.DataTree]:
            parts = []
            for number, own_seed in enumerate(seeds):

                def chain(own_seed: int = int(own_seed)) -> xr.DataTree:
                    return _chain(problem.model, particles, own_seed, progressbar)

                file = f"{name}-{number}"
                parts.append(checkpoint.load_or_compute(file, chain) if checkpoint else chain())
            return parts

        whole = chains("chain", self.particles, seeds[: self.chains])
        fewer = max(4, self.particles // 2)  # as few as can be moved
        half = chains("half-chain", fewer, seeds[self.chains :])
        return _joined(whole, half)


def _joined(parts: list[xr.DataTree], half: list[xr.DataTree]) -> xr.DataTree:
    groups = {
        group: xr.concat(
            [part[group].to_dataset() for part in parts], "chain", join="override"
        ).assign_coords(chain=np.arange(len(parts)))
        for group in ("posterior", "sample_stats")
    }
    tree = xr.DataTree.from_dict(groups)
    tree.attrs = evidence(*(np.array([_log_evidence(p) for p in run]) for run in (parts, half)))
    return tree


def _log_evidence(part: xr.DataTree) -> float:
    return float(part["sample_stats"]["log_evidence"].item())


def evidence(by_chain: np.ndarray, by_half: np.ndarray) -> dict[str, float]:
    """Log of the mean evidence of independent runs, and its error.

    Their scatter, and the difference from runs of half as many particles (``by_half``).
    """
    mean, scatter = _log_mean(by_chain)
    return {
        "log_evidence": mean,
        "log_evidence_error": float(np.hypot(scatter, mean - _log_mean(by_half)[0])),
    }


def _log_mean(values: np.ndarray) -> tuple[float, float]:
    """Log of the mean of exp(values), and its standard error."""
    relative = np.exp(values - logsumexp(values)) * len(values)  # of mean one
    mean = logsumexp(values) - np.log(len(values))
    return float(mean), float(relative.std(ddof=1) / np.sqrt(len(values)))


def _chain(model: pm.Model, particles: int, seed: int, progressbar: bool) -> xr.DataTree:
    with model, _quiet(), _unwrapped_interrupts():
        trace = pm.sample_smc(
            particles,
            chains=1,
            cores=1,
            random_seed=seed,
            progressbar=progressbar,
            compute_convergence_checks=False,
        )
    stages = trace["sample_stats"]
    by_stage = {name: np.ravel(stages[name]) for name in ("log_marginal_likelihood", "accept_rate")}
    chain_stats = {
        "log_evidence": by_stage["log_marginal_likelihood"][-1],
        "acceptance": by_stage["accept_rate"][-1],
        "stages": len(by_stage["accept_rate"]),
    }
    return xr.DataTree.from_dict(
        {
            "posterior": trace["posterior"].to_dataset(),
            "sample_stats": xr.Dataset({k: ("chain", [v]) for k, v in chain_stats.items()}),
        }
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without PyMC's announcements, one a chain, and Numba's of a prior that it does not know."""
    logger = logging.getLogger("pymc.smc.sampling")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Numba will use object mode", UserWarning)
            yield
    finally:
        logger.setLevel(level)


@contextmanager
def _unwrapped_interrupts() -> Iterator[None]:
    """Compiled code reports an interrupt that falls into it as a SystemError with that cause."""
    try:
        yield
    except SystemError as error:
        reason: BaseException | None = error
        while reason is not None and not isinstance(reason, KeyboardInterrupt):
            reason = reason.__cause__ or reason.__context__
        if reason is not None:
            raise KeyboardInterrupt from error
        raise
