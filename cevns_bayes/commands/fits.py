"""Commands that fit."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from cevns_bayes.commands.arguments import experiments_of, refuse_existing, write_new
from cevns_bayes.commands.interrupts import stop_if_interrupted
from cevns_bayes.commands.options import PATH, form_factor_option, model_options
from cevns_bayes.errors import InputError
from cevns_bayes.report.terminal import err, print_chi2, print_table

# What needs PyMC is imported inside the commands: --help and wrong options answer at once.


@click.command()
@model_options
def fit(scenario: str, data: str, **options: Any) -> None:
    """Minimise χ² over the parameters of SCENARIO and all nuisances.

    Example: cevns-bayes fit weak-mixing-angle --data csi
    """
    from cevns_bayes.frequentist.best_fit import fit
    from cevns_bayes.report.tables import best_fit_variables, units_of
    from cevns_bayes.scenarios.scenario import load_scenario

    loaded = load_scenario(scenario)
    experiments, options = experiments_of(data, options)
    result = fit(loaded, experiments, **options)
    print_table(best_fit_variables(result, units_of(loaded, result.data)))
    print_chi2(result)


@click.command()
@model_options
@click.option(
    "--level",
    "levels",
    multiple=True,
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Of confidence, several if repeated; 0.68, 0.90 and 0.95 unless given.",
)
@click.option("--points", type=int, help="Points of a surface along each axis.")
@click.option(
    "--dof",
    type=click.IntRange(1, 2),
    default=2,
    show_default=True,
    help="Degrees of freedom of the regions of two parameters.",
)
@click.option("--output", type=PATH, help="New folder for curves, surfaces and contours.")
def profile(
    scenario: str,
    data: str,
    levels: tuple[float, ...],
    points: int | None,
    dof: int,
    output: Path | None,
    **options: Any,
) -> None:
    """Profile likelihood of SCENARIO: confidence intervals; Δχ² and contours as CSV.

    Example: cevns-bayes profile nsi-ee-ud --output profiles
    """
    from cevns_bayes.frequentist.profile import DEFAULT_POINTS, profile
    from cevns_bayes.report.curve_files import about, write_profile
    from cevns_bayes.report.folder import new_folder
    from cevns_bayes.report.tables import profile_intervals, units_of
    from cevns_bayes.scenarios.scenario import load_scenario

    refuse_existing(output)
    loaded = load_scenario(scenario)
    experiments, options = experiments_of(data, options)
    number = DEFAULT_POINTS if points is None else points
    surfaces = output is not None
    found = profile(loaded, experiments, points=number, surfaces=surfaces, dof=dof, **options)
    if output is not None:
        with new_folder(output, force=False) as staging:
            write_profile(found, staging, about(loaded, experiments))
    print_table(profile_intervals(found, units_of(loaded, found.best_fit.data), levels))
    print_chi2(found.best_fit)


@click.command()
@click.argument("scenarios", nargs=-1)
@form_factor_option
@click.option("--csv", "csv_file", type=PATH, help="Write a new CSV file.")
@click.option("--markdown", "markdown_file", type=PATH, help="Write a new table file.")
def validate(
    scenarios: tuple[str, ...], form_factor: str, csv_file: Path | None, markdown_file: Path | None
) -> None:
    """Fit SCENARIOS (all, if none is named) as published and compare the χ² minima.

    A row is reproduced if χ² is within 1.5 (csi), 1.0 (lar) or 2.0 (csi+lar) of the published
    value and its improvement over the Standard Model within 0.5. Differences are results, not
    errors: the exit code stays 0.

    Example: cevns-bayes validate --markdown validation.md
    """
    from cevns_bayes.published import validate
    from cevns_bayes.report.listings import published

    refuse_existing(csv_file, markdown_file)
    if csv_file and csv_file == markdown_file:
        raise InputError(f"--csv and --markdown are the same file, {csv_file}")
    table = published(_announced(validate(scenarios, form_factor=form_factor)))
    print_table(table)
    if csv_file:
        write_new(csv_file, table.csv())
    if markdown_file:
        write_new(markdown_file, table.markdown())


def _announced(rows: Iterable[Any]) -> Iterable[Any]:
    """The rows of a long work, each named on stderr as soon as it is there."""
    for row in rows:
        stop_if_interrupted()
        err.print(f"{row.scenario} on {row.data}: {row.verdict}", highlight=False, markup=False)
        yield row
