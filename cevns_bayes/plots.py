"""Corner plots and spectra: functions take results and return a Figure; none saves or shows."""

from collections.abc import Mapping
from typing import Any

import corner
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cevns_bayes.experiment import Axis, Experiment

# Okabe & Ito's palette, told apart by colour-blind readers too.
_SIGNAL, _REFERENCE = "#0072b2", "#d55e00"
_COLOURS = {
    "ssb": "#bbbbbb",
    "brn": "#e69f00",
    "brn_prompt": "#e69f00",
    "nin": "#009e73",
    "es": "#56b4e9",
    "brn_delayed": "#cc79a7",
}
_COMPONENT_NAMES = {
    "cevns": "CEvNS",
    "es": "electron scattering",
    "ssb": "SSB",
    "brn": "BRN",
    "nin": "NIN",
    "brn_prompt": "prompt BRN",
    "brn_delayed": "delayed BRN",
}
LEAST_SHOWN_EVENTS = 0.1  # of a component in a spectrum


def plot_corner(
    posterior: xr.DataTree,
    names: list[str],
    labels: Mapping[str, str],
    best_fit: Mapping[str, float],
) -> Figure:
    """Joint posterior of all sampled variables; lines mark the chi^2 minimum."""
    group = posterior["posterior"].to_dataset()
    draws = np.column_stack([group[name].to_numpy().ravel() for name in names])
    size = 1.7 * len(names)
    figure = Figure(figsize=(size, size))
    corner.corner(
        draws,
        fig=figure,
        labels=[labels[name] for name in names],
        truths=[best_fit[name] for name in names],
        truth_color=_REFERENCE,
        color=_SIGNAL,
        levels=(0.68, 0.90),
        plot_datapoints=False,
        show_titles=True,
        title_fmt=".2g",
        title_kwargs={"fontsize": 7.5},
        label_kwargs={"fontsize": 11},
        max_n_ticks=4,
    )
    return figure


def plot_spectra(
    experiment: Experiment,
    posterior: xr.DataTree,
    best_fit: xr.Dataset,
    standard_model: xr.Dataset,
) -> Figure:
    """Data against prediction along every axis; below, without the largest background.

    Parameters
    ----------
    best_fit
        Expected counts of the scenario at the chi^2 minimum, from ``predict``.
    standard_model
        Expected counts of the Standard Model with nuisances at zero.
    """
    figure = Figure(figsize=(5.6 * len(experiment.axes), 6.4), layout="constrained")
    panels = figure.subplots(2, len(experiment.axes), sharex="col", height_ratios=(3, 2))
    expected = posterior["posterior"].to_dataset()[experiment.qualified("expected")]
    backgrounds = [b.name for b in sorted(experiment.backgrounds, key=lambda b: -b.events)]
    for (upper, lower), axis in zip(panels.T, experiment.axes, strict=True):
        others = [other.name for other in experiment.axes if other is not axis]
        fitted = best_fit.sum(others)
        signal = _signals(experiment, standard_model.sum(others))
        predicted = fitted["total"] - _signals(experiment, fitted) + signal
        observed = best_fit["total"].copy(data=experiment.counts).sum(others)
        total = expected.sum([experiment.qualified(name) for name in others])
        for panel, left_out in ((upper, []), (lower, backgrounds[:1])):
            away = fitted[left_out].to_array().sum("variable").to_numpy() if left_out else 0.0
            shown = [name for name in backgrounds if name not in left_out]
            _stack(panel, axis, fitted, shown, [signal.name for signal in experiment.signals])
            _band(panel, axis, total, away)
            _steps(panel, axis, predicted - away)
            _points(panel, axis, observed.to_numpy(), away)
        upper.set_ylabel(_per_unit("events", axis))
        lower.set(xlabel=axis.title, xlim=axis.edges[[0, -1]])
        lower.set_ylabel(_per_unit(f"events without {_name(backgrounds[0])}", axis))
    panels[0, 0].legend(fontsize=8)
    figure.suptitle(experiment.reference, fontsize=11)
    return figure


def _per_unit(what: str, axis: Axis) -> str:
    return f"{what} per {axis.unit or f'unit of {axis.label}'}"


def _name(component: str) -> str:
    return _COMPONENT_NAMES.get(component, component)


def _signals(experiment: Experiment, counts: xr.Dataset) -> xr.DataArray:
    return counts[[signal.name for signal in experiment.signals]].to_array().sum("variable")


def _stack(
    panel: Axes, axis: Axis, fitted: xr.Dataset, backgrounds: list[str], signals: list[str]
) -> None:
    """Stacked bars of the best fit, signals on top."""
    base = np.zeros(len(axis.centres))
    for name in [*backgrounds, *signals]:
        if float(np.abs(fitted[name]).sum()) < LEAST_SHOWN_EVENTS:
            continue
        colour = _COLOURS.get(name, _SIGNAL)
        _bars(panel, axis, fitted[name], base, colour, f"{_name(name)}, best fit")
        base = base + fitted[name].to_numpy()


def _bars(
    panel: Axes, axis: Axis, counts: xr.DataArray, base: Any, colour: str, label: str
) -> None:
    width = np.diff(axis.edges)
    bottom = np.broadcast_to(base, width.shape) / width
    panel.stairs(
        bottom + counts.to_numpy() / width,
        axis.edges,
        baseline=bottom,
        fill=True,
        color=colour,
        label=label,
    )


def _band(panel: Axes, axis: Axis, total: xr.DataArray, subtracted: Any) -> None:
    bounds = total.quantile((0.05, 0.95), ("chain", "draw")).to_numpy() - subtracted
    low, high = bounds / np.diff(axis.edges)
    panel.stairs(
        high,
        axis.edges,
        baseline=low,
        fill=True,
        facecolor="none",
        edgecolor="black",
        linewidth=0,
        hatch="//////",
        label="total, 90 % credible band",
    )


def _steps(panel: Axes, axis: Axis, counts: xr.DataArray) -> None:
    panel.stairs(
        counts.to_numpy() / np.diff(axis.edges),
        axis.edges,
        baseline=None,
        color="black",
        linestyle="--",
        label="SM signal, nuisances at zero",
    )


def _points(panel: Axes, axis: Axis, observed: np.ndarray, subtracted: Any) -> None:
    width = np.diff(axis.edges)
    panel.errorbar(
        axis.centres,
        (observed - subtracted) / width,
        np.sqrt(observed) / width,
        fmt="o",
        markersize=3,
        linewidth=1,
        color="black",
        label="data",
    )
