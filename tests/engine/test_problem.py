from dataclasses import replace

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from scipy import stats

import cevns_bayes as cb
from cevns_bayes.errors import InputError
from cevns_bayes.physics.cross_sections import CrossSection, Term, vector_kinematics

SM = 0.23857
SIGMAS = {  # arXiv:2211.11905 and the talk's table
    "csi::alpha_flux": 0.11,
    "csi::alpha_brn": 0.25,
    "csi::alpha_nin": 0.35,
    "csi::alpha_ssb": 0.021,
    "csi::alpha_radius": 0.05,
    "csi::alpha_quenching": 0.038,
    "csi::alpha_efficiency": 1.0,
}
POINT = {
    "csi::alpha_flux": -0.05,
    "csi::alpha_brn": 0.1,
    "csi::alpha_nin": -0.2,
    "csi::alpha_ssb": 0.01,
    "csi::alpha_radius": 0.03,
    "csi::alpha_quenching": 0.02,
    "csi::alpha_time": 0.06,
    "csi::alpha_efficiency": -0.4,
}


# --- expected counts ------------------------------------------------------------------------------


def test_components_sum_to_the_total(sm_counts):
    components = sum(sm_counts[name] for name in ("cevns", "es", "brn", "nin", "ssb"))
    np.testing.assert_allclose(sm_counts.total, components, rtol=1e-14)


def test_counts_are_labelled(sm_counts, csi):
    assert sm_counts.total.dims == ("energy", "time")
    np.testing.assert_array_equal(sm_counts.energy, csi.axis("energy").centres)
    assert sm_counts.time.attrs["edges"] == csi.axis("time").edges.tolist()
    assert sm_counts.energy.attrs["units"] == "PE"


def test_weak_mixing_angle_holds_the_standard_model(csi, sm_counts):
    counts = cb.predict("weak-mixing-angle", {"sin2_theta_w": SM}, csi)
    np.testing.assert_allclose(counts.cevns, sm_counts.cevns, rtol=1e-12)
    np.testing.assert_allclose(counts.total, sm_counts.total, rtol=1e-12)


def test_larger_weak_mixing_angle_gives_more_events(csi, sm_counts):
    # Q = (1/2 - 2 s) Z F_p - N F_n/2 is negative and grows in size with s
    counts = cb.predict("weak-mixing-angle", {"sin2_theta_w": 0.3}, csi)
    assert np.all(counts.cevns > sm_counts.cevns)


def test_nsi_hold_the_standard_model(csi, sm_counts):
    counts = cb.predict("nsi-ee-ud", {"eps_ee_u": 0.0, "eps_ee_d": 0.0}, csi)
    np.testing.assert_allclose(counts.total, sm_counts.total, rtol=1e-12)


@pytest.mark.parametrize(
    ("eps_ee_u", "eps_ee_d"), [(0.1, 0.0), (0.0, -0.2), (0.3, -0.25), (0.05, 0.1)]
)
def test_nsi_are_those_of_the_brute_force(csi, brute_force, eps_ee_u, eps_ee_d):
    eps = {"eps_ee_u": eps_ee_u, "eps_ee_d": eps_ee_d}
    expected = brute_force.components(**eps)["cevns"]
    np.testing.assert_allclose(cb.predict("nsi-ee-ud", eps, csi).cevns, expected, rtol=2e-3)


def test_weak_mixing_angle_is_that_of_the_brute_force(csi, brute_force):
    expected = brute_force.components(sin2_theta_w=0.3)["cevns"]
    counts = cb.predict("weak-mixing-angle", {"sin2_theta_w": 0.3}, csi)
    np.testing.assert_allclose(counts.cevns, expected, rtol=2e-3)


def test_nsi_along_the_degenerate_line_leave_the_signal_nearly_alone(csi, sm_counts):
    # c = (2Z + N) eps_u + (Z + 2N) eps_d = 0; averages of Cs and I: Z = 54, N = 76
    slope = -(2 * 54 + 76) / (54 + 2 * 76)
    # c = -2 Q_SM = 2 (38 - 0.0229 x 54): the second line, where the charge changes its sign
    mirrored = 2 * (76 / 2 - (0.5 - 2 * SM) * 54) / (54 + 2 * 76)
    signal = float(sm_counts.cevns.sum())

    def change(eps_ee_d):
        eps = {"eps_ee_u": 0.1, "eps_ee_d": eps_ee_d}
        return abs(float(cb.predict("nsi-ee-ud", eps, csi).cevns.sum()) / signal - 1)

    # not exactly: protons and neutrons have different form factors
    assert change(0.1 * slope) < 0.005
    assert change(0.1 * slope + mirrored) < 0.02
    # half-way the nu_e, a third of the events, do not scatter at all
    assert change(0.1 * slope + mirrored / 2) == pytest.approx(124.9 / 373.7, abs=0.02)


def test_form_factors_differ_by_little(csi, sm_counts):
    for name in ("klein-nystrand", "symmetrized-fermi"):
        ratio = float(cb.predict("sm", {}, csi, form_factor=name).cevns.sum()) / float(
            sm_counts.cevns.sum()
        )
        assert 1e-6 < abs(ratio - 1) < 0.01


# --- wrong input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "weak-mixing-angle needs a value for sin2_theta_w"),
        (
            {"sin2_thetaw": 0.2},
            r"unknown parameter of weak-mixing-angle 'sin2_thetaw'; did you mean 'sin2_theta_w'\?",
        ),
        ({"sin2_theta_w": np.nan}, "sin2_theta_w must be a finite number, got nan"),
        ({"sin2_theta_w": np.inf}, "sin2_theta_w must be a finite number, got inf"),
        ({"sin2_theta_w": "much"}, "sin2_theta_w must be a finite number, got 'much'"),
        ({"sin2_theta_w": None}, "sin2_theta_w must be a finite number, got None"),
    ],
)
def test_wrong_parameters_are_named(csi, parameters, message):
    with pytest.raises(InputError, match=message):
        cb.predict("weak-mixing-angle", parameters, csi)


@pytest.mark.parametrize(
    ("nuisances", "message"),
    [
        ({"alpha_brn": 0.1}, r"unknown nuisance 'alpha_brn'; did you mean 'csi::alpha_brn'\?"),
        ({"csi::alpha_brn": np.nan}, "csi::alpha_brn must be a finite number, got nan"),
        ({"sin2_theta_w": 0.2}, "unknown nuisance 'sin2_theta_w'"),
    ],
)
def test_wrong_nuisances_are_named(csi, nuisances, message):
    with pytest.raises(InputError, match=message):
        cb.predict("weak-mixing-angle", {"sin2_theta_w": 0.2}, csi, nuisances=nuisances)


def test_the_same_experiment_twice_is_refused(csi):
    with pytest.raises(InputError, match=r"different experiments, got \['csi', 'csi'\]"):
        cb.build_model("sm", data=[csi, csi])


def test_no_experiment_is_refused():
    with pytest.raises(InputError, match="one or more different experiments"):
        cb.build_model("sm", data=[])


def test_unknown_form_factor_suggests_the_nearest(csi):
    with pytest.raises(InputError, match=r"'klein-nystrnd'; did you mean 'klein-nystrand'\?"):
        cb.build_model("sm", csi, form_factor="klein-nystrnd")


# --- the PyMC model -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sm_model(csi):
    return cb.build_model("sm", csi)


def test_variables(sm_model, csi):
    assert {v.name for v in sm_model.free_RVs} == {*SIGMAS, "csi::alpha_time"}
    assert [v.name for v in sm_model.observed_RVs] == ["csi::counts"]
    assert [v.name for v in sm_model.deterministics] == ["csi::expected"]
    observed = sm_model.rvs_to_values[sm_model["csi::counts"]]
    np.testing.assert_array_equal(observed.data, csi.counts)


def test_coords_and_dims(sm_model, csi):
    dims = ("csi::energy", "csi::time")
    for variable in ("csi::expected", "csi::counts"):
        assert tuple(sm_model.named_vars_to_dims[variable]) == dims
    np.testing.assert_array_equal(sm_model.coords["csi::energy"], csi.axis("energy").centres)
    np.testing.assert_array_equal(sm_model.coords["csi::time"], csi.axis("time").centres)


def test_two_experiments_keep_apart(csi):
    other = replace(csi, name="other")
    model = cb.build_model("weak-mixing-angle", data=[csi, other])
    names = {v.name for v in model.free_RVs}
    assert {"csi::alpha_brn", "other::alpha_brn", "sin2_theta_w"} <= names
    assert [v.name for v in model.observed_RVs] == ["csi::counts", "other::counts"]


def test_a_fixed_nuisance_is_not_in_the_model(csi):
    scenario = replace(cb.load_scenario("sm"), fixed_nuisances=("alpha_radius",))
    names = {v.name for v in cb.build_model(scenario, csi).free_RVs}
    assert names == {*SIGMAS, "csi::alpha_time"} - {"csi::alpha_radius"}


@pytest.mark.parametrize("name", ["alpha_radius", "csi::alpha_radius"])
def test_nuisances_are_fixed_by_either_name(csi, name):
    scenario = replace(cb.load_scenario("sm"), fixed_nuisances=(name,))
    assert "csi::alpha_radius" not in {v.name for v in cb.build_model(scenario, csi).free_RVs}


def test_one_experiment_of_two_has_its_nuisance_fixed(csi):
    scenario = replace(cb.load_scenario("sm"), fixed_nuisances=("csi::alpha_radius",))
    model = cb.build_model(scenario, [csi, replace(csi, name="other")])
    names = {v.name for v in model.free_RVs}
    assert "csi::alpha_radius" not in names
    assert "other::alpha_radius" in names


@pytest.mark.parametrize("name", ["alpha_radiuss", "csi::alpha_radiuss", "csi::alpha_f90"])
def test_a_fixed_nuisance_that_nobody_has_is_named(csi, name):
    scenario = replace(cb.load_scenario("sm"), fixed_nuisances=(name,))
    with pytest.raises(InputError, match=f"unknown nuisance that sm switches off '{name}'"):
        cb.build_model(scenario, csi)


# --- forecasts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", cb.experiment_names())
def test_asimov_data_fit_the_truth_perfectly(name):
    (experiment,) = cb.asimov("sm", {}, name)
    counts = cb.predict("sm", {}, experiment).total.values
    assert experiment.likelihood.deviance(experiment.counts, counts).sum() < 1e-9
    rounding = np.finfo(float).eps * counts.sum()  # of mu - n, of up to some 10^6 events
    assert cb.fit("sm", experiment).chi2 < 1e-9 + rounding


def test_asimov_data_are_what_the_scenario_predicts(csi):
    point, nuisances = {"eps_ee_u": 0.1, "eps_ee_d": 0.0}, {"csi::alpha_brn": 0.3}
    (experiment,) = cb.asimov("nsi-ee-ud", point, csi, nuisances=nuisances)
    expected = cb.predict("nsi-ee-ud", point, csi, nuisances=nuisances).total
    np.testing.assert_allclose(experiment.counts, expected, rtol=1e-12)


def test_exposure_scales_all_components(csi, sm_counts):
    (experiment,) = cb.asimov("sm", {}, csi, exposure=7.5)
    np.testing.assert_allclose(experiment.counts, 7.5 * sm_counts.total, rtol=1e-12)
    scaled = cb.predict("sm", {}, experiment)
    for component in csi.component_names:
        np.testing.assert_allclose(scaled[component], 7.5 * sm_counts[component], rtol=1e-12)


def test_an_experiment_without_counts_is_a_forecast_of_the_standard_model(csi, sm_counts):
    model = cb.build_model("weak-mixing-angle", csi.scaled(1.0))
    observed = model.rvs_to_values[model["csi::counts"]].data
    np.testing.assert_allclose(observed, sm_counts.total, rtol=1e-12)


def test_parameters_of_several_experiments_keep_their_names(csi):
    with pytest.raises(InputError, match="predict takes one experiment, got 2"):
        cb.predict("sm", {}, [csi, "lar"])


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        (lambda target, flavour: 1.0, "returned float"),
        (lambda target: cb.vector(target, 1.0), "failed: TypeError: .* takes 1 positional"),
        (lambda target, _: cb.vector(target, np.ones(7) * target.Z_Fp), "failed: ValueError"),
        (None, "failed: TypeError: 'NoneType' object is not callable"),
    ],
)
def test_a_wrong_cross_section_is_named(csi, declared, said):
    wrong = replace(cb.load_scenario("sm"), declare=lambda: declared)
    must_be = (
        r"declare must return cross_section\(target, flavour\) -> CrossSection, of which a call"
    )
    with pytest.raises(InputError, match=f"{must_be} {said}"):
        cb.build_model(wrong, csi)


@pytest.mark.parametrize(
    ("sigma", "said"),
    [
        (
            CrossSection((Term(np.ones((40, 1)), vector_kinematics),)),
            "coupling .* must be one number",
        ),
        (
            CrossSection((Term(pt.ones((1, 40)), vector_kinematics),)),
            r"got an array of shape \(1, 40\)",
        ),
        (CrossSection((Term(np.ones(7), vector_kinematics),)), r"one number or 40, got .* \(7,\)"),
        (CrossSection((Term(1.0, lambda energy, mass: (1.0, 2.0)),)), "return three arrays, got 2"),
        (
            CrossSection((Term(1.0, lambda energy, mass: np.ones((3, 3))),)),
            "what kinematics returns",
        ),
    ],
)
def test_couplings_and_kinematics_of_a_wrong_shape_are_named(csi, sigma, said):
    declare = replace(cb.load_scenario("sm"), declare=lambda: lambda target, flavour: sigma)
    with pytest.raises(InputError, match=said):
        cb.build_model(declare, csi)


def test_the_experiment_of_a_nuisance_that_is_switched_off_must_be_known(csi):
    wrong = replace(cb.load_scenario("sm"), fixed_nuisances=("cssi::alpha_radius",))
    with pytest.raises(InputError, match="'cssi'; did you mean 'csi'"):
        cb.build_model(wrong, csi)


@pytest.mark.parametrize(
    ("name", "prior", "said"),
    [
        ("kappa", pm.Poisson.dist(3), "prior of kappa must be continuous and of one number"),
        ("kappa", pm.Normal.dist(shape=3), "prior of kappa must be continuous and of one number"),
        ("csi::alpha_flux", pm.Normal.dist(), "csi::alpha_flux is a nuisance of the data"),
    ],
)
def test_priors_that_no_parameter_can_have_are_named(csi, name, prior, said):
    def declare():
        pm.modelcontext(None).register_rv(prior.owner.clone().out, name)
        return cb.standard_model

    wrong = cb.Scenario("Wrong", (cb.Parameter(name, "x"),), "nowhere", declare)
    with pytest.raises(InputError, match=said):
        cb.build_model(wrong, csi)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"share_flux": "no"}, "share_flux must be True or False, got 'no'"),
        ({"priors": ["a"]}, r"priors must be a mapping of names, got \['a'\]"),
        ({"fixed": ["a"]}, r"fixed must be a mapping of names, got \['a'\]"),
    ],
)
def test_options_of_another_type_are_named(csi, option, said):
    with pytest.raises(InputError, match=said):
        cb.fit("sm", csi, **option)


def test_negative_numbers_of_events_are_warned_of(csi, caplog):
    cb.predict("sm", {}, csi, nuisances={"csi::alpha_flux": -0.99})
    assert not caplog.messages
    cb.predict("sm", {}, csi, nuisances={"csi::alpha_flux": -5.0})
    assert caplog.messages[0] == "cevns of csi has -1392 events."


def test_single_precision_is_refused(csi):
    with (
        pytensor.config.change_flags(floatX="float32"),
        pytest.raises(InputError, match="floatX of PyTensor must be float64, got float32"),
    ):
        cb.build_model("sm", csi)


@pytest.fixture(scope="module")
def logp(sm_model):
    """Log posterior density in the physical parameters and its gradient on the sampler's scale."""
    names = [v.name for v in sm_model.value_vars]

    def compiled(outputs):
        return pytensor.function(sm_model.value_vars, outputs, mode="FAST_COMPILE")

    plain = compiled(sm_model.logp(jacobian=False))
    density = sm_model.logp()
    with_gradient = compiled([density, *pm.pytensorf.gradient(density, sm_model.value_vars)])
    return names, plain, with_gradient


def on_sampler_scale(names, point):
    # csi::alpha_time ~ Uniform(-0.25, 0.25) is sampled as log((x + 0.25)/(0.25 - x))
    time = point["csi::alpha_time"]
    values = point | {"csi::alpha_time_interval__": np.log((time + 0.25) / (0.25 - time))}
    return np.array([values[name] for name in names])


def log_density_by_hand(csi, point):
    expected = cb.predict("sm", {}, csi, nuisances=point).total.values
    return (
        stats.poisson.logpmf(csi.counts, expected).sum()
        + sum(stats.norm.logpdf(point[name], 0, sigma) for name, sigma in SIGMAS.items())
        + stats.uniform.logpdf(point["csi::alpha_time"], -0.25, 0.5)
    )


def test_log_density_is_poisson_plus_pulls(logp, csi):
    names, plain, _ = logp
    at_point, at_zero = (
        {name: scale * value for name, value in POINT.items()} for scale in (1.0, 0.0)
    )
    found, found_at_zero = (float(plain(*on_sampler_scale(names, p))) for p in (at_point, at_zero))
    by_hand, by_hand_at_zero = (log_density_by_hand(csi, p) for p in (at_point, at_zero))
    assert found - found_at_zero == pytest.approx(by_hand - by_hand_at_zero, rel=0, abs=1e-9)
    # PyTensor keeps a sigma of 0.25 in single precision, and its logarithm: 6e-9 in the constant
    assert found == pytest.approx(by_hand, rel=1e-9)


@pytest.mark.parametrize("scale", [0.0, 1.0, 3.0])
def test_gradient_is_that_of_finite_differences(logp, scale):
    names, _, with_gradient = logp
    point = on_sampler_scale(names, {name: scale * value for name, value in POINT.items()})

    def along(i, step):
        return float(with_gradient(*(point + step * np.eye(len(point))[i]))[0])

    gradient = np.array(with_gradient(*point)[1:])
    steps = [1e-3 * SIGMAS.get(name, 1.0) for name in names]
    differences = [  # of fourth order
        (8 * (along(i, h) - along(i, -h)) - (along(i, 2 * h) - along(i, -2 * h))) / (12 * h)
        for i, h in enumerate(steps)
    ]
    assert np.all(np.isfinite(gradient))
    np.testing.assert_allclose(gradient, differences, rtol=1e-6, atol=1e-5)


def test_common_parts_of_different_widths(csi):
    """Each experiment keeps its own total uncertainty; one without a common part keeps apart."""
    nuisances = [replace(n, shared_sigma=0.05) if n.shared_sigma else n for n in csi.nuisances]
    alone = [replace(n, shared_sigma=0.0) for n in csi.nuisances]
    others = [
        replace(csi, name=name, nuisances=tuple(changed))
        for name, changed in (("narrow", nuisances), ("alone", alone))
    ]
    model = cb.build_model("sm", [csi, *others])
    shared = model["alpha_flux"]
    for name, common in (("csi", 0.10), ("narrow", 0.05), ("alone", 0.0)):
        node = model[f"{name}::alpha_flux"].owner
        own = float(node.op.dist_params(node)[1].eval())
        assert np.hypot(own, common) == pytest.approx(0.11, rel=1e-9)
    values = {rv: np.float64(0.0) for rv in model.free_RVs}
    expected = pytensor.function(
        [shared],
        [model[f"{name}::expected"].sum() for name in ("csi", "narrow", "alone")],
        givens={rv: value for rv, value in values.items() if rv is not shared},
        mode="FAST_COMPILE",
        on_unused_input="ignore",
    )
    at_zero, moved = np.array(expected(0.0)), np.array(expected(0.1))
    wide, narrow, apart = moved - at_zero
    assert narrow == pytest.approx(wide / 2, rel=1e-9)
    assert apart == pytest.approx(0.0, abs=1e-9)
    assert wide > 10
