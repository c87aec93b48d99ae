"""Every scenario: brute force, limits, gradients, short posteriors."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytensor
import pytest
from cevns_bayes.models.nsi import shift

import cevns_bayes as cb
from cevns_bayes.compiling import AS_WRITTEN
from cevns_bayes.engine.problem import Problem
from cevns_bayes.physics.constants import FERMI_CONSTANT_PER_MEV2 as G_F
from cevns_bayes.physics.cross_sections import vector, weak_charge
from cevns_bayes.scenarios.priors import sampled_name
from cevns_bayes.scenarios.scenario import Scenario

EXPERIMENTS = ("csi", "lar")
FLAT = {"csi": "csi", "lar": "lar-2d"}  # energy x time
SIGNALS = ("cevns", "es")


def _brute_force():
    path = Path(__file__).parents[1] / "independent" / "scenarios_brute_force.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BRUTE = _brute_force()
SCENARIOS = sorted(BRUTE.POINTS)
FREE = [name for name in SCENARIOS if name != "sm"]

# Parameters at which a scenario is the Standard Model; masses are free.
AT_ZERO = {
    "weak-mixing-angle": {"sin2_theta_w": 0.23857},
    **{
        name: {
            parameter.name: 0.0 if parameter.standard_model == 0 else 20.0
            for parameter in cb.load_scenario(name).parameters_of_interest
        }
        for name in FREE
        if name not in ("weak-mixing-angle", "neutron-radius")
    },
}


class Signals:
    """Compiled signals of a scenario, summed over F90, nuisances at zero."""

    def __init__(self, scenario, experiment):
        problem = Problem.build(scenario, FLAT[experiment])
        components = problem.components[experiment]
        self.components = [name for name in SIGNALS if name in components]
        self.parameters = problem.scenario.parameter_names
        model = problem.model
        of_interest = {sampled_name(model, name) for name in self.parameters}
        nuisances = [rv for rv in model.free_RVs if rv.name not in of_interest]
        self._evaluate = pytensor.function(
            [model[name] for name in self.parameters],
            [components[name] for name in self.components],
            givens=[(rv, np.float64(0.0)) for rv in nuisances],
            mode=AS_WRITTEN,
            on_unused_input="ignore",
        )

    def __call__(self, point):
        counts = self._evaluate(*(point[name] for name in self.parameters))
        return dict(zip(self.components, counts, strict=True))


@pytest.fixture(scope="module")
def signals():
    made = {}

    def get(scenario, experiment):
        key = (scenario, experiment)
        if key not in made:
            made[key] = Signals(scenario, experiment)
        return made[key]

    return get


def test_the_brute_force_knows_every_scenario():
    assert cb.scenario_names() == SCENARIOS
    assert all(len(BRUTE.POINTS[name]) >= 3 for name in FREE)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_bin_is_that_of_the_brute_force(signals, scenario, experiment):
    for point in BRUTE.POINTS[scenario]:
        counts = signals(scenario, experiment)(point)
        expected = BRUTE.counts(scenario, point, experiment)
        assert counts.keys() == expected.keys()
        for component, array in expected.items():
            # beside 1e8 events no bin of a thousandth can be resolved, nor need it be
            seen = array > max(1e-3, 1e-8 * array.sum())
            np.testing.assert_allclose(
                counts[component][seen], array[seen], rtol=2e-3, err_msg=f"{component} at {point}"
            )


def test_electrons_of_the_standard_model(signals):
    # a ten-thousandth of an event, too few for the comparison above
    expected = BRUTE.counts("sm", {}, "csi")["es"]
    np.testing.assert_allclose(signals("sm", "csi")({})["es"], expected, rtol=2e-3)


# --- limits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("experiment", EXPERIMENTS)
@pytest.mark.parametrize("scenario", sorted(AT_ZERO))
def test_without_coupling_it_is_the_standard_model(signals, scenario, experiment):
    counts = signals(scenario, experiment)(AT_ZERO[scenario])
    for component, expected in signals("sm", experiment)({}).items():
        np.testing.assert_allclose(counts[component], expected, rtol=1e-10, atol=1e-300)


HEAVY = 1e6  # MeV

# Name of a scenario, a point of it, and the equal of both in another.
EQUAL = [
    (
        "light-vector-universal",
        {"mass": HEAVY, "coupling": HEAVY * np.sqrt(np.sqrt(2) * G_F * 0.05)},
        ("ngi-v", {"c_v": 0.05}),
    ),
    (
        "light-vector-universal",
        {"mass": HEAVY, "coupling": HEAVY * np.sqrt(np.sqrt(2) * G_F * 0.05)},
        ("nsi-ee-ud", {"eps_ee_u": 0.05, "eps_ee_d": 0.05}),
    ),
    (
        "light-scalar",
        {"mass": HEAVY, "coupling": HEAVY * np.sqrt(G_F * 0.02 / np.sqrt(2))},
        ("ngi-s", {"c_s": 0.02}),
    ),
    (
        "light-tensor",
        {"mass": HEAVY, "coupling": HEAVY * np.sqrt(G_F * 0.6)},
        ("ngi-t", {"c_t": 0.6}),
    ),
]


@pytest.mark.parametrize("experiment", EXPERIMENTS)
@pytest.mark.parametrize(("scenario", "point", "equal"), EQUAL)
def test_heavy_mediators_are_contact_interactions(scenario, point, equal, experiment):
    counts = cb.predict(scenario, point, experiment).cevns
    if equal[0].startswith("nsi"):  # universal: what the nu_e do and the nu_mu do, less the SM
        name, eps = equal
        muons = {key.replace("ee", "mumu"): value for key, value in eps.items()}
        expected = (
            cb.predict(name, eps, experiment).cevns
            + cb.predict("nsi-mumu-ud", muons, experiment).cevns
            - cb.predict("sm", {}, experiment).cevns
        )
    else:
        expected = cb.predict(*equal, experiment).cevns
    np.testing.assert_allclose(counts, expected, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize(
    ("scenario", "sign", "n_u", "n_d"),
    [
        ("leptoquark-s1", 1, 0, 1),
        ("leptoquark-r2", 1, 1, 0),
        ("leptoquark-r2-tilde", 1, 0, 1),
        ("leptoquark-s3", -1, 2, 1),
    ],
)
def test_heavy_leptoquarks_are_nsi(scenario, sign, n_u, n_d):
    mass_gev, coupling = 1000.0, 2.0
    eps = sign * coupling**2 / (4 * np.sqrt(2) * G_F * (1e3 * mass_gev) ** 2)

    def cross_section(target, flavour):
        c = shift(target, n_u * eps, n_d * eps)  # from a flavour to itself and to the other one
        return vector(target, (weak_charge(target) + c) ** 2 + c**2)

    nsi = cb.predict(Scenario("NSI of all", (), "nowhere", lambda: cross_section), {}, "csi")
    counts = cb.predict(scenario, {"mass": mass_gev, "coupling": coupling}, "csi")
    np.testing.assert_allclose(counts.cevns, nsi.cevns, rtol=1e-6)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_a_massless_sterile_neutrino_is_a_magnetic_moment(experiment):
    dipole = cb.predict("sterile-dipole", {"m4": 1e-4, "mu_nu_mu": 3.0}, experiment)
    moment = cb.predict("magnetic-moment", {"mu_nu_e": 0.0, "mu_nu_mu": 3.0}, experiment)
    np.testing.assert_allclose(dipole.total, moment.total, rtol=1e-8)


def test_far_above_its_mass_a_light_vector_scales_as_the_photon(signals):
    # only g^2/q^2 remains: the mass drops out
    evaluate = signals("light-vector-universal", "csi")
    light, lighter = (evaluate({"mass": m, "coupling": 2e-5})["cevns"] for m in (0.1, 0.01))
    np.testing.assert_allclose(light, lighter, rtol=1e-4, atol=1e-12)


def test_fast_oscillations_average_to_one_half(signals):
    late = slice(4, None)  # after 2 us only neutrinos of muons arrive, whose energies spread
    counts = [
        signals("sterile-oscillation", "lar")({"sin2_2theta24": 1.0, "dm2_42": dm2})["cevns"]
        for dm2 in np.linspace(80.0, 100.0, 41)
    ]
    of_flavour = {
        flavour: BRUTE.spectrum("lar", "cevns", "sm", {}, flavour).sum()
        * BRUTE.time_fractions("lar", flavour)[late].sum()
        for flavour in ("nu_e", "nu_mu_bar")
    }
    expected = of_flavour["nu_e"] + of_flavour["nu_mu_bar"] / 2
    assert np.mean([c[:, late].sum() for c in counts]) == pytest.approx(expected, rel=0.005)


# --- gradients ------------------------------------------------------------------------------------

ONE_OF_A_KIND = (
    "neutron-radius",
    "nsi-d-ee-emu",
    "light-vector-b-l",
    "millicharge",
    "sterile-oscillation",
    "leptoquark-s3",
)

# To build a model takes seconds, and the physics of both experiments is the same code.
MODELS = [
    pytest.param(scenario, experiment, marks=[] if quick else pytest.mark.slow)
    for experiment in EXPERIMENTS
    for scenario in FREE
    for quick in [experiment == "csi" and scenario in ONE_OF_A_KIND]
]


@pytest.fixture(scope="module")
def densities():
    """By scenario and experiment: log-density with its gradient, and a source of points.

    Parameters of interest are drawn from the priors, nuisances at ``pull`` of their sigmas.
    """
    made = {}

    def compiled(scenario, experiment):
        model = cb.build_model(scenario, FLAT[experiment])
        logp = model.logp()
        outputs = [logp, *pytensor.grad(logp, model.value_vars)]
        evaluate = pytensor.function(model.value_vars, outputs, mode=AS_WRITTEN)
        sigmas = {n.name: n.sigma or 1.0 for n in cb.load_experiment(experiment).nuisances}
        scales = [sigmas.get(rv.name.rpartition("::")[2]) for rv in model.free_RVs]

        def points(seed, count, pull):
            rng = np.random.default_rng(seed)
            for _ in range(count):  # logistic on the transformed scale: uniform in the bounds
                yield np.array(
                    [rng.logistic() if s is None else pull * s * rng.normal() for s in scales]
                )

        return lambda point: np.array(evaluate(*point)), points

    def get(*key):
        if key not in made:
            made[key] = compiled(*key)
        return made[key]

    return get


@pytest.mark.parametrize(("scenario", "experiment"), MODELS)
def test_gradients_are_those_of_finite_differences(densities, scenario, experiment):
    evaluate, points = densities(scenario, experiment)
    # near nominal nuisances: far from there rates turn negative, where the likelihood has a floor
    for point in points(seed=1, count=3, pull=0.2):
        density, *exact = evaluate(point)
        for i, step in enumerate(1e-5 * np.eye(len(point))):
            difference = (evaluate(point + step)[0] - evaluate(point - step)[0]) / 2e-5
            assert exact[i] == pytest.approx(difference, rel=1e-4, abs=1e-9 * abs(density) + 1e-4)


@pytest.mark.parametrize(("scenario", "experiment"), MODELS)
def test_gradients_are_finite_everywhere_in_the_priors(densities, scenario, experiment):
    evaluate, points = densities(scenario, experiment)
    for point in points(seed=2, count=40, pull=1.5):
        assert np.isfinite(evaluate(point)).all(), point


# --- posteriors -----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ONE_OF_A_KIND)
def test_short_chains_run_on_both_data_sets(scenario):
    posterior = cb.sample(
        scenario,
        list(FLAT.values()),
        sampler="nuts",
        draws=300,
        tune=100,
        chains=2,
        progressbar=False,
    )
    draws = posterior["posterior"].to_dataset()
    for name in json.loads(posterior.attrs["parameters_of_interest"]):
        assert np.isfinite(draws[name]).all()
        assert float(draws[name].std()) > 0
