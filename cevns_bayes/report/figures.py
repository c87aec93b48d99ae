"""All figures of a report, with their captions."""

from matplotlib.figure import Figure

from cevns_bayes.bayesian.diagnostics import sampled_names
from cevns_bayes.report.analysis import Analysis, most_correlated
from cevns_bayes.report.expectations import BEST_FIT, STANDARD_MODEL
from cevns_bayes.report.plot_data import plot_predictive, plot_spectra
from cevns_bayes.report.plot_results import (
    plot_corner,
    plot_curves,
    plot_pareto_k,
    plot_prior_to_posterior,
    plot_region,
)

MAX_CORNER = 10  # variables that a page can show

# By the first word of a figure's name.
CAPTIONS = {
    "posterior": "Marginal posteriors with their HDI, and profile likelihoods on the right axis.",
    "region": "Credible regions (filled) and confidence regions (lines).",
    "spectra": "Data and expectation along each axis of the bins; stacked: the best fit.",
    "predictive": "Data and replicated data of the posterior.",
    "corner": "Joint posterior, at 68 and 90 %, of the parameters and the nuisances that depend on "
    "them most; lines: the best fit.",
    "prior": "What the data add to the priors.",
    "pareto": "Reliability of leave-one-out by bin.",
}


def caption(name: str, analysis: Analysis) -> str:
    """Words below a figure; published intervals are named only where there are any."""
    kind = name.split("_")[0]
    published = kind in ("posterior", "region") and analysis.bounds
    return CAPTIONS[kind] + (" Green: published intervals." if published else "")


def draw(analysis: Analysis) -> dict[str, Figure]:
    """File name -> Figure."""
    posterior, fitted = analysis.posterior, analysis.best_fit.values
    figures = _parameters(analysis) | _spectra(analysis)
    for experiment in analysis.experiments:
        figures[f"predictive_{experiment.name}"] = plot_predictive(experiment, posterior)
    names = most_correlated(analysis, MAX_CORNER)
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
    title = f"{analysis.scenario.title}, data: {data}"
    parameters = {parameter.name: parameter for parameter in analysis.parameters}
    posterior, profile, bounds = analysis.posterior, analysis.profile, analysis.bounds
    view = analysis.view
    one_by_one = plot_curves(
        *(posterior, profile, list(parameters.values()), bounds, title),
        levels=view.of_intervals,
        overlays=view.overlays,
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
            overlays=view.overlays,
        )
    return figures


def _spectra(analysis: Analysis) -> dict[str, Figure]:
    figures = {}
    for experiment in analysis.experiments:
        counts = analysis.expected[experiment.name]
        best, standard_model = (counts.sel(at=at) for at in (BEST_FIT, STANDARD_MODEL))
        figures[f"spectra_{experiment.name}"] = plot_spectra(
            experiment, analysis.posterior, best, standard_model
        )
    return figures


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
