"""Limits on couplings under linear and log priors, side by side.

A posterior under one prior becomes that under another by the weights new prior/old prior: g from
log to linear, 1/g from linear to log. Pareto smoothing of the weights (arXiv:1507.02646), their
scatter and the Monte Carlo error of the limit tell whether the draws are where the other posterior
is; if not, it is sampled. Limits of a log prior depend on its lower end.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack

import arviz as az
import numpy as np
import pandas as pd
import xarray as xr

from cevns_bayes.bayesian.couplings import KINDS, Coupling, Kind, couplings_of
from cevns_bayes.bayesian.diagnostics import (
    MAX_PARETO_K,
    MIN_ESS,
    check_convergence,
    pareto_smoothed,
)
from cevns_bayes.bayesian.marginal import Marginal
from cevns_bayes.bayesian.provenance import check_made_of
from cevns_bayes.bayesian.samplers.laplace import Laplace, quantiles_of, unsuitable
from cevns_bayes.bayesian.samplers.nested import resampled
from cevns_bayes.bayesian.sampling import (
    DEFAULT_SEED,
    NOT_OF_THE_RESULT,
    check_settings,
    sample,
)
from cevns_bayes.engine.problem import (
    DEFAULT_DATA,
    DataLike,
    ModelOptions,
    Problem,
    ScenarioLike,
)
from cevns_bayes.engine.solver import solver_of
from cevns_bayes.errors import InputError
from cevns_bayes.scenarios.priors import log10_name

OWN, REWEIGHTED, SAMPLED, NONE = "its own prior", "reweighted", "sampled again", "none"
KEYS = ("parameter", "prior")
OF_DRAWS = ("method", "pareto_k", "share", "problems")
COLUMNS = ("upper_limit", "upper_limit_error", "hdi_low", "hdi_high", "effective_size")
DEFAULT_DECADES = 3.0
MIN_WEIGHTS = 100  # The tail of fewer has no shape.
# Below this share of the draws, by their weights, the result rests on a corner of the posterior, of
# which the sampler may have missed a part: on a light vector, linear to log, limits came out twice
# too high at a share of 0.07, a Pareto k of 0.3 and a thousand effective draws.
MIN_SHARE = 0.1
LOSS = 0.05  # as of :func:`refined`: for limits to a few per cent


def prior_sensitivity(
    scenario: ScenarioLike,
    data: DataLike = DEFAULT_DATA,
    *,
    posterior: xr.DataTree | None = None,
    parameters: Collection[str] | None = None,
    probability: float = 0.9,
    decades: float = DEFAULT_DECADES,
    resample: bool = True,
    settings: Mapping[str, Any] | None = None,
    **options: Unpack[ModelOptions],
) -> xr.Dataset:
    """Limits on the couplings of a scenario under linear and under log priors.

    The couplings change together; the priors of everything else stay.

    Parameters
    ----------
    posterior
        Result of :func:`cevns_bayes.sample` with these arguments; sampled here if not given.
    parameters
        The couplings: by default the parameters that vanish in the Standard Model.
    probability
        Probability of the limits and intervals.
    decades
        Length of the log prior of a coupling whose linear prior begins at zero.
    resample
        Whether to sample under the other prior where reweighting fails; NaN if not.
    settings
        Keywords of :func:`cevns_bayes.sample` for what is sampled here, such as ``sampler``.
    scenario, data, options
        As in :func:`cevns_bayes.build_model`.

    Returns
    -------
    xarray.Dataset
        Over ``parameter`` and ``prior``, "linear" and "log": ``distribution``; ``upper_limit`` and
        its Monte Carlo error ``upper_limit_error``; ``hdi_low`` and ``hdi_high``, of the coupling,
        not of its logarithm; ``effective_size``, the independent draws that have that error.
        Over ``prior``: ``method``, "its own prior", "reweighted", "sampled again" or "none";
        ``pareto_k`` and ``share``, (sum w)^2/(n sum w^2), of the weights, if any; ``problems``, why
        draws did not converge. attrs: ``probability``; ``left_out``, JSON of parameter -> reason.

    Raises
    ------
    InputError
        Wrong arguments, or a posterior of something else.

    Examples
    --------
    >>> table = cb.prior_sensitivity("light-scalar", parameters=["coupling"])  # doctest: +SKIP
    >>> table["upper_limit"].sel(parameter="coupling").values.round(4)  # doctest: +SKIP
    array([0.0016, 0.0001])
    """
    if not 0 < probability < 1:
        raise InputError(f"probability must be between 0 and 1, got {probability}")
    if not 0 < decades < np.inf:
        raise InputError(f"decades must be positive and finite, got {decades}")
    problem = Problem.build(scenario, data, **options)
    if posterior is not None:
        check_made_of(posterior, problem)
    couplings, left_out = couplings_of(problem, parameters, decades)

    def sampled(kind: Kind) -> WeightedDraws:
        if found := _by_laplace(problem, couplings, kind, settings or {}):
            return found
        changes = {c.name: c.prior(kind) for c in couplings if c.own != kind}
        changed: ModelOptions = {**options, "priors": _changed(options.get("priors"), changes)}
        tree = sample(scenario, data, **(settings or {}), **changed)
        return _as_weighted(tree, couplings, SAMPLED)

    def under(kind: Kind) -> WeightedDraws:
        """Its own draws, or these reweighted, or sampled ones: the first to be trusted."""
        if all(c.own == kind for c in couplings):
            return own
        weighted = reweighted(own, couplings, kind)
        if trustworthy(weighted, probability):
            return weighted
        again = replace(own, method=NONE)
        if resample:
            again = sampled(kind)
        return replace(again, pareto_k=weighted.pareto_k, share=weighted.share)

    draws: dict[Kind, WeightedDraws] = {}
    if couplings:
        if posterior is None:
            posterior = sample(scenario, data, **(settings or {}), **options)
        own = _as_weighted(posterior, couplings, OWN)
        draws = {kind: under(kind) for kind in KINDS}
    table = _table(couplings, draws, probability)
    return table.assign_attrs(probability=probability, left_out=json.dumps(left_out))


@dataclass(frozen=True)
class WeightedDraws:
    """Draws of the couplings, weights of mean one (dims chain, draw), how they came about."""

    draws: xr.Dataset
    weights: xr.DataArray
    method: str
    pareto_k: float = np.nan
    share: float = np.nan
    problems: str = ""

    def limits(self, name: str, probability: float) -> dict[str, float]:
        """``COLUMNS`` of a coupling."""
        if self.method == NONE:
            return dict.fromkeys(COLUMNS, np.nan)
        draws, weights = self.draws[name], self.weights.to_numpy().ravel()
        x = draws.to_numpy().ravel()

        def quantile(p: float) -> float:
            return float(np.quantile(x, p, weights=weights, method="inverted_cdf"))

        limit = quantile(probability)
        error = _error_of_mean(self.weights * ((draws <= limit) - probability))
        width = quantile(min(probability + error, 1.0)) - quantile(max(probability - error, 0.0))
        hdi_low, hdi_high = az.hdi(_equally_weighted(x, weights), prob=probability)
        size = probability * (1 - probability) / error**2 if error else np.inf
        return dict(zip(COLUMNS, (limit, width / 2, hdi_low, hdi_high, size), strict=True))


NOTHING = WeightedDraws(xr.Dataset(), xr.DataArray(), NONE)


def reweighted(own: WeightedDraws, couplings: Sequence[Coupling], kind: Kind) -> WeightedDraws:
    """Draws whose Pareto-smoothed weights turn the priors of the couplings into one kind."""
    terms = [c.log_weights(own.draws[c.name].to_numpy(), kind) for c in couplings]
    log_weights = np.sum(terms, axis=0)
    inside = np.isfinite(log_weights)  # draws outside the new priors do not take part
    if inside.sum() < MIN_WEIGHTS:
        return replace(own, method=NONE, pareto_k=np.inf, share=0.0)
    smoothed, pareto_k = pareto_smoothed(log_weights[inside])
    weights = np.zeros(log_weights.shape)
    weights[inside] = np.exp(smoothed) * weights.size
    return replace(
        own,
        weights=own.weights.copy(data=weights),
        method=REWEIGHTED,
        pareto_k=pareto_k,
        share=float(weights.mean() ** 2 / (weights**2).mean()),
    )


def trustworthy(weighted: WeightedDraws, probability: float) -> bool:
    """Whether the weights are even enough and leave enough draws for every limit."""
    return (
        weighted.pareto_k <= MAX_PARETO_K
        and weighted.share >= MIN_SHARE
        and all(
            weighted.limits(str(name), probability)["effective_size"] >= MIN_ESS
            for name in weighted.draws.data_vars
        )
    )


def _as_weighted(
    posterior: xr.DataTree, couplings: Sequence[Coupling], method: str
) -> WeightedDraws:
    draws = posterior["posterior"].to_dataset()[[coupling.name for coupling in couplings]]
    weights = xr.ones_like(draws[couplings[0].name])
    problems = "; ".join(check_convergence(posterior).problems)
    return WeightedDraws(draws, weights, method, problems=problems)


def _by_laplace(
    problem: Problem, couplings: Sequence[Coupling], kind: Kind, settings: Mapping[str, Any]
) -> WeightedDraws | None:
    """Draws under priors of this kind, with what is compiled for the own ones; None if in doubt."""
    asked = {k: v for k, v in settings.items() if k not in NOT_OF_THE_RESULT}
    sampler, *_ = check_settings(**asked)
    if not isinstance(sampler, Laplace) or unsuitable(problem):
        return None
    own, names = quantiles_of(problem), problem.scenario.parameter_names
    limits = solver_of(problem).compiled.limits[:, : len(names)]

    def quantiles(cube: np.ndarray) -> np.ndarray:
        theta = own(cube)
        for i, coupling in ((names.index(c.name), c) for c in couplings if c.own != kind):
            theta[:, i] = coupling.quantiles(cube[:, i], kind)
        return np.clip(theta, *limits)  # They may be off by rounding.

    marginal = Marginal.explored(solver_of(problem), quantiles, LOSS)
    tree = sampler.draws_from(marginal, problem, settings.get("seed", DEFAULT_SEED))
    found = _as_weighted(tree, couplings, SAMPLED)
    return None if found.problems else found


def _error_of_mean(x: xr.DataArray) -> float:
    """Error of a mean over chains and draws: the larger of that within and that between chains.

    Particles of SMC descend from few without being close to each other in the chain.
    """
    by_chain = x.mean("draw").to_numpy()
    between = by_chain.std(ddof=1) / np.sqrt(by_chain.size) if by_chain.size > 1 else 0.0
    return max(float(az.mcse(x)), float(between))


def _equally_weighted(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    inside = weights > 0
    return resampled(x[inside], np.log(weights[inside]), x.size, DEFAULT_SEED)


def _changed(priors: Any, changes: Mapping[str, str]) -> dict[str, Any]:
    """The user's priors with the changes in place of what they say of the same couplings."""
    replaced = {*changes, *(log10_name(name) for name in changes)}
    return {k: v for k, v in (priors or {}).items() if k not in replaced} | {**changes}


def _table(
    couplings: Sequence[Coupling], draws: Mapping[Kind, WeightedDraws], probability: float
) -> xr.Dataset:
    keys = pd.MultiIndex.from_product([[c.name for c in couplings], KINDS], names=KEYS)
    cells = [
        {"distribution": c.prior(kind, digits=4), **draws[kind].limits(c.name, probability)}
        for c in couplings
        for kind in KINDS
    ]
    rows = [[getattr(draws.get(kind, NOTHING), key) for key in OF_DRAWS] for kind in KINDS]
    index = pd.Index(KINDS, name="prior", dtype=object)
    limits = pd.DataFrame(cells, keys, ["distribution", *COLUMNS]).to_xarray()
    return limits.reindex(prior=index).merge(pd.DataFrame(rows, index, OF_DRAWS).to_xarray())
