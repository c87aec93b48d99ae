"""The published table of chi^2 minima against ours."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cevns_bayes.best_fit import FitResult, fit
from cevns_bayes.datasets import published_chi2
from cevns_bayes.errors import unknown_name
from cevns_bayes.scenario import scenario_names

# Data set -> (experiments, greatest difference of chi^2 that counts as reproduced).
DATA_SETS = {"csi": (["csi"], 1.5), "lar": (["lar"], 1.0), "csi+lar": (["csi", "lar"], 2.0)}
GREATEST_DIFFERENCE_OF_IMPROVEMENT = 0.5


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
        if abs(improvements) > GREATEST_DIFFERENCE_OF_IMPROVEMENT:
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
    standard_model: dict[str, float] = {}
    for name in names:
        for data in DATA_SETS:
            published, sm = published_chi2(name, data), published_chi2("sm", data)
            if published is None or sm is None:
                continue
            if data not in standard_model:
                standard_model[data] = _as_published("sm", data, form_factor).chi2
            best = _as_published(name, data, form_factor)
            improvement = standard_model[data] - best.chi2
            yield Row(name, data, best.chi2, published, improvement, sm - published, best.valid)


def _as_published(scenario: str, data: str, form_factor: str) -> FitResult:
    return fit(
        scenario,
        DATA_SETS[data][0],
        form_factor=form_factor,
        share_flux=False,
        lar_statistic="gaussian",
    )
