from dataclasses import replace

import numpy as np
import pytest
from scipy.special import gammaincc
from scipy.stats import norm

from cevns_bayes.datasets import read_toml
from cevns_bayes.detectors.detector import Detector, electron_response, nuclear_response
from cevns_bayes.detectors.effects import (
    GammaResolution,
    GaussianResolution,
    LindhardQuenching,
    PolynomialQuenching,
    SigmoidEfficiency,
)
from cevns_bayes.detectors.folding import folded_kinematics
from cevns_bayes.detectors.response import Response
from cevns_bayes.errors import InputError
from cevns_bayes.physics.cross_sections import vector, weak_charge
from cevns_bayes.physics.flavours import Flavour
from cevns_bayes.physics.form_factors import helm
from cevns_bayes.physics.kinematics import maximum_recoil_energy
from cevns_bayes.physics.nuclei import Nucleus, nucleus
from cevns_bayes.physics.quadrature import composite_rule
from cevns_bayes.physics.targets import Target
from cevns_bayes.sources.pion_decay import SPECTRA, pion_decay_at_rest
from cevns_bayes.sources.source import Flux, Source
from cevns_bayes.sources.spectra import Line

PE_EDGES = np.array([0, 8, 12, 16, 20, 24, 32, 40, 50, 60.0])
EFFICIENCIES = {
    name: SigmoidEfficiency(*numbers)
    for name, numbers in read_toml("csi", "parameters")["efficiency"].items()
}
NUCLEI = [nucleus("Cs133"), nucleus("I127")]
TARGET_NUMBER = 3.384e25  # 14.6 kg / 259.81 g/mol x N_A
FLUENCE = 5.794e14  # per cm^2 and flavour: 3.198e23 x 0.0848 / (4 pi (1930 cm)^2)
FLUX = Flux(pion_decay_at_rest(pions=1.0, distance_m=1.0).sources, FLUENCE)
NOMINAL = Detector(
    energy_edges=PE_EDGES,
    quenching=PolynomialQuenching((0.0554628, 4.30681, -111.707, 840.384)),
    resolution=GammaResolution(0.0749, 9.56),
    efficiency=EFFICIENCIES["nominal"],
)
DOWN, UP = (replace(NOMINAL, efficiency=EFFICIENCIES[end]) for end in ("down", "up"))
DETECTOR = replace(NOMINAL, variations={"alpha": (DOWN, UP)})
RECOIL_CM2 = TARGET_NUMBER * FLUENCE * 197.3269804**2 * 1e-26


def recoil_quadrature(nucleus, nodes):
    ends = (maximum_recoil_energy(end, nucleus.mass_mev) for end in FLUX.ends_mev)
    return composite_rule(np.array([0.0, *ends]), nodes)


def standard_model_rate(nuclei, recoil, flavour):
    target = Target(nuclei, recoil, helm)
    (term,) = vector(target, weak_charge(target, 0.23857) ** 2).terms
    source = Source(flavour, SPECTRA[flavour])
    return term.coupling * folded_kinematics(source, term.kinematics, recoil, target.mass_mev)


def counts(response, flavour, matrix=None):
    rate = standard_model_rate(response.nuclei, response.recoil_energy_mev, flavour)
    return (response.matrix if matrix is None else matrix) @ rate


@pytest.fixture(scope="module")
def responses():
    return [nuclear_response({target: TARGET_NUMBER}, DETECTOR, FLUX) for target in NUCLEI]


@pytest.fixture(scope="module")
def reference():
    """Counts per (efficiency model, flavour, energy bin): 400 nodes per segment of recoil energy,
    reconstructed energy in cells of 0.02 PE, one ending where the efficiency sets in, through
    incomplete gamma functions."""
    kinks = [efficiency.kinks[0] for efficiency in EFFICIENCIES.values()]
    cells = np.union1d(np.linspace(0, 60, 3001), kinks)
    centres = (cells[1:] + cells[:-1]) / 2
    first_cells = np.searchsorted(cells, PE_EDGES[:-1] - 1e-9)
    total = {(name, flavour): np.zeros(9) for name in EFFICIENCIES for flavour in SPECTRA}
    for target in NUCLEI:
        recoil, weights = recoil_quadrature(target, 400)
        visible = NOMINAL.quenching.visible_energy_kev(recoil)
        shape = 1 + 9.56 * visible
        survival = gammaincc(shape, 0.0749 / visible * shape * cells[:, None])
        in_cells = -np.diff(survival, axis=0)
        events = RECOIL_CM2 * weights
        for name, efficiency in EFFICIENCIES.items():
            accepted = in_cells * efficiency(centres)[:, None]
            matrix = np.add.reduceat(accepted, first_cells, axis=0) * events
            for flavour in SPECTRA:
                rate = standard_model_rate((target,) * len(recoil), recoil, flavour)
                total[name, flavour] += matrix @ rate
    return total


@pytest.mark.parametrize("flavour", list(SPECTRA))
@pytest.mark.parametrize("model", ["nominal", "down", "up"])
def test_quadrature_error_per_bin_is_below_1e_4(responses, reference, flavour, model):
    response = Response.joined(responses)
    down, up = response.variations["alpha"]
    matrix = {"nominal": response.matrix, "down": down, "up": up}[model]
    expected = reference[model, flavour]
    seen = expected > 1e-3
    assert seen.sum() >= 7  # the prompt nu_mu do not reach the last bins
    np.testing.assert_allclose(counts(response, flavour, matrix)[seen], expected[seen], rtol=1e-4)


@pytest.mark.parametrize("target", NUCLEI)
def test_recoil_quadrature_ends_a_segment_at_the_prompt_edge(target):
    recoil, weights = recoil_quadrature(target, 5)
    endpoint = 2 * 52.82918775**2 / (target.mass_mev + 2 * 52.82918775)
    edge = 2 * 29.7915**2 / (target.mass_mev + 2 * 29.7915)
    assert recoil.shape == weights.shape == (10,)
    assert weights.sum() == pytest.approx(endpoint, rel=1e-9)
    assert weights[:5].sum() == pytest.approx(edge, rel=1e-4)
    assert np.all(recoil[:5] < edge)
    assert np.all(recoil[5:] > edge)


def test_joined_response_counts_the_recoils_of_every_nucleus(responses):
    joined = Response.joined(responses)
    assert joined.matrix.shape == (9, sum(len(r.nuclei) for r in responses))
    for flavour in SPECTRA:
        separate = sum(counts(response, flavour) for response in responses)
        np.testing.assert_allclose(counts(joined, flavour), separate, rtol=1e-12)


def test_joined_response_joins_the_variations(responses):
    joined = Response.joined(responses)
    for side in (0, 1):
        parts = [response.variations["alpha"][side] for response in responses]
        np.testing.assert_array_equal(joined.variations["alpha"][side], np.hstack(parts))


def test_better_efficiency_detects_more_in_every_bin(responses):
    for response in responses:
        down, up = (m.sum(axis=1) for m in response.variations["alpha"])
        nominal = response.matrix.sum(axis=1)
        assert np.all(down < nominal)
        assert np.all(nominal < up)


def test_without_efficiency_nothing_is_lost():
    class Everything:
        kinks = ()

        def __call__(self, x):
            return np.ones_like(x)

    target = NUCLEI[0]
    detector = replace(
        DETECTOR,
        energy_edges=np.array([0.0, 400.0]),
        efficiency=Everything(),
        variations={},
    )
    response = nuclear_response({target: TARGET_NUMBER}, detector, FLUX)
    rules = [composite_rule(panel, response.nodes_per_panel) for panel in response.panels_mev]
    weights = np.concatenate([weights for _, weights in rules])
    # below 5 keV (5 PE) the density is not smooth at zero, and the efficiency is zero anyway
    seen = response.recoil_energy_mev > 5e-3
    expected = RECOIL_CM2 * weights[seen]
    np.testing.assert_allclose(response.matrix[0][seen], expected, rtol=1e-6)


def test_responses_that_do_not_fit_cannot_be_joined(responses):
    first, second = responses
    for other, said in [
        (replace(second, flux=replace(FLUX, fluence_per_cm2=1.0)), "different fluxes"),
        (replace(second, variations={}), "different nuisances cannot be joined"),
        (replace(second, panels_mev=second.panels_mev[:1]), "different nodes per panel"),
    ]:
        with pytest.raises(InputError, match=said):
            Response.joined([first, other])


def test_more_exposure_scales_everything(responses):
    scaled = responses[0].scaled(3.0)
    np.testing.assert_allclose(scaled.matrix, 3 * responses[0].matrix)
    np.testing.assert_allclose(
        scaled.variations["alpha"], 3 * np.array(responses[0].variations["alpha"])
    )
    assert scaled.flux.fluence_per_cm2 == pytest.approx(3 * FLUX.fluence_per_cm2)


# --- narrow resolutions ---------------------------------------------------------------------------

GE = Nucleus("Ge74", 32, 42, 68857.0, 4.07, 4.12)
LINDHARD = LindhardQuenching(0.157, 32)


@pytest.mark.parametrize("sigma", [0.1, 0.05, 0.02])
def test_narrow_resolutions_are_resolved(sigma):
    """Against the normal distribution function on a dense grid of recoils."""
    edges = np.array([1.0, 1.1, 1.2, 1.5, 2.0, 5.0, 15.0])
    detector = Detector(edges, LINDHARD, GaussianResolution(noise=sigma), EfficiencyOfOne())
    response = nuclear_response({GE: 1e25}, detector, FLUX)
    dense = np.concatenate(
        [
            np.linspace(low, high, 200_001)[:-1] + (high - low) / 400_000
            for low, high in ((0.0, EDGE_MEV), (EDGE_MEV, END_MEV))
        ]
    )
    steps = np.repeat([EDGE_MEV, END_MEV - EDGE_MEV], 200_000) / 200_000
    visible = LINDHARD.visible_energy_kev(dense)
    inside = np.diff(norm.cdf(edges[:, None], visible, sigma), axis=0)
    scale = 1e25 * FLUX.fluence_per_cm2 * 197.3269804**2 * 1e-26
    for flavour in SPECTRA:
        rate = standard_model_rate((GE,) * len(dense), dense, flavour)
        expected = inside @ (rate * steps) * scale
        seen = expected > 1e-6 * expected.sum()
        np.testing.assert_allclose(counts(response, flavour)[seen], expected[seen], rtol=2e-5)


EDGE_MEV, END_MEV = (maximum_recoil_energy(end, GE.mass_mev) for end in FLUX.ends_mev)


class EfficiencyOfOne:
    kinks = ()

    def __call__(self, x):
        return np.ones_like(x)


# --- few nodes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("flavour", list(SPECTRA))
@pytest.mark.parametrize("version", [0, 1, 2])
def test_few_nodes_count_as_the_fine_ones(responses, flavour, version):
    response = Response.joined(responses)
    target = response.target(helm)
    (term,) = vector(target, weak_charge(target, 0.23857) ** 2).terms
    weights = response.weights(FLUX.sources[flavour], term.kinematics).arrays()[version]
    matrix = response.morphed.arrays()[version]
    np.testing.assert_allclose(
        weights @ term.coupling, counts(response, flavour, matrix), rtol=1e-6, atol=1e-6
    )
    assert len(response.nodes.energy_mev) <= len(response.recoil_energy_mev) / 4


def test_a_source_of_ones_own():
    """The recoils of a line end in a step, at which a panel ends."""
    flux = Flux({"line": Source(Flavour.NU_TAU_BAR, Line(40.0))}, fluence_per_cm2=1e14)
    response = nuclear_response({NUCLEI[0]: 1e25}, DETECTOR, flux)
    end = maximum_recoil_energy(40.0, NUCLEI[0].mass_mev)
    assert response.panels_mev[-1, 1] == pytest.approx(end, rel=1e-12)


@pytest.mark.parametrize(
    ("targets", "said"),
    [({}, "one nucleus or more"), ({GE: np.nan}, "number of Ge74 must be .* got nan")],
)
def test_targets_that_cannot_be_are_refused(targets, said):
    with pytest.raises(InputError, match=said):
        nuclear_response(targets, DETECTOR, FLUX)


def test_electrons_reach_the_end_that_is_asked_for():
    """Also where it is no whole number of keV: the last bin loses nothing."""
    edges = np.array([1.5, 2.0, 2.4])
    detector = Detector(edges, LINDHARD, GaussianResolution(noise=0.02), EfficiencyOfOne())
    near, far = (
        electron_response(("Cs",), detector, FLUX, end_kev=end, molecule_number=1e25)
        for end in (2.55, 6.0)
    )
    np.testing.assert_allclose(near.matrix.sum(axis=1), far.matrix.sum(axis=1), rtol=1e-6)


def test_overflow_bins_hold_what_is_above():
    detector = Detector(np.array([1.0, 1.1, 300.0]), LINDHARD, GaussianResolution(noise=0.02))
    closer = Detector(np.array([1.0, 1.1, 30.0]), LINDHARD, GaussianResolution(noise=0.02))
    wide, narrow = (nuclear_response({GE: 1e25}, d, FLUX) for d in (detector, closer))
    for flavour in SPECTRA:
        np.testing.assert_allclose(counts(wide, flavour), counts(narrow, flavour), rtol=2e-5)


def test_variations_are_as_finely_resolved_as_the_nominal_detector():
    edges = np.array([1.0, 1.3, 2.0])
    smooth = Detector(edges, LINDHARD, GaussianResolution(noise=0.3))
    sharp = replace(smooth, resolution=GaussianResolution(noise=0.005))
    varied = nuclear_response({GE: 1e25}, replace(smooth, variations={"a": (sharp, smooth)}), FLUX)
    alone = nuclear_response({GE: 1e25}, sharp, FLUX)
    for flavour in SPECTRA:
        found = counts(varied, flavour, varied.variations["a"][0])
        np.testing.assert_allclose(found, counts(alone, flavour), rtol=2e-5)


def test_variations_keep_the_bins():
    other = replace(NOMINAL, energy_edges=PE_EDGES + 1.0)
    with pytest.raises(InputError, match="variations of a detector must have its energy_edges"):
        nuclear_response({GE: 1e25}, replace(NOMINAL, variations={"a": (other, other)}), FLUX)
