"""Target nuclei: charges, masses, rms radii, natural abundances."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from cevns_bayes.checks import check_array
from cevns_bayes.datasets import read_entries
from cevns_bayes.errors import InputError, unknown_name
from cevns_bayes.physics.constants import (
    ATOMIC_MASS_UNIT_MEV,
    AVOGADRO_PER_MOL,
    ELECTRON_MASS_MEV,
)


@dataclass(frozen=True)
class Nucleus:
    """A nucleus at rest.

    ``mass_mev`` is the nuclear mass; the rms radii are those of the point-proton
    (measured charge radius) and neutron (theory) distributions.

    Examples
    --------
    >>> radii = {"proton_rms_radius_fm": 3.42, "neutron_rms_radius_fm": 3.44}
    >>> argon = cb.Nucleus.from_atomic_mass("Ar40", 18, 22, atomic_mass_u=39.9624, **radii)
    >>> round(argon.mass_mev)
    37216
    """

    symbol: str
    protons: int
    neutrons: int
    mass_mev: float
    proton_rms_radius_fm: float
    neutron_rms_radius_fm: float

    @classmethod
    def from_atomic_mass(
        cls,
        symbol: str,
        protons: int,
        neutrons: int,
        *,
        atomic_mass_u: float,
        proton_rms_radius_fm: float,
        neutron_rms_radius_fm: float,
    ) -> "Nucleus":
        """Nucleus from the mass of the neutral atom in atomic mass units."""
        mass_mev = atomic_mass_u * ATOMIC_MASS_UNIT_MEV - protons * ELECTRON_MASS_MEV
        return cls(symbol, protons, neutrons, mass_mev, proton_rms_radius_fm, neutron_rms_radius_fm)


def nucleus(symbol: str) -> Nucleus:
    """Nucleus by symbol and mass number.

    Examples
    --------
    >>> cb.nucleus("Cs133").neutrons
    78
    """
    if symbol not in _table():
        raise unknown_name("nucleus", symbol, _table())
    return _table()[symbol][0]


def natural_element(element: str, mass_kg: float) -> Mapping[Nucleus, float]:
    """Nuclei in so many kilograms of an element of natural composition, with their numbers.

    Examples
    --------
    >>> isotopes = cb.natural_element("Ge", 1.0)
    >>> [isotope.symbol for isotope in isotopes], f"{sum(isotopes.values()):.2e}"
    (['Ge70', 'Ge72', 'Ge73', 'Ge74', 'Ge76'], '8.29e+24')
    """
    return natural_compound({element: 1}, mass_kg)


def natural_compound(atoms: Mapping[str, float], mass_kg: float) -> Mapping[Nucleus, float]:
    """Nuclei in so many kilograms of a compound, with their numbers.

    Parameters
    ----------
    atoms
        Element -> number of its atoms in a molecule.

    Raises
    ------
    InputError
        An unknown element, numbers that are not positive.

    Examples
    --------
    >>> tungstate = cb.natural_compound({"Ca": 1, "W": 1, "O": 4}, 0.010)
    >>> f"{sum(tungstate.values()):.2e}"
    '1.25e+23'
    """
    if not atoms:
        raise InputError("a compound needs one element or more, got none")
    check_array(f"mass_kg of {''.join(atoms)}", mass_kg, (), "finite and positive")
    shares: dict[Nucleus, float] = {}
    molar_mass_g = 0.0
    for element, number in atoms.items():
        check_array(f"number of {element}", number, (), "finite and positive")
        for found, abundance, mass_u in _isotopes(element):
            shares[found] = number * abundance
            molar_mass_g += number * abundance * mass_u
    molecules = 1e3 * mass_kg / molar_mass_g * AVOGADRO_PER_MOL
    return {found: molecules * share for found, share in shares.items()}


def _isotopes(element: str) -> list[tuple[Nucleus, float, float]]:
    isotopes = [v for k, v in _table().items() if k.rstrip("0123456789") == element]
    if not isotopes:
        raise unknown_name("element", element, {k.rstrip("0123456789") for k in _table()})
    return isotopes


@cache
def _table() -> dict[str, tuple[Nucleus, float, float]]:
    """Symbol -> nucleus, natural abundance, atomic mass [u]."""
    found = {}
    for row in read_entries("nuclei", "nuclei"):
        numbers = {k: float(v) for k, v in row.items() if k != "symbol"}
        protons, neutrons = int(numbers.pop("protons")), int(numbers.pop("neutrons"))
        abundance, symbol = numbers.pop("abundance"), row["symbol"]
        made = Nucleus.from_atomic_mass(symbol, protons, neutrons, **numbers)
        found[symbol] = made, abundance, numbers["atomic_mass_u"]
    return found
