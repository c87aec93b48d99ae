"""What cannot be is refused where it is given, in one line that names the field."""

import math
from dataclasses import replace

import numpy as np
import pytest

import cevns_bayes as cb
from cevns_bayes.detectors.effects import DecayingTimeEfficiency

ENERGY = cb.Axis("energy", [1.0, 2.0, 4.0], "Energy", "keVee")
TIME = cb.Axis("time", [0.0, 1.0, 6.0], "Time", "µs")
PULSE = cb.Pulse(onset_us=0.5, width_us=0.15)
FLUX = cb.pion_decay_at_rest(pions=1e20, distance_m=20.0, pulse=PULSE)
PION = {"pions": 1e20, "distance_m": 20.0}
LINDHARD, RESOLUTION = cb.LindhardQuenching(0.157, 32), cb.GaussianResolution(noise=0.1)
DETECTOR = cb.Detector(ENERGY.edges, LINDHARD, RESOLUTION)
GE = {cb.nucleus("Ge74"): 1e25}
ONE = np.ones(2)


class Effect:
    """A quenching or a resolution of one's own, by a function."""

    def __init__(self, function):
        self.visible_energy_kev = self.density = function


def nuclear(**changes):
    return cb.nuclear_response(GE, replace(DETECTOR, **changes), FLUX)


def electrons(**changes):
    size = {"atoms": ("Cs",), "end_kev": 6.0, "molecule_number": 1e25}
    return cb.electron_response(detector=DETECTOR, flux=FLUX, **size | changes)


RESPONSE = nuclear()
MOVING = {name: cb.arrival_shape(s, TIME.edges, range_us=0.25) for name, s in FLUX.sources.items()}
STILL = {name: cb.arrival_shape(s, TIME.edges) for name, s in FLUX.sources.items()}


def experiment(*backgrounds, nuisances=(), **changes):
    """Of one axis unless told."""
    settings = {"name": "mine", "axes": (ENERGY,), "signals": (cb.Signal("cevns", RESPONSE),)}
    given = {"backgrounds": backgrounds, "nuisances": nuisances}
    return cb.Experiment(**settings | given | changes)


def named(name, **changes):
    return experiment(nuisances=(cb.Nuisance(name, "", sigma=1.0),), **changes)


def with_onset(shapes, **nuisance):
    return experiment(
        axes=(ENERGY, TIME),
        signals=(cb.Signal("cevns", RESPONSE, shapes, onset="alpha_time"),),
        nuisances=(cb.Nuisance("alpha_time", "", **nuisance),),
    )


def with_axis(name):
    still = {"time_shapes": STILL}
    return experiment(
        axes=(ENERGY, replace(TIME, name=name)), signals=(cb.Signal("cevns", RESPONSE, **still),)
    )


def with_formula(formula):
    background = cb.FormulaBackground("line", formula, ("alpha",))
    return experiment(background, nuisances=(cb.Nuisance("alpha", "", sigma=1.0),))


def varied(sigma):
    template = cb.TemplateBackground("flat", cb.Morphed(ONE, {"alpha": (0.9 * ONE, 1.1 * ONE)}))
    return experiment(template, nuisances=(cb.Nuisance("alpha", "", sigma=sigma),))


def varied_response(sigma):
    detectors = [replace(DETECTOR, quenching=cb.LindhardQuenching(k, 32)) for k in (0.15, 0.16)]
    signal = cb.Signal("cevns", nuclear(variations={"alpha": tuple(detectors)}))
    return experiment(signals=(signal,), nuisances=(cb.Nuisance("alpha", "", sigma=sigma),))


NUMBERS = {
    "k of LindhardQuenching": [lambda x: cb.LindhardQuenching(x, 32)],
    "protons of LindhardQuenching": [lambda x: cb.LindhardQuenching(0.157, x)],
    "constant of LinearQuenchingFactor": [lambda x: cb.LinearQuenchingFactor(x, 0.0)],
    "mean_scale of GammaResolution": [lambda x: cb.GammaResolution(x, 1.0)],
    "shape_scale of GammaResolution": [lambda x: cb.GammaResolution(1.0, x)],
    "width_us of Pulse": [lambda x: cb.Pulse(0.5, x)],
    "end_mev of Line": [cb.Line],
    "fluence_per_cm2 of Flux": [lambda x: replace(FLUX, fluence_per_cm2=x)],
    "parents of Flux": [lambda x: cb.pion_decay_at_rest(**PION | {"pions": x})],
    "distance_m of Flux": [
        lambda x: cb.pion_decay_at_rest(**PION | {"distance_m": x}),
        lambda x: replace(FLUX, distance_m=x),
    ],
    "days of a reactor": [lambda x: cb.reactor(days=x, power_gw=1.0, distance_m=20.0)],
    "end_kev of an electron response": [lambda x: electrons(end_kev=x)],
    "molecule_number of an electron response": [lambda x: electrons(molecule_number=x)],
    "range_us of a TimeShape": [
        lambda x: cb.arrival_shape(FLUX.sources["nu_mu"], TIME.edges, range_us=x)
    ],
    "mass_kg of Ge": [lambda x: cb.natural_element("Ge", x)],
}


@pytest.mark.parametrize("value", [0, -1.0, np.nan, np.inf, "x"])
@pytest.mark.parametrize(
    ("field", "make"), [(field, make) for field, makes in NUMBERS.items() for make in makes]
)
def test_numbers_that_are_not_positive_are_refused(field, make, value):
    with pytest.raises(cb.InputError) as refused:
        make(value)
    said = "must be numbers" if value == "x" else f"must be finite and positive, got {float(value)}"
    assert str(refused.value).startswith(f"{field} {said}")


TABLES = {
    "recoil_energy_kev of TabulatedQuenching": lambda x: cb.TabulatedQuenching(x, ONE),
    "energy of TabulatedEfficiency": lambda x: cb.TabulatedEfficiency(x, ONE),
    "edges_mev of Polynomials": lambda x: cb.Polynomials(x, np.ones((1, 1))),
    "energies of a spectrum": lambda x: cb.tabulated(x, ONE),
    "energy_edges of Detector": lambda x: replace(DETECTOR, energy_edges=x),
    "edges_us of an arrival shape": lambda x: cb.arrival_shape(FLUX.sources["nu_mu"], x),
    "window_us of an arrival shape": lambda x: cb.arrival_shape(
        FLUX.sources["nu_mu"], TIME.edges, window_us=x
    ),
    "time edges": lambda x: replace(TIME, edges=x),
}


@pytest.mark.parametrize("value", [[2.0, 1.0], [1.0, 1.0], [1.0, np.inf], [np.nan, 1.0], [1.0]])
@pytest.mark.parametrize(("field", "make"), TABLES.items())
def test_edges_and_tables_that_do_not_increase_are_refused(field, make, value):
    with pytest.raises(cb.InputError) as refused:
        make(value)
    assert str(refused.value).startswith(f"{field} must be two or more increasing numbers, finite")


CASES = [
    # tables
    (
        lambda: cb.TabulatedQuenching([1, 2, 3], ONE),
        r"quenching_factor .* shape \(3,\), got \(2,\)",
    ),
    (lambda: cb.TabulatedQuenching([1, 2], -ONE), "quenching_factor .* non-negative, got -1.0"),
    (
        lambda: cb.TabulatedQuenching([1.0, 2.0, 3.0, 4.0], [0.2, 0.2, 0.05, 0.1]),
        r"recoil energy times quenching_factor .* must not decrease, but does above 2 keV",
    ),
    (lambda: cb.TabulatedEfficiency([1, 2, 3], ONE), r"efficiency .* shape \(3,\), got \(2,\)"),
    (
        lambda: cb.TabulatedEfficiency([1, 2], [0.5, 1.1]),
        r"must be between 0 and 1, got 1.1 at index .1",
    ),
    (lambda: cb.TabulatedEfficiency([1, 2], [-0.1, 1]), "must be between 0 and 1, got -0.1"),
    (lambda: cb.TabulatedEfficiency([1, 2], [np.nan, 1]), "must be between 0 and 1, got nan"),
    (lambda: cb.tabulated([1, 2, 3], ONE), r"densities .* shape \(3,\), got \(2,\)"),
    (
        lambda: cb.Polynomials([0.0, 1.0, 2.0], np.ones((1, 2))),
        r"coefficients of Polynomials must have shape \(2, 1\), got \(1, 2\)",
    ),
    (lambda: cb.Polynomials([0.0, 1.0], ONE), r"must have shape \(1, 2\), got \(2,\)"),
    (lambda: cb.Polynomials([0.0, 1.0], [[np.nan]]), "must be finite, got nan"),
    (lambda: cb.Polynomials([-1.0, 1.0], [[1.0]]), "finite and non-negative, got -1.0"),
    # effects of a detector
    (lambda: cb.ConstantEfficiency(1.1), "efficiency of ConstantEfficiency .* 0 and 1, got 1.1"),
    (lambda: cb.ConstantEfficiency(-0.1), "efficiency of ConstantEfficiency .* got -0.1"),
    (lambda: cb.SigmoidEfficiency(1.0, np.nan, 0.0, 0.0), "b of SigmoidEfficiency .* got nan"),
    (lambda: DecayingTimeEfficiency(0.5, -1.0), "rate_per_us .* non-negative, got -1.0"),
    (lambda: cb.PolynomialQuenching((0.1, np.inf)), "coefficients of PolynomialQuenching .* inf"),
    (
        lambda: replace(DETECTOR, efficiency=0.9),
        "efficiency of Detector must be a function, got 0.9",
    ),
    (lambda: nuclear(efficiency=lambda x: np.nan * x), "efficiency must be between 0 .* got nan"),
    (lambda: nuclear(efficiency=lambda x: 1.0 + x), "efficiency must be between 0 and 1, got 2."),
    (lambda: nuclear(efficiency=lambda x: 0.9), r"efficiency must have shape .* got \(\)"),
    (
        lambda: nuclear(efficiency=lambda x: 0.9 if x > 1 else 0.0),
        "efficiency of an array of energies: ValueError: The truth value",
    ),
    (
        lambda: nuclear(quenching=Effect(lambda recoil: -recoil)),
        "visible energy of the quenching must be finite and non-negative, got -",
    ),
    (
        lambda: nuclear(quenching=Effect(lambda recoil: math.sqrt(recoil))),
        "visible energy of the quenching: TypeError: ",
    ),
    (
        lambda: nuclear(resolution=Effect(lambda energy, visible: np.nan * energy * visible)),
        "density of the resolution must be finite and non-negative, got nan",
    ),
    (lambda: electrons(atoms=()), "an electron response needs one atom or more, got none"),
    # flavours
    (lambda: cb.Source("nu_x", cb.Line(30.0)), "unknown flavour 'nu_x'; did you mean 'nu_"),
    (lambda: cb.electron(cb.Electrons(ONE), "nu_x"), "unknown flavour 'nu_x'"),
    (lambda: cb.Source(3, cb.Line(30.0)), "unknown flavour '3'"),
    # names
    (lambda: named("counts"), "nuisances of mine must not be named 'counts', which is taken"),
    (lambda: named("expected"), "nuisances of mine must not be named 'expected'"),
    (lambda: named("energy"), "nuisances of mine must not be named 'energy'"),
    (lambda: with_axis("total"), "axes of mine must not be named 'total'"),
    (lambda: with_axis("cevns"), "axes of mine must not be named 'cevns'"),
    (lambda: with_axis("counts"), "axes of mine must not be named 'counts'"),
    (
        lambda: experiment(cb.Background("total", 1.0, ONE / 2)),
        "components of mine must not be named 'total'",
    ),
    # nuisances
    (lambda: varied(0.5), "'alpha' must have sigma 1, as mine flat has variations .* got 0.5"),
    (lambda: varied_response(2.0), "'alpha' must have sigma 1, as mine cevns .* got 2.0"),
    (
        lambda: with_onset(STILL, bounds=(-0.1, 0.1)),
        "onset 'alpha_time' of mine cevns must stay within .* 0 us, but reaches 0.1 us",
    ),
    (lambda: with_onset(MOVING, bounds=(-0.1, 0.3)), "within .* 0.25 us, but reaches 0.3 us"),
    (lambda: with_onset(MOVING, bounds=(-0.3, 0.1)), "within .* 0.25 us, but reaches 0.3 us"),
    (lambda: with_onset(MOVING, sigma=0.06), "within .* 0.25 us, but reaches 0.3 us"),
    # formulas
    (
        lambda: with_formula(lambda alpha: ONE * (1 + alpha if alpha > 0 else 1.0)),
        "mine line formula fails on PyTensor variables: TypeError: ",
    ),
    (
        lambda: with_formula(lambda alpha: ONE * math.exp(alpha)),
        "mine line formula fails on PyTensor variables: TypeError: ",
    ),
    (
        lambda: with_formula(lambda alpha: ONE[2] * alpha),
        "mine line formula fails at zero nuisances: IndexError: ",
    ),
    (
        lambda: with_formula(
            lambda alpha: np.ones((1, 2)) * alpha if hasattr(alpha, "eval") else ONE
        ),
        "mine line formula of PyTensor variables must have dimension 1, got 2",
    ),
    # fields of another kind
    (lambda: experiment(name=3), "name of an experiment must be of type str, got 3"),
    (lambda: experiment(axes=ENERGY), "axes of mine must be a tuple of Axis, got Axis"),
    (lambda: experiment(signals=RESPONSE), "signals of mine must be a tuple of Signal, got Resp"),
    (lambda: experiment(signals=(RESPONSE,)), "each of signals of mine must be of type Signal"),
    (lambda: experiment("flat"), "backgrounds of mine must have name, norms, .* got 'flat'"),
    (
        lambda: experiment(nuisances=("alpha",)),
        "each of nuisances of mine .* Nuisance, got 'alpha'",
    ),
    (lambda: experiment(likelihood="poisson"), "likelihood of mine must have .* got 'poisson'"),
    (
        lambda: experiment(signals=(cb.Signal("cevns", RESPONSE, norms="alpha_flux"),)),
        "mine cevns norms must be a tuple of str, got 'alpha_flux'",
    ),
    (
        lambda: experiment(signals=(cb.Signal("cevns", 1),)),
        "response of signal cevns .* Response, got 1",
    ),
    (
        lambda: experiment(cb.Background("flat", 1.0, np.array([1.5, -0.5]))),
        "mine flat energy_shape must be finite and non-negative, got -0.5",
    ),
    (lambda: nuclear(quenching=0.2), "quenching of Detector must have visible_energy_kev, got 0.2"),
    (lambda: nuclear(resolution=None), "resolution of Detector must have density, got None"),
    (
        lambda: cb.nuclear_response({"Ge": 4.0}, DETECTOR, FLUX),
        "each target of a nuclear response must be of type Nucleus, got 'Ge'",
    ),
    (
        lambda: cb.nuclear_response(GE, DETECTOR, None),
        "flux of a nuclear response must be of type Flux, got None",
    ),
    (lambda: cb.Flux({"line": None}, 1.0), "source line of a flux must be of type Source, got No"),
    (lambda: cb.Source("nu_e", 30.0), "spectrum of nu_e must have end_mev, moments, got 30.0"),
    (
        lambda: cb.Source("nu_e", cb.Polynomials([0.5, 8.0], [[-1.0]])),
        "three moments of the spectrum of nu_e must be finite and non-negative, got -",
    ),
    (
        lambda: cb.Nuisance("alpha", "", sigma=1.0, shared_sigma="0.01"),
        "shared_sigma must be numbers .* got '0.01'",
    ),
    (lambda: cb.load_experiment("csi", binning=[0, 1]), "binning must be of type Mapping, got"),
    (lambda: cb.load_experiment("ccm", threshold="x"), "threshold must be numbers .* got 'x'"),
    (
        lambda: cb.reactor(power_gw=1.0, distance_m=20.0, days=1.0, fractions=[1.0]),
        "fractions of a reactor must be of type Mapping",
    ),
    (
        lambda: cb.reactor(power_gw=1.0, distance_m=20.0, days=1.0, spectrum=["bestiole"]),
        "spectrum of a reactor must be of type str",
    ),
    (lambda: cb.sample("sm", sampler=object()), "sampler must have name, resumable, run"),
    # edges
    (
        lambda: experiment(axes=(cb.Axis("energy", [1.0, 4.0], "Energy", "keVee"),)),
        "the detector's energy_edges must be those of the axis energy",
    ),
]


@pytest.mark.parametrize(("make", "said"), CASES, ids=[said for _, said in CASES])
def test_what_cannot_be_is_one_clear_line(make, said):
    with pytest.raises(cb.InputError, match=said) as refused:
        make()
    assert "\n" not in str(refused.value)


def test_what_is_just_right_is_not_refused():
    assert varied(1).nuisances
    assert varied_response(1.0).nuisances
    assert with_onset(MOVING, bounds=(-0.25, 0.25)).nuisances
    assert with_onset(MOVING, sigma=0.05).nuisances
    assert with_onset(MOVING, sigma=1.0, bounds=(-0.2, 0.2)).nuisances
    assert with_formula(lambda alpha: ONE * np.exp(alpha)).backgrounds
    assert cb.TabulatedQuenching([0.5, 1.0, 2.0], [0.0, 0.0, 0.2]).quenching_factor.shape == (3,)
    assert cb.Polynomials([0.0, 1.0], [[0.0, 0.0]]).moments(np.array([0.5])) == (0.0, 0.0, 0.0)
    assert cb.Source("nu_tau", cb.Line(30.0)).flavour is cb.Flavour.NU_TAU


def test_an_efficiency_may_be_a_plain_function():
    table = cb.TabulatedEfficiency([1.0, 4.0], [0.2, 0.8])
    found, expected = nuclear(efficiency=lambda x: 0.2 * x), nuclear(efficiency=table)
    np.testing.assert_allclose(found.matrix, expected.matrix, rtol=1e-6, atol=1e-9)


def test_a_shared_part_of_a_unit_nuisance_is_no_other_width():
    shared = replace(varied(1.0).nuisances[0], shared_sigma=0.6)
    (own,) = replace(varied(1.0), nuisances=(shared,)).without_shared_part([shared.name]).nuisances
    assert own.sigma == pytest.approx(0.8)


def test_electrons_may_recoil_far_above_the_panels_of_one_kev():
    edges = np.array([1.0, 2000.0])
    detector = cb.Detector(edges, LINDHARD, cb.GaussianResolution(noise=5.0))
    response = cb.electron_response(("Cs",), detector, FLUX, end_kev=1500.0, molecule_number=1e25)
    seen = response.recoil_energy_mev > 0.05
    weights = response.matrix[0][seen].sum()
    ratio = response.matrix[0][response.recoil_energy_mev > 0.5].sum() / weights
    assert ratio == pytest.approx((1500 - 500) / (1500 - 50), rel=1e-3)


@pytest.mark.parametrize("defined", ["[EXPERIMENT]", "{}", "3", "{'one': 3}"])
def test_experiments_of_a_file_are_named(tmp_path, defined):
    path = tmp_path / "mine.py"
    path.write_text(f"EXPERIMENT = None\nEXPERIMENTS = {defined}\n", encoding="utf-8")
    with pytest.raises(cb.InputError, match="it must define EXPERIMENT = ") as refused:
        cb.load_experiment(path)
    assert str(path) in str(refused.value)


def test_the_file_is_named_as_well(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("from cevns_bayes import Line\nLine(-1.0)\n", encoding="utf-8")
    with pytest.raises(cb.InputError) as refused:
        cb.load_experiment(path)
    assert str(refused.value) == f"{path}: end_mev of Line must be finite and positive, got -1.0"
