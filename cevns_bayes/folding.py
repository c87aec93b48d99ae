"""Moments of the flux at each recoil energy: int_{E_min} phi(E_nu) w(E_nu) E_nu^-m dE_nu, m = 0-2.

Every function returns the three moments as a tuple of arrays of shape (recoil,), in MeV^-m per
pion: of the plain flux, of the flux that has oscillated, and of the flux above the threshold for
a massive final state.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from cevns_bayes.errors import InputError
from cevns_bayes.flux import (
    MAXIMUM_ENERGY_MEV,
    PROMPT_ENERGY_MEV,
    Flavour,
    energy_moments,
    greatest_energy,
    michel_spectrum,
    minimum_energy,
    moments_without_end,
    recoil_range,
)
from cevns_bayes.quadrature import composite_rule, inside_weights
from cevns_bayes.targets import Electrons, Target

Moments = tuple[Any, Any, Any]
MomentsOf = Callable[[Target | Electrons, Flavour], Moments]

# Between two neighbouring thresholds. At 100 eV^2 and 30 m the phase turns by up to 40 there,
# wherever the recoil can be seen: tests/test_folding.py.
NODES_BETWEEN_THRESHOLDS = 16


def flux_moments(target: Target | Electrons, flavour: Flavour) -> Moments:
    """Moments of the flux as produced, above the threshold of each recoil energy."""
    return energy_moments(flavour, _thresholds(target))


def _thresholds(target: Target | Electrons) -> np.ndarray:
    return minimum_energy(target.recoil_energy_mev, target.mass_mev)


def oscillated_moments(
    target: Target | Electrons, flavour: Flavour, survival: Callable[[Any, float], Any]
) -> Moments:
    """Moments of the flux times ``survival(E_nu, baseline)``, with energies [MeV], distance [m].

    The prompt line is taken at its energy, exactly; the spectra of the muon decay are integrated
    from one recoil's threshold to the next, so that one sum serves all recoils.
    """
    if target.baseline_m is None:
        raise InputError("oscillations need a Signal with baseline_m")
    if flavour is Flavour.NU_MU:
        probability = survival(PROMPT_ENERGY_MEV, target.baseline_m)
        m0, m1, m2 = flux_moments(target, flavour)
        return m0 * probability, m1 * probability, m2 * probability
    thresholds = np.minimum(_thresholds(target), MAXIMUM_ENERGY_MEV)
    edges, rank = np.unique(np.append(thresholds, MAXIMUM_ENERGY_MEV), return_inverse=True)
    energy, weight = composite_rule(edges, NODES_BETWEEN_THRESHOLDS)
    flux = weight * michel_spectrum(flavour, energy) * survival(energy, target.baseline_m)

    def moment(m: int) -> Any:
        between = (flux * energy**-m).reshape((-1, NODES_BETWEEN_THRESHOLDS)).sum(axis=1)
        return between[::-1].cumsum()[::-1][np.minimum(rank[:-1], len(edges) - 2)]

    return moment(0), moment(1), moment(2)


def upscattered_moments(
    target: Target | Electrons, flavour: Flavour, final_mass_mev: Any
) -> Moments:
    """Moments of the flux that can turn the neutrino into a fermion of ``final_mass_mev``.

    The threshold is E_nu >= (1 + m_4^2/(2 m E)) E_min. The recoils it leaves are a range that
    depends on m_4 and ends, for the prompt line, in steps. Inside it the moments are smooth; as
    weights that integrate over just that range stand in for its steps, expected counts are
    smooth in m_4 however the nodes lie.
    """
    energy, mass = target.recoil_energy_mev, target.mass_mev
    threshold = (1 + final_mass_mev**2 / (2 * mass * energy)) * _thresholds(target)
    panels = target.panels_mev
    if panels is None:
        raise InputError("a massive final state needs a Response with panels_mev")
    nodes = len(energy) // len(panels)
    low, high = recoil_range(greatest_energy(flavour), mass[::nodes], final_mass_mev)
    inside = inside_weights(panels, nodes, low, high)
    m0, m1, m2 = moments_without_end(flavour, threshold)
    return inside * m0, inside * m1, inside * m2
