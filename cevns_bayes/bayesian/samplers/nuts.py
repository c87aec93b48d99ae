"""The No-U-Turn sampler of nutpie: for a single compact solution."""

from dataclasses import dataclass
from typing import ClassVar

import lazy_loader
import xarray as xr

from cevns_bayes.bayesian.samplers.checkpoint import Checkpoint
from cevns_bayes.bayesian.samplers.sampler import check_draws
from cevns_bayes.engine.problem import Problem

nutpie = lazy_loader.load("nutpie")  # a second, which other samplers need not wait for


@dataclass(frozen=True)
class NUTS:
    """``chains`` of ``draws``, after ``tune`` draws of adaptation each."""

    draws: int = 1500
    tune: int = 1000
    chains: int = 4

    name: ClassVar[str] = "nuts"
    resumable: ClassVar[bool] = False  # It is too short to be resumed.

    def __post_init__(self) -> None:
        check_draws("draws", self.draws, self.chains)
        check_draws("tune", self.tune, self.chains, smallest=1)

    def run(
        self,
        problem: Problem,
        seed: int,
        *,
        progressbar: bool = False,
        checkpoint: Checkpoint | None = None,
    ) -> xr.DataTree:
        """Unlike nutpie's blocking call, let an interrupt through."""
        sampler = nutpie.sample(
            nutpie.compile_pymc_model(problem.model),
            draws=self.draws,
            tune=self.tune,
            chains=self.chains,
            seed=seed,
            blocking=False,
            save_warmup=False,
            progress_bar=progressbar,
        )
        try:
            trace = sampler.wait()
        except BaseException:
            sampler.cancel()
            raise
        trace.attrs = {}
        return trace
