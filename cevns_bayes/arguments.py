"""Options that commands share, and what they mean: names, priors, values, forecasts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from cevns_bayes.errors import InputError, unknown_name
from cevns_bayes.physics.form_factors import form_factor_names

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


SAMPLERS = ("auto", "nuts", "smc", "nested")
SAMPLING = ("sampler", "draws", "tune", "chains", "live_points", "seed", "checkpoint")
FORECAST = ("asimov", "settings", "exposure")

# The names are those of ModelOptions.
form_factor_option = click.option(
    "--form-factor", type=Choice(form_factor_names()), default="helm", show_default=True
)
data_option = click.option(
    "--data",
    default="csi",
    show_default=True,
    help="Experiments, separated by commas: names of `cevns-bayes list`, or experiment files.",
)
set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Value of a parameter or nuisance, e.g. sin2_theta_w=0.23. May be repeated.",
)
exposure_option = click.option(
    "--exposure", type=float, help="Forecast for so many times the exposure of the data."
)
model_options = options_of(
    click.argument("scenario"),
    data_option,
    click.option(
        "--asimov",
        metavar="SCENARIO",
        help="Forecast: in place of the data what SCENARIO expects, with the values of --set. "
        "The Standard Model if only --exposure is given.",
    ),
    set_option,
    exposure_option,
    form_factor_option,
    click.option(
        "--share-flux/--no-share-flux",
        default=True,
        show_default=True,
        help="One flux uncertainty for several experiments.",
    ),
    click.option(
        "--prior",
        "priors",
        multiple=True,
        callback=lambda context, parameter, texts: _priors(texts),
        help="Prior in place of the scenario's own, e.g. 'sin2_theta_w ~ Normal(0.23, 0.02)'. "
        "May be repeated.",
    ),
    click.option(
        "--fix",
        "fixed",
        multiple=True,
        metavar="NAME=VALUE",
        callback=lambda context, parameter, texts: _numbers("--fix", texts),
        help="Hold a parameter or nuisance at a value, e.g. mass=10. May be repeated.",
    ),
)


def names_of(data: str) -> list[str]:
    return [name.strip() for name in data.split(",")]


def label_of(data: str, options: dict[str, Any]) -> str:
    """What stands for the data in the name of a folder."""
    stems = [Path(name).name.replace(".py:", "-").removesuffix(".py") for name in names_of(data)]
    forecast = options["asimov"] is not None or options["exposure"] is not None
    fixed = sorted(options.get("fixed", {}).items())
    held = [f"{name.replace('::', '_')}={value!r}" for name, value in fixed]
    return "-".join([*stems, *(["asimov"] if forecast else []), *held])


def experiments_of(data: str, options: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Experiments, with Asimov counts if options ask for a forecast; the other options."""
    from cevns_bayes.engine.prediction import asimov
    from cevns_bayes.engine.problem import load_data

    scenario, settings, exposure = (options[name] for name in FORECAST)
    model = {name: value for name, value in options.items() if name not in FORECAST}
    experiments = load_data(names_of(data), **model)
    if scenario is None and exposure is None:
        if settings:
            raise InputError("--set gives values to the scenario of --asimov, which is missing")
        return experiments, model
    values, nuisances = values_of(scenario or "sm", experiments, settings)
    physics = {**model, "priors": None, "fixed": None}
    truth = asimov(
        scenario or "sm", values, experiments, nuisances=nuisances, exposure=exposure, **physics
    )
    return truth, model


def values_of(
    scenario: str, experiments: list[Any], settings: tuple[str, ...]
) -> tuple[dict[str, float], dict[str, float]]:
    """Values of parameters and of nuisances; what is no known nuisance should be a parameter."""
    from cevns_bayes.scenarios.scenario import load_scenario

    values = _numbers("--set", settings)
    together = load_scenario(scenario).on([experiment.name for experiment in experiments])
    shared = {n.name for e in experiments for n in e.nuisances if n.shared_sigma}
    nuisances = {
        name: values.pop(name)
        for name in list(values)
        if ("::" in name or name in shared) and name not in together.parameter_names
    }
    return values, nuisances


def _priors(texts: tuple[str, ...]) -> dict[str, str]:
    from cevns_bayes.scenarios.priors import split_prior

    return _distinct("--prior", [split_prior(text) for text in texts])


def _numbers(option: str, texts: tuple[str, ...]) -> dict[str, float]:
    return _distinct(option, [_number(option, text) for text in texts])


def _number(option: str, text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError:
        raise InputError(f"malformed {option} '{text}'; write NAME=NUMBER") from None


def _distinct[T](option: str, pairs: list[tuple[str, T]]) -> dict[str, T]:
    if len(dict(pairs)) < len(pairs):
        names = ", ".join(name for name, _ in pairs)
        raise InputError(f"{option} names a variable twice: {names}")
    return dict(pairs)


def refuse_existing(*paths: Path | None) -> None:
    """Before the work, not after it."""
    for path in paths:
        if path and path.exists():
            raise InputError(f"{path} exists")


def write_new(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InputError(f"{path} exists") from None
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error
