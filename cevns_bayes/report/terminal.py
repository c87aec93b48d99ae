"""What the command line prints: tables and verdicts."""

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table as RichTable

from cevns_bayes.errors import counted

if TYPE_CHECKING:  # `cevns-bayes --help` does not wait for PyMC
    from cevns_bayes.frequentist.best_fit import FitResult
    from cevns_bayes.report.analysis import Analysis
    from cevns_bayes.report.tables import Table

out = Console()
err = Console(stderr=True)

MAX_TABLE_WIDTH = 500


def print_table(table: "Table", leaving_out: tuple[str, ...] = ()) -> None:
    """Without frame and without cutting cells: a narrow terminal wraps lines."""
    shown = [i for i, title in enumerate(table.titles) if title not in leaving_out]
    rich = RichTable(box=None, padding=(0, 1, 0, 0))
    for i in shown:
        rich.add_column(escape(table.titles[i]), no_wrap=True)
    for row in table.cells("{} … {}"):
        rich.add_row(*(escape(row[i]) for i in shown))
    needed = Measurement.get(out, out.options.update(width=MAX_TABLE_WIDTH), rich).maximum
    Console(width=needed).print(rich, soft_wrap=True)


def print_run(analysis: "Analysis") -> None:
    """Summary of an analysis, and whether to trust it."""
    from cevns_bayes.report.tables import held_values, profile_intervals, units_of, variables

    print_table(variables(analysis), leaving_out=("68% HDI", "90% equal-tailed", "tail ESS"))
    if analysis.profile is not None:
        units = units_of(analysis.scenario, analysis.names)
        print_table(profile_intervals(analysis.profile, units))
    print_chi2(analysis.best_fit)
    if analysis.fixed:
        print_text(f"Held fixed: {held_values(analysis)}.")
    attrs = analysis.posterior.attrs
    out.print(f"Sampler: {attrs['sampler']} ({attrs['sampler_reason']}).", highlight=False)
    problems = analysis.convergence.problems
    if problems:
        err.print(f"[bold white on red]NOT CONVERGED: {'; '.join(problems)}.")
        err.print("[bold red]Do not use these numbers; try more draws or another parametrisation.")
    else:
        out.print("[green]Converged[/]: all diagnostics are as they should be.")


def print_chi2(result: "FitResult") -> None:
    """The minimum, and the parameters that ended at an end of their prior."""
    chi2 = round(result.chi2, 2) + 0.0  # of Asimov data it may be -1e-15
    ratio = f" (ratio {chi2 / result.dof:.3f})" if result.dof > 0 else ""
    line = f"χ² = {chi2:.2f} for {counted(result.dof, 'degree')} of freedom{ratio}"
    out.print(line, highlight=False)
    if result.at_limit:
        out.print(f"At the end of its prior: {', '.join(result.at_limit)}.", highlight=False)
    if not result.valid:
        err.print("[bold white on red]The minimiser did not converge.")


def print_text(text: Any) -> None:
    """Words as they are."""
    out.print(text, markup=False, highlight=False, soft_wrap=True)
