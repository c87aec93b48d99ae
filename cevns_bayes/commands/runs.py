"""Commands about runs and their folders."""

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from cevns_bayes.commands.arguments import jobs_of, refuse_existing, scenarios_of
from cevns_bayes.commands.interrupts import stop_if_interrupted
from cevns_bayes.commands.options import PATH, data_sets_option, physics_options, sampling_options
from cevns_bayes.commands.views import overlay_option, toys_option, view_of, view_options
from cevns_bayes.errors import InputError
from cevns_bayes.quick_checks import check_scenario, each
from cevns_bayes.report.terminal import err, out, print_run, print_table

# What needs PyMC is imported inside the commands: --help and wrong options answer at once.


@click.command()
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
@click.option("--no-progress", is_flag=True, help="No progress bars, as without a terminal.")
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
    options["progressbar"] = not no_progress and out.is_terminal and err.is_terminal
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
        target, force=force, posterior=posterior, say=err.print, stop=stop_if_interrupted
    )
    print_run(done)
    out.print(f"Report: {target / 'report.html'}", soft_wrap=True, highlight=False)
    return 0


def _run_all(jobs: dict[str, Any], output: Path, *, force: bool, bar: bool) -> int:
    """Several runs; the exit code."""
    from cevns_bayes.report.batch import run_all
    from cevns_bayes.report.overview import HDI, PAGE, PROFILE, overview

    outcomes = run_all(jobs, output, force=force, bar=bar, stop=stop_if_interrupted)
    print_table(overview(outcomes), leaving_out=(HDI, PROFILE))
    out.print(f"Summary: {output / PAGE}", soft_wrap=True, highlight=False)
    failed = sum(bool(outcome.problems) for outcome in outcomes.values())
    if failed:
        err.print(f"[bold white on red]{failed} of {len(outcomes)} failed.")
    return 2 if failed else 0


@click.command()
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


@click.command()
@click.argument("folders", nargs=-1, required=True, type=PATH)
def compare(folders: tuple[Path, ...]) -> None:
    """Compare scenarios by LOO and WAIC, from the FOLDERS that `run` wrote.

    Example: cevns-bayes compare results/sm-csi results/weak-mixing-angle-csi
    """
    from cevns_bayes.report.folder import POSTERIOR_FILE, check_files, load_posterior

    for folder in folders:
        check_files(folder, POSTERIOR_FILE)
    from cevns_bayes.bayesian.comparison import compare
    from cevns_bayes.report.listings import comparison

    names = [folder.name for folder in folders]
    if len(set(names)) < len(names):
        names = [str(folder) for folder in folders]
    if len(set(names)) < len(names):
        raise InputError(f"compare names a folder twice: {', '.join(names)}")
    print_table(comparison(compare(dict(zip(names, map(load_posterior, folders), strict=True)))))


@click.command()
@click.argument("folder", type=PATH)
@click.option("--output", type=PATH, required=True, help="New folder of the submission.")
def hepdata(folder: Path, output: Path) -> None:
    """Write the curves, regions and limits of a results FOLDER as a HEPData submission.

    Example: cevns-bayes hepdata results/nsi-ee-ud-csi --output submission
    """
    refuse_existing(output)
    from cevns_bayes.report.hepdata import write_hepdata

    tables = write_hepdata(folder, output)
    out.print(f"Tables in {output}: {', '.join(tables)}", soft_wrap=True, highlight=False)
