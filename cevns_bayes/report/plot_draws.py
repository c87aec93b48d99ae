"""Figures of draws and of bins: corner, priors, Pareto k; none saves or shows."""

from collections.abc import Mapping, Sequence

import corner
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from cevns_bayes.bayesian.diagnostics import MAX_PARETO_K
from cevns_bayes.errors import counted
from cevns_bayes.report.style import BLUE, GREY, ORANGE, legend
from cevns_bayes.report.view import INTERVAL_LEVELS

COLUMNS = 4
SMOOTHING = 1.0  # bins of a corner plot
BINS_OF_PRIOR = 40


def plot_corner(
    posterior: xr.DataTree,
    names: list[str],
    labels: Mapping[str, str],
    best_fit: Mapping[str, float],
    *,
    levels: Sequence[float] = INTERVAL_LEVELS,
) -> Figure:
    """Joint posterior of sampled variables, with HDI regions; lines mark the chi^2 minimum.

    Examples
    --------
    >>> names = {"sin2_theta_w": "$s^2$", "csi::alpha_flux": "flux"}  # doctest: +SKIP
    >>> figure = cb.plot_corner(posterior, list(names), names, fit.values)  # doctest: +SKIP
    """
    group = posterior["posterior"].to_dataset()
    draws = np.column_stack([group[name].to_numpy().ravel() for name in names])
    size = 1.7 * len(names)
    figure = Figure(figsize=(size, size))
    corner.corner(
        draws,
        fig=figure,
        labels=[labels[name] for name in names],
        truths=[best_fit[name] for name in names],
        truth_color=ORANGE,
        color=BLUE,
        levels=sorted(levels),
        plot_datapoints=False,
        plot_density=False,
        fill_contours=True,
        smooth=SMOOTHING,
        label_kwargs={"fontsize": 11},
        max_n_ticks=3,
    )
    return figure


def plot_prior_to_posterior(posterior: xr.DataTree, labels: Mapping[str, str]) -> Figure:
    """Histograms of prior and posterior draws of every variable in ``labels``, name -> label.

    Examples
    --------
    >>> labels = {"csi::alpha_flux": "flux"}  # doctest: +SKIP
    >>> figure = cb.plot_prior_to_posterior(posterior, labels)  # doctest: +SKIP
    """
    rows = -(-len(labels) // COLUMNS)
    figure = Figure(figsize=(2.6 * COLUMNS, 2.1 * rows + 0.6), layout="constrained")
    panels = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for panel, (name, label) in zip(panels, labels.items(), strict=False):
        for group, style in (("prior", {"color": GREY}), ("posterior", {"color": BLUE})):
            draws = posterior[group][name].to_numpy().ravel()
            filled = {"histtype": "stepfilled", "alpha": 0.5, "label": group}
            panel.hist(draws, BINS_OF_PRIOR, density=True, **filled, **style)
        panel.set(xlabel=label, yticks=[])
    for panel in panels[len(labels) :]:
        panel.set_visible(False)
    legend(figure)
    return figure


def plot_pareto_k(comparison: xr.Dataset) -> Figure:
    """Pareto k of each bin, by model; ``comparison`` is of :func:`cevns_bayes.compare`.

    Examples
    --------
    >>> figure = cb.plot_pareto_k(cb.compare({"sm": a, "nsi": b}))  # doctest: +SKIP
    """
    figure = Figure(figsize=(7.5, 3.8), layout="constrained")
    panel = figure.subplots()
    for model in comparison["model"].to_numpy():
        k = comparison["pareto_k"].sel(model=model)
        without = int((~np.isfinite(k)).sum())
        label = f"{model} ({counted(without, 'bin')} without $k$)" if without else str(model)
        panel.plot(k, "o", markersize=4, alpha=0.7, linestyle="none", label=label)
    label = f"{MAX_PARETO_K}, above which LOO of a bin is not reliable"
    panel.axhline(MAX_PARETO_K, color="black", linestyle="--", linewidth=1, label=label)
    panel.set(xlabel="bin", ylabel="Pareto $k$")
    legend(figure)
    return figure
