"""Confidence levels at which eps_ee is excluded by CsI 2017, as arXiv:2008.06062 has them.

Nothing of the package is imported and nothing is shared but tables of data and nuclei.

chi^2 = 2 sum [mu - n + n ln(n/mu)] + 2 sum_k [a_k - ln(1 + a_k)]/sigma_k^2
mu    = (1 + a_1) signal(eps) + (1 + a_2) neutrons + (1 + a_3) steady state

The signal has a Klein-Nystrand form factor and couplings with radiative corrections; the steady
state is the sum of three samples, as in the code that was released with the publication. Toys
fluctuate around the best fit at eps; the centres of the pulls stay where they are.
"""

import csv
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from scipy import stats

DATA = Path(__file__).parents[2] / "data"
RANGE = (-0.5, 0.7)  # of eps
SIGMA = np.array([0.28, 0.25, 0.171])  # of signal, neutrons, steady state

# Anti-coincident and beam-off counts of 6-30 PE and up to 6 us: three samples together, by energy
# and by time. They last 308.1 days (beam on) and twice 153.5 days (beam off).
STEADY_ENERGY = np.array([55, 104, 140, 109, 77, 58, 54, 45, 44, 43, 54, 38])
STEADY_TIME = np.array([106, 88, 71, 58, 76, 76, 68, 54, 70, 43, 69, 42])
BEAM_SHARE = 308.1 / (308.1 + 2 * 153.5)

# PDG 2022 and CODATA 2018; MeV, fm.
G_F, HBAR_C, AVOGADRO = 1.1663787e-11, 197.3269804, 6.02214076e23
M_E, M_MU, M_PI, U = 0.51099895, 105.6583755, 139.57039, 931.49410242
PE_PER_MEV = 1e3 * 13.348 * 0.0878
FLUENCE = 1.76e23 * 0.08 / (4 * np.pi * 1930.0**2)
GRID = np.linspace(*RANGE, 97)
TREE = {"p": 0.5 - 2 * 0.23857, "n": -0.5}


def corrected_couplings():
    """Of proton and neutron, with the radiative corrections of the PDG at low energies."""
    rho, kappa, sin2 = 1.0082, 0.9972, 0.23129
    up_left, down_left, down_right, up_right = -0.0031, -0.0025, 7.5e-5, 3.75e-5
    proton = rho * (0.5 - 2 * kappa * sin2) + 2 * (up_left + up_right) + down_left + down_right
    return {"p": proton, "n": -0.5 * rho + up_left + up_right + 2 * (down_left + down_right)}


@cache
def table(folder, name):
    lines = (DATA / folder / f"{name}.csv").read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def column(folder, name, key):
    return np.array([float(row[key]) for row in table(folder, name)])


def binned(name):
    """Counts in 12 x 12 bins."""
    energy, time, counts = (
        column("csi-2017", "counts", key) for key in ("energy_low_pe", "time_low_us", name)
    )
    edges = np.arange(6, 31, 2), np.arange(0, 6.1, 0.5)
    return np.histogram2d(energy + 1, time + 0.25, bins=edges, weights=counts)[0]


def times(name):
    return column("csi-2017", "times", name)[:12]


def accepted(counts):
    """Counts at 6, 7, ..., 29 PE as seen in the bins, first axis."""
    efficiency = 0.6655 / (1 + np.exp(-0.4942 * (np.arange(6, 30) + 0.5 - 10.8507)))
    return (efficiency * counts.T).T.reshape(12, 2, *counts.shape[1:]).sum(axis=1)


def kinematics(recoil, mass):
    """1 - T/E - M T/(2 E^2), averaged over each flavour of pions at rest."""
    energy, weight = np.polynomial.legendre.leggauss(200)
    energy = M_MU / 4 * (1 + energy)
    x = energy / M_MU
    lines = {
        "nu_mu": (np.array([(M_PI**2 - M_MU**2) / (2 * M_PI)]), np.ones(1)),
        "nu_mu_bar": (energy, weight / 4 * (48 * x**2 - 64 * x**3)),
        "nu_e": (energy, weight / 4 * (96 * x**2 - 192 * x**3)),
    }
    return {
        name: number
        @ np.clip(1 - recoil / e[:, None] - mass * recoil / (2 * e[:, None] ** 2), 0, None)
        for name, (e, number) in lines.items()
    }


def klein_nystrand(q, nucleons):
    x = q * 1.2 * nucleons ** (1 / 3)
    return 3 * (np.sin(x) - x * np.cos(x)) / x**3 / (1 + (0.7 * q) ** 2)


def signal(coupling):
    """Coefficients of 1, eps, eps^2 in 12 x 12 bins."""
    light = 75 * (np.arange(5000) + 0.5) / 5000  # mean photoelectrons
    recoil = light / PE_PER_MEV
    seen = accepted(stats.poisson.pmf(np.arange(6, 30)[:, None], light)) * 75 / 5000 / PE_PER_MEV
    rows = [row for row in table("nuclei", "nuclei") if row["symbol"] in ("Cs133", "I127")]
    molecules = 14570 / sum(float(row["atomic_mass_u"]) for row in rows) * AVOGADRO
    total = np.zeros((3, 12, 12))
    for row in rows:
        z, n = float(row["protons"]), float(row["neutrons"])
        mass = float(row["atomic_mass_u"]) * U - z * M_E
        factor = klein_nystrand(np.sqrt(2 * mass * recoil) / HBAR_C, z + n)
        rate = molecules * FLUENCE * (HBAR_C * 1e-13 * G_F * factor) ** 2 * mass / np.pi
        standard, shift = z * coupling["p"] + n * coupling["n"], 3 * (z + n)
        counts = {name: seen @ (rate * k) for name, k in kinematics(recoil, mass).items()}
        coefficients = np.array([standard**2, 2 * standard * shift, shift**2])
        total += np.multiply.outer(coefficients, np.outer(counts["nu_e"], times("delayed")))
        total[0] += standard**2 * np.outer(counts["nu_mu_bar"], times("delayed"))
        total[0] += standard**2 * np.outer(counts["nu_mu"], times("prompt"))
    return total


def neutrons():
    per_pe = 7.47594 * column("csi-2017", "neutrons", "events_per_gwh")[6:30]
    return np.outer(accepted(per_pe), times("neutrons"))


def steady_state():
    return BEAM_SHARE * np.outer(STEADY_ENERGY, STEADY_TIME) / STEADY_TIME.sum()


def beam_on_steady_state():
    """The anti-coincident counts with beam alone."""
    counts = binned("anticoincident")
    return np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()


@dataclass
class Analysis:
    """The published one, unless something is said to be different."""

    coupling: dict = field(default_factory=corrected_couplings)
    steady: np.ndarray = field(default_factory=steady_state)
    gaussian: bool = False  # pulls, whose centres toys draw anew

    def __post_init__(self):
        self.signal = signal(self.coupling).reshape(3, -1)
        self.others = np.stack([neutrons().ravel(), self.steady.ravel()])

    def shapes(self, eps):
        return np.vstack([np.array([1, eps, eps**2]) @ self.signal, self.others])

    def pulls(self, a, centre):
        """chi^2, and its first two derivatives, of each norm."""
        if self.gaussian:
            return (a - centre) ** 2, 2 * (a - centre), np.full_like(a, 2.0)
        return 2 * (a - np.log1p(a)), 2 - 2 / (1 + a), 2 / (1 + a) ** 2

    def fit(self, counts, eps, centre, a=0.0):
        """Minima over the norms by Newton's method: chi^2 and norms of each row of counts."""
        shapes, a = self.shapes(eps), np.broadcast_to(a, (len(counts), 3))
        for _ in range(8):
            ratio = counts / ((1 + a) @ shapes)
            _, slope, curvature = (of / SIGMA**2 for of in self.pulls(a, centre))
            gradient = 2 * (1 - ratio) @ shapes.T + slope
            weight = ratio / ((1 + a) @ shapes)
            hessian = 2 * np.einsum("ib,tb,jb->tij", shapes, weight, shapes, optimize=True)
            hessian += curvature[:, :, None] * np.eye(3)
            a = np.maximum(a - np.linalg.solve(hessian, gradient[..., None])[..., 0], -0.95)
        mu = (1 + a) @ shapes
        logarithm = np.log(np.where(counts > 0, counts, 1) / mu)
        pulls = (self.pulls(a, centre)[0] / SIGMA**2).sum(axis=1)
        return 2 * (mu - counts + counts * logarithm).sum(axis=1) + pulls, a

    def minimum(self, counts, centre):
        """Lowest chi^2 over eps, by parabolas on a grid that holds both minima."""
        a, found = 0.0, []
        for eps in GRID:
            chi2, a = self.fit(counts, eps, centre, a)
            found.append(chi2)
        found = np.array(found)
        i, row = np.clip(found.argmin(axis=0), 1, len(GRID) - 2), np.arange(len(counts))
        low, middle, high = found[i - 1, row], found[i, row], found[i + 1, row]
        bend = np.maximum(low - 2 * middle + high, 1e-9)
        return np.minimum(found.min(axis=0), middle - (low - high) ** 2 / (8 * bend))

    def confidence(self, eps, toys, seed):
        """Share of toys of eps whose Delta chi^2 is below that of the data."""
        rng, data = np.random.default_rng(seed), binned("coincident").reshape(1, -1)
        chi2, a = self.fit(data, eps, 0.0)
        observed = chi2 - self.minimum(data, 0.0)
        counts = rng.poisson((1 + a) @ self.shapes(eps), (toys, 144)).astype(float)
        centre = a + SIGMA * rng.normal(size=(toys, 3)) if self.gaussian else 0.0
        delta = self.fit(counts, eps, centre)[0] - self.minimum(counts, centre)
        return float((delta < observed).mean())
