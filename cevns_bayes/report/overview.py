"""The summary of many runs: one table as CSV, Markdown and a page with links to the reports."""

import math
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from cevns_bayes.errors import InputError
from cevns_bayes.report.folder import REPORT_FILE
from cevns_bayes.report.html import rendered
from cevns_bayes.report.outcome import LEVEL, Outcome
from cevns_bayes.report.tables import Column, Estimate, Table

TEMPLATE = "index.html.j2"
PAGE, CSV, MARKDOWN = "index.html", "summary.csv", "summary.md"
MARK = '<meta name="generator" content="cevns-bayes">'
HDI, PROFILE = f"{LEVEL:.0%} HDI", f"{LEVEL:.0%} profile"

_COLUMNS = [
    *(Column("scenario"), Column("data"), Column("sampler"), Column("seconds", ".0f")),
    *(Column("χ²", ".2f", "chi2"), Column("Δχ² to SM", ".2f", "delta_chi2")),
    *(Column("Δdof", csv="delta_dof"), Column("ln Z", ".3f", "log_evidence")),
    *(Column("R-hat", ".4f", "r_hat"), Column("min ESS", ".0f", "min_ess"), Column("verdict")),
    Column("LOO − SM", ".2f", "loo_difference"),
    *(Column(HDI, ".4g", "hdi90"), Column(PROFILE, ".4g", "profile90")),
]


def overview(outcomes: Mapping[str, Outcome]) -> Table:
    """Outcomes by the names of their folders, one in a row."""
    return Table(_COLUMNS, [_row(outcome) for outcome in outcomes.values()])


def _row(of: Outcome) -> list[object]:
    return [
        *(of.scenario, of.data, of.sampler, of.seconds, of.chi2, of.delta_chi2, of.delta_dof),
        _estimate(of.log_evidence, of.log_evidence_error),
        *(of.r_hat, of.min_ess, of.verdict),
        _estimate(of.loo, of.loo_error),
        *(dict(intervals) or None for intervals in (of.credible, of.confidence)),
    ]


def _estimate(value: float | None, error: float | None) -> Estimate:
    known, scatter = (math.nan if number is None else number for number in (value, error))
    return Estimate(known, scatter)


def page(outcomes: Mapping[str, Outcome]) -> str:
    """The table as HTML that needs no other file; names of scenarios lead to their reports."""
    links = [
        f"{quote(folder)}/{REPORT_FILE}" if outcome.has_report else ""
        for folder, outcome in outcomes.items()
    ]
    failed = sum(bool(outcome.problems) for outcome in outcomes.values())
    return rendered(
        TEMPLATE, summary=overview(outcomes), links=links, failed=failed, number=len(links)
    )


def write_overview(outcomes: Mapping[str, Outcome], folder: Path) -> None:
    """Write the files, each replaced at once, into a folder that is made if need be."""
    table = overview(outcomes)
    texts = {CSV: table.csv(), MARKDOWN: table.markdown(), PAGE: page(outcomes)}
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        own = folder / f".{name}.{os.getpid()}"
        try:
            own.write_text(text, encoding="utf-8")
            own.replace(folder / name)
        finally:
            own.unlink(missing_ok=True)


def refuse_foreign(folder: Path) -> None:
    """Raise InputError for a folder in which the files would replace what is none of ours."""
    page = folder / PAGE
    ours = page.is_file() and MARK in page.read_text(encoding="utf-8", errors="replace")
    there = [name for name in (PAGE, CSV, MARKDOWN) if (folder / name).exists()]
    if there and not ours:
        raise InputError(f"{folder / there[0]} is not a summary of runs and is not replaced")
