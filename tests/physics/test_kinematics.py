import numpy as np
import pytest
from scipy.optimize import brentq

from cevns_bayes.physics.kinematics import maximum_recoil_energy, minimum_energy, recoil_range
from cevns_bayes.physics.nuclei import nucleus
from cevns_bayes.sources.pion_decay import MICHEL_END_MEV, PROMPT_ENERGY_MEV

AR = nucleus("Ar40")
CS_MASS = 123772.5  # MeV


@pytest.mark.parametrize("energy", [0.5, 10.0, 29.8, 52.8])
@pytest.mark.parametrize("mass", [0.51099895, 37215.5, CS_MASS])
def test_minimum_energy_inverts_maximum_recoil_energy(energy, mass):
    recoil = maximum_recoil_energy(energy, mass)
    assert minimum_energy(recoil, mass) == pytest.approx(energy, rel=1e-12)


def test_maximum_recoil_is_back_scattering():
    # neutrino of momentum E turned round: nucleus of momentum p, energy and momentum conserved
    recoil = maximum_recoil_energy(52.8, CS_MASS)
    nucleus_momentum = np.sqrt((CS_MASS + recoil) ** 2 - CS_MASS**2)
    assert nucleus_momentum - (52.8 - recoil) == pytest.approx(52.8, rel=1e-9)


@pytest.mark.parametrize("m4", [1.0, 10.0, 25.0, 45.0])
@pytest.mark.parametrize("energy", [PROMPT_ENERGY_MEV, MICHEL_END_MEV])
def test_recoil_range_is_where_the_energy_suffices(energy, m4):
    def lacking(recoil):
        return (1 + m4**2 / (2 * AR.mass_mev * recoil)) * minimum_energy(recoil, AR.mass_mev)

    low, high = (float(end[0]) for end in recoil_range(energy, np.array([AR.mass_mev]), m4))
    if m4 > energy:
        assert abs(high - low) < 1e-8 * abs(high)
        return
    middle = np.sqrt(low * high)
    for end, other in ((low, low / 10), (high, 10 * high)):
        root = brentq(lambda recoil: lacking(recoil) - energy, *sorted((middle, other)), xtol=1e-16)
        assert end == pytest.approx(root, rel=1e-6)
