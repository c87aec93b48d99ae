"""Nuisances of experiments that are fitted together: which are held, and what they share."""

from collections.abc import Mapping, Sequence
from typing import Any

from cevns_bayes.engine.expected import declare_nuisance
from cevns_bayes.errors import unknown_name
from cevns_bayes.experiments.experiment import Experiment
from cevns_bayes.experiments.loading import experiment_names, load_experiment
from cevns_bayes.experiments.nuisance import Nuisance
from cevns_bayes.scenarios.scenario import Scenario


def nuisance_names(experiments: Sequence[Experiment]) -> set[str]:
    """Of all their variables, and of those that they may share."""
    pairs = [(e.qualified(n.name), n.common_name) for e in experiments for n in e.nuisances]
    return {name for pair in pairs for name in pair}


def fixed_nuisances(scenario: Scenario, experiments: list[Experiment]) -> dict[str, list[str]]:
    """Experiment -> those of its nuisances that the scenario switches off.

    One may be named with its experiment, ``"csi::alpha_radius"``, or without, for all that have
    it. A name that no experiment here has must at least be known elsewhere.
    """
    own = {e.name: [nuisance.name for nuisance in e.nuisances] for e in experiments}
    for experiment in {name.rpartition("::")[0] for name in scenario.fixed_nuisances} - {""}:
        if experiment not in (known := {*own, *experiment_names()}):
            raise unknown_name(
                f"experiment in fixed_nuisances of {scenario.name}", experiment, known
            )
    fixed = {
        name: [n for n in names if {n, f"{name}::{n}"} & {*scenario.fixed_nuisances}]
        for name, names in own.items()
    }
    used = {n for name, names in fixed.items() for n in (*names, *(f"{name}::{m}" for m in names))}
    if missing := [n for n in scenario.fixed_nuisances if n not in used]:
        known = {n for names in own.values() for n in names}
        for other in experiment_names():
            if {name.rpartition("::")[2] for name in missing} <= known:
                break
            known |= {nuisance.name for nuisance in load_experiment(other).nuisances}
        for name in missing:
            if name.rpartition("::")[2] not in known or name.rpartition("::")[0] in own:
                raise unknown_name(f"nuisance that {scenario.name} switches off", name, known)
    return fixed


def common_widths(
    experiments: Sequence[Experiment], switched_off: Mapping[str, Sequence[str]]
) -> dict[str, float]:
    """Common parts of nuisances of two experiments or more: each as wide as where it is widest."""
    widths: dict[str, list[float]] = {}
    for experiment in experiments:
        for nuisance in experiment.nuisances:
            if nuisance.common_name and nuisance.name not in switched_off[experiment.name]:
                widths.setdefault(nuisance.common_name, []).append(nuisance.shared_sigma)
    return {name: max(found) for name, found in widths.items() if len(found) > 1}


def common_parts(widths: Mapping[str, float]) -> dict[str, Any]:
    """Variables of the common parts, declared in the open model."""
    return {
        name: declare_nuisance(name, Nuisance(name, "common part", width))
        for name, width in widths.items()
    }


def shared_by(
    experiment: Experiment, common: Mapping[str, Any], widths: Mapping[str, float]
) -> dict[str, Any]:
    """Common parts of its nuisances, narrower where they are so in the experiment."""
    return {
        n.name: common[n.common_name] * (n.shared_sigma / widths[n.common_name])
        for n in experiment.nuisances
        if n.common_name in common
    }
