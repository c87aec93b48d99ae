"""Commands that predict, and those that tell what there is."""

from pathlib import Path
from typing import Any

import click

from cevns_bayes.commands.arguments import (
    changed,
    experiments_of,
    refuse_existing,
    values_of,
    write_new,
)
from cevns_bayes.commands.options import (
    PATH,
    data_option,
    forecast_options,
    form_factor_option,
    model_options,
    scenario_argument,
    set_option,
)
from cevns_bayes.quick_checks import check_scenario, each, names_of
from cevns_bayes.report.terminal import print_table, print_text

# What needs PyMC is imported inside the commands: --help and wrong options answer at once.


@click.command("list")
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


@click.command()
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


@click.command()
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
