"""The main job: sample, diagnose, profile, compare with the Standard Model, vary the priors."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from cevns_bayes.best_fit import FitResult, fit
from cevns_bayes.comparison import compare
from cevns_bayes.datasets import Bound, published_bounds
from cevns_bayes.density import Limits, density_1d, including
from cevns_bayes.diagnostics import Convergence, check_convergence, sampled_names
from cevns_bayes.experiment import Experiment
from cevns_bayes.model import DataLike, ModelOptions, ScenarioLike, load_data
from cevns_bayes.power_scaling import power_scaling
from cevns_bayes.sampling import sample
from cevns_bayes.scan import Profile, profile
from cevns_bayes.scenario import Parameter, Scenario, load_scenario
from cevns_bayes.sensitivity import prior_sensitivity

DRAWS_OF_OTHER_PRIOR = 1000  # per chain: limits to a few per cent


@dataclass(frozen=True)
class Analysis:
    """Everything a report shows; what needs parameters of interest is None for the SM itself.

    ``comparison`` is that of :func:`cevns_bayes.compare` with the Standard Model, ``sensitivity``
    that of :func:`cevns_bayes.prior_sensitivity`, ``scaling`` of ``power_scaling``.
    """

    scenario: Scenario
    experiments: list[Experiment]
    options: ModelOptions
    posterior: xr.DataTree
    convergence: Convergence
    best_fit: FitResult
    standard_model: FitResult
    profile: Profile | None = None
    comparison: xr.Dataset | None = None
    sensitivity: xr.Dataset | None = None
    scaling: xr.Dataset | None = None

    @property
    def parameters(self) -> list[Parameter]:
        """Parameters of interest on these experiments together, as they were sampled."""
        together = self.scenario.on([experiment.name for experiment in self.experiments])
        names = sampled_names(self.posterior)
        return [
            parameter if parameter.name in names else parameter.logarithm
            for parameter in together.parameters_of_interest
        ]

    def credible(self, parameter: str, probability: float) -> list[Limits]:
        """Highest-density (HDI) intervals of a parameter of interest as sampled, disjoint ones."""
        assert self.profile is not None
        draws = self.posterior["posterior"][parameter].to_numpy()
        limits = including(self.profile.curves[parameter].limits, draws)
        return density_1d(draws, limits).intervals(probability)

    @property
    def bounds(self) -> list[Bound]:
        """Published bounds on the parameters from the same data."""
        data = "+".join(experiment.name for experiment in self.experiments)
        return published_bounds(self.scenario.name, data)


def analyse(
    scenario: ScenarioLike, data: DataLike, sampling: Mapping[str, Any], options: ModelOptions
) -> Analysis:
    """Do the main job.

    ``sampling`` and ``options`` are the keywords of :func:`cevns_bayes.sample` and
    :func:`cevns_bayes.build_model`.
    """
    scenario = load_scenario(scenario)
    experiments = load_data(data, **options)
    posterior = sample(scenario, experiments, **sampling, **options)
    found: dict[str, Any] = {
        "scenario": scenario,
        "experiments": experiments,
        "options": {**options, "priors": None},
        "posterior": posterior,
        "convergence": check_convergence(posterior),
    }
    if not scenario.parameters_of_interest:
        best = fit(scenario, experiments, **options)
        return Analysis(**found, best_fit=best, standard_model=best)
    profiled = profile(scenario, experiments, **options)
    again = {**sampling, "sampler": posterior.attrs["sampler"], "checkpoint": None}
    other_prior = {**again, "draws": sampling.get("draws") or DRAWS_OF_OTHER_PRIOR}
    sm_options = _for_standard_model(options, profiled.best_fit)
    standard_model = sample("sm", experiments, **again, **sm_options)
    return Analysis(
        **found,
        best_fit=profiled.best_fit,
        standard_model=fit("sm", experiments, **sm_options),
        profile=profiled,
        comparison=compare({scenario.name: posterior, "sm": standard_model}),
        sensitivity=prior_sensitivity(
            scenario, experiments, posterior=posterior, settings=other_prior, **options
        ),
        scaling=power_scaling(posterior),
    )


def _for_standard_model(options: ModelOptions, best_fit: FitResult) -> ModelOptions:
    """Without the priors of parameters which it does not have."""
    priors = (options.get("priors") or {}).items()
    return {**options, "priors": {k: prior for k, prior in priors if k in best_fit.nuisances}}


def nuisances_of(experiment: Experiment, fitted: Mapping[str, float]) -> dict[str, float]:
    """Nuisances as the experiment alone has them: its own part plus the shared part."""
    own = {}
    for nuisance in experiment.nuisances:
        name = experiment.qualified(nuisance.name)
        if name in fitted:
            own[name] = fitted[name] + fitted.get(nuisance.name, 0.0)
    return own


def most_correlated(analysis: Analysis, count: int) -> list[str]:
    """Parameters of interest, and the nuisances that depend on them (else on each other) most."""
    names = sampled_names(analysis.posterior)
    draws = analysis.posterior["posterior"].to_dataset()
    correlation = np.abs(np.corrcoef([draws[name].to_numpy().ravel() for name in names]))
    np.fill_diagonal(correlation, 0.0)
    first = len(analysis.parameters)
    strength = correlation[: first or None].max(axis=0)
    nuisances = sorted(range(first, len(names)), key=lambda i: -strength[i])
    return names[:first] + [names[i] for i in sorted(nuisances[: count - first])]
