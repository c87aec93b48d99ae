"""Detector: from the recoils of its nuclei, or of its electrons, to a response."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cevns_bayes.checks import called, check_array, check_has, check_increasing, check_kind
from cevns_bayes.detectors.detection import (
    Efficiency,
    Quenching,
    Resolution,
    detection_matrix,
)
from cevns_bayes.detectors.effects import ConstantEfficiency
from cevns_bayes.detectors.folding import folded_kinematics
from cevns_bayes.detectors.response import Response, target_of
from cevns_bayes.errors import InputError
from cevns_bayes.physics.atoms import binding_energies_mev, free_electrons
from cevns_bayes.physics.constants import HBAR_C_SQUARED_MEV2_CM2
from cevns_bayes.physics.cross_sections import vector_kinematics
from cevns_bayes.physics.form_factors import helm
from cevns_bayes.physics.kinematics import maximum_recoil_energy
from cevns_bayes.physics.nuclei import Nucleus
from cevns_bayes.physics.quadrature import adaptive_panels, rule_of_panels
from cevns_bayes.sources.source import Flux

NODES_PER_PANEL = 40
NODES_BETWEEN_SHELLS = 8
MEV_PER_KEV = 1e-3

TOLERANCE = 1e-5  # of the counts of a bin
NEGLIGIBLE = 1e-8  # share of all counts below which a bin is not looked at
MAX_PANELS = 512


@dataclass(frozen=True)
class Detector:
    """What turns recoils into counts.

    Attributes
    ----------
    energy_edges
        Edges of the reconstructed-energy bins, shape (energy + 1,), in the unit that
        ``resolution`` and ``efficiency`` work in.
    quenching
        Visible energy of a nuclear recoil.
    resolution
        Density of the reconstructed energy for a visible energy.
    efficiency
        Probability to accept an event of a reconstructed energy; one, if not given.
    variations
        Nuisance name -> (detector at -1 sigma, detector at +1 sigma), which may differ in
        anything but the edges.

    Examples
    --------
    >>> quenching, resolution = cb.LindhardQuenching(0.157, 32), cb.GaussianResolution(noise=0.1)
    >>> detector = cb.Detector(np.array([0.0, 1.0, 2.0]), quenching, resolution)
    >>> detector.detection(np.array([0.9])).round(2)
    array([[0.84],
           [0.16]])
    """

    energy_edges: np.ndarray
    quenching: Quenching
    resolution: Resolution
    efficiency: Efficiency = field(default_factory=ConstantEfficiency)
    variations: Mapping[str, "tuple[Detector, Detector]"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        edges = check_increasing("energy_edges of Detector", self.energy_edges)
        object.__setattr__(self, "energy_edges", edges)
        check_has("quenching of Detector", self.quenching, "visible_energy_kev")
        if not hasattr(self.resolution, "cumulative"):
            check_has("resolution of Detector", self.resolution, "density")
        if not callable(self.efficiency):
            raise InputError(f"efficiency of Detector must be a function, got {self.efficiency!r}")

    def detection(self, visible_energy_kev: np.ndarray) -> np.ndarray:
        """Probability to be found in each bin, shape (energy, recoil)."""
        return detection_matrix(
            self.energy_edges, self.resolution, self.efficiency, visible_energy_kev
        )


def nuclear_response(targets: Mapping[Nucleus, float], detector: Detector, flux: Flux) -> Response:
    """Response to the recoils of nuclei.

    Parameters
    ----------
    targets
        Nucleus -> number of such nuclei in the detector.

    Raises
    ------
    InputError
        No nuclei, a number that is not positive, or a response that cannot be resolved.

    Examples
    --------
    >>> quenching, resolution = cb.LindhardQuenching(0.157, 32), cb.GaussianResolution(noise=0.1)
    >>> detector = cb.Detector(np.array([1.0, 2.0, 4.0]), quenching, resolution)
    >>> flux = cb.pion_decay_at_rest(pions=1e22, distance_m=20.0)
    >>> response = cb.nuclear_response(cb.natural_element("Ge", 10.0), detector, flux)
    >>> [*dict.fromkeys(nucleus.symbol for nucleus in response.nuclei)]
    ['Ge70', 'Ge72', 'Ge73', 'Ge74', 'Ge76']
    """
    if not targets:
        raise InputError("a nuclear response needs one nucleus or more, got none")
    for nucleus in targets:
        check_kind("each target of a nuclear response", nucleus, Nucleus)
    check_kind("flux of a nuclear response", flux, Flux)
    return Response.joined([_of_nucleus(*item, detector, flux) for item in targets.items()])


def _of_nucleus(nucleus: Nucleus, number: float, detector: Detector, flux: Flux) -> Response:
    """A panel ends where a spectrum does: the end of a line is a step inside the range."""
    check_array(f"number of {nucleus.symbol}", number, (), "finite and positive")
    edges = [0.0, *(maximum_recoil_energy(end, nucleus.mass_mev) for end in flux.ends_mev)]
    return _response(
        detector,
        flux,
        (nucleus,),
        np.array(edges),
        nodes=NODES_PER_PANEL,
        visible_energy_kev=_quenched,
        target_number=lambda recoil: number,
    )


def _quenched(detector: Detector, recoil: np.ndarray) -> np.ndarray:
    title = "visible energy of the quenching"
    visible = called(title, detector.quenching.visible_energy_kev, recoil)
    return check_array(title, visible, recoil.shape, "finite and non-negative")


def electron_response(
    atoms: Sequence[str], detector: Detector, flux: Flux, *, end_kev: float, molecule_number: float
) -> Response:
    """Response to the recoils of electrons, which are not quenched.

    Electrons that are bound by less than the recoil energy count as free, the others not at all
    (step approximation, arXiv:2211.11905, Sec. 2). A panel ends at every binding energy.

    Parameters
    ----------
    atoms
        Atoms of a molecule, e.g. ``("Cs", "I")``: those of ``data/nuclei/shells.csv``.
    end_kev
        Recoil energy [keV] above which nothing is reconstructed in the bins.
    molecule_number
        Number of molecules in the detector.

    Raises
    ------
    InputError
        No atoms, numbers that are not positive, or a response that cannot be resolved.

    Examples
    --------
    >>> quenching, resolution = cb.PolynomialQuenching((0.08,)), cb.GaussianResolution(noise=0.1)
    >>> detector = cb.Detector(np.array([0.5, 2.0, 4.0]), quenching, resolution)
    >>> flux = cb.pion_decay_at_rest(pions=1e22, distance_m=20.0)
    >>> size = {"end_kev": 6.0, "molecule_number": 6e25}
    >>> response = cb.electron_response(["Cs", "I"], detector, flux, **size)
    >>> response.matrix.shape[0], response.nuclei
    (2, ())
    """
    if not atoms:
        raise InputError("an electron response needs one atom or more, got none")
    for name, number in {"end_kev": end_kev, "molecule_number": molecule_number}.items():
        check_array(f"{name} of an electron response", number, (), "finite and positive")
    end = end_kev * MEV_PER_KEV
    shells = np.concatenate([binding_energies_mev(atom) for atom in atoms])
    steps = np.append(np.arange(0.0, end_kev, max(1.0, end_kev / 100)), end_kev) * MEV_PER_KEV
    return _response(
        detector,
        flux,
        (),
        np.unique(np.concatenate([steps, shells[shells < end]])),
        nodes=NODES_BETWEEN_SHELLS,
        visible_energy_kev=lambda at, recoil: recoil / MEV_PER_KEV,
        target_number=lambda recoil: (
            molecule_number * sum(free_electrons(atom, recoil) for atom in atoms)
        ),
    )


def _response(
    detector: Detector,
    flux: Flux,
    nuclei: tuple[Nucleus, ...],
    edges_mev: np.ndarray,
    *,
    nodes: int,
    visible_energy_kev: Callable[[Detector, np.ndarray], np.ndarray],
    target_number: Callable[[np.ndarray], Any],
) -> Response:
    """The last two are functions of the recoil [MeV]."""

    def matrix(at: Detector, recoil: np.ndarray, weights: np.ndarray) -> np.ndarray:
        events = HBAR_C_SQUARED_MEV2_CM2 * flux.fluence_per_cm2 * target_number(recoil) * weights
        return at.detection(visible_energy_kev(at, recoil)) * events

    versions = [detector, *(end for pair in detector.variations.values() for end in pair)]
    for version in versions:
        if not np.array_equal(version.energy_edges, detector.energy_edges):
            raise InputError("the variations of a detector must have its energy_edges")

    def of_all(recoil: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return np.vstack([matrix(version, recoil, weights) for version in versions])

    panels = _resolved_panels(edges_mev, nodes, of_all, flux, nuclei)
    recoil, weights = rule_of_panels(panels, nodes)
    return Response(
        flux=flux,
        energy_edges=detector.energy_edges,
        nuclei=nuclei * len(recoil),
        recoil_energy_mev=recoil,
        panels_mev=panels,
        matrix=matrix(detector, recoil, weights),
        variations={
            name: (matrix(down, recoil, weights), matrix(up, recoil, weights))
            for name, (down, up) in detector.variations.items()
        },
    )


def _resolved_panels(
    edges_mev: np.ndarray,
    nodes: int,
    matrix: Callable[[np.ndarray, np.ndarray], np.ndarray],
    flux: Flux,
    nuclei: tuple[Nucleus, ...],
) -> np.ndarray:
    """Panels, shape (panels, 2), halved until halving them changes no bin by ``TOLERANCE``."""

    def counts(panels: np.ndarray) -> np.ndarray:
        """Per panel and bin, of a coupling of one."""
        recoil, weights = rule_of_panels(panels, nodes)
        mass = target_of(nuclei * len(recoil), recoil, helm).mass_mev
        known = sum(
            folded_kinematics(source, vector_kinematics, recoil, mass)
            for source in flux.sources.values()
        )
        by_node = matrix(recoil, weights) * known
        return by_node.reshape((len(by_node), len(panels), nodes)).sum(axis=2).T

    def converged(change: np.ndarray, _: np.ndarray, total: np.ndarray) -> np.ndarray:
        return (change <= TOLERANCE * np.maximum(total, NEGLIGIBLE * total.sum())).all(axis=1)

    return adaptive_panels(edges_mev, counts, converged, most=MAX_PANELS)[0]
