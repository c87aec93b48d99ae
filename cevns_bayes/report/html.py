"""Results and figures as files: a folder with one self-contained HTML report."""

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader

from cevns_bayes.bayesian.power_scaling import INSENSITIVE, THRESHOLD
from cevns_bayes.frequentist.best_fit import FitResult
from cevns_bayes.report import tables
from cevns_bayes.report.analysis import Analysis
from cevns_bayes.report.archive import write_archive
from cevns_bayes.report.curve_files import write_curves
from cevns_bayes.report.figures import SECTIONS, caption, draw, section_of
from cevns_bayes.report.folder import POSTERIOR_FILE, REPORT_FILE, write_posterior
from cevns_bayes.report.style import save

TEMPLATE = "report.html.j2"


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
    _write(folder / "fit.json", json.dumps(_fits(analysis), indent=2, allow_nan=False) + "\n")
    if analysis.profile is not None:
        _write(folder / "intervals.csv", tables.pieces(analysis).csv())
    write_curves(analysis, folder)
    with analysis.view.styled():
        figures = draw(analysis)
        for name, figure in figures.items():
            save(figure, folder / name)
    pictures = {name: (folder / f"{name}.png").read_bytes() for name in figures}
    _write(folder / REPORT_FILE, render(analysis, pictures))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _fits(analysis: Analysis) -> dict[str, Any]:
    """Strict JSON: null where there is no number."""
    units = tables.units_of(analysis.scenario, analysis.names)
    fits = {"best_fit": analysis.best_fit, "sm": analysis.standard_model}
    return {name: _words(fit) for name, fit in fits.items()} | {
        "units": units,
        "fixed": dict(analysis.fixed),
        "p_values": dict(analysis.p_values),
    }


def _words(fit: FitResult) -> dict[str, Any]:
    """All of a fit, with the errors of parameters that are at the end of their prior as words."""
    errors = {
        name: "at_limit" if of.remark else of.error if math.isfinite(of.error) else None
        for name in fit.sampled_errors
        for of in [tables.fitted_value(fit, name)]
    }
    return asdict(fit) | {"sampled_errors": errors}


def render(analysis: Analysis, pictures: Mapping[str, bytes]) -> str:
    """The report as HTML that needs no other file; every text in it is escaped.

    ``pictures`` are PNG by name.
    """
    return rendered(
        TEMPLATE,
        scenario=analysis.scenario,
        data=", ".join(e.reference or e.full_name for e in analysis.experiments),
        fixed=tables.held_values(analysis),
        convergence=analysis.convergence,
        attrs=analysis.posterior.attrs,
        best_fit=analysis.best_fit,
        comparable=analysis.comparable,
        figures=_by_section(pictures, analysis),
        analysis=analysis,
        version=version("cevns-bayes"),
        sources=tables.sources(analysis),
        noteworthy=THRESHOLD,
        insensitive=INSENSITIVE,
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
        "goodness_of_fit": tables.goodness_of_fit(analysis),
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


def _by_section(
    pictures: Mapping[str, bytes], analysis: Analysis
) -> dict[str, list[dict[str, Any]]]:
    """Figures by section of the report, numbered through."""
    sections: dict[str, list[dict[str, Any]]] = {name: [] for name in SECTIONS}
    ordered = sorted(pictures, key=lambda name: [*SECTIONS].index(section_of(name)))
    for number, name in enumerate(ordered, 1):
        sections[section_of(name)].append(
            {
                "name": name,
                "number": number,
                "png": encoded(pictures[name]),
                "caption": caption(name, analysis),
            }
        )
    return sections


def encoded(png: bytes) -> str:
    """A picture as it stands in HTML."""
    return base64.b64encode(png).decode("ascii")
