from dataclasses import replace

import numpy as np
import pytest

import cevns_bayes as cb

FLUX = "dresden-ii::alpha_flux"
UNMOVED = {"dresden-ii::alpha_quenching": 0.0, "dresden-ii::alpha_resolution": 0.0}


@pytest.fixture(scope="module")
def dresden():
    return {name: cb.load_experiment(f"dresden-ii-{name}") for name in ("fef", "ybe", "off")}


@pytest.mark.parametrize(("name", "events"), [("fef", 119.2), ("ybe", 63.9)])
def test_published_rates(dresden, name, events):
    """SM events a day above 0.2 keVee, by an independent fit."""
    counts = cb.predict("sm", {}, dresden[name])
    assert float(counts.cevns.sum()) / 96.4 == pytest.approx(events, rel=0.03)


@pytest.mark.parametrize(("name", "chi2"), [("fef", 103.8), ("ybe", 105.8)])
def test_published_chi2_with_the_signal(dresden, name, chi2):
    fit = cb.fit("sm", dresden[name], fixed={**UNMOVED, FLUX: 0.0})
    assert fit.chi2 == pytest.approx(chi2, abs=0.1)


@pytest.mark.parametrize(("name", "chi2", "norm"), [("fef", 103.7, 0.92), ("ybe", 105.3, 1.40)])
def test_published_norm_of_the_signal(dresden, name, chi2, norm):
    fit = cb.fit("sm", dresden[name], fixed=UNMOVED, priors={FLUX: "Uniform(-1, 2)"})
    assert fit.chi2 == pytest.approx(chi2, abs=0.1)
    assert 1 + fit.nuisances[FLUX] == pytest.approx(norm, abs=0.02)


def test_published_chi2_without_the_signal(dresden):
    fef = dresden["fef"]
    nuisances = tuple(n for n in fef.nuisances if n.name != "alpha_quenching")
    background = replace(fef, signals=fef.signals[1:], nuisances=nuisances)
    assert cb.fit("sm", background).chi2 == pytest.approx(111.3, abs=0.1)


def test_the_spectrum_of_the_reactor_off_wants_no_signal(dresden):
    free = cb.fit("sm", dresden["off"], fixed=UNMOVED, priors={FLUX: "Uniform(-1, 2)"})
    held = cb.fit("sm", dresden["off"], fixed={**UNMOVED, FLUX: 0.0})
    assert free.nuisances[FLUX] == pytest.approx(-1.0, abs=0.01)
    assert held.chi2 - free.chi2 > 30


def test_quenching_models_are_variants_of_one_experiment(dresden):
    names = {cb.load_experiment(f"dresden-ii-{name}").name for name in ("ybe", "lindhard", "off")}
    assert names == {"dresden-ii"}
    assert [e.full_name for e in dresden.values()] == [f"dresden-ii-{name}" for name in dresden]
    assert "quenching fef" in cb.load_experiment("dresden-ii").reference
    assert cb.load_experiment("dresden-ii").fingerprint() == dresden["fef"].fingerprint()
    with pytest.raises(cb.InputError, match="different experiments"):
        cb.build_model("sm", [dresden["fef"], dresden["ybe"]])


def test_electrons_are_a_plain_sum(dresden):
    """Free electrons of germanium, whose L shells open between 1.217 and 1.415 keV."""
    es = cb.predict("magnetic-moment", {"mu_nu_e": 0.1, "mu_nu_mu": 0.0}, dresden["fef"]).es
    sm = cb.predict("sm", {}, dresden["fef"]).es
    rate = (es - sm).sel(energy=slice(0.5, 0.9))
    # dsigma/dT ~ 1/T far below the ends of the spectrum, which the resolution lifts: the next
    # order is 3 (0.07/0.5)^4 = 0.0012.
    level = rate * rate.energy / (1 + (0.07 / rate.energy) ** 2)
    np.testing.assert_allclose(level, level[0], rtol=2e-3)
    below, above = (float((es - sm).sel(energy=at, method="nearest")) for at in (0.9, 1.495))
    assert above * 1.495 / (below * 0.905) == pytest.approx(28 / 22, rel=0.1)
