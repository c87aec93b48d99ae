"""Target nuclei: charges, masses and rms radii."""

from dataclasses import dataclass

from cevns_bayes.constants import ATOMIC_MASS_UNIT_MEV, ELECTRON_MASS_MEV
from cevns_bayes.errors import unknown_name


@dataclass(frozen=True)
class Nucleus:
    """A nucleus at rest.

    ``mass_mev`` is the nuclear mass; the rms radii are those of the point-proton
    (measured charge radius) and neutron (theory) distributions.
    """

    symbol: str
    protons: int
    neutrons: int
    mass_mev: float
    proton_rms_radius_fm: float
    neutron_rms_radius_fm: float


def _from_atomic_mass(
    symbol: str, protons: int, neutrons: int, atomic_mass_u: float, r_p: float, r_n: float
) -> Nucleus:
    mass_mev = atomic_mass_u * ATOMIC_MASS_UNIT_MEV - protons * ELECTRON_MASS_MEV
    return Nucleus(symbol, protons, neutrons, mass_mev, r_p, r_n)


# Atomic masses: AME2020. Proton radii are measured, neutron radii nuclear-model values.
_NUCLEI = {
    nucleus.symbol: nucleus
    for nucleus in (
        _from_atomic_mass("Ar40", 18, 22, 39.9623831, 3.427, 3.45),
        _from_atomic_mass("Cs133", 55, 78, 132.905451961, 4.804, 5.01),
        _from_atomic_mass("I127", 53, 74, 126.9044719, 4.749, 4.94),
    )
}


def nucleus(symbol: str) -> Nucleus:
    """Nucleus by symbol and mass number, e.g. ``nucleus("Cs133")``."""
    try:
        return _NUCLEI[symbol]
    except KeyError:
        raise unknown_name("nucleus", symbol, _NUCLEI) from None
