"""The main job: sample, diagnose, profile, compare with the Standard Model, vary the priors."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Unpack, cast
from weakref import WeakKeyDictionary

import arviz as az
import xarray as xr

from cevns_bayes.bayesian.comparison import (
    Scores,
    expected_of_point,
    ranked,
    scores,
    scores_of_point,
)
from cevns_bayes.bayesian.density import Limits
from cevns_bayes.bayesian.diagnostics import Convergence, check_convergence, sampled_names, summary
from cevns_bayes.bayesian.limit_curve import credible_limit_curve_of
from cevns_bayes.bayesian.linear_or_log import prior_sensitivity
from cevns_bayes.bayesian.power_scaling import power_scaling
from cevns_bayes.bayesian.provenance import check_made_of
from cevns_bayes.bayesian.regions import is_estimated, posterior_density_1d
from cevns_bayes.bayesian.sampling import sample
from cevns_bayes.engine.problem import (
    DEFAULT_DATA,
    DataLike,
    ModelOptions,
    Problem,
    ScenarioLike,
    load_data,
)
from cevns_bayes.errors import InputError, one_line, unknown_name
from cevns_bayes.experiments.experiment import Experiment
from cevns_bayes.frequentist.best_fit import FitResult, fit
from cevns_bayes.frequentist.impacts import impacts_of
from cevns_bayes.frequentist.limit_curve import limit_curve_of
from cevns_bayes.frequentist.profile import Profile, profile_of
from cevns_bayes.frequentist.search import Search
from cevns_bayes.published import Bound, data_set, is_as_published, published_bounds
from cevns_bayes.report.expectations import expectations, predictive_p_values, unchanged
from cevns_bayes.report.record import Recorded
from cevns_bayes.report.view import View
from cevns_bayes.scenarios.priors import Fixed
from cevns_bayes.scenarios.scenario import Parameter, Scenario, load_scenario

DRAWS_OF_OTHER_PRIOR = 1000  # per chain: limits to a few per cent
NO_MINIMUM = "no valid minimum of χ²"
_log = logging.getLogger(__name__)


class AnalysisOptions(ModelOptions, total=False):
    """Keywords of :func:`analyse`: those of `build_model`, and those of `sample`."""

    sampler: Any
    draws: int | None
    tune: int
    chains: int
    live_points: int
    seed: int
    checkpoint: str | Path | None
    progressbar: bool


@dataclass(frozen=True)
class Analysis:
    """Everything a report shows; what needs parameters of interest is None for the SM itself.

    ``comparison`` is that of :func:`cevns_bayes.compare` with the Standard Model, ``sensitivity``
    that of :func:`cevns_bayes.prior_sensitivity`, ``scaling`` of ``power_scaling``; ``options``
    are the keywords of :func:`cevns_bayes.build_model`, ``fixed`` the values of what they hold.
    ``impacts`` is that of :func:`impacts_of`, ``expected`` of :func:`expectations`, ``p_values`` of
    :func:`predictive_p_values`. ``comparable`` says whether the published chi^2 is of the same data
    and treatment. ``command`` is the line that made it, if there was one; ``view``
    how it is shown.
    """

    scenario: Scenario
    experiments: Sequence[Experiment | Recorded]
    options: ModelOptions
    posterior: xr.DataTree
    convergence: Convergence
    best_fit: FitResult
    standard_model: FitResult
    profile: Profile | None = None
    comparison: xr.Dataset | None = None
    sensitivity: xr.Dataset | None = None
    scaling: xr.Dataset | None = None
    limit_curves: Sequence[xr.Dataset] = ()
    fixed: Fixed = field(default_factory=dict)
    impacts: xr.Dataset | None = None
    expected: Mapping[str, xr.Dataset] = field(default_factory=dict)
    p_values: Mapping[str, float] = field(default_factory=dict)
    comparable: bool = False
    command: str = ""
    date: str = ""
    view: View = field(default_factory=View)

    def viewed(self, view: View) -> "Analysis":
        """The same as one wants it shown; InputError if the view is of other variables."""
        view.check(self.parameter_names, map(str, self.posterior["posterior"].data_vars))
        view.toys.check(self.profile)
        return replace(self, view=view)

    @property
    def names(self) -> list[str]:
        """Names of the experiments."""
        return [experiment.name for experiment in self.experiments]

    @cached_property
    def summary(self) -> xr.Dataset:
        """Result of :func:`cevns_bayes.summary`."""
        return summary(self.posterior)

    @property
    def parameters(self) -> list[Parameter]:
        """Parameters of interest on these experiments together, as they were sampled."""
        names, labels = sampled_names(self.posterior), self.view.labels
        sampled = [
            parameter if parameter.name in names else parameter.logarithm
            for parameter in self.scenario.on(self.names).parameters_of_interest
            if parameter.name not in self.fixed
        ]
        return [
            replace(p, label=labels[p.name], unit="") if p.name in labels else p for p in sampled
        ]

    @property
    def parameter_names(self) -> list[str]:
        """Names of these."""
        return [parameter.name for parameter in self.parameters]

    def credible(self, variable: str, probability: float) -> list[Limits]:
        """Highest-density (HDI) intervals: tables, figures and files all take them from here.

        Of a parameter of interest as sampled there may be disjoint ones; of others there is one.
        """
        if self.profile is None or variable not in self.profile.curves:
            low, high = az.hdi(self.posterior["posterior"][variable], prob=probability).to_numpy()
            return [(float(low), float(high))]
        limits = self.profile.curves[variable].limits
        return posterior_density_1d(self.posterior, variable, limits).intervals(probability)

    def confidence(self, parameter: str, level: float) -> list[Limits]:
        """Confidence intervals of a parameter of interest, disjoint ones, from the profile."""
        return [] if self.profile is None else self.profile.limits(parameter, level)

    def by_toys(self, parameter: str, level: float) -> list[Limits]:
        """Feldman-Cousins intervals, if some were given."""
        return self.view.toys.of(parameter, level)

    @property
    def is_estimated(self) -> bool:
        """Whether densities of the parameters are estimates from draws."""
        names = [parameter.name for parameter in self.parameters]
        return bool(names) and is_estimated(self.posterior, names[:1])

    @property
    def problems_of_standard_model(self) -> list[str]:
        """Why not to trust what the scenario is compared with."""
        if self.comparison is None:
            return []
        found = json.loads(self.comparison.attrs.get("problems", "{}")).get("sm")
        problems = [f"not converged ({found})"] if found else []
        return problems if self.standard_model.valid else [*problems, NO_MINIMUM]

    @property
    def bounds(self) -> list[Bound]:
        """Published bounds on the parameters from the same data, if all of them are free."""
        if self.fixed or any(experiment.is_pseudo_data for experiment in self.experiments):
            return []
        return published_bounds(self.scenario.name, data_set(self.experiments))


def analyse(
    scenario: ScenarioLike,
    data: DataLike = DEFAULT_DATA,
    *,
    posterior: xr.DataTree | None = None,
    **keywords: Unpack[AnalysisOptions],
) -> Analysis:
    """Sample, diagnose, fit, profile, compare with the Standard Model, and vary the priors.

    Parameters
    ----------
    scenario, data
        As in :func:`cevns_bayes.build_model`.
    posterior
        Result of :func:`cevns_bayes.sample` on the same scenario, data and options; sampled if
        not given.
    keywords
        Those of :func:`cevns_bayes.build_model` and :func:`cevns_bayes.sample`.

    Returns
    -------
    Analysis
        For :func:`cevns_bayes.write_report`; tables, figures and files take their numbers from it.

    Raises
    ------
    InputError
        Wrong arguments, or a posterior of something else.

    Examples
    --------
    >>> analysis = cb.analyse("weak-mixing-angle", data=["csi"])  # doctest: +SKIP
    >>> analysis.credible("sin2_theta_w", 0.90)  # doctest: +SKIP
    [(0.172..., 0.268...)]
    """
    options, sampling = _split(keywords)
    scenario = load_scenario(scenario)
    experiments = load_data(data, **options)
    if posterior is None:
        posterior = sample(scenario, experiments, **sampling, **options)
    problem = Problem.build(scenario, experiments, **options)
    check_made_of(posterior, problem)
    own = (scenario, experiments, options, posterior, check_convergence(posterior))
    if not problem.scenario.parameters_of_interest:
        best = fit(scenario, experiments, **options)
        return Analysis(
            *own,
            best_fit=best,
            standard_model=best,
            **_of_counts(scenario, problem, best, posterior),
        )
    search = Search.of(problem)
    profiled = profile_of(problem, search)
    asked = sampling.get("sampler", "auto")  # a name, or a sampler with settings of its own
    used = posterior.attrs["sampler"] if isinstance(asked, str) else asked
    again = {**sampling, "sampler": used, "checkpoint": None}
    fewer = {"draws": sampling.get("draws") or DRAWS_OF_OTHER_PRIOR}
    other_prior = {**again, **(fewer if isinstance(asked, str) else {})}
    sm_options = _for_standard_model(options, experiments)
    standard_model = _standard_model(experiments, again, sm_options)
    return Analysis(
        *own,
        best_fit=profiled.best_fit,
        standard_model=_fit_of_standard_model(experiments, sm_options),
        profile=profiled,
        limit_curves=_limit_curves(problem, search, posterior),
        comparison=ranked({scenario.name: scores(scenario.name, posterior), "sm": standard_model}),
        sensitivity=prior_sensitivity(
            scenario, experiments, posterior=posterior, settings=other_prior, **options
        ),
        scaling=power_scaling(posterior),
        **_of_counts(scenario, problem, profiled.best_fit, posterior),
    )


def _fit_of_standard_model(experiments: list[Experiment], options: ModelOptions) -> FitResult:
    """That of :func:`fit`, or a point if nothing is free."""
    problem = Problem.build("sm", experiments, **options)
    if problem.model.free_RVs:
        return fit("sm", experiments, **options)
    mu = expected_of_point(problem)
    chi2 = sum(float(e.likelihood.deviance(e.counts, mu[e.name]).sum()) for e in experiments)
    bins = sum(e.counts.size for e in experiments)
    return FitResult("sm", tuple(mu), chi2, bins, {}, {}, {}, valid=True)


def _standard_model(
    experiments: list[Experiment], sampling: Mapping[str, Any], options: ModelOptions
) -> Scores:
    """How well its posterior predicts, sampled once for all scenarios of a command."""
    problem = Problem.build("sm", experiments, **options)
    if not problem.model.free_RVs:
        return scores_of_point(problem)
    known = _STANDARD_MODELS.setdefault(problem, {})
    key = repr(sorted(sampling.items()))
    if key not in known:
        try:
            posterior = sample("sm", experiments, **sampling, **options)
        except InputError as error:  # such as one variable for nested sampling
            _log.warning("%s: the Standard Model is sampled by another sampler.", one_line(error))
            again = {**sampling, "sampler": "auto"}
            posterior = sample("sm", experiments, **again, **options)
        known[key] = scores("sm", posterior)
    return known[key]


_STANDARD_MODELS: WeakKeyDictionary[Problem, dict[str, Scores]] = WeakKeyDictionary()


def _of_counts(
    scenario: Scenario, problem: Problem, best: FitResult, posterior: xr.DataTree
) -> dict[str, Any]:
    """What an analysis with parameters of interest and one without both have."""
    fitted = {**best.values, **problem.fixed}
    experiments = problem.experiments
    return {
        "fixed": problem.fixed,
        "date": datetime.now(UTC).isoformat(" ", "seconds"),
        "impacts": impacts_of(Search.of(problem), best),
        "expected": expectations(scenario, experiments, fitted, problem.options),
        "comparable": is_as_published(experiments, problem.options),
        "p_values": predictive_p_values(
            posterior, [e for e in experiments if not e.is_pseudo_data]
        ),
    }


def _limit_curves(problem: Problem, search: Search, posterior: xr.DataTree) -> list[xr.Dataset]:
    """Limits on a coupling at each mass, of both kinds."""
    if not problem.scenario.has_limit_curve:
        return []
    return [limit_curve_of(problem.scenario, search), credible_limit_curve_of(problem, posterior)]


def _split(keywords: AnalysisOptions) -> tuple[ModelOptions, dict[str, Any]]:
    """Keywords of the model, and of sampling."""
    given: dict[str, Any] = {**keywords}
    for name in given:
        if name not in AnalysisOptions.__annotations__:
            raise unknown_name("keyword", name, AnalysisOptions.__annotations__)
    options = {k: given.pop(k) for k in ModelOptions.__annotations__ if k in given}
    return cast(ModelOptions, options), given


def _for_standard_model(options: ModelOptions, experiments: list[Experiment]) -> ModelOptions:
    """Without the priors and values of parameters which it does not have."""
    plain = Problem.build("sm", experiments, **unchanged(options))
    known = {variable.name for variable in plain.model.free_RVs}
    priors, fixed = options.get("priors") or {}, options.get("fixed") or {}
    return {
        **options,
        "priors": {name: prior for name, prior in priors.items() if name in known},
        "fixed": {name: value for name, value in fixed.items() if name in known},
    }
