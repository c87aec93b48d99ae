"""Results and figures as files: a folder with one self-contained HTML report."""

import base64
import json
from dataclasses import asdict
from html import escape
from io import BytesIO
from pathlib import Path

import numpy as np
import xarray as xr
from markdown_it import MarkdownIt
from matplotlib.figure import Figure

from cevns_bayes.analysis import Analysis
from cevns_bayes.datasets import Bound, published_chi2
from cevns_bayes.diagnostics import summary
from cevns_bayes.figures import CAPTIONS, draw
from cevns_bayes.priors import log10_name
from cevns_bayes.results import REPORT_FILE, write_posterior, write_profile

PROBABILITIES = (0.68, 0.90)
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; font-size: 0.9rem; display: block; overflow-x: auto; }
th, td { padding: 0.2rem 0.7rem; border-bottom: 1px solid #ddd; text-align: left; }
img { max-width: 100%; } code, pre { font-size: 0.85rem; overflow-wrap: anywhere; }
.good { color: #00664c; } .bad { color: #b00020; font-weight: bold; }
"""


def write_report(analysis: Analysis, folder: Path) -> None:
    """Write posterior, summary, fits, figures and report into an existing folder."""
    write_posterior(analysis.posterior, folder)
    table = summary(analysis.posterior).to_dataframe()
    table.to_csv(folder / "summary.csv", float_format="%.6g")
    fits = {"best_fit": asdict(analysis.best_fit), "sm": asdict(analysis.standard_model)}
    (folder / "fit.json").write_text(json.dumps(fits, indent=2) + "\n", encoding="utf-8")
    if analysis.profile is not None:
        write_profile(analysis.profile, folder)
    figures = draw(analysis)
    for name, figure in figures.items():
        figure.savefig(folder / f"{name}.pdf")
        figure.savefig(folder / f"{name}.png", dpi=150)
    (folder / REPORT_FILE).write_text(_html(analysis, figures), encoding="utf-8")


def _html(analysis: Analysis, figures: dict[str, Figure]) -> str:
    body = MarkdownIt("commonmark").enable("table").render(_markdown(analysis))
    pictures = "".join(_embedded(name, figure) for name, figure in figures.items())
    title = escape(analysis.scenario.title)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style></head>\n<body>{body}<h2>Figures</h2>{pictures}</body></html>\n"
    )


def _embedded(name: str, figure: Figure) -> str:
    picture = BytesIO()
    figure.savefig(picture, format="png", dpi=130)
    data = base64.b64encode(picture.getvalue()).decode("ascii")
    caption = escape(CAPTIONS[name.split("_")[0]])
    source = f"data:image/png;base64,{data}"
    return f'<figure><img alt="{name}" src="{source}"><figcaption>{caption}</figcaption></figure>\n'


def _markdown(analysis: Analysis) -> str:
    data = ", ".join(experiment.reference for experiment in analysis.experiments)
    sections = {
        "Convergence": _convergence,
        "Intervals": _intervals,
        "Best fit": _best_fit,
        "Comparison with the Standard Model": _comparison,
        "Sensitivity to the priors": _sensitivity,
        "All variables": _variables,
        "Model and settings": _settings,
    }
    of_parameters = (_intervals, _comparison, _sensitivity)  # not of the Standard Model
    title = f"# {analysis.scenario.title}"
    about = f"Scenario `{analysis.scenario.name}` ({analysis.scenario.reference}) on {data}."
    texts = [
        f"## {name}\n\n{text_of(analysis)}"
        for name, text_of in sections.items()
        if analysis.parameters or text_of not in of_parameters
    ]
    return "\n\n".join([title, about, *texts]) + "\n"


def _table(*rows: list[str]) -> str:
    """The first row is the header."""
    lines = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _convergence(analysis: Analysis) -> str:
    convergence, attrs = analysis.convergence, analysis.posterior.attrs
    numbers = (
        f"Sampler: {attrs['sampler']} ({attrs['sampler_reason']}). "
        f"Largest R-hat {convergence.r_hat:.4f}, smallest bulk ESS {convergence.ess_bulk:.0f}, "
        f"smallest tail ESS {convergence.ess_tail:.0f}, {convergence.divergences} divergences."
    )
    if "log_evidence" in attrs:
        error = attrs["log_evidence_error"]
        numbers += f" ln evidence {attrs['log_evidence']:.2f} ± {error:.2f}."
    if not convergence.problems:
        return f"**Converged.** {numbers}"
    problems = "; ".join(convergence.problems)
    return f"**NOT CONVERGED: do not use these numbers.** {problems}.\n\n{numbers}"


def _intervals(analysis: Analysis) -> str:
    """Bayesian, frequentist, published, of the parameters of interest."""
    rows = [["parameter", "level", "credible (HDI)", "confidence (profile)", "published"]]
    assert analysis.profile is not None
    for parameter in analysis.parameters:
        name = parameter.name
        bounds = [b for b in analysis.bounds if name in (b.parameter, log10_name(b.parameter))]
        curve = analysis.profile.curves[name]
        for probability in PROBABILITIES:
            rows.append(
                [
                    f"`{name}`" + (f" [{parameter.unit}]" if parameter.unit else ""),
                    f"{probability:.0%}",
                    _union(analysis.credible(name, probability)),
                    _union(curve.intervals(probability)),
                    "; ".join(_published(b) for b in bounds if _is_of_level(b, probability)) or "—",
                ]
            )
    note = (
        "HDI: highest-density intervals, which depend on the prior. Profile: Wilks' theorem. "
        "Intervals that reach an end of the prior are open there."
    )
    return _table(*rows) + f"\n\n{note}"


def _union(intervals: list[tuple[float, float]]) -> str:
    return " ∪ ".join(f"[{low:.4g}, {high:.4g}]" for low, high in intervals)


def _is_of_level(bound: Bound, probability: float) -> bool:
    return abs(bound.level - probability) < 0.01


def _published(bound: Bound) -> str:
    return f"[{bound.low:.4g}, {bound.high:.4g}] ({bound.source})".replace("|", "/")


def _best_fit(analysis: Analysis) -> str:
    data = "+".join(experiment.name for experiment in analysis.experiments)
    fits = {analysis.standard_model.scenario: analysis.standard_model}
    rows = [["fit", "χ²", "degrees of freedom", "published χ²"]]
    for name, result in (fits | {analysis.scenario.name: analysis.best_fit}).items():
        published = published_chi2(name, data) if _as_published(analysis) else None
        rows.append([f"`{name}`", f"{result.chi2:.2f}", str(result.dof), str(published or "—")])
    text = _table(*rows)
    if analysis.best_fit.params:
        found = ", ".join(f"`{k}` = {v:.4g}" for k, v in analysis.best_fit.params.items())
        text += f"\n\nMinimum at {found}."
    if analysis.best_fit.at_limit:
        text += f" At the end of its prior: {', '.join(analysis.best_fit.at_limit)}."
    return text + ("" if analysis.best_fit.valid else "\n\n**The minimiser did not converge.**")


def _as_published(analysis: Analysis) -> bool:
    """Whether chi^2 is that of the published analysis, and may be compared with its."""
    names = [experiment.name for experiment in analysis.experiments]
    return (
        ("lar" not in names or analysis.options.get("lar_statistic") == "gaussian")
        and (len(names) == 1 or not analysis.options.get("share_flux", True))
        and not analysis.options.get("binning")
    )


def _comparison(analysis: Analysis) -> str:
    """Improvement of chi^2, predictive criteria, evidence."""
    assert analysis.comparison is not None
    table = analysis.comparison
    sm, own = (table.sel(model=name) for name in ("sm", analysis.scenario.name))
    by_bin = own["loo"] - sm["loo"]
    error = float((by_bin.size * by_bin.var()) ** 0.5)
    rows = [
        ["criterion", "scenario less Standard Model", "remark"],
        [
            "χ² at the minimum",
            f"{analysis.best_fit.chi2 - analysis.standard_model.chi2:.2f}",
            f"{len(analysis.best_fit.params)} more parameters",
        ],
        [
            "LOO, expected log predictive density",
            f"{float(by_bin.sum()):.2f} ± {error:.2f}",
            f"{int(own['unreliable_loo'])} bins with Pareto k above 0.7",
        ],
        [
            "WAIC",
            f"{float(own['elpd_waic'] - sm['elpd_waic']):.2f}",
            f"{int(own['unreliable_waic'])} bins of too large variance",
        ],
    ]
    factor = float(own["log_evidence"] - sm["log_evidence"])
    if np.isfinite(factor):
        spread = float(np.hypot(own["log_evidence_error"], sm["log_evidence_error"]))
        remark = "ln of the Bayes factor, for the widths of these priors"
        rows.append(["log-evidence", f"{factor:.2f} ± {spread:.2f}", remark])
    return _table(*rows) + "\n\nPositive LOO, WAIC and log-evidence speak for the scenario."


def _sensitivity(analysis: Analysis) -> str:
    """Linear against log priors of couplings; power scaling."""
    assert analysis.sensitivity is not None
    assert analysis.scaling is not None
    return "\n\n".join([_linear_and_log(analysis.sensitivity), _power_scaling(analysis.scaling)])


def _linear_and_log(table: xr.Dataset) -> str:
    left_out = json.loads(table.attrs["left_out"])
    remarks = [f"`{name}`: no log prior, {why}." for name, why in left_out.items()]
    if not table.sizes.get("parameter"):
        return "\n\n".join(remarks) or "No couplings."
    percent = f"{table.attrs['probability']:.0%}"
    rows = [["coupling", "prior", f"{percent} upper limit", f"{percent} HDI", "how"]]
    for name in table["parameter"].to_numpy():
        for prior in table["prior"].to_numpy():
            row = table.sel(parameter=name, prior=prior)
            rows.append(
                [
                    f"`{name}`",
                    str(row["distribution"].item()),
                    f"{row['upper_limit'].item():.3g} ± {row['upper_limit_error'].item():.1g}",
                    f"[{row['hdi_low'].item():.3g}, {row['hdi_high'].item():.3g}]",
                    str(row["method"].item()),
                ]
            )
    return "\n\n".join([_table(*rows), *remarks])


def _power_scaling(table: xr.Dataset) -> str:
    rows = [["parameter", "to the priors", "of nuisances", "to the likelihood", "diagnosis"]]
    for name in table["variable"].to_numpy():
        row = table.sel(variable=name)
        numbers = [f"{row[k].item():.3f}" for k in ("prior", "of_nuisances", "likelihood")]
        rows.append([f"`{name}`", *numbers, str(row["diagnosis"].item())])
    note = (
        "Power-scaling sensitivity (arXiv:2107.14054), of note above 0.05; flat priors have none:"
    )
    return f"{note}\n\n{_table(*rows)}"


def _variables(analysis: Analysis) -> str:
    table, fitted = summary(analysis.posterior), analysis.best_fit
    rows = [["variable", "mean", "sd", "90 % equal-tailed", "best fit", "ESS", "R-hat"]]
    for name in map(str, table["variable"].to_numpy()):
        row = {key: float(value) for key, value in table.sel(variable=name).items()}
        rows.append(
            [
                f"`{name}`",
                f"{row['mean']:.4g}",
                f"{row['sd']:.3g}",
                f"[{row['eti90_low']:.4g}, {row['eti90_high']:.4g}]",
                f"{fitted.values[name]:.4g} ± {fitted.errors[name]:.2g}",
                f"{row['ess_bulk']:.0f}",
                f"{row['r_hat']:.4f}",
            ]
        )
    note = "Parabolic errors of the fit; at a limit they mean nothing."
    return _table(*rows) + f"\n\n{note}"


def _settings(analysis: Analysis) -> str:
    attrs = dict(analysis.posterior.attrs)
    priors = attrs.pop("priors")
    lines = "\n".join(f"- {key}: `{value}`" for key, value in attrs.items())
    return f"```\n{priors}\n```\n\n{lines}"
