"""Expected counts of every scenario by brute force, to hold the package against.

Nothing of the package is imported: the cross sections of scenarios_cross_sections.py are
integrated over neutrino and recoil energies by Gauss-Legendre quadrature. Doubling the nodes or
widening the range of recoils changes no bin of more than 1e-3 events by 1e-6, at any of ``POINTS``.
Flux, exposure and times are those of the two Standard Model calculations beside this file.
"""

import importlib.util
from functools import cache, partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.special import gammaln, ndtr

_path = Path(__file__).with_name("scenarios_cross_sections.py")
_spec = importlib.util.spec_from_file_location(_path.stem, _path)
xs = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(xs)

E_LINE, E_MAX = xs.csi.E_PROMPT, xs.csi.E_MAX
FLAVOURS = ("nu_e", "nu_mu", "nu_mu_bar")
EXPOSURE = {  # targets x neutrinos of a flavour per cm^2
    "csi": xs.csi.EXPOSURE,
    "lar": 24.4e3 / 39.9624 * 6.02214076e23 * 0.09 * 1.37e23 / (4 * np.pi * 2750.0**2),
}

# --- integration --------------------------------------------------------------------------------

NEUTRINO_NODES, OSCILLATION_NODES = 64, 1000  # up to 200 oscillations between 5 and 53 MeV
RECOIL_NODES, PANEL = 12, 0.2  # nodes per panel, of at most this width in log(E)
legendre = cache(np.polynomial.legendre.leggauss)


def folded(cross_section, least, e, flavour, nodes):
    """Integral of flux and cross section over the neutrino energies above ``least``."""
    if flavour == "nu_mu":
        return np.where(least <= E_LINE, cross_section(e[:, None], E_LINE, flavour)[:, 0], 0.0)
    x, weights = legendre(nodes)
    half = (E_MAX - np.minimum(least, E_MAX))[:, None] / 2
    nu = E_MAX - half * (1 - x)
    return half[:, 0] * (
        (xs.csi.michel(flavour, nu) * cross_section(e[:, None], nu, flavour)) @ weights
    )


@cache
def recoil_quadrature(breaks):
    """Nodes and weights between consecutive ``breaks``."""
    x, weights = legendre(RECOIL_NODES)
    edges = [
        np.geomspace(low, high, 2 + int(np.log(high / low) / PANEL))
        for low, high in pairwise(breaks)
    ]
    low, high = np.concatenate([[cells[:-1], cells[1:]] for cells in edges], axis=1)[..., None]
    return (low + (high - low) * (1 + x) / 2).ravel(), ((high - low) * weights / 2).ravel()


def csi_detection(kevee):
    """Probability to be found in each energy bin, shape (9, recoils)."""
    a, b, c, d = xs.csi.EFFICIENCIES[0]
    kink = c - np.log(-a / d - 1) / b  # nothing is detected below
    edges = np.concatenate([[kink], xs.csi.PE_EDGES[1:]])
    x, weights = legendre(32)
    half = np.diff(edges)[:, None] / 2
    pe = edges[:-1, None] + half * (1 + x)
    accepted = half * weights * (a / (1 + np.exp(-b * (pe - c))) + d)
    shape = 1 + 9.56 * kevee
    rate = 0.0749 / kevee * shape
    pe = pe[..., None]
    log_density = shape * np.log(rate) - gammaln(shape) + (shape - 1) * np.log(pe) - rate * pe
    return np.einsum("bp,bpe->be", accepted, np.exp(log_density))


def lar_detection(kevee):
    """The same in LAr, shape (12, recoils): a normal density times straight lines, exactly."""
    rows = xs.lar._rows("efficiency.csv")
    points, values = (
        [float(row[column]) for row in rows] for column in ("energy_kevee", "efficiency")
    )
    bins = np.arange(0, 121, 10.0)
    cuts = np.union1d(bins, points)
    efficiency = np.interp(cuts, points, values)
    slope = (np.diff(efficiency) / np.diff(cuts))[:, None]
    sigma = 0.58 * np.sqrt(kevee)
    pull = (cuts[:, None] - kevee) / sigma
    density = np.exp(-(pull**2) / 2) / np.sqrt(2 * np.pi)
    low, high = pull[:-1], pull[1:]  # the mirrored difference does not lose the upper tail
    content = np.where(low > 0, ndtr(-low) - ndtr(-high), ndtr(high) - ndtr(low))
    at_mean = efficiency[:-1, None] + slope * (kevee - cuts[:-1, None])
    pieces = at_mean * content - slope * sigma * np.diff(density, axis=0)
    return np.add.reduceat(pieces, np.searchsorted(cuts, bins[:-1]))


def csi_quenching(e):
    return 1e3 * (0.0554628 * e + 4.30681 * e**2 - 111.707 * e**3 + 840.384 * e**4)


def lar_quenching(e):
    return 1e3 * e * (0.246 + 0.78 * e)


DETECTION = {"csi": csi_detection, "lar": lar_detection}
QUENCHING = {"csi": csi_quenching, "lar": lar_quenching}


@cache
def response(experiment, component, breaks):
    """Recoil energies, and the response matrix of all energy bins to them."""
    e, weights = recoil_quadrature(breaks)
    kevee = 1e3 * e if component == "es" else QUENCHING[experiment](e)
    return e, DETECTION[experiment](kevee) * weights * EXPOSURE[experiment] * xs.CM2


@cache
def time_fractions(experiment, flavour):
    if experiment == "csi":
        return xs.csi.signal_times(flavour, 0.0)
    edges = -0.1 + 0.5 * np.arange(11)
    return np.diff(np.interp(edges - 0.44, *xs.csi.arrival_cdf(flavour == "nu_mu")))


def recoil_breaks(a, m4):
    """Range of the detected recoils and the steps in it: of the line, of bound electrons."""
    edges = xs.recoil_edges(a.mass, E_MAX, m4)
    if not edges or edges[0] >= a.recoil_range[1] or edges[1] <= a.recoil_range[0]:
        return ()
    low, high = max(edges[0], a.recoil_range[0]), min(edges[1], a.recoil_range[1])
    inner = (*a.steps, *xs.recoil_edges(a.mass, E_LINE, m4))
    return (low, *sorted({step for step in inner if low < step < high}), high)


def spectrum(experiment, component, scenario, parameters, flavour):
    """Events at all times per energy bin."""
    nodes = OSCILLATION_NODES if scenario == "sterile-oscillation" else NEUTRINO_NODES
    total = np.zeros({"csi": 9, "lar": 12}[experiment])
    for a in xs.TARGETS[experiment][component]:
        for cross_section, m4 in xs.processes(component, scenario, parameters):
            if breaks := recoil_breaks(a, m4):
                e, matrix = response(experiment, component, breaks)
                least = xs.least_neutrino_energy(a.mass, e, m4)
                rate = folded(partial(cross_section, a), least, e, flavour, nodes)
                total += matrix @ (a.number(e) * rate)
    return total


def counts(scenario, parameters, experiment):
    """Expected events {"cevns": ..., "es": ...} in bins of energy by time, all nuisances zero.

    Shapes are (9, 11) in "csi"; (12, 10) in "lar", which sees no electrons and is summed over
    F90. Names and units of the parameters are those of ``POINTS``.
    """
    if scenario not in POINTS:
        raise ValueError(f"got scenario {scenario!r}, allowed are {sorted(POINTS)}")
    if parameters.keys() != POINTS[scenario][0].keys():
        raise ValueError(f"got parameters {[*parameters]}, allowed are {[*POINTS[scenario][0]]}")
    return {
        component: sum(
            np.outer(
                spectrum(experiment, component, scenario, parameters, flavour),
                time_fractions(experiment, flavour),
            )
            for flavour in FLAVOURS
        )
        for component in xs.TARGETS[experiment]
    }


# --- points to compare at -----------------------------------------------------------------------


def _points(names, *values):
    return [dict(zip(names.split(), map(float, point), strict=True)) for point in values]


# Typical values, limits, second solutions (where a new charge is -2 Q_SM) and ends of the priors.
POINTS = {
    "sm": [{}],
    "weak-mixing-angle": _points("sin2_theta_w", (0.0,), (0.222,), (0.295,), (0.5,)),
    "neutron-radius": _points("r_n", (2.0,), (3.45,), (5.0,), (6.6,), (9.0,)),
    "nsi-ee-ud": _points("eps_ee_u eps_ee_d", (0.1, -0.05), (0.4, 0.0), (0.2, 0.18), (-1, 1)),
    "nsi-mumu-ud": _points(
        "eps_mumu_u eps_mumu_d", (0.05, 0.02), (0.4, 0.0), (-0.9, 1.0), (1.0, -0.9), (1, 1)
    ),
    "nsi-d-ee-mumu": _points(
        "eps_ee_d eps_mumu_d", (0.05, -0.02), (0.36, 0.0), (0.36, 0.36), (0.18, 0.18), (-1, 1)
    ),
    "nsi-u-ee-mumu": _points(
        "eps_ee_u eps_mumu_u", (0.05, -0.02), (0.4, 0.0), (0.4, 0.4), (0.2, 0.2), (1, -1)
    ),
    "nsi-d-ee-emu": _points(
        "eps_ee_d eps_emu_d", (0.05, 0.05), (0.18, 0.18), (0.18, -0.18), (-1, 1)
    ),
    "nsi-u-mumu-emu": _points(
        "eps_mumu_u eps_emu_u", (0.05, 0.05), (0.2, 0.2), (0.4, 0.0), (1, -1)
    ),
    "nsi-d-ee-etau": _points(
        "eps_ee_d eps_etau_d", (0.05, 0.05), (0.18, 0.18), (0.36, 0.0), (1, 1)
    ),
    "nsi-d-mumu-mutau": _points(
        "eps_mumu_d eps_mutau_d", (0.05, 0.05), (0.18, 0.18), (0.36, 0.0), (1, -1)
    ),
    "ngi-v": _points("c_v", (-0.02,), (0.01,), (0.09,), (0.19,), (1.0,)),
    "ngi-s": _points("c_s", (0.005,), (0.02,), (0.1,), (1.0,)),
    "ngi-t": _points("c_t", (0.1,), (0.5,), (1.0,), (5.0,)),
    "ngi-vt": _points("c_v c_t", (0.01, 0.1), (0.09, 0.7), (0.19, 0.0), (0.5, 2.0)),
    "ngi-vs": _points("c_v c_s", (0.01, 0.005), (0.09, 0.02), (0.19, 0.0), (0.5, 0.1)),
    "ngi-st": _points("c_s c_t", (0.005, 0.1), (0.02, 0.5), (0.1, 0.0), (0.05, 1.0)),
    "light-vector-universal": _points(
        "mass coupling",
        *((0.1, 1e-6), (0.1, 2e-5), (1.0, 4e-5), (30.0, 4e-5), (30.0, 1.2e-4), (60.0, 9e-5)),
        *((1000.0, 1.77e-3), (1e4, 1e-2), (10.0, 1e-1)),
    ),
    "light-vector-b-l": _points(
        "mass coupling",
        *((0.1, 1e-6), (0.1, 2e-5), (1.0, 4e-5), (30.0, 1e-4), (1000.0, 1e-3), (1e4, 1e-1)),
    ),
    "light-scalar": _points(
        "mass coupling",
        *((0.1, 1e-6), (0.1, 1e-5), (1.0, 1e-4), (30.0, 2e-5), (1000.0, 3e-4), (1e4, 1e-1)),
    ),
    "light-tensor": _points(
        "mass coupling",
        *((0.1, 1e-6), (0.1, 1e-5), (1.0, 1e-4), (30.0, 1e-4), (1000.0, 3e-3), (1e4, 1e-1)),
    ),
    "magnetic-moment": _points("mu_nu_e mu_nu_mu", (1, 0), (3.6, 2.4), (0, 30), (50, 50)),
    "millicharge": _points(
        "q_ee q_mumu", (0.1, -0.1), (-0.5, 0.5), (20, -10), (-100, 100), (900, 900)
    ),
    "charge-radius": _points(
        "r2_ee r2_mumu", (0.5, -0.5), (-20, 5), (-58, -58), (-58, 0), (-29, -29), (100, -100)
    ),
    "sterile-dipole": _points(
        "m4 mu_nu_mu",
        *((0.1, 0.5), (0.5, 2), (1, 1), (2, 5), (3, 3), (10, 3), (25, 5), (29.5, 30), (40, 10)),
        *((48, 50), (52.5, 100), (60, 10)),
    ),
    "sterile-oscillation": _points(
        "sin2_2theta24 dm2_42",
        *((0.1, 0.1), (0.3, 0.5), (0.2, 1.3), (0.5, 7), (1, 2.3), (0.5, 31), (1, 100)),
    ),
    "leptoquark-s1": _points(
        "mass coupling", (1e-3, 1e-5), (1e-3, 2.1e-4), (0.06, 3e-4), (1, 3.4e-3), (1000, 3.4)
    ),
    "leptoquark-r2": _points(
        "mass coupling", (1e-3, 1e-5), (1e-3, 2.3e-4), (0.06, 3e-4), (1, 3.6e-3), (1000, 3.5)
    ),
    "leptoquark-r2-tilde": _points(
        "mass coupling", (1e-3, 1e-5), (1e-3, 2.1e-4), (0.06, 3e-4), (1, 3.4e-3), (1000, 3.4)
    ),
    "leptoquark-s3": _points(
        "mass coupling", (1e-3, 1e-5), (1e-3, 1e-4), (0.06, 2e-4), (1, 1.5e-3), (1000, 3.5)
    ),
}
