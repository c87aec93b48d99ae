"""Results and figures as files: a folder with one self-contained HTML report."""

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader
from matplotlib.figure import Figure

from cevns_bayes.bayesian.power_scaling import THRESHOLD
from cevns_bayes.published import is_as_published
from cevns_bayes.report import tables
from cevns_bayes.report.analysis import Analysis
from cevns_bayes.report.archive import write_archive
from cevns_bayes.report.curve_files import write_curves
from cevns_bayes.report.figures import caption, draw
from cevns_bayes.report.folder import POSTERIOR_FILE, REPORT_FILE, write_posterior

TEMPLATE = "report.html.j2"
DPI_OF_FILES, DPI_OF_REPORT = 150, 130


def write_report(analysis: Analysis, folder: str | Path) -> None:
    """Write posterior, analysis, tables, fits, figures and report into an existing folder.

    The posterior, which took longest to make, is written first, unless it is there already.
    ``cb.load_analysis`` reads the folder again.

    Examples
    --------
    >>> analysis = cb.analyse("sm", data=["csi"])  # doctest: +SKIP
    >>> cb.write_report(analysis, "results")  # doctest: +SKIP
    """
    folder = Path(folder)
    if not (folder / POSTERIOR_FILE).exists():
        write_posterior(analysis.posterior, folder)
    write_archive(analysis, folder)
    write_views(analysis, folder)


def write_views(analysis: Analysis, folder: Path) -> None:
    """All that the view of an analysis changes: tables, curves, figures, report."""
    _write(folder / "summary.csv", tables.variables(analysis).csv())
    _write(folder / "fit.json", json.dumps(_fits(analysis), indent=2) + "\n")
    if analysis.profile is not None:
        _write(folder / "intervals.csv", tables.pieces(analysis).csv())
    write_curves(analysis, folder)
    with analysis.view.styled():
        figures = draw(analysis)
        for name, figure in figures.items():
            figure.savefig(folder / f"{name}.pdf")
            figure.savefig(folder / f"{name}.png", dpi=DPI_OF_FILES)
        _write(folder / REPORT_FILE, render(analysis, figures))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _fits(analysis: Analysis) -> dict[str, Any]:
    units = tables.units_of(analysis.scenario, analysis.names)
    fits = {"best_fit": asdict(analysis.best_fit), "sm": asdict(analysis.standard_model)}
    return fits | {"units": units, "fixed": dict(analysis.fixed)}


def render(analysis: Analysis, figures: Mapping[str, Figure]) -> str:
    """The report as HTML that needs no other file; every text in it is escaped."""
    return rendered(
        TEMPLATE,
        scenario=analysis.scenario,
        data=", ".join(e.reference or e.full_name for e in analysis.experiments),
        fixed=tables.held_values(analysis),
        convergence=analysis.convergence,
        attrs=analysis.posterior.attrs,
        best_fit=analysis.best_fit,
        comparable=is_as_published(analysis.experiments, analysis.options),
        figures=[_embedded(name, figure, analysis) for name, figure in figures.items()],
        noteworthy=THRESHOLD,
        **_tables(analysis),
    )


def rendered(template: str, **values: Any) -> str:
    """A template of this room, filled in."""
    environment = Environment(
        loader=PackageLoader("cevns_bayes.report", ""),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)


def _tables(analysis: Analysis) -> dict[str, Any]:
    """Tables by their names in the template; without parameters of interest, some are left out."""
    found: dict[str, Any] = {
        "best_fits": tables.best_fits(analysis),
        "variables": tables.variables(analysis),
    }
    if analysis.profile is not None:
        found["intervals"] = tables.intervals(analysis)
    if analysis.comparison is not None:
        found["against_standard_model"] = tables.against_standard_model(analysis)
    if analysis.sensitivity is not None and analysis.scaling is not None:
        units = tables.units_of(analysis.scenario, analysis.names)
        found["linear_and_log"] = tables.linear_and_log(analysis.sensitivity, units)
        found["without_log_prior"] = tables.without_log_prior(analysis.sensitivity)
        found["power_scaling"] = tables.power_scaling(analysis.scaling)
    return found


def _embedded(name: str, figure: Figure, analysis: Analysis) -> dict[str, str]:
    picture = BytesIO()
    figure.savefig(picture, format="png", dpi=DPI_OF_REPORT)
    png = base64.b64encode(picture.getvalue()).decode("ascii")
    return {"name": name, "png": png, "caption": caption(name, analysis)}
