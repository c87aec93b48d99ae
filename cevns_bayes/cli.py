"""Command line: the commands, and how the program ends."""

import gc
import os
import sys
from pathlib import Path

import click

from cevns_bayes.commands import interrupts
from cevns_bayes.commands.ensembles import ENSEMBLE_COMMANDS
from cevns_bayes.commands.fits import fit, profile, validate
from cevns_bayes.commands.options import PATH
from cevns_bayes.commands.predictions import forecast, list_command, predict
from cevns_bayes.commands.runs import compare, hepdata, report, run
from cevns_bayes.errors import InputError, one_line
from cevns_bayes.report.terminal import out


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cevns-bayes")
def cli() -> None:
    """Bayesian inference for coherent elastic neutrino-nucleus scattering.

    Example: cevns-bayes run weak-mixing-angle --data csi
    """


for _command in (
    *(list_command, run, report, fit, profile, forecast, predict, validate, compare, hepdata),
    *ENSEMBLE_COMMANDS,
):
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


def _message(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return one_line(error, f"out of memory: {error}")
    return one_line(error, error.format_message() if isinstance(error, click.UsageError) else "")


def _is_of_the_users(error: BaseException) -> bool:
    """Whether it is wrong input, or what the computer lacks; all else is a bug."""
    if "compiledir" in str(error):  # PyTensor's ValueError of a home that cannot be written
        error.add_note("PYTENSOR_FLAGS=base_compiledir=FOLDER names another")
        return True
    return isinstance(error, InputError | click.UsageError | OSError | MemoryError)


def main() -> None:
    """Entry point: wrong input is one line on stderr and exit code 2, an interrupt 130."""
    interrupts.watch()
    gc.set_threshold(100_000)  # Imports and figures make many objects, which all stay.
    os.environ.pop("MPLBACKEND", None)  # Figures go into files, and a wrong one is an error.
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
    if interrupts.were_seen() or isinstance(error, KeyboardInterrupt | click.Abort):
        cause = error.__cause__ or error  # click hides an interrupt in an exception of its own
        kept = "; ".join(getattr(cause, "__notes__", ())) or "nothing was written"
        print(f"cevns-bayes: interrupted; {kept}", file=sys.stderr)
        return 130
    if _is_of_the_users(error):
        print(f"cevns-bayes: error: {_message(error)}", file=sys.stderr)
        return 2
    raise error


if __name__ == "__main__":
    main()
