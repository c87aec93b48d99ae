"""Forecasts: counts as of independent integrals, Asimov fits, scenarios, common uncertainties."""

import csv
from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.special import ndtr

import cevns_bayes as cb
from cevns_bayes import cli
from cevns_bayes.commands.arguments import experiments_of
from cevns_bayes.compiling import AS_WRITTEN
from cevns_bayes.datasets import data_folder
from cevns_bayes.engine.problem import Problem
from cevns_bayes.experiments.forecasts import resolved_edges

ESS, SNS = 2.8e23 * 0.3 * 3, 1.5e23 * 0.0848 * 3
TIME_EDGES_US = [0.0, 1.0, 2.0, 4.0, 6.0]
GERMANIUM_K = {"sns-ge": 0.157, "reactor-ge": 0.162}

# Elements of a molecule, mass [kg], distance [m], pions, variance of the resolution (noise^2, and
# scale^2 times the energy).
AT_PIONS = {
    "ess-csi": ({"Cs": 1, "I": 1}, 22.5, 20.0, ESS, (0.0, 0.30**2 * 1.0)),
    "ess-si": ({"Si": 1}, 1.0, 20.0, ESS, (0.0, 0.60**2 * 0.16)),
    "ess-xe": ({"Xe": 1}, 20.0, 20.0, ESS, (0.0, 0.40**2 * 0.9)),
    "ess-ge": ({"Ge": 1}, 7.0, 20.0, ESS, (0.0, 0.15**2 * 0.6)),
    "ess-ar": ({"Ar": 1}, 10.0, 20.0, ESS, (0.0, 0.40**2 * 0.1)),
    "ess-c3f8": ({"C": 3, "F": 8}, 10.0, 20.0, ESS, (0.0, 0.40**2 * 2.0)),
    "sns-ge": ({"Ge": 1}, 18.0, 19.2, SNS, (0.1**2, 0.05**2)),
    "sns-nai": ({"Na": 1, "I": 1}, 3400.0, 22.0, SNS, (0.0, 1.0)),
    "sns-cryocsi": ({"Cs": 1, "I": 1}, 10.0, 19.3, SNS, (0.0, 0.3**2)),
    "sns-lar": ({"Ar": 1}, 610.0, 27.5, SNS, (0.0, 1.1**2)),
    "ccm": ({"Ar": 1}, 7000.0, 20.0, 7.5e21 * 0.0425 * 3, (0.0, 1.1**2)),
}
AT_REACTORS = ("reactor-ge", "reactor-cawo4")
NAMES = (*AT_PIONS, *AT_REACTORS)


def lindhard(recoil_kev, k):
    epsilon = 11.5 * 32 ** (-7 / 3) * recoil_kev
    g = 3 * epsilon**0.15 + 0.7 * epsilon**0.6 + epsilon
    return recoil_kev * k * g / (1 + k * g)


def detection(edges, variance, k=None):
    """Function of the recoils [keV], shape (bins, recoils)."""

    def detected(recoil_kev):
        visible = lindhard(recoil_kev, k) if k else recoil_kev
        sigma = np.sqrt(variance[0] + variance[1] * visible)
        return np.diff(ndtr((np.asarray(edges)[:, None] - visible) / sigma), axis=0)

    return detected


def arrivals(width_us):
    """Share of each flavour in bins of time, of histograms of 1 ns that are convolved.

    Shape (time,) each.
    """
    t = 1e-3 * (np.arange(6000) + 0.5)
    pulse = np.exp(-(((t - 0.5) / width_us) ** 2) / 2) / (width_us * np.sqrt(2 * np.pi)) * 1e-3
    decays = {"pi": np.exp(-t / 0.026033), "mu": np.exp(-t / 2.19698)}
    prompt = np.convolve(pulse, -np.diff(np.append(1.0, decays["pi"])))[:6000]
    delayed = np.convolve(prompt, -np.diff(np.append(1.0, decays["mu"])))[:6000]
    densities = {"nu_e": delayed, "nu_mu": prompt, "nu_mu_bar": delayed}
    edges = TIME_EDGES_US
    return {name: np.histogram(t, edges, weights=density)[0] for name, density in densities.items()}


@pytest.mark.parametrize("name", AT_PIONS)
def test_counts_at_pions_are_an_independent_integral(name, forecast_brute_force):
    elements, mass_kg, distance_m, pions, variance = AT_PIONS[name]
    counts = cb.predict("sm", {}, name).cevns
    settings = {"mass_kg": mass_kg, "distance_m": distance_m, "pions": pions}
    molecule = {}
    for element, number in elements.items():
        molecule |= forecast_brute_force.natural(element, number)
    detected = detection(counts.energy.attrs["edges"], variance, GERMANIUM_K.get(name))
    if "time" not in counts.dims:
        expected = forecast_brute_force.pion_counts(molecule, detected, **settings)
    else:
        shares = arrivals(0.290 / 2.355 if name == "ccm" else 0.15)
        expected = sum(
            share
            * forecast_brute_force.pion_counts(
                molecule, detected, **settings, shares={flavour: 1.0}
            )[:, None]
            for flavour, share in shares.items()
        )
    assert float(counts.sum()) == pytest.approx(expected.sum(), rel=1e-3)
    many = expected > 1e-3 * expected.sum()
    np.testing.assert_allclose(counts.to_numpy()[many], expected[many], rtol=1e-3)


def test_counts_of_germanium_at_a_reactor(reactor_brute_force):
    counts = cb.predict("sm", {}, "reactor-ge").cevns
    edges = counts.energy.attrs["edges"]
    setting = {"power_gw": 3.9, "distance_m": 20.0, "mass_kg": 4.0, "days": 365.0}
    expected = reactor_brute_force.counts(np.array(edges), 0.020, **setting)
    np.testing.assert_allclose(counts, expected, rtol=1e-4)


@pytest.fixture(scope="module")
def antineutrinos(reactor_brute_force):
    """Energies [MeV], and antineutrinos per fission at each."""
    energy, weights = reactor_brute_force.gauss(reactor_brute_force.cells("bestiole"), 3)
    density = reactor_brute_force.antineutrinos_per_mev(energy.ravel(), "bestiole")
    return energy.ravel(), weights.ravel() * density


def test_counts_of_tungstate_at_a_reactor(
    forecast_brute_force, reactor_brute_force, antineutrinos, monkeypatch
):
    counts = cb.predict("sm", {}, "reactor-cawo4").cevns
    molecule = {}
    for element, number in {"Ca": 1, "W": 1, "O": 4}.items():
        molecule |= forecast_brute_force.natural(element, number)
    parents = [reactor_brute_force.fissions_per_cm2(4.25, at, 365.0) for at in (72.0, 102.0)]
    monkeypatch.setattr(forecast_brute_force, "RECOILS", 120)
    expected = forecast_brute_force.counts(
        molecule,
        detection(counts.energy.attrs["edges"], (0.0, 0.004**2 / 0.020)),
        mass_kg=0.010,
        fluence_per_cm2=sum(parents),
        spectra=[antineutrinos],
    )
    np.testing.assert_allclose(counts, expected, rtol=1e-3)


def test_electrons_at_a_reactor(forecast_brute_force, reactor_brute_force, antineutrinos):
    counts = cb.predict("sm", {}, "reactor-ge").es
    path = data_folder() / "nuclei" / "shells.csv"
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line[0] != "#"]
    shells = [
        (row["atom"], int(row["protons"]), float(row["binding_energy_ev"]), int(row["electrons"]))
        for row in csv.DictReader(lines)
    ]
    expected = forecast_brute_force.electron_counts(
        {"Ge": 1},
        detection(counts.energy.attrs["edges"], (0.020**2, 0.0)),
        number=4.0e3 / 72.63 * forecast_brute_force.AVOGADRO,
        fluence_per_cm2=reactor_brute_force.fissions_per_cm2(3.9, 20.0, 365.0),
        spectrum=antineutrinos,
        shells=shells,
        end_kev=1.2,
    )
    np.testing.assert_allclose(counts, expected, rtol=1e-3)


@dataclass(frozen=True)
class LikeRecoils:
    """Electrons of a visible energy look like recoils that give as much."""

    resolution: cb.GaussianResolution
    quenching: cb.LindhardQuenching

    def cumulative(self, reconstructed, visible):
        recoil_kev = np.geomspace(1e-4, 1e3, 4000)
        visible_of_recoil = self.quenching.visible_energy_kev(1e-3 * recoil_kev)
        return self.resolution.cumulative(
            reconstructed, np.interp(visible, visible_of_recoil, recoil_kev)
        )


def test_electrons_left_out_at_the_ess_are_few():
    """Of germanium, as ``ess.py`` says."""
    flux = cb.pion_decay_at_rest(pions=ESS, distance_m=20.0)
    experiment = cb.load_experiment("ess-ge")
    resolution = cb.GaussianResolution(scale=0.15 * 0.6**0.5)
    quenching = cb.LindhardQuenching(k=0.157, protons=32)
    edges = experiment.axis("energy").edges
    detector = cb.Detector(edges, quenching, LikeRecoils(resolution, quenching))
    atoms = sum(cb.natural_element("Ge", 7.0).values())
    response = cb.electron_response(["Ge"], detector, flux, end_kev=40.0, molecule_number=atoms)
    both = replace(experiment, signals=(*experiment.signals, cb.Signal("es", response)))
    standard = cb.predict("sm", {}, both).sum()
    moment = cb.predict("magnetic-moment", {"mu_nu_e": 1.0, "mu_nu_mu": 0.0}, both).sum()
    more = moment - standard
    assert 0 < float(standard.es / standard.cevns) < 2e-5
    assert float(more.es / more.cevns) == pytest.approx(0.04, abs=0.005)


@pytest.mark.parametrize("name", NAMES)
def test_asimov_fit_returns_the_truth(name):
    best = cb.fit("weak-mixing-angle", name)
    assert best.params["sin2_theta_w"] == pytest.approx(0.23857, abs=1e-4)
    assert best.chi2 < 1e-6
    assert max(map(abs, best.nuisances.values())) < 1e-3


@pytest.mark.parametrize("name", ["reactor-cawo4", "sns-ge", "ess-xe"])
def test_the_longest_scenarios_predict(name):
    for scenario, point in {
        "nsi-ee-ud": {"eps_ee_u": 0.1, "eps_ee_d": -0.05},
        "magnetic-moment": {"mu_nu_e": 1.0, "mu_nu_mu": 2.0},
        "charge-radius": {"r2_ee": -20.0, "r2_mumu": 5.0},
    }.items():
        counts, standard = cb.predict(scenario, point, name), cb.predict("sm", {}, name)
        assert np.isfinite(counts.total).all()
        assert float(abs(counts.total - standard.total).sum()) > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", [*NAMES, "csi-2017", "dresden-ii", "conus-plus"])
def test_every_scenario_predicts_on_every_experiment(name, scenario_points):
    for scenario, points in scenario_points.items():
        counts = cb.predict(scenario, points[0], name)
        assert np.isfinite(counts.total).all(), scenario
        assert (counts.total >= 0).all(), scenario


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scenario", "data"),
    [
        ("nsi-ee-ud", ["ess-csi", "sns-ge"]),
        ("magnetic-moment", ["reactor-ge", "dresden-ii"]),
        ("charge-radius", ["csi-2017", "conus-plus"]),
    ],
)
def test_gradients_are_finite_differences(scenario, data):
    model = cb.build_model(scenario, data)
    logp, gradient = model.compile_logp(), model.compile_dlogp()
    point = {name: value + 0.02 for name, value in model.initial_point().items()}
    found = dict(zip([v.name for v in model.value_vars], gradient(point), strict=True))
    for name, value in point.items():
        h = 1e-4
        up, down = (logp({**point, name: value + step}) for step in (h, -h))
        difference = (up - down) / (2 * h)
        assert found[name] == pytest.approx(difference, rel=1e-4, abs=1e-3), name


# --- common uncertainties -------------------------------------------------------------------------


def free(data, **options):
    return {v.name for v in cb.build_model("sm", data, **options).free_RVs}


def test_detectors_of_one_beam_share_its_flux():
    together = free(["ess-csi", "ess-si"])
    assert {"alpha_flux_ess", "ess-csi::alpha_flux", "ess-si::alpha_flux"} <= together
    assert {"alpha_flux_ess", "alpha_flux"} <= free(["csi", "sns-lar", "ess-si", "ess-xe"])
    assert not {"alpha_flux_ess", "alpha_flux"} & free(["csi", "ess-si", "ccm"])
    assert "alpha_flux_ess" not in free(["ess-csi", "ess-si"], share_flux=False)


def test_detectors_of_the_same_nuclei_share_their_radii():
    together = free(["csi", "ess-csi", "ess-si"])
    assert "alpha_radius_csi" in together
    assert not {"csi::alpha_radius", "ess-csi::alpha_radius"} & together
    assert "ess-si::alpha_radius" in together
    apart = free(["csi", "ess-csi"], share_flux=False)
    assert {"csi::alpha_radius", "ess-csi::alpha_radius"} <= apart


def test_a_common_radius_moves_both():
    pair = ["ess-csi", "sns-cryocsi"]
    moved = cb.asimov("sm", {}, pair, nuisances={"alpha_radius_csi": 0.05})
    for name, experiment in zip(pair, moved, strict=True):
        alone = cb.predict("sm", {}, name, nuisances={f"{name}::alpha_radius": 0.05})
        np.testing.assert_allclose(experiment.counts, alone.total, rtol=1e-9)


def test_a_common_flux_moves_real_data_and_forecasts():
    """By the part that each says is common."""
    pair = ["csi-2017", "sns-cryocsi"]
    nominal = cb.asimov("sm", {}, pair)
    moved = cb.asimov("sm", {}, pair, nuisances={"alpha_flux": 0.1})
    for before, after, share in zip(nominal, moved, (0.10, 0.09), strict=True):
        signal = cb.predict("sm", {}, before.name)[[s.name for s in before.signals]]
        events = float(signal.sum().to_dataarray().sum())
        assert (after.counts - before.counts).sum() == pytest.approx(share * events, rel=1e-6)


def test_real_data_stay_beside_a_forecast():
    real, forecast = cb.load_experiment("conus-plus"), cb.load_experiment("ess-c3f8")
    together = Problem.build("sm", [real, forecast])
    assert together.experiments[0].counts == 395
    expected = cb.predict("sm", {}, forecast).total
    np.testing.assert_allclose(together.experiments[1].counts, expected)
    alone = [Problem.build("sm", e).model for e in together.experiments]
    heights = [
        model.compile_logp(mode=AS_WRITTEN)(model.initial_point())
        for model in (together.model, *alone)
    ]
    assert heights[0] == pytest.approx(heights[1] + heights[2], rel=1e-10)


def test_a_scenario_of_the_radius_switches_off_the_common_one():
    model = cb.build_model("neutron-radius", ["csi", "ess-csi"])
    assert not [v.name for v in model.free_RVs if "alpha_radius" in v.name]


# --- building blocks ------------------------------------------------------------------------------


def test_bins_are_not_narrower_than_the_resolution():
    edges = resolved_edges(1.0, 46.1, 0.3)
    assert edges[[0, -1]] == pytest.approx([1.0, 46.1])
    ratio = np.diff(edges) / (0.3 * np.sqrt(edges[:-1]))
    assert ratio.min() > 1.0
    assert ratio.max() < 1.2


# --- drawn counts ---------------------------------------------------------------------------------


def test_drawn_counts_scatter_around_the_expected_ones():
    (expected,) = cb.asimov("sm", {}, "ess-ge")
    drawn = [expected.fluctuated(seed) for seed in range(200)]
    counts = np.array([e.counts for e in drawn])
    pulls = (counts - expected.counts) / np.sqrt(expected.counts)
    assert counts.dtype == np.int64
    assert pulls.mean() == pytest.approx(0.0, abs=4 / np.sqrt(pulls.size))
    assert pulls.std() == pytest.approx(1.0, abs=4 / np.sqrt(2 * pulls.size))
    assert drawn[7].is_pseudo_data
    assert drawn[7].reference == ("pseudo-data drawn with seed 7, ESS forecast, arXiv:1911.00762")


def test_drawn_counts_depend_on_seed_and_name_alone():
    (one, other), (again,) = cb.asimov("sm", {}, ["ccm", "sns-lar"]), cb.asimov("sm", {}, "sns-lar")
    np.testing.assert_array_equal(other.fluctuated(3).counts, again.fluctuated(3).counts)
    assert (other.fluctuated(3).counts != other.fluctuated(4).counts).any()
    renamed = replace(other, name="ccm")
    assert (renamed.fluctuated(3).counts != other.fluctuated(3).counts).any()
    assert one.fluctuated(3).fingerprint() != one.fingerprint()


def test_what_was_observed_is_not_drawn_anew():
    with pytest.raises(cb.InputError, match="counts of conus-plus are not expected ones"):
        cb.load_experiment("conus-plus").fluctuated(1)


@pytest.mark.parametrize("name", ["fit", "profile", "forecast", "run"])
def test_commands_draw_counts_if_asked(name):
    assert "fluctuate" in [parameter.name for parameter in cli.cli.commands[name].params]


def test_drawn_counts_beside_observed_ones_on_the_command_line(cevns_bayes):
    options = dict.fromkeys(("asimov", "exposure", "settings"))
    options |= {name: {} for name in ("threshold", "background", "sigma")}
    asimov, drawn = (
        experiments_of("ess-c3f8,conus-plus", {**options, "fluctuate": seed})[0]
        for seed in (None, 2)
    )
    assert drawn[0].counts != asimov[0].counts
    assert drawn[1].counts == 395
    code, _, err = cevns_bayes("fit", "sm", "--data", "conus-plus", "--fluctuate", 2)
    assert code == 2
    assert "--fluctuate draws the counts of forecasts" in err


# --- changes --------------------------------------------------------------------------------------


def test_a_lower_threshold_adds_events_below():
    own, lower = (cb.load_experiment("reactor-ge", threshold=at) for at in (0.16, 0.12))
    assert lower.axis("energy").edges[0] == 0.12
    more, less = (float(cb.predict("sm", {}, e).cevns.sum()) for e in (lower, own))
    assert more > 1.5 * less


def test_a_background_is_scaled_alone():
    forecast = cb.load_experiment("ess-csi")
    before, after = (cb.predict("sm", {}, e) for e in (forecast, forecast.with_background(0.5)))
    np.testing.assert_allclose(after.background, before.background / 2, rtol=1e-12)
    np.testing.assert_allclose(after.cevns, before.cevns, rtol=1e-12)


def test_a_width_keeps_its_common_share():
    changed = cb.load_experiment("ess-csi").with_sigma({"alpha_flux": 0.02})
    (flux,) = (n for n in changed.nuisances if n.name == "alpha_flux")
    assert (flux.sigma, flux.shared_sigma) == pytest.approx((0.02, 0.018))
    wide, narrow = (
        cb.fit("weak-mixing-angle", e) for e in (cb.load_experiment("ess-csi"), changed)
    )
    assert narrow.errors["sin2_theta_w"] < 0.4 * wide.errors["sin2_theta_w"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: cb.load_experiment("ess-csi", threshold=50.0), "above 0 and below 46.1, got 50.0"),
        (lambda: cb.load_experiment("ccm", threshold=0.0), "threshold of ccm must be above 0"),
        (lambda: cb.load_experiment("csi", threshold=1.0), "csi has its threshold and cannot have"),
        (lambda: cb.load_experiment("csi").with_background(0), "factor on the background of csi"),
        (lambda: cb.load_experiment("dresden-ii").with_background(2), "its variances are fixed"),
        (lambda: cb.load_experiment("csi").with_sigma({"alpha_fluxx": 1}), "mean 'alpha_flux'"),
        (
            lambda: cb.load_experiment("csi").with_sigma({"alpha_flux": 0}),
            "'alpha_flux' sigma must",
        ),
        (
            lambda: cb.load_experiment("csi").with_sigma({"alpha_efficiency": 2}),
            "must have sigma 1",
        ),
    ],
)
def test_changes_that_cannot_be(wrong, said):
    with pytest.raises(cb.InputError, match=said):
        wrong()


def test_changes_on_the_command_line(cevns_bayes):
    code, out, err = cevns_bayes("fit", "weak-mixing-angle", "--data", "ess-csi,ess-si")
    assert (code, err) == (0, "")
    changes = ("--threshold", "ess-si=0.3", "--background", 0.1, "--sigma", "alpha_flux=0.02")
    code, narrower, err = cevns_bayes(
        "fit", "weak-mixing-angle", "--data", "ess-csi,ess-si", *changes
    )
    assert (code, err) == (0, "")

    def error(text):
        (line,) = (line for line in text.splitlines() if "sin" in line)
        return float(line.split()[2])

    assert error(narrower) < 0.5 * error(out)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("--threshold", "ess-xe=1"), "unknown data of --threshold 'ess-xe'"),
        (("--background", "much"), "malformed --background"),
        (("--sigma", "ess-csi::alpha_fluxx=1"), "unknown nuisance of --sigma"),
    ],
)
def test_wrong_changes_on_the_command_line(cevns_bayes, change, said):
    code, _, err = cevns_bayes("fit", "sm", "--data", "ess-csi", *change)
    assert code == 2
    assert said in err
    assert len(err.splitlines()) == 1
