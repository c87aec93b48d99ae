import itertools
from types import SimpleNamespace

import numpy as np
import pytensor
import pytest

import cevns_bayes as cb
from cevns_bayes.engine.problem import Problem
from cevns_bayes.frequentist.search import Search
from cevns_bayes.scenarios.priors import sampled_name

SLOWER = ("nsi-d-ee-mumu", "light-vector-universal", "sterile-oscillation")


@pytest.fixture(scope="module")
def brute_force_minimum(brute_force):
    return brute_force.least_chi2()


def test_sm_chi2_is_that_of_an_independent_minimisation(sm_fit, brute_force_minimum):
    assert sm_fit.chi2 == pytest.approx(brute_force_minimum[0], abs=0.05)


def test_sm_nuisances_are_those_of_an_independent_minimisation(
    sm_fit, brute_force_minimum, brute_force
):
    for name, value in brute_force_minimum[1].items():
        width = brute_force.SIGMAS.get(name, 0.04)  # us, the posterior width of alpha_time
        assert abs(sm_fit.nuisances[f"csi::{name}"] - value) < 0.05 * width, name


def test_chi2_at_the_best_fit_is_that_of_the_brute_force(sm_fit, brute_force):
    alphas = {name.removeprefix("csi::"): value for name, value in sm_fit.nuisances.items()}
    assert sm_fit.chi2 == pytest.approx(brute_force.chi2(alphas), abs=0.01)


def test_sm_result(sm_fit):
    assert sm_fit.dof == 98  # 99 bins less the onset, which has no pull
    assert sm_fit.valid
    assert sm_fit.params == {}
    assert (sm_fit.scenario, sm_fit.data) == ("sm", ("csi",))
    assert len(sm_fit.nuisances) == 8


@pytest.mark.xfail(
    strict=True,
    reason="with all nuisances acting our minimum is 81.2, confirmed by the brute force; "
    "holding alpha_radius and alpha_efficiency at 0 gives 82.0",
)
def test_published_sm_chi2(sm_fit):
    assert abs(sm_fit.chi2 - 83.2) < 1.5


def test_sm_chi2_with_radius_and_efficiency_held(csi):
    held = {"csi::alpha_radius": "Normal(0, 1e-6)", "csi::alpha_efficiency": "Normal(0, 1e-6)"}
    assert cb.fit("sm", csi, priors=held).chi2 == pytest.approx(82.0, abs=0.1)


def test_pull_of_a_one_sided_prior_counts_from_its_peak(csi, sm_fit):
    # HalfNormal(0.25) is the nominal Normal(0, 0.25) without its negative half, where the free
    # minimum lies (-0.07): the minimum moves to zero and cannot be lower than the free one
    priors = {"csi::alpha_brn": "HalfNormal(0.25)"}
    assert cb.fit("sm", csi, priors=priors).chi2 > sm_fit.chi2


def test_weak_mixing_angle_improves_on_the_sm_as_published(sm_fit, weak_mixing_angle_fit):
    improvement = sm_fit.chi2 - weak_mixing_angle_fit.chi2
    assert improvement == pytest.approx(0.4, abs=0.3)  # published: 83.2 - 82.8


def test_weak_mixing_angle_best_fit(weak_mixing_angle_fit):
    assert weak_mixing_angle_fit.params["sin2_theta_w"] == pytest.approx(0.222, abs=0.01)
    assert weak_mixing_angle_fit.dof == 97
    assert weak_mixing_angle_fit.valid


def test_weak_mixing_angle_minimum_is_one_of_the_brute_force(weak_mixing_angle_fit, brute_force):
    best = weak_mixing_angle_fit
    alphas = {name.removeprefix("csi::"): value for name, value in best.nuisances.items()}
    here = brute_force.chi2(alphas, **best.params)
    assert best.chi2 == pytest.approx(here, abs=0.01)
    error = best.errors["sin2_theta_w"]
    for name in (*alphas, "sin2_theta_w"):
        for sign in (-1, 1):  # a step of a quarter of an error in each direction is uphill
            moved, physics = dict(alphas), dict(best.params)
            step = sign * best.errors.get(f"csi::{name}", error) / 4
            if name in moved:
                moved[name] += step
            else:
                physics[name] += step
            assert brute_force.chi2(moved, **physics) > here, name


def test_a_parameter_at_the_end_of_its_prior_is_named(csi):
    best = cb.fit("weak-mixing-angle", csi, priors={"sin2_theta_w": "Uniform(0.3, 0.5)"})
    assert best.at_limit == ("sin2_theta_w",)
    assert best.params["sin2_theta_w"] == pytest.approx(0.3, abs=1e-3)
    assert np.isnan(best.errors["sin2_theta_w"])  # which would mean nothing
    assert best.errors["csi::alpha_flux"] > 0


def test_a_direction_in_which_chi2_is_flat_has_no_error():
    limits = np.array([[-np.inf, -np.inf], [np.inf, np.inf]])
    search = Search(SimpleNamespace(compiled=SimpleNamespace(limits=limits, widths=np.ones(2))))
    one, other = 1.4031129864471292, 1.395298591907157e-06  # whose rounding is not the usual one
    flat = np.array([[one, other], [other, other**2 / one]])
    assert np.isnan(search.covariance(np.zeros(2), flat)).all()
    curved = np.array([[1.0, 1e-7], [1e-7, 4e-14]])
    expected = np.linalg.inv(curved)
    np.testing.assert_allclose(search.covariance(np.zeros(2), curved), expected, rtol=1e-12)


def test_a_minimum_at_the_only_bound_of_a_prior_is_at_the_limit(csi):
    priors = {"csi::alpha_brn": "HalfNormal(0.25)"}  # the free minimum is at -0.07
    best = cb.fit("sm", csi, priors=priors)
    assert best.nuisances["csi::alpha_brn"] == pytest.approx(0, abs=1e-3)
    assert np.isnan(best.errors["csi::alpha_brn"])


def test_the_minimum_is_found_far_from_a_narrow_prior(csi, weak_mixing_angle_fit):
    best = cb.fit("weak-mixing-angle", csi, priors={"sin2_theta_w": "Normal(5, 1e-4)"})
    assert best.params == pytest.approx(weak_mixing_angle_fit.params, abs=1e-4)


def test_a_truncated_prior_counts_from_its_highest_point(csi, sm_fit):
    # its mean lies below the range that is left of it
    priors = {"csi::alpha_brn": "TruncatedNormal(-1, 0.25, lower=0, upper=5)"}
    assert sm_fit.chi2 < cb.fit("sm", csi, priors=priors).chi2 < sm_fit.chi2 + 5


def test_log_uniform_parameters_are_reported_as_values(csi):
    best = cb.fit("light-vector-universal", csi)
    assert set(best.params) == {"mass", "coupling"}
    assert best.values["log10_mass"] == pytest.approx(np.log10(best.params["mass"]))
    assert set(best.values) == set(best.errors)
    assert 50 < best.params["mass"] < 300  # MeV, a narrow minimum between two wide valleys


@pytest.mark.parametrize(
    "scenario", ["ngi-vs", *(pytest.param(s, marks=pytest.mark.slow) for s in SLOWER)]
)
def test_the_minimum_is_global(csi, build_chi2, scenario):
    """No point of a dense grid, nuisances held at the best fit, is lower."""
    best = cb.fit(scenario, csi)
    problem = Problem.build(scenario, csi)
    names = [sampled_name(problem.model, name) for name in best.params]
    chi2 = build_chi2(problem, names)
    point = np.array([best.values[name] for name in chi2.names])
    assert float(chi2.value(point)) == pytest.approx(best.chi2, abs=1e-6)
    where = [chi2.names.index(name) for name in names]
    for values in itertools.product(*(np.linspace(*chi2.limits[i], 41) for i in where)):
        point[where] = values
        assert chi2.value(point) > best.chi2 - 1e-3


def test_errors_of_asimov_data_are_those_of_the_hessian():
    """Where chi^2 is zero: against the Fisher information of the expected counts."""
    (data,) = cb.asimov("sm", {}, "csi", exposure=100.0)
    error = cb.fit("weak-mixing-angle", data).errors["sin2_theta_w"]
    model = cb.build_model("weak-mixing-angle", data)
    rvs, expected = model.free_RVs, model["csi::expected"]
    function = pytensor.function(rvs, expected, mode="FAST_COMPILE")
    centre = np.array([0.23857 if rv.name == "sin2_theta_w" else 0.0 for rv in rvs])
    sigma = {n.name: n.sigma for n in data.nuisances}
    pulls = [sigma.get(rv.name.removeprefix("csi::")) for rv in rvs]
    steps = 1e-5 * np.eye(len(rvs))
    slopes = np.array([function(*(centre + s)) - function(*(centre - s)) for s in steps]) / 2e-5
    slopes = slopes.reshape((len(rvs), -1))
    information = (slopes / data.counts.ravel()) @ slopes.T
    information += np.diag([0.0 if pull is None else pull**-2 for pull in pulls])
    of_interest = [rv.name for rv in rvs].index("sin2_theta_w")
    exact = np.sqrt(np.linalg.inv(information)[of_interest, of_interest])
    assert error == pytest.approx(exact, rel=1e-3)
    assert error == pytest.approx(0.0205, rel=0.01)
