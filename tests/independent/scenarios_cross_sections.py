"""Cross sections of every scenario, written as in the table of scenarios.

Nothing of the package is imported. Natural units, MeV. Each scenario is d(sigma)/dE as a plain
function of the target, the recoil energy e, the neutrino energy nu, the flavour and the
scenario's parameters; scenarios_brute_force.py integrates it. Recoil energies of shape
(recoils, 1) go with neutrino energies of shape (recoils, nodes) or a single one.
"""

import importlib.util
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from scipy.optimize import brentq


def load_sibling(name):
    """The module beside this file: the tests import by path, without a package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


csi, lar = load_sibling("csi_brute_force"), load_sibling("lar_brute_force")

G_F, HBAR_C, M_E, ALPHA = 1.1663787e-11, 197.3269804, 0.51099895, 1 / 137.035999
M_P, M_N, M_U, M_D = 938.272, 939.565, 2.16, 4.67
SIN2_THETA_W = 0.23857
CM2 = (HBAR_C * 1e-13) ** 2  # of one MeV^-2


# --- targets ------------------------------------------------------------------------------------

# Binding energies [eV] of the sub-shells K, L, M, N, O, and the electrons in each. Those of Cs
# hold 54 electrons, those of I (whose O shell is not listed) 46: the others, 6s in Cs and 5s, 5p in
# I, are free at any energy.
BINDING = {
    "Cs": np.concatenate(
        [
            [35985],
            [5714, 5359, 5012],
            [1211, 1071, 1003, 740.5, 726.6],
            [232.3, 172.4, 161.3, 79.8, 77.5],
            [22.7, 14.2, 12.1],
        ]
    ),
    "I": np.concatenate(
        [
            [33169],
            [5188, 4852, 4557],
            [1072, 931, 875, 630.8, 619.3],
            [186, 123, 123, 50.6, 48.9],
        ]
    ),
}
OCCUPANCY = np.array([2, *(2, 2, 4), *(2, 2, 4, 4, 6), *(2, 2, 4, 4, 6), *(2, 2, 4)])


@dataclass(frozen=True)
class Nucleus:
    z: int
    n: int
    r_p: float
    r_n: float
    mass: float
    baseline_m: float

    recoil_range = 1e-4, np.inf  # nothing is detected outside
    steps = ()

    def number(self, e):
        return 1.0

    def protons(self, e):
        """Z F_p."""
        return self.z * csi.helm(np.sqrt(2 * self.mass * e), self.r_p)

    def neutrons(self, e, r_n=None):
        """N F_n."""
        return self.n * csi.helm(np.sqrt(2 * self.mass * e), r_n or self.r_n)


@dataclass(frozen=True)
class Electrons:
    """Those of an atom that are bound by less than the energy they receive."""

    atom: str
    z: int

    mass = M_E
    recoil_range = 1e-5, 0.02  # nothing is detected outside

    @property
    def steps(self):
        return 1e-6 * BINDING[self.atom]

    def number(self, e):
        """Z_eff, for recoil energies of shape (recoils,)."""
        bound = e[:, None] <= self.steps
        return self.z - bound @ OCCUPANCY[: len(self.steps)]


TARGETS = {
    "csi": {
        "cevns": tuple(Nucleus(*data, 19.3) for data in csi.NUCLEI.values()),
        "es": (Electrons("Cs", 55), Electrons("I", 53)),
    },
    "lar": {"cevns": (Nucleus(18, 22, 3.427, 3.45, lar.MASS, 27.5),)},
}


# --- cross sections on the nucleus a, of recoil e and neutrino energy nu ------------------------


def vector(a, e, nu, charge_squared):
    kinematics = 1 - e / nu - a.mass * e / (2 * nu**2)
    return G_F**2 * a.mass / np.pi * charge_squared * kinematics


def q_sm(a, e, sin2_theta_w=SIN2_THETA_W, r_n=None):
    return (0.5 - 2 * sin2_theta_w) * a.protons(e) - 0.5 * a.neutrons(e, r_n)


def quarks(a, e, u, d):
    """Charge of the nucleus under charges u and d of its quarks."""
    return (2 * u + d) * a.protons(e) + (u + 2 * d) * a.neutrons(e)


def s_n(a, e):
    protons = M_P * (0.0208 / M_U + 0.0411 / M_D)
    neutrons = M_N * (0.0189 / M_U + 0.0451 / M_D)
    return protons * a.protons(e) + neutrons * a.neutrons(e)


def t_n(a, e):
    return (0.54 - 0.23) * (a.protons(e) + a.neutrons(e))


def of_flavour(flavour, electron, muon):
    return electron if flavour == "nu_e" else muon


def sm(a, e, nu, flavour):
    return vector(a, e, nu, q_sm(a, e) ** 2)


def weak_mixing_angle(a, e, nu, flavour, sin2_theta_w):
    return vector(a, e, nu, q_sm(a, e, sin2_theta_w) ** 2)


def neutron_radius(a, e, nu, flavour, r_n):
    return vector(a, e, nu, q_sm(a, e, r_n=r_n) ** 2)


def nsi(a, e, nu, flavour, **eps):
    def c(pair):
        return quarks(a, e, eps.get(f"eps_{pair}_u", 0), eps.get(f"eps_{pair}_d", 0))

    same, others = of_flavour(flavour, ("ee", ("emu", "etau")), ("mumu", ("emu", "mutau")))
    return vector(a, e, nu, (q_sm(a, e) + c(same)) ** 2 + sum(c(pair) ** 2 for pair in others))


def ngi(a, e, nu, flavour, c_v=0.0, c_s=0.0, c_t=0.0):
    return (
        vector(a, e, nu, (q_sm(a, e) + quarks(a, e, c_v, c_v)) ** 2)
        + G_F**2 * a.mass / np.pi * (c_s * s_n(a, e)) ** 2 * a.mass * e / (8 * nu**2)
        + G_F**2 * a.mass / np.pi * 2 * (c_t * t_n(a, e)) ** 2 * (1 - a.mass * e / (4 * nu**2))
    )


def light_vector(a, e, nu, flavour, mass, coupling, *, kappa):
    new = kappa * (a.protons(e) + a.neutrons(e)) * vector_exchange(a.mass, e, mass, coupling)
    return vector(a, e, nu, (q_sm(a, e) + new) ** 2)


def light_scalar(a, e, nu, flavour, mass, coupling):
    new = scalar_exchange(a.mass, e, nu, mass, coupling) * s_n(a, e) ** 2
    return sm(a, e, nu, flavour) + new


def light_tensor(a, e, nu, flavour, mass, coupling):
    new = tensor_exchange(a.mass, e, nu, mass, coupling) * t_n(a, e) ** 2
    return sm(a, e, nu, flavour) + new


def magnetic_moment(a, e, nu, flavour, mu_nu_e, mu_nu_mu):
    mu = of_flavour(flavour, mu_nu_e, mu_nu_mu)
    return sm(a, e, nu, flavour) + dipole(a.mass, e, nu, mu) * a.protons(e) ** 2


def millicharge(a, e, nu, flavour, q_ee, q_mumu):
    shift = charge_exchange(a.mass, e, of_flavour(flavour, q_ee, q_mumu))
    return vector(a, e, nu, (q_sm(a, e) + shift * a.protons(e)) ** 2)


def charge_radius(a, e, nu, flavour, r2_ee, r2_mumu):
    shift = radius_exchange(of_flavour(flavour, r2_ee, r2_mumu))
    return vector(a, e, nu, (q_sm(a, e) - shift * a.protons(e)) ** 2)


def upscattering(a, e, nu, flavour, m4, mu_nu_mu):
    """What the sterile dipole adds, within its own kinematic range."""
    mu = of_flavour(flavour, 0.0, mu_nu_mu)
    return dipole(a.mass, e, nu, mu, m4) * a.protons(e) ** 2


def sterile_oscillation(a, e, nu, flavour, sin2_2theta24, dm2_42):
    lost = sin2_2theta24 * np.sin(1.26693 * dm2_42 * a.baseline_m / nu) ** 2
    return sm(a, e, nu, flavour) * (1 - of_flavour(flavour, 0.0, lost))


def leptoquark(a, e, nu, flavour, mass, coupling, *, sign, n_u, n_d):
    """Mass in GeV. Flavour diagonal and off-diagonal charges are equal."""
    propagator = 1 / (2 * a.mass * e + (1e3 * mass) ** 2)
    charge = sign * coupling**2 / (4 * np.sqrt(2) * G_F) * quarks(a, e, n_u, n_d) * propagator
    return vector(a, e, nu, (q_sm(a, e) + charge) ** 2 + charge**2)


# --- exchanges common to nuclei and electrons, for a target of mass m and charge one ------------


def vector_exchange(m, e, mass, coupling):
    """What a light vector adds to the SM vector charge."""
    return coupling**2 / (np.sqrt(2) * G_F * (2 * m * e + mass**2))


def scalar_exchange(m, e, nu, mass, coupling):
    return m**2 * e * coupling**4 / (4 * np.pi * nu**2 * (2 * m * e + mass**2) ** 2)


def tensor_exchange(m, e, nu, mass, coupling):
    exchange = coupling**4 / (2 * m * e + mass**2) ** 2
    return exchange * m * (4 * nu**2 - m * e) / (2 * np.pi * nu**2)


def charge_exchange(m, e, charge):
    """What a millicharge [1e-9 e] adds to the SM vector charge of a proton."""
    return np.sqrt(2) * np.pi * ALPHA * 1e-9 * charge / (G_F * m * e)


def radius_exchange(r2):
    """What a charge radius [1e-32 cm^2] takes from the SM vector charge of a proton."""
    return np.sqrt(2) * np.pi * ALPHA * 1e-32 * r2 / CM2 / (3 * G_F)


def dipole(m, e, nu, mu, m4=0.0):
    """Upscattering to a neutrino of mass m4 by a transition moment mu [1e-9 mu_B]."""
    bracket = (
        1 / e
        - 1 / nu
        - m4**2 / (2 * nu * e * m) * (1 - e / (2 * nu) + m / (2 * nu))
        + m4**4 * (e - m) / (8 * nu**2 * e**2 * m**2)
    )
    return np.pi * ALPHA**2 / M_E**2 * (1e-9 * mu) ** 2 * bracket


def least_neutrino_energy(m, e, m4=0.0):
    return (1 + m4**2 / (2 * m * e)) * (e + np.sqrt(e**2 + 2 * m * e)) / 2


def recoil_edges(m, nu, m4):
    """The kinematic range of the recoils, empty below the threshold of upscattering."""
    if m4 == 0:
        return 0.0, 2 * nu**2 / (m + 2 * nu)
    if nu <= m4 + m4**2 / (2 * m):
        return ()

    def excess(log_e):
        return least_neutrino_energy(m, np.exp(log_e), m4) - nu

    threshold = m4**2 / (2 * (m + m4))  # where the least neutrino energy is smallest
    ends = m4**4 / (16 * m * nu**2), nu  # both out of reach
    return tuple(np.exp(brentq(excess, np.log(end), np.log(threshold), xtol=1e-14)) for end in ends)


# --- cross sections on a free electron ----------------------------------------------------------


def electron(a, e, nu, flavour, shift=0.0):
    """The SM with g_V shifted."""
    g_v = -0.5 + 2 * SIN2_THETA_W + of_flavour(flavour, 1, 0) + shift
    g_a = (-0.5 + of_flavour(flavour, 1, 0)) * (-1 if flavour == "nu_mu_bar" else 1)
    mixed = (g_v**2 - g_a**2) * a.mass * e / nu**2
    bracket = (g_v + g_a) ** 2 + (g_v - g_a) ** 2 * (1 - e / nu) ** 2 - mixed
    return G_F**2 * a.mass / (2 * np.pi) * bracket


def electron_light_vector(a, e, nu, flavour, mass, coupling):
    return electron(a, e, nu, flavour, vector_exchange(a.mass, e, mass, coupling))


def electron_light_scalar(a, e, nu, flavour, mass, coupling):
    return electron(a, e, nu, flavour) + scalar_exchange(a.mass, e, nu, mass, coupling)


def electron_light_tensor(a, e, nu, flavour, mass, coupling):
    return electron(a, e, nu, flavour) + tensor_exchange(a.mass, e, nu, mass, coupling)


def electron_magnetic_moment(a, e, nu, flavour, mu_nu_e, mu_nu_mu):
    mu = of_flavour(flavour, mu_nu_e, mu_nu_mu)
    return electron(a, e, nu, flavour) + dipole(a.mass, e, nu, mu)


def electron_millicharge(a, e, nu, flavour, q_ee, q_mumu):
    shift = charge_exchange(a.mass, e, of_flavour(flavour, q_ee, q_mumu))
    return electron(a, e, nu, flavour, -shift)


def electron_upscattering(a, e, nu, flavour, m4, mu_nu_mu):
    return dipole(a.mass, e, nu, of_flavour(flavour, 0.0, mu_nu_mu), m4)


def electron_charge_radius(a, e, nu, flavour, r2_ee, r2_mumu):
    return electron(a, e, nu, flavour, radius_exchange(of_flavour(flavour, r2_ee, r2_mumu)))


# --- scenarios ----------------------------------------------------------------------------------

NSI_PAIRS = (
    *("ee-ud", "mumu-ud", "d-ee-mumu", "u-ee-mumu"),
    *("d-ee-emu", "u-mumu-emu", "d-ee-etau", "d-mumu-mutau"),
)
ON_NUCLEI = {
    "weak-mixing-angle": weak_mixing_angle,
    "neutron-radius": neutron_radius,
    **{f"nsi-{pair}": nsi for pair in NSI_PAIRS},
    **{f"ngi-{terms}": ngi for terms in ("v", "s", "t", "vt", "vs", "st")},
    "light-vector-universal": partial(light_vector, kappa=3),
    "light-vector-b-l": partial(light_vector, kappa=-1),
    "light-scalar": light_scalar,
    "light-tensor": light_tensor,
    "magnetic-moment": magnetic_moment,
    "millicharge": millicharge,
    "charge-radius": charge_radius,
    "sterile-oscillation": sterile_oscillation,
    # S1 has the published sign. The others follow from their Lagrangians: a leptoquark of fermion
    # number 0 is exchanged in the u channel of neutrino and quark (eps > 0), S3 in the s channel
    # (eps < 0), and S3 couples to u nu with the square root of 2.
    "leptoquark-s1": partial(leptoquark, sign=+1, n_u=0, n_d=1),
    "leptoquark-r2": partial(leptoquark, sign=+1, n_u=1, n_d=0),
    "leptoquark-r2-tilde": partial(leptoquark, sign=+1, n_u=0, n_d=1),
    "leptoquark-s3": partial(leptoquark, sign=-1, n_u=2, n_d=1),
}
ON_ELECTRONS = {
    "light-vector-universal": electron_light_vector,
    "light-vector-b-l": electron_light_vector,
    "light-scalar": electron_light_scalar,
    "light-tensor": electron_light_tensor,
    "magnetic-moment": electron_magnetic_moment,
    "millicharge": electron_millicharge,
    "charge-radius": electron_charge_radius,
}
SM = {"cevns": sm, "es": electron}
BEYOND_SM = {"cevns": ON_NUCLEI, "es": ON_ELECTRONS}
UPSCATTERING = {"cevns": upscattering, "es": electron_upscattering}


def processes(component, scenario, parameters):
    """Cross sections (a, e, nu, flavour) that add up to a scenario, each with the mass of the
    outgoing neutrino; the SM where a component ("cevns" or "es") is not touched."""
    if scenario in BEYOND_SM[component]:
        return [(partial(BEYOND_SM[component][scenario], **parameters), 0.0)]
    if scenario == "sterile-dipole":
        new = partial(UPSCATTERING[component], **parameters)
        return [(SM[component], 0.0), (new, parameters["m4"])]
    return [(SM[component], 0.0)]
