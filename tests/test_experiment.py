from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from cevns_bayes.errors import InputError
from cevns_bayes.experiment import (
    Axis,
    Background,
    Experiment,
    Nuisance,
    Signal,
    TemplateBackground,
)
from cevns_bayes.flux import Flavour
from cevns_bayes.morphing import Morphed
from cevns_bayes.response import Response
from cevns_bayes.timing import TimeShape

ENERGY = Axis("energy", np.array([0.0, 1.0, 3.0]), "Energy", "keV")
TIME = Axis("time", np.array([0.0, 0.5, 1.0, 2.0]), "Time", "µs")
F90 = Axis("f90", np.array([0.5, 0.7, 0.8, 0.9, 1.0]), "F90", "")
COUNTS = np.array([[3, 0, 1], [7, 2, 5]])
DEEP_COUNTS = np.ones((2, 4, 3))
FRACTIONS = TimeShape.constant(np.array([0.5, 0.3, 0.2]))
TOO_FEW_FRACTIONS = TimeShape.constant(np.array([0.5, 0.5]))


def with_value(array, value):
    """The array with its last entry replaced."""
    changed = np.array(array, dtype=float)
    changed.flat[-1] = value
    return changed


def response(**changes):
    """Of an electron detector with five recoil nodes."""
    settings = {
        "nuclei": (),
        "recoil_energy_mev": np.linspace(0.01, 0.05, 5),
        "panels_mev": np.array([[0.0, 0.06]]),
        "matrix": np.ones((2, 5)),
    }
    return Response(**(settings | changes))


def signal(**changes):
    settings = {
        "name": "es",
        "response": response(),
        "time_shapes": dict.fromkeys(Flavour, FRACTIONS),
        "baseline_m": 20.0,
    }
    return Signal(**(settings | changes))


def template(nominal=COUNTS, **variations):
    return TemplateBackground("template", Morphed(nominal, variations))


def background(**changes):
    settings = {
        "name": "flat",
        "events": 10.0,
        "energy_shape": np.array([0.25, 0.75]),
        "time_shape": TimeShape.constant(np.array([0.5, 0.3, 0.2])),
        "norms": ("alpha_flat",),
    }
    return Background(**(settings | changes))


def experiment(**changes):
    settings = {
        "name": "toy",
        "axes": (ENERGY, TIME),
        "counts": COUNTS,
        "signals": (signal(),),
        "backgrounds": (background(),),
        "nuisances": (Nuisance("alpha_flat", "norm", sigma=0.1),),
    }
    return Experiment(**(settings | changes))


def test_a_sound_experiment():
    toy = experiment()
    assert toy.shape == (2, 3)
    assert toy.counts.dtype == np.int64
    assert toy.component_names == ["es", "flat"]
    assert toy.qualified("alpha_flat") == "toy::alpha_flat"
    assert toy.axis("time") is TIME
    np.testing.assert_allclose(TIME.centres, [0.25, 0.75, 1.5])


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0, 2.5])
def test_counts_that_cannot_be_are_named_with_their_bin(value):
    counts = COUNTS.astype(float)
    counts[1, 2] = value
    with pytest.raises(InputError) as error:
        experiment(counts=counts)
    message = f"toy counts must be non-negative integers, got {value} at index (1, 2)"
    assert str(error.value) == message


@pytest.mark.parametrize("shape", [(3, 2), (2, 4), (6,), ()])
def test_counts_of_another_shape_are_refused(shape):
    with pytest.raises(InputError) as error:
        experiment(counts=np.zeros(shape))
    assert str(error.value) == f"toy counts must have shape (2, 3), got {shape}"


@pytest.mark.parametrize(
    "edges", [[0, 2, 1], [0, 1, 1, 2], [1.0], [], [0, np.nan, 1], [[0, 1], [2, 3]]]
)
def test_edges_that_do_not_increase_are_refused(edges):
    with pytest.raises(InputError, match=r"energy edges must be .*increasing numbers"):
        Axis("energy", np.array(edges), "Energy", "keV")


def test_a_nuisance_needs_sigma_or_bounds():
    with pytest.raises(InputError, match=r"nuisance 'alpha_flat' needs .*sigma or bounds"):
        Nuisance("alpha_flat", "norm")


@pytest.mark.parametrize("sigma", [0.0, -0.1, np.nan, np.inf])
def test_a_sigma_that_cannot_be_is_refused(sigma):
    message = f"nuisance 'alpha_flat' sigma must be finite and positive, got {sigma}"
    with pytest.raises(InputError) as error:
        Nuisance("alpha_flat", "norm", sigma=sigma)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("bounds", "said"),
    [
        ((1.0, -1.0), r"must increase, got \(1.0, -1.0\)"),
        ((0.5, 0.5), r"must increase, got \(0.5, 0.5\)"),
        ((0.0, np.nan), r"must be finite, got nan"),
        ((-1.0, np.inf), r"must be finite, got inf"),
        ((-1.0, 0.0, 1.0), r"must have shape \(2,\), got \(3,\)"),
    ],
)
def test_bounds_that_cannot_be_are_refused(bounds, said):
    with pytest.raises(InputError, match=f"nuisance 'alpha_time' bounds {said}"):
        Nuisance("alpha_time", "onset", bounds=bounds)


def test_a_gaussian_may_be_cut_on_one_side():
    assert Nuisance("alpha_norm", "norm", sigma=1.0, bounds=(-1.0, np.inf)).bounds == (-1, np.inf)


@pytest.mark.parametrize("name", ["", "LAr", "my lar", "csi::lar", "2020", "-x", "lar\n"])
def test_a_name_that_cannot_prefix_is_refused(name):
    with pytest.raises(InputError, match=r"name of an experiment must be lower-case letters, .*"):
        experiment(name=name)
    assert experiment(name="lar-2020_b").name == "lar-2020_b"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"axes": (ENERGY,), "counts": [1, 2]}, r"toy needs two axes or more, .* got \['energy'\]"),
        ({"signals": ()}, "toy needs one signal or more, got none"),
        (
            {"axes": (ENERGY, replace(TIME, name="energy"))},
            r"axes of toy must have different names, got \['energy', 'energy'\]",
        ),
        (
            {"backgrounds": (background(name="es"),)},
            r"components of toy must have different names, got \['es', 'es'\]",
        ),
        (
            {"nuisances": (Nuisance("alpha_flat", "norm", sigma=0.1),) * 2},
            r"nuisances of toy must have different names, got \['alpha_flat', 'alpha_flat'\]",
        ),
    ],
)
def test_a_structure_that_cannot_be_is_refused(changes, said):
    with pytest.raises(InputError, match=said):
        experiment(**changes)


@pytest.mark.parametrize(
    ("variance", "said"),
    [
        (np.ones((2, 1)), r"must have shape \(2, 3\), got \(2, 1\)"),
        (np.float64(4.0), r"must have shape \(2, 3\), got \(\)"),
        (
            with_value(np.ones((2, 3)), 0.0),
            r"must be finite and positive, got 0.0 at index \(1, 2\)",
        ),
        (with_value(np.ones((2, 3)), np.nan), "must be finite and positive, got nan"),
        ([[1, 2, 3], [4, 5]], r"must be numbers of shape \(2, 3\): .*inhomogeneous"),
    ],
)
def test_a_variance_that_cannot_be_is_refused(variance, said):
    with pytest.raises(InputError, match=f"toy gaussian_variance {said}"):
        experiment(gaussian_variance=variance)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"energy_shape": np.ones(1)}, r"energy_shape must have shape \(2,\), got \(1,\)"),
        ({"energy_shape": np.ones((2, 3))}, r"energy_shape must have shape \(2,\), got \(2, 3\)"),
        ({"energy_shape": np.array([1.0, np.inf])}, r"energy_shape must be finite, got inf"),
        (
            {"time_shape": TOO_FEW_FRACTIONS},
            r"time_shape coefficients must have shape \(1, 3\), got \(1, 2\)",
        ),
        (
            {"time_shape": TimeShape.constant(np.array([0.5, 0.5, np.nan]))},
            r"time_shape coefficients must be finite, got nan at index \(0, 2\)",
        ),
        ({"events": np.nan}, "events must be finite and non-negative, got nan"),
    ],
)
def test_a_background_that_does_not_fit_is_refused(changes, said):
    with pytest.raises(InputError, match=f"toy flat {said}"):
        experiment(backgrounds=(background(**changes),))


@pytest.mark.parametrize(
    ("unfit", "said"),
    [
        (template(np.ones((2, 1))), r"must have shape \(2, 3\), got \(2, 1\)"),
        (template(with_value(COUNTS, -1.0)), "must be finite and non-negative, got -1.0"),
        (template(with_value(COUNTS, np.nan)), "must be finite and non-negative, got nan"),
        (
            template(alpha_flat=(np.ones((2, 1)), np.ones((2, 1)))),
            r"at -1 and \+1 sigma of alpha_flat must have shape \(2, 2, 3\), got \(2, 2, 1\)",
        ),
        (
            template(alpha_flat=(COUNTS, with_value(COUNTS, np.inf))),
            r"at -1 and \+1 sigma of alpha_flat must be finite, got inf at index \(1, 1, 2\)",
        ),
    ],
)
def test_a_template_that_does_not_fit_is_refused(unfit, said):
    with pytest.raises(InputError, match=f"toy template template {said}"):
        experiment(backgrounds=(unfit,))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"response": response(matrix=np.ones((1, 5)))},
            r"response matrix must have shape \(2, 5\), got \(1, 5\)",
        ),
        (
            {"response": response(matrix=np.ones((2, 1)))},
            r"response matrix must have shape \(2, 5\), got \(2, 1\)",
        ),
        (
            {"response": response(matrix=with_value(np.ones((2, 5)), np.nan))},
            "response matrix must be finite, got nan",
        ),
        (
            {"response": response(variations={"alpha_flat": (np.ones((2, 5)), np.ones((2, 1)))})},
            "response matrix at -1 and .1 sigma of alpha_flat must be numbers of shape",
        ),
        ({"time_shapes": {Flavour.NU_E: FRACTIONS}}, "needs a time shape of nu_mu, got nu_e"),
        (
            {"time_shapes": dict.fromkeys(Flavour, TOO_FEW_FRACTIONS)},
            r"nu_e time_shape coefficients must have shape \(1, 3\), got \(1, 2\)",
        ),
        (
            {"shape": Morphed(np.ones((2, 1)))},
            r"shape must have shape \(2, 3\), got \(2, 1\)",
        ),
    ],
)
def test_a_signal_that_does_not_fit_is_refused(changes, said):
    with pytest.raises(InputError, match=f"toy es {said}"):
        experiment(signals=(signal(**changes),))


def test_an_experiment_of_three_axes():
    deep = {"axes": (ENERGY, F90, TIME), "counts": DEEP_COUNTS}
    spread = signal(shape=Morphed(DEEP_COUNTS / 4))
    deep |= {"signals": (spread,), "backgrounds": (template(DEEP_COUNTS),)}
    assert experiment(**deep).shape == (2, 4, 3)
    with pytest.raises(InputError, match="toy es needs a shape to fill 3 axes, got none"):
        experiment(**deep | {"signals": (signal(),)})
    with pytest.raises(InputError, match="toy flat must be a TemplateBackground to fill 3 axes"):
        experiment(**deep | {"backgrounds": (background(),)})


def test_a_component_with_an_undeclared_nuisance_is_named():
    message = r"unknown nuisance of toy flat 'alpha_flt'; did you mean 'alpha_flat'\?"
    with pytest.raises(InputError, match=message):
        experiment(backgrounds=(background(norms=("alpha_flt",)),))


def test_an_undeclared_onset_is_named():
    with pytest.raises(InputError, match="unknown nuisance of toy flat 'alpha_time'"):
        experiment(backgrounds=(background(onset="alpha_time"),))


def test_unknown_axis_suggests_the_nearest():
    with pytest.raises(InputError, match=r"unknown axis of toy 'enrgy'; did you mean 'energy'\?"):
        experiment().axis("enrgy")


def test_an_experiment_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        experiment().counts = COUNTS


def test_fingerprint_tells_data_apart(csi):
    other = COUNTS.copy()
    other[0, 1] += 1
    energies = background(energy_shape=np.array([0.3, 0.7]))
    edges = Axis("energy", np.array([0.0, 1.0, 4.0]), "Energy", "keV")
    prints = {
        experiment().fingerprint(),
        experiment(counts=other).fingerprint(),
        experiment(backgrounds=(energies,)).fingerprint(),
        experiment(backgrounds=(background(events=11.0),)).fingerprint(),
        experiment(axes=(edges, TIME)).fingerprint(),
        experiment(gaussian_variance=COUNTS + 1.0).fingerprint(),
        experiment(gaussian_variance=COUNTS + 2.0).fingerprint(),
        experiment(signals=(signal(baseline_m=25.0),)).fingerprint(),
        experiment(signals=(signal(baseline_m=None),)).fingerprint(),
        csi.fingerprint(),
    }
    assert len(prints) == 10


def test_fingerprint_does_not_see_rounding_noise():
    prints = {
        experiment(
            backgrounds=(background(time_shape=TimeShape.constant(np.array([0.5, 0.5, noise]))),)
        ).fingerprint()
        for noise in (1e-18, 3e-18)
    }
    assert len(prints) == 1


def test_fingerprint_is_that_of_the_content():
    assert experiment().fingerprint() == experiment(counts=COUNTS.astype(float)).fingerprint()
    assert replace(experiment(), reference="elsewhere").fingerprint() == experiment().fingerprint()
