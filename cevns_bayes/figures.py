"""All figures of a report."""

import numpy as np
from matplotlib.figure import Figure

from cevns_bayes.analysis import Analysis, most_correlated, nuisances_of
from cevns_bayes.model import predict
from cevns_bayes.plots import plot_corner, plot_posterior, plot_spectra

GREATEST_CORNER = 10  # variables that a page can show

# By the first word of a figure's name.
CAPTIONS = {
    "posterior": "Marginal posteriors with highest-density intervals.",
    "spectra": "Data and expectation along each axis of the bins.",
    "corner": "Joint posterior of the parameters and the nuisances that depend on them most.",
}


def draw(analysis: Analysis) -> dict[str, Figure]:
    """File name -> Figure."""
    fitted = analysis.best_fit.values
    figures = {}
    if analysis.scenario.parameters_of_interest:
        figures["posterior"] = plot_posterior(
            analysis.posterior, analysis.scenario.title, analysis.parameters, fitted
        )
    figures |= _spectra(analysis)
    names = most_correlated(analysis, GREATEST_CORNER)
    figures["corner"] = plot_corner(analysis.posterior, names, _labels(analysis, names), fitted)
    return figures


def _spectra(analysis: Analysis) -> dict[str, Figure]:
    fitted = analysis.best_fit.values
    figures = {}
    for experiment in analysis.experiments:
        at = {
            name: fitted.get(experiment.qualified(name), fitted.get(name, np.nan))
            for name in analysis.scenario.parameter_names
        }
        nuisances = nuisances_of(experiment, analysis.best_fit.nuisances)
        best = predict(analysis.scenario, at, experiment, nuisances=nuisances, **analysis.options)
        standard_model = predict("sm", {}, experiment, **analysis.options)
        figures[f"spectra_{experiment.name}"] = plot_spectra(
            experiment, analysis.posterior, best, standard_model
        )
    return figures


def _labels(analysis: Analysis, names: list[str]) -> dict[str, str]:
    labels = {p.name: p.axis_label for p in analysis.parameters}
    for name in names:
        if name not in labels:
            experiment, _, word = name.rpartition("alpha_")
            word = word.replace("_", r"\_")
            several = len(analysis.experiments) > 1 and experiment
            upper = rf"^\mathrm{{{experiment.strip(':')}}}" if several else ""
            labels[name] = rf"$\alpha_\mathrm{{{word}}}{upper}$"
    return labels
