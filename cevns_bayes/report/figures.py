"""All figures of a report, with their captions."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from cevns_bayes.bayesian.diagnostics import sampled_names
from cevns_bayes.experiments.experiment import Experiment
from cevns_bayes.report.analysis import Analysis
from cevns_bayes.report.expectations import BEST_FIT, STANDARD_MODEL
from cevns_bayes.report.plot_data import plot_predictive, plot_spectra
from cevns_bayes.report.plot_draws import plot_corner, plot_pareto_k, plot_prior_to_posterior
from cevns_bayes.report.plot_pulls import plot_pulls, ranked
from cevns_bayes.report.plot_results import plot_curves, plot_region
from cevns_bayes.report.record import Recorded, data_word
from cevns_bayes.report.style import percent

MAX_CORNER = 6  # variables that a page can show

# By the first word of a figure's name, in the order of the report.
SECTIONS = {
    "result": ("posterior", "region"),
    "data": ("spectra", "predictive"),
    "nuisances": ("pulls", "corner"),
    "diagnostics": ("prior", "pareto"),
}
CAPTIONS = {
    "posterior": "Marginal posteriors with their HDI, and profile likelihoods on the right axis, "
    "where any other level can be read off; the star is the best fit.",
    "region": "Credible regions (filled) and confidence regions (lines).",
    "spectra": "{data} and expectation along each axis of the bins; stacked: the best fit; at the "
    "bottom: data less best fit, in units of the error bars, which are what data scatter around "
    "their expectation.",
    "predictive": "{data} and replicated data of the posterior.",
    "corner": "Joint posterior of the parameters and the nuisances of most impact on them at the "
    "best fit, which the lines mark. Filled: HDI regions of {levels}.",
    "pulls": "Left: nuisances at the best fit, in units of the widths of their priors; those "
    "without a Gaussian prior have no point. Right: by how much the best fit of a parameter moves "
    "when a nuisance is held one error away from its best fit, everything else fitted again; a "
    "parameter that stays at the end of its prior has no panel. Those of most impact are shown.",
    "prior": "What the data add to the priors.",
    "pareto": "Reliability of leave-one-out by bin.",
}


def section_of(name: str) -> str:
    """The section of the report in which a figure stands."""
    return next(section for section, kinds in SECTIONS.items() if name.split("_")[0] in kinds)


def caption(name: str, analysis: Analysis) -> str:
    """Words below a figure; published intervals are named only where there are any."""
    kind, _, of = name.partition("_")
    shown = [e for e in analysis.experiments if e.name == of] or analysis.experiments
    data = _data_words(shown)
    levels = ", ".join(map(percent, analysis.view.of_intervals))
    words = [CAPTIONS[kind].format(data=f"{data[0].upper()}{data[1:]}", levels=levels)]
    if kind == "spectra" and of in analysis.p_values:
        words += ["The p-value is of the deviance of all bins."]
    if kind in SECTIONS["result"]:
        toys = analysis.view.toys
        by_toys = toys.intervals if kind == "posterior" else toys.contours
        words += ["Green: published intervals."] if analysis.bounds else []
        words += ["Purple: Feldman-Cousins."] if by_toys else []
        words += [f"Drawn over it: {overlay.label}." for overlay in analysis.view.overlays]
    return " ".join(words)


def _data_words(experiments: Sequence[Experiment | Recorded]) -> str:
    """``"data and Asimov data"``."""
    return " and ".join(dict.fromkeys(data_word(experiment) for experiment in experiments))


def draw(analysis: Analysis) -> dict[str, Figure]:
    """File name -> Figure."""
    posterior, fitted = analysis.posterior, analysis.best_fit.values
    figures = _parameters(analysis) | _spectra(analysis)
    for experiment in analysis.experiments:
        figures[f"predictive_{experiment.name}"] = plot_predictive(experiment, posterior)
    if analysis.impacts is not None and analysis.impacts.sizes["nuisance"]:
        nuisances = list(map(str, analysis.impacts["nuisance"].to_numpy()))
        figures["pulls"] = plot_pulls(
            analysis.impacts, analysis.parameters, _labels(analysis, nuisances)
        )
    names = shown_together(analysis, MAX_CORNER)
    if len(names) > 1:
        figures["corner"] = plot_corner(
            *(posterior, names, _labels(analysis, names), fitted), levels=analysis.view.of_intervals
        )
    variables = sampled_names(posterior)
    figures["prior_to_posterior"] = plot_prior_to_posterior(posterior, _labels(analysis, variables))
    if analysis.comparison is not None:
        figures["pareto_k"] = plot_pareto_k(analysis.comparison)
    return figures


def _parameters(analysis: Analysis) -> dict[str, Figure]:
    """Figures of the parameters of interest, one by one and in pairs."""
    if analysis.profile is None:
        return {}
    data = ", ".join(experiment.full_name for experiment in analysis.experiments)
    title = f"{analysis.scenario.title}, {_data_words(analysis.experiments)}: {data}"
    parameters = {parameter.name: parameter for parameter in analysis.parameters}
    posterior, profile, bounds = analysis.posterior, analysis.profile, analysis.bounds
    view = analysis.view
    one_by_one = plot_curves(
        *(posterior, profile, list(parameters.values()), bounds, title),
        levels=view.of_intervals,
        overlays=view.overlays,
        toys=view.toys,
    )
    figures = {"posterior": one_by_one}
    for x, y in analysis.profile.surfaces:
        figures[f"region_{x}_{y}".replace("::", "_")] = plot_region(
            posterior,
            profile,
            (parameters[x], parameters[y]),
            bounds,
            title,
            analysis.limit_curves,
            levels=view.of_regions,
            overlays=[*view.overlays, *view.toys.contours],
        )
    return figures


def _spectra(analysis: Analysis) -> dict[str, Figure]:
    figures = {}
    for experiment in analysis.experiments:
        counts = analysis.expected[experiment.name]
        best, standard_model = (counts.sel(at=at) for at in (BEST_FIT, STANDARD_MODEL))
        p_value = analysis.p_values.get(experiment.name)
        remark = "" if p_value is None else f"posterior predictive p-value {p_value:.2g}"
        figures[f"spectra_{experiment.name}"] = plot_spectra(
            experiment, analysis.posterior, best, standard_model, remark
        )
    return figures


def shown_together(analysis: Analysis, count: int) -> list[str]:
    """Parameters of interest, and the nuisances of most impact on them, in their own order."""
    names = sampled_names(analysis.posterior)
    first = len(analysis.parameters)
    ranking = names[first:] if analysis.impacts is None else ranked(analysis.impacts)
    chosen = {*names[:first], *ranking[: max(count - first, 0)]}
    return [name for name in names if name in chosen]


def _labels(analysis: Analysis, names: list[str]) -> dict[str, str]:
    labels = {p.name: p.axis_label for p in analysis.parameters} | {**analysis.view.labels}
    for name in names:
        if name not in labels:
            experiment, _, word = name.rpartition("alpha_")
            word = word.replace("_", r"\_")
            several = len(analysis.experiments) > 1 and experiment
            upper = rf"^\mathrm{{{experiment.strip(':')}}}" if several else ""
            labels[name] = rf"$\alpha_\mathrm{{{word}}}{upper}$"
    return labels
