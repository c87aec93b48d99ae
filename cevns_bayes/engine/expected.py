"""Nuisances, expected counts and likelihood of an experiment, inside an open PyMC model."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pytensor.graph.basic import equal_computations

from cevns_bayes.checks import called, check_one_or_each
from cevns_bayes.detectors.folding import folded_term
from cevns_bayes.detectors.morphing import Alphas
from cevns_bayes.detectors.response import Response
from cevns_bayes.detectors.time_shapes import TimeShape
from cevns_bayes.errors import InputError
from cevns_bayes.experiments.components import Background, Component, Signal
from cevns_bayes.experiments.experiment import Experiment
from cevns_bayes.experiments.nuisance import Nuisance
from cevns_bayes.physics.cross_sections import CrossSection, Scattering, Term
from cevns_bayes.physics.form_factors import FormFactor
from cevns_bayes.physics.targets import Electrons, Target
from cevns_bayes.sources.source import Source

MIN_EXPECTED_COUNT = 1e-9  # a rate of zero has no logarithm and no gradient


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
    expected counts, ``"<experiment>::expected"``, and the observed ``"<experiment>::counts"``.

    ``shared`` holds nuisances that several experiments have in common; they add to the
    experiment's own of the same name, if there is one.

    Returns
    -------
    Expected counts of each component, arrays of the experiment's shape.
    """
    name = experiment.qualified
    dims = [name(axis.name) for axis in experiment.axes]
    for axis in experiment.axes:
        pm.modelcontext(None).add_coord(name(axis.name), axis.centres)
    alphas: dict[str, Any] = {**(shared or {}), **dict.fromkeys(fixed_nuisances, 0.0)}
    for nuisance in experiment.nuisances:
        if nuisance.name not in fixed_nuisances:
            own = declare_nuisance(name(nuisance.name), nuisance)
            alphas[nuisance.name] = own + alphas.get(nuisance.name, 0.0)
    components, total = expected_counts(experiment, scattering, form_factor, alphas)
    total = pt.maximum(total, MIN_EXPECTED_COUNT)
    expected = pm.Deterministic(name("expected"), total, dims=dims)
    experiment.likelihood.declare(name("counts"), expected, experiment.counts, dims)
    return components


def declare_nuisance(name: str, nuisance: Nuisance) -> Any:
    """Prior of a nuisance, in the open model."""
    if nuisance.bounds is None:
        return pm.Normal(name, 0.0, np.float64(nuisance.sigma))  # else 0.25 becomes float32
    low, high = np.array(nuisance.bounds, dtype=float)
    if nuisance.sigma is None:
        return pm.Uniform(name, low, high)
    return pm.TruncatedNormal(name, 0.0, nuisance.sigma, lower=low, upper=high)


def expected_counts(
    experiment: Experiment, scattering: Scattering, form_factor: FormFactor, alphas: Alphas
) -> tuple[dict[str, Any], Any]:
    """Expected counts of each component, and their sum; of the experiment's shape."""
    components: dict[str, Any] = {}
    products: dict[str | None, list[Product]] = {}
    others = []
    for component in experiment.components:
        norm = 1.0 + sum(alphas[name] for name in component.norms)
        product = _as_product(component, alphas, scattering, form_factor)
        shape = component.shape if isinstance(component, Signal) else None
        if product is None:
            counts = norm * component.expected(alphas)  # type: ignore[union-attr]
            others.append(counts)
        elif shape is None:
            product = replace(product, spectra=norm * product.spectra)
            counts = product.counts(alphas)
            products.setdefault(product.onset, []).append(product)
        else:
            counts = norm * _spread(product.counts(alphas), shape.nominal.ndim) * shape(alphas)
            others.append(counts)
        components[component.name] = counts
    joined = [Product.joined(parts).counts(alphas) for parts in products.values()]
    return components, sum([*joined, *others])


@dataclass(frozen=True)
class Product:
    """Counts that are a sum of spectra times arrival times: as such, they add up in one product.

    ``spectra`` has the shape (rows, energy), ``shapes`` one time shape per row or none at all, and
    ``onset`` names the nuisance that moves them.
    """

    spectra: Any
    shapes: tuple[TimeShape, ...]
    onset: str | None

    @classmethod
    def joined(cls, parts: "Sequence[Product]") -> "Product":
        """One product of the rows of several that share an onset."""
        spectra = pt.concatenate([part.spectra for part in parts])
        return cls(spectra, sum((part.shapes for part in parts), ()), parts[0].onset)

    def counts(self, alphas: Alphas) -> Any:
        """Shape (energy, time), or (energy,) without times."""
        if not self.shapes:
            return self.spectra.sum(axis=0)
        fractions = TimeShape.joined(self.shapes)(alphas[self.onset] if self.onset else 0.0)
        return self.spectra.T @ fractions.reshape((len(self.shapes), -1))


def _as_product(
    component: Signal | Component, alphas: Alphas, scattering: Scattering, form_factor: FormFactor
) -> Product | None:
    """Before the normalisation nuisances; None if it is another kind of component."""
    if isinstance(component, Signal):
        shapes = (component.time_shapes[name] for name in component.response.flux.sources)
        spectra = _spectra(component, alphas, scattering, form_factor)
        return Product(spectra, tuple(shapes) if component.time_shapes else (), component.onset)
    if isinstance(component, Background):
        shape = component.time_shape
        return Product(component.spectrum[None, :], (shape,) if shape else (), component.onset)
    return None


def _spread(counts: Any, axes: int) -> Any:
    """Insert axes of length one between energy and time."""
    for _ in range(axes - counts.ndim):
        counts = counts[:, None]
    return counts


def _spectra(
    signal: Signal, alphas: Alphas, scattering: Scattering, form_factor: FormFactor
) -> Any:
    """Events per source and energy bin at all times, shape (source, energy)."""
    response, sources = signal.response, list(signal.response.flux.sources.values())
    scale = 1.0 + alphas[signal.radius] if signal.radius else 1.0
    target = response.target(form_factor, scale)
    terms = [_terms(scattering, target, source) for source in sources]
    parts = _folded(response, sources, terms)
    if any(term.changes_flux for of_source in terms for term in of_source):
        fine = response.fine_target(form_factor, scale)
        parts = [
            part + _finely_folded(response, source, _terms(scattering, fine, source))
            for part, source in zip(parts, sources, strict=True)
        ]
    known = all(isinstance(part, np.ndarray) for part in parts)
    versions = np.concatenate(parts, axis=1) if known else pt.concatenate(parts, axis=1)
    if not response.variations:
        return versions[0]
    shape = (len(sources), len(response.matrix))
    flat = versions.reshape((1 + 2 * len(response.variations), shape[0] * shape[1]))
    return (response.morphed.weights(alphas) @ flat).reshape(shape)


def _terms(scattering: Scattering, target: Target | Electrons, source: Source) -> tuple[Term, ...]:
    function = scattering.electrons if isinstance(target, Electrons) else scattering.nuclei
    title = "declare must return cross_section(target, flavour) -> CrossSection, of which a call"
    cross_section = called(f"{title} failed", function, target, source.flavour)
    if not isinstance(cross_section, CrossSection):
        raise InputError(f"{title} returned {type(cross_section).__name__}")
    for term in cross_section.terms:
        check_one_or_each(
            "coupling of a cross section", term.coupling, len(target.recoil_energy_mev)
        )
    return cross_section.terms


def _folded(
    response: Response, sources: Sequence[Source], terms: Sequence[tuple[Term, ...]]
) -> list[Any]:
    """Events by the few nodes, shape (version of the response, source, energy).

    One array for all sources if they have the same couplings, which saves products, or one each.
    """
    plain = [tuple(term for term in of_source if not term.changes_flux) for of_source in terms]
    alike = sum(map(len, plain)) == sum(map(len, terms)) and all(
        _equal(plain[0], other) for other in plain[1:]
    )
    groups = [list(sources)] if alike else [[source] for source in sources]
    return [_of_group(response, *pair) for pair in zip(groups, plain, strict=False)]


def _of_group(response: Response, sources: Sequence[Source], terms: Sequence[Term]) -> Any:
    """Events from sources with the same couplings."""
    if not terms:
        return np.zeros((1 + 2 * len(response.variations), len(sources), len(response.matrix)))
    return sum(
        _product(
            np.stack([response.weights(s, term.kinematics).stacked() for s in sources], axis=1),
            term.coupling,
        )
        for term in terms
    )


def _equal(some: tuple[Term, ...], others: tuple[Term, ...]) -> bool:
    """Whether two cross sections are the same expression."""

    def same(one: Any, other: Any) -> bool:
        if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
            return np.array_equal(one, other)
        return equal_computations([one], [other])

    return len(some) == len(others) and all(
        one.kinematics is other.kinematics and same(one.coupling, other.coupling)
        for one, other in zip(some, others, strict=True)
    )


def _finely_folded(response: Response, source: Source, terms: Sequence[Term]) -> Any:
    """Events by the fine nodes, of terms that see another flux than the one produced."""
    rho = [
        folded_term(
            term,
            source,
            response.recoil_energy_mev,
            response.mass_mev,
            panels=response.panels_mev,
            distance_m=response.flux.distance_m,
        )
        for term in terms
        if term.changes_flux
    ]
    return _product(response.morphed.stacked()[:, None], sum(rho)) if rho else 0.0


def _product(matrices: np.ndarray, vector: Any) -> Any:
    """Matrices times vector, of which a scalar stands for equal elements."""
    if np.ndim(vector) == 0:
        return matrices.sum(axis=-1) * vector
    if isinstance(vector, np.ndarray):
        return matrices @ vector
    flat = matrices.reshape((-1, matrices.shape[-1]))  # so that it is one call of BLAS
    return pt.dot(flat, vector).reshape(matrices.shape[:-1])
