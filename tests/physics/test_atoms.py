import numpy as np
import pytest

from cevns_bayes.errors import InputError
from cevns_bayes.physics.atoms import binding_energies_mev, free_electrons

KEV = 1e-3


@pytest.mark.parametrize(
    ("atom", "electrons", "outermost"),
    [("Cs", 55, 1), ("I", 53, 7), ("Ca", 20, 2), ("Ge", 32, 4), ("O", 8, 4), ("W", 74, 6)],
)
def test_all_electrons_are_free_at_high_energy_and_the_outermost_at_any(atom, electrons, outermost):
    free = free_electrons(atom, np.array([1e-9, 1.0]))
    np.testing.assert_array_equal(free, [outermost, electrons])


def test_shells_open_one_by_one():
    # Cs: K holds two electrons at 35.985 keV, L three sub-shells of 2, 2 and 4
    energies = np.array([36.0, 35.9, 5.5, 5.2, 5.0, 1.3]) * KEV
    np.testing.assert_array_equal(free_electrons("Cs", energies), [55, 53, 51, 49, 45, 45])
    assert free_electrons("I", np.array([4.8 * KEV])) == 53 - 2 - 2 - 2


def test_an_electron_bound_by_just_the_energy_stays():
    energy = binding_energies_mev("I")[:1]
    assert free_electrons("I", energy) == 51
    assert free_electrons("I", energy * (1 + 1e-12)) == 53


def test_unknown_atom():
    with pytest.raises(InputError, match="unknown atom 'Xe'"):
        free_electrons("Xe", np.array([1.0]))
