"""An analysis as a file, from which its report is made again without sampling or fitting."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from cevns_bayes.bayesian.diagnostics import Convergence
from cevns_bayes.bayesian.provenance import require
from cevns_bayes.errors import InputError
from cevns_bayes.frequentist.best_fit import FitResult
from cevns_bayes.frequentist.curves import Curve, Surface
from cevns_bayes.frequentist.profile import Profile
from cevns_bayes.plugins import blamed_on
from cevns_bayes.report.analysis import Analysis
from cevns_bayes.report.folder import (
    ARCHIVE_FILE,
    POSTERIOR_FILE,
    check_files,
    load_posterior,
    read_netcdf,
    write_netcdf,
)
from cevns_bayes.report.record import Recorded, as_json, scenario_as_words, scenario_of

FORMAT = 1
TABLES = ("comparison", "sensitivity", "scaling", "impacts")
WORDS = ("options", "fixed", "p_values", "comparable", "command", "date")
MADE_OF = ("scenario", "data_sha256", "priors", "settings")  # what a posterior says of itself


def write_archive(analysis: Analysis, folder: Path) -> None:
    """Write all that an analysis holds beyond its posterior."""
    tree = xr.DataTree.from_dict(dict(_groups(analysis)))
    tree.attrs = {
        "format": FORMAT,
        "version": version("cevns-bayes"),
        "posterior": as_json(_made_of(analysis.posterior)),
        "words": as_json(_words(analysis)),
    }
    write_netcdf(tree, folder / ARCHIVE_FILE)


def _made_of(posterior: xr.DataTree) -> dict[str, Any]:
    return {key: posterior.attrs.get(key) for key in MADE_OF}


def _words(analysis: Analysis) -> dict[str, Any]:
    """All that is neither arrays nor tables."""
    fits = {name: asdict(getattr(analysis, name)) for name in ("best_fit", "standard_model")}
    return {
        "scenario": scenario_as_words(analysis.scenario),
        "convergence": asdict(analysis.convergence),
        **fits,
        **{name: getattr(analysis, name) for name in WORDS},
    }


def _groups(analysis: Analysis) -> Iterator[tuple[str, xr.Dataset]]:
    for i, experiment in enumerate(analysis.experiments):
        yield f"experiments/{i}/data", Recorded.of(experiment).as_dataset()
        if (expected := analysis.expected.get(experiment.name)) is not None:
            yield f"experiments/{i}/expected", expected
    for name in TABLES:
        if (table := getattr(analysis, name)) is not None:
            yield name, table
    for i, curve in enumerate(analysis.limit_curves):
        yield f"limit_curves/{i}", curve
    if analysis.profile is not None:
        for i, of in enumerate(analysis.profile.curves.values()):
            yield f"curves/{i}", _of_curve(of)
        for i, surface in enumerate(analysis.profile.surfaces.values()):
            yield f"surfaces/{i}", _of_surface(surface)


def _of_curve(curve: Curve) -> xr.Dataset:
    return xr.Dataset(
        {
            "values": ("point", curve.values),
            "delta_chi2": ("point", curve.delta_chi2),
            "points": (("point", "variable"), curve.points),
            "limits": ("end", np.array(curve.limits)),
        },
        attrs={"parameter": curve.parameter},
    )


def _of_surface(surface: Surface) -> xr.Dataset:
    return xr.Dataset(
        {
            "delta_chi2": (("x", "y"), surface.delta_chi2),
            "minima": (("minimum", "column"), surface.minima),
        },
        {"x": surface.x, "y": surface.y},
        {"parameters": as_json(surface.parameters), "dof": surface.dof},
    )


def load_analysis(folder: str | Path) -> Analysis:
    """The analysis in a folder of results, as :func:`cevns_bayes.analyse` gave it.

    Its experiments are records without physics, its scenario cannot be sampled again.

    Raises
    ------
    InputError
        A folder without an analysis, with a damaged one, or one of another version's format.

    Examples
    --------
    >>> analysis = cb.load_analysis("results/weak-mixing-angle-csi")  # doctest: +SKIP
    >>> cb.write_report(analysis, "redrawn")  # doctest: +SKIP
    """
    path = Path(folder) / ARCHIVE_FILE
    check_files(Path(folder), POSTERIOR_FILE, ARCHIVE_FILE)
    posterior = load_posterior(folder)
    tree = read_netcdf(path, xr.load_datatree)
    require(tree, attrs=["format", "version", "posterior", "words"], title=str(path))
    if tree.attrs["format"] != FORMAT:
        raise InputError(
            f"{path} was written by cevns-bayes {tree.attrs['version']} in format "
            f"{tree.attrs['format']}; this version reads format {FORMAT}: run again"
        )
    with blamed_on(path):
        if json.loads(tree.attrs["posterior"]) != json.loads(as_json(_made_of(posterior))):
            raise InputError("it is not of the posterior beside it")
        return _analysis(tree, posterior)


def _analysis(tree: xr.DataTree, posterior: xr.DataTree) -> Analysis:
    words = json.loads(tree.attrs["words"])
    experiments = {
        Recorded.from_dataset(of["data"].to_dataset()): of for of in _in_order(tree, "experiments")
    }
    best_fit = _fit(words["best_fit"])
    tables: dict[str, Any] = {
        name: tree[name].to_dataset() for name in TABLES if name in tree.children
    }
    return Analysis(
        scenario=scenario_of(words["scenario"]),
        experiments=[*experiments],
        posterior=posterior,
        convergence=Convergence(**words["convergence"]),
        best_fit=best_fit,
        standard_model=_fit(words["standard_model"]),
        profile=_profile(tree, best_fit),
        limit_curves=[of.to_dataset() for of in _in_order(tree, "limit_curves")],
        expected={
            e.name: of["expected"].to_dataset()
            for e, of in experiments.items()
            if "expected" in of.children
        },
        **tables,
        **{name: words[name] for name in WORDS},
    )


def _in_order(tree: xr.DataTree, group: str) -> list[xr.DataTree]:
    """Numbered members of a group, which may be missing."""
    members = tree[group].children if group in tree.children else {}
    return [members[str(i)] for i in range(len(members))]


def _fit(words: Mapping[str, Any]) -> FitResult:
    tuples = {name: tuple(words[name]) for name in ("data", "at_limit", "parameters")}
    return FitResult(**{**words, **tuples})


def _profile(tree: xr.DataTree, best_fit: FitResult) -> Profile | None:
    curves = [_curve(of.to_dataset()) for of in _in_order(tree, "curves")]
    surfaces = [_surface(of.to_dataset()) for of in _in_order(tree, "surfaces")]
    if not curves:
        return None
    return Profile(
        best_fit, {of.parameter: of for of in curves}, {of.parameters: of for of in surfaces}
    )


def _curve(of: xr.Dataset) -> Curve:
    low, high = of["limits"].to_numpy().tolist()
    arrays = (of[name].to_numpy() for name in ("values", "delta_chi2", "points"))
    return Curve(of.attrs["parameter"], (low, high), *arrays)


def _surface(of: xr.Dataset) -> Surface:
    x, y = json.loads(of.attrs["parameters"])
    grid, steps, delta, minima = (
        of[name].to_numpy() for name in ("x", "y", "delta_chi2", "minima")
    )
    return Surface((x, y), grid, steps, delta, minima, int(of.attrs["dof"]))
