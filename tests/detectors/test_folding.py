"""Folding with the flux and onto few nodes, against integrals."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from scipy.integrate import quad

from cevns_bayes.detectors.folding import few_nodes, folded_term
from cevns_bayes.errors import InputError
from cevns_bayes.physics.cross_sections import Term
from cevns_bayes.physics.flavours import Flavour
from cevns_bayes.physics.kinematics import maximum_recoil_energy, minimum_energy, recoil_range
from cevns_bayes.physics.nuclei import nucleus
from cevns_bayes.physics.quadrature import composite_rule
from cevns_bayes.sources.pion_decay import MICHEL_END_MEV, PROMPT_ENERGY_MEV, SPECTRA
from cevns_bayes.sources.source import Source

AR = nucleus("Ar40")
EDGES = [0.0, *(maximum_recoil_energy(e, AR.mass_mev) for e in (PROMPT_ENERGY_MEV, MICHEL_END_MEV))]
PANELS = np.column_stack([EDGES[:-1], EDGES[1:]])
RECOIL, WEIGHTS = composite_rule(np.array(EDGES), 40)


def flat_kinematics(energy, mass):
    return 1.0, 0.0, 0.0


def folded(flavour, distance_m=27.5, **flux):
    """Zeroth moment of the flux that a term sees, at the nodes."""
    term = Term(np.ones_like(RECOIL), flat_kinematics, **flux)
    mass = np.full_like(RECOIL, AR.mass_mev)
    source = Source(flavour, SPECTRA[flavour])
    return folded_term(term, source, RECOIL, mass, panels=PANELS, distance_m=distance_m)


def test_oscillations_need_a_distance():
    with pytest.raises(InputError, match="distance_m"):
        folded(Flavour.NU_MU, distance_m=None, survival=lambda energy, distance: 1.0)


def test_neutrinos_that_all_survive_are_the_plain_flux():
    for flavour in SPECTRA:
        same = folded(flavour, survival=lambda energy, distance: np.ones_like(energy))
        np.testing.assert_allclose(same, folded(flavour), rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("m4", [1.0, 20.0, 29.0, 40.0, 50.0, 52.0])
@pytest.mark.parametrize("flavour", list(SPECTRA))
def test_counts_above_a_massive_threshold(flavour, m4):
    """Of a detector that is smooth in the recoil energy and blind to the smallest, as all are."""

    def detected(recoil):
        return np.exp(-(np.log(recoil / 0.03) ** 2) / (2 * 0.3**2))

    counts = (WEIGHTS * detected(RECOIL)) @ folded(flavour, final_mass_mev=m4)
    end = PROMPT_ENERGY_MEV if flavour is Flavour.NU_MU else MICHEL_END_MEV
    low, high = (float(x[0]) for x in recoil_range(end, np.array([AR.mass_mev]), m4))

    def rate(recoil):
        least = (1 + m4**2 / (2 * AR.mass_mev * recoil)) * minimum_energy(recoil, AR.mass_mev)
        if flavour is Flavour.NU_MU:
            return detected(recoil)
        return detected(recoil) * quad(lambda e: SPECTRA[flavour].density(e), least, end)[0]

    expected = 0.0
    if m4 < end:
        expected, _ = quad(rate, low, high, epsabs=1e-14, epsrel=1e-9, limit=200)
    assert counts == pytest.approx(expected, rel=1e-4, abs=1e-9)


def test_counts_are_smooth_in_the_mass():
    """Second differences of a step function over fixed nodes would jump."""
    m4 = pt.dscalar()
    detected = WEIGHTS * np.exp(-((RECOIL - 0.03) ** 2) / (2 * 0.008**2))
    counts = (detected * folded(Flavour.NU_MU, final_mass_mev=m4)).sum()
    both = pytensor.function([m4], [counts, pytensor.grad(counts, m4)], mode="FAST_COMPILE")
    masses = np.linspace(5.0, 25.0, 400)
    values, slopes = np.array([both(m) for m in masses]).T
    step = masses[1] - masses[0]
    np.testing.assert_allclose(np.gradient(values, step)[1:-1], slopes[1:-1], rtol=0.02, atol=1e-7)


# --- few nodes ------------------------------------------------------------------------------------

ENERGY = np.linspace(1e-3, 0.1, 400)
ROWS = np.exp(-((np.log(ENERGY) - np.log([[0.005], [0.02], [0.06]])) ** 2) / 0.1)


@pytest.mark.parametrize("power", [0.0, -1.0, -2.0])
def test_few_nodes_fold_smooth_couplings(power):
    def coupling(energy):
        return energy**power * np.cos(20 * energy)

    nodes, matrix = few_nodes(ENERGY, ROWS, [lambda e: e**-2.0, lambda e: np.cos(20 * e)])
    assert len(nodes) < 40
    assert matrix.shape == (len(ENERGY), len(nodes))
    np.testing.assert_allclose(ROWS @ matrix @ coupling(nodes), ROWS @ coupling(ENERGY), rtol=1e-5)


def test_nodes_are_as_many_as_the_couplings_ask_for():
    smooth, _ = few_nodes(ENERGY, ROWS, [np.ones_like])
    wavy, _ = few_nodes(ENERGY, ROWS, [lambda e: np.cos(300 * e)])
    assert len(smooth) < len(wavy)


def test_couplings_that_many_nodes_do_not_resolve_have_their_range_halved():
    def step(energy):
        return 1.0 * (energy > 0.0502)

    rows = np.ones((1, 400))
    nodes, matrix = few_nodes(ENERGY, rows, [step])
    assert len(nodes) < 300
    np.testing.assert_allclose(rows @ matrix @ step(nodes), rows @ step(ENERGY), rtol=1e-6)
    np.testing.assert_allclose(rows @ matrix @ nodes, rows @ ENERGY, rtol=1e-6)


def test_recoils_that_nobody_sees_need_one_node():
    nodes, matrix = few_nodes(ENERGY, np.zeros((2, 400)), [np.ones_like])
    assert len(nodes) == 1
    assert not matrix.any()
