"""Writes the table of sensitivities in docs/forecasts.md: `make sensitivities`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cevns_bayes as cb
from cevns_bayes.report.tables import Column, Table

PAGE = Path(__file__).parent / "forecasts.md"
BEGIN, END = "<!-- made by `make sensitivities` -->\n", "<!-- end -->\n"
TARGETS = ("csi", "si", "xe", "ge", "ar", "c3f8")
DATA = (*(f"ess-{target}" for target in TARGETS), "reactor-ge", "reactor-cawo4")
SIGNAL_SIGMA = 0.06  # in place of 10 % (ESS) and 5 % (reactors)
PUBLISHED = 0.011  # of the ESS; arXiv:1911.00762
COLUMNS = [
    Column("data"),
    Column("CEvNS events", ".0f"),
    Column("σ(sin²θ_W)", ".4f"),
    Column("published", ".3f"),
    Column(f"with {SIGNAL_SIGMA:.0%} on the signal", ".4f"),
    Column("statistics only", ".5f"),
    Column("μ_νe < [10⁻¹¹ μ_B]", ".3g"),
]


def rows() -> Iterator[list[object]]:
    for name in DATA:
        print(name, flush=True)
        experiment = cb.load_experiment(name)
        other = experiment.with_sigma({"alpha_flux": SIGNAL_SIGMA})
        fixed = {f"{name}::{n.name}": 0.0 for n in experiment.nuisances}
        moment = cb.profile("magnetic-moment", name, surfaces=False, fixed={"mu_nu_mu": 0.0})
        ((_, limit),) = moment.limits("mu_nu_e", 0.90)
        yield [
            name,
            float(cb.predict("sm", {}, name).cevns.sum()),
            error(experiment),
            PUBLISHED if name.startswith("ess") else None,
            error(other),
            error(experiment, fixed=fixed),
            100 * limit,
        ]


def error(experiment: cb.Experiment, **options: Any) -> float:
    """1 sigma error of the weak mixing angle, that of the parabola."""
    return cb.fit("weak-mixing-angle", experiment, **options).errors["sin2_theta_w"]


def main() -> None:
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    table = Table(COLUMNS, list(rows())).markdown()
    PAGE.write_text(f"{before}{BEGIN}{table}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
