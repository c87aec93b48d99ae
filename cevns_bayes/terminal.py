"""What the command line prints: tables and verdicts."""

import math
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

out = Console()
err = Console(stderr=True)

WIDEST_TABLE = 500


def new_table(*columns: str) -> Table:
    """An empty table without frame."""
    table = Table(box=None, padding=(0, 1, 0, 0))
    for column in columns:
        table.add_column(column, no_wrap=True)
    return table


def print_table(table: Table) -> None:
    """Without cutting cells: a narrow terminal wraps lines."""
    needed = Measurement.get(out, out.options.update(width=WIDEST_TABLE), table).maximum
    Console(width=needed).print(table, soft_wrap=True)


def print_run(analysis: Any) -> None:
    """Summary of an :class:`~cevns_bayes.analysis.Analysis`, and whether to trust it."""
    from cevns_bayes.diagnostics import summary

    table = new_table("variable", "mean", "sd", "90 % HDI", "best fit", "ESS", "R-hat")
    rows = summary(analysis.posterior)
    fitted = analysis.best_fit.values
    of_interest = [parameter.name for parameter in analysis.parameters]
    for name in map(str, rows["variable"].to_numpy()):
        row = {key: float(value) for key, value in rows.sel(variable=name).items()}
        hdi = [(row["hdi90_low"], row["hdi90_high"])]
        if name in of_interest:  # which may have disjoint solutions
            hdi = analysis.credible(name, 0.90)
        table.add_row(
            name,
            f"{row['mean']:.3g}",
            f"{row['sd']:.2g}",
            _union(hdi, 3),
            f"{fitted[name]:.3g}",
            f"{row['ess_bulk']:.0f}",
            f"{row['r_hat']:.3f}",
        )
    print_table(table)
    if analysis.profile is not None:
        print_profile(analysis.profile)
    print_chi2(analysis.best_fit)
    print_at_limit(analysis.best_fit)
    attrs = analysis.posterior.attrs
    out.print(f"Sampler: {attrs['sampler']} ({attrs['sampler_reason']}).", highlight=False)
    problems = analysis.convergence.problems
    if problems:
        err.print(f"[bold white on red]NOT CONVERGED: {'; '.join(problems)}.")
        err.print("[bold red]Do not use these numbers; try more draws or another parametrisation.")
    else:
        out.print("[green]Converged[/]: all diagnostics are as they should be.")


def print_profile(profile: Any, levels: Sequence[float] = ()) -> None:
    """Confidence intervals of each parameter, at the usual levels unless given."""
    from cevns_bayes.scan import LEVELS

    levels = levels or LEVELS
    table = new_table("profile", *(f"{100 * level:.4g}% confidence" for level in levels))
    for name, curve in profile.curves.items():
        table.add_row(name, *(_union(curve.intervals(level), 4) for level in levels))
    print_table(table)


def _union(intervals: Sequence[tuple[float, float]], digits: int) -> str:
    return " ∪ ".join(f"{low:.{digits}g} … {high:.{digits}g}" for low, high in intervals)


def print_chi2(result: Any) -> None:
    """Minimum of a :class:`~cevns_bayes.best_fit.FitResult`."""
    ratio = result.chi2 / result.dof
    line = f"χ² = {result.chi2:.2f} for {result.dof} degrees of freedom (ratio {ratio:.3f})"
    out.print(line, highlight=False)


def print_at_limit(result: Any) -> None:
    """Parameters of a fit that ended at an end of their prior."""
    if result.at_limit:
        out.print(f"At the end of its prior: {', '.join(result.at_limit)}.", highlight=False)


def print_comparison(comparison: Any) -> None:
    """Result of :func:`cevns_bayes.compare`."""
    table = new_table(
        "results", "LOO", "difference", "WAIC", "p LOO", "p WAIC", "unreliable bins", "ln Bayes"
    )
    for name in comparison["model"].to_numpy():
        row = {k: float(v) for k, v in comparison.sel(model=name).items() if v.ndim == 0}
        bayes = f"{row['log_bayes_factor']:.2f} ± {row['log_bayes_factor_error']:.2f}"
        table.add_row(
            str(name),
            f"{row['elpd_loo']:.2f} ± {row['se_loo']:.2f}",
            f"{row['difference']:.2f} ± {row['se_difference']:.2f}",
            f"{row['elpd_waic']:.2f} ± {row['se_waic']:.2f}",
            f"{row['p_loo']:.2f}",
            f"{row['p_waic']:.2f}",
            f"LOO {row['unreliable_loo']:.0f}, WAIC {row['unreliable_waic']:.0f}",
            "—" if math.isnan(row["log_bayes_factor"]) else bayes,
        )
    print_table(table)
