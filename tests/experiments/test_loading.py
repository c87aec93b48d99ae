"""Experiment files of the user's own: the examples, what else may be in one, what is refused."""

from pathlib import Path

import numpy as np
import pytest

import cevns_bayes as cb
from cevns_bayes.errors import InputError

EXAMPLES = Path(__file__).parents[2] / "examples"

HEADER = """
import numpy as np
from cevns_bayes.authoring import *

ENERGY = Axis("energy", [1.0, 2.0, 4.0], "Energy", "keVee")
FLUX = pion_decay_at_rest(pions=1e20, distance_m=20.0)
DETECTOR = Detector(ENERGY.edges, LindhardQuenching(0.157, 32), GaussianResolution(noise=0.1))
"""
EXPERIMENT = """
RESPONSE = nuclear_response({nucleus("Ge74"): 1e25}, DETECTOR, FLUX)
EXPERIMENT = Experiment("mine", (ENERGY,), (Signal("cevns", RESPONSE),), counts=COUNTS)
"""


@pytest.fixture
def file(tmp_path):
    """Function that writes an experiment file and returns its path."""

    def write(text):
        path = tmp_path / "my_detector.py"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("name", ["ge_reactor", "sns_detector"])
def test_examples_are_short_and_forecast(name):
    path = EXAMPLES / f"{name}.py"
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 50
    assert cb.load_experiment(path).counts is None
    assert cb.fit("sm", path).chi2 < 1e-9
    assert float(cb.predict("sm", {}, str(path)).cevns.sum()) > 10


def test_reactor_example_is_an_independent_integral(reactor_brute_force):
    counts = cb.predict("sm", {}, EXAMPLES / "ge_reactor.py")
    expected = reactor_brute_force.counts(
        np.linspace(0.16, 0.80, 33),
        sigma_kevee=0.020,
        power_gw=3.9,
        distance_m=20.0,
        mass_kg=4.0,
        days=365.0,
        k=0.162,
    )
    np.testing.assert_allclose(counts.cevns, expected, rtol=1e-4)


@pytest.mark.parametrize(
    "scenario", ["nsi-ee-ud", "magnetic-moment", "light-scalar", "sterile-oscillation"]
)
def test_scenarios_run_on_a_detector_of_ones_own(scenario):
    values = {p.name: 0.3 for p in cb.load_scenario(scenario).parameters_of_interest}
    counts = cb.predict(scenario, values, EXAMPLES / "sns_detector.py")
    assert np.all(counts.cevns > 0)


def test_variants_are_chosen_by_name(file):
    several = """
EXPERIMENTS = {"one": EXPERIMENT, "two": lambda: EXPERIMENT.scaled(2.0)}
"""
    path = file(HEADER + "COUNTS = [3, 4]\n" + EXPERIMENT + several)
    np.testing.assert_array_equal(cb.load_experiment(f"{path}:one").counts, [3, 4])
    assert cb.load_experiment(f"{path}:two").counts is None
    with pytest.raises(InputError, match=r"unknown experiment of .*my_detector\.py"):
        cb.load_experiment(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\n", "is not an experiment file: it must define EXPERIMENT = "),
        ("def load():\n    return 1\n", "must give an Experiment, got int"),
        ("def load(:\n", "failed to load: SyntaxError"),
        ("raise SystemExit(3)\n", "failed to load: SystemExit: 3"),
        ("def load():\n    return 1 / 0\n", "failed to load: ZeroDivisionError"),
        (HEADER + "COUNTS = [1, 2, 3]\n" + EXPERIMENT, r"mine counts must have shape \(2,\)"),
        (HEADER + "COUNTS = [1, -2]\n" + EXPERIMENT, "mine counts must be finite and non-negative"),
        (HEADER + "COUNTS = [1, np.nan]\n" + EXPERIMENT, "mine counts must be .* got nan"),
        (
            HEADER + "COUNTS = None\n" + EXPERIMENT.replace("Ge74", "Ge75"),
            "unknown nucleus 'Ge75'; did you mean",
        ),
        (
            HEADER + "Flux({}, fluence_per_cm2=1.0)\n",
            "a flux needs one source or more, got none",
        ),
        (HEADER + 'Flavour("nu_x")\n', "unknown flavour 'nu_x'; did you mean 'nu_e'"),
        (
            HEADER + "tabulated([1.0, 2.0], [1.0, -1.0])\n",
            "densities of a spectrum must be .*negative",
        ),
    ],
)
def test_bad_files_are_one_line_with_the_path(file, text, said):
    path = file(text)
    with pytest.raises(InputError, match=said) as error:
        cb.load_experiment(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"experiment file .*nowhere\.py does not exist"):
        cb.load_experiment(tmp_path / "nowhere.py")


def test_an_experiment_that_comes_in_bins_cannot_be_binned_anew(file):
    path = file(HEADER + "COUNTS = [3, 4]\n" + EXPERIMENT)
    for name in (path, "lar"):
        with pytest.raises(InputError, match="comes in bins and cannot be binned anew"):
            cb.load_experiment(name, binning={"energy": [0, 1]})
