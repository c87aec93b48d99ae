"""Antineutrinos of nuclear reactors: beta decays of the fission products and after captures.

Thermal power over the mean energy per fission gives fissions; every fission gives the mixture of
the spectra of the isotopes that fission, and about 0.6 neutron captures on U238, each of them
followed by the beta decays of U239 and Np239.
"""

from collections.abc import Mapping

import numpy as np

from cevns_bayes.checks import check_array, check_kind
from cevns_bayes.datasets import read_table, read_toml
from cevns_bayes.errors import InputError, unknown_name
from cevns_bayes.physics.constants import DAY_S, JOULE_MEV
from cevns_bayes.physics.flavours import Flavour
from cevns_bayes.sources.source import Flux, Source
from cevns_bayes.sources.spectra import Polynomials, tabulated

# Of a core of the Dresden-II type, averaged over a cycle: arXiv:2202.10829.
FRACTIONS = {"U235": 0.58, "Pu239": 0.29, "U238": 0.08, "Pu241": 0.05}
CAPTURES_PER_FISSION = 0.6  # on U238: arXiv:2202.10829

Table = tuple[np.ndarray, np.ndarray]  # energies [MeV], densities [1/MeV]

_TABLES = {"bestiole": "bestiole", "huber-mueller": "huber_mueller"}


def reactor(
    *,
    days: float,
    power_gw: float | None = None,
    distance_m: float | None = None,
    flux_per_cm2_s: float | None = None,
    fractions: Mapping[str, float] = FRACTIONS,
    spectrum: str = "bestiole",
    captures_per_fission: float = CAPTURES_PER_FISSION,
) -> Flux:
    """Flux of a reactor: one steady source, ``"nu_e_bar"``, whose parent particles are fissions.

    Its size follows from ``power_gw`` and ``distance_m``, or is ``flux_per_cm2_s`` itself, as
    experiments publish it; then ``distance_m`` may be given for neutrinos that oscillate.

    Parameters
    ----------
    days
        Days of exposure with the reactor on.
    power_gw
        Thermal power [GW].
    distance_m
        From the core, a point, to the detector [m].
    flux_per_cm2_s
        Antineutrinos of all energies at the detector [1/(cm^2 s)]; those of the spectrum are
        normalised to it.
    fractions
        Share of each isotope in the fissions; they sum to one.
    spectrum
        One of :func:`spectrum_names`; see :func:`reactor_spectrum`.
    captures_per_fission
        Neutron captures on U238 per fission.

    Raises
    ------
    InputError
        The size given in both ways or in none, numbers that are not positive, wrong fractions.

    Examples
    --------
    >>> flux = cb.reactor(power_gw=3.9, distance_m=20.0, days=365.0)
    >>> f"{flux.fluence_per_cm2:.3g} fissions over 4 pi L^2"
    '7.44e+19 fissions over 4 pi L^2'
    """
    mixture = reactor_spectrum(
        fractions=fractions, spectrum=spectrum, captures_per_fission=captures_per_fission
    )
    size = {"power_gw": power_gw, "distance_m": distance_m, "flux_per_cm2_s": flux_per_cm2_s}
    for name, number in {"days": days, **size}.items():
        if number is not None:
            check_array(f"{name} of a reactor", number, (), "finite and positive")
    seconds = DAY_S * days
    sources = {Flavour.NU_E_BAR.value: Source(Flavour.NU_E_BAR, mixture)}
    if flux_per_cm2_s is not None and power_gw is None:
        fissions = flux_per_cm2_s / antineutrinos(mixture)
        return Flux(sources, fissions * seconds, distance_m)
    if power_gw is None or distance_m is None or flux_per_cm2_s is not None:
        raise InputError(
            "a reactor needs power_gw and distance_m, or flux_per_cm2_s instead of power_gw, "
            f"got {', '.join(f'{name}={number}' for name, number in size.items())}"
        )
    fissions = fissions_per_second(power_gw, fractions) * seconds
    return Flux.from_point(sources, parents=fissions, distance_m=distance_m)


def spectrum_names() -> list[str]:
    """Names accepted for the ``spectrum`` of a reactor."""
    return sorted(_TABLES)


def reactor_spectrum(
    *,
    fractions: Mapping[str, float] = FRACTIONS,
    spectrum: str = "bestiole",
    captures_per_fission: float = CAPTURES_PER_FISSION,
) -> Polynomials:
    """Antineutrinos per fission [1/MeV], linear between the energies of the tables.

    ``"bestiole"`` is the summation of arXiv:2304.14992, 0.0125 to 12.5 MeV.
    ``"huber-mueller"`` is Huber (arXiv:1106.0687) for U235, Pu239, Pu241 and Mueller et al.
    (arXiv:1101.2663) for U238 from 2 to 8 MeV, their polynomials up to 10 MeV, and Vogel and
    Engel (Phys. Rev. D 39 (1989) 3378) below 2 MeV. None of these holds what follows captures,
    for which both take U239 and Np239 of BESTIOLE. Errors of the tables, a few per cent and
    growing with the energy, are not part of it. Antineutrinos below the first energy, 0.4 % or
    less of all, are left out.

    Parameters
    ----------
    fractions, spectrum, captures_per_fission
        As for :func:`reactor`.

    Raises
    ------
    InputError
        An unknown isotope or spectrum, fractions that are negative or do not sum to one.
    """
    check_kind("spectrum of a reactor", spectrum, str)
    if spectrum not in _TABLES:
        raise unknown_name("reactor spectrum", spectrum, _TABLES)
    _check_fractions(fractions)
    check_array("captures_per_fission", captures_per_fission, (), "finite and non-negative")
    fission = read_table("reactor", _TABLES[spectrum])
    bestiole = read_table("reactor", "bestiole")
    per_fission = np.sum([share * fission[name] for name, share in fractions.items()], axis=0)
    captures = captures_per_fission * (bestiole["U239"] + bestiole["Np239"])
    return _added((fission["energy_mev"], per_fission), (bestiole["energy_mev"], captures))


def antineutrinos(spectrum: Polynomials) -> float:
    """Antineutrinos per fission of a spectrum, those of all its energies."""
    return float(spectrum.moments(spectrum.edges_mev[0])[0])


def fissions_per_second(power_gw: float, fractions: Mapping[str, float] = FRACTIONS) -> float:
    """Fissions per second of a thermal power [GW].

    Energies per fission: Kopeikin et al., hep-ph/0410100, errors 0.2 % to 0.5 %.
    """
    _check_fractions(fractions)
    energies = _energies_per_fission_mev()
    mean_mev = sum(share * energies[isotope] for isotope, share in fractions.items())
    return power_gw * 1e9 * JOULE_MEV / mean_mev


def _energies_per_fission_mev() -> dict[str, float]:
    return read_toml("reactor", "parameters")["energy_per_fission_mev"]


def _added(first: Table, second: Table) -> Polynomials:
    """Sum of two tables up to the end of the first, linear between the energies of both."""
    energy = np.union1d(first[0], second[0])
    energy = energy[energy <= first[0][-1]]
    densities = [np.interp(energy, *table, left=0, right=0) for table in (first, second)]
    return tabulated(energy, np.sum(densities, axis=0))


def _check_fractions(fractions: Mapping[str, float]) -> None:
    known = _energies_per_fission_mev()
    check_kind("fractions of a reactor", fractions, Mapping)
    for isotope, share in fractions.items():
        if isotope not in known:
            raise unknown_name("isotope that fissions", isotope, known)
        check_array(f"the fraction of {isotope}", share, (), "finite and non-negative")
    total = sum(fractions.values())
    if abs(total - 1) > 1e-3:
        raise InputError(f"fractions of the fissions must sum to 1 within 0.001, got {total:g}")
