"""Electrons bound in atoms: which of them a transfer of energy sets free."""

import numpy as np

from cevns_bayes.errors import unknown_name

_CLOSED_TO_N = (2, 2, 2, 4, 2, 2, 4, 4, 6, 2, 2, 4, 4, 6)  # K, L1-L3, M1-M5, N1-N5

# Binding energies [eV] and occupancies of the sub-shells: X-ray data booklet. Electrons of no
# listed shell (Cs 6s, I 5s and 5p) count as free.
_SHELLS = {
    "Cs": (
        (
            35985,
            5714,
            5359,
            5012,
            1211,
            1071,
            1003,
            740.5,
            726.6,
            232.3,
            172.4,
            161.3,
            79.8,
            77.5,
            22.7,
            14.2,
            12.1,
        ),
        (*_CLOSED_TO_N, 2, 2, 4),
    ),
    "I": (
        (33169, 5188, 4852, 4557, 1072, 931, 875, 630.8, 619.3, 186, 123, 123, 50.6, 48.9),
        _CLOSED_TO_N,
    ),
}
_ATOMIC_NUMBER = {"Cs": 55, "I": 53}
_MEV_PER_EV = 1e-6


def binding_energies_mev(atom: str) -> np.ndarray:
    """Binding energies of the sub-shells of an atom, e.g. ``"Cs"``, shape (shells,) [MeV]."""
    if atom not in _SHELLS:
        raise unknown_name("atom", atom, _SHELLS)
    return _MEV_PER_EV * np.array(_SHELLS[atom][0], dtype=float)


def free_electrons(atom: str, electron_energy_mev: np.ndarray) -> np.ndarray:
    """Z_eff(T): electrons per atom bound by less than T [MeV], of the shape of T."""
    bound = binding_energies_mev(atom) >= electron_energy_mev[..., None]
    return _ATOMIC_NUMBER[atom] - bound @ np.array(_SHELLS[atom][1], dtype=float)
