"""Figures of a forecast: regions of all data sets in one, and the reach against exposure."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from cevns_bayes.bayesian.regions import posterior_density_2d
from cevns_bayes.experiments.experiment import Experiment
from cevns_bayes.frequentist.curves import Surface, threshold
from cevns_bayes.report.forecast import TOGETHER, Forecast, Sensitivity
from cevns_bayes.report.reach import BETTER, EXPOSURES, LEVEL
from cevns_bayes.report.style import BLUE, GREEN, GREY, ORANGE, PURPLE, TITLE, legend
from cevns_bayes.scenarios.scenario import Parameter

COLOURS = (BLUE, ORANGE, GREEN, PURPLE, "#e69f00", "#56b4e9", "#f0e442", GREY)
MAX_DELTA = 9.0  # shown
MARGIN = 0.08  # around the regions of two parameters


def figures(found: Forecast) -> dict[str, Figure]:
    """By name of the file: regions of one or two parameters, the reach where there is one."""
    shown = {}
    if (regions := plot_regions(found)) is not None:
        shown["regions"] = regions
    if found.reaches:
        shown["reach"] = plot_reach(found)
    return shown


def plot_regions(found: Forecast) -> Figure | None:
    """Regions of each experiment and of all; None where they have different parameters.

    Of two parameters, 90 % credible regions are filled and confidence regions are lines; dotted
    lines lead along the couplings of quarks that do not change the rate of a target. Of one, it is
    Delta chi^2 with the height of the confidence interval, and the credible intervals as bars.
    """
    names = {tuple(p.name for p in of.parameters) for of in found.sensitivities.values()}
    if len(names) > 1 or len(found.last.parameters) > 2:
        return None
    figure = Figure(figsize=(6.8, 6.4), layout="constrained")
    panel = figure.subplots()
    colours = _colours([*found.sensitivities])
    draw = _plane if len(found.last.parameters) == 2 else _line
    draw(panel, found, colours)
    figure.suptitle(f"{found.scenario.title}, {LEVEL:.0%}", fontsize=TITLE)
    handles = [Line2D([], [], color=colour, label=name) for name, colour in colours.items()]
    legend(figure, [*handles, *_kinds(found)])
    return figure


def _kinds(found: Forecast) -> list[Artist]:
    """Legend entries of what is drawn for each data set."""
    kinds: list[Artist] = [
        Patch(color=GREY, alpha=0.4, label="credible (HDI)"),
        Line2D([], [], color=GREY, label="confidence (profile)"),
    ]
    if is_quark_pair(found.last.parameters):
        label = r"slope $-(2Z+N)/(Z+2N)$"
        kinds.append(Line2D([], [], color=GREY, linestyle=":", label=label))
    return kinds


def _colours(labels: Sequence[str]) -> dict[str, str]:
    """All experiments together are black."""
    singles = [label for label in labels if label != TOGETHER]
    found = {label: COLOURS[i % len(COLOURS)] for i, label in enumerate(singles)}
    return found | dict.fromkeys(set(labels) - set(singles), "black")


def _plane(panel: Axes, found: Forecast, colours: Mapping[str, str]) -> None:
    for label, of in found.sensitivities.items():
        _region(panel, of, colours[label])
        if label != TOGETHER:
            _slope(panel, of, colours[label])
    x, y = found.last.parameters
    panel.set(xlabel=x.axis_label, ylabel=y.axis_label)
    if x.standard_model is not None and y.standard_model is not None:
        style: dict[str, Any] = {"color": "black", "clip_on": False, "zorder": 3}
        panel.plot(x.standard_model, y.standard_model, "P", label="Standard Model", **style)
    _zoom(panel, found)


def _zoom(panel: Axes, found: Forecast) -> None:
    """To the confidence regions, with a margin within the priors."""
    x, y = (p.name for p in found.last.parameters)
    profiles = [of.profile for of in found.sensitivities.values()]
    inside = np.concatenate([_inside(of.surfaces[x, y].finer()) for of in profiles])
    ends = np.stack([inside.min(axis=0), inside.max(axis=0)])
    margin = MARGIN * (ends[1] - ends[0]) * [[-1], [1]]
    limits = np.transpose([found.last.profile.curves[name].limits for name in (x, y)])
    panel.axis(np.clip(ends + margin, *limits).T.ravel().tolist())


def _inside(surface: Surface) -> np.ndarray:
    """Points within the region, shape (points, 2)."""
    x, y = np.nonzero(surface.delta_chi2 < surface.threshold(LEVEL))
    return np.column_stack([surface.x[x], surface.y[y]])


def _region(panel: Axes, of: Sensitivity, colour: str) -> None:
    first, second = (p.name for p in of.parameters)
    surface = of.profile.surfaces[first, second]
    limits = of.profile.curves[first].limits, of.profile.curves[second].limits
    density = posterior_density_2d(of.posterior, (first, second), limits)
    levels = [density.threshold(LEVEL), np.inf]
    panel.contourf(
        density.x, density.y, density.values.T, levels=levels, colors=[colour], alpha=0.25
    )
    for border in surface.contours(LEVEL):
        panel.plot(*border.T, color=colour)


def slope(experiment: Experiment) -> float:
    """-(2Z + N)/(Z + 2N), averaged over the nuclei of a target, of eps^d against eps^u."""
    nuclei = {nucleus for signal in experiment.signals for nucleus in signal.response.nuclei}
    numbers = np.array([(nucleus.protons, nucleus.neutrons) for nucleus in nuclei])
    return float(np.mean(-(numbers @ [2, 1]) / (numbers @ [1, 2])))


def _slope(panel: Axes, of: Sensitivity, colour: str) -> None:
    """Where the scenario is a pair of couplings of one flavour to up and down quarks."""
    if is_quark_pair(of.parameters):
        (experiment,) = of.experiments
        panel.axline((0, 0), slope=slope(experiment), color=colour, linestyle=":", linewidth=1.5)


def is_quark_pair(parameters: Sequence[Parameter]) -> bool:
    """Whether these are a coupling eps to up quarks, and the same to down quarks."""
    if len(parameters) != 2:
        return False
    first, second = (p.name for p in parameters)
    return first.startswith("eps_") and first[-2:] == "_u" and second == f"{first[:-2]}_d"


def _line(panel: Axes, found: Forecast, colours: Mapping[str, str]) -> None:
    (parameter,) = found.last.parameters
    shown = [of.profile.curves[parameter.name] for of in found.sensitivities.values()]
    near = np.concatenate([c.values[c.delta_chi2 < MAX_DELTA] for c in shown])
    height = threshold(LEVEL, 1)
    name = rf"$\Delta\chi^2 = {height:.2f}$ ({LEVEL:.0%}, one parameter)"
    panel.axhline(height, color=GREY, linestyle=":", linewidth=1, label=name)
    for i, (label, of) in enumerate(found.sensitivities.items()):
        panel.plot(*shown[i].smooth(near.min(), near.max()), color=colours[label])
        for ends in of.credible(parameter.name):
            at = 0.96 - 0.03 * i
            style: dict[str, Any] = {"color": colours[label], "alpha": 0.4, "linewidth": 5}
            panel.plot(ends, [at] * 2, transform=panel.get_xaxis_transform(), **style)
    panel.set(xlim=(near.min(), near.max()), ylim=(0, MAX_DELTA))
    panel.set(xlabel=parameter.axis_label, ylabel=r"$\Delta\chi^2$")


def plot_reach(found: Forecast) -> Figure:
    """Reach of all experiments in each parameter against a factor on their exposures."""
    figure = Figure(figsize=(5.2 * len(found.reaches), 4.6), layout="constrained")
    panels = figure.subplots(1, len(found.reaches), squeeze=False)[0]
    for panel, of in zip(panels, found.reaches, strict=True):
        panel.loglog(EXPOSURES, of.systematics, "o-", color=BLUE, label="systematics as they are")
        panel.loglog(
            EXPOSURES, of.better, "s--", color=GREEN, label=f"all systematics × {BETTER:g}"
        )
        panel.loglog(EXPOSURES, of.statistics, "^:", color=GREY, label="statistics only")
        panel.set(
            xlabel="factor on the exposure", ylabel=f"{LEVEL:.0%} reach in {of.parameter.label}"
        )
    legend(figure)
    return figure
