import numpy as np
import pytensor.tensor as pt
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from cevns_bayes.physics.flavours import Flavour
from cevns_bayes.physics.kinematics import minimum_energy
from cevns_bayes.sources.pion_decay import (
    MICHEL_END_MEV,
    PROMPT_ENERGY_MEV,
    SPECTRA,
    Pulse,
    arrival_density,
    pion_decay_at_rest,
)

NU_E, NU_MU, NU_MU_BAR = Flavour.NU_E, Flavour.NU_MU, Flavour.NU_MU_BAR
DELAYED = [NU_E, NU_MU_BAR]

MUON_MASS, PION_MASS = 105.6583755, 139.57039  # MeV
MUON_LIFETIME, PION_LIFETIME = 2.19698, 0.026033  # us
CS_MASS = 123772.5  # MeV
ONSET, WIDTH = 0.5, 0.15  # us


def test_prompt_line_is_two_body_kinematics():
    muon_energy = np.hypot(MUON_MASS, PROMPT_ENERGY_MEV)
    assert muon_energy + PROMPT_ENERGY_MEV == pytest.approx(PION_MASS, rel=1e-12)
    assert pytest.approx(29.79, abs=0.01) == PROMPT_ENERGY_MEV


@pytest.mark.parametrize("flavour", DELAYED)
def test_spectra_hold_one_neutrino_per_pion(flavour):
    total, _ = quad(lambda e: SPECTRA[flavour].density(e), 0, MICHEL_END_MEV, epsrel=1e-12)
    assert total == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize(("flavour", "fraction"), [(NU_E, 3 / 10), (NU_MU_BAR, 7 / 20)])
def test_mean_energies_of_the_muon_decay(flavour, fraction):
    # first moments of the Michel spectra: 3/10 m_mu and 7/20 m_mu
    mean, _ = quad(lambda e: e * SPECTRA[flavour].density(e), 0, MICHEL_END_MEV)
    assert mean == pytest.approx(fraction * MUON_MASS, rel=1e-10)


@pytest.mark.parametrize("flavour", DELAYED)
@pytest.mark.parametrize("threshold", [0.0, 5.0, 17.3, PROMPT_ENERGY_MEV, 40.0, 50.0])
def test_moments_are_the_integrals_above_the_threshold(flavour, threshold):
    for power, moment in enumerate(SPECTRA[flavour].moments(threshold)):
        expected, _ = quad(
            lambda e, m=power: SPECTRA[flavour].density(e) / e**m,
            threshold,
            MICHEL_END_MEV,
            epsabs=0,
            epsrel=1e-12,
        )
        assert moment == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("flavour", SPECTRA)
def test_no_neutrinos_above_the_endpoint(flavour):
    above = np.array([MICHEL_END_MEV, MICHEL_END_MEV + 1e-9, 80.0])
    for moment in SPECTRA[flavour].moments(above):
        assert np.all(moment == 0)


def test_the_prompt_line_is_a_step():
    thresholds = PROMPT_ENERGY_MEV + np.array([-5.0, -1e-9, 1e-9, 5.0])
    for power, moment in enumerate(SPECTRA[NU_MU].moments(thresholds)):
        line = PROMPT_ENERGY_MEV**-power
        np.testing.assert_allclose(moment, [line, line, 0, 0], rtol=1e-14)


@pytest.mark.parametrize("flavour", SPECTRA)
def test_numpy_and_pytensor_moments_agree(flavour):
    recoil = np.linspace(1e-4, 0.05, 30)
    symbol = pt.dvector()
    for symbolic, numeric in zip(
        SPECTRA[flavour].moments(minimum_energy(symbol, CS_MASS)),
        SPECTRA[flavour].moments(minimum_energy(recoil, CS_MASS)),
        strict=True,
    ):
        evaluated = symbolic.eval({symbol: recoil}, mode="FAST_COMPILE")
        np.testing.assert_allclose(evaluated, numeric, rtol=1e-12, atol=1e-18)


def moments_of_arrival(flavour):
    """Total, mean of the density."""

    def integral(power):
        return sum(
            quad(
                lambda t: t**power * arrival_density(flavour, t, ONSET, WIDTH),
                low,
                high,
                epsabs=1e-13,
                epsrel=1e-12,
                limit=200,
            )[0]
            for low, high in ((-1, 0), (0, 0.5), (0.5, 1), (1, 3), (3, 20), (20, 100))
        )

    return integral(0), integral(1)


@pytest.mark.parametrize(
    ("flavour", "delay"),
    [
        (NU_MU, PION_LIFETIME),
        (NU_E, PION_LIFETIME + MUON_LIFETIME),
        (NU_MU_BAR, PION_LIFETIME + MUON_LIFETIME),
    ],
)
def test_arrivals_are_normalised_and_delayed_by_the_lifetimes(flavour, delay):
    total, mean = moments_of_arrival(flavour)
    assert total == pytest.approx(1, abs=1e-8)
    assert mean == pytest.approx(ONSET + delay, abs=1e-8)


TIMES = np.array([0.05, 0.3, 0.5, 0.62, 0.9, 1.7, 4.0])


def folded_with_decay(density, lifetime, time):
    """Numerical convolution of a density with an exponential decay."""
    return quad(
        lambda u: density(time - u) * np.exp(-u / lifetime) / lifetime,
        0,
        max(time + 0.7, 0.1),  # the pulse starts 8 sigma before its mean
        points=[min(max(time - ONSET, 0.01), time + 0.6)],
        epsabs=1e-12,
        epsrel=1e-11,
        limit=400,
    )[0]


@pytest.mark.parametrize("time", TIMES)
def test_prompt_arrivals_are_the_pulse_folded_with_the_pion_decay(time):
    def pulse(t):
        return norm.pdf(t, ONSET, WIDTH)

    expected = folded_with_decay(pulse, PION_LIFETIME, time)
    assert arrival_density(NU_MU, time, ONSET, WIDTH) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize("flavour", DELAYED)
def test_delayed_arrivals_are_the_prompt_ones_folded_with_the_muon_decay(flavour, time):
    def prompt(t):
        return arrival_density(NU_MU, t, ONSET, WIDTH)

    expected = folded_with_decay(prompt, MUON_LIFETIME, time)
    assert arrival_density(flavour, time, ONSET, WIDTH) == pytest.approx(expected, abs=1e-9)


def test_arrivals_move_with_the_onset():
    onsets = np.array([0.3, 0.5])
    moved = arrival_density(NU_E, (TIMES + 0.1)[:, None], onsets + 0.1, WIDTH)
    assert moved.shape == (7, 2)
    np.testing.assert_allclose(moved, arrival_density(NU_E, TIMES[:, None], onsets, WIDTH), 1e-12)


def test_the_flux_of_decays_at_a_point():
    flux = pion_decay_at_rest(pions=4e22, distance_m=19.3)
    assert flux.fluence_per_cm2 == pytest.approx(4e22 / (4 * np.pi * 1930**2), rel=1e-12)
    assert flux.distance_m == 19.3
    assert flux.ends_mev == [PROMPT_ENERGY_MEV, MICHEL_END_MEV]
    assert set(flux.sources) == {"nu_e", "nu_mu", "nu_mu_bar"}
    for name, source in flux.sources.items():
        assert source.flavour == name
        assert source.spectrum is SPECTRA[source.flavour]
        assert source.arrival is None


@pytest.mark.parametrize("flavour", SPECTRA)
def test_a_pulse_gives_arrival_times_that_shift(flavour):
    flux = pion_decay_at_rest(pions=1.0, distance_m=1.0, pulse=Pulse(ONSET, WIDTH))
    arrival = flux.sources[flavour].arrival
    for shift in (0.0, 0.1):
        expected = arrival_density(flavour, TIMES, ONSET + shift, WIDTH)
        np.testing.assert_allclose(arrival(TIMES, shift), expected, rtol=1e-14)


# --- the collaboration's simulation, nuEnergyAndTime.root ----------------------------------------


@pytest.fixture(scope="module")
def simulation(official_files):
    uproot = pytest.importorskip("uproot")
    with uproot.open(official_files / "nuEnergyAndTime.root") as file:
        return {name: file[name].to_numpy() for name in file.keys(cycle=False)}


def mean_of(histogram):
    contents, edges = histogram
    return np.average((edges[1:] + edges[:-1]) / 2, weights=contents)


def test_delay_of_the_simulated_arrivals_is_the_muon_lifetime(simulation):
    for delayed in ("tNuE", "tAntiNuMu"):
        delay_ns = mean_of(simulation[delayed]) - mean_of(simulation["tNuMu"])
        assert delay_ns == pytest.approx(1e3 * MUON_LIFETIME, rel=0.01)


def test_simulated_prompt_line_is_ours(simulation):
    contents, edges = simulation["keNuMu"]
    line = np.argmax(contents)
    assert edges[line] < PROMPT_ENERGY_MEV < edges[line + 1]


@pytest.mark.parametrize(("name", "flavour"), [("keNuE", NU_E), ("keAntiNuMu", NU_MU_BAR)])
def test_simulated_mean_energies(simulation, name, flavour):
    # The simulation is 1.0 % softer than the tree-level spectra, for both flavours alike.
    ours, _ = quad(lambda e: e * SPECTRA[flavour].density(e), 0, MICHEL_END_MEV)
    assert decay_at_rest_mean(simulation[name]) == pytest.approx(ours, rel=0.015)


def test_simulated_ratio_of_mean_energies_within_half_a_percent(simulation):
    ratio = decay_at_rest_mean(simulation["keNuE"]) / decay_at_rest_mean(simulation["keAntiNuMu"])
    assert ratio == pytest.approx(6 / 7, rel=0.005)


def decay_at_rest_mean(histogram):
    """Mean energy [MeV] below the endpoint: the rest, 0.1 %, are decays in flight."""
    contents, edges = histogram
    below = np.searchsorted(edges, MICHEL_END_MEV)
    return mean_of((contents[:below], edges[: below + 1]))
