"""What toys gave, as tables and as files."""

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from cevns_bayes.bayesian.regions import posterior_density_1d
from cevns_bayes.ensembles.calibration import Calibration
from cevns_bayes.ensembles.confidence_region import FeldmanCousins
from cevns_bayes.ensembles.coverage import Coverage
from cevns_bayes.ensembles.goodness_of_fit import GoodnessOfFit
from cevns_bayes.report.style import save
from cevns_bayes.report.tables import Column, Estimate, Table

LEVELS_OF_TOYS = (0.68, 0.90)  # Others need more toys.


def tested_points(found: FeldmanCousins) -> Table:
    """Every tested point: Delta chi^2, its critical value, the p-value and the toys."""
    critical, low, high = found.critical()
    title = f"critical value at {found.level:.4g}"
    columns = [
        *(Column(name, ".6g") for name in found.parameters),
        Column("Δχ²", ".4f", "delta_chi2"),
        Column(title, ".4f", "critical"),
        Column("p-value", ".5f", "p_value"),
        Column("toys"),
    ]
    rows = [
        [
            *found.points[i].tolist(),
            found.delta_chi2[i],
            Estimate(critical[i], (high[i] - low[i]) / 2),
            Estimate(found.p_values[i], found.p_errors[i]),
            int(found.numbers[i]),
        ]
        for i in np.lexsort(found.points.T[::-1])
    ]
    return Table(columns, rows, named=False)


def intervals(found: FeldmanCousins, posterior: xr.DataTree | None = None) -> Table:
    """Feldman-Cousins, profile and, with a posterior, credible intervals side by side."""
    columns = [
        *(Column("parameter"), Column("level", ".2f"), Column("interval")),
        *(Column("low", ".5g"), Column("high", ".5g")),
        *(Column("low ±", ".2g", "low_error"), Column("high ±", ".2g", "high_error")),
    ]
    rows: list[list[Any]] = []
    for level in sorted({*LEVELS_OF_TOYS, found.level}):
        pairs = zip(found.intervals(level), found.interval_errors(level), strict=True)
        rows += [["Feldman-Cousins", level, *ends, *errors] for ends, errors in pairs]
        rows += [["profile", level, *ends, None, None] for ends in found.curve.intervals(level)]
        if posterior is not None:
            density = posterior_density_1d(posterior, found.parameters[0], found.curve.limits)
            rows += [["credible", level, *e, None, None] for e in density.intervals(level)]
    name = found.parameters[0]
    return Table(columns, [[name, level, kind, *rest] for kind, level, *rest in rows])


def contours(found: FeldmanCousins) -> Table:
    """Borders of the regions of two parameters, by level and piece."""
    rows = [
        [level, piece, *vertex.tolist()]
        for level in sorted({*LEVELS_OF_TOYS, found.level})
        for piece, line in enumerate(found.contours(level))
        for vertex in line
    ]
    columns = [Column("level", ".2f"), Column("piece"), *map(Column, found.parameters)]
    return Table(columns, rows, named=False)


def goodness(found: GoodnessOfFit) -> Table:
    """chi^2 of the data among those of the toys."""
    columns = [
        *(Column("χ²", ".2f", "chi2"), Column("median of the toys", ".2f")),
        *(Column("p-value", ".4f", "p_value"), Column("toys")),
    ]
    estimate = Estimate(found.p_value, found.p_error)
    middle = float(sorted(found.toys)[len(found.toys) // 2])
    return Table(columns, [[found.chi2, middle, estimate, len(found.toys)]], named=False)


def covered(found: Coverage) -> Table:
    """Share of the toys whose intervals hold the truth, by truth, kind and level."""
    index = found.names.index(found.parameter)
    columns = [
        *(Column(f"true {found.parameter}", ".5g", "truth"), Column("interval"), Column("toys")),
        *(Column(f"at {level:.0%}", ".3f", f"at_{level:.2f}") for level in LEVELS_OF_TOYS),
    ]
    rows = [
        [
            truth[index],
            kind,
            int(np.isfinite(found.held_from[kind][i]).sum()),
            *(Estimate(*(of[i] for of in found.of(kind, level))) for level in LEVELS_OF_TOYS),
        ]
        for i, truth in enumerate(found.truths)
        for kind in found.held_from
    ]
    return Table(columns, rows, named=False)


def calibrated(found: Calibration) -> Table:
    """By variable, how far the distribution of ranks is from uniform, and if that may be."""
    points, ecdf = found.ecdf[:, 0], found.ecdf[:, 1]
    columns = [
        *(Column("variable"), Column("replicas"), Column("largest difference", ".3f")),
        Column("within the 99% band"),
    ]
    differences = np.abs(ecdf - points).max(axis=1)
    rows = [
        [name, len(found.below), difference, "yes" if found.within[name] else "NO"]
        for name, difference in zip(found.names, differences, strict=True)
    ]
    return Table(columns, rows)


def write_feldman_cousins(
    found: FeldmanCousins, figure: Figure, folder: Path, posterior: xr.DataTree | None = None
) -> None:
    """Write tested points, intervals or contours as CSV, and a figure, into an existing folder."""
    (folder / "points.csv").write_text(tested_points(found).csv(), encoding="utf-8")
    if len(found.parameters) == 1:
        text = intervals(found, posterior).csv()
        (folder / "intervals.csv").write_text(text, encoding="utf-8")
    else:
        (folder / "contours.csv").write_text(contours(found).csv(), encoding="utf-8")
    save(figure, folder / "feldman_cousins")
