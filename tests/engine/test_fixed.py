"""Variables held at a value: numbers in the model, and everywhere after it."""

from dataclasses import replace

import numpy as np
import pymc as pm
import pytest
import xarray as xr

import cevns_bayes as cb
from cevns_bayes.bayesian.provenance import check_made_of, provenance
from cevns_bayes.engine.problem import Problem
from cevns_bayes.errors import InputError
from cevns_bayes.published import is_as_published
from cevns_bayes.report.analysis import _for_standard_model

HELD = (
    ("weak-mixing-angle", {"sin2_theta_w": 0.23}),
    ("light-scalar", {"mass": 3.7, "coupling": 1e-4}),
    ("light-vector-b-l", {"mass": 3.7, "coupling": 1e-4}),
    ("sterile-dipole", {"m4": 2.0, "mu_nu_mu": 3.0}),
    ("sterile-oscillation", {"sin2_2theta24": 0.3, "dm2_42": 1.0}),
    ("neutron-radius", {"r_n": 5.0}),
    ("millicharge", {"q_ee": 3.0, "q_mumu": -2.0}),
    ("nsi-d-ee-emu", {"eps_ee_d": 0.1, "eps_emu_d": 0.2}),
)
NUISANCES = {"csi::alpha_time": 0.1, "csi::alpha_efficiency": -0.5, "csi::alpha_quenching": 0.02}


def free_names(problem):
    return {variable.name for variable in problem.model.free_RVs}


def recorded_names(problem):
    return {variable.name for variable in problem.model.deterministics}


@pytest.mark.parametrize(("scenario", "values"), HELD, ids=[name for name, _ in HELD])
@pytest.mark.parametrize("count", [1, 2])
def test_predictions_are_those_at_the_values(csi, scenario, values, count):
    held = dict([*values.items()][:count])
    rest = {name: value for name, value in values.items() if name not in held}
    expected = cb.predict(scenario, values, csi, nuisances=NUISANCES)
    found = cb.predict(scenario, rest, csi, fixed={**held, **NUISANCES})
    xr.testing.assert_allclose(found, expected, rtol=1e-12)


def test_what_is_held_is_no_variable(csi):
    plain = Problem.build("light-scalar", csi)
    problem = Problem.build("light-scalar", csi, fixed={"mass": 10, "csi::alpha_time": 0.1})
    assert free_names(plain) - free_names(problem) == {"log10_mass", "csi::alpha_time"}
    assert recorded_names(problem) == {"coupling", "csi::expected"}
    assert problem.scenario.parameter_names == ["coupling"]
    assert problem.fixed == {"mass": 10.0, "csi::alpha_time": 0.1}


def test_a_logarithm_is_another_spelling(csi):
    problem = Problem.build("light-scalar", csi, fixed={"log10_mass": 0.5})
    assert problem.fixed == {"mass": 10**0.5}
    at = {"coupling": 1e-4}
    of_logarithm = cb.predict("light-scalar", at, csi, fixed={"log10_mass": 0.5})
    xr.testing.assert_allclose(
        of_logarithm, cb.predict("light-scalar", at, csi, fixed={"mass": 10**0.5}), rtol=1e-12
    )


def test_names_in_joint_analyses(csi):
    other = replace(csi, name="other")
    fixed = {"other::r_n": 5.0, "alpha_flux": 0.1, "csi::alpha_flux": 0.02}
    problem = Problem.build("neutron-radius", [csi, other], fixed=fixed)
    assert problem.scenario.parameter_names == ["csi::r_n"]
    assert not {*fixed} & free_names(problem)
    assert {"csi::r_n", "other::alpha_flux"} <= free_names(problem)
    counts = problem.expected_counts({"csi::r_n": 5.0})
    alone = [
        cb.predict("neutron-radius", {"r_n": 5.0}, csi, nuisances={"csi::alpha_flux": alpha})
        for alpha in (0.12, 0.1)
    ]
    for found, expected in zip(counts.values(), alone, strict=True):
        np.testing.assert_allclose(found["cevns"], expected.cevns, rtol=1e-12)


def test_derived_quantities_that_do_not_vary_are_not_recorded(csi):
    """Of scenarios that declare their logarithm in plain PyMC, and of any other expression."""

    def declare():
        kappa = pm.Deterministic("kappa", 10 ** pm.Uniform("log10_kappa", -1.0, 1.0))
        pm.Deterministic("double", 2 * kappa)
        return lambda target, _: cb.vector(target, (kappa * cb.weak_charge(target)) ** 2)

    scenario = cb.Scenario("Charge", (cb.Parameter("kappa", "k"),), "nowhere", declare)
    assert recorded_names(Problem.build(scenario, csi)) == {"kappa", "double", "csi::expected"}
    problem = Problem.build(scenario, csi, fixed={"kappa": 0.5})
    assert recorded_names(problem) == {"csi::expected"}
    assert "log10_kappa" not in free_names(problem)
    ratio = cb.predict(scenario, {}, csi, fixed={"kappa": 0.5}).cevns / cb.predict("sm").cevns
    np.testing.assert_allclose(ratio, 0.25, rtol=1e-9)


@pytest.mark.parametrize(
    ("fixed", "message"),
    [
        ({"mas": 1}, r"unknown variable to be fixed 'mas'; did you mean 'mass'\?"),
        ({"alpha_flux": 0}, r"'alpha_flux'; did you mean 'csi::alpha_flux'\?"),
        ({"csi::expected": 1}, "unknown variable to be fixed 'csi::expected'"),
        ({"csi::counts": 1}, "unknown variable to be fixed 'csi::counts'"),
        ({"mass": np.nan}, "mass must be a finite number, got nan"),
        ({"mass": "much"}, "mass must be a finite number, got 'much'"),
        ({"mass": -1}, r"log10_mass must be within Uniform\(-1, 4\), got -inf"),
        ({"mass": 1e5}, r"log10_mass must be within Uniform\(-1, 4\), got 5"),
        ({"csi::alpha_time": 0.3}, r"csi::alpha_time must be within Uniform\(-0.25, 0.25\)"),
        ({"mass": 1, "log10_mass": 0}, "'mass' and 'log10_mass' are one variable"),
        ({"coupling": 1e-3}, "'log10_coupling' and 'coupling' are one variable"),
        ({"csi::alpha_brn": 0.1}, "'csi::alpha_brn' and 'csi::alpha_brn' are one variable"),
    ],
)
def test_wrong_values_are_named(csi, fixed, message):
    priors = {"log10_coupling": "Uniform(-4, -2)", "csi::alpha_brn": "Normal(0, 1)"}
    with pytest.raises(InputError, match=message):
        cb.build_model("light-scalar", csi, priors=priors, fixed=fixed)


def test_a_nuisance_that_the_scenario_switches_off_cannot_be_held(csi):
    with pytest.raises(InputError, match="unknown variable to be fixed 'csi::alpha_radius'"):
        cb.build_model("neutron-radius", csi, fixed={"csi::alpha_radius": 0.1})


def test_values_at_the_ends_of_a_prior_are_within(csi):
    cb.build_model("light-scalar", csi, fixed={"mass": 0.1, "coupling": 0.1})


def test_fit_with_the_best_angle_held(csi, weak_mixing_angle_fit):
    best = weak_mixing_angle_fit
    held = cb.fit("weak-mixing-angle", csi, fixed=best.params)
    assert held.chi2 == pytest.approx(best.chi2, abs=1e-4)
    assert (held.dof, held.params) == (best.dof + 1, {})


def test_a_held_nuisance_has_no_pull(csi):
    held = cb.fit("sm", csi, fixed={"csi::alpha_flux": 0.2})
    at = {**held.nuisances, "csi::alpha_flux": 0.2}
    expected = cb.predict("sm", {}, csi, nuisances=at).total.to_numpy()
    sigmas = {csi.qualified(n.name): n.sigma for n in csi.nuisances if n.sigma}
    pulls = [(x / sigmas[name]) ** 2 for name, x in held.nuisances.items() if name in sigmas]
    deviance = csi.likelihood.deviance(csi.counts, expected).sum()
    assert held.chi2 == pytest.approx(deviance + sum(pulls), rel=1e-9)
    assert len(pulls) == len(sigmas) - 1


def test_nothing_is_left_to_profile_or_sample(csi, sm_fit):
    with pytest.raises(InputError, match="no parameters of interest to profile"):
        cb.profile("weak-mixing-angle", csi, fixed={"sin2_theta_w": 0.2})
    with pytest.raises(InputError, match="no parameter and no nuisance to sample"):
        cb.sample("sm", csi, fixed=sm_fit.nuisances)


def test_posteriors_at_another_value_are_told_apart(csi):
    def built(**fixed):
        return Problem.build("light-scalar", csi, fixed=fixed)

    groups = {"posterior": xr.Dataset(), "sample_stats": xr.Dataset()}
    posterior = xr.DataTree.from_dict(groups)
    posterior.attrs = provenance(built(mass=10), "nuts", {})
    check_made_of(posterior, built(log10_mass=1))
    for other in (built(mass=11), built()):
        with pytest.raises(InputError, match="under another prior: log10_mass = 1"):
            check_made_of(posterior, other)
    posterior.attrs = provenance(built(), "nuts", {})
    with pytest.raises(InputError, match="under another prior: log10_mass ~ Uniform"):
        check_made_of(posterior, built(mass=10))


def test_the_standard_model_keeps_the_nuisances(csi):
    options = {
        "priors": {"coupling": "LogUniform(1e-5, 1e-4)", "csi::alpha_brn": "Normal(0, 1)"},
        "fixed": {"mass": 10.0, "csi::alpha_flux": 0.1},
        "form_factor": "helm",
    }
    assert _for_standard_model(options, [csi]) == {
        "priors": {"csi::alpha_brn": "Normal(0, 1)"},
        "fixed": {"csi::alpha_flux": 0.1},
        "form_factor": "helm",
    }


def test_published_values_are_of_free_variables(csi):
    assert is_as_published([csi], {"fixed": {}})
    assert not is_as_published([csi], {"fixed": {"csi::alpha_flux": 0.0}})


def test_limits_on_a_coupling_at_a_given_mass(csi):
    """Of the other parameter alone, and under the prior that is asked for."""
    options = {"fixed": {"mass": 10.0}, "resample": False}
    settings = {"sampler": "smc", "draws": 60, "chains": 2, "progressbar": False}
    table = cb.prior_sensitivity("light-scalar", csi, settings=settings, **options)
    assert list(table["parameter"]) == ["coupling"]
    with pytest.raises(InputError, match="unknown parameter of light-scalar 'mass'"):
        cb.prior_sensitivity("light-scalar", csi, parameters=["mass"], **options)
