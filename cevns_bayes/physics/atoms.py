"""Electrons bound in atoms: which of them a transfer of energy sets free."""

from functools import cache

import numpy as np

from cevns_bayes.datasets import read_entries
from cevns_bayes.errors import unknown_name

_MEV_PER_EV = 1e-6


def binding_energies_mev(atom: str) -> np.ndarray:
    """Binding energies of the sub-shells of an atom, e.g. ``"Cs"``, shape (shells,) [MeV]."""
    if atom not in _shells():
        raise unknown_name("atom", atom, _shells())
    return _shells()[atom][1]


def free_electrons(atom: str, electron_energy_mev: np.ndarray) -> np.ndarray:
    """Z_eff(T): electrons per atom bound by less than T [MeV], of the shape of T."""
    bound = binding_energies_mev(atom) >= electron_energy_mev[..., None]
    protons, _, electrons = _shells()[atom]
    return protons - bound @ electrons


@cache
def _shells() -> dict[str, tuple[int, np.ndarray, np.ndarray]]:
    """Atom -> protons, binding energies [MeV] and occupancies of its sub-shells."""
    rows: dict[str, list[dict[str, str]]] = {}
    for row in read_entries("nuclei", "shells"):
        rows.setdefault(row["atom"], []).append(row)
    return {
        atom: (
            int(shells[0]["protons"]),
            _MEV_PER_EV * np.array([float(shell["binding_energy_ev"]) for shell in shells]),
            np.array([float(shell["electrons"]) for shell in shells]),
        )
        for atom, shells in rows.items()
    }
