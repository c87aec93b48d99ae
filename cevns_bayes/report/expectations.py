"""What an analysis says of the counts: expectations of each component, and goodness of fit."""

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import xarray as xr

from cevns_bayes.engine.nuisances import common_widths, fixed_nuisances, shared_by
from cevns_bayes.engine.prediction import predict
from cevns_bayes.engine.problem import ModelOptions
from cevns_bayes.experiments.experiment import Experiment
from cevns_bayes.report.record import Recorded
from cevns_bayes.scenarios.scenario import Scenario

BEST_FIT, STANDARD_MODEL = "best_fit", "sm"
DRAWS = ("chain", "draw")


def unchanged(options: ModelOptions) -> ModelOptions:
    """Options without what the user says of variables, which another model may lack."""
    return {**options, "priors": None, "fixed": None}


def nuisances_of(
    experiment: Experiment, fitted: Mapping[str, float], widths: Mapping[str, float]
) -> dict[str, float]:
    """Nuisances as the experiment alone has them: its own part plus the shared part.

    ``widths`` are those of the common parts.
    """
    common = {name: fitted[name] for name in widths if name in fitted}
    shared, alone = shared_by(experiment, common, widths), {}
    for name in (nuisance.name for nuisance in experiment.nuisances):
        own = experiment.qualified(name)
        if own in fitted or name in shared:
            alone[own] = fitted.get(own, 0.0) + shared.get(name, 0.0)
    return alone


def expectations(
    scenario: Scenario,
    experiments: Sequence[Experiment],
    fitted: Mapping[str, float],
    options: ModelOptions,
) -> dict[str, xr.Dataset]:
    """Expected counts of each experiment alone, whose variables have other names than together.

    By experiment: those of ``predict`` over ``at``, the best fit with the values ``fitted`` and
    held, and the Standard Model with nuisances at zero.
    """
    physics, found = unchanged(options), {}
    widths = common_widths(experiments, fixed_nuisances(scenario, [*experiments]))
    for experiment in experiments:
        at = {
            name: fitted.get(experiment.qualified(name), fitted.get(name, np.nan))
            for name in scenario.parameter_names
        }
        nuisances = nuisances_of(experiment, fitted, widths)
        parts = [
            predict(scenario, at, experiment, nuisances=nuisances, **physics),
            predict("sm", {}, experiment, **physics),
        ]
        along = xr.Variable("at", [BEST_FIT, STANDARD_MODEL])
        found[experiment.name] = xr.concat(parts, along, combine_attrs="drop")
    return found


def expected_draws(posterior: xr.DataTree, experiment: Experiment | Recorded) -> xr.DataArray:
    """Expected counts at every draw, wherever the posterior keeps them."""
    group = "expected" if "expected" in posterior.children else "posterior"
    return posterior[group].to_dataset()[experiment.qualified("expected")]


def predictive_p_values(
    posterior: xr.DataTree, experiments: Sequence[Experiment]
) -> dict[str, float]:
    """Posterior predictive p-value of each experiment.

    The probability that replicated data are as far from the expectation at a draw as the data, or
    farther, in the deviance (Gelman, Meng, Stern, Statistica Sinica 6 (1996) 733).
    """
    found = {}
    for experiment in experiments:
        name = experiment.qualified("counts")
        if name not in posterior["posterior_predictive"].data_vars:
            continue
        mu = expected_draws(posterior, experiment)
        replicated = posterior["posterior_predictive"].to_dataset()[name].transpose(*mu.dims)
        of_data, of_replicas = (
            _deviance(experiment, counts, mu)
            for counts in (experiment.counts, replicated.to_numpy().astype(float))
        )
        found[experiment.name] = float((of_replicas >= of_data).mean())
    return found


def _deviance(experiment: Experiment, counts: np.ndarray, mu: xr.DataArray) -> np.ndarray:
    """Of all bins together, at each draw."""
    bins = tuple(range(len(DRAWS), mu.ndim))
    deviance = experiment.likelihood.deviance(counts, mu.to_numpy())
    return cast(np.ndarray, np.asarray(deviance).sum(axis=bins))
