"""Exact draws from a proposal that Laplace's method finds: for up to three parameters of interest.

Where the likelihood with the nuisances integrated out is concentrated, the parameters of interest
are proposed, and around the maximum of the nuisances there the nuisances
(:mod:`cevns_bayes.bayesian.marginal`). A Metropolis step with independent proposals makes them
draws from the posterior, whatever was found; the mean weight is the evidence. Four independent
chains, the tail of the weights (Vehtari et al., arXiv:1507.02646) and their effective share tell
whether the proposal was good enough.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np
import xarray as xr
from pytensor.graph.traversal import ancestors
from scipy.special import logsumexp

from cevns_bayes.bayesian.diagnostics import MAX_PARETO_K, pareto_smoothed
from cevns_bayes.bayesian.marginal import Marginal
from cevns_bayes.bayesian.marginal_grid import on_grid
from cevns_bayes.bayesian.mesh import MAX_LOSS
from cevns_bayes.bayesian.samplers.checkpoint import Checkpoint
from cevns_bayes.bayesian.samplers.nested import prior_transform
from cevns_bayes.bayesian.samplers.sampler import check_draws
from cevns_bayes.engine.compiled import Compiled, other_deterministics
from cevns_bayes.engine.problem import Problem
from cevns_bayes.engine.solver import Solver, solver_of
from cevns_bayes.errors import InputError
from cevns_bayes.scenarios.priors import sampled_name

MAX_PARAMETERS = 3
FINER = MAX_LOSS / 16  # So much may be lost where the usual loss leaves too few good proposals.
PROPOSALS = 8  # So many are made for each draw that is kept.
MAX_UNSOLVED = 0.01  # of the posterior where the nuisances have no maximum
OTHER_STARTS, OTHER_POINTS = 16, 8  # From so many places other maxima are looked for.
COMPARABLE = 5.0  # Lower by less, another maximum matters.
SAMPLE_DIMS = ("chain", "draw")
APART = 0.1  # in widths of the priors


@dataclass(frozen=True)
class Laplace:
    """``chains`` independent chains of ``draws``."""

    draws: int = 2500
    chains: int = 4

    name: ClassVar[str] = "laplace"
    resumable: ClassVar[bool] = False  # It is too short to be resumed.

    def __post_init__(self) -> None:
        check_draws("draws", self.draws, self.chains)

    def run(
        self,
        problem: Problem,
        seed: int,
        *,
        progressbar: bool = False,
        checkpoint: Checkpoint | None = None,
    ) -> xr.DataTree:
        """Sample a problem.

        Returns
        -------
        xarray.DataTree
            Groups ``posterior``, ``sample_stats`` (acceptance and log-evidence by chain) and
            ``marginal``, see :func:`on_grid`; attrs
            ``log_evidence``, ``log_evidence_error``, ``pareto_k``, ``effective_share`` and
            ``doubts``, what else speaks against the result.

        Raises
        ------
        InputError
            A problem that does not suit the method, see :func:`unsuitable`.
        """
        if reason := unsuitable(problem):
            raise InputError(f"laplace does not suit {problem.scenario.name}: {reason}")
        marginal = explored(problem)
        tree = self.draws_from(marginal, problem, seed)
        if tree.attrs["pareto_k"] > MAX_PARETO_K:
            marginal = explored(problem, FINER)
            tree = self.draws_from(marginal, problem, seed)
        tree["marginal"] = xr.DataTree(on_grid(marginal))
        return tree

    def draws_from(self, marginal: Marginal, problem: Problem, seed: int) -> xr.DataTree:
        """:meth:`run`, without the grid, once it is known where the posterior is concentrated."""
        seeds = np.random.SeedSequence(seed).spawn(self.chains)
        chains = [self._chain(marginal, np.random.default_rng(own)) for own in seeds]
        x, log_weights, acceptance = (np.array(part) for part in zip(*chains, strict=True))
        compiled = marginal.solver.compiled
        groups = {
            "posterior": _posterior(problem, marginal.solver, x),
            "sample_stats": _stats(log_weights, acceptance),
        }
        tree = xr.DataTree.from_dict(groups)
        tree.attrs = _evidence(log_weights, compiled) | {"doubts": "; ".join(_doubts(marginal, x))}
        return tree

    def _chain(
        self, marginal: Marginal, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, float]:
        """Draws, shape (draws, variables), log-weights of the proposed, share of the accepted."""
        x, log_weights = marginal.propose(PROPOSALS * self.draws, rng)
        weights = np.exp(log_weights - logsumexp(log_weights))
        state = rng.choice(len(weights), p=weights)
        at = np.empty(len(weights), dtype=int)
        log_chance = np.log(rng.random(len(weights)))
        for i, proposed in enumerate(log_weights):
            if proposed - log_weights[state] > log_chance[i]:
                state = i
            at[i] = state
        return x[at[::PROPOSALS]], log_weights, float(np.mean(at == np.arange(len(at))))


def explored(problem: Problem, loss: float = MAX_LOSS) -> Marginal:
    """Where the posterior is concentrated, which no seed changes: found out once."""
    known = _EXPLORED.setdefault(problem, {})
    if loss not in known:
        known[loss] = Marginal.explored(solver_of(problem), quantiles_of(problem), loss)
    return known[loss]


_EXPLORED: WeakKeyDictionary[Problem, dict[float, Marginal]] = WeakKeyDictionary()


def unsuitable(problem: Problem) -> str:
    """Why the method does not suit a problem; empty if it does."""
    model, names = problem.model, problem.scenario.parameter_names
    if len(names) > MAX_PARAMETERS:
        return f"it has {len(names)} parameters of interest, more than {MAX_PARAMETERS}"
    free = set(model.free_RVs)
    for rv in model.free_RVs:
        if free & (set(ancestors([rv])) - {rv}):
            return f"the prior of {rv.name} depends on other variables"
    try:
        quantiles_of(problem)
    except InputError as error:
        return str(error)
    return ""


def quantiles_of(problem: Problem) -> Callable[..., Any]:
    """Unit cube -> parameters of interest as they are sampled."""
    model, names = problem.model, problem.scenario.parameter_names
    return prior_transform([model[sampled_name(model, name)] for name in names])


def _posterior(problem: Problem, solver: Solver, x: np.ndarray) -> xr.Dataset:
    """Draws of all variables and Deterministics; x has the shape (chain, draw, variables)."""
    model, shape = problem.model, x.shape[:2]
    expected = [model[e.qualified("expected")] for e in problem.experiments]
    found = solver.deterministics(x.reshape((-1, x.shape[2])))
    names = enumerate(solver.compiled.names)
    variables = {name: (SAMPLE_DIMS, x[..., i]) for i, name in names}
    computed = zip([*expected, *other_deterministics(problem)], found, strict=True)
    for variable, values in computed:
        dims = (*SAMPLE_DIMS, *model.named_vars_to_dims.get(variable.name, ()))
        variables[variable.name] = dims, values.reshape((*shape, *values.shape[1:]))
    used = {dim for dims, _ in variables.values() for dim in dims}
    coords = {k: np.asarray(v) for k, v in model.coords.items() if k in used and v is not None}
    numbers = dict(zip(SAMPLE_DIMS, map(np.arange, shape), strict=True))
    return xr.Dataset(variables, coords | numbers)


def _stats(log_weights: np.ndarray, acceptance: np.ndarray) -> xr.Dataset:
    evidence = logsumexp(log_weights, axis=1) - np.log(log_weights.shape[1])
    return xr.Dataset({"log_evidence": ("chain", evidence), "acceptance": ("chain", acceptance)})


def _evidence(log_weights: np.ndarray, compiled: Compiled) -> dict[str, float]:
    flat = log_weights.ravel()
    mean = logsumexp(flat) - np.log(flat.size)
    relative = np.exp(log_weights - mean)
    by_chain = relative.mean(axis=1)
    error = max(relative.std() / np.sqrt(flat.size), by_chain.std(ddof=1) / np.sqrt(len(by_chain)))
    _, pareto_k = pareto_smoothed(flat)
    return {
        "log_evidence": float(mean + compiled.best_log_likelihood(compiled.counts)),
        "log_evidence_error": float(error),
        "pareto_k": pareto_k,
        "effective_share": float(1 / (relative**2).mean()),
    }


def _doubts(marginal: Marginal, x: np.ndarray) -> list[str]:
    """What weights of the proposals do not tell."""
    doubts = []
    if not marginal.mesh.resolved:
        doubts.append(f"{len(marginal.mesh.levels)} cells do not resolve the posterior")
    unsolved = float(np.exp(marginal.mesh.log_parts)[~marginal.cells.converged].sum())
    if unsolved > MAX_UNSOLVED:
        doubts.append(f"the nuisances have no maximum in {unsolved:.0%} of the posterior")
    if _has_other_maxima(marginal.solver, x.reshape((-1, x.shape[2]))):
        doubts.append("the nuisances have several maxima")
    return doubts


def _has_other_maxima(solver: Solver, x: np.ndarray) -> bool:
    """Whether the nuisances have other maxima than those that the solver finds from their peaks."""
    compiled, held = solver.compiled, range(solver.compiled.interest)
    chosen = x[:: len(x) // OTHER_POINTS][:OTHER_POINTS]
    start = np.tile(compiled.peaks, (len(chosen), 1))
    start[:, : compiled.interest] = chosen[:, : compiled.interest]
    known = solver.solve(start, held)
    moves = np.random.default_rng(1).normal(size=(OTHER_STARTS, len(chosen), x.shape[1]))
    others = start + 2 * compiled.widths * moves
    others[..., : compiled.interest] = start[:, : compiled.interest]
    others = np.clip(others, *compiled.limits)
    found = solver.solve(others.reshape((-1, x.shape[1])), held)
    height = found.height.reshape((OTHER_STARTS, -1))
    distance = np.abs(found.x.reshape(others.shape) - known.x) / compiled.widths
    apart = (distance > APART).any(axis=2) & found.converged.reshape(height.shape)
    return bool((apart & (height > known.height - COMPARABLE)).any())
