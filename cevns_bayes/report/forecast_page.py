"""A forecast as files: tables, figures, and pages in HTML and Markdown."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from cevns_bayes.experiments.experiment import Experiment
from cevns_bayes.report.curve_files import about, write_regions
from cevns_bayes.report.folder import REPORT_FILE
from cevns_bayes.report.forecast import Forecast, pieces, tables
from cevns_bayes.report.html import encoded, rendered
from cevns_bayes.report.reach import LEVEL
from cevns_bayes.report.style import save

TEMPLATE, PAGE = "forecast.html.j2", "forecast.md"
HEADINGS = {
    "intervals": f"Intervals, {LEVEL:.0%}",
    "reach": f"Reach of all experiments against exposure and systematics, {LEVEL:.0%}",
    "impact": "By which part the reach would shrink were a nuisance known exactly",
    "events": "Events that the Standard Model predicts",
}
CAPTIONS = {
    "regions": f"Credible and confidence regions, {LEVEL:.0%}.",
    "reach": f"Reach, {LEVEL:.0%}: half the length of the confidence interval around the Standard "
    "Model, or all of it where it begins at an end of the prior.",
}


def write_forecast(found: Forecast, figures: Mapping[str, Figure], folder: Path) -> None:
    """Write tables as CSV, figures, and all of them as HTML and Markdown into a folder.

    Curves and regions of each experiment, and of all, are in a folder of its name.
    """
    for name, table in (tables(found) | {"intervals": pieces(found)}).items():
        (folder / f"{name}.csv").write_text(table.csv(), encoding="utf-8")
    for name, figure in figures.items():
        save(figure, folder / name)
    for name, of in found.sensitivities.items():
        (folder / name).mkdir()
        head = about(found.scenario, of.experiments)
        write_regions(of.profile, of.posterior, folder / name, head)
    (folder / PAGE).write_text(_markdown(found, figures), encoding="utf-8")
    pictures = {name: (folder / f"{name}.png").read_bytes() for name in figures}
    (folder / REPORT_FILE).write_text(_html(found, pictures), encoding="utf-8")


def _data_of(experiment: Experiment) -> str:
    """Its reference, and whether it has observed counts."""
    return f"{'' if experiment.is_pseudo_data else 'observed counts, '}{experiment.reference}"


def _html(found: Forecast, pictures: Mapping[str, bytes]) -> str:
    """A page that needs no other file; every text in it is escaped."""
    shown: list[dict[str, Any]] = [
        {"name": name, "png": encoded(png), "caption": CAPTIONS[name]}
        for name, png in pictures.items()
    ]
    named = {HEADINGS[name]: table for name, table in tables(found).items()}
    return rendered(
        TEMPLATE,
        scenario=found.scenario,
        data={e.full_name: _data_of(e) for e in found.last.experiments},
        figures=shown,
        tables=named,
        best_fits={k: of.profile.best_fit.chi2 for k, of in found.sensitivities.items()},
        attrs=found.last.posterior.attrs,
    )


def _markdown(found: Forecast, figures: Mapping[str, Figure]) -> str:
    lines = [f"# {found.scenario.title}: forecast", "", found.scenario.reference, ""]
    for name, table in tables(found).items():
        lines += [f"## {HEADINGS[name]}", "", table.markdown()]
    for name in figures:
        lines += [f"![{CAPTIONS[name]}]({name}.png)", ""]
    lines += [
        "## Data",
        "",
        *(f"- `{e.full_name}`: {_data_of(e)}" for e in found.last.experiments),
        "",
    ]
    return "\n".join(lines)
