"""Whether posterior samples can be trusted, and what they say of each variable."""

from dataclasses import dataclass
from typing import Any

import arviz as az
import numpy as np
import xarray as xr
from arviz_stats.base import array_stats
from scipy.special import logsumexp

from cevns_bayes.bayesian.provenance import require
from cevns_bayes.errors import counted
from cevns_bayes.scenarios.priors import sampled_name

# Vehtari et al., arXiv:1903.08008: R-hat below 1.01, 100 effective draws for each of 4 chains.
MAX_R_HAT = 1.01
MIN_ESS = 400.0
MAX_EVIDENCE_ERROR = 0.2
MAX_PARETO_K = 0.7  # Vehtari et al., arXiv:1507.02646, also of LOO.
MIN_SHARE = 0.05  # of effective points among weighted ones


@dataclass(frozen=True)
class Convergence:
    """Convergence diagnostics over all free variables, worst case each.

    ``divergences`` are those of NUTS; ``evidence_error`` is that of the log-evidence of the other
    samplers, and ``effective_size`` the effective number of weighted points of nested sampling.
    Of weights of proposals there are ``pareto_k``, the shape of their tail, and
    ``effective_share``; ``doubts`` is what else a sampler has against its result, in words.
    """

    r_hat: float
    ess_bulk: float
    ess_tail: float
    divergences: int = 0
    evidence_error: float = 0.0
    effective_size: float = np.inf
    pareto_k: float = -np.inf
    effective_share: float = 1.0
    doubts: str = ""

    @property
    def problems(self) -> list[str]:
        """What is wrong, one phrase each; empty when the posterior can be trusted."""
        problems = []
        if not self.r_hat < MAX_R_HAT:
            problems.append(f"R-hat {self.r_hat:.3f} is not below {MAX_R_HAT}")
        sizes = {
            "bulk ESS": self.ess_bulk,
            "tail ESS": self.ess_tail,
            "effective size": self.effective_size,
        }
        for kind, size in sizes.items():
            if not size >= MIN_ESS:
                problems.append(f"{kind} {size:.0f} is below {MIN_ESS:.0f}")
        if self.divergences:
            problems.append(counted(self.divergences, "divergent transition"))
        if not self.evidence_error <= MAX_EVIDENCE_ERROR:
            error = f"{self.evidence_error:.2f} is above {MAX_EVIDENCE_ERROR}"
            problems.append(f"the error of the log-evidence {error}")
        if not self.pareto_k <= MAX_PARETO_K:
            problems.append(f"Pareto k {self.pareto_k:.2f} of the weights is above {MAX_PARETO_K}")
        if not self.effective_share >= MIN_SHARE:
            problems.append(f"{self.effective_share:.1%} of the proposals are effective")
        return [*problems, *([self.doubts] if self.doubts else [])]


def pareto_smoothed(
    log_weights: np.ndarray, relative_size: float = 1.0
) -> tuple[np.ndarray, float]:
    """Log-weights whose sum is one and whose tail is smoothed (arXiv:1507.02646), and Pareto k.

    Where all weights in the tail are equal there is nothing to smooth, and k is -inf.
    """
    plain = log_weights - logsumexp(log_weights)
    if not np.ptp(log_weights):
        return plain, -np.inf
    try:
        smoothed, pareto_k = array_stats.psislw(-log_weights.ravel(), r_eff=relative_size)
    except ValueError as error:
        if "tail values are the same" not in str(error):
            raise
        return plain, -np.inf
    return smoothed.reshape(log_weights.shape), float(pareto_k)


def sampled_names(posterior: xr.DataTree) -> list[str]:
    """Free variables of the posterior: parameters of interest, then nuisances.

    A log-uniform parameter is there as ``log10_<name>``.
    """
    names = _scalar_names(posterior)
    if "log_prior" in posterior.children:  # without it one cannot tell them from Deterministics
        names = [name for name in names if name in posterior["log_prior"].data_vars]
    return [name for name in names if sampled_name(names, name) == name]


def _scalar_names(posterior: xr.DataTree) -> list[str]:
    group = posterior["posterior"].data_vars
    return [str(name) for name, variable in group.items() if variable.dims == ("chain", "draw")]


def check_convergence(posterior: xr.DataTree) -> Convergence:
    """Convergence diagnostics of a result of :func:`cevns_bayes.sample`.

    Examples
    --------
    >>> import xarray as xr
    >>> draws = np.random.default_rng(1).normal(size=(4, 1000))
    >>> group = xr.Dataset({"x": (("chain", "draw"), draws)})
    >>> cb.check_convergence(xr.DataTree.from_dict({"posterior": group})).problems
    []
    """
    require(posterior, ["posterior"])
    sample_stats: Any = posterior.children.get("sample_stats", {})
    scalars = posterior["posterior"].to_dataset()[sampled_names(posterior)]

    def worst(diagnostic: xr.Dataset, reduce: Any) -> float:
        return float(reduce([float(value) for value in diagnostic.data_vars.values()]))

    return Convergence(
        r_hat=worst(az.rhat(scalars), np.max),
        ess_bulk=worst(az.ess(scalars, method="bulk"), np.min),
        ess_tail=worst(az.ess(scalars, method="tail"), np.min),
        divergences=int(sample_stats["diverging"].sum()) if "diverging" in sample_stats else 0,
        evidence_error=float(posterior.attrs.get("log_evidence_error", 0.0)),
        effective_size=float(posterior.attrs.get("effective_size", np.inf)),
        pareto_k=float(posterior.attrs.get("pareto_k", -np.inf)),
        effective_share=float(posterior.attrs.get("effective_share", 1.0)),
        doubts=str(posterior.attrs.get("doubts", "")),
    )


def summary(posterior: xr.DataTree) -> xr.Dataset:
    """Mean, sd, 68/90 % HDI and equal-tailed intervals, and diagnostics per variable.

    The HDI are single intervals of draws, as in ArviZ; those of reports, which may be disjoint, are
    of the density, :func:`cevns_bayes.bayesian.regions.posterior_density_1d`.

    Returns
    -------
    xarray.Dataset over ``variable``, with ``hdi68_single_low``, ``hdi68_single_high``,
    ``eti90_low``, ...

    Examples
    --------
    >>> import xarray as xr
    >>> draws = np.random.default_rng(1).normal(5.0, 1.0, size=(4, 1000))
    >>> group = xr.Dataset({"x": (("chain", "draw"), draws)})
    >>> table = cb.summary(xr.DataTree.from_dict({"posterior": group}))
    >>> round(float(table["mean"].sel(variable="x")), 1)
    5.0
    """
    require(posterior, ["posterior"])
    scalars = posterior["posterior"].to_dataset()[_scalar_names(posterior)]
    columns = {
        "mean": scalars.mean(("chain", "draw")),
        "sd": scalars.std(("chain", "draw"), ddof=1),
    }
    for percent in (68, 90):
        for name, interval in ((f"hdi{percent}_single", az.hdi), (f"eti{percent}", az.eti)):
            bounds = interval(scalars, prob=percent / 100)
            columns[f"{name}_low"] = bounds.isel(ci_bound=0, drop=True)
            columns[f"{name}_high"] = bounds.isel(ci_bound=1, drop=True)
    columns["ess_bulk"] = az.ess(scalars, method="bulk")
    columns["ess_tail"] = az.ess(scalars, method="tail")
    columns["r_hat"] = az.rhat(scalars)
    return xr.Dataset(
        {name: dataset.to_array("variable", name=name) for name, dataset in columns.items()}
    )
