"""Every table, built once; `rows` gives its cells as text for the terminal, HTML and Markdown.

Cells hold numbers, text, missing values (None or NaN), lists of intervals, alone or by name, or an
:class:`Estimate`.
"""

import csv
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from scipy import stats

from cevns_bayes.bayesian.comparison import error_of_sum
from cevns_bayes.bayesian.diagnostics import MAX_PARETO_K
from cevns_bayes.errors import counted
from cevns_bayes.frequentist.best_fit import FitResult
from cevns_bayes.frequentist.profile import LEVELS, Profile
from cevns_bayes.published import data_set, published_chi2
from cevns_bayes.report.analysis import Analysis
from cevns_bayes.report.style import percent
from cevns_bayes.scenarios.scenario import Scenario

SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
CLOSE = 0.01  # between a published level and ours: 0.683 is 68 %


AT_LIMIT = "at the end of its prior"


class Estimate(NamedTuple):
    """A value with its error; ``remark`` stands in the place of an error that means nothing."""

    value: float
    error: float
    remark: str = ""


class Column(NamedTuple):
    """Title for readers, format of numbers, and key in a CSV file, the title unless given."""

    title: str
    spec: str = ""
    csv: str = ""


@dataclass(frozen=True)
class Table:
    """Columns and rows; ``named`` tells that the first column holds names of variables or so."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    named: bool = True

    @property
    def titles(self) -> list[str]:
        """Titles of the columns."""
        return [column.title for column in self.columns]

    def cells(self, interval: str = "[{}, {}]") -> list[list[str]]:
        """Rows as text, with intervals spelt like this."""
        return [
            [_text(value, c.spec, interval) for value, c in zip(row, self.columns, strict=True)]
            for row in self.rows
        ]

    def csv(self) -> str:
        """The table as CSV: fixed decimals as shown, everything else to six digits.

        An estimate fills two columns, its value and its error.
        """
        file = io.StringIO()
        columns: dict[str, list[Any]] = {}
        for i, column in enumerate(self.columns):
            values = [row[i] for row in self.rows]
            key = column.csv or column.title
            spec = column.spec if column.spec.endswith("f") else ".6g"
            estimates = any(isinstance(value, Estimate) for value in values)
            parts = [(key, 0), (f"{key}_error", 1)] if estimates else [(key, None)]
            for name, part in parts:
                of = values if part is None else [value[part] for value in values]
                columns[name] = ["" if _is_missing(v) else _text(v, spec, "[{}, {}]") for v in of]
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
        return file.getvalue()

    def markdown(self) -> str:
        """The table in Markdown."""
        lines = [self.titles, ["---"] * len(self.columns), *self.cells()]
        return "".join(f"| {' | '.join(c.replace('|', '/') for c in line)} |\n" for line in lines)


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _text(value: Any, spec: str, interval: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "; ".join(f"{name} {_text(of, spec, interval)}" for name, of in value.items())
    if isinstance(value, list):
        ends = [interval.format(format(low, spec), format(high, spec)) for low, high in value]
        return " ∪ ".join(ends)
    if isinstance(value, Estimate):
        remark = f" ({value.remark})" if value.remark else _error(value.error, spec)
        return f"{value.value:{spec}}{remark}" if np.isfinite(value.value) else "—"
    if _is_missing(value):
        return "—"
    return format(round(value, 2) + 0.0 if spec == ".2f" else value, spec)  # no -0.00


def _error(error: float, spec: str) -> str:
    """With the digits of the value, or as many as show more than zeros."""
    if not np.isfinite(error):
        return ""
    shown = format(error, spec)
    return f" ± {shown if error == 0 or float(shown) else format(error, '.1g')}"


def units_of(scenario: Scenario, experiments: Sequence[str]) -> dict[str, str]:
    """Unit of each parameter of interest that has one, and of its logarithm."""
    units = {}
    for parameter in scenario.on(experiments).parameters_of_interest:
        if parameter.unit:
            units[parameter.name] = parameter.unit
            units[parameter.logarithm.name] = f"log10 {parameter.unit}"
    return units


def with_unit(name: str, units: Mapping[str, str]) -> str:
    """``"r_n [fm]"``."""
    return f"{name} [{units[name]}]" if units.get(name) else name


def held_values(analysis: Analysis) -> str:
    """Variables that were held, ``"r_n [fm] = 5, csi::alpha_flux = 0.1"``; empty without any."""
    units = units_of(analysis.scenario, analysis.names)
    return ", ".join(f"{with_unit(name, units)} = {x:.8g}" for name, x in analysis.fixed.items())


def fitted_value(fit: FitResult, name: str) -> Estimate:
    """Best-fit value with its parabolic error, which means nothing at an end of the prior."""
    value, error = fit.values.get(name, math.nan), fit.errors.get(name, math.nan)
    at_limit = name.replace("log10_", "") in {n.replace("log10_", "") for n in fit.at_limit}
    return Estimate(value, error, AT_LIMIT if at_limit else "")


def variables(analysis: Analysis) -> Table:
    """Posterior and best fit of every variable; HDI of parameters of interest may be disjoint."""
    levels = analysis.view.of_intervals
    columns = [
        *(Column("variable"), Column("unit"), Column("mean", ".4g"), Column("sd", ".2g")),
        *(Column(f"{percent(p)} HDI", ".3g", f"hdi{100 * p:.4g}") for p in levels),
        Column("90% equal-tailed", ".3g", "eti90"),
        Column("best fit", ".3g", "best_fit"),
        *(Column("ESS", ".0f", "ess_bulk"), Column("tail ESS", ".0f", "ess_tail")),
        Column("R-hat", ".4f", "r_hat"),
    ]
    rows, units = [], units_of(analysis.scenario, analysis.names)
    for name in analysis.summary["variable"].to_numpy().astype(str):
        of = {k: float(v) for k, v in analysis.summary.sel(variable=name).items()}
        hdi = [analysis.credible(name, probability) for probability in levels]
        best = fitted_value(analysis.best_fit, name)
        eti = [(of["eti90_low"], of["eti90_high"])]
        numbers = (of["ess_bulk"], of["ess_tail"], of["r_hat"])
        rows.append([name, units.get(name, ""), of["mean"], of["sd"], *hdi, eti, best, *numbers])
    return Table(columns, rows)


def intervals(analysis: Analysis) -> Table:
    """Credible, confidence and published intervals of the parameters of interest, side by side."""
    kinds: dict[str, Callable[[str, float], Any]] = {
        "credible (HDI)": analysis.credible,
        "confidence (profile)": analysis.confidence,
        **(
            {"confidence (Feldman-Cousins)": analysis.by_toys}
            if analysis.view.toys.intervals
            else {}
        ),
        **({"published": partial(_published, analysis)} if analysis.bounds else {}),
    }
    columns = [Column("parameter"), Column("level"), *(Column(kind, ".4g") for kind in kinds)]
    units = units_of(analysis.scenario, analysis.names)
    rows = [
        [
            with_unit(name, units),
            percent(level),
            *(of(name, level) or None for of in kinds.values()),
        ]
        for name in analysis.parameter_names
        for level in analysis.view.of_intervals
    ]
    return Table(columns, rows)


def sources(analysis: Analysis) -> list[str]:
    """Sources of the published intervals, in the order of their footnotes."""
    return list(dict.fromkeys(bound.source for bound in analysis.bounds))


def _published(analysis: Analysis, name: str, level: float) -> str:
    """With the numbers of footnotes."""
    notes = sources(analysis)
    return "; ".join(
        f"[{b.low:.4g}, {b.high:.4g}]{str(1 + notes.index(b.source)).translate(SUPERSCRIPT)}"
        for b in analysis.bounds
        if b.is_of(name) and abs(b.level - level) < CLOSE
    )


def pieces(analysis: Analysis) -> Table:
    """The intervals again, one connected piece in a row, to be read by programs."""
    units = units_of(analysis.scenario, analysis.names)
    kinds = {"credible": analysis.credible, "confidence": analysis.confidence}
    if analysis.view.toys.intervals:
        kinds["feldman-cousins"] = analysis.by_toys
    columns = [Column(title) for title in ("parameter", "unit", "level", "kind", "low", "high")]
    rows = [
        [name, units.get(name, ""), level, kind, low, high]
        for name in analysis.parameter_names
        for level in analysis.view.of_intervals
        for kind, of in kinds.items()
        for low, high in of(name, level)
    ]
    return Table(columns, rows)


def profile_intervals(
    profile: Profile, units: Mapping[str, str], levels: Sequence[float] = ()
) -> Table:
    """Confidence intervals of each parameter, at the usual levels unless given."""
    levels = levels or LEVELS
    columns = [Column(f"{100 * level:.4g}% confidence", ".4g") for level in levels]
    rows = [
        [with_unit(name, units), *(profile.limits(name, level) for level in levels)]
        for name in profile.curves
    ]
    return Table([Column("profile"), *columns], rows)


def best_fits(analysis: Analysis) -> Table:
    """Minima of chi^2 of the Standard Model and the scenario."""
    data = data_set(analysis.experiments)
    columns = [Column("fit"), Column("χ²", ".2f"), Column("degrees of freedom")]
    columns += [Column("published χ²")] if analysis.comparable else []
    fits = {analysis.standard_model.scenario: analysis.standard_model}
    rows = [
        [name, fit.chi2, fit.dof, published_chi2(name, data)][: len(columns)]
        for name, fit in (fits | {analysis.scenario.name: analysis.best_fit}).items()
    ]
    return Table(columns, rows)


def goodness_of_fit(analysis: Analysis) -> Table:
    """p-values of the data: of chi^2 at the best fit, and posterior predictive ones."""
    best = analysis.best_fit
    columns = [Column("test"), Column("p-value", ".2g"), Column("remark")]
    of_chi2 = float(stats.chi2.sf(best.chi2, best.dof))
    rows: list[list[Any]] = [
        ["χ² at the best fit", of_chi2, "approximate where bins hold few events"]
    ]
    rows += [
        [f"posterior predictive, {name}", p, "how often replicated data are farther from the model"]
        for name, p in analysis.p_values.items()
    ]
    return Table(columns, rows, named=False)


def best_fit_variables(fit: FitResult, units: Mapping[str, str]) -> Table:
    """Parameters and nuisances at the minimum of chi^2."""
    columns = [Column("variable"), Column("best fit", ".5g"), Column("error", ".3g")]
    rows: list[list[Any]] = []
    for name, value in {**fit.params, **fit.nuisances}.items():
        of = fitted_value(fit, name)
        rows.append([with_unit(name, units), value, of.remark or of.error])
    return Table(columns, rows)


def expected_events(counts: xr.Dataset) -> Table:
    """Events of each component of a prediction."""
    rows = [[str(name), float(values.sum())] for name, values in counts.data_vars.items()]
    return Table([Column("component"), Column("expected events", ".2f")], rows)


def loo_difference(analysis: Analysis) -> Estimate:
    """Expected log predictive density less that of the Standard Model, from the scatter of bins."""
    if analysis.comparison is None:
        return Estimate(math.nan, math.nan)
    sm, own = (analysis.comparison.sel(model=name) for name in ("sm", analysis.scenario.name))
    by_bin = own["loo"] - sm["loo"]
    return Estimate(float(by_bin.sum(skipna=False)), float(error_of_sum(by_bin)))


def against_standard_model(analysis: Analysis) -> Table:
    """Improvement of chi^2, predictive criteria, evidence."""
    columns = [Column(t) for t in ("criterion", "scenario less Standard Model", "remark")]
    if analysis.comparison is None:
        return Table(columns, [])
    sm, own = (analysis.comparison.sel(model=name) for name in ("sm", analysis.scenario.name))
    waic = float(own["elpd_waic"] - sm["elpd_waic"])
    evidence = Estimate(
        float(own["log_evidence"] - sm["log_evidence"]),
        float(np.hypot(own["log_evidence_error"], sm["log_evidence_error"])),
    )
    more = counted(len(analysis.best_fit.params), "more parameter")
    loo = loo_difference(analysis)
    large_k = f"{counted(int(own['unreliable_loo']), 'bin')} with Pareto k above {MAX_PARETO_K}"
    variance = f"{counted(int(own['unreliable_waic']), 'bin')} of too large variance"
    bayes = "ln of the Bayes factor, for the widths of these priors"
    improvement = analysis.best_fit.chi2 - analysis.standard_model.chi2
    rows: list[list[Any]] = [
        ["χ² at the minimum", improvement, more],
        [
            "LOO, expected log predictive density",
            loo,
            large_k if np.isfinite(loo.value) else "too few draws",
        ],
        ["WAIC", waic, variance],
        ["log-evidence", evidence, bayes],
    ]
    shown = rows if np.isfinite(evidence.value) else rows[:-1]
    return Table([columns[0], Column(columns[1].title, ".2f"), columns[2]], shown, named=False)


def linear_and_log(sensitivity: xr.Dataset, units: Mapping[str, str]) -> Table:
    """Limits on couplings under linear and log priors."""
    percent = f"{sensitivity.attrs['probability']:.0%}"
    columns = [Column(t) for t in ("coupling", "prior")]
    columns += [Column(f"{percent} upper limit", ".3g"), Column(f"{percent} HDI", ".3g")]
    rows = []
    for name in sensitivity["parameter"].to_numpy() if sensitivity.sizes.get("parameter") else ():
        for prior in sensitivity["prior"].to_numpy():
            row = {k: v.item() for k, v in sensitivity.sel(parameter=name, prior=prior).items()}
            limit = Estimate(row["upper_limit"], row["upper_limit_error"])
            hdi = [(row["hdi_low"], row["hdi_high"])]
            how = row["method"]
            if row["problems"]:
                how += f", NOT CONVERGED: {row['problems']}"
            rows.append([with_unit(str(name), units), row["distribution"], limit, hdi, how])
    return Table([*columns, Column("how")], rows)


def without_log_prior(sensitivity: xr.Dataset) -> dict[str, str]:
    """Parameter -> why it has no log prior."""
    return json.loads(sensitivity.attrs["left_out"])


def power_scaling(scaling: xr.Dataset) -> Table:
    """Sensitivity of the parameters to priors and likelihood."""
    keys = {"to the priors": "prior", "of nuisances": "of_nuisances"}
    keys |= {"to the likelihood": "likelihood"}
    rows = [
        [name, *(row[k].item() for k in keys.values()), str(row["diagnosis"].item())]
        for name in scaling["variable"].to_numpy().astype(str)
        for row in [scaling.sel(variable=name)]
    ]
    numbers = [Column(title, ".3f") for title in keys]
    return Table([Column("parameter"), *numbers, Column("diagnosis")], rows)
