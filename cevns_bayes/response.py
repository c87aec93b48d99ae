"""Response matrices: expected counts per energy bin = matrix @ folded cross section."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import xarray as xr

from cevns_bayes.constants import HBAR_C_SQUARED_MEV2_CM2
from cevns_bayes.flux import MAXIMUM_ENERGY_MEV, PROMPT_ENERGY_MEV, maximum_recoil_energy
from cevns_bayes.nuclei import Nucleus
from cevns_bayes.quadrature import binned_rule, composite_rule

NODES_PER_SEGMENT = 40  # relative error per bin below 1e-4: tests/test_response.py


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
    """What a detector makes of the recoils of its target nuclei.

    The axis ``recoil`` runs over the quadrature nodes of the first nucleus, then of the second,
    and so on: one matrix product and one form factor serve all nuclei.

    Attributes
    ----------
    nuclei
        The nucleus of every node, length recoil.
    recoil_energy_mev
        True recoil energies, shape (recoil,).
    matrix
        Shape (energy, recoil) [MeV^3]: its product with a cross section folded with the flux of
        one pion [MeV^-3] is the expected count per reconstructed bin. Number of targets, pions
        per area, quadrature weights, quenching, resolution and efficiency are inside.
    variations
        Nuisance name -> (matrix at -1 sigma, matrix at +1 sigma).
    """

    nuclei: tuple[Nucleus, ...]
    recoil_energy_mev: np.ndarray
    matrix: np.ndarray
    variations: Mapping[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    @classmethod
    def joined(cls, responses: "Sequence[Response]") -> "Response":
        """One response for all nuclei of a detector."""
        nuisances = responses[0].variations
        return cls(
            nuclei=sum((response.nuclei for response in responses), ()),
            recoil_energy_mev=np.concatenate([r.recoil_energy_mev for r in responses]),
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
        return xr.DataArray(
            self.matrix,
            dims=("energy", "recoil"),
            coords={
                "recoil": ("recoil", self.recoil_energy_mev, {"units": "MeV"}),
                "nucleus": ("recoil", [nucleus.symbol for nucleus in self.nuclei]),
            },
        )


def recoil_quadrature(nucleus: Nucleus, nodes_per_segment: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes [MeV] and weights [MeV] in true recoil energy, up to the Michel endpoint.

    The prompt nu_mu line ends in a step inside the range; a segment ends there.
    """
    edges = [0.0] + [
        maximum_recoil_energy(energy, nucleus.mass_mev)
        for energy in (PROMPT_ENERGY_MEV, MAXIMUM_ENERGY_MEV)
    ]
    return composite_rule(np.array(edges), nodes_per_segment)


def nuclear_response(
    nucleus: Nucleus,
    energy_edges: np.ndarray,
    *,
    quenching: Quenching,
    resolution: Resolution,
    efficiency: Efficiency,
    efficiency_variations: Mapping[str, tuple[Efficiency, Efficiency]] | None = None,
    target_number: float,
    pions_per_cm2: float,
    nodes_per_segment: int = NODES_PER_SEGMENT,
) -> Response:
    """Response to the recoils of one nucleus.

    Parameters
    ----------
    energy_edges
        Edges of the reconstructed-energy bins, shape (energy + 1,), in the unit that
        ``resolution`` and ``efficiency`` work in.
    efficiency_variations
        Nuisance name -> (efficiency at -1 sigma, efficiency at +1 sigma).
    target_number, pions_per_cm2
        Nuclei in the detector; pi+ decays over 4 pi L^2, the fluence of each flavour.
    """
    recoil, recoil_weights = recoil_quadrature(nucleus, nodes_per_segment)
    visible = quenching.visible_energy_kev(recoil)
    events = HBAR_C_SQUARED_MEV2_CM2 * target_number * pions_per_cm2 * recoil_weights

    def matrix(efficiency: Efficiency) -> np.ndarray:
        points, bin_weights = binned_rule(
            energy_edges, panel_width=4.0, nodes=12, breakpoints=efficiency.kinks
        )
        detected = resolution.density(points[:, None], visible) * efficiency(points)[:, None]
        return bin_weights @ detected * events

    return Response(
        nuclei=(nucleus,) * len(recoil),
        recoil_energy_mev=recoil,
        matrix=matrix(efficiency),
        variations={
            name: (matrix(down), matrix(up))
            for name, (down, up) in (efficiency_variations or {}).items()
        },
    )
