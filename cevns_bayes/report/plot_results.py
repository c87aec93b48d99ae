"""Figures of inference: posteriors beside profiles, regions.

They take results and return a Figure; none saves or shows.
"""

from collections.abc import Sequence
from itertools import cycle
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy.interpolate import RegularGridInterpolator

from cevns_bayes.bayesian.density import Density1D, Density2D, Limits
from cevns_bayes.bayesian.regions import posterior_density_1d, posterior_density_2d
from cevns_bayes.frequentist.profile import Curve, Profile, Surface, threshold
from cevns_bayes.published import Bound
from cevns_bayes.report.overlays import HEIGHT, Overlay
from cevns_bayes.report.style import (
    BLUE,
    GREEN,
    ORANGE,
    OVERLAYS,
    PURPLE,
    TITLE,
    dashes,
    legend,
    percent,
    shades,
)
from cevns_bayes.report.toy_files import TITLE as TOYS
from cevns_bayes.report.toy_files import ByToys
from cevns_bayes.report.view import INTERVAL_LEVELS, REGION_LEVELS
from cevns_bayes.scenarios.priors import log10_name
from cevns_bayes.scenarios.scenario import Parameter

NO_TOYS = ByToys()
MAX_DELTA = 9.0  # shown
HEADROOM = 1.12  # above a marginal posterior, for the bars
LIMIT_COLOURS = {"confidence": PURPLE, "credible": BLUE}


def plot_curves(
    posterior: xr.DataTree,
    profile: Profile,
    parameters: Sequence[Parameter],
    bounds: Sequence[Bound],
    title: str,
    *,
    levels: Sequence[float] = INTERVAL_LEVELS,
    overlays: Sequence[Overlay] = (),
    toys: ByToys = NO_TOYS,
) -> Figure:
    """Marginal posterior of each parameter with its HDI, and Delta chi^2 on a twin axis.

    ``parameters`` are those sampled, ``bounds`` the published ones, drawn as green bars;
    ``overlays`` with the second axis ``delta_chi2`` are drawn upon the profile, intervals of
    ``toys`` as purple bars.

    Examples
    --------
    >>> parameters = [cb.Parameter("sin2_theta_w", "$s^2$")]  # doctest: +SKIP
    >>> figure = cb.plot_curves(posterior, scan, parameters, [], "CsI")  # doctest: +SKIP
    """
    figure = Figure(figsize=(5.6 * len(parameters), 4.6), layout="constrained")
    panels = figure.subplots(1, len(parameters), squeeze=False)[0]
    draws = posterior["posterior"].to_dataset()
    for panel, parameter in zip(panels, parameters, strict=True):
        curve = profile.curves[parameter.name]
        shown = _shown(draws[parameter.name].to_numpy(), [curve])
        marginal(panel, posterior_density_1d(posterior, parameter.name, curve.limits), levels)
        panel.set(xlabel=parameter.axis_label, ylabel="posterior density", xlim=shown)
        twin = profile_curve(panel, curve, levels)
        _star(twin, profile.best_fit.values[parameter.name], 0.0)
        draw_overlays(twin, overlays, (parameter.name, HEIGHT))
        of_parameter = [bound for bound in bounds if bound.is_of(parameter.name)]
        bars = [(bound.ends(parameter.name), GREEN, _name(bound)) for bound in of_parameter]
        bars += [
            (ends, PURPLE, f"{percent(level)} {TOYS}")
            for level in sorted(levels)
            for ends in toys.of(parameter.name, level)
        ]
        _bars(panel, bars)
        mark_value(panel.axvline, parameter.standard_model)
    figure.suptitle(title, fontsize=TITLE)
    legend(figure)
    return figure


def _shown(draws: np.ndarray, curves: Sequence[Curve]) -> Limits:
    """Where there is something to see of posterior or profile."""
    ends = [np.quantile(draws, [0.001, 0.999])]
    ends += [c.values[c.delta_chi2 < MAX_DELTA][[0, -1]] for c in curves]
    low, high = np.min(ends), np.max(ends)
    return float(low), float(high)


def marginal(panel: Axes, density: Density1D, levels: Sequence[float] = INTERVAL_LEVELS) -> None:
    """Posterior density with its HDI intervals."""
    x, height = density.x, density.values
    colours = shades(levels)
    for probability in sorted(levels, reverse=True):
        inside = np.any([(a <= x) & (x <= b) for a, b in density.intervals(probability)], axis=0)
        style: dict[str, Any] = {"color": colours[probability], "linewidth": 0}
        label = f"{percent(probability)} credible (HDI)"
        panel.fill_between(x, height, where=inside, label=label, **style)
    panel.plot(x, height, color=BLUE, label="posterior")
    panel.set_ylim(0, HEADROOM * height.max())


def profile_curve(panel: Axes, curve: Curve, levels: Sequence[float] = INTERVAL_LEVELS) -> Axes:
    """Delta chi^2 with thresholds, on an axis at the right, which is returned."""
    twin = panel.twinx()
    twin.plot(*curve.smooth(*panel.get_xlim()), color=ORANGE, label=r"profile $\Delta\chi^2$")
    for level, dashed in dashes(levels).items():
        twin.axhline(
            threshold(level, 1),
            color=ORANGE,
            linestyle=dashed,
            linewidth=1,
            label=f"{percent(level)} confidence (profile)",
        )
    twin.set_ylim(0, max(MAX_DELTA, HEADROOM * threshold(max(levels), 1)))
    twin.set_ylabel(r"$\Delta\chi^2$", color=ORANGE)
    twin.tick_params(axis="y", colors=ORANGE)
    return twin


def _bars(panel: Axes, bars: Sequence[tuple[Limits, str, str]]) -> None:
    """Intervals with colours and labels, one below the other at the top."""
    for i, (ends, colour, label) in enumerate(bars):
        panel.plot(
            np.clip(ends, -1e30, 1e30),
            [0.97 - 0.035 * i] * 2,
            transform=panel.get_xaxis_transform(),
            color=colour,
            linewidth=4,
            solid_capstyle="butt",
            label=label,
        )


def _name(bound: Bound) -> str:
    return f"{bound.source.split(',')[0]} ({bound.level:.0%})"


def mark_value(line: Any, standard_model: float | None) -> None:
    """Draw the value of the Standard Model, if there is one."""
    if standard_model is not None:
        line(standard_model, color="black", linestyle="--", linewidth=1, label="Standard Model")


def plot_region(
    posterior: xr.DataTree,
    profile: Profile,
    pair: tuple[Parameter, Parameter],
    bounds: Sequence[Bound],
    title: str,
    limit_curves: Sequence[xr.Dataset] = (),
    *,
    levels: Sequence[float] = REGION_LEVELS,
    overlays: Sequence[Overlay] = (),
) -> Figure:
    """Credible (HDI) regions over confidence regions of two parameters.

    ``limit_curves`` are those of :func:`cevns_bayes.limit_curve`, or like them; each, and each of
    ``overlays``, is drawn if it is of these two.

    Examples
    --------
    >>> figure = cb.plot_region(posterior, scan, (x, y), [], "NSI")  # doctest: +SKIP
    """
    figure = Figure(figsize=(6.4, 6.2), layout="constrained")
    panel = figure.subplots()
    draws = [posterior["posterior"][p.name].to_numpy().ravel() for p in pair]
    curves = [profile.curves[p.name] for p in pair]
    limits = (curves[0].limits, curves[1].limits)
    names = (pair[0].name, pair[1].name)
    credible_region(panel, posterior_density_2d(posterior, names, limits), levels)
    _confidence(panel, profile.surfaces[names], levels)
    _bands(panel, pair, bounds)
    for found in limit_curves:
        _limit_curve(panel, pair, found)
    _markers(panel, profile, pair)
    draw_overlays(panel, overlays, names)
    for of, parameter, set_label, set_limits in (
        (0, pair[0], panel.set_xlabel, panel.set_xlim),
        (1, pair[1], panel.set_ylabel, panel.set_ylim),
    ):
        set_label(parameter.axis_label)
        set_limits(_padded(_shown(draws[of], [curves[of]]), curves[of].limits))
    figure.suptitle(title, fontsize=TITLE)
    credible = [
        Patch(color=colour, label=f"{percent(p)} credible (HDI)")
        for p, colour in shades(levels).items()
    ]
    confidence = [
        Line2D([], [], color=ORANGE, linestyle=d, label=f"{percent(p)} confidence (profile)")
        for p, d in dashes(levels).items()
    ]
    legend(figure, [*credible, *confidence])
    return figure


def draw_overlays(panel: Axes, overlays: Sequence[Overlay], axes: tuple[str, str]) -> None:
    """Curves of others, where they are of these axes."""
    for overlay, colour in zip(overlays, cycle(OVERLAYS)):
        for piece in overlay.on(*axes):
            style = {"color": overlay.colour or colour, "linestyle": overlay.dashed}
            panel.plot(*piece.T, linewidth=1.5, label=overlay.label, **style)


def credible_region(
    panel: Axes, density: Density2D, levels: Sequence[float] = REGION_LEVELS
) -> None:
    """HDI regions of two parameters, filled."""
    shaded = shades(levels)
    levels = sorted(levels, reverse=True)
    heights = [density.threshold(level) for level in levels]
    for i in range(1, len(heights)):  # of a plateau they may be the same
        heights[i] = max(heights[i], np.nextafter(heights[i - 1], np.inf))
    colours = [shaded[level] for level in levels]
    panel.contourf(
        density.x, density.y, density.values.T, levels=[*heights, np.inf], colors=colours
    )


def _confidence(panel: Axes, surface: Surface, levels: Sequence[float]) -> None:
    for level, dashed in dashes(levels).items():
        style: dict[str, Any] = {"color": ORANGE, "linestyle": dashed, "linewidth": 1.3}
        for border in surface.contours(level):
            panel.plot(*border.T, **style)
    _narrow_valleys(panel, surface.finer(), max(levels))


def _limit_curve(panel: Axes, pair: tuple[Parameter, Parameter], found: xr.Dataset) -> None:
    """The upper limit as a line; other ends of what is excluded as dots."""
    mass, coupling = str(found["upper_limit"].dims[0]), str(found.attrs["coupling"])
    axes = [{name: False, log10_name(name): True} for name in (mass, coupling)]
    if not all(p.name in of for p, of in zip(pair, axes, strict=True)):
        return
    log_mass, log_coupling = (of[p.name] for p, of in zip(pair, axes, strict=True))
    x = _as_drawn(found[mass], log_mass)
    upper, low, high = (
        _as_drawn(found[name], log_coupling)
        for name in ("upper_limit", "excluded_low", "excluded_high")
    )
    kind = str(found.attrs["kind"])
    colour = LIMIT_COLOURS[kind]
    label = f"{found.attrs['level']:.0%} {kind} limit at each mass"
    panel.plot(x, upper, color=colour, linewidth=2, label=label)
    high = np.where(high < high.max(initial=-np.inf, where=np.isfinite(high)), high, np.nan)
    for ends in (*np.where(low == upper[:, None], np.nan, low).T, *high.T):  # not the prior's end
        panel.plot(x, ends, ".", color=colour, markersize=2.5)


def _as_drawn(values: xr.DataArray, is_log: bool) -> np.ndarray:
    with np.errstate(divide="ignore"):  # an interval that begins at zero
        return np.log10(values.to_numpy()) if is_log else values.to_numpy()


def _markers(panel: Axes, profile: Profile, pair: tuple[Parameter, Parameter]) -> None:
    _star(panel, *(profile.best_fit.values[p.name] for p in pair))
    standard_model = [p.standard_model for p in pair if p.standard_model is not None]
    if len(standard_model) == len(pair):
        panel.plot(*standard_model, "P", color="black", label="Standard Model")


def _star(panel: Axes, x: float, y: float) -> None:
    """Mark the best fit, also on the edge of the panel."""
    style: dict[str, Any] = {"color": ORANGE, "markeredgecolor": "black", "markersize": 12}
    panel.plot(x, y, "*", label="best fit", clip_on=False, **style)


def _narrow_valleys(panel: Axes, surface: Surface, level: float) -> None:
    """Points of a region that the grid of the surface misses."""
    x, y, delta = surface.minima.T
    interpolator = RegularGridInterpolator(
        (surface.x, surface.y), surface.delta_chi2, bounds_error=False, fill_value=np.inf
    )
    widest = surface.threshold(level)
    missed = (delta < widest) & (interpolator((x, y)) > widest)
    if missed.any():
        label = f"narrow valleys ({percent(level)})"
        panel.plot(x[missed], y[missed], ".", color=ORANGE, markersize=3, label=label)


def _padded(shown: Limits, limits: Limits) -> Limits:
    pad = 0.03 * (shown[1] - shown[0])
    return max(shown[0] - pad, limits[0] - pad), min(shown[1] + pad, limits[1] + pad)


def _bands(panel: Axes, pair: tuple[Parameter, Parameter], bounds: Sequence[Bound]) -> None:
    for parameter, line in zip(pair, (panel.axvline, panel.axhline), strict=True):
        for bound in (b for b in bounds if b.is_of(parameter.name)):
            for end in filter(np.isfinite, bound.ends(parameter.name)):
                line(end, color=GREEN, linestyle="-.", linewidth=1.3, label=_name(bound))
