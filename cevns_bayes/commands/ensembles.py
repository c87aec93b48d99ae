"""Commands that make toys: parse, call one function, print."""

from pathlib import Path
from typing import Any

import click

from cevns_bayes.commands.arguments import (
    experiments_of,
    label_of,
    refuse_existing,
    runner_of,
    truths_of,
    write_new,
)
from cevns_bayes.commands.options import PATH, model_options, runner_options, toy_options
from cevns_bayes.errors import counted
from cevns_bayes.report.terminal import err, out, print_table

csv_option = click.option("--csv", "csv_file", type=PATH, help="Write a new CSV file.")
markdown_option = click.option(
    "--markdown", "markdown_file", type=PATH, help="Write a new table file."
)


@click.command("feldman-cousins")
@model_options
@click.option(
    "--parameter",
    "parameters",
    multiple=True,
    help="Of the region, two if repeated; all of SCENARIO unless given. Others are fitted.",
)
@click.option(
    "--level",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.90,
    show_default=True,
    help="Confidence level where toys are most.",
)
@click.option("--points", type=int, help="About how many points are tested; 21 or 60.")
@toy_options
@click.option("--posterior", type=PATH, help="Folder of `run` whose posterior is drawn as well.")
@click.option("--output", type=PATH, help="New folder; results/SCENARIO-DATA-feldman-cousins.")
def feldman_cousins(
    scenario: str,
    data: str,
    output: Path | None,
    parameters: tuple[str, ...],
    posterior: Path | None,
    **options: Any,
) -> None:
    """Confidence intervals or regions of SCENARIO from toys, by Feldman and Cousins.

    Writes tested points, intervals or contours, and a figure with the profile beside, and with
    --posterior the credible region. Toys are kept in a store: stopped, the same command goes on.

    Example: cevns-bayes feldman-cousins weak-mixing-angle --data csi --workers 2
    """
    from cevns_bayes.report.ensemble_jobs import run_feldman_cousins
    from cevns_bayes.report.ensembles import intervals, tested_points
    from cevns_bayes.scenarios.scenario import load_scenario

    loaded = load_scenario(scenario)
    settings = {name: options.pop(name) for name in ("level", "points", "toys", "seed")}
    target = output or Path("results", f"{loaded.name}-{label_of(data, options)}-feldman-cousins")
    refuse_existing(target)
    settings |= {"parameters": parameters or None, "runner": runner_of(target, options)}
    experiments, options = experiments_of(data, options)
    found = run_feldman_cousins(
        loaded, experiments, options, target, posterior=posterior, **settings
    )
    print_table(intervals(found) if len(found.parameters) == 1 else tested_points(found))
    out.print(f"Results: {target}", soft_wrap=True, highlight=False)


@click.command("goodness-of-fit")
@model_options
@toy_options
def goodness_of_fit(scenario: str, data: str, toys: int, seed: int, **options: Any) -> None:
    """p-value of the minimum of χ², from toys of the best fit of SCENARIO.

    Example: cevns-bayes goodness-of-fit sm --data csi
    """
    from cevns_bayes.ensembles.goodness_of_fit import goodness_of_fit
    from cevns_bayes.report.ensembles import goodness
    from cevns_bayes.scenarios.scenario import load_scenario

    loaded, runner = load_scenario(scenario), runner_of(None, options)
    experiments, options = experiments_of(data, options)
    found = goodness_of_fit(loaded, experiments, toys=toys, seed=seed, runner=runner, **options)
    print_table(goodness(found))


@click.command()
@model_options
@click.option(
    "--truth",
    "truths",
    multiple=True,
    required=True,
    metavar="NAME=VALUE,...",
    help="Values of parameters and nuisances from which toys are drawn. May be repeated.",
)
@click.option("--parameter", help="Whose intervals; the first of SCENARIO unless given.")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    default=("credible", "profile", "feldman-cousins"),
    show_default=True,
    help="Of intervals. May be repeated.",
)
@toy_options
@csv_option
@markdown_option
def coverage(
    scenario: str,
    data: str,
    truths: tuple[str, ...],
    csv_file: Path | None,
    markdown_file: Path | None,
    **options: Any,
) -> None:
    """How often intervals of SCENARIO hold the truth from which toys are drawn.

    Example: cevns-bayes coverage weak-mixing-angle --truth sin2_theta_w=0.2 --toys 200
    """
    from cevns_bayes.ensembles.coverage import coverage
    from cevns_bayes.report.ensembles import covered
    from cevns_bayes.scenarios.scenario import load_scenario

    refuse_existing(csv_file, markdown_file)
    loaded, runner = load_scenario(scenario), runner_of(None, options)
    settings = {name: options.pop(name) for name in ("parameter", "kinds", "toys", "seed")}
    experiments, options = experiments_of(data, options)
    values = truths_of(truths)
    found = coverage(loaded, experiments, values, runner=runner, **settings, **options)
    _show(covered(found), csv_file, markdown_file)


@click.command()
@model_options
@click.option("--replicas", type=int, default=1000, show_default=True, help="How many truths.")
@click.option("--output", type=PATH, help="New folder for ranks and figure.")
@runner_options
def calibrate(scenario: str, data: str, replicas: int, output: Path | None, **options: Any) -> None:
    """Simulation-based calibration of the posteriors of SCENARIO over its prior.

    Example: cevns-bayes calibrate sm --data csi --replicas 200
    """
    from cevns_bayes.ensembles.calibration import calibrate
    from cevns_bayes.report.ensemble_jobs import write_calibrated
    from cevns_bayes.report.ensembles import calibrated
    from cevns_bayes.scenarios.scenario import load_scenario

    refuse_existing(output)
    loaded, runner = load_scenario(scenario), runner_of(output, options)
    seed = options.pop("seed")
    experiments, options = experiments_of(data, options)
    found = calibrate(loaded, experiments, replicas=replicas, seed=seed, runner=runner, **options)
    if output:
        write_calibrated(found, output)
    print_table(calibrated(found))
    if found.failed or found.doubtful:
        err.print(
            f"[bold red]{found.failed} failed, {counted(found.doubtful, 'doubtful posterior')}."
        )


@click.command("merge-toys")
@click.argument("target", type=PATH)
@click.argument("stores", nargs=-1, required=True, type=PATH)
def merge_toys(target: Path, stores: tuple[Path, ...]) -> None:
    """Add to the store TARGET the toys of other STORES of the same settings.

    Example: cevns-bayes merge-toys toys toys-of-monday toys-of-tuesday
    """
    from cevns_bayes.ensembles.store import merge

    merge(target, stores)
    out.print(f"Toys: {target}", soft_wrap=True, highlight=False)


def _show(table: Any, csv_file: Path | None, markdown_file: Path | None) -> None:
    print_table(table)
    if csv_file:
        write_new(csv_file, table.csv())
    if markdown_file:
        write_new(markdown_file, table.markdown())


ENSEMBLE_COMMANDS = (feldman_cousins, goodness_of_fit, coverage, calibrate, merge_toys)
