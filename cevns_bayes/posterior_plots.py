"""Figures of posteriors beside profile likelihoods, priors and predictions; none saves or shows."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy.interpolate import PchipInterpolator, RegularGridInterpolator

from cevns_bayes.comparison import GREATEST_PARETO_K
from cevns_bayes.datasets import Bound
from cevns_bayes.density import Limits, density_1d, density_2d, including
from cevns_bayes.experiment import Axis, Experiment
from cevns_bayes.priors import log10_name
from cevns_bayes.scan import LEVELS, Curve, Profile, Surface, threshold
from cevns_bayes.scenario import Parameter

# Okabe & Ito's palette, told apart by colour-blind readers too.
BLUE, ORANGE, GREEN, GREY = "#0072b2", "#d55e00", "#009e73", "#999999"
SHADES = {0.95: "#d6e8f4", 0.90: "#a6cee3", 0.68: "#5b9bd5"}
DASHES: dict[float, Any] = {0.68: "-", 0.90: "--", 0.95: ":"}
GREATEST_DELTA = 9.0  # shown
COLUMNS = 4
BINS_OF_PRIOR = 40
SMOOTH_POINTS = 500  # of a drawn curve
WIDE = 7.0  # inches, room for a legend of three columns
HEADROOM = 1.12  # above a marginal posterior, for the bars


def plot_curves(
    posterior: xr.DataTree,
    profile: Profile,
    parameters: Sequence[Parameter],
    bounds: Sequence[Bound],
    title: str,
) -> Figure:
    """Marginal posterior of each parameter with its HDI, and Delta chi^2 on a twin axis.

    ``parameters`` are those sampled, ``bounds`` the published ones, drawn as green bars.
    """
    figure = Figure(figsize=(5.6 * len(parameters), 4.6), layout="constrained")
    panels = figure.subplots(1, len(parameters), squeeze=False)[0]
    draws = posterior["posterior"].to_dataset()
    for panel, parameter in zip(panels, parameters, strict=True):
        curve = profile.curves[parameter.name]
        shown = _shown(draws[parameter.name].to_numpy(), [curve])
        _marginal(panel, draws[parameter.name].to_numpy(), curve.limits)
        panel.set(xlabel=parameter.axis_label, ylabel="posterior density", xlim=shown)
        _twin(panel, curve)
        _bars(panel, parameter, bounds)
        _mark(panel.axvline, parameter.standard_model)
    figure.suptitle(title, fontsize=11)
    _legend(figure)
    return figure


def _shown(draws: np.ndarray, curves: Sequence[Curve]) -> Limits:
    """Where there is something to see of posterior or profile."""
    ends = [np.quantile(draws, [0.001, 0.999])]
    ends += [c.values[c.delta_chi2 < GREATEST_DELTA][[0, -1]] for c in curves]
    low, high = np.min(ends), np.max(ends)
    return float(low), float(high)


def _marginal(panel: Axes, draws: np.ndarray, limits: Limits) -> None:
    density = density_1d(draws, including(limits, draws))
    x, height = density.x, density.values
    for probability in (0.90, 0.68):
        inside = np.any([(a <= x) & (x <= b) for a, b in density.intervals(probability)], axis=0)
        label, colour = f"{probability:.0%} credible (HDI)", SHADES[probability]
        panel.fill_between(x, height, where=inside, color=colour, linewidth=0, label=label)
    panel.plot(x, height, color=BLUE, label="posterior")
    panel.set_ylim(0, HEADROOM * height.max())


def _twin(panel: Axes, curve: Curve) -> None:
    twin = panel.twinx()
    x = np.union1d(curve.values, np.linspace(*panel.get_xlim(), SMOOTH_POINTS))
    x = x[(x >= curve.values[0]) & (x <= curve.values[-1])]
    height = PchipInterpolator(curve.values, curve.delta_chi2)(x)
    twin.plot(x, height, color=ORANGE, label=r"profile $\Delta\chi^2$")
    for level in (0.68, 0.90):
        twin.axhline(
            threshold(level, 1),
            color=ORANGE,
            linestyle=DASHES[level],
            linewidth=1,
            label=f"{level:.0%} confidence (profile)",
        )
    twin.set_ylim(0, GREATEST_DELTA)
    twin.set_ylabel(r"$\Delta\chi^2$", color=ORANGE)
    twin.tick_params(axis="y", colors=ORANGE)


def _bars(panel: Axes, parameter: Parameter, bounds: Sequence[Bound]) -> None:
    """Published intervals, one above the other at the top."""
    for i, bound in enumerate(_of(parameter, bounds)):
        low, high = _ends(parameter, bound)
        panel.plot(
            np.clip([low, high], -1e30, 1e30),
            [0.96 - 0.05 * i] * 2,
            transform=panel.get_xaxis_transform(),
            color=GREEN,
            linewidth=4,
            solid_capstyle="butt",
            label=_name(bound),
        )


def _of(parameter: Parameter, bounds: Sequence[Bound]) -> list[Bound]:
    return [b for b in bounds if parameter.name in (b.parameter, log10_name(b.parameter))]


def _ends(parameter: Parameter, bound: Bound) -> Limits:
    if parameter.name == bound.parameter:
        return bound.low, bound.high
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = np.log10([bound.low, bound.high])
    return float(np.nan_to_num(low, nan=-np.inf, neginf=-np.inf)), float(high)


def _name(bound: Bound) -> str:
    return f"{bound.source.split(',')[0]} ({bound.level:.0%})"


def _mark(line: Any, standard_model: float | None) -> None:
    if standard_model is not None:
        line(standard_model, color="black", linestyle="--", linewidth=1, label="Standard Model")


def _legend(figure: Figure, extra: Sequence[Any] = ()) -> None:
    """One for the figure, below it, each label once."""
    entries: dict[str, Any] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    entries |= {handle.get_label(): handle for handle in extra}
    handles, labels = list(entries.values()), list(entries)
    columns = 3 if figure.get_figwidth() > WIDE else 2
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, fontsize=8)


def plot_region(
    posterior: xr.DataTree,
    profile: Profile,
    pair: tuple[Parameter, Parameter],
    bounds: Sequence[Bound],
    title: str,
) -> Figure:
    """Credible (HDI) regions over confidence regions of two parameters, at 68, 90 and 95 %."""
    figure = Figure(figsize=(6.4, 6.2), layout="constrained")
    panel = figure.subplots()
    x, y = pair
    surface = profile.surfaces[x.name, y.name]
    draws = [posterior["posterior"][p.name].to_numpy().ravel() for p in pair]
    curves = [profile.curves[p.name] for p in pair]
    x_limits, y_limits = (including(c.limits, d) for c, d in zip(curves, draws, strict=True))
    density = density_2d(draws[0], draws[1], (x_limits, y_limits))
    heights = [density.threshold(level) for level in sorted(SHADES, reverse=True)]
    for i in range(1, len(heights)):  # of a plateau they may be the same
        heights[i] = max(heights[i], np.nextafter(heights[i - 1], np.inf))
    colours = [SHADES[level] for level in sorted(SHADES, reverse=True)]
    panel.contourf(
        density.x, density.y, density.values.T, levels=[*heights, np.inf], colors=colours
    )
    panel.contour(
        surface.x,
        surface.y,
        surface.delta_chi2.T,
        levels=[threshold(level, 2) for level in LEVELS],
        colors=ORANGE,
        linestyles=[DASHES[level] for level in LEVELS],
        linewidths=1.3,
    )
    _narrow_valleys(panel, surface)
    _bands(panel, pair, bounds)
    best = [profile.best_fit.values[p.name] for p in pair]
    panel.plot(*best, "*", color=ORANGE, markeredgecolor="black", markersize=12, label="best fit")
    if x.standard_model is not None and y.standard_model is not None:
        panel.plot(x.standard_model, y.standard_model, "P", color="black", label="Standard Model")
    panel.set(xlabel=x.axis_label, ylabel=y.axis_label)
    panel.set_xlim(_padded(_shown(draws[0], curves[:1]), curves[0].limits))
    panel.set_ylim(_padded(_shown(draws[1], curves[1:]), curves[1].limits))
    figure.suptitle(title, fontsize=11)
    credible = [Patch(color=SHADES[p], label=f"{p:.0%} credible (HDI)") for p in sorted(SHADES)]
    confidence = [
        Line2D([], [], color=ORANGE, linestyle=DASHES[p], label=f"{p:.0%} confidence (profile)")
        for p in LEVELS
    ]
    _legend(figure, [*credible, *confidence])
    return figure


def _narrow_valleys(panel: Axes, surface: Surface) -> None:
    """Points of a region that the grid of the surface misses."""
    x, y, delta = surface.minima.T
    interpolator = RegularGridInterpolator(
        (surface.x, surface.y), surface.delta_chi2, bounds_error=False, fill_value=np.inf
    )
    widest = threshold(LEVELS[-1], 2)
    missed = (delta < widest) & (interpolator((x, y)) > widest)
    if missed.any():
        label = f"narrow valleys ({LEVELS[-1]:.0%})"
        panel.plot(x[missed], y[missed], ".", color=ORANGE, markersize=3, label=label)


def _padded(shown: Limits, limits: Limits) -> Limits:
    pad = 0.03 * (shown[1] - shown[0])
    return max(shown[0] - pad, limits[0] - pad), min(shown[1] + pad, limits[1] + pad)


def _bands(panel: Axes, pair: tuple[Parameter, Parameter], bounds: Sequence[Bound]) -> None:
    for parameter, line in zip(pair, (panel.axvline, panel.axhline), strict=True):
        for bound in _of(parameter, bounds):
            for end in filter(np.isfinite, _ends(parameter, bound)):
                line(end, color=GREEN, linestyle="-.", linewidth=1.3, label=_name(bound))


def plot_prior_to_posterior(posterior: xr.DataTree, labels: Mapping[str, str]) -> Figure:
    """Histograms of prior and posterior draws of every variable in ``labels``, name -> label."""
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
    _legend(figure)
    return figure


def plot_predictive(experiment: Experiment, posterior: xr.DataTree) -> Figure:
    """Counts against replicated data of the posterior, 50 and 90 %, along each axis."""
    count = len(experiment.axes)
    figure = Figure(figsize=(5.6 * count, 4.2), layout="constrained")
    panels = figure.subplots(1, count, squeeze=False)[0]
    name = experiment.qualified("counts")
    replicated = posterior["posterior_predictive"].to_dataset()[name]
    observed = posterior["observed_data"].to_dataset()[name]
    for panel, axis in zip(panels, experiment.axes, strict=True):
        others = [experiment.qualified(a.name) for a in experiment.axes if a is not axis]
        _replicas(panel, axis, replicated.sum(others))
        width = np.diff(axis.edges)
        counts = observed.sum(others).to_numpy() / width
        panel.plot(axis.centres, counts, "o", color="black", markersize=3, label="data")
        unit = axis.unit or f"unit of {axis.label}"
        panel.set(xlabel=axis.title, ylabel=f"events per {unit}", xlim=axis.edges[[0, -1]])
    figure.suptitle(f"Posterior predictive, {experiment.reference}", fontsize=11)
    _legend(figure)
    return figure


def _replicas(panel: Axes, axis: Axis, replicated: xr.DataArray) -> None:
    for probability, colour in ((0.90, SHADES[0.90]), (0.50, SHADES[0.68])):
        ends = (0.5 - probability / 2, 0.5 + probability / 2)
        bounds = replicated.quantile(ends, ("chain", "draw")).to_numpy() / np.diff(axis.edges)
        panel.stairs(
            bounds[1],
            axis.edges,
            baseline=bounds[0],
            fill=True,
            color=colour,
            label=f"{probability:.0%} of replicated data",
        )


def plot_pareto_k(comparison: xr.Dataset) -> Figure:
    """Pareto k of each bin, by model; ``comparison`` is of :func:`cevns_bayes.compare`."""
    figure = Figure(figsize=(7.5, 3.8), layout="constrained")
    panel = figure.subplots()
    for model in comparison["model"].to_numpy():
        k = comparison["pareto_k"].sel(model=model)
        without = int(k.isnull().sum())
        label = f"{model} ({without} bins without $k$)" if without else str(model)
        panel.plot(k, "o", markersize=4, alpha=0.7, linestyle="none", label=label)
    panel.axhline(GREATEST_PARETO_K, color="black", linestyle="--", linewidth=1, label="0.7")
    panel.set(xlabel="bin", ylabel="Pareto $k$")
    _legend(figure)
    return figure
