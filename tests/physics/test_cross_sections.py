import numpy as np
import pytest
from scipy.integrate import quad

from cevns_bayes.detectors.folding import folded_kinematics
from cevns_bayes.errors import InputError
from cevns_bayes.physics.cross_sections import upscattering, vector, weak_charge
from cevns_bayes.physics.flavours import Flavour
from cevns_bayes.physics.form_factors import helm
from cevns_bayes.physics.nuclei import nucleus
from cevns_bayes.physics.targets import Target
from cevns_bayes.sources.pion_decay import MICHEL_END_MEV, PROMPT_ENERGY_MEV, SPECTRA
from cevns_bayes.sources.source import Source

G_F = 1.1663787e-11  # MeV^-2
CS, IODINE = nucleus("Cs133"), nucleus("I127")
RECOIL = np.array([0.002, 0.01, 0.013, 0.03])  # MeV, on both sides of the prompt edge
TARGET = Target((CS, IODINE, CS, IODINE), RECOIL, helm)


def fold(sigma, flavour):
    """Integral over the flux at the recoils of TARGET."""
    source = Source(flavour, SPECTRA[flavour])
    return sum(
        term.coupling * folded_kinematics(source, term.kinematics, RECOIL, TARGET.mass_mev)
        for term in sigma.terms
    )


def differential(target, node, neutrino_energy):
    """Section 2 of the physics, one recoil and one neutrino energy at a time."""
    at, recoil = target.nuclei[node], target.recoil_energy_mev[node]
    q = np.sqrt(2 * at.mass_mev * recoil)
    charge = (0.5 - 2 * 0.23857) * at.protons * helm(q, at.proton_rms_radius_fm)
    charge -= 0.5 * at.neutrons * helm(q, at.neutron_rms_radius_fm)
    kinematics = 1 - recoil / neutrino_energy - at.mass_mev * recoil / (2 * neutrino_energy**2)
    return G_F**2 * at.mass_mev / np.pi * charge**2 * kinematics


def folded_numerically(target, node, flavour):
    recoil, mass = target.recoil_energy_mev[node], target.nuclei[node].mass_mev
    least = (recoil + np.sqrt(recoil**2 + 2 * mass * recoil)) / 2
    if flavour is Flavour.NU_MU:
        return (least <= PROMPT_ENERGY_MEV) * differential(target, node, PROMPT_ENERGY_MEV)
    return quad(
        lambda nu: SPECTRA[flavour].density(nu) * differential(target, node, nu),
        least,
        MICHEL_END_MEV,
        epsabs=0,
        epsrel=1e-11,
    )[0]


@pytest.mark.parametrize("flavour", list(SPECTRA))
def test_folded_standard_model_is_the_integral_over_the_flux(flavour):
    sigma = vector(TARGET, weak_charge(TARGET, 0.23857) ** 2)
    folded = fold(sigma, flavour)
    expected = [folded_numerically(TARGET, node, flavour) for node in range(4)]
    np.testing.assert_allclose(folded, expected, rtol=1e-10)


def test_cross_sections_add():
    one, two = vector(TARGET, TARGET.Z_Fp**2), vector(TARGET, TARGET.N_Fn**2)
    total = fold(sum([one, two]), Flavour.NU_E)
    parts = [fold(sigma, Flavour.NU_E) for sigma in (one, two)]
    np.testing.assert_allclose(total, sum(parts), rtol=1e-14)


def test_coherent_charges_without_momentum_transfer_count_the_nucleons():
    target = Target((CS, IODINE), np.array([1e-9, 1e-9]), helm)
    np.testing.assert_allclose(target.Z_Fp, [55, 53], rtol=1e-6)
    np.testing.assert_allclose(target.N_Fn, [78, 74], rtol=1e-6)


def test_radius_scale_acts_on_both_radii():
    scaled = Target(TARGET.nuclei, RECOIL, helm, radius_scale=1.1)
    q = TARGET.momentum_transfer_mev
    expected = TARGET.per_node("protons") * helm(q, 1.1 * TARGET.per_node("proton_rms_radius_fm"))
    np.testing.assert_allclose(scaled.Z_Fp, expected, rtol=1e-14)
    expected = TARGET.per_node("neutrons") * helm(q, 1.1 * TARGET.per_node("neutron_rms_radius_fm"))
    np.testing.assert_allclose(scaled.N_Fn, expected, rtol=1e-14)


def test_a_neutron_radius_replaces_that_of_all_nuclei_and_is_not_scaled():
    given = Target(TARGET.nuclei, RECOIL, helm, radius_scale=1.1, neutron_rms_radius_fm=5.5)
    q = TARGET.momentum_transfer_mev
    np.testing.assert_allclose(given.N_Fn, TARGET.per_node("neutrons") * helm(q, 5.5), rtol=1e-14)


def test_massive_final_states_do_not_oscillate():
    sigma = upscattering(TARGET, 1e-9, 5.0)
    with pytest.raises(InputError, match="cannot oscillate as well"):
        sigma.surviving(lambda energy, distance: 0.5)
