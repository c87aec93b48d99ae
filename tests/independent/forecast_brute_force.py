"""CEvNS counts of any detector at stopped pions, to hold the package against.

Nothing of the package is imported and nothing is shared but the table of nuclei. The package folds
each recoil with moments of the flux above a threshold; here every neutrino energy has recoils of
its own, up to the largest that it can cause: the outer integral runs over the neutrino energy, the
inner one over the fraction of the largest recoil, both Gauss-Legendre sums.
"""

import csv
from functools import cache
from pathlib import Path

import numpy as np
from scipy.special import spherical_jn

NUCLEI = Path(__file__).parents[2] / "data" / "nuclei" / "nuclei.csv"
ENERGIES, RECOILS = 60, 240

# PDG 2022 and CODATA 2018; MeV and fm.
G_F, HBAR_C = 1.1663787e-11, 197.3269804
M_E, M_MU, M_PI, U = 0.51099895, 105.6583755, 139.57039, 931.49410242
AVOGADRO, SIN2_THETA_W, HELM_SKIN_FM = 6.02214076e23, 0.23857, 0.9
PROMPT = (M_PI**2 - M_MU**2) / (2 * M_PI)


@cache
def nuclei():
    lines = NUCLEI.read_text(encoding="utf-8").splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    return {row.pop("symbol"): {k: float(v) for k, v in row.items()} for row in rows}


def natural(element, number=1):
    """Isotopes of an element with their shares, times the number of atoms in a molecule."""
    return {
        name: number * row["abundance"]
        for name, row in nuclei().items()
        if name.rstrip("0123456789") == element
    }


def neutrinos(flavour):
    """Energies, and neutrinos per pion at each."""
    if flavour == "nu_mu":
        return np.array([PROMPT]), np.array([1.0])
    x, w = np.polynomial.legendre.leggauss(ENERGIES)
    energy = M_MU / 4 * (1 + x)
    squared, cubed = {"nu_e": (96, -192), "nu_mu_bar": (48, -64)}[flavour]
    density = squared * energy**2 / M_MU**3 + cubed * energy**3 / M_MU**4
    return energy, M_MU / 4 * w * density


def helm(q, radius):
    x = q * np.sqrt(5 / 3 * (radius**2 - 3 * HELM_SKIN_FM**2)) / HBAR_C
    return 3 * spherical_jn(1, x) / x * np.exp(-0.5 * (HELM_SKIN_FM * q / HBAR_C) ** 2)


def recoils(symbol, energy, number):
    """Recoil energies [keV], and recoils at each [cm^2] per nucleus and fluence, flattened."""
    row = nuclei()[symbol]
    z, n = row["protons"], row["neutrons"]
    mass = row["atomic_mass_u"] * U - z * M_E
    x, w = np.polynomial.legendre.leggauss(RECOILS)
    largest = 2 * energy**2 / (mass + 2 * energy)
    recoil = largest[:, None] * (1 + x) ** 2 / 4  # denser at small recoils
    weights = number[:, None] * largest[:, None] * (1 + x) / 2 * w
    q = np.sqrt(2 * mass * recoil + recoil**2)
    charge = (0.5 - 2 * SIN2_THETA_W) * z * helm(q, row["proton_rms_radius_fm"])
    charge -= 0.5 * n * helm(q, row["neutron_rms_radius_fm"])
    kinematics = 1 - recoil / energy[:, None] - mass * recoil / (2 * energy[:, None] ** 2)
    rate = weights * (HBAR_C * 1e-13) ** 2 * G_F**2 * mass / np.pi * charge**2 * kinematics
    return 1e3 * recoil.ravel(), rate.ravel()


def counts(molecule, detected, *, mass_kg, fluence_per_cm2, spectra):
    """Counts per bin: ``detected`` gives the probabilities for recoils [keV], (bins, recoils).

    ``molecule`` has the number of each nucleus in it, ``spectra`` pairs of energies [MeV] and
    neutrinos per parent particle.
    """
    molar_mass = sum(number * nuclei()[name]["atomic_mass_u"] for name, number in molecule.items())
    molecules = 1e3 * mass_kg / molar_mass * AVOGADRO
    total = 0.0
    for name, number in molecule.items():
        for energy, neutrino_number in spectra:
            recoil, rate = recoils(name, energy, neutrino_number)
            total = total + molecules * number * (detected(recoil) @ rate)
    return fluence_per_cm2 * total


def pion_counts(molecule, detected, *, mass_kg, pions, distance_m, shares=None):
    """At stopped pions; ``shares`` of each flavour within the times that are looked at."""
    shares = shares or dict.fromkeys(("nu_e", "nu_mu", "nu_mu_bar"), 1.0)
    flavours = {flavour: neutrinos(flavour) for flavour in shares}
    spectra = [(energy, shares[name] * number) for name, (energy, number) in flavours.items()]
    fluence = pions / (4 * np.pi * (100 * distance_m) ** 2)
    return counts(molecule, detected, mass_kg=mass_kg, fluence_per_cm2=fluence, spectra=spectra)


def electron_counts(atoms, detected, *, number, fluence_per_cm2, spectrum, shells, end_kev):
    """Scattering of electron antineutrinos off free electrons, as counts of ``detected``.

    ``atoms`` has the atoms of a molecule, of which there are ``number``; ``shells`` rows of atom,
    protons, binding energy [eV] and electrons; ``spectrum`` energies [MeV] and antineutrinos at
    each. The recoil energy is a plain midpoint sum.
    """
    steps = 20_000
    recoil = end_kev * (np.arange(steps) + 0.5) / steps
    free = np.zeros(steps)
    for atom, times in atoms.items():
        rows = [(z, ev, n) for name, z, ev, n in shells if name == atom]
        bound = sum(n * (1e3 * recoil <= ev) for _, ev, n in rows)
        free += times * (rows[0][0] - bound)
    g_v, g_a = 0.5 + 2 * SIN2_THETA_W, -0.5  # of antineutrinos g_a changes its sign
    t, rate = 1e-3 * recoil, np.zeros(steps)
    for energy, antineutrinos in zip(*spectrum, strict=True):
        shape = (g_v + g_a) ** 2 + (g_v - g_a) ** 2 * (1 - t / energy) ** 2
        shape -= (g_v**2 - g_a**2) * M_E * t / energy**2
        rate += antineutrinos * (t < 2 * energy**2 / (M_E + 2 * energy)) * shape
    rate *= (HBAR_C * 1e-13) ** 2 * G_F**2 * M_E / (2 * np.pi)
    return number * fluence_per_cm2 * detected(recoil) @ (free * rate) * 1e-3 * end_kev / steps
