"""Posterior samples of a scenario by NUTS, sequential Monte Carlo or nested sampling."""

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, Unpack, get_args

import numpy as np
import nutpie
import pymc as pm
import xarray as xr
from scipy import stats

from cevns_bayes.checkpoint import Checkpoint, open_checkpoint
from cevns_bayes.compiling import QUICK
from cevns_bayes.diagnostics import check_convergence
from cevns_bayes.errors import InputError, unknown_name
from cevns_bayes.experiment import Experiment
from cevns_bayes.model import (
    DEFAULT_DATA,
    DataLike,
    ModelOptions,
    Problem,
    ScenarioLike,
    pose,
)
from cevns_bayes.nested import DEFAULT_LIVE_POINTS, run_nested
from cevns_bayes.power_scaling import log_prior
from cevns_bayes.priors import prior_lines, sampled_name
from cevns_bayes.smc import DEFAULT_PARTICLES, run_smc

SamplerName = Literal["auto", "nuts", "smc", "nested"]
SAMPLERS: tuple[SamplerName, ...] = get_args(SamplerName)

DEFAULT_DRAWS = {"nuts": 1500, "smc": DEFAULT_PARTICLES, "nested": 2500}
PRIOR_DRAWS = 2000
PREDICTIONS = 20  # at which the model is tried
DEFAULT_TUNE, DEFAULT_CHAINS, DEFAULT_SEED = 1000, 4, 1

_PACKAGES = (
    "cevns-bayes",
    "pymc",
    "pytensor",
    "nutpie",
    "nautilus-sampler",
    "arviz",
    "numpy",
    "scipy",
)

_log = logging.getLogger(__name__)


def sample(
    scenario: ScenarioLike,
    data: DataLike = DEFAULT_DATA,
    *,
    sampler: SamplerName = "auto",
    draws: int | None = None,
    tune: int = DEFAULT_TUNE,
    chains: int = DEFAULT_CHAINS,
    live_points: int = DEFAULT_LIVE_POINTS,
    seed: int = DEFAULT_SEED,
    checkpoint: str | Path | None = None,
    progressbar: bool = True,
    **options: Unpack[ModelOptions],
) -> xr.DataTree:
    """Sample the posterior of a scenario.

    Parameters
    ----------
    sampler
        ``"nuts"``: nutpie's, for a single compact solution. ``"smc"``: sequential Monte Carlo,
        right on disconnected solutions, bands and plateaus, with the evidence. ``"nested"``:
        nautilus, likewise, slower. ``"auto"``: SMC for scenarios declared ``degenerate``; NUTS for
        the others, and SMC if NUTS does not converge.
    draws
        Draws kept per chain; particles in the case of SMC. 1500 for NUTS, 3000 for SMC, 2500 for
        nested sampling, unless given.
    tune
        Draws of adaptation per chain of NUTS.
    chains
        Independent chains (two or more, so that R-hat is defined).
    live_points
        Of nested sampling.
    seed
        Same seed, installation and number of chains: same draws.
    checkpoint
        Folder in which SMC keeps finished chains and nested sampling its state, so that the same
        call goes on where it was stopped, with the same result. Not removed at the end.
    scenario, data, options
        As in :func:`cevns_bayes.build_model`.

    Returns
    -------
    xarray.DataTree
        Groups ``posterior`` (parameters of interest first, and ``"<experiment>::expected"``),
        ``sample_stats``, ``prior`` draws, ``log_prior`` per variable, ``log_likelihood`` per bin,
        ``posterior_predictive``, ``observed_data`` and ``constant_data`` (bin edges); attrs with
        the sampler and why it was chosen, versions, seed, settings and the data hash; of SMC and
        nested sampling also ``log_evidence`` and
        ``log_evidence_error``, of nested sampling ``effective_size``.

    Raises
    ------
    InputError
        Wrong arguments, or a scenario that predicts NaN somewhere within its priors.
    KeyboardInterrupt
        When interrupted; no partial result is returned.
    """
    if sampler not in SAMPLERS:
        raise unknown_name("sampler", sampler, SAMPLERS)
    numbers = {"draws": (draws, 4), "tune": (tune, 1), "chains": (chains, 2)}
    for name, (number, least) in (numbers | {"live_points": (live_points, 50)}).items():
        if number is not None and (not isinstance(number, int) or number < least):
            raise InputError(f"{name} must be an integer of at least {least}, got {number!r}")
    if not isinstance(seed, int) or not 0 <= seed < 2**64:
        raise InputError(f"seed must be a non-negative integer, got {seed!r}")
    problem = pose(scenario, data, **options)
    digest = _predictions(problem)
    run = Run(
        problem, digest, draws, tune, chains, live_points, seed, progressbar, checkpoint, options
    )
    if sampler != "auto":
        return run.by(sampler, "as asked")
    if problem.scenario.degenerate:
        return run.by("smc", "the scenario is declared degenerate")
    tree = run.by("nuts", "the scenario is not declared degenerate")
    problems = check_convergence(tree).problems
    if not problems:
        return tree
    reason = f"NUTS did not converge ({'; '.join(problems)})"
    _log.warning("%s on %s: sampling again by SMC.", reason, problem.scenario.name)
    return run.by("smc", reason)


@dataclass(frozen=True)
class Run:
    """The settings of :func:`sample`; ``digest`` is that of the predictions."""

    problem: Problem
    digest: str
    draws: int | None
    tune: int
    chains: int
    live_points: int
    seed: int
    progressbar: bool
    checkpoint: str | Path | None
    options: ModelOptions

    def by(self, sampler: str, reason: str) -> xr.DataTree:
        """Posterior by one of the samplers."""
        own = {"nuts": {"tune": self.tune}, "smc": {}, "nested": {"live_points": self.live_points}}
        draws = self.draws or DEFAULT_DRAWS[sampler]
        settings = {"seed": self.seed, "draws": draws, "chains": self.chains, **own[sampler]}
        choices = {k: v for k, v in self.options.items() if k not in ("priors", "binning")}
        about = _about(self.problem, sampler, settings | choices)
        checkpoint = None
        if self.checkpoint is not None and sampler != "nuts":  # which is too short to be resumed
            identity = about | {"predictions": self.digest}
            checkpoint = open_checkpoint(Path(self.checkpoint), identity)
        trace = _SAMPLERS[sampler](
            self.problem.model, **settings, progressbar=self.progressbar, checkpoint=checkpoint
        )
        tree = _as_tree(trace, self.problem, self.seed)
        tree.attrs = about | {"sampler_reason": reason} | trace.attrs
        return tree


def _nuts(
    model: pm.Model, *, progressbar: bool, checkpoint: Checkpoint | None, **settings: Any
) -> xr.DataTree:
    """Run nutpie; unlike its blocking call, let an interrupt through."""
    compiled = nutpie.compile_pymc_model(model)
    sampler = nutpie.sample(
        compiled, blocking=False, save_warmup=False, progress_bar=progressbar, **settings
    )
    try:
        trace = sampler.wait()
    except BaseException:
        sampler.cancel()
        raise
    trace.attrs = {}
    return trace


def _smc(model: pm.Model, *, draws: int, **settings: Any) -> xr.DataTree:
    return run_smc(model, particles=draws, **settings)


_SAMPLERS: dict[str, Callable[..., xr.DataTree]] = {
    "nuts": _nuts,
    "smc": _smc,
    "nested": run_nested,
}


def _about(problem: Problem, sampler: str, settings: dict[str, Any]) -> dict[str, str]:
    """What the result depends on, as text."""
    experiments = problem.experiments
    return {
        "scenario": problem.scenario.name,
        "parameters_of_interest": json.dumps(problem.scenario.parameter_names),
        "data": json.dumps([experiment.name for experiment in experiments]),
        "data_sha256": json.dumps({e.name: e.fingerprint() for e in experiments}),
        "priors": "\n".join(prior_lines(problem.model)),
        "sampler": sampler,
        "settings": json.dumps(settings),
        "versions": json.dumps({package: version(package) for package in _PACKAGES}),
    }


def _predictions(problem: Problem) -> str:
    """sha256 of expected counts, which must be numbers, at some draws from the priors.

    It changes with the code of a scenario.
    """
    model = problem.model
    free = len(model.free_RVs)
    variables = [*model.free_RVs, *model.deterministics]
    draws = pm.draw(variables, PREDICTIONS, random_seed=DEFAULT_SEED, mode=QUICK)
    for i, values in enumerate(zip(*draws, strict=True)):
        if not all(np.isfinite(value).all() for value in values[free:]):
            at = {rv.name: f"{draws[k][i]:.4g}" for k, rv in enumerate(model.free_RVs)}
            raise InputError(f"{problem.scenario.name} predicts what is not a number at {at}")
    text = "".join(f"{x:.6e}" for values in draws[free:] for x in values.ravel())
    return hashlib.sha256(text.encode()).hexdigest()


def _as_tree(trace: xr.DataTree, problem: Problem, seed: int) -> xr.DataTree:
    model, scenario, experiments = problem.model, problem.scenario, problem.experiments
    posterior = trace["posterior"].to_dataset()
    order = [
        name
        for parameter in scenario.parameter_names
        for name in (parameter, sampled_name(model, parameter))
    ]
    order += [v.name for v in (*model.free_RVs, *model.deterministics)]
    stats_kept = {k: v for k, v in trace["sample_stats"].data_vars.items() if v.dtype != object}
    rng = np.random.default_rng(seed)
    return xr.DataTree.from_dict(
        {
            "posterior": posterior[list(dict.fromkeys(order))],
            "sample_stats": xr.Dataset(stats_kept),
            "prior": _prior(model, seed),
            "log_prior": log_prior(model, posterior),
            "log_likelihood": _per_experiment(experiments, posterior, _log_likelihood),
            "posterior_predictive": _per_experiment(
                experiments, posterior, partial(_replicated, rng)
            ),
            "observed_data": _per_experiment(experiments, posterior, _observed),
            "constant_data": _edges(experiments),
        }
    )


def _prior(model: pm.Model, seed: int) -> xr.Dataset:
    """Draws of the free variables from their priors."""
    draws = pm.draw(model.free_RVs, PRIOR_DRAWS, random_seed=seed, mode=QUICK)
    return xr.Dataset(
        {
            rv.name: (("chain", "draw"), values[None])
            for rv, values in zip(model.free_RVs, draws, strict=True)
        }
    )


def _per_experiment(
    experiments: list[Experiment],
    posterior: xr.Dataset,
    function: Callable[[Experiment, xr.DataArray], xr.DataArray],
) -> xr.Dataset:
    return xr.Dataset(
        {
            experiment.qualified("counts"): function(
                experiment, posterior[experiment.qualified("expected")]
            )
            for experiment in experiments
        }
    )


def _log_likelihood(experiment: Experiment, expected: xr.DataArray) -> xr.DataArray:
    """Pointwise, from the stored expectation: compiling the model again would take longer."""
    if experiment.gaussian_variance is None:
        return expected.copy(data=stats.poisson.logpmf(experiment.counts, expected))
    sigma = np.sqrt(experiment.gaussian_variance)
    return expected.copy(data=stats.norm.logpdf(experiment.counts, expected, sigma))


def _replicated(
    rng: np.random.Generator, experiment: Experiment, expected: xr.DataArray
) -> xr.DataArray:
    if experiment.gaussian_variance is None:
        return expected.copy(data=rng.poisson(expected))
    return expected.copy(data=rng.normal(expected, np.sqrt(experiment.gaussian_variance)))


def _observed(experiment: Experiment, expected: xr.DataArray) -> xr.DataArray:
    return expected.isel(chain=0, draw=0, drop=True).copy(data=experiment.counts)


def _edges(experiments: list[Experiment]) -> xr.Dataset:
    return xr.Dataset(
        {
            name: (f"{name}_dim", axis.edges, {"units": axis.unit})
            for experiment in experiments
            for axis in experiment.axes
            for name in [experiment.qualified(f"{axis.name}_edges")]
        }
    )
