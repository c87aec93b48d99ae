from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from cevns_bayes.errors import InputError
from cevns_bayes.experiment import Axis, Background, Experiment, Nuisance
from cevns_bayes.timing import TimeShape

ENERGY = Axis("energy", np.array([0.0, 1.0, 3.0]), "Energy", "keV")
TIME = Axis("time", np.array([0.0, 0.5, 1.0, 2.0]), "Time", "µs")
COUNTS = np.array([[3, 0, 1], [7, 2, 5]])


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
        "signals": (),
        "backgrounds": (background(),),
        "nuisances": (Nuisance("alpha_flat", "norm", sigma=0.1),),
    }
    return Experiment(**(settings | changes))


def test_a_sound_experiment():
    toy = experiment()
    assert toy.shape == (2, 3)
    assert toy.counts.dtype == np.int64
    assert toy.component_names == ["flat"]
    assert toy.qualified("alpha_flat") == "toy::alpha_flat"
    assert toy.axis("time") is TIME
    np.testing.assert_allclose(TIME.centres, [0.25, 0.75, 1.5])


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0, 2.5])
def test_counts_that_cannot_be_are_named_with_their_bin(value):
    counts = COUNTS.astype(float)
    counts[1, 2] = value
    with pytest.raises(InputError) as error:
        experiment(counts=counts)
    message = f"toy counts must be non-negative integers, got {value} in bin (1, 2)"
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
        csi.fingerprint(),
    }
    assert len(prints) == 6


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
