"""Pulls of the nuisances at the minimum of chi^2, and what they do to the parameters of interest.

As in rankings of LHC analyses: the impact of a nuisance is by how much the best fit of a parameter
moves when the nuisance is held one error of the fit above or below its best fit, everything else
fitted again.
"""

import numpy as np
import xarray as xr

from cevns_bayes.frequentist.best_fit import FitResult
from cevns_bayes.frequentist.search import Search

SIDES = (-1, 1)


def impacts_of(search: Search, best_fit: FitResult) -> xr.Dataset:
    """Pulls and impacts at a minimum of the search.

    Returns
    -------
    xarray.Dataset
        Over ``nuisance``: ``pull``, the best fit less the centre of its prior, and
        ``constraint``, the error of the fit, both in units of its width, NaN for nuisances without
        a Gaussian prior. ``impact`` also over ``side``, -1 and 1, and ``parameter``, as sampled;
        NaN where the nuisance has no error.
    """
    compiled, names = search.solver.compiled, search.names
    nuisances = np.arange(len(names), len(compiled.names))
    best, errors = (
        np.array([of[name] for name in compiled.names]) for of in (best_fit.values, best_fit.errors)
    )
    widths = np.array([compiled.priors[k].pull_width for k in nuisances])
    widths[~np.isfinite(widths)] = np.nan
    moved = _moved(search, best, errors, nuisances)[..., : len(names)] - best[: len(names)]
    moved[:, ~np.isfinite(errors[nuisances])] = np.nan
    return xr.Dataset(
        {
            "pull": ("nuisance", (best - compiled.centres)[nuisances] / widths),
            "constraint": ("nuisance", errors[nuisances] / widths),
            "impact": (("side", "nuisance", "parameter"), moved),
        },
        {
            "nuisance": [compiled.names[k] for k in nuisances],
            "side": list(SIDES),
            "parameter": names,
        },
    )


def _moved(
    search: Search, best: np.ndarray, errors: np.ndarray, nuisances: np.ndarray
) -> np.ndarray:
    """Best fits with one nuisance held an error away, shape (sides, nuisances, variables)."""
    start = np.tile(best, (len(SIDES), len(nuisances), 1))
    for i, k in enumerate(nuisances):
        start[:, i, k] += np.multiply(SIDES, np.nan_to_num(errors[k]))
    start = np.clip(start, *search.solver.compiled.limits)
    held = np.broadcast_to(np.eye(len(best), dtype=bool)[nuisances], start.shape)
    shape = (-1, len(best))
    found = search.solver.solve(start.reshape(shape), held.reshape(shape), curvature=False)
    return found.x.reshape(start.shape)
