"""CEvNS counts of a germanium detector at a reactor by brute force, to hold the package against.

Nothing of the package is imported and nothing is shared but the tables of spectra: constants are
written in full, the spectrum is interpolated here, and all integrals are Gauss-Legendre sums.

The recoil energy T is integrated in the least neutrino energy e(T), of which T is about 2 e^2 / m:
the rate is smooth in e between the energies of the table, down to e = 0, where it rises steeply in
T. Every cell of the table has ``NODES`` points in e, above each of which the neutrino energy is
integrated with as many points per cell.

Converged: in bins of 0.01 keVee from zero up, for sigma from 0.002 to 0.0685 keVee and both
spectra, 12 points for 6 change bins that hold more than 1e-6 of the counts by less than 2e-11 of
themselves, and 6 for 3 by less than 6e-7. tests/sources/test_reactor.py repeats the doubling.
"""

import csv
from functools import cache
from pathlib import Path

import numpy as np
from scipy.special import ndtr, spherical_jn

DATA = Path(__file__).parents[2] / "data" / "reactor"
NODES = 6

# PDG 2022 and CODATA 2018; MeV and fm.
G_F, HBAR_C = 1.1663787e-11, 197.3269804
M_E, U = 0.51099895, 931.49410242
AVOGADRO, MEV_PER_JOULE = 6.02214076e23, 1 / 1.602176634e-13
SIN2_THETA_W = 0.23857

# Mass number: (abundance, NIST; atomic mass [u], AME2020; rms radii [fm] of protons, charge
# radii of Angeli and Marinova 2013, and of neutrons, assumed: theory has skins of 0.02 to 0.06).
GERMANIUM_PROTONS = 32
GERMANIUM = {
    70: (0.2057, 69.924249, 4.0414, 4.06),
    72: (0.2745, 71.922076, 4.0576, 4.09),
    73: (0.0775, 72.923459, 4.0632, 4.10),
    74: (0.3650, 73.921178, 4.0742, 4.12),
    76: (0.0773, 75.921403, 4.0811, 4.14),
}
HELM_SKIN_FM = 0.9

# Fractions of the fissions (arXiv:2202.10829), energies per fission (hep-ph/0410100) [MeV].
FISSIONS = {
    "U235": (0.58, 201.92),
    "Pu239": (0.29, 209.99),
    "U238": (0.08, 205.52),
    "Pu241": (0.05, 213.60),
}
CAPTURES_PER_FISSION = 0.6


# --- antineutrinos ------------------------------------------------------------------------------


@cache
def table(name):
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    return {column: np.array([float(row[column]) for row in rows]) for column in rows[0]}


def antineutrinos_per_mev(energy, spectrum):
    """Per fission: linear between the energies of the tables, zero outside."""
    captures = table("bestiole.csv")
    fission = table(f"{spectrum}.csv")
    total = np.zeros(np.shape(energy))
    for isotope, (share, _) in FISSIONS.items():
        total += share * np.interp(energy, fission["energy_mev"], fission[isotope], 0, 0)
    for isotope in ("U239", "Np239"):
        density = np.interp(energy, captures["energy_mev"], captures[isotope], 0, 0)
        total += CAPTURES_PER_FISSION * density
    return total * (energy <= fission["energy_mev"][-1])


def cells(spectrum):
    """Edges between which the spectrum is linear."""
    fission = table(f"{spectrum}.csv")["energy_mev"]
    energies = np.union1d(fission, table("bestiole.csv")["energy_mev"])
    return energies[energies <= fission[-1]]


def gauss(edges, nodes):
    """Points and weights for every cell of the last axis of ``edges``."""
    x, w = np.polynomial.legendre.leggauss(nodes)
    half = np.diff(edges)[..., None] / 2
    return (edges[..., 1:] + edges[..., :-1])[..., None] / 2 + half * x, half * w


@cache
def recoil_points(spectrum, nodes):
    """Least neutrino energies e, their weights, and the integrals above each of them.

    The integrals are those of phi, phi / E and phi / E^2, shape (3, points).
    """
    edges = cells(spectrum)
    least, weights = (array.ravel() for array in gauss(np.append(0.0, edges), nodes))
    integrals = np.zeros((3, len(least)))
    for i, e in enumerate(least):
        energy, rule = gauss(np.maximum(edges, e), nodes)
        flux = antineutrinos_per_mev(energy, spectrum) * rule
        integrals[:, i] = [(flux / energy**m).sum() for m in range(3)]
    return least, weights, integrals


# --- cross section ------------------------------------------------------------------------------


def helm(q, radius):
    x = q * np.sqrt(5 / 3 * (radius**2 - 3 * HELM_SKIN_FM**2)) / HBAR_C
    return 3 * spherical_jn(1, x) / x * np.exp(-0.5 * (HELM_SKIN_FM * q / HBAR_C) ** 2)


def recoils(mass_number, spectrum, nodes):
    """Recoil energies [MeV], and recoils at each [cm^2] per nucleus and antineutrino per cm^2.

    The latter hold the weights of the integral, so that their sum is the total.
    """
    _, atomic_mass, proton_radius, neutron_radius = GERMANIUM[mass_number]
    z, n = GERMANIUM_PROTONS, mass_number - GERMANIUM_PROTONS
    mass = atomic_mass * U - z * M_E
    least, weights, (m0, m1, m2) = recoil_points(spectrum, nodes)
    recoil = 2 * least**2 / (mass + 2 * least)
    slope = 4 * least * (mass + least) / (mass + 2 * least) ** 2  # dT/de
    q = np.sqrt(2 * mass * recoil)
    charge = (0.5 - 2 * SIN2_THETA_W) * z * helm(q, proton_radius) - 0.5 * n * helm(
        q, neutron_radius
    )
    kinematics = m0 - recoil * m1 - mass * recoil / 2 * m2
    square_cm = (HBAR_C * 1e-13) ** 2
    return recoil, weights * slope * square_cm * G_F**2 * mass / np.pi * charge**2 * kinematics


# --- detector -----------------------------------------------------------------------------------


def lindhard_kevee(recoil_kev, k):
    epsilon = 11.5 * GERMANIUM_PROTONS ** (-7 / 3) * recoil_kev
    g = 3 * epsilon**0.15 + 0.7 * epsilon**0.6 + epsilon
    return recoil_kev * k * g / (1 + k * g)


def fissions_per_cm2(power_gw, distance_m, days):
    """During the exposure, over 4 pi L^2."""
    energy = sum(share * mev for share, mev in FISSIONS.values())
    fissions = power_gw * 1e9 * MEV_PER_JOULE / energy * 86400 * days
    return fissions / (4 * np.pi * (100 * distance_m) ** 2)


def counts(
    edges_kevee,
    sigma_kevee,
    power_gw,
    distance_m,
    mass_kg,
    days,
    k=0.162,
    *,
    spectrum="bestiole",
    visible_kevee=None,
    nodes=NODES,
):
    """Standard Model counts per bin of visible energy, shape (bins,).

    The resolution is Gaussian, ``sigma_kevee`` at all energies, also where this puts events below
    zero, which are in no bin from zero up; everything else is detected. ``spectrum`` is
    "bestiole" or "huber_mueller".
    ``visible_kevee`` is a function of the recoil [keV] that replaces Lindhard's with its ``k``.
    """
    quenched = visible_kevee or (lambda recoil_kev: lindhard_kevee(recoil_kev, k))
    molar_mass = sum(abundance * atomic for abundance, atomic, *_ in GERMANIUM.values())
    nuclei = 1e3 * mass_kg / molar_mass * AVOGADRO
    total = np.zeros(len(edges_kevee) - 1)
    for mass_number, (abundance, *_) in GERMANIUM.items():
        recoil, rate = recoils(mass_number, spectrum, nodes)
        visible = quenched(1e3 * recoil)
        below = ndtr((np.asarray(edges_kevee)[:, None] - visible) / sigma_kevee)
        total += nuclei * abundance * np.diff(below, axis=0) @ rate
    return total * fissions_per_cm2(power_gw, distance_m, days)
