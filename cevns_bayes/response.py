"""Response matrices: expected counts per energy bin = matrix @ folded cross section."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import xarray as xr

from cevns_bayes.atoms import binding_energies_mev, free_electrons
from cevns_bayes.constants import HBAR_C_SQUARED_MEV2_CM2
from cevns_bayes.flux import MAXIMUM_ENERGY_MEV, PROMPT_ENERGY_MEV, maximum_recoil_energy
from cevns_bayes.nuclei import Nucleus
from cevns_bayes.quadrature import binned_rule, composite_rule

# Relative errors per bin below 1e-4: tests/test_response.py
NODES_PER_SEGMENT = 40
NODES_BETWEEN_SHELLS = 8

MEV_PER_KEV = 1e-3


class Quenching(Protocol):
    """Nuclear recoil energy [MeV] to visible energy [keVee]."""

    def visible_energy_kev(self, recoil_energy_mev: np.ndarray) -> np.ndarray: ...


class Resolution(Protocol):
    """Density of the reconstructed energy for a visible energy [keVee]."""

    def density(self, reconstructed: np.ndarray, visible_energy_kev: np.ndarray) -> np.ndarray: ...


class Efficiency(Protocol):
    """Probability to accept an event of a reconstructed energy."""

    @property
    def kinks(self) -> tuple[float, ...]:
        """Energies where it is not smooth."""

    def __call__(self, reconstructed: np.ndarray, /) -> np.ndarray: ...


@dataclass(frozen=True)
class Response:
    """What a detector makes of the recoils of its target nuclei, or of its electrons.

    The axis ``recoil`` runs over the quadrature nodes of the first nucleus, then of the second,
    and so on: one matrix product and one form factor serve all nuclei.

    Attributes
    ----------
    nuclei
        The nucleus of every node, length recoil; empty if electrons recoil.
    recoil_energy_mev
        True recoil energies, shape (recoil,).
    panels_mev
        Ranges of the Gauss-Legendre rules that the nodes form, shape (panels, 2).
    matrix
        Shape (energy, recoil) [MeV^3]: its product with a cross section folded with the flux of
        one pion [MeV^-3] is the expected count per reconstructed bin. Number of targets, pions
        per area, quadrature weights, quenching, resolution and efficiency are inside.
    variations
        Nuisance name -> (matrix at -1 sigma, matrix at +1 sigma).
    """

    nuclei: tuple[Nucleus, ...]
    recoil_energy_mev: np.ndarray
    panels_mev: np.ndarray
    matrix: np.ndarray
    variations: Mapping[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    @classmethod
    def joined(cls, responses: "Sequence[Response]") -> "Response":
        """One response for all nuclei of a detector."""
        nuisances = responses[0].variations
        return cls(
            nuclei=sum((response.nuclei for response in responses), ()),
            recoil_energy_mev=np.concatenate([r.recoil_energy_mev for r in responses]),
            panels_mev=np.concatenate([r.panels_mev for r in responses]),
            matrix=np.hstack([response.matrix for response in responses]),
            variations={
                name: (
                    np.hstack([response.variations[name][0] for response in responses]),
                    np.hstack([response.variations[name][1] for response in responses]),
                )
                for name in nuisances
            },
        )

    def to_xarray(self) -> xr.DataArray:
        """The matrix with named axes, for looking at it."""
        symbols = [nucleus.symbol for nucleus in self.nuclei]
        return xr.DataArray(
            self.matrix,
            dims=("energy", "recoil"),
            coords={
                "recoil": ("recoil", self.recoil_energy_mev, {"units": "MeV"}),
                "nucleus": ("recoil", symbols or ["electron"] * self.recoil_energy_mev.size),
            },
        )


@dataclass(frozen=True)
class Detector:
    """What turns recoils into counts.

    Attributes
    ----------
    energy_edges
        Edges of the reconstructed-energy bins, shape (energy + 1,), in the unit that
        ``resolution`` and ``efficiency`` work in.
    resolution, efficiency
        Density of the reconstructed energy, and the share of it that is accepted.
    efficiency_variations
        Nuisance name -> (efficiency at -1 sigma, efficiency at +1 sigma).
    pions_per_cm2
        pi+ decays over 4 pi L^2, the fluence of each flavour.
    """

    energy_edges: np.ndarray
    resolution: Resolution
    efficiency: Efficiency
    pions_per_cm2: float
    efficiency_variations: Mapping[str, tuple[Efficiency, Efficiency]] = field(default_factory=dict)

    def response(
        self,
        nuclei: tuple[Nucleus, ...],
        panels_mev: np.ndarray,
        *,
        nodes: int,
        visible_energy_kev: Callable[[np.ndarray], np.ndarray],
        target_number: Callable[[np.ndarray], Any],
    ) -> Response:
        """Response to recoils in ``panels_mev``; the last two are functions of the recoil [MeV]."""
        rules = [composite_rule(panel, nodes) for panel in panels_mev]
        recoil, weights = (np.concatenate(arrays) for arrays in zip(*rules, strict=True))
        visible = visible_energy_kev(recoil)
        events = HBAR_C_SQUARED_MEV2_CM2 * self.pions_per_cm2 * target_number(recoil) * weights

        def matrix(efficiency: Efficiency) -> np.ndarray:
            points, bin_weights = binned_rule(
                self.energy_edges, panel_width=4.0, nodes=12, breakpoints=efficiency.kinks
            )
            detected = self.resolution.density(points[:, None], visible)
            return bin_weights @ (detected * efficiency(points)[:, None]) * events

        return Response(
            nuclei=nuclei * len(recoil),
            recoil_energy_mev=recoil,
            panels_mev=panels_mev,
            matrix=matrix(self.efficiency),
            variations={
                name: (matrix(down), matrix(up))
                for name, (down, up) in self.efficiency_variations.items()
            },
        )


def recoil_panels(nucleus: Nucleus) -> np.ndarray:
    """Panels [MeV] in true recoil energy up to the Michel endpoint, shape (2, 2).

    The prompt nu_mu line ends in a step inside the range; a panel ends there.
    """
    prompt, end = (
        maximum_recoil_energy(energy, nucleus.mass_mev)
        for energy in (PROMPT_ENERGY_MEV, MAXIMUM_ENERGY_MEV)
    )
    return np.array([[0.0, prompt], [prompt, end]])


def nuclear_response(
    nucleus: Nucleus,
    detector: Detector,
    *,
    quenching: Quenching,
    target_number: float,
    nodes_per_segment: int = NODES_PER_SEGMENT,
) -> Response:
    """Response to the recoils of one nucleus, of which there are ``target_number``."""
    return detector.response(
        (nucleus,),
        recoil_panels(nucleus),
        nodes=nodes_per_segment,
        visible_energy_kev=quenching.visible_energy_kev,
        target_number=lambda recoil: target_number,
    )


def electron_response(
    atoms: Sequence[str], detector: Detector, *, end_kev: float, molecule_number: float
) -> Response:
    """Response to the recoils of electrons, which are not quenched.

    Those bound by less than the energy that they get count, as if free (step approximation,
    arXiv:2211.11905, Sec. 2): a panel ends at every binding energy.

    Parameters
    ----------
    atoms
        Those of a molecule, e.g. ``("Cs", "I")``.
    end_kev
        Recoil energy above which nothing is reconstructed in the bins.
    molecule_number
        Molecules in the detector.
    """
    end = end_kev * MEV_PER_KEV
    shells = np.concatenate([binding_energies_mev(atom) for atom in atoms])
    steps = np.arange(0.0, end_kev + 0.5) * MEV_PER_KEV
    edges = np.unique(np.concatenate([steps, shells[shells < end]]))
    return detector.response(
        (),
        np.column_stack([edges[:-1], edges[1:]]),
        nodes=NODES_BETWEEN_SHELLS,
        visible_energy_kev=lambda recoil: recoil / MEV_PER_KEV,
        target_number=lambda recoil: (
            molecule_number * sum(free_electrons(atom, recoil) for atom in atoms)
        ),
    )
