import numpy as np
import pytest

import cevns_bayes as cb
from cevns_bayes.datasets import read_table
from cevns_bayes.detectors.folding import folded_kinematics
from cevns_bayes.physics.cross_sections import vector, weak_charge
from cevns_bayes.physics.flavours import Flavour
from cevns_bayes.physics.form_factors import helm
from cevns_bayes.physics.targets import Target
from cevns_bayes.sources.pion_decay import SPECTRA

COMPONENTS = ["cevns", "brn", "nin", "ssb"]


def all_times(signal, flavour):
    """SM events per energy bin without any time shape."""
    response = signal.response
    target = Target(response.nuclei, response.recoil_energy_mev, helm)
    (term,) = vector(target, weak_charge(target, 0.23857) ** 2).terms
    source, recoil = response.flux.sources[flavour], response.recoil_energy_mev
    known = folded_kinematics(source, term.kinematics, recoil, target.mass_mev)
    return response.matrix @ (term.coupling * known)


# --- counts ---------------------------------------------------------------------------------------


def test_coincident_events_in_the_window(csi):
    assert csi.counts.sum() == 1578  # dataBeamOnC.txt within 60 PE and 6 us


def test_anticoincident_events_in_the_window():
    table = read_table("csi", "counts")
    assert table["anticoincident"][table["energy_low_pe"] < 60].sum() == 1295  # dataBeamOnAC.txt


def test_counts_per_bin_are_those_of_the_table(csi, brute_force):
    np.testing.assert_array_equal(csi.counts, brute_force.counted("coincident"))


# --- expected events ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flavour", "events"),
    [(Flavour.NU_E, 124.9), (Flavour.NU_MU, 50.4), (Flavour.NU_MU_BAR, 198.4)],
)
def test_sm_events_of_a_flavour_at_all_times(csi, flavour, events):
    assert all_times(csi.signals[0], flavour).sum() == pytest.approx(events, rel=0.002)


def test_sm_events_at_all_times(csi):
    total = sum(all_times(csi.signals[0], flavour).sum() for flavour in SPECTRA)
    assert total == pytest.approx(373.7, rel=0.002)


def test_sm_events_with_time_shape_and_efficiency(sm_counts):
    # arXiv:2211.11905's normalisation; the collaboration predicts 341 +- 11 +- 42
    assert float(sm_counts.cevns.sum()) == pytest.approx(349, rel=0.005)


@pytest.mark.parametrize(("component", "events"), [("brn", 18.4), ("nin", 5.6), ("ssb", 1286)])
def test_background_events(sm_counts, component, events):
    assert float(sm_counts[component].sum()) == pytest.approx(events, rel=1e-5)


@pytest.mark.parametrize("flavour", list(SPECTRA))
def test_energy_spectrum_is_that_of_the_brute_force(csi, brute_force, flavour):
    expected = brute_force.spectrum(flavour.value)
    np.testing.assert_allclose(all_times(csi.signals[0], flavour), expected, rtol=1e-3)


SETTINGS = {
    "nominal": {},
    "flux": {"alpha_flux": 0.1},
    "quenching": {"alpha_quenching": -0.05},
    "backgrounds": {"alpha_brn": 0.3, "alpha_nin": -0.4, "alpha_ssb": 0.03},
    "larger nuclei": {"alpha_radius": 0.05},
    "smaller nuclei": {"alpha_radius": -0.05},
    "later": {"alpha_time": 0.1},
    "earlier": {"alpha_time": -0.1},
    "better efficiency": {"alpha_efficiency": 1.0},
    "worse efficiency": {"alpha_efficiency": -1.0},
    "all at once": {
        "alpha_flux": -0.08,
        "alpha_brn": 0.2,
        "alpha_nin": 0.1,
        "alpha_ssb": -0.02,
        "alpha_radius": 0.03,
        "alpha_quenching": 0.02,
        "alpha_time": 0.04,
        "alpha_efficiency": 0.4,
    },
}


@pytest.fixture(scope="module", params=SETTINGS.values(), ids=SETTINGS.keys())
def both(request, csi, brute_force):
    """Counts of the package and of the brute force at one setting of the nuisances."""
    qualified = {f"csi::{name}": value for name, value in request.param.items()}
    counts = cb.predict("sm", {}, csi, nuisances=qualified)
    return counts, brute_force.components(request.param)


def test_components(sm_counts, csi):
    names = ["cevns", "es", "brn", "nin", "ssb"]
    assert csi.component_names == names
    assert list(sm_counts) == [*names, "total"]


@pytest.mark.parametrize("component", ["cevns", "nin", "ssb"])
def test_every_bin_is_that_of_the_brute_force(both, component):
    counts, expected = (every[component] for every in both)
    seen = expected > 1e-3
    np.testing.assert_allclose(counts.values[seen], expected[seen], rtol=2e-3)


@pytest.mark.parametrize("component", COMPONENTS)
def test_no_bin_is_a_thousandth_of_an_event_off(both, component):
    # or a thousandth of its content, the BRN in the emptiest bins included: the spline in the
    # onset smooths the 10 ns cells of their table by up to 0.0004 events
    counts, expected = (every[component] for every in both)
    np.testing.assert_allclose(counts.values, expected, rtol=1e-3, atol=1e-3)


# --- binning --------------------------------------------------------------------------------------

FINE = {"energy": np.arange(0, 61, 2), "time": np.arange(49) * 0.125}


@pytest.fixture(scope="module")
def fine():
    return cb.load_experiment("csi", binning=FINE)


@pytest.fixture(scope="module")
def fine_counts(fine):
    return cb.predict("sm", {}, fine)


def summed(array, coarse):
    """Fine bins added up to the published ones."""
    rows = np.searchsorted(FINE["energy"], coarse.axis("energy").edges[:-1])
    columns = np.searchsorted(FINE["time"], coarse.axis("time").edges[:-1])
    return np.add.reduceat(np.add.reduceat(array, rows, axis=0), columns, axis=1)


def test_coarse_counts_are_sums_of_fine_ones(csi, fine):
    assert fine.shape == (30, 48)
    np.testing.assert_array_equal(summed(fine.counts, csi), csi.counts)


@pytest.mark.parametrize("component", [*COMPONENTS, "total"])
def test_coarse_expectations_are_sums_of_fine_ones(csi, sm_counts, fine_counts, component):
    coarse = summed(fine_counts[component].values, csi)
    seen = coarse > 1e-3
    np.testing.assert_allclose(sm_counts[component].values[seen], coarse[seen], rtol=1e-4)


def test_one_bin_holds_everything(sm_counts):
    whole = {"energy": [0, 60], "time": [0, 6]}
    assert cb.load_experiment("csi", binning=whole).counts.tolist() == [[1578]]
    counts = cb.predict("sm", {}, "csi", binning=whole)
    assert counts.total.shape == (1, 1)
    for name in [*COMPONENTS, "total"]:
        assert float(counts[name].sum()) == pytest.approx(float(sm_counts[name].sum()), rel=1e-5)


@pytest.mark.parametrize(
    "binning",
    [
        {"time": [0, 0.3, 6]},
        {"energy": [0, 8.5, 60]},
        {"energy": [0, 300]},
        {"energy": [-1, 60]},
        {"time": [0, 6.125]},
    ],
)
def test_edges_off_the_grid_are_refused(binning):
    (axis,) = binning
    with pytest.raises(cb.InputError, match=f"csi {axis} edges must be multiples of"):
        cb.load_experiment("csi", binning=binning)


@pytest.mark.parametrize("edges", [[60, 0], [0, 8, 8, 60], [0]])
def test_edges_that_do_not_increase_are_refused(edges):
    with pytest.raises(cb.InputError, match=r"energy edges must be .*increasing numbers"):
        cb.load_experiment("csi", binning={"energy": edges})


def test_unknown_axis_suggests_the_nearest():
    with pytest.raises(cb.InputError, match=r"unknown axis of csi 'tme'; did you mean 'time'\?"):
        cb.load_experiment("csi", binning={"tme": [0, 6]})


def test_unknown_experiment_suggests_the_nearest():
    with pytest.raises(cb.InputError, match=r"'cis'; did you mean 'csi'\?"):
        cb.load_experiment("cis")
