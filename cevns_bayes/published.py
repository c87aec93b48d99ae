"""What was published of the same data: chi^2 minima, bounds, and how ours compare."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from cevns_bayes.datasets import read_entries
from cevns_bayes.engine.problem import ModelOptions
from cevns_bayes.errors import InputError, unknown_name
from cevns_bayes.experiments.loading import load_experiment
from cevns_bayes.frequentist.best_fit import FitResult, fit
from cevns_bayes.scenarios.priors import log10_name
from cevns_bayes.scenarios.scenario import scenario_names

# Data set -> (experiments, largest difference of chi^2 that counts as reproduced).
DATA_SETS = {
    "csi": (["csi"], 1.5),
    "lar": (["lar-gaussian"], 1.0),
    "csi+lar": (["csi", "lar-gaussian"], 2.0),
}
MAX_DIFFERENCE_OF_IMPROVEMENT = 0.5


def published_chi2(scenario: str, data: str) -> float | None:
    """Published best-fit chi^2 of a scenario on a data set; None where there is none.

    Examples
    --------
    >>> published_chi2("sm", "csi")
    83.2
    """
    for entry in read_entries("published", "chi2"):
        if (entry["scenario"], entry["data"]) == (scenario, data):
            return float(entry["chi2"])
    return None


class Identified(Protocol):
    """An experiment, or the record of one."""

    @property
    def name(self) -> str:
        """Its name."""

    def fingerprint(self) -> str:
        """sha256 of all that it holds."""


def is_as_published(experiments: Sequence[Identified], options: ModelOptions) -> bool:
    """Whether chi^2 of these experiments and options may be put beside the published one.

    The fingerprints tell other bins, variants, exposures and pseudo-data from what was published.
    """
    names, _ = DATA_SETS.get(data_set(experiments), ([], 0))
    ours = {experiment.fingerprint() for experiment in experiments}
    return (
        options.get("form_factor", "helm") == "helm"
        and not (options.get("priors") or options.get("fixed"))
        and (len(ours) == 1 or not options.get("share_flux", True))
        and ours == {load_experiment(name).fingerprint() for name in names}
    )


def data_set(experiments: Sequence[Identified]) -> str:
    """Name under which published values of these experiments are kept: ``"csi+lar"``."""
    return "+".join(sorted(experiment.name for experiment in experiments))


@dataclass(frozen=True)
class Bound:
    """A published interval of one parameter, or one of several disjoint ones.

    Attributes
    ----------
    parameter
        Name of the parameter of interest, ``"csi::r_n"`` where experiments have their own.
    level
        Confidence level, between 0 and 1.
    low, high
        Ends in ``unit``; -inf or inf where the bound is one-sided.
    unit
        Unit of the parameter, empty where it has none.
    source
        arXiv number and place, with what differs from our analysis.
    """

    parameter: str
    level: float
    low: float
    high: float
    unit: str
    source: str

    def is_of(self, variable: str) -> bool:
        """Whether it bounds this variable, or the parameter of which this is the logarithm."""
        return variable in (self.parameter, log10_name(self.parameter))

    def ends(self, variable: str) -> tuple[float, float]:
        """Ends as ends of this variable: of a logarithm where the parameter is sampled in it."""
        if variable == self.parameter:
            return self.low, self.high
        low, high = (math.log10(end) if end > 0 else -math.inf for end in (self.low, self.high))
        return low, high


def published_bounds(scenario: str, data: str) -> list[Bound]:
    """Published frequentist intervals of a scenario on a data set; empty where there are none.

    Parameters
    ----------
    scenario
        Name of the scenario.
    data
        ``"csi"``, ``"lar"`` or ``"csi+lar"``.

    Examples
    --------
    >>> published_bounds("weak-mixing-angle", "csi")[0].low
    0.199

    Returns
    -------
    list[Bound]
        In the order of the file; several of one parameter and level are disjoint parts of one
        region.
    """
    entries = read_entries("published", "bounds")
    return [_bound(e) for e in entries if (e["scenario"], e["data"]) == (scenario, data)]


def _bound(entry: dict[str, str]) -> Bound:
    try:
        level = float(entry["level"])
        low = float(entry["low"] or -math.inf)
        high = float(entry["high"] or math.inf)
        if not (0 < level < 1 and low < high):
            raise ValueError(f"level {level}, interval [{low}, {high}] of {entry['parameter']}")
    except ValueError as error:
        raise InputError(f"data table bounds.csv is corrupt: {error}") from error
    return Bound(entry["parameter"], level, low, high, entry["unit"], entry["source"])


@dataclass(frozen=True)
class Row:
    """One entry of the published table; an improvement is chi^2 of the SM less chi^2."""

    scenario: str
    data: str
    chi2: float
    published: float
    improvement: float
    published_improvement: float
    valid: bool = True

    @property
    def difference(self) -> float:
        """Ours less published."""
        return self.chi2 - self.published

    @property
    def verdict(self) -> str:
        """``"reproduced"``, or what fails."""
        failed = [] if self.valid else ["the minimiser did not converge"]
        if abs(self.difference) > DATA_SETS[self.data][1]:
            failed.append("chi2 differs")
        improvements = self.improvement - self.published_improvement
        if abs(improvements) > MAX_DIFFERENCE_OF_IMPROVEMENT:
            failed.append("improvement differs")
        return "; ".join(failed) or "reproduced"


def validate(scenarios: Sequence[str] = (), *, form_factor: str = "helm") -> Iterator[Row]:
    """Fit scenarios that have published values as the published analysis did.

    Parameters
    ----------
    scenarios
        Names; all if empty.

    Yields
    ------
    A row per scenario and data set, the Standard Model first if all are asked for.

    Raises
    ------
    InputError
        Unknown scenario, or one without published values.
    """
    published_names = [name for name in scenario_names() if published_chi2(name, "csi")]
    for name in scenarios:
        if name not in published_names:
            raise unknown_name("published scenario", name, published_names)
    names = list(scenarios) or sorted(published_names, key=lambda name: name != "sm")
    for name in names:
        for data in DATA_SETS:
            published, sm = published_chi2(name, data), published_chi2("sm", data)
            if published is None or sm is None:
                continue
            best = _as_published(name, data, form_factor)
            improvement = _as_published("sm", data, form_factor).chi2 - best.chi2
            yield Row(name, data, best.chi2, published, improvement, sm - published, best.valid)


@cache  # The Standard Model is compared with every scenario.
def _as_published(scenario: str, data: str, form_factor: str) -> FitResult:
    return fit(scenario, DATA_SETS[data][0], form_factor=form_factor, share_flux=False)
