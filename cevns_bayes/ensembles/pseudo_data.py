"""Pseudo-data: counts, and auxiliary measurements of the nuisances, drawn anew from a truth x.

n ~ likelihood(mu(x)),   a_k ~ Normal(alpha_k, sigma_k)   for nuisances with a Gaussian prior

The pulls of a fit are then (alpha_k - a_k)/sigma_k. A nuisance with another prior has no auxiliary
measurement: its prior stays. Every toy has a seed of its own, which its number alone decides, so
that neither batches nor workers matter.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Unpack

import numpy as np
import xarray as xr

from cevns_bayes.bayesian.provenance import check_made_of
from cevns_bayes.bayesian.samplers.nested import prior_transform
from cevns_bayes.bayesian.samplers.sampler import check_integer
from cevns_bayes.engine.compiled import Compiled, Measured
from cevns_bayes.engine.problem import DEFAULT_DATA, DataLike, ModelOptions, Problem, ScenarioLike
from cevns_bayes.engine.solver import Solver, solver_of
from cevns_bayes.errors import InputError, finite_number, unknown_name
from cevns_bayes.experiments.experiment import Experiment
from cevns_bayes.scenarios.priors import log10_name

Truth = Mapping[str, float] | str | xr.DataTree


@dataclass(frozen=True)
class PseudoData:
    """Toys, drawn from a truth each.

    Attributes
    ----------
    names
        Of all variables, as they are sampled.
    truth
        Their values, shape (toys, variables).
    counts
        By experiment, one axis of toys before those of the bins.
    centres
        Auxiliary measurements, shape (toys, variables), NaN where a variable has none.
    """

    names: list[str]
    truth: np.ndarray
    counts: list[np.ndarray]
    centres: np.ndarray
    problem: Problem

    def experiments(self, toy: int) -> list[Experiment]:
        """The experiments with the counts of one toy, as ``data`` of any other function."""
        return [
            replace(e, counts=n[toy], reference=f"pseudo-data, {e.reference}", is_pseudo_data=True)
            for e, n in zip(self.problem.experiments, self.counts, strict=True)
        ]

    def priors(self, toy: int) -> dict[str, str]:
        """Priors of the nuisances with the auxiliary measurements of one toy, as ``priors``."""
        compiled = solver_of(self.problem).compiled
        return {
            prior.name: prior.text_around(float(self.centres[toy, i]))
            for i, prior in enumerate(compiled.priors)
            if compiled.precisions[i]
        }


def pseudo_data(
    scenario: ScenarioLike,
    data: DataLike = DEFAULT_DATA,
    truth: Truth = "prior",
    *,
    toys: int = 1,
    seed: int = 1,
    **options: Unpack[ModelOptions],
) -> PseudoData:
    """Draw pseudo-data of a scenario.

    Parameters
    ----------
    truth
        Values of the parameters of interest and of nuisances, which are 0 if not given; or
        ``"prior"``, or a posterior of :func:`cevns_bayes.sample`, from which each toy has its own.
    toys
        How many.
    seed
        Of the toys, each of which has a child of it.
    scenario, data, options
        As in :func:`cevns_bayes.build_model`.

    Raises
    ------
    InputError
        Wrong arguments, or a posterior of something else.

    Examples
    --------
    >>> toys = cb.pseudo_data("weak-mixing-angle", "csi", {"sin2_theta_w": 0.24}, toys=2, seed=3)
    >>> [int(experiment.counts.sum()) for experiment in toys.experiments(0)]
    [1661]
    """
    check_integer("toys", toys, 1)
    check_integer("seed", seed, 0)
    problem = Problem.build(scenario, data, **options)
    solver = solver_of(problem)
    seeds = seeds_of(seed, (0, 0), range(toys))
    x = _truths(problem, solver.compiled, truth, seeds)
    measured = drawn(solver, x, seeds)
    centres = np.where(
        solver.compiled.precisions > 0, solver.compiled.centres + measured.shifts, np.nan
    )
    return PseudoData(solver.compiled.names, x, list(measured.counts), centres, problem)


def seeds_of(
    seed: int, point: tuple[int, int], toys: Iterable[int]
) -> list[np.random.SeedSequence]:
    """One seed for each toy, as the seed, its children and theirs would spawn them.

    ``point`` is the number of an ensemble among those of a job, and that of a point in it.
    """
    return [np.random.SeedSequence(seed, spawn_key=(*point, int(toy))) for toy in toys]


def drawn(solver: Solver, x: np.ndarray, seeds: Sequence[np.random.SeedSequence]) -> Measured:
    """What is measured in each toy; x are the truths, shape (toys, variables)."""
    compiled = solver.compiled
    expected = solver.expected(x)
    rngs = [np.random.default_rng(_child_of(seed)) for seed in seeds]
    counts = [
        np.stack([e.likelihood.draw(rng, m) for rng, m in zip(rngs, mu, strict=True)]).astype(float)
        for e, mu in zip(compiled.experiments, expected, strict=True)
    ]
    noise = np.stack([rng.normal(size=x.shape[1]) for rng in rngs])
    has_pull = compiled.precisions > 0
    sigma = np.where(has_pull, compiled.precisions, np.inf) ** -0.5
    return Measured(counts, np.where(has_pull, x - compiled.centres + sigma * noise, 0.0))


def _child_of(seed: np.random.SeedSequence) -> np.random.SeedSequence:
    """The first that it would spawn: the seed itself serves to draw the truth."""
    return np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, 0))


def from_prior(compiled: Compiled, seeds: Sequence[np.random.SeedSequence]) -> np.ndarray:
    """All variables, drawn from their priors, shape (toys, variables)."""
    size = len(compiled.priors)
    cube = np.stack([np.random.default_rng(seed).random(size) for seed in seeds])
    return prior_transform([prior.rv for prior in compiled.priors])(cube)


def _truths(
    problem: Problem, compiled: Compiled, truth: Truth, seeds: Sequence[np.random.SeedSequence]
) -> np.ndarray:
    if isinstance(truth, str):
        if truth != "prior":
            raise InputError(f"truth must be values by name, 'prior' or a posterior, got {truth!r}")
        return from_prior(compiled, seeds)
    if not isinstance(truth, xr.DataTree):
        return np.tile(point_of(problem, compiled, truth), (len(seeds), 1))
    check_made_of(truth, problem)
    draws = truth["posterior"].to_dataset().stack(toy=("chain", "draw"))
    values = np.stack([draws[name].to_numpy() for name in compiled.names], axis=-1)
    return values[[np.random.default_rng(seed).integers(len(values)) for seed in seeds]]


def point_of(problem: Problem, compiled: Compiled, values: Mapping[str, float]) -> np.ndarray:
    """All variables at values by name, shape (variables,); nuisances that are not given are 0."""
    names = problem.scenario.parameter_names
    logarithms = {log10_name(n): n for n in names if n not in compiled.names}
    allowed = [*names, *compiled.names[compiled.interest :]]
    for name in values:
        if name not in allowed:
            raise unknown_name(f"variable of {problem.scenario.name}", name, allowed)
    if missing := [name for name in names if name not in values]:
        raise InputError(f"{problem.scenario.name} needs a value for {', '.join(missing)}")
    x = np.zeros(len(compiled.names))
    for i, name in enumerate(compiled.names):
        physical = logarithms.get(name, name)
        value = finite_number(physical, values.get(physical, 0.0))
        x[i] = np.log10(value) if name in logarithms and value > 0 else value
        low, high = compiled.limits[:, i]
        if not low <= x[i] <= high or (name in logarithms and value <= 0):
            raise InputError(f"{physical} must be within {compiled.priors[i].text}, got {value:g}")
    return x
