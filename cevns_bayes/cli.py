"""Command line: parse, call one function, print."""

import shlex
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from cevns_bayes.arguments import (
    PATH,
    changed,
    data_option,
    data_sets_option,
    experiments_of,
    forecast_options,
    form_factor_option,
    jobs_of,
    model_options,
    names_of,
    physics_options,
    refuse_existing,
    sampling_options,
    scenario_argument,
    scenarios_of,
    set_option,
    values_of,
    write_new,
)
from cevns_bayes.ensemble_commands import ENSEMBLE_COMMANDS
from cevns_bayes.errors import InputError, one_line
from cevns_bayes.quick_checks import check_scenario, each
from cevns_bayes.report.terminal import err, out, print_chi2, print_run, print_table, print_text
from cevns_bayes.view_arguments import overlay_option, toys_option, view_of, view_options

# What needs PyMC is imported inside the commands: --help and wrong options answer at once.

_interrupts: list[bool] = []
# SIGTERM is of batch systems, SIGHUP of a terminal that is closed, where there is such a signal.
SIGNALS = [signal.SIGINT, signal.SIGTERM, *filter(None, [getattr(signal, "SIGHUP", None)])]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cevns-bayes")
def cli() -> None:
    """Bayesian inference for coherent elastic neutrino-nucleus scattering.

    Example: cevns-bayes run weak-mixing-angle --data csi
    """


@cli.command("list")
@click.argument("name", required=False, callback=each(check_scenario))
@click.option("--data", "only_data", is_flag=True, help="Only the experiments.")
def list_command(name: str | None, only_data: bool) -> None:
    """List scenarios and experiments, or show the definition of one scenario.

    Example: cevns-bayes list weak-mixing-angle
    """
    from cevns_bayes.experiments.loading import experiment_names, load_experiment
    from cevns_bayes.report import listings
    from cevns_bayes.scenarios.scenario import load_scenario, scenario_names

    if name is not None:
        scenario = load_scenario(name)
        about = f"{scenario.name}: {scenario.title} ({scenario.reference})"
        return print_text(f"{about}\n\n{scenario.description}")
    if not only_data:
        print_table(listings.scenarios(map(load_scenario, scenario_names())))
        print_text("")
    return print_table(listings.experiments({n: load_experiment(n) for n in experiment_names()}))


@cli.command()
@click.argument("scenarios", nargs=-1, metavar="SCENARIO...", callback=each(check_scenario))
@click.option("--all", "everything", is_flag=True, help="Run all scenarios.")
@data_sets_option
@physics_options
@click.option("--output", type=PATH, help="Folder of the results; of several runs, that of all.")
@sampling_options
@overlay_option
@toys_option
@click.option("--posterior", type=PATH, help="Folder whose posterior.nc spares the sampling.")
@click.option("--force", is_flag=True, help="Replace the results of an earlier run.")
@click.option("--no-progress", is_flag=True, help="No progress bars.")
def run(
    scenarios: tuple[str, ...],
    everything: bool,
    data_sets: tuple[str, ...],
    output: Path | None,
    posterior: Path | None,
    force: bool,
    no_progress: bool,
    overlays: tuple[str, ...],
    toys: Path | None,
    **options: Any,
) -> int:
    """Sample the posterior of SCENARIO and write a report.

    Writes report.html, posterior.nc, tables, fit.json, profiles and figures into the folder
    results/SCENARIO-DATA, or into --output. If something fails after the sampling, posterior.nc
    is kept in a folder beside it, for --posterior.

    Several scenarios or data sets are run one by one, into such folders within results, or within
    --output, beside a summary of them: index.html, summary.csv and summary.md. The same command
    again goes on where it was stopped: finished runs with the same settings are not repeated, and
    --force replaces only those with others. Failed runs, also those that did not converge, do not
    stop the others; the exit code is then 2.

    Example: cevns-bayes run weak-mixing-angle --data csi

    Example: cevns-bayes run --all --data csi --data lar --data csi,lar
    """
    options["progressbar"] = not no_progress
    if output and len(scenarios) == len(data_sets) == 1:
        from cevns_bayes.report.folder import refuse_occupied

        refuse_occupied(output, force=force)
    shown = {"view": view_of(overlays, toys), "command": shlex.join(["cevns-bayes", *sys.argv[1:]])}
    jobs = jobs_of(scenarios_of(scenarios, everything), data_sets, options, **shown)
    if len(jobs) > 1:
        if posterior:
            raise InputError("--posterior is for one scenario on one data set")
        return _run_all(jobs, output or Path("results"), force=force, bar=not no_progress)
    ((name, job),) = jobs.items()
    target = output or Path("results") / name
    done = job.run(
        target, force=force, posterior=posterior, say=err.print, stop=_stop_if_interrupted
    )
    print_run(done)
    out.print(f"Report: {target / 'report.html'}", soft_wrap=True, highlight=False)
    return 0


@cli.command()
@click.argument("folder", type=PATH)
@view_options
@click.option("--output", type=PATH, help="New folder; FOLDER itself unless given.")
def report(folder: Path, output: Path | None, **shown: Any) -> None:
    """Draw figures and report of FOLDER, written by `run`, again, without sampling or fitting.

    Example: cevns-bayes report results/nsi-ee-ud-csi --level 0.9 --label 'eps_ee_u=$x$'
    """
    from cevns_bayes.report.folder import ARCHIVE_FILE, POSTERIOR_FILE, check_files

    refuse_existing(output)
    check_files(folder, POSTERIOR_FILE, ARCHIVE_FILE)
    view = view_of(**shown)  # What is wrong with it is said before PyMC is imported.
    from cevns_bayes.report.redraw import redraw

    redraw(folder, view, output)
    out.print(f"Report: {(output or folder) / 'report.html'}", soft_wrap=True, highlight=False)


def _run_all(jobs: dict[str, Any], output: Path, *, force: bool, bar: bool) -> int:
    """Several runs; the exit code."""
    from cevns_bayes.report.batch import run_all
    from cevns_bayes.report.overview import HDI, PAGE, PROFILE, overview

    outcomes = run_all(jobs, output, force=force, bar=bar, stop=_stop_if_interrupted)
    print_table(overview(outcomes), leaving_out=(HDI, PROFILE))
    out.print(f"Summary: {output / PAGE}", soft_wrap=True, highlight=False)
    failed = sum(bool(outcome.problems) for outcome in outcomes.values())
    if failed:
        err.print(f"[bold white on red]{failed} of {len(outcomes)} failed.")
    return 2 if failed else 0


@cli.command()
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


@cli.command()
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
            write_profile(found, staging, about(loaded, found.best_fit.data))
    print_table(profile_intervals(found, units_of(loaded, found.best_fit.data), levels))
    print_chi2(found.best_fit)


@cli.command()
@model_options
@click.option("--output", type=PATH, help="New folder for tables and figures.")
def forecast(scenario: str, data: str, output: Path | None, **options: Any) -> None:
    """Sensitivity to SCENARIO of each of several experiments, and of all together.

    Expected events, intervals, the reach against exposure and systematics, nuisances by impact;
    with --output also as files, with figures of all regions and of the reach.

    Example: cevns-bayes forecast nsi-ee-ud --data ess-csi,ess-si --output forecast
    """
    from cevns_bayes.report.folder import new_folder
    from cevns_bayes.report.forecast import forecast, tables
    from cevns_bayes.report.forecast_page import write_forecast
    from cevns_bayes.report.plot_forecast import figures
    from cevns_bayes.scenarios.scenario import load_scenario

    refuse_existing(output)
    loaded = load_scenario(scenario)
    experiments, options = experiments_of(data, options)
    found = forecast(loaded, experiments, **options)
    if output is not None:
        with new_folder(output, force=False) as staging:
            write_forecast(found, figures(found), staging)
    for table in tables(found).values():
        print_table(table)
        print_text("")


@cli.command()
@scenario_argument
@data_option
@form_factor_option
@set_option
@forecast_options
@click.option("--csv", "csv_file", type=PATH, help="Write the bins to a new CSV file.")
def predict(
    scenario: str,
    data: str,
    settings: tuple[str, ...],
    exposure: float | None,
    csv_file: Path | None,
    form_factor: str,
    **changes: Any,
) -> None:
    """Expected counts of SCENARIO on one experiment at given parameters.

    Example: cevns-bayes predict weak-mixing-angle --set sin2_theta_w=0.23 --set csi::alpha_brn=0.1
    """
    from cevns_bayes.engine.prediction import predict
    from cevns_bayes.engine.problem import load_data
    from cevns_bayes.report.tables import expected_events

    experiments = load_data(changed(names_of(data), changes))
    if exposure is not None:
        experiments = [experiment.scaled(exposure) for experiment in experiments]
    values, nuisances = values_of(scenario, experiments, settings)
    counts = predict(scenario, values, experiments, nuisances=nuisances, form_factor=form_factor)
    if csv_file:
        write_new(csv_file, counts.to_dataframe().to_csv(float_format="%.8g"))
    print_table(expected_events(counts))


@cli.command()
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
        err.print(f"{row.scenario} on {row.data}: {row.verdict}", highlight=False, markup=False)
        yield row


@cli.command()
@click.argument("folders", nargs=-1, required=True, type=PATH)
def compare(folders: tuple[Path, ...]) -> None:
    """Compare scenarios by LOO and WAIC, from the FOLDERS that `run` wrote.

    Example: cevns-bayes compare results/sm-csi results/weak-mixing-angle-csi
    """
    from cevns_bayes.report.folder import POSTERIOR_FILE, check_files, load_posterior

    for folder in folders:
        check_files(folder, POSTERIOR_FILE)
    from cevns_bayes.bayesian.comparison import compare
    from cevns_bayes.bayesian.diagnostics import check_convergence
    from cevns_bayes.report.listings import comparison

    names = [folder.name for folder in folders]
    if len(set(names)) < len(names):
        names = [str(folder) for folder in folders]
    if len(set(names)) < len(names):
        raise InputError(f"compare names a folder twice: {', '.join(names)}")
    posteriors = dict(zip(names, map(load_posterior, folders), strict=True))
    compared = compare(posteriors)
    for name, posterior in posteriors.items():
        if problems := check_convergence(posterior).problems:
            err.print(f"[bold white on red]{name} has NOT CONVERGED: {'; '.join(problems)}.")
    print_table(comparison(compared))


@cli.command()
@click.argument("folder", type=PATH)
@click.option("--output", type=PATH, required=True, help="New folder of the submission.")
def hepdata(folder: Path, output: Path) -> None:
    """Write the curves, regions and limits of a results FOLDER as a HEPData submission.

    Example: cevns-bayes hepdata results/nsi-ee-ud-csi --output submission
    """
    from cevns_bayes.report.hepdata import write_hepdata

    tables = write_hepdata(folder, output)
    out.print(f"Tables in {output}: {', '.join(tables)}", soft_wrap=True, highlight=False)


for _command in ENSEMBLE_COMMANDS:
    cli.add_command(_command)


@cli.group()
def data() -> None:
    """Data tables of the package."""


@data.command("import")
@click.argument("folder", type=PATH)
@click.option("--output", type=PATH, help="Where to write; the package's data folder.")
@click.option("--force", is_flag=True, help="Replace tables that exist.")
def import_command(folder: Path, output: Path | None, force: bool) -> None:
    """Rebuild the data tables from an official release in FOLDER.

    Example: cevns-bayes data import csi-2021 --output tables
    """
    from cevns_bayes.datasets import data_folder
    from cevns_bayes.releases import import_release

    written = import_release(folder, output or Path(str(data_folder())), force=force)
    out.print(f"Tables: {written}", soft_wrap=True, highlight=False)


def _remember_interrupt(*_: Any) -> None:
    _interrupts.append(True)
    raise KeyboardInterrupt


def _stop_if_interrupted() -> None:
    """Python swallows what is raised inside a callback of the garbage collector: ask again."""
    if _interrupts:
        raise KeyboardInterrupt


def _message(error: BaseException) -> str:
    return one_line(error, error.format_message() if isinstance(error, click.UsageError) else "")


def main() -> None:
    """Entry point: wrong input is one line on stderr and exit code 2, an interrupt 130."""
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup wants it
            signal.signal(number, _remember_interrupt)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal without χ shows a question mark
            stream.reconfigure(errors="replace")
    try:
        code = cli.main(standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:
        code = _code_of(error)
    sys.exit(code if isinstance(code, int) else 0)


def _code_of(error: BaseException) -> int:
    """The exit code for what was raised, which is said in one line; bugs are raised again."""
    # Compiled code and callbacks turn an interrupt into errors of their own.
    if _interrupts or isinstance(error, KeyboardInterrupt | click.Abort):
        cause = error.__cause__ or error  # click hides an interrupt in an exception of its own
        kept = "; ".join(getattr(cause, "__notes__", ())) or "nothing was written"
        print(f"cevns-bayes: interrupted; {kept}", file=sys.stderr)
        return 130
    if isinstance(error, InputError | click.UsageError | OSError):
        print(f"cevns-bayes: error: {_message(error)}", file=sys.stderr)
        return 2
    raise error
