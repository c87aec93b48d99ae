"""Limits on couplings under linear and log priors, side by side.

A posterior under one prior becomes that under another by the weights new prior/old prior: g from
log to linear, 1/g from linear to log. Pareto smoothing of the weights (arXiv:1507.02646), their
scatter and the Monte Carlo error of the limit tell whether the draws are where the other posterior
is; if they are not, it is sampled. A log prior needs a lower end, on which its limits depend as
long as smaller couplings cannot be told from none.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Unpack

import arviz as az
import numpy as np
import xarray as xr
from arviz_stats.base import array_stats
from pytensor.tensor.random.basic import UniformRV

from cevns_bayes.comparison import GREATEST_PARETO_K
from cevns_bayes.compiling import QUICK
from cevns_bayes.diagnostics import LEAST_ESS, check_convergence
from cevns_bayes.errors import InputError, unknown_name
from cevns_bayes.model import (
    DEFAULT_DATA,
    DataLike,
    ModelOptions,
    Problem,
    ScenarioLike,
    pose,
)
from cevns_bayes.nested import resampled
from cevns_bayes.priors import log10_name, prior_lines, sampled_name
from cevns_bayes.sampling import DEFAULT_SEED, sample

Kind = Literal["linear", "log"]
KINDS: tuple[Kind, Kind] = ("linear", "log")
OWN, REWEIGHTED, SAMPLED, NONE = "its own prior", "reweighted", "sampled again", "none"
COLUMNS = ("upper_limit", "upper_limit_error", "hdi_low", "hdi_high", "effective_size")
DEFAULT_DECADES = 3.0
LEAST_WEIGHTS = 100  # the tail of fewer has no shape
# Of the draws, by their weights. Below, the result rests on a corner of the posterior, of which the
# sampler may have missed a part: on a light vector, linear to log, limits came out twice too high
# at a share of 0.07, a Pareto k of 0.3 and a thousand effective draws.
LEAST_SHARE = 0.1


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
        Result of :func:`cevns_bayes.sample` on the same scenario, data and options; sampled if not
        given.
    parameters
        What counts as a coupling: by default the parameters that vanish in the Standard Model.
    probability
        Of the limits and intervals.
    decades
        Length of the log prior of a coupling whose linear prior begins at zero.
    resample
        Whether to sample under the other priors where reweighting fails; if not, those numbers
        are missing.
    settings
        Keywords of :func:`cevns_bayes.sample` for what is sampled here, such as ``sampler``.
    scenario, data, options
        As in :func:`cevns_bayes.build_model`.

    Returns
    -------
    xarray.Dataset
        Over ``parameter`` and ``prior``, "linear" and "log": the ``distribution``, the
        ``upper_limit`` with its Monte Carlo error ``upper_limit_error``, the highest-density
        interval of the coupling itself (not of its logarithm) from ``hdi_low`` to ``hdi_high``,
        and ``effective_size``, the number of independent draws that would have that error.
        Over ``prior``: ``method``, "its own prior", "reweighted", "sampled again" or "none";
        ``pareto_k`` and ``share`` of the weights where reweighting was tried, the latter being
        (sum w)^2/(n sum w^2); ``problems``, why the draws behind it did not converge, empty if
        they did.
        attrs: ``probability``, and ``left_out``, JSON of parameter -> why it has no log prior.

    Raises
    ------
    InputError
        Wrong arguments, or a posterior of something else.
    """
    if not 0 < probability < 1:
        raise InputError(f"probability must be between 0 and 1, got {probability}")
    if not 0 < decades < np.inf:
        raise InputError(f"decades must be positive and finite, got {decades}")
    problem = pose(scenario, data, **options)
    if posterior is not None:
        _check_same_problem(posterior, problem)
    couplings, left_out = _couplings(problem, parameters, decades)

    def sampled(changes: Mapping[str, str]) -> xr.DataTree:
        changed: ModelOptions = {**options, "priors": _changed(options.get("priors"), changes)}
        return sample(scenario, data, **(settings or {}), **changed)

    under: dict[Kind, WeightedDraws] = {}
    if couplings:
        own = _given(sampled({}) if posterior is None else posterior, couplings, OWN)
        for kind in KINDS:
            changes = {c.name: c.prior(kind) for c in couplings if c.own != kind}
            under[kind] = reweighted(own, couplings, kind) if changes else own
            if changes and not trustworthy(under[kind], probability):
                k, share = under[kind].pareto_k, under[kind].share
                draws = _given(sampled(changes), couplings, SAMPLED) if resample else None
                under[kind] = replace(draws or replace(own, method=NONE), pareto_k=k, share=share)
    table = _table(couplings, under, probability)
    return table.assign_attrs(probability=probability, left_out=json.dumps(left_out))


@dataclass(frozen=True)
class Coupling:
    """A non-negative parameter, uniform in itself or in its logarithm up to ``high``.

    ``low`` is the lower end of the linear, ``log_low`` that of the log prior.
    """

    name: str
    own: Kind
    low: float
    high: float
    log_low: float

    def prior(self, kind: Kind, digits: int = 12) -> str:
        """As :mod:`cevns_bayes.priors` reads it."""
        low, distribution = {
            "linear": (self.low, "Uniform"),
            "log": (self.log_low, "LogUniform"),
        }[kind]
        return f"{distribution}({low:.{digits}g}, {self.high:.{digits}g})"

    def log_weights(self, x: np.ndarray, kind: Kind) -> np.ndarray:
        """Log of the prior of this kind over the own one, up to a constant, of shape (x)."""
        if kind == self.own:
            return np.zeros(x.shape)
        if kind == "linear":
            return np.log(x)
        return np.where(x < self.log_low, -np.inf, -np.log(np.maximum(x, self.log_low)))


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


def reweighted(own: WeightedDraws, couplings: Sequence[Coupling], kind: Kind) -> WeightedDraws:
    """Draws whose Pareto-smoothed weights turn the priors of the couplings into one kind."""
    terms = [c.log_weights(own.draws[c.name].to_numpy(), kind) for c in couplings]
    log_weights = np.sum(terms, axis=0)
    inside = np.isfinite(log_weights)  # draws outside the new priors do not take part
    if inside.sum() < LEAST_WEIGHTS:
        return replace(own, method=NONE, pareto_k=np.inf, share=0.0)
    smoothed, pareto_k = array_stats.psislw(-log_weights[inside])  # wants old over new
    weights = np.zeros(log_weights.shape)
    weights[inside] = np.exp(smoothed) * weights.size
    return replace(
        own,
        weights=own.weights.copy(data=weights),
        method=REWEIGHTED,
        pareto_k=float(pareto_k),
        share=float(weights.mean() ** 2 / (weights**2).mean()),
    )


def trustworthy(weighted: WeightedDraws, probability: float) -> bool:
    """Whether the weights are even enough and leave enough draws for every limit."""
    return (
        weighted.pareto_k <= GREATEST_PARETO_K
        and weighted.share >= LEAST_SHARE
        and all(
            weighted.limits(str(name), probability)["effective_size"] >= LEAST_ESS
            for name in weighted.draws.data_vars
        )
    )


def _given(posterior: xr.DataTree, couplings: Sequence[Coupling], method: str) -> WeightedDraws:
    draws = posterior["posterior"].to_dataset()[[coupling.name for coupling in couplings]]
    weights = xr.ones_like(draws[couplings[0].name])
    problems = "; ".join(check_convergence(posterior).problems)
    return WeightedDraws(draws, weights, method, problems=problems)


def _error_of_mean(x: xr.DataArray) -> float:
    """Of the mean over chains and draws: the larger of those from within and from the chains.

    Particles of SMC descend from few without being close to each other in the chain.
    """
    by_chain = x.mean("draw").to_numpy()
    between = by_chain.std(ddof=1) / np.sqrt(by_chain.size) if by_chain.size > 1 else 0.0
    return max(float(az.mcse(x)), float(between))


def _equally_weighted(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    inside = weights > 0
    return resampled(x[inside], np.log(weights[inside]), x.size, DEFAULT_SEED)


def _couplings(
    problem: Problem, parameters: Collection[str] | None, decades: float
) -> tuple[list[Coupling], dict[str, str]]:
    """Couplings with a linear and a log prior; name -> reason of those without."""
    names = problem.scenario.parameter_names
    for name in parameters or ():
        if name not in names:
            raise unknown_name(f"parameter of {problem.scenario.name}", name, names)
    couplings, left_out = [], {}
    for parameter in problem.scenario.parameters_of_interest:
        name = parameter.name
        if parameter.standard_model != 0 if parameters is None else name not in parameters:
            continue
        rv: Any = problem.model[sampled_name(problem.model, name)]
        if not isinstance(rv.owner.op, UniformRV):
            left_out[name] = "its prior is neither uniform nor log-uniform"
            continue
        low, high = (float(x.eval(mode=QUICK)) for x in rv.owner.op.dist_params(rv.owner))
        if rv.name != name:
            couplings.append(Coupling(name, "log", 10.0**low, 10.0**high, 10.0**low))
        elif low < 0:
            left_out[name] = f"its prior goes down to {low:g}"
        else:
            log_low = low or high * 10.0**-decades
            couplings.append(Coupling(name, "linear", low, high, log_low))
    return couplings, left_out


def _changed(priors: Any, changes: Mapping[str, str]) -> dict[str, Any]:
    """The user's priors with the changes in place of what they say of the same couplings."""
    replaced = {*changes, *(log10_name(name) for name in changes)}
    return {k: v for k, v in (priors or {}).items() if k not in replaced} | {**changes}


def _check_same_problem(posterior: xr.DataTree, problem: Problem) -> None:
    attrs = posterior.attrs
    fingerprints = {e.name: e.fingerprint() for e in problem.experiments}
    declared = prior_lines(problem.model)
    if attrs["scenario"] != problem.scenario.name:
        raise InputError(
            f"the posterior is one of '{attrs['scenario']}', not of '{problem.scenario.name}'"
        )
    if json.loads(attrs["data_sha256"]) != fingerprints:
        raise InputError(f"the posterior is one of other data, {attrs['data']}")
    if other := [line for line in attrs["priors"].splitlines() if line not in declared]:
        raise InputError(f"the posterior is one under another prior: {other[0]}")


def _table(
    couplings: Sequence[Coupling], under: Mapping[Kind, WeightedDraws], probability: float
) -> xr.Dataset:
    cells = [[under[kind].limits(c.name, probability) for kind in KINDS] for c in couplings]
    shape = (len(couplings), len(KINDS))
    both = ("parameter", "prior")
    distributions = [c.prior(kind, digits=4) for c in couplings for kind in KINDS]
    columns: dict[str, Any] = {
        column: (both, np.array([cell[column] for row in cells for cell in row]).reshape(shape))
        for column in COLUMNS
    }
    columns["distribution"] = both, np.array(distributions, dtype=object).reshape(shape)
    rows = [under.get(kind) for kind in KINDS]
    columns["method"] = "prior", [row.method if row else NONE for row in rows]
    columns["pareto_k"] = "prior", [row.pareto_k if row else np.nan for row in rows]
    columns["share"] = "prior", [row.share if row else np.nan for row in rows]
    columns["problems"] = "prior", [row.problems if row else "" for row in rows]
    names = np.array([coupling.name for coupling in couplings], dtype=object)
    return xr.Dataset(columns, coords={"parameter": names, "prior": list(KINDS)})
