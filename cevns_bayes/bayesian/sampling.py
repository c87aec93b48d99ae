"""Posterior samples of a scenario: which sampler is asked, and how it is checked and resumed."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, Unpack, get_args

import xarray as xr

from cevns_bayes.bayesian.diagnostics import check_convergence
from cevns_bayes.bayesian.posterior import assembled
from cevns_bayes.bayesian.provenance import check_made_of, definition, provenance, recorded, require
from cevns_bayes.bayesian.samplers import NUTS, SMC, Laplace, Nested, Sampler
from cevns_bayes.bayesian.samplers.checkpoint import open_checkpoint
from cevns_bayes.bayesian.samplers.laplace import unsuitable
from cevns_bayes.bayesian.trial import try_predictions
from cevns_bayes.checks import check_has
from cevns_bayes.engine.problem import (
    DEFAULT_DATA,
    DataLike,
    ModelOptions,
    Problem,
    ScenarioLike,
)
from cevns_bayes.errors import InputError, counted, unknown_name

SamplerName = Literal["auto", "laplace", "nuts", "smc", "nested"]
SAMPLERS: tuple[SamplerName, ...] = get_args(SamplerName)
DEFAULT_SEED = 1
NOT_OF_THE_RESULT = ("checkpoint", "progressbar")  # settings that change nothing in it
AS_ASKED = "as asked"  # why a sampler was chosen that was named

_BY_NAME: dict[str, type[Laplace] | type[NUTS] | type[SMC] | type[Nested]] = {
    "laplace": Laplace,
    "nuts": NUTS,
    "smc": SMC,
    "nested": Nested,
}
AUTOMATIC = ("laplace", "nuts", "smc")
_log = logging.getLogger(__name__)


def sample(
    scenario: ScenarioLike,
    data: DataLike = DEFAULT_DATA,
    *,
    sampler: SamplerName | Sampler = "auto",
    draws: int | None = None,
    tune: int | None = None,
    chains: int | None = None,
    live_points: int | None = None,
    seed: int = DEFAULT_SEED,
    checkpoint: str | Path | None = None,
    progressbar: bool = True,
    **options: Unpack[ModelOptions],
) -> xr.DataTree:
    """Sample the posterior of a scenario.

    Parameters
    ----------
    sampler
        ``"laplace"``: exact draws by importance, in seconds, for up to three parameters of
        interest, whatever the shape of their posterior, with the evidence. ``"nuts"``: nutpie's,
        for a single compact solution. ``"smc"``: sequential Monte Carlo, right on disconnected
        solutions, bands and plateaus, with the evidence. ``"nested"``: nautilus, likewise, slower.
        ``"auto"``: laplace where it is suitable and converges; else SMC for scenarios declared
        ``degenerate``, NUTS for the others, and SMC if NUTS does not converge. Or a sampler with
        its settings, such as ``SMC(particles=5000)`` of :mod:`cevns_bayes.bayesian.samplers` or
        one of one's own.
    draws, tune, chains, live_points
        Settings of the sampler that is named, where it has them: draws kept per chain, particles
        in the case of SMC; draws of adaptation per chain; independent chains; live points of
        nested sampling. Defaults are those of the samplers.
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
        Groups ``posterior`` (parameters of interest first), ``expected`` counts
        (``"<experiment>::expected"``), ``sample_stats``, ``prior`` draws, ``log_prior`` per
        variable, ``log_likelihood`` per bin, ``posterior_predictive``, ``observed_data`` and
        ``constant_data`` (bin edges). Where there are many bins, what has these is there at every
        so many draws. Attrs: the sampler and why it was chosen, versions, seed, settings and the
        data hash; of all samplers but NUTS also ``log_evidence`` and ``log_evidence_error``, of
        nested sampling ``effective_size``. Of laplace also the group
        ``marginal``: ``log_density`` of one or two parameters of interest on a grid.

    Raises
    ------
    InputError
        Wrong arguments, nothing that is free, or a scenario that predicts NaN or negative signals
        somewhere within its priors.
    KeyboardInterrupt
        When interrupted; no partial result is returned.

    Examples
    --------
    >>> posterior = cb.sample("weak-mixing-angle", data=["csi"])  # doctest: +SKIP
    >>> draws = posterior["posterior"]["sin2_theta_w"]  # doctest: +SKIP
    >>> f"{float(draws.mean()):.2f} +- {float(draws.std()):.2f}"  # doctest: +SKIP
    '0.22 +- 0.03'
    """
    settings = {"draws": draws, "tune": tune, "chains": chains, "live_points": live_points}
    candidates = check_settings(sampler, seed, **settings)
    problem = Problem.build(scenario, data, **options)
    if not problem.model.free_RVs:
        raise InputError(f"{problem.scenario.name} has no parameter and no nuisance to sample")
    folder = None if checkpoint is None else Path(checkpoint)
    try_predictions(problem)  # which refuses some
    task = Task(problem, seed, progressbar, folder)
    if sampler != "auto":
        return task.by(candidates[0], AS_ASKED)
    return task.automatically(*candidates)


def check_settings(
    sampler: SamplerName | Sampler = "auto", seed: int = DEFAULT_SEED, **settings: int | None
) -> list[Sampler]:
    """The samplers that :func:`sample` would try with these arguments; InputError if it would."""
    candidates = _candidates(sampler, {k: v for k, v in settings.items() if v is not None})
    if not isinstance(seed, int) or not 0 <= seed < 2**64:
        raise InputError(f"seed must be a non-negative integer, got {seed!r}")
    return candidates


def check_sampled_as(
    posterior: xr.DataTree,
    problem: Problem,
    *,
    sampler: SamplerName | Sampler = "auto",
    seed: int = DEFAULT_SEED,
    **settings: int | None,
) -> None:
    """Raise InputError for a posterior that :func:`sample` would not give with these arguments."""
    check_made_of(posterior, problem)
    require(posterior, attrs=["sampler", "sampler_reason", "settings", "predictions"])
    if posterior.attrs.get("definition", definition(problem)) != definition(problem):
        raise InputError("the scenario says other things of itself than it did")
    attrs, used = posterior.attrs, recorded(posterior, "settings")
    candidates = check_settings(sampler, seed, **settings)
    wanted = {s.name: {"seed": seed, **vars(s)} for s in candidates}.get(attrs["sampler"])
    if wanted is None or (sampler == "auto") == (attrs["sampler_reason"] == AS_ASKED):
        raise InputError(f"the sampler was {attrs['sampler']}, {attrs['sampler_reason']}")
    for name, value in wanted.items():
        if used.get(name) != value:
            raise InputError(f"the posterior is one with {name} {used.get(name)}, not {value}")


def _candidates(sampler: SamplerName | Sampler, settings: Mapping[str, int]) -> list[Sampler]:
    """The sampler that is asked for; laplace, NUTS and SMC if that is left open."""
    if not isinstance(sampler, str):
        if settings:
            raise InputError(f"{', '.join(settings)}: give settings to the sampler itself")
        check_has("sampler", sampler, "name", "resumable", "run", "__dict__")
        return [sampler]
    if sampler not in SAMPLERS:
        raise unknown_name("sampler", sampler, SAMPLERS)
    # All are made, so that a wrong setting is refused even where it would not be used.
    named = {name: _named(name, settings) for name in _BY_NAME}
    return [named[name] for name in (AUTOMATIC if sampler == "auto" else [sampler])]


def _named(name: str, settings: Mapping[str, int]) -> Sampler:
    """A sampler with those of the settings that it has."""
    known: dict[str, Any] = dict(settings)
    if "draws" in known:
        known["particles"] = known["draws"]
    kind = _BY_NAME[name]
    return kind(**{f.name: known[f.name] for f in fields(kind) if f.name in known})


@dataclass(frozen=True)
class Task:
    """A problem to be sampled."""

    problem: Problem
    seed: int
    progressbar: bool
    checkpoint: Path | None

    def automatically(self, laplace: Sampler, nuts: Sampler, smc: Sampler) -> xr.DataTree:
        """By the first that is suitable and converges."""
        scenario = self.problem.scenario
        why = unsuitable(self.problem)
        if not why:
            tree = self.by(
                laplace, f"{counted(len(scenario.parameter_names), 'parameter')} of interest"
            )
            if not (problems := check_convergence(tree).problems):
                return tree
            why = f"laplace did not converge ({'; '.join(problems)})"
            _log.warning("%s on %s: sampling again.", why, scenario.name)
        if scenario.degenerate:
            return self.by(smc, f"{why}; the scenario is declared degenerate")
        tree = self.by(nuts, f"{why}; the scenario is not declared degenerate")
        if not (problems := check_convergence(tree).problems):
            return tree
        failure = f"NUTS did not converge ({'; '.join(problems)})"
        _log.warning("%s on %s: sampling again by SMC.", failure, scenario.name)
        return self.by(smc, f"{why}; {failure}")

    def by(self, sampler: Sampler, reason: str) -> xr.DataTree:
        """The posterior by a sampler that was chosen for this reason."""
        physics = {k: v for k, v in self.problem.options.items() if k not in ("priors", "binning")}
        settings = {"seed": self.seed, **vars(sampler), **physics}
        attrs = provenance(self.problem, sampler.name, settings)
        checkpoint = None
        if self.checkpoint is not None and sampler.resumable:
            checkpoint = open_checkpoint(self.checkpoint, attrs)
        trace = sampler.run(
            self.problem, self.seed, progressbar=self.progressbar, checkpoint=checkpoint
        )
        tree = assembled(trace, self.problem, self.seed)
        tree.attrs = attrs | {"sampler_reason": reason} | trace.attrs
        return tree
