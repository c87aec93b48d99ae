import numpy as np
import pymc as pm
import pytest

import cevns_bayes as cb
from cevns_bayes.errors import InputError
from cevns_bayes.scenarios.prior_text import split_prior
from cevns_bayes.scenarios.prior_view import Prior, prior_lines
from cevns_bayes.scenarios.priors import log10_name, parse_distribution, sampled_name


def density(prior, value):
    return float(np.exp(pm.logp(prior, value).eval(mode="FAST_COMPILE")).max())


def prior_of(model, name):
    """Density of a free variable's prior at 0.25."""
    return density(model[name], 0.25)


def test_a_prior_is_split_at_its_tilde():
    assert split_prior("r_n ~ Normal(5.0, 0.1)") == ("r_n", "Normal(5.0, 0.1)")
    assert split_prior("csi::alpha_brn~Uniform(-1,1)") == ("csi::alpha_brn", "Uniform(-1,1)")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Uniform(0.1, 0.4)", 1 / 0.3),
        ("Normal(0.25, sigma=0.01)", 1 / (0.01 * np.sqrt(2 * np.pi))),
        (" HalfNormal(0.5) ", 2 / (0.5 * np.sqrt(2 * np.pi)) * np.exp(-0.125)),
        ("Uniform(-1, +1e0)", 0.5),
    ],
)
def test_text_becomes_the_distribution_it_names(text, expected):
    # PyTensor keeps numbers such as 0.5 in single precision, and so their logarithms
    assert density(parse_distribution(text), 0.25) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize(
    "text",
    [
        "Uniform(0,",
        "Uniform(0, nan)",
        "Uniform(0, 1e400)",
        "Normal(0, -1)",
        "Normal(0, 0)",
        "Uniform(1, 0)",
        'os.system("x")',
        'Uniform(0, __import__("os"))',
        "Uniform(0, 1).eval()",
        "Normal(0, 1) + 1",
        "Normal([0, 1], 1)",
        'Normal("a", 1)',
        "Normal(0, 1, 2, 3, 4)",
        "0.25",
        "Normal",
        "",
    ],
)
def test_malformed_distributions_are_refused(text):
    with pytest.raises(InputError, match="malformed prior"):
        parse_distribution(text)


def test_numbers_that_need_a_name_are_refused():
    with pytest.raises(InputError, match="without names StudentT takes nu, mu at most, got 3"):
        parse_distribution("StudentT(1.5, 0.2, 0.1)")


@pytest.mark.parametrize(
    "text", ["sin2_theta_w Normal(0, 1)", "~ Normal(0, 1)", "sin2_theta_w ~", "x ~ Normal(0, one)"]
)
def test_malformed_priors_are_refused(text):
    with pytest.raises(InputError, match="malformed prior"):
        split_prior(text)


def test_unknown_distribution_suggests_the_nearest():
    with pytest.raises(InputError, match=r"prior distribution 'Foo' \(allowed: "):
        parse_distribution("Foo(1)")
    with pytest.raises(InputError, match=r"'Norml'; did you mean 'Normal'\?"):
        parse_distribution("Norml(0, 1)")


def test_unknown_keywords_are_refused():
    with pytest.raises(InputError, match="sigm"):
        parse_distribution("Normal(0.23, sigm=0.01)")


def test_discrete_distributions_are_refused():
    with pytest.raises(InputError, match="unknown prior distribution 'Poisson'"):
        parse_distribution("Poisson(3)")


def test_a_prior_replaces_that_of_the_scenario(csi):
    model = cb.build_model("weak-mixing-angle", csi, priors={"sin2_theta_w": "Uniform(0.2, 0.3)"})
    assert prior_of(cb.build_model("weak-mixing-angle", csi), "sin2_theta_w") == pytest.approx(2)
    assert prior_of(model, "sin2_theta_w") == pytest.approx(10)


def test_a_prior_replaces_that_of_a_nuisance(csi):
    model = cb.build_model("sm", csi, priors={"csi::alpha_brn": "Normal(0.25, 0.1)"})
    assert prior_of(model, "csi::alpha_brn") == pytest.approx(1 / (0.1 * np.sqrt(2 * np.pi)))
    # and that of no other: alpha_nin ~ Normal(0, 0.35)
    untouched = np.exp(-((0.25 / 0.35) ** 2) / 2) / (0.35 * np.sqrt(2 * np.pi))
    assert prior_of(model, "csi::alpha_nin") == pytest.approx(untouched)


def test_a_bounded_prior_bounds_the_variable(csi):
    model = cb.build_model("sm", csi, priors={"csi::alpha_flux": "Uniform(-0.2, 0.2)"})
    assert "csi::alpha_flux_interval__" in [v.name for v in model.value_vars]
    plain = cb.build_model("sm", csi, priors={"csi::alpha_time": "Normal(0, 0.1)"})
    assert "csi::alpha_time" in [v.name for v in plain.value_vars]


def test_a_distribution_object_serves_more_than_one_model(csi):
    prior = pm.Normal.dist(0.25, 0.1)
    models = [
        cb.build_model("weak-mixing-angle", csi, priors={"sin2_theta_w": prior}) for _ in range(2)
    ]
    for model in models:
        assert prior_of(model, "sin2_theta_w") == pytest.approx(1 / (0.1 * np.sqrt(2 * np.pi)))
    assert models[0]["sin2_theta_w"] is not models[1]["sin2_theta_w"]
    assert prior.name is None


def test_a_prior_for_an_unknown_variable_suggests_the_nearest(csi):
    message = r"unknown prior variable 'sin2_thta_w'; did you mean 'sin2_theta_w'\?"
    with pytest.raises(InputError, match=message):
        cb.build_model("weak-mixing-angle", csi, priors={"sin2_thta_w": "Normal(0.2, 0.1)"})
    message = r"unknown prior variable 'alpha_brn'; did you mean 'csi::alpha_brn'\?"
    with pytest.raises(InputError, match=message):
        cb.build_model("sm", csi, priors={"alpha_brn": "Normal(0, 0.1)"})


def test_log_uniform_parameters_are_sampled_in_log10(csi):
    model = cb.build_model("light-scalar", csi)
    free = [variable.name for variable in model.free_RVs]
    assert {"log10_mass", "log10_coupling"} < set(free)
    assert "mass" not in free
    mass, log10 = pm.draw([model["mass"], model["log10_mass"]], 500, random_seed=1)
    np.testing.assert_allclose(mass, 10.0**log10, rtol=1e-12)
    assert log10.min() > -1
    assert log10.max() < 4
    assert abs(log10.mean() - 1.5) < 0.2


def test_a_linear_prior_takes_the_place_of_a_log_uniform_one(csi):
    model = cb.build_model("light-scalar", csi, priors={"coupling": "Uniform(0, 0.01)"})
    free = [variable.name for variable in model.free_RVs]
    assert "coupling" in free
    assert "log10_coupling" not in free
    assert density(model["coupling"], 0.005) == pytest.approx(100)


def test_a_log_uniform_prior_takes_the_place_of_any(csi):
    priors = {"coupling": "LogUniform(1e-5, 1e-3)", "csi::alpha_brn": "LogUniform(0.1, 1)"}
    model = cb.build_model("light-scalar", csi, priors=priors)
    assert density(model["log10_coupling"], -4) == pytest.approx(1 / 2)
    assert density(model["csi::log10_alpha_brn"], -0.5) == pytest.approx(1)


@pytest.mark.parametrize("text", ["LogUniform(0, 1)", "LogUniform(1, 0.1)", "LogUniform(1, inf)"])
def test_log_uniform_needs_two_positive_numbers(text):
    with pytest.raises(InputError, match="needs 0 < low < high"):
        parse_distribution(text)


def test_what_is_no_number_is_named():
    with pytest.raises(InputError, match="'nan' is not a number"):
        parse_distribution("Normal(nan, 1)")
    assert density(parse_distribution("TruncatedNormal(0, 1, lower=0, upper=inf)"), 0.0) > 0.7


def test_two_priors_for_one_variable_are_refused(csi):
    priors = {"coupling": "LogUniform(1e-5, 1e-4)", "log10_coupling": "Uniform(-3, -2)"}
    with pytest.raises(InputError, match="are one variable"):
        cb.build_model("light-scalar", csi, priors=priors)


def test_priors_are_recorded_to_more_than_three_digits(csi):
    priors = {
        "sin2_theta_w": " Normal( 0.238612,sigma = 0.01)",
        "csi::alpha_brn": "Exponential(3.14159)",
        "csi::alpha_nin": pm.Exponential.dist(scale=0.123456),
        "csi::alpha_flux": pm.Mixture.dist([0.5, 0.5], [pm.Normal.dist(0, 1), pm.Normal.dist(3)]),
    }
    lines = prior_lines(cb.build_model("weak-mixing-angle", csi, priors=priors))
    assert lines[:4] == [
        "sin2_theta_w ~ Normal(0.238612, sigma=0.01)",
        "csi::alpha_flux ~ Mixture(<constant>, Normal(0, 1), Normal(3, 1))",
        "csi::alpha_brn ~ Exponential(3.14159)",
        "csi::alpha_nin ~ Exponential(0.123456)",
    ]
    assert "csi::alpha_time ~ Uniform(-0.25, 0.25)" in lines


@pytest.mark.parametrize("name", ["Flat", "HalfFlat"])
def test_what_cannot_be_sampled_is_not_offered(name):
    with pytest.raises(InputError, match=f"unknown prior distribution '{name}'") as refused:
        parse_distribution(f"{name}()")
    assert name not in str(refused.value).partition("allowed")[2].split(", ")


VIEWS = {  # limits, peak, standard deviation, flat
    "Uniform(0.1, 0.4)": ((0.1, 0.4), None, 0.3 / 12**0.5, True),
    "Normal(0.25, 0.1)": ((-np.inf, np.inf), 0.25, 0.1, False),
    "HalfNormal(0.5)": ((0, np.inf), 0, 0.5 * (1 - 2 / np.pi) ** 0.5, False),
    "TruncatedNormal(-1, 0.5, lower=0, upper=1)": ((0, 1), 0, 1 / 12**0.5, False),
    "Exponential(2)": ((0, np.inf), 0, 0.5, False),
    "StudentT(5, mu=1, sigma=2)": ((-np.inf, np.inf), 1, 2 * (5 / 3) ** 0.5, False),
}


@pytest.mark.parametrize("text", VIEWS)
def test_view_of_a_prior(text):
    limits, peak, deviation, flat = VIEWS[text]
    with pm.Model() as model:
        model.register_rv(parse_distribution(text), "x")
    prior = Prior.of(model, "x")
    assert prior.limits == pytest.approx(limits)
    assert prior.standard_deviation == pytest.approx(deviation, rel=0.05)
    assert prior.is_flat is flat
    low, high = prior.bulk
    assert limits[0] <= low < high <= limits[1]
    assert np.isfinite([low, high]).all()
    if peak is not None:
        assert prior.peak == pytest.approx(peak, abs=0.02)
    point = low + 0.3 * (high - low)
    pull = float(prior.pull(np.float64(point)).eval(mode="FAST_COMPILE"))
    highest = density(prior.rv, np.linspace(low, high, 20_001))
    known = -2 * np.log(density(prior.rv, point) / highest)
    assert pull == pytest.approx(known, abs=0.01)


def test_a_parameter_is_sampled_in_its_logarithm_where_that_is_there(csi):
    model = cb.build_model("light-scalar", csi)
    assert sampled_name(model, "mass") == "log10_mass"
    assert sampled_name(model, "csi::alpha_brn") == "csi::alpha_brn"
    assert sampled_name(["csi::log10_r", "csi::r"], "csi::r") == log10_name("csi::r")
    assert sampled_name([], "mass") == "mass"
