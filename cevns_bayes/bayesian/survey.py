"""How every scenario samples by default: sampler, time, diagnostics."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cevns_bayes.bayesian.diagnostics import Convergence, check_convergence
from cevns_bayes.bayesian.sampling import sample
from cevns_bayes.engine.problem import DEFAULT_DATA, DataLike
from cevns_bayes.scenarios.scenario import load_scenario, scenario_names


@dataclass(frozen=True)
class Row:
    """One run with default settings; the evidence is NaN if the sampler gives none."""

    scenario: str
    sampler: str
    seconds: float
    convergence: Convergence
    log_evidence: float

    @property
    def verdict(self) -> str:
        """``"converged"``, or what is wrong."""
        return "; ".join(self.convergence.problems) or "converged"


def survey(scenarios: Sequence[str] = (), data: DataLike = DEFAULT_DATA) -> Iterator[Row]:
    """Sample scenarios, all if none is named, with default settings.

    Yields
    ------
    A row per scenario; times include the compilation.

    Raises
    ------
    InputError
        Unknown scenario or data.
    """
    for scenario in [load_scenario(name) for name in scenarios or scenario_names()]:
        start = time.perf_counter()
        posterior = sample(scenario, data, progressbar=False)
        seconds = time.perf_counter() - start
        evidence = posterior.attrs.get("log_evidence", float("nan"))
        sampler = posterior.attrs["sampler"]
        yield Row(scenario.name, sampler, seconds, check_convergence(posterior), evidence)
