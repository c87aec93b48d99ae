"""Response: what a detector makes of recoils that a flux causes, as a matrix."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from scipy.linalg import block_diag

from cevns_bayes.detectors.folding import few_nodes, folded_kinematics
from cevns_bayes.detectors.morphing import Morphed
from cevns_bayes.errors import InputError
from cevns_bayes.physics.cross_sections import Kinematics, vector_kinematics
from cevns_bayes.physics.form_factors import FormFactor, helm
from cevns_bayes.physics.nuclei import Nucleus
from cevns_bayes.physics.targets import Electrons, Target
from cevns_bayes.sources.source import Flux, Source


@dataclass(frozen=True)
class Response:
    """What a detector makes of the recoils of its nuclei, or of its electrons, from a flux.

    The axis ``recoil`` runs over the quadrature nodes of the first nucleus, then of the second,
    and so on: one form factor serves all nuclei. These fine nodes carry what depends on
    parameters inside the flux; for everything else there are :attr:`nodes`.

    Attributes
    ----------
    flux
        What the recoils come from.
    nuclei
        The nucleus of every node, length recoil; empty if electrons recoil.
    recoil_energy_mev
        True recoil energies, shape (recoil,).
    panels_mev
        Ranges of the Gauss-Legendre rules that the nodes form, shape (panels, 2).
    matrix
        Shape (energy, recoil) [MeV^3]: its product with a cross section folded with the spectrum
        of one parent particle [MeV^-3] is the expected count per reconstructed bin. Number of
        targets, fluence, quadrature weights and detector are inside.
    variations
        Nuisance name -> (matrix at -1 sigma, matrix at +1 sigma).
    energy_edges
        Of the reconstructed bins, shape (energy + 1,), if known.

    Examples
    --------
    >>> response = cb.load_experiment("csi").signals[0].response
    >>> bins, nodes = response.matrix.shape
    >>> bins, nodes == len(response.recoil_energy_mev)
    (9, True)
    """

    flux: Flux
    nuclei: tuple[Nucleus, ...]
    recoil_energy_mev: np.ndarray
    panels_mev: np.ndarray
    matrix: np.ndarray
    variations: Mapping[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    energy_edges: np.ndarray | None = None

    @classmethod
    def joined(cls, responses: "Sequence[Response]") -> "Response":
        """One response for all nuclei of a detector.

        Raises
        ------
        InputError
            If they have different fluxes, nuisances, or numbers of nodes per panel.
        """
        first = responses[0]
        for other in responses[1:]:
            for same, what in (
                (other.flux is first.flux, "to different fluxes"),
                (other.variations.keys() == first.variations.keys(), "with different nuisances"),
                (other.nodes_per_panel == first.nodes_per_panel, "with different nodes per panel"),
            ):
                if not same:
                    raise InputError(f"responses {what} cannot be joined")

        def stacked(name: str, end: int) -> np.ndarray:
            return np.hstack([response.variations[name][end] for response in responses])

        return cls(
            flux=first.flux,
            energy_edges=first.energy_edges,
            nuclei=sum((response.nuclei for response in responses), ()),
            recoil_energy_mev=np.concatenate([r.recoil_energy_mev for r in responses]),
            panels_mev=np.concatenate([r.panels_mev for r in responses]),
            matrix=np.hstack([response.matrix for response in responses]),
            variations={name: (stacked(name, 0), stacked(name, 1)) for name in first.variations},
        )

    @property
    def nodes_per_panel(self) -> int:
        """Number of nodes in each panel, the same in all of them."""
        return len(self.recoil_energy_mev) // len(self.panels_mev)

    @cached_property
    def mass_mev(self) -> np.ndarray:
        """Mass of what recoils at each fine node, shape (recoil,)."""
        return self.fine_target(helm).mass_mev

    @property
    def morphed(self) -> Morphed:
        """Matrix with its variations."""
        return Morphed(self.matrix, self.variations)

    def scaled(self, exposure: float) -> "Response":
        """The response for ``exposure`` times the exposure, which scales fluence and counts."""
        flux = replace(self.flux, fluence_per_cm2=exposure * self.flux.fluence_per_cm2)
        morphed = self.morphed.mapped(lambda matrix: exposure * matrix)
        return replace(self, flux=flux, matrix=morphed.nominal, variations=morphed.variations)

    def fine_target(self, form_factor: FormFactor, radius_scale: Any = 1.0) -> Target | Electrons:
        """What recoils, at the fine nodes."""
        return target_of(self.nuclei, self.recoil_energy_mev, form_factor, radius_scale)

    def target(self, form_factor: FormFactor, radius_scale: Any = 1.0) -> Target | Electrons:
        """What recoils, at the few nodes of :meth:`weights`."""
        return target_of(self.nodes.nuclei, self.nodes.energy_mev, form_factor, radius_scale)

    def weights(self, source: Source, kinematics: Kinematics) -> Morphed:
        """Expected counts per unit coupling at the few nodes, shape (energy, nodes)."""
        known = folded_kinematics(source, kinematics, self.recoil_energy_mev, self.mass_mev)
        return self.morphed.mapped(lambda matrix: (matrix * known) @ self.nodes.interpolation)

    @cached_property
    def nodes(self) -> "Nodes":
        """The few nodes at which couplings are evaluated, of all nuclei one after the other."""
        energy, versions = self.recoil_energy_mev, np.concatenate(self.morphed.arrays())
        known = [
            versions * folded_kinematics(source, kinematics, energy, self.mass_mev)
            for source in self.flux.sources.values()
            for kinematics in (vector_kinematics, _coulomb_kinematics)
        ]
        rows = np.concatenate(known)
        parts = []
        for group in _groups(self.nuclei, len(energy)):
            nuclei = self.nuclei[group][:1]
            couplings = _smooth_couplings(nuclei, energy[group])
            nodes, matrix = few_nodes(energy[group], rows[:, group], couplings)
            parts.append((nuclei * len(nodes), nodes, matrix))
        return Nodes(
            nuclei=sum((nuclei for nuclei, _, _ in parts), ()),
            energy_mev=np.concatenate([nodes for _, nodes, _ in parts]),
            interpolation=block_diag(*(matrix for _, _, matrix in parts)),
        )


@dataclass(frozen=True)
class Nodes:
    """Few nodes in place of the fine ones; ``interpolation`` has the shape (recoil, nodes)."""

    nuclei: tuple[Nucleus, ...]
    energy_mev: np.ndarray
    interpolation: np.ndarray


def target_of(
    nuclei: tuple[Nucleus, ...],
    energy: np.ndarray,
    form_factor: FormFactor,
    radius_scale: Any = 1.0,
) -> Target | Electrons:
    """What recoils with these energies: electrons, if there are no nuclei."""
    return Target(nuclei, energy, form_factor, radius_scale) if nuclei else Electrons(energy)


def _coulomb_kinematics(energy: Any, mass: Any) -> tuple[Any, Any, Any]:
    """1/E: the steepest of all, of a photon."""
    return 1 / energy, 0.0, 0.0


def _groups(nuclei: tuple[Nucleus, ...], count: int) -> list[slice]:
    """Ranges of nodes of equal nuclei."""
    starts = [i for i in range(1, len(nuclei)) if nuclei[i] != nuclei[i - 1]]
    return [slice(a, b) for a, b in zip([0, *starts], [*starts, count], strict=True)]


def _smooth_couplings(
    nuclei: tuple[Nucleus, ...], energy: np.ndarray
) -> list[Callable[[np.ndarray], np.ndarray]]:
    """The steepest couplings: form factors over propagators of all masses, and 1/E^2."""

    def coupling(e: np.ndarray, scale: float, power: int) -> np.ndarray:
        charge = target_of(nuclei * len(e), e, helm).electric_charge
        return charge**2 / (e / scale + 1.0) ** power if scale else charge**2 / e**power

    scales = np.geomspace(1e-3, 1e3, 13) * energy.max()
    return [partial(coupling, scale=scale, power=2) for scale in (0.0, *scales)]
