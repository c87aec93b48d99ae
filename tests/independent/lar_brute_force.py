"""Independent calculation of the LAr signal: nothing of the package is used.

Brute-force sums on a dense grid of recoil and reconstructed energies, the flux folded by
scipy.integrate.quad, all constants written out.
"""

import csv
from pathlib import Path

import numpy as np
from scipy import integrate, special, stats

TABLES = Path(__file__).parents[2] / "data" / "lar"
G_F, HBAR_C, M_MU, M_PI = 1.1663787e-11, 197.3269804, 105.6583755, 139.57039
MASS = 39.9623831 * 931.49410242 - 18 * 0.51099895
LINE = (M_PI**2 - M_MU**2) / (2 * M_PI)


def _rows(name):
    lines = (TABLES / name).read_text().splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def column(name):
    return np.array([float(row[name]) for row in _rows("bins.csv")]).reshape(12, 8, 10)


def helm(q, radius):
    skin = 0.9
    x = q / HBAR_C * np.sqrt(5 / 3 * (radius**2 - 3 * skin**2))
    return 3 * special.spherical_jn(1, x) / x * np.exp(-((q * skin / HBAR_C) ** 2) / 2)


def folded(flavour, energy, sin2_theta_w):
    """Flux times cross section [cm^2/MeV per pion] at one recoil energy [MeV]."""
    q = np.sqrt(2 * MASS * energy)
    charge = (0.5 - 2 * sin2_theta_w) * 18 * helm(q, 3.427) - 0.5 * 22 * helm(q, 3.45)
    least = (energy + np.sqrt(energy**2 + 2 * MASS * energy)) / 2

    def kinematics(e):
        return 1 - energy / e - MASS * energy / (2 * e**2)

    if flavour == "nu_mu":
        kernel = kinematics(LINE) if least <= LINE else 0.0
    elif least >= M_MU / 2:
        kernel = 0.0
    else:
        coefficient, constant = {"nu_e": (192, 0.5), "nu_mu_bar": (64, 0.75)}[flavour]
        kernel, _ = integrate.quad(
            lambda e: coefficient * e**2 / M_MU**3 * (constant - e / M_MU) * kinematics(e),
            least,
            M_MU / 2,
        )
    return G_F**2 * MASS / np.pi * charge**2 * kernel * HBAR_C**2 * 1e-26


def energy_spectrum(flavour, sin2_theta_w=0.23857, steps=1500):
    """Expected events at all times per energy bin, shape (12,)."""
    table = _rows("efficiency.csv")
    points = [[float(row[key]) for row in table] for key in ("energy_kevee", "efficiency")]
    reconstructed = np.arange(0.005, 120, 0.01)
    accepted = 0.01 * np.interp(reconstructed, *points)
    ends = [2 * e**2 / (MASS + 2 * e) for e in (LINE, M_MU / 2)]
    spectrum = np.zeros(12)
    for low, high in zip([0.0, ends[0]], ends, strict=True):
        width = (high - low) / steps
        for energy in low + width * (np.arange(steps) + 0.5):
            kev = 1000 * energy
            visible = kev * (0.246 + 7.8e-4 * kev)
            density = stats.norm.pdf(reconstructed, visible, 0.58 * np.sqrt(visible))
            bins = (density * accepted).reshape(12, 1000).sum(axis=1)
            spectrum += width * folded(flavour, energy, sin2_theta_w) * bins
    nuclei = 24.4e3 / 39.9624 * 6.02214076e23
    return spectrum * nuclei * 0.09 * 1.37e23 / (4 * np.pi * 2750.0**2)
