"""Nuisances, expected counts and likelihood of an experiment, inside an open PyMC model."""

from collections.abc import Collection
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from cevns_bayes.cross_sections import Scattering
from cevns_bayes.experiment import Experiment, Nuisance, Signal
from cevns_bayes.flux import Flavour
from cevns_bayes.form_factors import FormFactor
from cevns_bayes.morphing import Alphas, Morphed
from cevns_bayes.targets import Electrons, Target

LEAST_EXPECTED_COUNT = 1e-9  # a rate of zero has no logarithm and no gradient


def add_likelihood(
    experiment: Experiment,
    scattering: Scattering,
    form_factor: FormFactor,
    *,
    fixed_nuisances: Collection[str] = (),
    shared: Alphas | None = None,
) -> dict[str, Any]:
    """Add an experiment to the open PyMC model.

    Adds the nuisances ``"<experiment>::alpha_..."``, except those held at zero, the total of the
    expected counts, ``"<experiment>::expected"``, and the observed ``"<experiment>::counts"``:
    Poisson, or Gaussian if the experiment has a variance per bin.

    ``shared`` holds nuisances that several experiments have in common; they add to the
    experiment's own of the same name.

    Returns
    -------
    Expected counts of each component, PyTensor arrays of the experiment's shape.
    """
    name = experiment.qualified
    dims = [name(axis.name) for axis in experiment.axes]
    for axis in experiment.axes:
        pm.modelcontext(None).add_coord(name(axis.name), axis.centres)
    alphas: dict[str, Any] = dict.fromkeys(fixed_nuisances, 0.0)
    for nuisance in experiment.nuisances:
        if nuisance.name not in fixed_nuisances:
            own = declare_nuisance(name(nuisance.name), nuisance)
            alphas[nuisance.name] = own + (shared or {}).get(nuisance.name, 0.0)
    components = _components(experiment, alphas, scattering, form_factor)
    total = pt.maximum(sum(components.values()), LEAST_EXPECTED_COUNT)
    expected = pm.Deterministic(name("expected"), total, dims=dims)
    observed = pm.Data(name("observed"), experiment.counts, dims=dims)
    if experiment.gaussian_variance is None:
        pm.Poisson(name("counts"), mu=expected, observed=observed, dims=dims)
    else:
        sigma = np.sqrt(experiment.gaussian_variance)
        pm.Normal(name("counts"), mu=expected, sigma=sigma, observed=observed, dims=dims)
    return components


def declare_nuisance(name: str, nuisance: Nuisance) -> Any:
    """Prior of a nuisance, in the open model."""
    if nuisance.bounds is None:
        return pm.Normal(name, 0.0, np.float64(nuisance.sigma))  # else 0.25 becomes float32
    low, high = np.array(nuisance.bounds, dtype=float)
    if nuisance.sigma is None:
        return pm.Uniform(name, low, high)
    return pm.TruncatedNormal(name, 0.0, nuisance.sigma, lower=low, upper=high)


def _components(
    experiment: Experiment, alphas: Alphas, scattering: Scattering, form_factor: FormFactor
) -> dict[str, Any]:
    signals = {
        signal.name: _signal(signal, alphas, scattering, form_factor)
        for signal in experiment.signals
    }
    backgrounds = {
        background.name: _norm(background.norms, alphas) * background.expected(alphas)
        for background in experiment.backgrounds
    }
    return signals | backgrounds


def _signal(signal: Signal, alphas: Alphas, scattering: Scattering, form_factor: FormFactor) -> Any:
    shift = alphas[signal.onset] if signal.onset else 0.0
    spectra = _spectra(signal, _folded(signal, alphas, scattering, form_factor), alphas)
    counts = sum(
        spectra[:, i, None] * signal.time_shapes[flavour](shift)
        for i, flavour in enumerate(Flavour)
    )
    if signal.shape is not None:
        between = signal.shape.nominal.ndim - 2  # axes between energy and time
        counts = counts.dimshuffle(0, *"x" * between, 1) * signal.shape(alphas)
    return _norm(signal.norms, alphas) * counts


def _folded(signal: Signal, alphas: Alphas, scattering: Scattering, form_factor: FormFactor) -> Any:
    """Flux times cross section, shape (recoil, flavour); NumPy if nothing in it is free."""
    response = signal.response
    recoil, panels, baseline = response.recoil_energy_mev, response.panels_mev, signal.baseline_m
    target: Target | Electrons
    cross_section: Any
    if response.nuclei:
        scale = 1 + alphas[signal.radius] if signal.radius else 1.0
        target = Target(
            response.nuclei,
            recoil,
            form_factor,
            radius_scale=scale,
            panels_mev=panels,
            baseline_m=baseline,
        )
        cross_section = scattering.nuclei
    else:
        target, cross_section = Electrons(recoil, panels, baseline), scattering.electrons
    folded = [cross_section(target, flavour).folded(target, flavour) for flavour in Flavour]
    known = all(isinstance(rho, np.ndarray) for rho in folded)
    return np.stack(folded, axis=-1) if known else pt.stack(folded, axis=-1)


def _spectra(signal: Signal, rho: Any, alphas: Alphas) -> Any:
    """Events per energy bin at all times, shape (energy, flavour)."""
    # Sums of products instead of matrix products: Numba takes 5 s to compile each of the latter.
    response = Morphed(signal.response.matrix, signal.response.variations)
    return response.mapped(lambda matrix: (matrix[:, :, None] * rho).sum(axis=1))(alphas)


def _norm(names: tuple[str, ...], alphas: Alphas) -> Any:
    return 1.0 + sum(alphas[name] for name in names)
