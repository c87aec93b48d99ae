"""Writes docs/talk.md and its figures: `make talk`.

What a figure shows is computed once and kept in results/talk; remove a file there to have it
computed again.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np

import cevns_bayes as cb
from cevns_bayes.bayesian.regions import posterior_density_2d
from cevns_bayes.physics.constants import G_F
from cevns_bayes.report.forecast import Forecast, Sensitivity
from cevns_bayes.report.plot_forecast import plot_regions
from cevns_bayes.report.reach import LEVEL
from cevns_bayes.report.tables import Column, Table

DOCS = Path(__file__).parent
RESULTS, IMAGES = DOCS.parent / "results" / "talk", DOCS / "images" / "talk"
TEXT, DPI = DOCS / "talk.txt", 110


@dataclass(frozen=True)
class Figure:
    """One of the talk: a scenario on experiments, each alone and all together."""

    scenario: str
    data: tuple[str, ...]
    share_flux: bool = False

    @property
    def command(self) -> str:
        """What makes it on the command line."""
        option = "" if self.share_flux else " --no-share-flux"
        return f"cevns-bayes forecast {self.scenario} --data {','.join(self.data)}{option}"


COHERENT = ("csi", "lar-gaussian")  # as in arXiv:2211.11905, and no common uncertainty
FIGURES = {
    "nsi-ee": Figure("nsi-ee-ud", COHERENT),
    "nsi-mumu": Figure("nsi-mumu-ud", COHERENT),
    "magnetic-moment": Figure("magnetic-moment", COHERENT),
    "leptoquark-s1": Figure("leptoquark-s1", COHERENT),
    "ess": Figure("nsi-ee-ud", ("ess-csi", "ess-si", "ess-ar"), share_flux=True),
}


def found(name: str, figure: Figure) -> Forecast:
    """What a figure shows, computed if it is not kept."""
    kept = RESULTS / f"{name}.pickle"
    if not kept.exists():
        print(f"{name}: {figure.command}", flush=True)
        result = cb.forecast(figure.scenario, list(figure.data), share_flux=figure.share_flux)
        RESULTS.mkdir(parents=True, exist_ok=True)
        partial = kept.with_suffix(".partial")
        partial.write_bytes(cloudpickle.dumps(result))
        partial.rename(kept)
    return cloudpickle.loads(kept.read_bytes())


def areas(result: Forecast) -> Table:
    """Area of the regions, and the confidence interval of each parameter alone."""
    x, y = result.last.parameters
    columns = [
        Column("data"),
        Column(f"area, {LEVEL:.0%} credible", ".3g"),
        Column(f"area, {LEVEL:.0%} confidence", ".3g"),
        *(Column(f"{f'{p.name} {p.unit}'.strip()}, {LEVEL:.0%}", ".3g") for p in (x, y)),
    ]
    rows = [
        [name, *_areas(of), of.confidence(x.name), of.confidence(y.name)]
        for name, of in result.sensitivities.items()
    ]
    return Table(columns, rows)


def _areas(of: Sensitivity) -> tuple[float, float]:
    first, second = (p.name for p in of.parameters)
    limits = of.profile.curves[first].limits, of.profile.curves[second].limits
    density = posterior_density_2d(of.posterior, (first, second), limits)
    surface = of.profile.surfaces[first, second].finer()
    cell = (surface.x[1] - surface.x[0]) * (surface.y[1] - surface.y[0])
    inside = np.count_nonzero(surface.delta_chi2 < surface.threshold(LEVEL))
    return density.area(LEVEL), inside * cell


def degenerate_line(result: Forecast) -> tuple[np.ndarray, np.ndarray]:
    """log10 of masses [GeV] and couplings with Q_LQ = -Q_SM for CsI, as the talk has it.

    g^2 = -4 sqrt(2) G_F (g_V^p Z + g_V^n N) m^2/(Z + 2N), for masses far above the momentum
    transfer; Z = 54 and N = 76 are the means of Cs and I.
    """
    protons, neutrons = 54.0, 76.0
    charge = (0.5 - 2 * 0.23857) * protons - 0.5 * neutrons
    ratio = -4 * np.sqrt(2) * G_F * charge / (protons + 2 * neutrons)
    log_mass = np.linspace(*result.last.profile.curves["log10_mass"].limits, 50)
    return log_mass, np.log10(1e3 * np.sqrt(ratio)) + log_mass


def drawn(name: str, result: Forecast) -> Any:
    """The figure of regions."""
    regions = plot_regions(result)
    if name == "leptoquark-s1":
        panel = regions.axes[0]
        panel.plot(*degenerate_line(result), color="black", linestyle=":", linewidth=1)
    return regions


def main() -> None:
    text = TEXT.read_text(encoding="utf-8")
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name, figure in FIGURES.items():
        result = found(name, figure)
        drawn(name, result).savefig(IMAGES / f"{name}.png", dpi=DPI)
        shown = f"`{figure.command}`\n\n![{name}](images/talk/{name}.png)\n\n"
        text = text.replace(f"@{name}@\n", shown + areas(result).markdown())
    (DOCS / "talk.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
