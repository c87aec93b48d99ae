"""Our values of what publications claim: one function each, named in publications.toml.

Each returns a number, or a number and its error.
"""

from dataclasses import replace
from functools import cache

import numpy as np
import pymc as pm

import cevns_bayes as cb
from cevns_bayes.datasets import read_table
from cevns_bayes.detectors.folding import folded_kinematics
from cevns_bayes.physics.form_factors import helm
from cevns_bayes.physics.kinematics import maximum_recoil_energy
from cevns_bayes.physics.quadrature import composite_rule

Value = float | tuple[float, float]

CM2_PER_MEV2 = cb.HBAR_C_SQUARED_MEV2_CM2
RELEASED = {"cevns": 100.0, "brn_prompt": 160 / 497, "brn_delayed": 1.0, "ssb": 25 / 3152}
DRESDEN_NORM = "dresden-ii::alpha_flux"
DRESDEN_HELD = {"dresden-ii::alpha_quenching": 0.0, "dresden-ii::alpha_resolution": 0.0}
POINTS = 64


def counts(data: str) -> float:
    """Observed events."""
    return float(cb.load_experiment(data).counts.sum())


def expected(data: str, component: str = "cevns", days: float = 1.0) -> float:
    """Events of a component that the Standard Model predicts, nuisances at zero; or per day."""
    return float(cb.predict("sm", {}, data)[component].sum()) / days


def fitted(data: str, norm: str, **held: float) -> Value:
    """CEvNS events with the norm of the signal free, and their error."""
    best = cb.fit("sm", data, priors={norm: "Uniform(-0.95, 3)"}, fixed=held)
    events = expected(data)
    return events * (1 + best.nuisances[norm]), events * best.errors[norm]


def cross_section(nuclei: list[str]) -> float:
    """Mean over flavours and nuclei of the SM cross section of neutrinos of pions [1e-40 cm^2]."""
    flux = cb.pion_decay_at_rest(pions=1.0, distance_m=1.0)
    of = [_integrated(source, cb.nucleus(n)) for source in flux.sources.values() for n in nuclei]
    return float(np.mean(of)) * CM2_PER_MEV2 / 1e-40


def _integrated(source: cb.Source, nucleus: cb.Nucleus) -> float:
    end = maximum_recoil_energy(source.spectrum.end_mev, nucleus.mass_mev)
    energy, weight = composite_rule(np.linspace(1e-6, end, 9), POINTS)
    target = cb.Target((nucleus,) * len(energy), energy, helm)
    terms = cb.standard_model(target, source.flavour).terms
    values = sum(
        t.coupling * folded_kinematics(source, t.kinematics, energy, target.mass_mev) for t in terms
    )
    return float(np.sum(weight * values))


def measured_cross_section(nuclei: list[str], **of_fit) -> Value:
    """The same, times fitted over expected events."""
    events, error = fitted(**of_fit)
    scale = cross_section(nuclei) / expected(of_fit["data"])
    return scale * events, scale * error


def released_lar() -> cb.Experiment:
    """LAr with the released CEvNS template as signal, free norms and nominal shapes."""
    lar, table = cb.load_experiment("lar"), read_table("lar", "bins")
    nothing = replace(lar.signals[0], name="none", norms=(), shape=cb.Morphed(np.zeros(lar.shape)))
    templates = {name: cb.Morphed(table[name].reshape(lar.shape)) for name in RELEASED}
    backgrounds = [cb.TemplateBackground(n, t, (f"alpha_{n}",)) for n, t in templates.items()]
    norms = [
        cb.Nuisance(f"alpha_{name}", name, sigma=sigma, bounds=(-1.0, np.inf))
        for name, sigma in RELEASED.items()
    ]
    return replace(lar, signals=(nothing,), backgrounds=tuple(backgrounds), nuisances=tuple(norms))


def released_fit(component: str) -> Value:
    """Fitted events of a component of LAr, all of the release."""
    lar = released_lar()
    best, name = cb.fit("sm", lar), f"lar::alpha_{component}"
    events = {c.name: c.events for c in lar.backgrounds}[component]
    return events * (1 + best.nuisances[name]), events * best.errors[name]


def released_cross_section() -> Value:
    """Flux-averaged cross section on argon, the SM's times fitted over expected [1e-42 cm^2]."""
    events, error = released_fit("cevns")
    scale = 100 * cross_section(["Ar40"]) / released_lar().backgrounds[0].events
    return scale * events, scale * error


@cache
def lar_likelihood() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """CEvNS events, published -2 Delta ln L there, and ours."""
    lar, table = released_lar(), read_table("published", "lar_likelihood")
    events, published = (table[name][::8] for name in ("cevns_events", "delta_chi2"))
    nominal = lar.backgrounds[0].events
    chi2 = [cb.fit("sm", lar, fixed={"lar::alpha_cevns": e / nominal - 1}).chi2 for e in events]
    return events, published, np.array(chi2) - cb.fit("sm", lar).chi2


def lar_likelihood_difference(low: float, high: float) -> float:
    """Largest difference of the likelihood curves between two numbers of events."""
    events, published, ours = lar_likelihood()
    inside = (events >= low) & (events <= high)
    return float(np.abs(ours - published)[inside].max())


def eps_ee() -> cb.Scenario:
    """eps_ee of up and down quarks alike, on nu_e only."""

    def declare():
        eps = pm.Uniform("eps_ee", -0.5, 0.5)

        def cross_section(target, flavour):
            shift = 3 * eps * (target.Z_Fp + target.N_Fn) if flavour.family == "e" else 0.0
            return cb.vector(target, (cb.weak_charge(target) + shift) ** 2)

        return cross_section

    parameter = cb.Parameter("eps_ee", r"$\varepsilon_{ee}$")
    return cb.Scenario(
        "NSI, u and d alike", (parameter,), "arXiv:2008.06062", declare, name="eps-ee"
    )


@cache
def eps_ee_region(toys: int = 500):
    """Feldman-Cousins region of eps_ee on CsI 2017."""
    return cb.feldman_cousins(eps_ee(), ["csi-2017"], level=0.90, toys=toys, points=31)


def eps_ee_end(end: str) -> Value:
    """An end of the 90 % Feldman-Cousins interval, and its error for want of toys."""
    found, which = eps_ee_region(), {"low": 0, "high": -1}[end]
    ends, errors = (np.ravel(of) for of in (found.intervals(), found.interval_errors()))
    return float(ends[which]), float(errors[which])


def dresden_chi2(quenching: str, signal: bool = True) -> float:
    """chi^2 of the Standard Model at its nominal norm, or without CEvNS."""
    loaded = cb.load_experiment(f"dresden-ii-{quenching}")
    if signal:
        return cb.fit("sm", loaded, fixed={**DRESDEN_HELD, DRESDEN_NORM: 0.0}).chi2
    nuisances = tuple(n for n in loaded.nuisances if n.name != "alpha_quenching")
    return cb.fit("sm", replace(loaded, signals=loaded.signals[1:], nuisances=nuisances)).chi2


def dresden_norm(quenching: str) -> Value:
    """Fitted over expected CEvNS events."""
    prior = {DRESDEN_NORM: "Uniform(-1, 2)"}
    best = cb.fit("sm", f"dresden-ii-{quenching}", fixed=DRESDEN_HELD, priors=prior)
    return 1 + best.nuisances[DRESDEN_NORM], best.errors[DRESDEN_NORM]


def error_of(scenario: str, parameter: str, data: list[str]) -> float:
    """Error of a parameter at the best fit."""
    return cb.fit(scenario, data).errors[parameter]


def band_of_s1(mass_gev: float) -> float:
    """chi^2 at the coupling at which Q_LQ = -Q_SM for q = 0, less that of the Standard Model."""
    nuclei = [cb.nucleus("Cs133"), cb.nucleus("I127")]
    protons, neutrons = (sum(getattr(n, of) for n in nuclei) for of in ("protons", "neutrons"))
    charge = (0.5 - 2 * cb.SIN2_THETA_W) * protons - 0.5 * neutrons
    squared = -charge * 4 * np.sqrt(2) * cb.G_F * (1e3 * mass_gev) ** 2 / (protons + 2 * neutrons)
    held = {"mass": mass_gev, "coupling": float(np.sqrt(squared))}
    return cb.fit("leptoquark-s1", "csi", fixed=held).chi2 - cb.fit("sm", "csi").chi2
