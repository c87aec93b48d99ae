"""Command line: parse, call one function, print."""

import math
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import click
from rich.markup import escape

from cevns_bayes.errors import InputError
from cevns_bayes.terminal import (
    err,
    new_table,
    out,
    print_at_limit,
    print_chi2,
    print_comparison,
    print_profile,
    print_run,
    print_table,
)

# What needs PyMC is imported inside the commands: --help and wrong options answer at once.

_interrupts: list[bool] = []


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cevns-bayes")
def cli() -> None:
    """Bayesian inference for coherent elastic neutrino-nucleus scattering.

    Example: cevns-bayes run weak-mixing-angle --data csi
    """


_Command = Callable[..., Any]


def _options(*options: Callable[[_Command], _Command]) -> Callable[[_Command], _Command]:
    def decorate(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


# The names are those of ModelOptions.
_physics_options = _options(
    click.option(
        "--form-factor",
        default="helm",
        show_default=True,
        help="helm, klein-nystrand or symmetrized-fermi.",
    ),
    click.option("--lar-statistic", default="poisson", show_default=True, help="Or gaussian."),
    click.option("--lar-bins", help="3d or 2d; by default 2d for the Gaussian statistic."),
)
_model_options = _options(
    click.argument("scenario"),
    click.option(
        "--data", default="csi", show_default=True, help="Experiments, separated by commas."
    ),
    _physics_options,
    click.option(
        "--share-flux/--no-share-flux",
        default=True,
        show_default=True,
        help="One flux uncertainty for several experiments.",
    ),
)


_SAMPLING = ("sampler", "draws", "tune", "chains", "live_points", "seed", "checkpoint")

_prior_option = click.option(
    "--prior",
    "priors",
    multiple=True,
    callback=lambda context, parameter, texts: _priors(texts),
    help="Prior in place of the scenario's own, e.g. 'sin2_theta_w ~ Normal(0.23, 0.02)'. "
    "May be repeated.",
)


@cli.command("list")
@click.argument("name", required=False)
def list_command(name: str | None) -> None:
    """List the scenarios, or show the definition of one.

    Example: cevns-bayes list weak-mixing-angle
    """
    from cevns_bayes.experiments import experiment_names
    from cevns_bayes.scenario import load_scenario, scenario_names

    if name is not None:
        scenario = load_scenario(name)
        text = f"{scenario.name}: {scenario.title} ({scenario.reference})\n\n{scenario.description}"
        out.print(text, markup=False, highlight=False, soft_wrap=True)
        return
    table = new_table("scenario", "title", "priors [unit]", "data", "reference")
    for scenario in map(load_scenario, scenario_names()):
        table.add_row(
            scenario.name,
            scenario.title,
            escape("\n".join(_priors_with_units(scenario))) or "—",
            ", ".join(experiment_names()),
            scenario.reference,
        )
    print_table(table)


def _priors_with_units(scenario: Any) -> list[str]:
    from cevns_bayes.scenario import declared_priors

    units = {p.name: p.unit for p in scenario.parameters_of_interest}
    units |= {p.logarithm.name: p.unit for p in scenario.parameters_of_interest}
    return [
        f"{prior} [{units[name]}]" if units.get(name) else prior
        for prior in declared_priors(scenario)
        for name in [prior.split(" ~ ")[0]]
    ]


@cli.command()
@_model_options
@_prior_option
@click.option("--output", type=click.Path(path_type=Path), help="Folder of the results.")
@click.option("--sampler", default="auto", show_default=True, help="auto, nuts, smc or nested.")
@click.option("--draws", type=int, help="Draws per chain.")
@click.option("--tune", type=int, help="Draws of adaptation per chain of NUTS.")
@click.option("--chains", type=int, help="Number of chains.")
@click.option("--live-points", type=int, help="Of nested sampling.")
@click.option("--seed", type=int, help="Seed of the sampler.")
@click.option(
    "--checkpoint",
    type=click.Path(path_type=Path),
    help="Folder from which SMC and nested sampling go on after an interrupt.",
)
@click.option("--force", is_flag=True, help="Replace the results of an earlier run.")
@click.option("--no-progress", is_flag=True, help="No progress bars.")
def run(
    scenario: str,
    data: str,
    output: Path | None,
    force: bool,
    no_progress: bool,
    **options: Any,
) -> None:
    """Sample the posterior of SCENARIO and write a report.

    Writes report.html, posterior.nc, summary.csv, fit.json, profiles and figures into the folder
    results/SCENARIO-DATA, or into --output.

    Example: cevns-bayes run weak-mixing-angle --data csi
    """
    from cevns_bayes.analysis import analyse
    from cevns_bayes.model import ModelOptions, pose
    from cevns_bayes.report import write_report
    from cevns_bayes.results import REPORT_FILE, new_folder
    from cevns_bayes.scenario import load_scenario

    loaded = load_scenario(scenario)
    experiments = _names(data)
    folder = output or Path("results") / f"{loaded.name}-{'-'.join(experiments)}"
    given = {name: options.pop(name) for name in _SAMPLING}
    sampling = {name: value for name, value in given.items() if value is not None}
    sampling["progressbar"] = not no_progress
    with new_folder(folder, force=force) as staging:
        pose(loaded, experiments, **cast(ModelOptions, options))  # wrong input ends here
        err.print(f"Compiling and sampling [bold]{loaded.name}[/] on {', '.join(experiments)} ...")
        analysis = analyse(loaded, experiments, sampling, cast(ModelOptions, options))
        _stop_if_interrupted()
        err.print("Drawing the figures ...")
        write_report(analysis, staging)
        _stop_if_interrupted()
    print_run(analysis)
    out.print(f"Report: {folder / REPORT_FILE}", soft_wrap=True, highlight=False)


@cli.command()
@_model_options
@_prior_option
def fit(scenario: str, data: str, **options: Any) -> None:
    """Minimise χ² over the parameters of SCENARIO and all nuisances.

    Example: cevns-bayes fit weak-mixing-angle --data csi
    """
    from cevns_bayes.best_fit import fit

    result = fit(scenario, _names(data), **options)
    table = new_table("variable", "best fit", "error")
    for name, value in {**result.params, **result.nuisances}.items():
        table.add_row(name, f"{value:.5g}", f"{result.errors[name]:.3g}")
    print_table(table)
    print_chi2(result)
    print_at_limit(result)
    if not result.valid:
        err.print("[bold white on red]The minimiser did not converge.")


@cli.command()
@_model_options
@_prior_option
@click.option(
    "--level",
    "levels",
    multiple=True,
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Of confidence, several if repeated; 0.68, 0.90 and 0.95 unless given.",
)
@click.option("--points", type=int, help="Points of a surface along each axis.")
@click.option(
    "--output", type=click.Path(path_type=Path), help="New folder for the curves and surfaces."
)
def profile(
    scenario: str,
    data: str,
    levels: tuple[float, ...],
    points: int | None,
    output: Path | None,
    **options: Any,
) -> None:
    """Profile likelihood of SCENARIO: confidence intervals, and Δχ² as CSV.

    Example: cevns-bayes profile nsi-ee-ud --output profiles
    """
    from cevns_bayes.results import new_folder, write_profile
    from cevns_bayes.scan import DEFAULT_POINTS, profile

    _refuse_existing(output)
    found = profile(
        scenario,
        _names(data),
        points=DEFAULT_POINTS if points is None else points,
        surfaces=output is not None,
        **options,
    )
    if output is not None:
        with new_folder(output, force=False) as staging:
            write_profile(found, staging)
    print_profile(found, levels)
    print_chi2(found.best_fit)
    print_at_limit(found.best_fit)


@cli.command()
@click.argument("scenario")
@click.option("--data", default="csi", show_default=True, help="One experiment.")
@_physics_options
@click.option(
    "--set",
    "settings",
    multiple=True,
    help="Value of a parameter or nuisance, e.g. sin2_theta_w=0.23. May be repeated.",
)
@click.option(
    "--csv", "table_file", type=click.Path(path_type=Path), help="Write the bins to a new CSV file."
)
def predict(
    scenario: str, data: str, settings: tuple[str, ...], table_file: Path | None, **options: Any
) -> None:
    """Expected counts of SCENARIO at given parameters.

    Example: cevns-bayes predict weak-mixing-angle --set sin2_theta_w=0.23 --set csi::alpha_brn=0.1
    """
    from cevns_bayes.model import predict

    pairs = [_setting(text) for text in settings]
    values = dict(pairs)
    if len(values) < len(pairs):
        raise InputError(f"--set names a variable twice: {', '.join(name for name, _ in pairs)}")
    nuisances = {name: values.pop(name) for name in list(values) if "::" in name}
    counts = predict(scenario, values, _names(data), nuisances=nuisances, **options)
    if table_file:
        _write_new(table_file, counts.to_dataframe().to_csv(float_format="%.8g"))
    table = new_table("component", "expected events")
    for name, component in counts.data_vars.items():
        table.add_row(str(name), f"{float(component.sum()):.2f}")
    print_table(table)


@cli.command()
@click.argument("scenarios", nargs=-1)
@click.option("--form-factor", default="helm", show_default=True, help="As for `fit`.")
@click.option("--csv", "csv_file", type=click.Path(path_type=Path), help="Write a new CSV file.")
@click.option(
    "--markdown", "markdown_file", type=click.Path(path_type=Path), help="Write a new table file."
)
def validate(
    scenarios: tuple[str, ...], form_factor: str, csv_file: Path | None, markdown_file: Path | None
) -> None:
    """Fit SCENARIOS (all, if none is named) as published and compare the χ² minima.

    A row is reproduced if χ² is within 1.5 (csi), 1.0 (lar) or 2.0 (csi+lar) of the published
    value and its improvement over the Standard Model within 0.5. Differences are results, not
    errors: the exit code stays 0.

    Example: cevns-bayes validate --markdown validation.md
    """
    from cevns_bayes.validation import validate

    for file in (csv_file, markdown_file):
        _refuse_existing(file)
    if csv_file and csv_file == markdown_file:
        raise InputError(f"--csv and --markdown are the same file, {csv_file}")
    columns = {
        "scenario": "scenario",
        "data": "data",
        "χ²": "chi2",
        "published": "published",
        "difference": "difference",
        "Δχ²": "improvement",
        "published Δχ²": "published_improvement",
        "verdict": "verdict",
    }
    table, lines = new_table(*columns), []
    for row in validate(scenarios, form_factor=form_factor):
        err.print(f"{row.scenario} on {row.data}: {row.verdict}", highlight=False)
        values = [getattr(row, name) for name in columns.values()]
        lines.append([x if isinstance(x, str) else f"{round(x, 2) + 0.0:.2f}" for x in values])
        table.add_row(*lines[-1])
    print_table(table)
    if csv_file:
        _write_new(csv_file, "".join(f"{','.join(line)}\n" for line in [columns.values(), *lines]))
    if markdown_file:
        _write_markdown(markdown_file, list(columns), lines)


def _write_markdown(path: Path, header: list[str], rows: list[list[str]]) -> None:
    lines = [header, ["---"] * len(header), *rows]
    _write_new(path, "".join(f"| {' | '.join(line)} |\n" for line in lines))


@cli.command()
@click.argument("scenarios", nargs=-1)
@click.option("--data", default="csi", show_default=True, help="Experiments, separated by commas.")
@click.option(
    "--markdown", "markdown_file", type=click.Path(path_type=Path), help="Write a new table file."
)
def survey(scenarios: tuple[str, ...], data: str, markdown_file: Path | None) -> None:
    """Sample SCENARIOS (all, if none is named) with default settings and tabulate diagnostics.

    Example: cevns-bayes survey --markdown sampling.md
    """
    from cevns_bayes.survey import survey

    _refuse_existing(markdown_file)
    header = ["scenario", "sampler", "seconds", "R-hat", "bulk ESS", "tail ESS", "ln Z", "verdict"]
    table, lines = new_table(*header), []
    for row in survey(scenarios, _names(data)):
        found = row.convergence
        error = f" ± {found.evidence_error:.2f}"
        evidence = "—" if math.isnan(row.log_evidence) else f"{row.log_evidence:.2f}{error}"
        sizes = [f"{found.r_hat:.4f}", f"{found.ess_bulk:.0f}", f"{found.ess_tail:.0f}"]
        seconds = f"{row.seconds:.0f}"
        lines.append([row.scenario, row.sampler, seconds, *sizes, evidence, row.verdict])
        err.print("  ".join(lines[-1]), highlight=False)
        table.add_row(*lines[-1])
    print_table(table)
    if markdown_file:
        _write_markdown(markdown_file, header, lines)


@cli.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path))
def compare(folders: tuple[Path, ...]) -> None:
    """Compare scenarios by LOO and WAIC, from the FOLDERS that `run` wrote.

    Example: cevns-bayes compare results/sm-csi results/weak-mixing-angle-csi
    """
    from cevns_bayes.comparison import compare
    from cevns_bayes.results import load_posterior

    names = [folder.name for folder in folders]
    if len(set(names)) < len(names):
        names = [str(folder) for folder in folders]
    if len(set(names)) < len(names):
        raise InputError(f"compare names a folder twice: {', '.join(names)}")
    posteriors = [load_posterior(folder) for folder in folders]
    print_comparison(compare(dict(zip(names, posteriors, strict=True))))


@cli.group()
def data() -> None:
    """Data tables of the package."""


@data.command("import")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--output", type=click.Path(path_type=Path), help="Where to write; the package's data folder."
)
@click.option("--force", is_flag=True, help="Replace tables that exist.")
def import_command(folder: Path, output: Path | None, force: bool) -> None:
    """Rebuild the data tables from an official release in FOLDER.

    Example: cevns-bayes data import csi-2021 --output tables
    """
    from cevns_bayes.datasets import data_folder
    from cevns_bayes.releases import import_release

    written = import_release(folder, output or Path(str(data_folder())), force=force)
    out.print(f"Tables: {written}", soft_wrap=True, highlight=False)


def _names(data: str) -> list[str]:
    return [name.strip() for name in data.split(",")]


def _priors(texts: tuple[str, ...]) -> dict[str, str]:
    from cevns_bayes.priors import split_prior

    pairs = [split_prior(text) for text in texts]
    if len(dict(pairs)) < len(pairs):
        raise InputError(f"--prior names a variable twice: {', '.join(name for name, _ in pairs)}")
    return dict(pairs)


def _setting(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError:
        raise InputError(f"malformed --set '{text}'; write NAME=NUMBER") from None


def _refuse_existing(path: Path | None) -> None:
    """Before the work, not after it."""
    if path and path.exists():
        raise InputError(f"{path} exists")


def _write_new(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InputError(f"{path} exists") from None
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error


def _remember_interrupt(*_: Any) -> None:
    _interrupts.append(True)
    raise KeyboardInterrupt


def _stop_if_interrupted() -> None:
    """Python swallows what is raised inside a callback of the garbage collector: ask again."""
    if _interrupts:
        raise KeyboardInterrupt


def main() -> None:
    """Entry point: wrong input is one line on stderr and exit code 2, an interrupt 130."""
    for number in (signal.SIGINT, signal.SIGTERM):  # the latter from batch systems
        signal.signal(number, _remember_interrupt)
    try:
        code = cli.main(standalone_mode=False)
    except (InputError, click.UsageError) as error:
        message = error.format_message() if isinstance(error, click.UsageError) else str(error)
        print(f"cevns-bayes: error: {' '.join(message.split())}", file=sys.stderr)
        code = 2
    except (KeyboardInterrupt, click.Abort):
        print("cevns-bayes: interrupted; nothing was written", file=sys.stderr)
        code = 130
    sys.exit(code if isinstance(code, int) else 0)
