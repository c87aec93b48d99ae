"""Figures of model against data; they take results and return a Figure, none saves or shows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cevns_bayes.experiments.experiment import Axis, Experiment
from cevns_bayes.report.expectations import expected_draws
from cevns_bayes.report.record import Recorded, data_word
from cevns_bayes.report.style import (
    COMPONENTS,
    OTHERS,
    SHADES,
    TITLE,
    component_word,
    legend,
    per_unit,
    show_all,
)

MIN_SHOWN_EVENTS = 0.1  # of a component in a spectrum
WIDTH = 5.6  # inches of a panel
MIN_PULLS = 2.5  # shown at least
TINY = np.finfo(float).tiny


def plot_spectra(
    experiment: Experiment | Recorded,
    posterior: xr.DataTree,
    best_fit: xr.Dataset,
    standard_model: xr.Dataset,
    remark: str = "",
) -> Figure:
    """Data against prediction along every axis; below, without the largest background, and pulls.

    Pulls are those of the best fit: data less expectation, in units of what replicated data of the
    posterior scatter around theirs, which are the error bars as well.

    Parameters
    ----------
    best_fit
        Expected counts of the scenario at the chi^2 minimum, from ``predict``.
    standard_model
        Expected counts of the Standard Model with nuisances at zero.
    remark
        A line below the title.

    Examples
    --------
    >>> sm, best = cb.predict("sm"), cb.predict("sm", nuisances=fit.nuisances)  # doctest: +SKIP
    >>> figure = cb.plot_spectra(csi, posterior, best, sm)  # doctest: +SKIP
    """
    count = len(experiment.axes)
    parts: Sequence[Any] = experiment.backgrounds
    backgrounds = [part.name for part in sorted(parts, key=lambda part: -part.events)]
    ratios = (3, 2, 1.2) if backgrounds else (3, 1.2)
    figure = Figure(figsize=(WIDTH * count, 1.6 + 1.1 * sum(ratios)), layout="constrained")
    panels = figure.subplots(len(ratios), count, sharex="col", squeeze=False, height_ratios=ratios)
    for column, axis in zip(panels.T, experiment.axes, strict=True):
        of_axis = _Projection(experiment, axis, posterior, best_fit, standard_model)
        of_axis.draw(column[0], backgrounds, ())
        if backgrounds:
            of_axis.draw(column[1], backgrounds[1:], backgrounds[:1])
            column[1].set_title(f"without {component_word(backgrounds[0])}", fontsize=9)
        of_axis.draw_pulls(column[-1])
        column[-1].set(xlabel=axis.title, xlim=axis.edges[[0, -1]])
    title = experiment.reference or experiment.full_name
    figure.suptitle("\n".join(filter(None, [title, remark])), fontsize=TITLE)
    legend(figure)
    return figure


class _Projection:
    """Everything of one experiment along one of its axes, per unit of it."""

    def __init__(
        self,
        experiment: Experiment | Recorded,
        axis: Axis,
        posterior: xr.DataTree,
        best_fit: xr.Dataset,
        standard_model: xr.Dataset,
    ) -> None:
        others = [other.name for other in experiment.axes if other is not axis]
        width = xr.DataArray(np.diff(axis.edges), dims=axis.name)
        self.axis, self.width, self.word = axis, width, data_word(experiment)
        self.signals = [signal.name for signal in experiment.signals]
        self.fitted = best_fit.sum(others) / width
        signal = _sum(standard_model.sum(others) / width, self.signals)
        self.predicted = self.fitted["total"] - _sum(self.fitted, self.signals) + signal
        self.total = best_fit["total"].sum(others)
        self.observed = best_fit["total"].copy(data=experiment.counts).sum(others)
        summed = [experiment.qualified(name) for name in others]
        total = expected_draws(posterior, experiment).sum(summed)
        replicated = posterior["posterior_predictive"].to_dataset()[experiment.qualified("counts")]
        self.noise = (replicated.sum(summed) - total).std(("chain", "draw")).to_numpy()
        self.band = total.quantile((0.05, 0.95), ("chain", "draw")).to_numpy() / width.to_numpy()

    def draw(self, panel: Axes, shown: Sequence[str], left_out: Sequence[str]) -> None:
        """Stacked best fit, band, Standard Model and data, less the components left out."""
        away = _sum(self.fitted, left_out).to_numpy() if left_out else 0.0
        top = self._stack(panel, [*shown, *self.signals])
        low, high = self.band - away
        bounds: dict[str, Any] = {
            "baseline": low,
            "fill": True,
            "facecolor": "none",
            "edgecolor": "black",
        }
        label = "total, 90 % credible band"
        panel.stairs(high, self.axis.edges, linewidth=0, hatch="//////", label=label, **bounds)
        predicted = self.predicted.to_numpy() - away
        line: dict[str, Any] = {"baseline": None, "color": "black", "linestyle": "--"}
        label = "SM signal, nuisances at zero"
        panel.stairs(predicted, self.axis.edges, label=label, **line)
        width = self.width.to_numpy()
        points = self.observed.to_numpy() / width - away
        error = self.noise / width
        style: dict[str, Any] = {"fmt": "o", "markersize": 3, "linewidth": 1, "color": "black"}
        panel.errorbar(self.axis.centres, points, error, label=self.word, **style)
        panel.set_ylabel(f"events {per_unit(self.axis)}")
        show_all(panel, top, high, low, predicted, points - error, points + error, np.zeros(1))

    def draw_pulls(self, panel: Axes) -> None:
        """Data less the best fit, in units of what they scatter."""
        pulls = (self.observed - self.total).to_numpy() / np.maximum(self.noise, TINY)
        panel.axhspan(-1, 1, color="#eeeeee")
        panel.axhline(0, color="black", linewidth=0.8)
        panel.plot(self.axis.centres, pulls, "o", color="black", markersize=3)
        reach = max(MIN_PULLS, 1.15 * float(np.abs(pulls).max()))
        panel.set(ylabel="pull", ylim=(-reach, reach))

    def _stack(self, panel: Axes, names: Sequence[str]) -> np.ndarray:
        """Bars one upon the other, signals on top; returns the sum."""
        base = np.zeros(self.width.size)
        others = iter(OTHERS * len(names))
        for name in names:
            height = self.fitted[name].to_numpy()
            colour = COMPONENTS.get(name) or next(others)
            if np.abs(height * self.width.to_numpy()).sum() < MIN_SHOWN_EVENTS:
                continue
            style: dict[str, Any] = {
                "fill": True,
                "color": colour,
                "label": f"{component_word(name)}, best fit",
            }
            panel.stairs(base + height, self.axis.edges, baseline=base, **style)
            base = base + height
        return base


def _sum(counts: xr.Dataset, names: Sequence[str]) -> xr.DataArray:
    return counts[list(names)].to_array().sum("variable")


def plot_predictive(experiment: Experiment | Recorded, posterior: xr.DataTree) -> Figure:
    """Counts against replicated data of the posterior, 50 and 90 %, along each axis.

    Examples
    --------
    >>> figure = cb.plot_predictive(cb.load_experiment("csi"), posterior)  # doctest: +SKIP
    """
    count = len(experiment.axes)
    figure = Figure(figsize=(WIDTH * count, 4.2), layout="constrained")
    panels = figure.subplots(1, count, squeeze=False)[0]
    name = experiment.qualified("counts")
    replicated = posterior["posterior_predictive"].to_dataset()[name]
    observed = posterior["observed_data"].to_dataset()[name]
    for panel, axis in zip(panels, experiment.axes, strict=True):
        others = [experiment.qualified(a.name) for a in experiment.axes if a is not axis]
        bands = _replicas(panel, axis, replicated.sum(others))
        counts = observed.sum(others).to_numpy() / np.diff(axis.edges)
        word = data_word(experiment)
        style: dict[str, Any] = {"color": "black", "markersize": 3, "label": word}
        panel.plot(axis.centres, counts, "o", **style)
        panel.set(xlabel=axis.title, ylabel=f"events {per_unit(axis)}", xlim=axis.edges[[0, -1]])
        show_all(panel, counts, *bands)
    reference = experiment.reference or experiment.full_name
    figure.suptitle(f"Posterior predictive\n{reference}", fontsize=TITLE)
    legend(figure)
    return figure


def _replicas(panel: Axes, axis: Axis, replicated: xr.DataArray) -> list[np.ndarray]:
    """Draw the bands and return them."""
    bands = []
    for probability, colour in ((0.90, SHADES[0.90]), (0.50, SHADES[0.68])):
        ends = (0.5 - probability / 2, 0.5 + probability / 2)
        low, high = replicated.quantile(ends, ("chain", "draw")).to_numpy() / np.diff(axis.edges)
        label = f"{probability:.0%} of replicated data"
        panel.stairs(high, axis.edges, baseline=low, fill=True, color=colour, label=label)
        bands += [low, high]
    return bands
