"""What a posterior was made of: kept as text in its attrs, and read again."""

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import xarray as xr

from cevns_bayes.bayesian.trial import try_predictions
from cevns_bayes.engine.problem import Problem
from cevns_bayes.errors import InputError
from cevns_bayes.scenarios.prior_view import prior_lines

_PACKAGES = (
    "cevns-bayes",
    "pymc",
    "pytensor",
    "nutpie",
    "nautilus-sampler",
    "arviz",
    "numpy",
    "scipy",
)


def provenance(problem: Problem, sampler: str, settings: Mapping[str, Any]) -> dict[str, str]:
    """Attrs that say what a posterior depends on."""
    experiments = problem.experiments
    return {
        "scenario": problem.scenario.name,
        "parameters_of_interest": json.dumps(problem.scenario.parameter_names),
        "data": json.dumps([experiment.name for experiment in experiments]),
        "data_sha256": json.dumps({e.name: e.fingerprint() for e in experiments}),
        "priors": "\n".join(prior_lines(problem.model)),
        "definition": definition(problem),
        "predictions": try_predictions(problem),
        "sampler": sampler,
        "settings": json.dumps(settings, default=str),
        "versions": json.dumps({package: version(package) for package in _PACKAGES}),
    }


def definition(problem: Problem) -> str:
    """What the scenario says of itself, beside its predictions."""
    return repr(replace(problem.scenario, declare=None))  # type: ignore[arg-type]


def recorded(posterior: xr.DataTree, key: str) -> Any:
    """An entry of the provenance that is JSON."""
    require(posterior, attrs=[key])
    return json.loads(posterior.attrs[key])


def require(
    posterior: Any,
    groups: Collection[str] = (),
    attrs: Collection[str] = (),
    title: str = "the posterior",
) -> None:
    """Raise InputError for what lacks groups or attrs that :func:`cevns_bayes.sample` writes."""
    if not isinstance(posterior, xr.DataTree):
        raise InputError(f"{title} must be a result of sample, got {type(posterior).__name__}")
    missing = [name for name in groups if name not in posterior.children]
    missing += [name for name in attrs if name not in posterior.attrs]
    if missing:
        raise InputError(f"{title} is not one of cevns-bayes: it has no {', '.join(missing)}")


def check_made_of(posterior: xr.DataTree, problem: Problem) -> None:
    """Raise InputError for a posterior of another scenario, other data, priors or predictions."""
    require(posterior, ["posterior", "sample_stats"], ["scenario", "data", "priors"])
    attrs = posterior.attrs
    declared = prior_lines(problem.model)
    if attrs["scenario"] != problem.scenario.name:
        raise InputError(
            f"the posterior is one of '{attrs['scenario']}', not of '{problem.scenario.name}'"
        )
    if recorded(posterior, "data_sha256") != {e.name: e.fingerprint() for e in problem.experiments}:
        raise InputError(f"the posterior is one of other data, {attrs['data']}")
    settings = recorded(posterior, "settings") if "settings" in attrs else {}
    for name, default in (("form_factor", "helm"), ("share_flux", True)):
        used, asked = settings.get(name, default), problem.options.get(name, default)
        if used != asked:
            raise InputError(f"the posterior is one with {name} {used}, not {asked}")
    used = attrs["priors"].splitlines()
    if other := [line for line in used if line not in declared]:
        raise InputError(f"the posterior is one under another prior: {other[0]}")
    if more := [line for line in declared if line not in used]:
        raise InputError(f"the posterior is one without {more[0]}")
    if attrs.get("predictions", digest := try_predictions(problem)) != digest:
        raise InputError("the posterior is one of other predictions")
