"""What a summary of many runs tells of each, kept as a small file in the folder of its results."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cevns_bayes.bayesian.density import Limits
from cevns_bayes.errors import InputError
from cevns_bayes.experiments.experiment import Experiment
from cevns_bayes.report.analysis import NO_MINIMUM, Analysis
from cevns_bayes.report.record import Recorded
from cevns_bayes.report.tables import loo_difference, units_of, with_unit

OUTCOME_FILE = "summary.json"
LEVEL = 0.90  # of the intervals

Intervals = Mapping[str, Sequence[Limits]]


@dataclass(frozen=True)
class Outcome:
    """One scenario on one data set; numbers are None where there are none, or it failed.

    ``delta_chi2`` and ``loo`` are those less the ones of the Standard Model, ``delta_dof`` counts
    the parameters it does not have; ``credible`` and ``confidence`` are intervals by parameter.
    """

    scenario: str
    data: str
    problems: Sequence[str] = ()
    sampler: str | None = None
    seconds: float | None = None
    chi2: float | None = None
    delta_chi2: float | None = None
    delta_dof: int | None = None
    log_evidence: float | None = None
    log_evidence_error: float | None = None
    r_hat: float | None = None
    min_ess: float | None = None
    loo: float | None = None
    loo_error: float | None = None
    credible: Intervals = field(default_factory=dict)
    confidence: Intervals = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """``"converged"``, or ``"failed: "`` and why, in one line."""
        return f"failed: {'; '.join(self.problems)}" if self.problems else "converged"

    @property
    def has_report(self) -> bool:
        """Whether there are results, which may be those of a run that did not converge."""
        return self.sampler is not None


def outcome_of(analysis: Analysis, seconds: float | None) -> Outcome:
    """Of an analysis, whose sampling took so long."""
    found, best, standard = analysis.convergence, analysis.best_fit, analysis.standard_model
    loo = loo_difference(analysis)
    units = units_of(analysis.scenario, analysis.names)
    names = {name: with_unit(name, units) for name in analysis.parameter_names}
    return Outcome(
        scenario=analysis.scenario.name,
        data=data_title(analysis.experiments),
        problems=_problems(analysis),
        sampler=analysis.posterior.attrs["sampler"],
        seconds=_number(seconds),
        chi2=_number(best.chi2),
        delta_chi2=_number(best.chi2 - standard.chi2),
        delta_dof=standard.dof - best.dof,
        log_evidence=_number(analysis.posterior.attrs.get("log_evidence")),
        log_evidence_error=_number(analysis.posterior.attrs.get("log_evidence_error")),
        r_hat=_number(found.r_hat),
        min_ess=_number(min(found.ess_bulk, found.ess_tail)),
        loo=_number(loo.value),
        loo_error=_number(loo.error),
        credible={title: analysis.credible(name, LEVEL) for name, title in names.items()},
        confidence={title: analysis.confidence(name, LEVEL) for name, title in names.items()},
    )


def _problems(analysis: Analysis) -> list[str]:
    found = analysis.convergence.problems
    problems = [f"not converged ({'; '.join(found)})"] if found else []
    problems += [] if analysis.best_fit.valid else [NO_MINIMUM]
    return problems + [f"Standard Model: {why}" for why in analysis.problems_of_standard_model]


def _number(value: Any) -> float | None:
    """None for what JSON cannot hold."""
    return float(value) if value is not None and math.isfinite(value) else None


def data_title(experiments: Sequence[Experiment | Recorded]) -> str:
    """``"csi+lar-gaussian"``, and whether it is a forecast."""
    names = "+".join(experiment.full_name for experiment in experiments)
    return f"{names} (pseudo-data)" if any(e.is_pseudo_data for e in experiments) else names


def write_outcome(outcome: Outcome, folder: Path) -> None:
    """Into an existing folder."""
    text = json.dumps(asdict(outcome), indent=2, ensure_ascii=False)
    (folder / OUTCOME_FILE).write_text(f"{text}\n", encoding="utf-8")


def read_outcome(folder: Path) -> Outcome:
    """From a folder of results; InputError if it has none."""
    path = folder / OUTCOME_FILE
    try:
        return Outcome(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path} is missing or damaged") from error
