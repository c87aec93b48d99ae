"""Nuisances, expected counts and Poisson likelihood of an experiment, inside an open PyMC model."""

from collections.abc import Callable, Collection
from typing import Any

import pymc as pm
import pytensor.tensor as pt

from cevns_bayes.cross_sections import CrossSection, Target, flux_moments
from cevns_bayes.experiment import Background, Experiment, Nuisance, Signal
from cevns_bayes.flux import Flavour
from cevns_bayes.form_factors import FormFactor
from cevns_bayes.morphing import morphing_weights
from cevns_bayes.response import Response

LEAST_EXPECTED_COUNT = 1e-9  # a rate of zero has no logarithm and no gradient

CrossSectionOf = Callable[[Target, Flavour], CrossSection]
Alphas = dict[str, Any]


def add_likelihood(
    experiment: Experiment,
    cross_section: CrossSectionOf,
    form_factor: FormFactor,
    *,
    fixed_nuisances: Collection[str] = (),
) -> dict[str, Any]:
    """Add an experiment to the open PyMC model.

    Adds the nuisances ``"<experiment>::alpha_..."``, except those held at zero, the total of the
    expected counts, ``"<experiment>::expected"``, and the Poisson variable
    ``"<experiment>::counts"``.

    Returns
    -------
    Expected counts of each component, PyTensor arrays of the experiment's shape.
    """
    name = experiment.qualified
    dims = [name(axis.name) for axis in experiment.axes]
    for axis in experiment.axes:
        pm.modelcontext(None).add_coord(name(axis.name), axis.centres)
    alphas = {
        nuisance.name: 0.0
        if nuisance.name in fixed_nuisances
        else _declare(name(nuisance.name), nuisance)
        for nuisance in experiment.nuisances
    }
    components = _components(experiment, alphas, cross_section, form_factor)
    total = pt.maximum(sum(components.values()), LEAST_EXPECTED_COUNT)
    expected = pm.Deterministic(name("expected"), total, dims=dims)
    observed = pm.Data(name("observed"), experiment.counts, dims=dims)
    pm.Poisson(name("counts"), mu=expected, observed=observed, dims=dims)
    return components


def _declare(name: str, nuisance: Nuisance) -> Any:
    if nuisance.bounds is not None:
        return pm.Uniform(name, *nuisance.bounds)
    return pm.Normal(name, 0.0, nuisance.sigma)


def _components(
    experiment: Experiment, alphas: Alphas, cross_section: CrossSectionOf, form_factor: FormFactor
) -> dict[str, Any]:
    signals = {
        signal.name: _signal(signal, alphas, cross_section, form_factor)
        for signal in experiment.signals
    }
    backgrounds = {
        background.name: _background(background, alphas) for background in experiment.backgrounds
    }
    return signals | backgrounds


def _signal(
    signal: Signal, alphas: Alphas, cross_section: CrossSectionOf, form_factor: FormFactor
) -> Any:
    target = Target(
        nuclei=signal.response.nuclei,
        recoil_energy_mev=signal.response.recoil_energy_mev,
        form_factor=form_factor,
        radius_scale=1 + alphas[signal.radius] if signal.radius else 1.0,
    )
    folded = [
        cross_section(target, flavour).folded(flux_moments(target, flavour)) for flavour in Flavour
    ]
    matrix = _morphed(signal.response, alphas)
    shift = alphas[signal.onset] if signal.onset else 0.0
    # Sums of products instead of matrix products: Numba takes 5 s to compile each of the latter.
    counts = sum(
        (matrix * rho).sum(axis=1)[:, None] * signal.time_shapes[flavour](shift)
        for flavour, rho in zip(Flavour, folded, strict=True)
    )
    return _norm(signal.norms, alphas) * counts


def _morphed(response: Response, alphas: Alphas) -> Any:
    nominal = response.matrix
    matrix = pt.as_tensor_variable(nominal)
    for name, (down, up) in response.variations.items():
        w_up, w_down = morphing_weights(alphas[name])
        matrix = matrix + w_up * (up - nominal) + w_down * (down - nominal)
    return matrix


def _background(background: Background, alphas: Alphas) -> Any:
    shift = alphas[background.onset] if background.onset else 0.0
    shape = background.energy_shape[:, None] * background.time_shape(shift)
    return _norm(background.norms, alphas) * background.events * shape


def _norm(names: tuple[str, ...], alphas: Alphas) -> Any:
    return 1.0 + sum(alphas[name] for name in names)
