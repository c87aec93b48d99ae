"""The figure of each publication, by the name that publications.toml gives it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import claims
import numpy as np
from matplotlib.figure import Figure

import cevns_bayes as cb
from cevns_bayes.datasets import read_table
from cevns_bayes.published import Row
from cevns_bayes.report.style import (
    BLUE,
    COMPONENTS,
    GREY,
    ORANGE,
    OTHERS,
    component_word,
    per_unit,
)
from cevns_bayes.report.style import legend as legend_below

FOLDER = Path(__file__).parent / "images/publications"
MARKS = {"csi": "o", "lar": "s", "csi+lar": "^"}
SIZE = (5.5, 3.8)


def write(publication: dict[str, Any], rows: Sequence[Row]) -> None:
    """Draw the figure of a publication."""
    if "figure" not in publication:
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    drawn = DRAWN[publication["figure"]](rows)
    drawn.savefig(FOLDER / f"{publication['id']}.png", dpi=130, metadata={"Software": None})


def _figure(
    rows: int = 1, columns: int = 1, size: tuple[float, float] = SIZE
) -> tuple[Figure, Any]:
    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots(rows, columns)


def improvements(rows: Sequence[Row]) -> Figure:
    """Ours against published."""
    figure, panel = _figure(size=(4.8, 4.5))
    ends = np.array([-0.1, 4.2])
    panel.fill_between(ends, ends - 0.5, ends + 0.5, color=GREY, alpha=0.3, lw=0)
    panel.plot(ends, ends, color=GREY)
    for (data, mark), colour in zip(MARKS.items(), (BLUE, ORANGE, "#009e73"), strict=True):
        of = [row for row in rows if row.data == data]
        x, y = ([getattr(r, n) for r in of] for n in ("published_improvement", "improvement"))
        panel.plot(x, y, mark, color=colour, mfc="none", label=data)
    panel.set(
        xlabel=r"published $\Delta\chi^2$", ylabel=r"our $\Delta\chi^2$", xlim=ends, ylim=ends
    )
    panel.legend()
    return figure


def leptoquark_limits(rows: Sequence[Row]) -> Figure:
    """Limit curves of all four."""
    figure, panel = _figure()
    names = {"s1": "$S_1$", "r2": "$R_2$", "r2-tilde": r"$\tilde R_2$", "s3": "$S_3$"}
    for (name, label), style in zip(names.items(), ("-", "--", ":", "-."), strict=True):
        limits = cb.limit_curve(f"leptoquark-{name}", ["csi"], masses=30)
        panel.loglog(limits["mass"], limits["upper_limit"], style, label=label)
    panel.set(xlabel="$m_\\mathrm{LQ}$ [GeV]", ylabel="90 % CL upper limit on $g$")
    panel.legend()
    return figure


def spectra(data: str) -> Figure:
    """Counts and components at the best fit of the Standard Model, along each axis."""
    experiment = cb.load_experiment(data)
    best = cb.fit("sm", experiment)
    counts = cb.predict("sm", {}, experiment, nuisances=best.nuisances)
    axes = experiment.axes
    figure, panels = _figure(1, len(axes), (4.2 * len(axes) + 1, 3.9))
    for i, (panel, axis) in enumerate(zip(np.atleast_1d(panels), axes, strict=True)):
        rest = tuple(j for j in range(len(axes)) if j != i)
        names = experiment.component_names
        _stack(panel, axis, {name: counts[name].values.sum(axis=rest) for name in names})
        _points(panel, axis, experiment, rest)
        panel.set(xlabel=axis.title, ylabel=f"events {per_unit(axis)}")
        panel.set(xlim=axis.edges[[0, -1]], ylim=(0, 1.08 * panel.dataLim.y1))
    legend_below(figure)
    return figure


def _stack(panel: Any, axis: cb.Axis, components: dict[str, np.ndarray]) -> None:
    below = np.zeros(len(axis.centres))
    order = sorted(components, key=lambda name: name in ("cevns", "es"))
    for name, other in zip(order, OTHERS * 2, strict=False):
        if components[name].sum() < 0.1:
            continue
        above = below + components[name] / np.diff(axis.edges)
        colour, label = COMPONENTS.get(name, other), component_word(name)
        panel.stairs(above, axis.edges, baseline=below, fill=True, color=colour, label=label)
        below = above


def _points(panel: Any, axis: cb.Axis, experiment: cb.Experiment, rest: tuple[int, ...]) -> None:
    counts, widths = experiment.counts.sum(axis=rest), np.diff(axis.edges)
    variance = getattr(experiment.likelihood, "variance", None)
    error = np.sqrt(counts if variance is None else variance.sum(axis=rest)) / widths
    panel.errorbar(axis.centres, counts / widths, error, fmt="ko", ms=2.5, lw=0.8, label="data")


def lar_likelihood(rows: Sequence[Row]) -> Figure:
    """Published and ours."""
    figure, panel = _figure()
    table = read_table("published", "lar_likelihood")
    panel.plot(table["cevns_events"], table["delta_chi2"], color=GREY, lw=4, label="published")
    events, _, ours = claims.lar_likelihood()
    panel.plot(events, ours, "o", color=BLUE, mfc="none", label="ours")
    panel.set(xlabel="CEvNS events", ylabel=r"$-2\,\Delta\ln L$")
    panel.legend()
    return figure


def feldman_cousins(rows: Sequence[Row]) -> Figure:
    """Confidence at which the coupling is excluded."""
    figure, panel = _figure()
    table, region = read_table("published", "csi_2017_feldman_cousins"), claims.eps_ee_region()
    order = np.argsort(region.points[:, 0])
    confidence, error = 100 * (1 - region.p_values), 100 * region.p_errors
    panel.plot(table["eps_ee"], table["percent"], "s-", color=GREY, ms=4, label="published")
    at = region.points[order, 0], confidence[order], error[order]
    panel.errorbar(*at, fmt="o", color=BLUE, mfc="none", label="ours")
    panel.axhline(90, color="k", lw=0.7, ls=":")
    panel.set(
        xlabel=r"$\varepsilon_{ee}$ of u and d", ylabel="excluded at [% CL]", xlim=(-0.25, 0.45)
    )
    panel.legend(loc="lower right")
    return figure


def ess(rows: Sequence[Row]) -> Figure:
    """Signal and background of the six targets."""
    figure, panels = _figure(2, 3, (9.0, 5.2))
    targets = ("csi", "si", "xe", "ge", "ar", "c3f8")
    for panel, target in zip(panels.ravel(), targets, strict=True):
        experiment = cb.load_experiment(f"ess-{target}")
        counts, (axis,) = cb.predict("sm", {}, experiment), experiment.axes
        for name, colour in (("cevns", BLUE), (experiment.backgrounds[0].name, GREY)):
            panel.stairs(
                counts[name], axis.edges, baseline=None, color=colour, label=component_word(name)
            )
        panel.set(title=f"ess-{target}", xscale="log", yscale="log", xlabel=axis.title)
        panel.set_ylim(bottom=max(panel.get_ylim()[0], 1e-2))
    panels[0, 0].set_ylabel("events per bin")
    panels[1, 0].set_ylabel("events per bin")
    legend_below(figure)
    return figure


DRAWN = {
    "improvements": improvements,
    "leptoquark_limits": leptoquark_limits,
    "csi_spectra": lambda rows: spectra("csi"),
    "lar_likelihood": lar_likelihood,
    "first_observation": lambda rows: spectra("csi-2017"),
    "feldman_cousins": feldman_cousins,
    "dresden": lambda rows: spectra("dresden-ii"),
    "ess": ess,
}
