"""A source, a likelihood, an effect, a background and a form factor added, each in one place."""

from dataclasses import dataclass, replace

import numpy as np
import pymc as pm
import pytest
from scipy import stats

import cevns_bayes as cb
from cevns_bayes.authoring import (
    Axis,
    CrossSection,
    Detector,
    Experiment,
    Flavour,
    Flux,
    FormulaBackground,
    GaussianResolution,
    LindhardQuenching,
    Line,
    Nuisance,
    Poisson,
    Scenario,
    Signal,
    Source,
    natural_element,
    nuclear_response,
    standard_model,
    tabulated,
)
from cevns_bayes.experiments.likelihoods import xlogx
from cevns_bayes.physics.constants import HBAR_C_MEV_FM
from cevns_bayes.physics.form_factors import _FORM_FACTORS

ENERGY = Axis("energy", np.linspace(0.2, 3.0, 8), "Energy", "keVee")
GE = natural_element("Ge", 1.0)


def experiment(flux, *, detector=None, **changes):
    plain = Detector(ENERGY.edges, LindhardQuenching(0.157, 32), GaussianResolution(noise=0.05))
    response = nuclear_response(GE, detector or plain, flux)
    return Experiment("mine", (ENERGY,), (Signal("cevns", response),), **changes)


LINE = Flux({"line": Source(Flavour.NU_TAU, Line(20.0))}, fluence_per_cm2=1e16, distance_m=10.0)


@dataclass(frozen=True)
class Pair:
    """Two lines as one spectrum: a class of the user's."""

    low: Line
    high: Line

    @property
    def end_mev(self):
        return self.high.end_mev

    def _both(self, method, *arguments):
        low, high = (getattr(line, method)(*arguments) for line in (self.low, self.high))
        return tuple(a + b for a, b in zip(low, high, strict=True))

    def moments(self, threshold_mev):
        return self._both("moments", threshold_mev)

    def smooth_moments(self, threshold_mev):
        return self._both("smooth_moments", threshold_mev)

    def weighted_moments(self, threshold_mev, weight):
        return self._both("weighted_moments", threshold_mev, weight)


def test_a_spectrum_of_ones_own():
    pair = Flux({"both": Source(Flavour.NU_MU, Pair(Line(12.0), Line(20.0)))}, 1e16, 10.0)
    lines = {str(e): Source(Flavour.NU_MU, Line(e)) for e in (12.0, 20.0)}
    apart = Flux(lines, 1e16, 10.0)
    for scenario, point in [
        ("sm", {}),
        ("sterile-oscillation", {"sin2_2theta24": 0.5, "dm2_42": 3.0}),
    ]:
        one, two = (cb.predict(scenario, point, experiment(f)).cevns for f in (pair, apart))
        np.testing.assert_allclose(one, two, rtol=2e-5, atol=1e-9)


def test_tau_neutrinos_scatter_as_in_the_standard_model():
    counts = cb.predict("nsi-ee-ud", {"eps_ee_u": 0.3, "eps_ee_d": 0.0}, experiment(LINE))
    np.testing.assert_allclose(counts.cevns, cb.predict("sm", {}, experiment(LINE)).cevns)


def test_a_table_as_narrow_as_a_line_is_a_line():
    table = tabulated([19.99, 20.0, 20.01], [0.0, 100.0, 0.0])
    narrow = Flux({"table": Source(Flavour.NU_TAU, table)}, 1e16)
    counts, line = (cb.predict("sm", {}, experiment(f)).cevns for f in (narrow, LINE))
    np.testing.assert_allclose(counts, line, rtol=2e-3)


@dataclass(frozen=True)
class Overdispersed(Poisson):
    """Negative binomial of a fixed shape: one class is all it takes."""

    alpha: float = 50.0

    def checked(self, title, shape):
        return self

    def declare(self, name, mu, counts, dims):
        pm.NegativeBinomial(name, mu=mu, alpha=self.alpha, observed=counts, dims=dims)

    def logpdf(self, counts, mu):
        return stats.nbinom.logpmf(counts, self.alpha, self.alpha / (self.alpha + mu))

    def deviance(self, counts, mu):
        a = self.alpha
        return 2 * (
            xlogx(counts) - counts * np.log(mu) + (counts + a) * np.log((mu + a) / (counts + a))
        )


def test_a_likelihood_of_ones_own():
    expected = cb.predict("sm", {}, experiment(LINE)).total.to_numpy()
    counts = np.round(expected * np.linspace(0.9, 1.1, len(expected)))
    mine = experiment(LINE, counts=counts, likelihood=Overdispersed())
    with pytest.raises(cb.InputError, match="sm has no parameter and no nuisance to fit"):
        cb.fit("sm", mine)
    held = replace(mine, nuisances=(Nuisance("alpha_idle", "acts on nothing", sigma=1.0),))
    chi2 = cb.fit("sm", held).chi2
    at_counts = Overdispersed().logpdf(counts, np.maximum(counts, 1e-12)).sum()
    assert chi2 == pytest.approx(2 * (at_counts - Overdispersed().logpdf(counts, expected).sum()))


def test_an_effect_of_ones_own():
    class Half:
        kinks = ()

        def __call__(self, x):
            return np.full_like(x, 0.5)

    plain = Detector(ENERGY.edges, LindhardQuenching(0.157, 32), GaussianResolution(noise=0.05))
    halved = experiment(LINE, detector=replace(plain, efficiency=Half()))
    counts, all_ = (cb.predict("sm", {}, e).cevns for e in (halved, experiment(LINE)))
    np.testing.assert_allclose(counts, all_ / 2, rtol=1e-7)


@pytest.mark.parametrize(("spread", "noise"), [(0.01, 0.05), (0.08, 0.005), (0.08, 0.02)])
def test_a_nuisance_on_the_quenching(spread, noise):
    plain = Detector(ENERGY.edges, LindhardQuenching(0.157, 32), GaussianResolution(noise=noise))
    both = 0.157 - spread, 0.157 + spread  # Recoils are seen that the detector as it is misses.
    low, high = (replace(plain, quenching=LindhardQuenching(k, 32)) for k in both)
    varied = replace(plain, variations={"alpha_quenching": (low, high)})
    nuisances = (Nuisance("alpha_quenching", "Lindhard's k", sigma=1.0),)
    mine = experiment(LINE, detector=varied, nuisances=nuisances)
    for value, detector in ((-1.0, low), (0.0, plain), (1.0, high)):
        counts = cb.predict("sm", {}, mine, nuisances={"mine::alpha_quenching": value}).cevns
        expected = cb.predict("sm", {}, experiment(LINE, detector=detector)).cevns
        np.testing.assert_allclose(counts, expected, rtol=1e-5, atol=1e-9)


def test_a_form_factor_is_a_function_and_its_line(monkeypatch):
    """exp(-(q R)^2/6) has the radius of the others, and so their counts where q R is small."""

    def gaussian(q_mev, rms_radius_fm):
        return np.exp(-((q_mev / HBAR_C_MEV_FM * rms_radius_fm) ** 2) / 6)

    monkeypatch.setitem(_FORM_FACTORS, "gaussian", gaussian)
    counts = {
        name: cb.predict("sm", {}, experiment(LINE), form_factor=name).cevns.values
        for name in ("gaussian", "helm")
    }
    assert not np.array_equal(counts["gaussian"], counts["helm"])
    np.testing.assert_allclose(counts["gaussian"][:3], counts["helm"][:3], rtol=0.01)


def test_likelihoods_of_other_numbers_are_other_data():
    one, other = (experiment(LINE, likelihood=Overdispersed(of)) for of in (50.0, 5.0))
    assert one.fingerprint() != other.fingerprint()
    assert one.fingerprint() == experiment(LINE, likelihood=Overdispersed(50.0)).fingerprint()


def test_a_spectrum_that_lacks_what_a_scenario_asks_for_is_named():
    class Bare:
        end_mev, moments = 20.0, staticmethod(Line(20.0).moments)

    mine = experiment(Flux({"line": Source(Flavour.NU_MU, Bare())}, 1e16, 10.0))
    assert cb.predict("sm", {}, mine).total.values.sum() > 0
    for scenario, method in (
        ("sterile-dipole", "smooth_moments"),
        ("sterile-oscillation", "weighted_moments"),
    ):
        with pytest.raises(cb.InputError, match=f"spectrum of nu_mu.* must have {method}"):
            cb.build_model(scenario, mine)


def test_a_background_by_a_formula_is_fitted():
    def peak(alpha_height, alpha_position):
        width, at = 0.15, 1.3 + 0.05 * alpha_position
        return 200 * (1 + alpha_height) * np.exp(-((ENERGY.centres - at) ** 2) / (2 * width**2))

    names = ("alpha_height", "alpha_position")
    mine = experiment(
        LINE,
        backgrounds=(FormulaBackground("peak", peak, names),),
        nuisances=tuple(Nuisance(name, name, sigma=1.0) for name in names),
    )
    truth = {"mine::alpha_height": 0.2, "mine::alpha_position": -0.7}
    (data,) = cb.asimov("sm", {}, mine, nuisances=truth)
    fitted = cb.fit("sm", data, priors={f"mine::{name}": "Normal(0, 100)" for name in names})
    assert fitted.nuisances["mine::alpha_position"] == pytest.approx(-0.7, abs=2e-3)
    assert fitted.nuisances["mine::alpha_height"] == pytest.approx(0.2, abs=2e-3)


def test_neutrinos_that_do_not_scatter_give_no_events():
    def cross_section(target, flavour):
        return CrossSection(()) if flavour is Flavour.NU_TAU else standard_model(target, flavour)

    invisible = Scenario("no nu_tau", (), "nowhere", lambda: cross_section)
    assert float(cb.predict(invisible, {}, experiment(LINE)).cevns.sum()) == 0.0
    both = replace(LINE, sources={**LINE.sources, "e": Source(Flavour.NU_E, Line(20.0))})
    counts, all_ = (cb.predict(s, {}, experiment(both)).cevns for s in (invisible, "sm"))
    np.testing.assert_allclose(counts, all_ / 2, rtol=1e-12)


def test_bins_of_the_detector_are_those_of_the_axis():
    mine = experiment(LINE)
    shifted = replace(ENERGY, edges=ENERGY.edges + 0.1)
    with pytest.raises(cb.InputError, match="detector's energy_edges must be those of the axis"):
        replace(mine, axes=(shifted,))
