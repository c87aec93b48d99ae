from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from cevns_bayes.detectors.morphing import Morphed
from cevns_bayes.detectors.response import Response
from cevns_bayes.detectors.time_shapes import TimeShape
from cevns_bayes.errors import InputError
from cevns_bayes.experiments.components import (
    Background,
    FormulaBackground,
    Signal,
    TemplateBackground,
)
from cevns_bayes.experiments.experiment import Axis, Experiment
from cevns_bayes.experiments.likelihoods import Gaussian
from cevns_bayes.experiments.nuisance import Nuisance
from cevns_bayes.sources.pion_decay import pion_decay_at_rest

ENERGY = Axis("energy", np.array([0.0, 1.0, 3.0]), "Energy", "keV")
TIME = Axis("time", np.array([0.0, 0.5, 1.0, 2.0]), "Time", "µs")
F90 = Axis("f90", np.array([0.5, 0.7, 0.8, 0.9, 1.0]), "F90", "")
COUNTS = np.array([[3, 0, 1], [7, 2, 5]])
DEEP_COUNTS = np.ones((2, 4, 3))
FLUX = pion_decay_at_rest(pions=1e20, distance_m=20.0)
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
        "flux": FLUX,
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
        "time_shapes": dict.fromkeys(FLUX.sources, FRACTIONS),
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


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
def test_counts_that_cannot_be_are_named_with_their_bin(value):
    counts = COUNTS.astype(float)
    counts[1, 2] = value
    with pytest.raises(InputError) as error:
        experiment(counts=counts)
    message = f"toy counts must be finite and non-negative, got {value} at index (1, 2)"
    assert str(error.value) == message


@pytest.mark.parametrize("shape", [(3, 2), (2, 4), (6,), ()])
def test_counts_of_another_shape_are_refused(shape):
    with pytest.raises(InputError) as error:
        experiment(counts=np.zeros(shape))
    assert str(error.value) == f"toy counts must have shape (2, 3), got {shape}"


@pytest.mark.parametrize(
    "edges",
    [
        [0, 2, 1],
        [0, 1, 1, 2],
        [1.0],
        [],
        [0, np.nan, 1],
        [0, 1, np.inf],
        [[0, 1], [2, 3]],
        ["a", 1],
    ],
)
def test_edges_that_do_not_increase_are_refused(edges):
    with pytest.raises(
        InputError, match="energy edges must be two or more increasing numbers, finite"
    ):
        Axis("energy", edges, "Energy", "keV")


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
        ({"axes": (), "counts": 1}, r"toy needs one axis or more, energy first, got none"),
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
    with pytest.raises(InputError, match=f"toy likelihood variance {said}"):
        experiment(likelihood=Gaussian(variance))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"energy_shape": np.ones(1)}, r"energy_shape must have shape \(2,\), got \(1,\)"),
        ({"energy_shape": np.ones((2, 3))}, r"energy_shape must have shape \(2,\), got \(2, 3\)"),
        (
            {"energy_shape": np.array([1.0, np.inf])},
            r"energy_shape must be finite and non-negative, got inf",
        ),
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
        ({"time_shapes": {"nu_e": FRACTIONS}}, "needs a time shape of nu_mu, got nu_e"),
        (
            {"time_shapes": dict.fromkeys(FLUX.sources, TOO_FEW_FRACTIONS)},
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


def test_a_time_shape_of_no_source_is_named():
    with pytest.raises(InputError, match="unknown source of toy es 'nu_tau'; did you mean"):
        experiment(signals=(signal(time_shapes={"nu_tau": FRACTIONS}),))


def test_an_experiment_of_three_axes():
    deep = {"axes": (ENERGY, F90, TIME), "counts": DEEP_COUNTS}
    spread = signal(shape=Morphed(DEEP_COUNTS / 4))
    deep |= {"signals": (spread,), "backgrounds": (template(DEEP_COUNTS),)}
    assert experiment(**deep).shape == (2, 4, 3)
    with pytest.raises(InputError, match="it needs a shape to fill 3 axes"):
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


def at_distance(distance_m):
    return signal(response=response(flux=replace(FLUX, distance_m=distance_m)))


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
        experiment(likelihood=Gaussian(COUNTS + 1.0)).fingerprint(),
        experiment(likelihood=Gaussian(COUNTS + 2.0)).fingerprint(),
        experiment(signals=(at_distance(25.0),)).fingerprint(),
        experiment(signals=(at_distance(None),)).fingerprint(),
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


# --- one axis, formulas, forecasts ----------------------------------------------------------------


def peak(alpha_height, alpha_flat):
    """Events in the two energy bins."""
    return np.array([4.0, 1.0]) * (1 + alpha_height) + np.array([2.0, 6.0]) * (1 + alpha_flat)


FORMULA = FormulaBackground("peak", peak, nuisances=("alpha_height", "alpha_flat"))


def one_axis(**changes):
    """Without times."""
    settings = {
        "axes": (ENERGY,),
        "counts": [3, 1],
        "signals": (signal(time_shapes={}),),
        "backgrounds": (FORMULA, background(time_shape=None)),
        "nuisances": tuple(
            Nuisance(f"alpha_{name}", name, sigma=0.1) for name in ("flat", "height")
        ),
    }
    return experiment(**settings | changes)


def test_an_experiment_without_times():
    assert one_axis().shape == (2,)
    assert FORMULA.events == 13.0
    assert FORMULA.scaled(2.0).events == 26.0
    with pytest.raises(InputError, match="toy flat needs a time_shape if, and only if"):
        one_axis(backgrounds=(background(),))
    with pytest.raises(InputError, match=r"toy es fills energy and time; .* to fill 1 axes"):
        one_axis(signals=(signal(),))


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        (lambda alpha_flat: np.ones(3), r"must have shape \(2,\), got \(3,\)"),
        (lambda alpha_flat: np.array([1.0, -1.0]), "must be finite and non-negative, got -1.0"),
        (lambda alpha: np.ones(2), "fails at zero nuisances: .* unexpected keyword"),
    ],
)
def test_a_formula_that_does_not_fit_is_refused(formula, said):
    with pytest.raises(InputError, match=f"toy wrong formula {said}"):
        one_axis(backgrounds=(FormulaBackground("wrong", formula, ("alpha_flat",)),))


def test_fingerprint_sees_the_formula():
    other = FormulaBackground(
        "peak", lambda alpha_height, alpha_flat: peak(alpha_height, 0.0), FORMULA.nuisances
    )
    changed = one_axis(backgrounds=(other, background(time_shape=None)))
    assert changed.fingerprint() != one_axis().fingerprint()


def test_counts_of_an_asimov_data_set_need_not_be_integers():
    toy = experiment().asimov(COUNTS + 0.25)
    assert toy.counts.dtype == float
    np.testing.assert_array_equal(toy.counts, COUNTS + 0.25)
    assert toy.fingerprint() != experiment().fingerprint()


def test_more_exposure_is_a_forecast():
    gaussian = experiment(likelihood=Gaussian(COUNTS + 1.0)).scaled(4.0)
    assert gaussian.counts is None
    np.testing.assert_allclose(gaussian.likelihood.variance, 4.0 * (COUNTS + 1.0))
    np.testing.assert_allclose(gaussian.signals[0].response.matrix, 4.0)
    assert gaussian.backgrounds[0].events == 40.0
    deep = template(np.ones((2, 3))).scaled(4.0)
    np.testing.assert_allclose(deep.template.nominal, 4.0)
    with pytest.raises(InputError, match=r"exposure of toy must be finite and positive, got 0\.0"):
        experiment().scaled(0.0)


def test_full_name_tells_the_variant():
    assert experiment().full_name == "toy"
    assert experiment(variant="2d").full_name == "toy-2d"
    assert experiment(variant="2d").qualified("alpha_flat") == "toy::alpha_flat"


def test_bounds_hold_the_nominal_value():
    with pytest.raises(
        InputError, match=r"bounds must hold 0, the nominal value, got \(0.5, 1.0\)"
    ):
        Nuisance("alpha_flat", "norm", bounds=(0.5, 1.0))


def test_fingerprint_sees_which_nuisance_acts_where():
    nuisances = tuple(Nuisance(f"alpha_{name}", name, sigma=0.1) for name in ("flat", "other"))
    prints = {
        experiment(signals=(signal(norms=(name,)),), nuisances=nuisances).fingerprint()
        for name in ("alpha_flat", "alpha_other")
    }
    assert len(prints) == 2


def test_asimov_data_say_that_they_are():
    toy = experiment(reference="somewhere").asimov(COUNTS)
    assert toy.is_pseudo_data
    assert toy.reference == "Asimov data, somewhere"
    assert toy.asimov(COUNTS).reference == "Asimov data, somewhere"
