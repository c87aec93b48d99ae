"""The sensitivity of experiments to a scenario: alone, together, against exposure and systematics.

Regions are those of the data; a forecast has what the Standard Model predicts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Unpack

import numpy as np
import xarray as xr

from cevns_bayes.bayesian.regions import posterior_density_1d
from cevns_bayes.bayesian.samplers.laplace import Laplace
from cevns_bayes.engine.problem import DataLike, ModelOptions, Problem, ScenarioLike, load_data
from cevns_bayes.errors import InputError
from cevns_bayes.experiments.experiment import Experiment
from cevns_bayes.frequentist.profile import Profile, profile_of
from cevns_bayes.frequentist.search import Search
from cevns_bayes.report.reach import BETTER, EXPOSURES, LEVEL, Reach, reaches
from cevns_bayes.report.tables import Column, Table
from cevns_bayes.scenarios.prior_view import Limits
from cevns_bayes.scenarios.scenario import Parameter, Scenario, load_scenario

SURFACE_POINTS, DOUBLINGS = 61, 2
DRAWS, SEED = 250, 1  # Regions need none.

TOGETHER = "together"


@dataclass(frozen=True)
class Sensitivity:
    """What one data set, of one experiment or more, tells of a scenario."""

    experiments: tuple[Experiment, ...]
    parameters: tuple[Parameter, ...]
    profile: Profile
    posterior: xr.DataTree

    def confidence(self, name: str, level: float = LEVEL) -> list[Limits]:
        """Disjoint confidence intervals."""
        return self.profile.limits(name, level)

    def credible(self, name: str, level: float = LEVEL) -> list[Limits]:
        """Disjoint highest-density intervals."""
        limits = self.profile.curves[name].limits
        return posterior_density_1d(self.posterior, name, limits).intervals(level)


@dataclass(frozen=True)
class Forecast:
    """Result of :func:`forecast`; ``sensitivities`` by experiment, and of all ``"together"``."""

    scenario: Scenario
    events: Mapping[str, Mapping[str, float]]
    sensitivities: Mapping[str, Sensitivity]
    reaches: Sequence[Reach]

    @property
    def last(self) -> Sensitivity:
        """That of all experiments."""
        return [*self.sensitivities.values()][-1]


def forecast(scenario: ScenarioLike, data: DataLike, **options: Unpack[ModelOptions]) -> Forecast:
    """Sensitivity of each experiment and of all of them to a scenario.

    Arguments are those of :func:`cevns_bayes.build_model`.

    Raises
    ------
    InputError
        Wrong arguments, or a scenario without parameters of interest.

    Examples
    --------
    >>> found = cb.forecast("nsi-ee-ud", ["ess-csi", "ess-si"])  # doctest: +SKIP
    >>> found.sensitivities["together"].confidence("eps_ee_u")  # doctest: +SKIP
    """
    loaded, experiments = load_scenario(scenario), load_data(data, **options)
    sets = {experiment.name: [experiment] for experiment in experiments}
    if len(experiments) > 1:
        sets[TOGETHER] = experiments
    problems = {label: Problem.build(loaded, of, **options) for label, of in sets.items()}
    if not all(problem.scenario.parameters_of_interest for problem in problems.values()):
        raise InputError(f"{loaded.name} has no parameters of interest to forecast")
    found = {label: _sensitivity(problem) for label, problem in problems.items()}
    last = [*found.values()][-1]
    lengths = [
        max(float(np.ptp(ends)) for ends in last.confidence(p.name)) for p in last.parameters
    ]
    reach = reaches([*problems.values()][-1], last.parameters, lengths)
    return Forecast(loaded, _events(experiments, options), found, reach)


def _sensitivity(problem: Problem) -> Sensitivity:
    search = Search.of(problem)
    scanned = profile_of(problem, search, SURFACE_POINTS, doublings=DOUBLINGS)
    parameters = tuple(
        p if p.name in scanned.curves else p.logarithm
        for p in problem.scenario.parameters_of_interest
    )
    posterior = Laplace(draws=DRAWS).run(problem, SEED)
    return Sensitivity(tuple(problem.experiments), parameters, scanned, posterior)


def _events(
    experiments: Sequence[Experiment], options: ModelOptions
) -> dict[str, dict[str, float]]:
    """Events that the Standard Model predicts, by experiment and component."""
    physics: ModelOptions = {"form_factor": options.get("form_factor", "helm")}
    problems = [Problem.build("sm", [experiment], **physics) for experiment in experiments]
    counts = {name: of for p in problems for name, of in p.expected_counts({}).items()}
    return {name: {k: float(v.sum()) for k, v in of.items()} for name, of in counts.items()}


# --- tables ---------------------------------------------------------------------------------------


def tables(found: Forecast) -> dict[str, Table]:
    """By name, the result first: intervals, reach and impact if there is a reach, events."""
    shown = {"intervals": _intervals(found)}
    if found.reaches:
        shown |= {"reach": _reach_table(found), "impact": _impact(found)}
    return shown | {"events": _events_table(found)}


def _named(parameter: Parameter) -> str:
    return f"{parameter.name} [{parameter.unit}]" if parameter.unit else parameter.name


def _events_table(found: Forecast) -> Table:
    columns = [Column("experiment"), Column("component"), Column("expected events", ".2f")]
    rows = [[name, k, n] for name, of in found.events.items() for k, n in of.items()]
    return Table(columns, rows)


def _intervals(found: Forecast) -> Table:
    kinds = (f"{LEVEL:.0%} credible (HDI)", f"{LEVEL:.0%} confidence (profile)")
    columns = [Column("data"), Column("parameter"), *(Column(kind, ".4g") for kind in kinds)]
    rows = [
        [label, _named(p), of.credible(p.name), of.confidence(p.name)]
        for label, of in found.sensitivities.items()
        for p in of.parameters
    ]
    return Table(columns, rows)


def pieces(found: Forecast) -> Table:
    """The intervals again, one connected piece in a row, to be read by programs."""
    columns = ["data", "parameter", "unit", "level", "kind", "low", "high"]
    rows = [
        [label, p.name, p.unit, LEVEL, kind, low, high]
        for label, of in found.sensitivities.items()
        for p in of.parameters
        for kind, intervals in (("credible", of.credible), ("confidence", of.confidence))
        for low, high in intervals(p.name)
    ]
    return Table([*map(Column, columns)], rows)


def _reach_table(found: Forecast) -> Table:
    better = f"systematics × {BETTER:g}"
    titles = ("systematics as they are", better, "statistics only")
    columns = [Column("parameter"), Column("exposure", ".4g"), *(Column(t, ".3g") for t in titles)]
    rows = [
        [_named(of.parameter), *numbers]
        for of in found.reaches
        for numbers in zip(EXPOSURES, of.systematics, of.better, of.statistics, strict=True)
    ]
    return Table(columns, rows)


def _impact(found: Forecast) -> Table:
    """The greatest first."""
    columns = [Column(_named(of.parameter), ".1%") for of in found.reaches]
    names = {name for of in found.reaches for name in of.impact}
    parts = {name: [of.impact.get(name) for of in found.reaches] for name in names}
    order = sorted(names, key=lambda name: (-max(part or 0.0 for part in parts[name]), name))
    rows = [[name, *parts[name]] for name in order]
    return Table([Column("nuisance"), *columns], rows)
