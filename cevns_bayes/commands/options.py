"""Options that commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from cevns_bayes.commands.arguments import numbers_by_data, numbers_of, priors_of
from cevns_bayes.errors import unknown_name
from cevns_bayes.physics.form_factors import form_factor_names
from cevns_bayes.quick_checks import at_least, check_data, check_scenario, each

_Command = Callable[..., Any]

PATH = click.Path(path_type=Path)


class Choice(click.Choice):
    """Says of a wrong choice which one is nearest, at once."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        if value not in self.choices:
            raise unknown_name(param.name.replace("_", " "), value, self.choices)
        return value


def options_of(*options: Callable[[_Command], _Command]) -> Callable[[_Command], _Command]:
    def decorate(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def _parsed(numbers: Callable[[str, tuple[str, ...]], Any]) -> Callable[..., Any]:
    """A callback of click, from what takes the name of an option and its texts."""
    return lambda context, parameter, texts: numbers(parameter.opts[0], texts)


SAMPLERS = ("auto", "laplace", "nuts", "smc", "nested")

# The names are those of ModelOptions.
form_factor_option = click.option(
    "--form-factor", type=Choice(form_factor_names()), default="helm", show_default=True
)

_DATA = "Experiments, separated by commas: names of `cevns-bayes list`, or experiment files."

data_option = click.option(
    "--data", default="csi", show_default=True, help=_DATA, callback=each(check_data)
)

scenario_argument = click.argument("scenario", callback=each(check_scenario))

data_sets_option = click.option(
    "--data",
    "data_sets",
    multiple=True,
    default=("csi",),
    show_default=True,
    callback=each(check_data),
    help=f"{_DATA} May be repeated: each is a data set of its own.",
)

set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Value of a parameter or nuisance, e.g. sin2_theta_w=0.23. May be repeated.",
)

forecast_options = options_of(
    click.option(
        "--exposure", type=float, help="Forecast for so many times the exposure of the data."
    ),
    click.option(
        "--threshold",
        multiple=True,
        metavar="[DATA=]ENERGY",
        callback=_parsed(numbers_by_data),
        help="Forecast with another threshold, in the unit of the energies; of one experiment, "
        "DATA as in --data. May be repeated.",
    ),
    click.option(
        "--background",
        multiple=True,
        metavar="[DATA=]FACTOR",
        callback=_parsed(numbers_by_data),
        help="Forecast for so many times the background; of one experiment, DATA as in --data, "
        "a name or a file. May be repeated.",
    ),
    click.option(
        "--sigma",
        multiple=True,
        metavar="NAME=VALUE",
        callback=_parsed(numbers_of),
        help="Width of a nuisance, e.g. ess-csi::alpha_flux=0.05; without the experiment, of all "
        "that have it. May be repeated.",
    ),
)

physics_options = options_of(
    click.option(
        "--asimov",
        metavar="SCENARIO",
        callback=each(check_scenario),
        help="Forecast: in place of the data what SCENARIO expects, with the values of --set. "
        "The Standard Model if only --exposure or the like is given.",
    ),
    click.option(
        "--fluctuate",
        type=click.IntRange(0),
        metavar="SEED",
        help="Draw the counts of forecasts around the expected ones, in place of Asimov data.",
    ),
    set_option,
    forecast_options,
    form_factor_option,
    click.option(
        "--share-flux/--no-share-flux",
        default=True,
        show_default=True,
        help="One uncertainty for several experiments at one beam, or of the same nuclei.",
    ),
    click.option(
        "--prior",
        "priors",
        multiple=True,
        callback=lambda context, parameter, texts: priors_of(texts),
        help="Prior in place of the scenario's own, e.g. 'sin2_theta_w ~ Normal(0.23, 0.02)'. "
        "May be repeated.",
    ),
    click.option(
        "--fix",
        "fixed",
        multiple=True,
        metavar="NAME=VALUE",
        callback=_parsed(numbers_of),
        help="Hold a parameter or nuisance at a value, e.g. mass=10. May be repeated.",
    ),
)

model_options = options_of(scenario_argument, data_option, physics_options)

sampling_options = options_of(
    click.option("--sampler", type=Choice(SAMPLERS), default="auto", show_default=True),
    click.option("--draws", type=int, callback=at_least(4), help="Draws per chain."),
    click.option(
        "--tune", type=int, callback=at_least(1), help="Draws of adaptation per chain of NUTS."
    ),
    click.option("--chains", type=int, callback=at_least(2), help="Number of chains."),
    click.option("--live-points", type=int, callback=at_least(50), help="Of nested sampling."),
    click.option("--seed", type=int, callback=at_least(0, 2**64), help="Seed of the sampler."),
    click.option(
        "--checkpoint",
        type=PATH,
        help="Folder from which SMC and nested sampling go on after an interrupt.",
    ),
)

runner_options = options_of(
    click.option("--seed", type=int, default=1, show_default=True, help="Seed of the toys."),
    click.option(
        "--workers",
        type=click.IntRange(1),
        default=1,
        show_default=True,
        help="Processes on this machine.",
    ),
    click.option("--scheduler", metavar="ADDRESS", help="Dask scheduler, in place of --workers."),
    click.option(
        "--store",
        type=PATH,
        help="Folder that keeps the toys: the same command goes on where it was stopped, and the "
        "toys of several jobs can be merged. With an output folder, OUTPUT-toys unless given.",
    ),
    click.option("--no-progress", is_flag=True, help="No progress bar."),
)

toy_options = options_of(
    click.option("--toys", type=int, default=1000, show_default=True, help="Toys of each point."),
    runner_options,
)
