"""CsI expected counts by brute force: an independent calculation to hold the package against.

Nothing of the package is imported and nothing is shared but the data tables: constants are
written in full, the neutrino energy is integrated by adaptive quadrature, the recoil energy by
Simpson's rule on a dense grid, the resolution through incomplete gamma functions in cells of
0.05 PE, the arrival times by convolving histograms of 1 ns.

Arrays of bins are of shape (9, 11): energy [PE] by time [us], as in arXiv:2110.07730.
"""

import csv
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.integrate import quad, simpson
from scipy.optimize import minimize
from scipy.signal import fftconvolve
from scipy.special import gammainc, ndtr, spherical_jn, xlogy

DATA = Path(__file__).parents[2] / "data" / "csi"

PE_EDGES = np.array([0, 8, 12, 16, 20, 24, 32, 40, 50, 60.0])
US_EDGES = np.array([0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1, 2, 4, 6])

# PDG 2022 and CODATA 2018; MeV and fm.
G_F, HBAR_C = 1.1663787e-11, 197.3269804
M_E, M_MU, M_PI, U = 0.51099895, 105.6583755, 139.57039, 931.49410242
SIN2_THETA_W = 0.23857
E_PROMPT, E_MAX = (M_PI**2 - M_MU**2) / (2 * M_PI), M_MU / 2

# (Z, N, proton rms radius, neutron rms radius, nuclear mass); atomic masses of AME2020.
NUCLEI = {
    "Cs": (55, 78, 4.804, 5.01, 132.905451961 * U - 55 * M_E),
    "I": (53, 74, 4.749, 4.94, 126.9044719 * U - 53 * M_E),
}
FLAVOURS = ("nu_e", "nu_mu", "nu_mu_bar")

# 14.6 kg of CsI (259.81 g/mol) at 19.3 m, 3.198e23 protons, 0.0848 neutrinos per flavour each.
EXPOSURE = 14600 / 259.81 * 6.02214076e23 * 0.0848 * 3.198e23 / (4 * np.pi * 1930.0**2)

# effCoefficients.txt: nominal and the two variations, -1 being the lower efficiency.
EFFICIENCIES = {
    0: (1.32045, 0.285979, 10.8646, -0.333322),
    -1: (1.297, 0.286592, 11.8832, -0.31028),
    +1: (1.3439, 0.285366, 9.84596, -0.356364),
}

SIGMAS = {
    "alpha_flux": 0.11,
    "alpha_brn": 0.25,
    "alpha_nin": 0.35,
    "alpha_ssb": 0.021,
    "alpha_radius": 0.05,
    "alpha_quenching": 0.038,
    "alpha_efficiency": 1.0,
}
ONSET_US, ONSET_BOUND_US = 0.50, 0.25


# --- cross section folded with the flux ---------------------------------------------------------


def michel(flavour, energy):
    if flavour == "nu_e":
        return 192 * energy**2 / M_MU**3 * (1 / 2 - energy / M_MU)
    return 64 * energy**2 / M_MU**3 * (3 / 4 - energy / M_MU)


def recoil_grid(nucleus, points=401):
    """Recoil energies in two segments: below and above the edge of the prompt line."""
    mass = NUCLEI[nucleus][4]
    edge, end = (2 * e**2 / (mass + 2 * e) for e in (E_PROMPT, E_MAX))
    return np.linspace(1e-9, edge, points), np.linspace(edge, end, points)


@cache
def folded_kinematics(nucleus, flavour, segment):
    """Integral of phi(E_nu) (1 - E/E_nu - m E/(2 E_nu^2)) over E_nu, per recoil energy E."""
    mass = NUCLEI[nucleus][4]

    def kinematics(nu, recoil):
        return 1 - recoil / nu - mass * recoil / (2 * nu**2)

    def folded(recoil):
        if flavour == "nu_mu":
            return kinematics(E_PROMPT, recoil) if segment == 0 else 0.0
        least = (recoil + np.sqrt(recoil**2 + 2 * mass * recoil)) / 2
        return quad(lambda nu: michel(flavour, nu) * kinematics(nu, recoil), least, E_MAX)[0]

    return np.array([folded(recoil) for recoil in recoil_grid(nucleus)[segment]])


def helm(q, radius):
    x = q * np.sqrt(5 / 3 * (radius**2 - 3 * 0.9**2)) / HBAR_C
    return 3 * spherical_jn(1, x) / x * np.exp(-0.5 * (0.9 * q / HBAR_C) ** 2)


def events_per_mev(
    nucleus, flavour, segment, sin2_theta_w=SIN2_THETA_W, radius=0.0, eps_ee_u=0.0, eps_ee_d=0.0
):
    """Recoils per MeV of true recoil energy in the whole exposure."""
    z, n, r_p, r_n, mass = NUCLEI[nucleus]
    q = np.sqrt(2 * mass * recoil_grid(nucleus)[segment])
    protons, neutrons = z * helm(q, r_p * (1 + radius)), n * helm(q, r_n * (1 + radius))
    charge = (0.5 - 2 * sin2_theta_w) * protons - 0.5 * neutrons
    if flavour == "nu_e":
        charge += (2 * eps_ee_u + eps_ee_d) * protons + (eps_ee_u + 2 * eps_ee_d) * neutrons
    square_cm = (HBAR_C * 1e-13) ** 2
    sigma = G_F**2 * mass / np.pi * charge**2 * folded_kinematics(nucleus, flavour, segment)
    return EXPOSURE * square_cm * sigma


# --- energy: quenching, resolution, efficiency --------------------------------------------------


@cache
def detection(nucleus, segment, model):
    """Probability to be found in each energy bin, shape (9, recoil)."""
    recoil = recoil_grid(nucleus)[segment]
    kevee = 1e3 * (
        0.0554628 * recoil + 4.30681 * recoil**2 - 111.707 * recoil**3 + 840.384 * recoil**4
    )
    a, b, c, d = EFFICIENCIES[model]
    kink = c - np.log(-a / d - 1) / b  # nothing is detected below
    cells = np.union1d(np.linspace(0, 60, 1201), kink)
    centres = (cells[1:] + cells[:-1]) / 2
    shape = 1 + 9.56 * kevee
    rate = 0.0749 / kevee * shape
    in_cells = np.diff(gammainc(shape, rate * cells[:, None]), axis=0)
    accepted = in_cells * np.clip(a / (1 + np.exp(-b * (centres - c))) + d, 0, None)[:, None]
    which = np.digitize(centres, PE_EDGES) - 1
    return np.array([accepted[which == i].sum(axis=0) for i in range(9)])


def spectrum(flavour, model=0, **physics):
    """Detected CEvNS events per energy bin at all times, shape (9,)."""
    total = np.zeros(9)
    for nucleus in NUCLEI:
        for segment, recoil in enumerate(recoil_grid(nucleus)):
            rate = events_per_mev(nucleus, flavour, segment, **physics)
            total += simpson(detection(nucleus, segment, model) * rate, x=recoil)
    return total


def _between_models():
    """Coefficients (of alpha ... alpha^6) of the polynomials that are 1 at +1 and 0 at -1, and
    the reverse, with slopes and curvatures of the straight lines beyond."""
    power = np.arange(1, 7)
    conditions, up, down = [], [], []
    for end, rise in ((1.0, 1.0), (-1.0, 0.0)):
        conditions += [end**power, power * end ** (power - 1), power * (power - 1) * end**power]
        up += [rise, rise, 0.0]
        down += [1 - rise, rise - 1, 0.0]
    return np.linalg.solve(conditions, up), np.linalg.solve(conditions, down)


_UP, _DOWN = _between_models()


def between_models(alpha, down, nominal, up):
    """Interpolation code 4p of HistFactory between three versions of a spectrum."""
    if alpha > 1:
        return nominal + alpha * (up - nominal)
    if alpha < -1:
        return nominal - alpha * (down - nominal)
    powers = alpha ** np.arange(1, 7)
    return nominal + powers @ _UP * (up - nominal) + powers @ _DOWN * (down - nominal)


# --- time ---------------------------------------------------------------------------------------

NS = 1e-3
CELLS = np.arange(6001) * NS  # the analysis window in cells of 1 ns
CELL_CENTRES = (CELLS[1:] + CELLS[:-1]) / 2
TIME_EFFICIENCY = np.where(CELL_CENTRES < 0.52, 1.0, np.exp(-0.0494 * (CELL_CENTRES - 0.52)))
CELL_BIN = np.digitize(CELL_CENTRES, US_EDGES) - 1


@cache
def arrival_cdf(prompt):
    """Times [us] and cumulative distribution of arrivals for a pulse centred at zero."""
    edges = np.arange(-1500, 7001) * NS

    def decay(lifetime):
        return -np.diff(np.exp(-np.arange(len(edges)) * NS / lifetime))

    density = np.diff(ndtr(edges / 0.15))
    for lifetime in (0.026033,) if prompt else (0.026033, 2.19698):
        # The cells of a decay add half a cell on average: no interpolation, a shift of the grid.
        density = fftconvolve(density, decay(lifetime))[: len(density)]
        edges = edges + NS / 2
    return edges, np.concatenate([[0.0], np.cumsum(density)])


def time_fractions(times, cdf, shift):
    """Content of each time bin of a distribution moved by ``shift``, without and with the
    efficiency: the sum of the first, shape (11,) the second."""
    content = np.diff(np.interp(CELLS - shift, times, cdf))
    return content.sum(), np.bincount(CELL_BIN, content * TIME_EFFICIENCY, minlength=11)


def signal_times(flavour, shift):
    """Normalised to one in the window before the efficiency, as in the published analysis."""
    whole, bins = time_fractions(*arrival_cdf(flavour == "nu_mu"), ONSET_US + shift)
    return bins / whole


# --- backgrounds and counts from the tables -----------------------------------------------------


@cache
def table(name):
    lines = [line for line in (DATA / name).read_text().splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(lines))
    return {column: np.array([float(row[column]) for row in rows]) for column in rows[0]}


@cache
def counted(column):
    """Events per bin of a column of counts.csv."""
    cells = table("counts.csv")
    counts = np.zeros((9, 11))
    for energy, time, events in zip(
        cells["energy_low_pe"], cells["time_low_us"], cells[column], strict=True
    ):
        if energy < 60:
            row = np.searchsorted(PE_EDGES, energy, side="right") - 1
            counts[row, np.searchsorted(US_EDGES, time, side="right") - 1] += events
    return counts


@cache
def neutron_spectrum(name):
    cells = table("background_energy.csv")
    return np.array(
        [
            sum(cells[name][(cells["energy_low_pe"] >= low) & (cells["energy_low_pe"] < high)])
            for low, high in pairwise(PE_EDGES)
        ]
    )


@cache
def neutron_cdf(name):
    cells = table("background_time.csv")
    lows = cells["time_low_us"]
    return np.append(lows, lows[-1] + 0.01), np.concatenate([[0.0], np.cumsum(cells[name])])


def neutron_times(name, shift):
    """One in the window, efficiency included, at the nominal onset."""
    nominal = time_fractions(*neutron_cdf(name), 0.0)[1].sum()
    return time_fractions(*neutron_cdf(name), shift)[1] / nominal


def steady_state():
    energy = counted("anticoincident").sum(axis=1)
    time = np.exp(-0.0494 * US_EDGES[:-1]) - np.exp(-0.0494 * US_EDGES[1:])
    return np.outer(energy / energy.sum(), time / time.sum())


# --- everything together ------------------------------------------------------------------------


def spectra(alpha_efficiency=0.0, **physics):
    """Spectrum of each flavour, shape (3, 9)."""
    models = [
        np.array([spectrum(flavour, model, **physics) for flavour in FLAVOURS])
        for model in ((-1, 0, 1) if alpha_efficiency else (0,) * 3)
    ]
    return between_models(alpha_efficiency, *models)


def components(alphas=None, **physics):
    """Expected counts per component, each of shape (9, 11).

    ``alphas`` holds nuisances by name, zero where not given; ``physics`` is sin2_theta_w,
    eps_ee_u, eps_ee_d.
    """
    alpha = dict.fromkeys([*SIGMAS, "alpha_time"], 0.0) | (alphas or {})
    energy = spectra(alpha["alpha_efficiency"], radius=alpha["alpha_radius"], **physics)
    time = np.array([signal_times(flavour, alpha["alpha_time"]) for flavour in FLAVOURS])
    counts = {"cevns": (1 + alpha["alpha_flux"] + alpha["alpha_quenching"]) * energy.T @ time}
    for name, events in (("brn", 18.4), ("nin", 5.6)):
        shape = np.outer(neutron_spectrum(name), neutron_times(name, alpha["alpha_time"]))
        counts[name] = (1 + alpha[f"alpha_{name}"]) * events * shape
    counts["ssb"] = (1 + alpha["alpha_ssb"]) * 1286 * steady_state()
    return counts


def chi2(alphas, **physics):
    """Poisson deviance and pulls, arXiv:2211.11905, Sec. 3."""
    mu, n = sum(components(alphas, **physics).values()), counted("coincident")
    pulls = sum((alphas[name] / sigma) ** 2 for name, sigma in SIGMAS.items())
    return 2 * (mu - n + xlogy(n, n / mu)).sum() + pulls


def least_chi2(**physics):
    """Minimum of chi2 over the nuisances, without gradients: (value, nuisances)."""
    names = [*SIGMAS, "alpha_time"]
    scale = np.array([*SIGMAS.values(), 0.1])

    def objective(x):
        return chi2(dict(zip(names, x * scale, strict=True)), **physics)

    bounds = [(-4, 4)] * len(SIGMAS) + [(-ONSET_BOUND_US / 0.1, ONSET_BOUND_US / 0.1)]
    start = np.zeros(len(names))
    result = minimize(objective, start, method="Powell", bounds=bounds, options={"ftol": 1e-7})
    return result.fun, dict(zip(names, result.x * scale, strict=True))


# --- posterior of one physics parameter ---------------------------------------------------------


def posterior_density(name, values):
    """Posterior density of a physics parameter with a flat prior, at equidistant ``values``.

    The radius, the onset and the efficiency are summed over grids fine against their posterior
    widths (0.05, 0.04 us, 0.4), which is exact for smooth densities; the normalisations, in
    which the counts are linear, are marginalised by Laplace's method.
    """
    radii = np.arange(-0.18, 0.2201, 0.04)
    onsets = np.arange(-0.16, 0.2201, 0.03)
    efficiencies = np.arange(-2.0, 3.01, 0.4)
    signal_time = np.array([[signal_times(f, s) for f in FLAVOURS] for s in onsets])
    neutrons = [
        events * np.einsum("e,st->set", neutron_spectrum(k), [neutron_times(k, s) for s in onsets])
        for k, events in (("brn", 18.4), ("nin", 5.6))
    ]
    log_prior = -0.5 * (
        (radii[:, None, None] / 0.05) ** 2 + efficiencies[:, None] ** 2 + 0 * onsets
    )

    def log_density(value):
        energy = np.array([_spectra_between(efficiencies, radius, name, value) for radius in radii])
        signal = np.einsum("rafe,sft->raset", energy, signal_time)
        templates = np.stack(
            np.broadcast_arrays(signal, *neutrons, 1286 * steady_state()), axis=-1
        ).reshape(*signal.shape[:3], 99, 4)
        log_marginal = log_prior + _laplace(templates, counted("coincident").ravel())
        return np.logaddexp.reduce(log_marginal, axis=None)

    logs = np.array([log_density(value) for value in values])
    density = np.exp(logs - logs.max())
    return density / (density.sum() * (values[1] - values[0]))


def _spectra_between(efficiencies, radius, name, value):
    models = [
        np.array([spectrum(f, model, radius=radius, **{name: value}) for f in FLAVOURS])
        for model in (-1, 0, 1)
    ]
    return np.array([between_models(alpha, *models) for alpha in efficiencies])


def _laplace(templates, n):
    """Log marginal likelihood over the norms x of mu = templates @ (1 + x), x Gaussian."""
    sigma = np.array([np.hypot(0.11, 0.038), 0.25, 0.35, 0.021])
    x = np.zeros((*templates.shape[:-2], 4))

    def expected():  # the efficiency's extrapolation can make rates negative: no likelihood there
        return np.maximum((templates @ (1 + x)[..., None])[..., 0], 1e-9)

    for _ in range(8):  # Fisher scoring: the information is positive definite
        mu = expected()
        gradient = ((n / mu - 1)[..., None] * templates).sum(axis=-2) - x / sigma**2
        step = np.linalg.solve(_information(templates, 1 / mu, sigma), gradient[..., None])
        x = np.clip(x + step[..., 0], -0.9, 0.9)
    mu = expected()
    log_joint = (xlogy(n, mu) - mu).sum(axis=-1) - 0.5 * (x**2 / sigma**2).sum(axis=-1)
    curvature = np.linalg.slogdet(_information(templates, n / mu**2, sigma))[1]
    return np.where((mu > 1e-9).all(axis=-1), log_joint - 0.5 * curvature, -np.inf)


def _information(templates, weights, sigma):
    return np.swapaxes(templates, -1, -2) @ (templates * weights[..., None]) + np.diag(sigma**-2.0)
