from dataclasses import FrozenInstanceError

import pytest

from cevns_bayes.errors import InputError
from cevns_bayes.physics.nuclei import natural_compound, natural_element, nucleus


@pytest.mark.parametrize(
    ("symbol", "protons", "neutrons"), [("Cs133", 55, 78), ("I127", 53, 74), ("Ar40", 18, 22)]
)
def test_protons_and_neutrons_add_up_to_the_mass_number(symbol, protons, neutrons):
    found = nucleus(symbol)
    assert (found.protons, found.neutrons) == (protons, neutrons)
    assert symbol.endswith(str(protons + neutrons))


@pytest.mark.parametrize(
    ("symbol", "mass_mev"),
    [
        # atomic mass [u] x 931.49410242 MeV - Z x 0.51099895 MeV, by hand
        ("Cs133", 132.905451961 * 931.49410242 - 55 * 0.51099895),
        ("I127", 126.9044719 * 931.49410242 - 53 * 0.51099895),
        ("Ar40", 39.9623831 * 931.49410242 - 18 * 0.51099895),
    ],
)
def test_mass_is_that_of_the_nucleus_not_of_the_atom(symbol, mass_mev):
    assert nucleus(symbol).mass_mev == pytest.approx(mass_mev, rel=1e-12)


def test_binding_energy_per_nucleon_is_that_of_a_medium_nucleus():
    for symbol in ("Cs133", "I127", "Ar40"):
        found = nucleus(symbol)
        free = found.protons * 938.272 + found.neutrons * 939.565
        per_nucleon = (free - found.mass_mev) / (found.protons + found.neutrons)
        assert 8.4 < per_nucleon < 8.7  # MeV: 8.41 (Cs), 8.45 (I), 8.60 (Ar)


@pytest.mark.parametrize(
    ("symbol", "proton_radius", "neutron_radius"),
    [("Cs133", 4.804, 5.01), ("I127", 4.749, 4.94), ("Ar40", 3.427, 3.45)],
)
def test_rms_radii(symbol, proton_radius, neutron_radius):
    found = nucleus(symbol)
    assert found.proton_rms_radius_fm == proton_radius
    assert found.neutron_rms_radius_fm == neutron_radius


def test_unknown_nucleus_suggests_the_nearest():
    with pytest.raises(InputError, match=r"unknown nucleus 'Cs-133'; did you mean 'Cs133'\?"):
        nucleus("Cs-133")


def test_a_nucleus_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        nucleus("Cs133").protons = 54


def test_a_compound_has_its_mass_and_composition():
    nuclei = natural_compound({"Ca": 1, "W": 1, "O": 4}, 0.010)
    mass_kg = sum(number * at.mass_mev for at, number in nuclei.items()) * 1.78266192e-30
    assert mass_kg == pytest.approx(0.010, rel=1e-3)  # less the mass of the electrons
    oxygen = sum(number for at, number in nuclei.items() if at.protons == 8)
    assert oxygen / sum(nuclei.values()) == pytest.approx(4 / 6, rel=1e-4)


@pytest.mark.parametrize(
    ("atoms", "said"),
    [
        ({}, "a compound needs one element or more"),
        ({"Ge": 0}, "number of Ge must be finite and positive, got 0"),
        ({"Q": 1}, "unknown element 'Q'"),
    ],
)
def test_compounds_that_cannot_be(atoms, said):
    with pytest.raises(InputError, match=said):
        natural_compound(atoms, 1.0)


@pytest.mark.parametrize("element", ["C", "O", "F", "Na", "Si", "Ca", "Ge", "Zn", "Xe", "W"])
def test_abundances_are_complete(element):
    nuclei = natural_element(element, 1.0)
    atoms = 1000 * 6.02214076e23
    molar_mass = atoms / sum(nuclei.values())
    standard = {  # standard atomic weights, IUPAC
        **{"C": 12.011, "O": 15.999, "F": 18.998, "Na": 22.990, "Si": 28.085, "Ca": 40.078},
        **{"Ge": 72.630, "Zn": 65.38, "Xe": 131.293, "W": 183.84},
    }
    assert molar_mass == pytest.approx(standard[element], rel=3e-4)
