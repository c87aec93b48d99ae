"""The published table of chi^2 minima against ours."""

from collections.abc import Iterator
from dataclasses import dataclass

from cevns_bayes.datasets import published_chi2
from cevns_bayes.profile import fit
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

    @property
    def difference(self) -> float:
        """Ours less published."""
        return self.chi2 - self.published

    @property
    def verdict(self) -> str:
        """``"reproduced"``, or which of the two comparisons fails."""
        failed = []
        if abs(self.difference) > DATA_SETS[self.data][1]:
            failed.append("chi2 differs")
        improvements = self.improvement - self.published_improvement
        if abs(improvements) > GREATEST_DIFFERENCE_OF_IMPROVEMENT:
            failed.append("improvement differs")
        return ", ".join(failed) or "reproduced"


def validate(form_factor: str = "helm") -> Iterator[Row]:
    """Fit every scenario that has published values, as the published analysis did.

    Yields
    ------
    A row per scenario and data set, the Standard Model first.
    """
    names = sorted(scenario_names(), key=lambda name: name != "sm")
    standard_model: dict[str, float] = {}
    for name in names:
        for data, (experiments, _) in DATA_SETS.items():
            published, sm = published_chi2(name, data), published_chi2("sm", data)
            if published is None or sm is None:
                continue
            chi2 = fit(
                name,
                experiments,
                form_factor=form_factor,
                share_flux=False,
                lar_statistic="gaussian",
            ).chi2
            standard_model.setdefault(data, chi2)
            yield Row(name, data, chi2, published, standard_model[data] - chi2, sm - published)
