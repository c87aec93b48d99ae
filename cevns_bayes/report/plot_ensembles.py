"""Figures of toys: credible, profile and Feldman-Cousins regions of the same likelihood in one."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from cevns_bayes.bayesian.regions import posterior_density_1d, posterior_density_2d
from cevns_bayes.ensembles.calibration import Calibration
from cevns_bayes.ensembles.confidence_region import FeldmanCousins
from cevns_bayes.report.plot_results import (
    credible_region,
    marginal,
    mark_value,
    profile_curve,
)
from cevns_bayes.report.style import BLUE, DASHES, ORANGE, PURPLE, SHADES, TITLE, legend
from cevns_bayes.scenarios.scenario import Parameter

LEVELS = (0.68, 0.90)
COLUMNS = 3  # of panels


def plot_feldman_cousins(
    found: FeldmanCousins,
    parameters: Sequence[Parameter],
    title: str,
    posterior: xr.DataTree | None = None,
) -> Figure:
    """Feldman-Cousins beside the profile and, where there is one, the posterior.

    ``parameters`` are those of the region, as they are sampled.

    Examples
    --------
    >>> figure = cb.plot_feldman_cousins(found, parameters, "CsI", posterior)  # doctest: +SKIP
    """
    figure = Figure(figsize=(6.4, 5.4), layout="constrained")
    panel = figure.subplots()
    draw = _interval if len(parameters) == 1 else _region
    handles = draw(panel, found, posterior)
    panel.set_xlabel(parameters[0].axis_label)
    mark_value(panel.axvline, parameters[0].standard_model)
    if len(parameters) == 2:
        panel.set_ylabel(parameters[1].axis_label)
        mark_value(panel.axhline, parameters[1].standard_model)
    figure.suptitle(title, fontsize=TITLE)
    legend(figure, handles)
    return figure


def plot_calibration(found: Calibration) -> Figure:
    """Distribution function of the ranks of each variable less the uniform one, with its band.

    Examples
    --------
    >>> found = cb.calibrate("sm", ["csi"], replicas=200)  # doctest: +SKIP
    >>> figure = cb.plot_calibration(found)  # doctest: +SKIP
    """
    rows = -(-len(found.names) // COLUMNS)
    figure = Figure(figsize=(3.2 * COLUMNS, 2.4 * rows), layout="constrained")
    panels = figure.subplots(rows, COLUMNS, squeeze=False, sharex=True, sharey=True).ravel()
    for panel, name, (x, ecdf, low, high) in zip(panels, found.names, found.ecdf, strict=False):
        colour = BLUE if found.within[name] else ORANGE
        panel.fill_between(x, low - x, high - x, color=SHADES[0.95], label="99% band")
        panel.step(x, ecdf - x, where="post", color=colour, label="ranks less uniform")
        panel.set_title(name, fontsize=8)
    for panel in panels[len(found.names) :]:
        panel.set_axis_off()
    panels[-COLUMNS].set_xlabel("posterior probability below the truth", fontsize=9)
    figure.supylabel("distribution function less the uniform one", fontsize=10)
    legend(figure)
    return figure


def _interval(panel: Axes, found: FeldmanCousins, posterior: xr.DataTree | None) -> list[Line2D]:
    """Delta chi^2 with critical values, those of Wilks' theorem as lines; the posterior behind."""
    curve = found.curve
    panel.set_xlim(found.points.min(), found.points.max())
    if posterior is None:
        panel.set_yticks([])
    else:
        marginal(panel, posterior_density_1d(posterior, curve.parameter, curve.limits))
        panel.set_ylabel("posterior density")
    twin = profile_curve(panel, curve)
    order = found.points[:, 0].argsort()
    for level in LEVELS:
        critical, low, high = found.critical(level)[:, order]
        twin.errorbar(
            found.points[order, 0],
            critical,
            np.abs([critical - low, high - critical]),
            color=PURPLE,
            linestyle=DASHES[level],
            marker=".",
            linewidth=1,
            label=f"{level:.0%} critical value (Feldman-Cousins)",
        )
    return []


def _region(
    panel: Axes, found: FeldmanCousins, posterior: xr.DataTree | None
) -> list[Line2D | Patch]:
    surface = found.surface
    handles: list[Line2D | Patch] = []
    if posterior is not None:
        x, y = (found.profile.curves[name].limits for name in found.parameters)
        pair = (found.parameters[0], found.parameters[1])
        credible_region(panel, posterior_density_2d(posterior, pair, (x, y)))
        handles += [Patch(color=SHADES[p], label=f"{p:.0%} credible (HDI)") for p in SHADES]
    kinds = {"profile": ORANGE, "Feldman-Cousins": PURPLE}
    for level in LEVELS:
        for kind, colour in kinds.items():
            of = surface.contours(level) if kind == "profile" else found.contours(level)
            for line in of:
                panel.plot(*line.T, color=colour, linestyle=DASHES[level], linewidth=1.3)
            label = f"{level:.0%} confidence ({kind})"
            handles.append(Line2D([], [], color=colour, linestyle=DASHES[level], label=label))
    panel.plot(*found.points.T, ".", color=PURPLE, markersize=2.5)
    panel.set(xlim=surface.x[[0, -1]], ylim=surface.y[[0, -1]])
    return handles
