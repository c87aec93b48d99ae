import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import cevns_bayes as cb
from cevns_bayes.detectors.folding import folded_kinematics
from cevns_bayes.detectors.morphing import Morphed
from cevns_bayes.errors import InputError
from cevns_bayes.experiments.components import TemplateBackground
from cevns_bayes.experiments.nuisance import Nuisance
from cevns_bayes.physics.cross_sections import vector, weak_charge
from cevns_bayes.physics.form_factors import helm
from cevns_bayes.physics.targets import Target
from cevns_bayes.sources.pion_decay import SPECTRA

PUBLISHED_CHI2 = 106.5  # SM, Gaussian statistic, arXiv:2211.11905


@pytest.fixture(scope="module")
def brute():
    path = Path(__file__).parents[1] / "independent" / "lar_brute_force.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def lar():
    return cb.load_experiment("lar")


@pytest.fixture(scope="module")
def flat():
    return cb.load_experiment("lar-gaussian")


@pytest.fixture(scope="module")
def sm(lar):
    return cb.predict("sm", {}, lar)


@pytest.fixture(scope="module")
def gaussian_fit(flat):
    return cb.fit("sm", flat)


def all_times(lar, flavour):
    response = lar.signals[0].response
    target = Target(response.nuclei, response.recoil_energy_mev, helm)
    (term,) = vector(target, weak_charge(target, 0.23857) ** 2).terms
    source, recoil = response.flux.sources[flavour], response.recoil_energy_mev
    known = folded_kinematics(source, term.kinematics, recoil, target.mass_mev)
    return response.matrix @ (term.coupling * known)


def test_counts_and_templates(lar, sm):
    assert lar.counts.shape == (12, 8, 10)
    assert lar.counts.sum() == 3752
    assert {name: round(float(sm[name].sum())) for name in lar.component_names} == {
        "cevns": 120,
        "brn_prompt": 497,
        "brn_delayed": 33,
        "ssb": 3152,
    }


def test_signal_expectation(lar, sm):
    assert sum(all_times(lar, f).sum() for f in SPECTRA) == pytest.approx(134, rel=0.005)
    assert float(sm["cevns"].sum()) == pytest.approx(120, rel=0.005)


@pytest.mark.parametrize("flavour", list(SPECTRA))
def test_energy_bins_agree_with_brute_force(lar, brute, flavour):
    expected = brute.energy_spectrum(str(flavour))
    filled = expected > 1e-3
    np.testing.assert_allclose(all_times(lar, flavour)[filled], expected[filled], rtol=1e-3)


def test_energy_spectrum_is_that_of_the_released_template(sm, brute):
    released = brute.column("cevns").sum(axis=(1, 2))
    ours = sm["cevns"].sum(("f90", "time")).to_numpy()
    seen = released > 1
    ratio = (ours / ours.sum())[seen] / (released / released.sum())[seen]
    assert seen.sum() == 4
    assert np.all(np.abs(ratio - 1) < 0.10)


def test_f90_is_that_of_the_released_template(sm, brute):
    released = brute.column("cevns").sum(axis=2)[:4]
    ours = sm["cevns"].sum("time").to_numpy()[:4]
    np.testing.assert_allclose(
        ours / ours.sum(axis=1, keepdims=True),
        released / released.sum(axis=1, keepdims=True),
        rtol=1e-10,
    )


def test_bins_without_released_signal_keep_their_events(sm):
    last = sm["cevns"].isel(energy=6)  # the template is empty above 60 keVee
    assert 0 < float(last.sum()) < 1e-3


def test_unresolved_bins_have_the_f90_of_the_last_resolved_one(lar, brute):
    # The template has 0.078 events in 40-50 keVee, 2.7e-5 in 50-60 keVee and none above.
    shape = lar.signals[0].shape
    released = brute.column("cevns").sum(axis=2)[4]
    for shares in (shape.nominal, *shape.variations["alpha_f90"]):
        assert np.all(shares[5:] == shares[4])
    np.testing.assert_allclose(shape.nominal[5:, :, 0], np.tile(released / released.sum(), (7, 1)))


def test_f90_moves_events_between_energies_as_released(flat, brute):
    shape = flat.signals[0].shape
    nominal = brute.column("cevns").sum(axis=(1, 2))[:5]
    for shares, end in zip(shape.variations["alpha_f90"], ("down", "up"), strict=True):
        released = brute.column(f"cevns_f90_{end}").sum(axis=(1, 2))[:5]
        np.testing.assert_allclose(shares[:5, 0], released / nominal, rtol=1e-10)
    down, up = shape.variations["alpha_f90"]
    np.testing.assert_allclose(shape.nominal, 1, rtol=1e-12)
    assert np.all((down - 1) * (up - 1) < 0)  # opposite sides in every bin


@pytest.mark.parametrize(
    ("nuisance", "component", "version"),
    [
        ("alpha_brn_energy", "brn_prompt", "brn_energy"),
        ("alpha_brn_time", "brn_prompt", "brn_time"),
    ],
)
def test_templates_at_one_sigma_are_the_released_ones(lar, brute, nuisance, component, version):
    for value, end in ((1.0, "up"), (-1.0, "down")):
        morphed = cb.predict("sm", {}, lar, nuisances={f"lar::{nuisance}": value})[component]
        released = brute.column(f"{version}_{end}")
        np.testing.assert_allclose(morphed, released * 497 / released.sum(), atol=1e-4)


def test_one_sided_width_variation(lar, brute):
    morphed = cb.predict("sm", {}, lar, nuisances={"lar::alpha_brn_width": 1.0})["brn_prompt"]
    np.testing.assert_allclose(morphed, brute.column("brn_width_up"), atol=2e-3)


def test_flat_bins_are_sums_over_f90(lar, flat, sm):
    assert flat.counts.shape == (12, 10)
    np.testing.assert_array_equal(flat.counts, lar.counts.sum(axis=1))
    counts = cb.predict("sm", {}, flat, nuisances={"lar::alpha_time": 0.5, "lar::alpha_f90": 0.7})
    deep = cb.predict("sm", {}, lar, nuisances={"lar::alpha_time": 0.5, "lar::alpha_f90": 0.7})
    np.testing.assert_allclose(counts["total"], deep["total"].sum("f90"), rtol=1e-10)


def test_statistics_and_bins_have_their_own_fingerprints(lar, flat):
    poisson = cb.load_experiment("lar-2d")
    assert len({experiment.fingerprint() for experiment in (lar, flat, poisson)}) == 3


def test_gaussian_chi2_of_the_standard_model(gaussian_fit):
    assert gaussian_fit.dof == 120
    assert gaussian_fit.chi2 == pytest.approx(PUBLISHED_CHI2, abs=1.0)


def test_gaussian_chi2_is_the_published_formula(flat, gaussian_fit, brute):
    counts = cb.predict("sm", {}, flat, nuisances=gaussian_fit.nuisances)["total"].to_numpy()
    observed, steady = (brute.column(name).sum(axis=1) for name in ("observed", "ssb"))
    sigma = {nuisance.name: nuisance.sigma for nuisance in flat.nuisances}
    pulls = [
        value / sigma[name.removeprefix("lar::")] for name, value in gaussian_fit.nuisances.items()
    ]
    chi2 = ((observed - counts) ** 2 / (observed + steady / 5)).sum() + np.sum(np.square(pulls))
    assert chi2 == pytest.approx(gaussian_fit.chi2, abs=1e-6)


def test_weak_mixing_angle_improves_on_the_standard_model(flat, gaussian_fit):
    free = cb.fit("weak-mixing-angle", flat)
    assert gaussian_fit.chi2 - free.chi2 == pytest.approx(1.0, abs=0.4)
    assert free.params["sin2_theta_w"] == pytest.approx(0.295, abs=0.01)


def test_released_signal_template_gives_the_fit_of_the_collaboration(lar, brute):
    # As in arXiv:2003.10630, Table II: norms free or constrained, nominal shapes.
    def norm(name, sigma):
        return Nuisance(f"alpha_{name}", name, sigma=sigma, bounds=(-1.0, np.inf))

    # Our own signal gives no events.
    nothing = replace(lar.signals[0], name="none", norms=(), shape=Morphed(np.zeros(lar.shape)))
    released = replace(
        lar,
        signals=(nothing,),
        backgrounds=tuple(
            TemplateBackground(name, Morphed(brute.column(name)), (f"alpha_{name}",))
            for name in ("cevns", "brn_prompt", "brn_delayed", "ssb")
        ),
        nuisances=(
            norm("cevns", 100.0),
            norm("brn_prompt", 160 / 497),
            norm("brn_delayed", 1.0),
            norm("ssb", 25 / 3152),
        ),
    )
    result = cb.fit("sm", released)
    events = {"cevns": 128, "brn_prompt": 497, "ssb": 3152}
    fitted = {n: e * (1 + result.nuisances[f"lar::alpha_{n}"]) for n, e in events.items()}
    errors = {n: e * result.errors[f"lar::alpha_{n}"] for n, e in events.items()}
    assert fitted["cevns"] == pytest.approx(159, abs=5)
    assert errors["cevns"] == pytest.approx(43, rel=0.2)
    assert fitted["brn_prompt"] == pytest.approx(553, abs=10)
    assert errors["brn_prompt"] == pytest.approx(34, rel=0.1)
    assert fitted["ssb"] == pytest.approx(3131, abs=5)
    assert errors["ssb"] == pytest.approx(23, rel=0.1)


def test_separate_flux_nuisances_make_chi2_add_up(gaussian_fit, sm_fit):
    joint = cb.fit("sm", ["csi", "lar-gaussian"], share_flux=False)
    assert joint.dof == 218
    assert joint.chi2 == pytest.approx(gaussian_fit.chi2 + sm_fit.chi2, abs=1e-3)


def test_shared_flux_nuisance():
    together = cb.build_model("sm", ["csi", "lar-2d"])
    names = {variable.name for variable in together.free_RVs}
    assert {"alpha_flux", "csi::alpha_flux", "lar::alpha_flux"} <= names
    sigma = {
        name: float(together[name].owner.op.dist_params(together[name].owner)[1].eval())
        for name in ("alpha_flux", "csi::alpha_flux", "lar::alpha_flux")
    }
    assert sigma["alpha_flux"] == pytest.approx(0.10)
    assert np.hypot(sigma["alpha_flux"], sigma["csi::alpha_flux"]) == pytest.approx(0.11)
    assert np.hypot(sigma["alpha_flux"], sigma["lar::alpha_flux"]) == pytest.approx(
        17 / 128, abs=1e-5
    )
    apart = cb.build_model("sm", ["csi", "lar-2d"], share_flux=False)
    assert "alpha_flux" not in {variable.name for variable in apart.free_RVs}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"form_factr": "helm"}, "did you mean 'form_factor'"),
        ({"binning": {"energy": [0, 120]}}, "cannot be binned"),
    ],
)
def test_wrong_options(options, said):
    with pytest.raises(cb.InputError, match=said):
        cb.build_model("sm", ["lar"], **options)


@pytest.mark.slow
def test_joint_posterior_converges_and_learns_the_flux():
    posterior = cb.sample("sm", data=["csi", "lar"], progressbar=False)
    assert cb.check_convergence(posterior).problems == []
    assert float(posterior["posterior"]["alpha_flux"].std()) < 0.095  # prior 0.10


def test_free_norm_of_our_own_signal():
    # Below the 160 of the released template, whose times are the same at all energies: the
    # prompt nu_mu are the softest flavour.
    shapes = ("f90", "time", "brn_energy", "brn_time", "brn_width")
    held = {f"lar::alpha_{name}": "Normal(0, 1e-6)" for name in shapes}
    result = cb.fit("sm", ["lar"], priors={"lar::alpha_flux": "Normal(0, 100)", **held})
    assert 120.1 * (1 + result.nuisances["lar::alpha_flux"]) == pytest.approx(134, abs=2)
    assert 120.1 * result.errors["lar::alpha_flux"] == pytest.approx(43, rel=0.2)


def test_unknown_variants_suggest_the_nearest():
    with pytest.raises(InputError, match="'lar-gausian'; did you mean 'lar-gaussian'"):
        cb.load_experiment("lar-gausian")


def test_one_experiment_in_two_variants_is_refused():
    with pytest.raises(InputError, match=r"different experiments, got \['lar', 'lar-2d'\]"):
        cb.build_model("sm", ["lar", "lar-2d"])
