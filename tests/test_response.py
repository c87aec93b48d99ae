from dataclasses import replace

import numpy as np
import pytest
from scipy.special import gammaincc

from cevns_bayes.cross_sections import vector, weak_charge
from cevns_bayes.datasets import read_toml
from cevns_bayes.detectors import GammaResolution, PolynomialQuenching, SigmoidEfficiency
from cevns_bayes.flux import Flavour
from cevns_bayes.form_factors import helm
from cevns_bayes.nuclei import nucleus
from cevns_bayes.quadrature import composite_rule
from cevns_bayes.response import Detector, Response, nuclear_response, recoil_panels
from cevns_bayes.targets import Target

PE_EDGES = np.array([0, 8, 12, 16, 20, 24, 32, 40, 50, 60.0])
EFFICIENCIES = {
    name: SigmoidEfficiency(*numbers)
    for name, numbers in read_toml("csi", "parameters")["efficiency"].items()
}
NUCLEI = [nucleus("Cs133"), nucleus("I127")]
SETTINGS = {
    "quenching": PolynomialQuenching((0.0554628, 4.30681, -111.707, 840.384)),
    "target_number": 3.384e25,  # 14.6 kg / 259.81 g/mol x N_A
}
DETECTOR = Detector(
    energy_edges=PE_EDGES,
    resolution=GammaResolution(0.0749, 9.56),
    efficiency=EFFICIENCIES["nominal"],
    efficiency_variations={"alpha": (EFFICIENCIES["down"], EFFICIENCIES["up"])},
    pions_per_cm2=5.794e14,  # 3.198e23 x 0.0848 / (4 pi (1930 cm)^2)
)
RECOIL_CM2 = SETTINGS["target_number"] * DETECTOR.pions_per_cm2 * 197.3269804**2 * 1e-26


def recoil_quadrature(nucleus, nodes):
    return composite_rule(
        np.append(recoil_panels(nucleus)[:, 0], recoil_panels(nucleus)[-1, 1]), nodes
    )


def standard_model_rate(nuclei, recoil, flavour):
    target = Target(nuclei, recoil, helm)
    return vector(target, weak_charge(target, 0.23857) ** 2).folded(target, flavour)


def counts(response, flavour, matrix=None):
    rate = standard_model_rate(response.nuclei, response.recoil_energy_mev, flavour)
    return (response.matrix if matrix is None else matrix) @ rate


@pytest.fixture(scope="module")
def responses():
    return [nuclear_response(target, DETECTOR, **SETTINGS) for target in NUCLEI]


@pytest.fixture(scope="module")
def reference():
    """Counts per (efficiency model, flavour, energy bin): 400 nodes per segment of recoil energy,
    reconstructed energy in cells of 0.02 PE, one ending where the efficiency sets in, through
    incomplete gamma functions."""
    kinks = [efficiency.kinks[0] for efficiency in EFFICIENCIES.values()]
    cells = np.union1d(np.linspace(0, 60, 3001), kinks)
    centres = (cells[1:] + cells[:-1]) / 2
    first_cells = np.searchsorted(cells, PE_EDGES[:-1] - 1e-9)
    total = {(name, flavour): np.zeros(9) for name in EFFICIENCIES for flavour in Flavour}
    for target in NUCLEI:
        recoil, weights = recoil_quadrature(target, 400)
        visible = SETTINGS["quenching"].visible_energy_kev(recoil)
        shape = 1 + 9.56 * visible
        survival = gammaincc(shape, 0.0749 / visible * shape * cells[:, None])
        in_cells = -np.diff(survival, axis=0)
        events = RECOIL_CM2 * weights
        for name, efficiency in EFFICIENCIES.items():
            accepted = in_cells * efficiency(centres)[:, None]
            matrix = np.add.reduceat(accepted, first_cells, axis=0) * events
            for flavour in Flavour:
                rate = standard_model_rate((target,) * len(recoil), recoil, flavour)
                total[name, flavour] += matrix @ rate
    return total


@pytest.mark.parametrize("flavour", list(Flavour))
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
    for flavour in Flavour:
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
        efficiency_variations={},
    )
    response = nuclear_response(target, detector, nodes_per_segment=20, **SETTINGS)
    _, weights = recoil_quadrature(target, 20)
    # below 5 keV (5 PE) the density is not smooth at zero, and the efficiency is zero anyway
    seen = response.recoil_energy_mev > 5e-3
    expected = RECOIL_CM2 * weights[seen]
    np.testing.assert_allclose(response.matrix[0][seen], expected, rtol=1e-6)


def test_labelled_matrix(responses):
    labelled = responses[0].to_xarray()
    assert labelled.dims == ("energy", "recoil")
    assert set(labelled.nucleus.values) == {"Cs133"}
    assert labelled.recoil.attrs["units"] == "MeV"
