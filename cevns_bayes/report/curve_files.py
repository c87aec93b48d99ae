"""Curves, regions and limits as CSV, for figures of one's own.

Lines that begin with # say what they are of; ``pandas.read_csv(file, comment="#")`` skips them.
"""

from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import xarray as xr
from contourpy import contour_generator

from cevns_bayes.bayesian.density import Density2D
from cevns_bayes.bayesian.regions import posterior_density_2d
from cevns_bayes.experiments.experiment import Experiment
from cevns_bayes.frequentist.profile import LEVELS, Profile, Surface
from cevns_bayes.report.analysis import Analysis
from cevns_bayes.report.record import Recorded
from cevns_bayes.report.tables import units_of
from cevns_bayes.scenarios.scenario import Scenario

DIGITS = 16  # of a sha256
About = Mapping[str, str]
"""What stands at the head of a file."""


def about(scenario: Scenario, experiments: Sequence[Experiment | Recorded]) -> dict[str, str]:
    """Scenario, data and their shortened sha256, version, and units of the parameters."""
    data = [experiment.full_name for experiment in experiments]
    units = units_of(scenario, data).items()
    return {
        "scenario": scenario.name,
        "data": ",".join(data),
        "data sha256": ",".join(experiment.fingerprint()[:DIGITS] for experiment in experiments),
        "cevns-bayes": version("cevns-bayes"),
        "units": ", ".join(f"{name} [{unit}]" for name, unit in units) or "none",
    }


def write_curves(analysis: Analysis, folder: Path) -> None:
    """All curves, regions and limits of an analysis, into an existing folder."""
    head = about(analysis.scenario, analysis.experiments)
    for found in analysis.limit_curves:
        write_limit_curve(found, folder, head)
    if analysis.profile is not None:
        levels = analysis.view.of_regions
        write_regions(analysis.profile, analysis.posterior, folder, head, levels)


def write_regions(
    profile: Profile,
    posterior: xr.DataTree,
    folder: Path,
    head: About,
    levels: Sequence[float] = LEVELS,
) -> None:
    """A profile, and the borders of its confidence regions and of the credible ones beside."""
    write_profile(profile, folder, head, levels)
    for x, y in profile.surfaces:
        limits = (profile.curves[x].limits, profile.curves[y].limits)
        density = posterior_density_2d(posterior, (x, y), limits)
        write_credible_contours(density, (x, y), folder, head, levels)


def write_profile(
    profile: Profile, folder: Path, head: About, levels: Sequence[float] = LEVELS
) -> None:
    """Curves, surfaces and contours of a profile, into an existing folder."""
    for name, curve in profile.curves.items():
        columns = {name: curve.values, "delta_chi2": curve.delta_chi2}
        _write(folder, f"profile_{name}", "profile likelihood", head, columns)
    for (x, y), surface in profile.surfaces.items():
        grid = np.meshgrid(surface.x, surface.y, indexing="ij")
        columns = {x: grid[0].ravel(), y: grid[1].ravel(), "delta_chi2": surface.delta_chi2.ravel()}
        _write(folder, f"profile_{x}_{y}", "profile likelihood", head, columns)
        _write_contours(surface, folder, head, levels)


def _write_contours(surface: Surface, folder: Path, head: About, levels: Sequence[float]) -> None:
    columns = _pieces(surface.parameters, {of: surface.contours(of) for of in levels})
    columns = {"dof": np.full(len(columns["level"]), surface.dof), **columns}
    title = "borders of confidence regions (profile likelihood)"
    if not surface.resolved:
        head = {**head, "note": "narrower than the grid: pieces may be parts of one region"}
    _write(folder, f"contours_{'_'.join(surface.parameters)}", title, head, columns)


def write_credible_contours(
    density: Density2D,
    names: tuple[str, str],
    folder: Path,
    head: About,
    levels: Sequence[float] = LEVELS,
) -> None:
    """Borders of the HDI regions of two parameters."""
    generator = contour_generator(density.x, density.y, density.values.T)
    lines = {of: [np.asarray(x) for x in generator.lines(density.threshold(of))] for of in levels}
    columns = _pieces(names, lines)
    title = "borders of credible (HDI) regions, open at ends of the prior"
    _write(folder, f"credible_contours_{'_'.join(names)}", title, head, columns)


def _pieces(
    names: tuple[str, str], lines: Mapping[float, Iterable[np.ndarray]]
) -> dict[str, np.ndarray]:
    """Columns level, piece, x and y of lines of vertices, by level."""
    rows = [
        [level, piece, *vertex]
        for level, pieces in lines.items()
        for piece, line in enumerate(pieces)
        for vertex in line
    ]
    table = np.array(rows).reshape(-1, 4)
    return dict(zip(("level", "piece", *names), table.T, strict=True))


def write_limit_curve(found: xr.Dataset, folder: Path, head: About) -> None:
    """Limits on a coupling at each mass, into an existing folder."""
    mass = str(found["upper_limit"].dims[0])
    columns = {mass: found[mass].to_numpy(), "upper_limit": found["upper_limit"].to_numpy()}
    for i in range(found.sizes["interval"]):
        for end in ("excluded_low", "excluded_high"):
            columns[f"{end}_{i + 1}"] = found[end].isel(interval=i).to_numpy()
    of = found.attrs
    title = f"{of['level']:.0%} {of['kind']} limit on {of['coupling']} at each {mass}"
    title += "; upper_limit is where the first excluded range begins"
    prior = {"prior": of["prior"]} if "prior" in of else {}
    _write(folder, f"limit_curve_{of['kind']}", title, {**head, **prior}, columns)


def _write(
    folder: Path, name: str, title: str, head: About, columns: Mapping[str, np.ndarray]
) -> None:
    lines = [title, *(f"{key}: {value}" for key, value in head.items())]
    header = "\n".join([*(f"# {line}" for line in lines), ",".join(columns)])
    path = folder / f"{name.replace('::', '_')}.csv"
    table = np.column_stack(list(columns.values()))
    np.savetxt(path, table, fmt="%.8g", delimiter=",", header=header, comments="")
