"""What options mean: names, priors, values, forecasts."""

from pathlib import Path
from typing import Any

from cevns_bayes.errors import InputError, unknown_name
from cevns_bayes.quick_checks import distinct, names_of

SAMPLING = (
    *("sampler", "draws", "tune", "chains", "live_points", "seed", "checkpoint"),
    "progressbar",
)

CHANGES = ("threshold", "background", "sigma")

FORECAST = ("asimov", "settings", "exposure", "fluctuate", *CHANGES)


def runner_of(target: Path | None, options: dict[str, Any]) -> Any:
    """Who makes toys, and where they are kept, taken out of options; beside the results if any."""
    from cevns_bayes.ensembles.runner import Runner
    from cevns_bayes.report.progress import ToyDisplay

    workers, scheduler, store, no_progress = (
        options.pop(name) for name in ("workers", "scheduler", "store", "no_progress")
    )
    beside = target and target.with_name(f"{target.name}-toys")
    return Runner(workers, scheduler, store or beside, ToyDisplay(bar=not no_progress))


def truths_of(texts: tuple[str, ...]) -> list[dict[str, float]]:
    """``"a=1,b=2"`` -> values by name."""
    return [numbers_of("--truth", tuple(text.split(","))) for text in texts]


def label_of(data: str, options: dict[str, Any]) -> str:
    """What stands for the data in the name of a folder."""
    stems = [Path(name).name.replace(".py:", "-").removesuffix(".py") for name in names_of(data)]
    forecast = any(options.get(name) not in (None, (), {}) for name in FORECAST)
    fixed = sorted(options.get("fixed", {}).items())
    held = [f"{name.replace('::', '_')}={value!r}" for name, value in fixed]
    seed = options.get("fluctuate")
    kind = "asimov" if seed is None else f"toy{seed}"
    return "-".join([*stems, *([kind] if forecast else []), *held])


def scenarios_of(names: tuple[str, ...], everything: bool) -> list[Any]:
    """Scenarios by name, or all of them."""
    from cevns_bayes.scenarios.scenario import load_scenario, scenario_names

    if everything and names:
        raise InputError(f"--all runs all scenarios, or name them without it: {', '.join(names)}")
    if not everything and not names:
        raise InputError("name a SCENARIO, or several, or give --all for all of them")
    return [load_scenario(name) for name in (scenario_names() if everything else names)]


def jobs_of(
    scenarios: list[Any],
    data_sets: tuple[str, ...],
    options: dict[str, Any],
    **shown: Any,
) -> dict[str, Any]:
    """A job for each scenario on each data set, by the name of its folder.

    ``shown`` are view and command of all of them.
    """
    from cevns_bayes.report.job import Job

    _refuse_repeated("--data", ["+".join(sorted(names_of(data))) for data in data_sets])
    settings = {k: v for k in SAMPLING if (v := options.pop(k)) is not None}
    labels = [label_of(data, options) for data in data_sets]
    names = [f"{scenario.name}-{label}" for scenario in scenarios for label in labels]
    _refuse_repeated("run", names)
    loaded = [experiments_of(data, options) for data in data_sets]
    pairs: list[tuple[Any, ...]] = [(scenario, *data) for scenario in scenarios for data in loaded]
    own = _settings_of_one if len(names) > 1 else lambda settings, _: settings
    return {
        name: Job(scenario, experiments, own(settings, name), model, **shown)
        for name, (scenario, experiments, model) in zip(names, pairs, strict=True)
    }


def _settings_of_one(settings: dict[str, Any], name: str) -> dict[str, Any]:
    """Settings of one of several runs: a checkpoint of its own, no bar beside that of them all."""
    own = {"checkpoint": settings["checkpoint"] / name} if "checkpoint" in settings else {}
    return {**settings, **own, "progressbar": False}


def _refuse_repeated(what: str, names: list[str]) -> None:
    if repeated := [name for name in names if names.count(name) > 1]:
        raise InputError(f"{what} names {repeated[0]} twice")


def experiments_of(data: str, options: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Experiments, with Asimov counts if options ask for a forecast; the other options."""
    from cevns_bayes.engine.prediction import asimov
    from cevns_bayes.engine.problem import load_data

    scenario, settings, exposure = (options[name] for name in ("asimov", "settings", "exposure"))
    model = {name: value for name, value in options.items() if name not in FORECAST}
    experiments = load_data(changed(names_of(data), options), **model)
    if scenario is None and exposure is None:
        if settings:
            raise InputError("--set gives values to the scenario of --asimov, which is missing")
        return fluctuated(experiments, options["fluctuate"]), model
    values, nuisances = values_of(scenario or "sm", experiments, settings)
    physics = {**model, "priors": None, "fixed": None}
    truth = asimov(
        scenario or "sm", values, experiments, nuisances=nuisances, exposure=exposure, **physics
    )
    return fluctuated(truth, options["fluctuate"]), model


def fluctuated(experiments: list[Any], seed: int | None) -> list[Any]:
    """With counts of forecasts that are drawn if there is a seed; what was observed stays."""
    if seed is None:
        return experiments
    if not any(experiment.is_pseudo_data for experiment in experiments):
        raise InputError("--fluctuate draws the counts of forecasts; give --asimov SCENARIO, too")
    return [e.fluctuated(seed) if e.is_pseudo_data else e for e in experiments]


def changed(names: list[str], options: dict[str, Any]) -> list[Any]:
    """Experiments by name, with other thresholds, backgrounds and widths of nuisances."""
    from cevns_bayes.experiments.loading import load_experiment

    thresholds, backgrounds, sigmas = (options[name] for name in CHANGES)
    for option, given in (("--threshold", thresholds), ("--background", backgrounds)):
        for name in given.keys() - {"", *names}:
            raise unknown_name(f"data of {option}", name, names)
    loaded = []
    for name in names:
        threshold = thresholds.get(name, thresholds.get(""))
        experiment = load_experiment(name, threshold=threshold)
        if (factor := backgrounds.get(name, backgrounds.get(""))) is not None:
            experiment = experiment.with_background(factor)
        loaded.append(experiment)
    return _with_sigmas(loaded, sigmas) if sigmas else loaded


def _with_sigmas(experiments: list[Any], sigmas: dict[str, float]) -> list[Any]:
    """Those of ``"csi::alpha_flux"``, or of ``"alpha_flux"`` wherever there is one."""
    names = {e.name: {n.name for n in e.nuisances if n.sigma} for e in experiments}
    local = {
        name: {k: k for k in own} | {f"{name}::{k}": k for k in own} for name, own in names.items()
    }
    known = set().union(*local.values())
    for name in sigmas.keys() - known:
        raise unknown_name("nuisance of --sigma, with a Gaussian prior,", name, known)
    return [
        e.with_sigma({local[e.name][k]: v for k, v in sigmas.items() if k in local[e.name]})
        for e in experiments
    ]


def values_of(
    scenario: str, experiments: list[Any], settings: tuple[str, ...]
) -> tuple[dict[str, float], dict[str, float]]:
    """Values of parameters and of nuisances; what is no known nuisance should be a parameter."""
    from cevns_bayes.scenarios.scenario import load_scenario

    values = numbers_of("--set", settings)
    together = load_scenario(scenario).on([experiment.name for experiment in experiments])
    shared = {n.common_name for e in experiments for n in e.nuisances}
    nuisances = {
        name: values.pop(name)
        for name in list(values)
        if ("::" in name or name in shared) and name not in together.parameter_names
    }
    return values, nuisances


def priors_of(texts: tuple[str, ...]) -> dict[str, str]:
    from cevns_bayes.scenarios.prior_text import split_prior

    return distinct("--prior", [split_prior(text) for text in texts])


def numbers_of(option: str, texts: tuple[str, ...]) -> dict[str, float]:
    return distinct(option, [_number(option, text) for text in texts])


def _number(option: str, text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError:
        raise InputError(f"malformed {option} '{text}'; write NAME=NUMBER") from None


def numbers_by_data(option: str, texts: tuple[str, ...]) -> dict[str, float]:
    """Numbers by experiment; that of all, which has no name, under an empty one."""
    return numbers_of(option, tuple(text if "=" in text else f"={text}" for text in texts))


def refuse_existing(*paths: Path | None) -> None:
    """Before the work, not after it."""
    from cevns_bayes.report.folder import is_free

    for path in paths:
        if path and not is_free(path):
            raise InputError(f"{path} exists")


def write_new(path: Path, text: str) -> None:
    """Write a file that must not exist yet; of what fails, nothing stays."""
    try:
        with path.open("x", encoding="utf-8") as file:
            try:
                file.write(text)
                file.flush()
            except OSError:
                path.unlink()
                raise
    except FileExistsError:
        raise InputError(f"{path} exists") from None
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error
