"""Figure of the nuisances: pulls with their errors, and impacts on the parameters of interest."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cevns_bayes.report.style import BLUE, ORANGE, SHADES, legend
from cevns_bayes.scenarios.scenario import Parameter

MAX_SHOWN = 15
TINY = 1e-300
PULL_WIDTH, IMPACT_WIDTH = 4.2, 3.2  # inches
SIGMA = r"$\hat{\alpha}/\sigma_\alpha$"


def ranked(impacts: xr.Dataset) -> list[str]:
    """Nuisances by their largest impact, relative to that of the others on the same parameter.

    Those without an impact come last.
    """
    if impacts["impact"].size:
        size = abs(impacts["impact"]).fillna(0.0).max("side")
        relative = (size / np.maximum(size.max("nuisance"), TINY)).max("parameter")
    else:
        relative = abs(impacts["pull"]).fillna(0.0)
    order = np.argsort(-relative.to_numpy(), kind="stable")
    return [str(name) for name in impacts["nuisance"].to_numpy()[order]]


def plot_pulls(
    impacts: xr.Dataset, parameters: Sequence[Parameter], labels: Mapping[str, str]
) -> Figure:
    """Pulls of the nuisances at the best fit, and what each moves the parameters by.

    Parameters that stay at the end of their prior have no panel. ``impacts`` is that of an
    analysis, ``labels`` are those of the nuisances in it.

    Examples
    --------
    >>> of = cb.load_analysis("results/nsi-ee-ud-csi")  # doctest: +SKIP
    >>> labels = {name: name for name in of.impacts["nuisance"].values}  # doctest: +SKIP
    >>> figure = cb.plot_pulls(of.impacts, of.parameters, labels)  # doctest: +SKIP
    """
    names = ranked(impacts)[:MAX_SHOWN]
    sizes = abs(impacts["impact"]).fillna(0.0).max(("side", "nuisance"))
    parameters = [p for p in parameters if float(sizes.sel(parameter=p.name)) > 0]
    shown = impacts.sel(nuisance=names)
    width = PULL_WIDTH + IMPACT_WIDTH * len(parameters)
    figure = Figure(figsize=(width, 1.6 + 0.32 * len(names)), layout="constrained")
    ratios = [PULL_WIDTH, *[IMPACT_WIDTH] * len(parameters)]
    panels = figure.subplots(
        1, 1 + len(parameters), sharey=True, squeeze=False, width_ratios=ratios
    )[0]
    _pulls(panels[0], shown)
    panels[0].set_yticks(range(len(names)), [labels[name] for name in names])
    panels[0].invert_yaxis()
    for panel, parameter in zip(panels[1:], parameters, strict=True):
        _impacts(panel, shown["impact"].sel(parameter=parameter.name))
        panel.set_xlabel(f"impact on {parameter.axis_label}")
    legend(figure)
    return figure


def _pulls(panel: Axes, shown: xr.Dataset) -> None:
    pull, error = (shown[name].to_numpy() for name in ("pull", "constraint"))
    panel.axvspan(-1, 1, color=SHADES[0.95], label=r"prior, $\pm1\sigma$")
    panel.axvline(0, color="black", linewidth=0.8, linestyle="--")
    known = np.flatnonzero(np.isfinite(pull))
    style: dict[str, Any] = {"fmt": "o", "color": "black", "markersize": 4, "linewidth": 1.2}
    label = r"best fit, $\pm1\sigma$"
    panel.errorbar(pull[known], known, xerr=np.nan_to_num(error[known]), label=label, **style)
    reach = np.nanmax([1.5, *(np.abs(pull) + np.nan_to_num(error))]) * 1.05
    panel.set(xlabel=SIGMA, xlim=(-reach, reach), ylim=(-0.7, len(pull) - 0.3))


def _impacts(panel: Axes, impact: xr.DataArray) -> None:
    rows = np.arange(impact.sizes["nuisance"])
    for side, colour in ((-1, BLUE), (1, ORANGE)):
        bars = np.nan_to_num(impact.sel(side=side).to_numpy())
        label = rf"nuisance held at $\hat{{\alpha}}{'+' if side > 0 else '-'}1\sigma$"
        panel.barh(rows, bars, height=0.7, color=colour, alpha=0.75, label=label)
    panel.axvline(0, color="black", linewidth=0.8)
    reach = float(abs(impact).fillna(0.0).max())
    panel.set_xlim(-1.1 * (reach or 1.0), 1.1 * (reach or 1.0))
    panel.locator_params(axis="x", nbins=5)
