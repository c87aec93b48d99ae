"""Tables of what there is, and of what many fits or runs gave: scenarios, experiments, χ²."""

from collections.abc import Iterable, Mapping

import xarray as xr

from cevns_bayes.experiments.experiment import Experiment
from cevns_bayes.published import Row as PublishedRow
from cevns_bayes.report.tables import Column, Estimate, Table
from cevns_bayes.scenarios.scenario import Scenario, declared_priors


def scenarios(listed: Iterable[Scenario]) -> Table:
    """Scenarios with the priors of their parameters."""
    columns = [Column(title) for title in ("scenario", "title", "priors [unit]", "reference")]
    rows = [[s.name, s.title, "\n".join(_priors(s)) or None, s.reference] for s in listed]
    return Table(columns, rows)


def _priors(scenario: Scenario) -> list[str]:
    units = {p.name: p.unit for p in scenario.parameters_of_interest}
    units |= {p.logarithm.name: p.unit for p in scenario.parameters_of_interest}
    return [
        f"{prior} [{units[name]}]" if units.get(name) else prior
        for prior in declared_priors(scenario)
        for name in [prior.split(" ~ ")[0]]
    ]


def experiments(listed: Mapping[str, Experiment]) -> Table:
    """Experiments by name with their axes, bins and events."""
    columns = [Column(t) for t in ("data", "axes", "bins", "events", "nuisances", "reference")]
    rows = [
        [
            name,
            ", ".join(axis.title for axis in experiment.axes),
            " x ".join(map(str, experiment.shape)),
            None if experiment.counts is None else f"{experiment.counts.sum():.0f}",
            len(experiment.nuisances),
            experiment.reference,
        ]
        for name, experiment in listed.items()
    ]
    return Table(columns, rows)


def published(rows: Iterable[PublishedRow]) -> Table:
    """Result of :func:`cevns_bayes.published.validate`."""
    columns = [
        *(Column("scenario"), Column("data"), Column("χ²", ".2f", "chi2")),
        *(Column("published", ".2f"), Column("difference", ".2f")),
        Column("Δχ²", ".2f", "improvement"),
        Column("published Δχ²", ".2f", "published_improvement"),
        Column("verdict"),
    ]
    return Table(columns, [[getattr(row, c.csv or c.title) for c in columns] for row in rows])


def comparison(compared: xr.Dataset) -> Table:
    """Result of :func:`cevns_bayes.compare`, the best first."""
    titles = ("LOO", "difference", "WAIC", "p LOO", "p WAIC")
    columns = [Column("results"), *(Column(title, ".2f") for title in titles)]
    columns += [Column("unreliable bins"), Column("ln Bayes", ".2f")]
    rows = []
    for name in compared["model"].to_numpy().astype(str):
        of = {k: float(v) for k, v in compared.sel(model=name).items() if v.ndim == 0}
        loo = Estimate(of["elpd_loo"], of["se_loo"])
        difference = Estimate(of["difference"], of["se_difference"])
        waic = Estimate(of["elpd_waic"], of["se_waic"])
        unreliable = f"LOO {of['unreliable_loo']:.0f}, WAIC {of['unreliable_waic']:.0f}"
        bayes = Estimate(of["log_bayes_factor"], of["log_bayes_factor_error"])
        rows.append([name, loo, difference, waic, of["p_loo"], of["p_waic"], unreliable, bayes])
    return Table(columns, rows)
