import numpy as np
import pytest
from scipy.integrate import quad

from cevns_bayes.errors import InputError
from cevns_bayes.physics.flavours import Flavour
from cevns_bayes.sources.reactors import (
    FRACTIONS,
    antineutrinos,
    fissions_per_second,
    reactor,
    reactor_spectrum,
    spectrum_names,
)

BESTIOLE = ["U235", "U238", "Pu239", "Pu241"]
ELEMENTARY_CHARGE = 1.602176634e-19


def of_isotope(isotope, spectrum="bestiole"):
    return reactor_spectrum(fractions={isotope: 1.0}, spectrum=spectrum, captures_per_fission=0)


def after_capture(energy, spectrum="bestiole"):
    """Density of both beta decays after one capture, as a difference."""
    with_, without = (
        reactor_spectrum(spectrum=spectrum, captures_per_fission=captures).density(energy)
        for captures in (1.0, 0.0)
    )
    return with_ - without


def raw(path, **options):
    energy, density, *_ = np.loadtxt(path, unpack=True, **options)
    return energy.round(9), density  # 12.487500000000002 is beyond the end


# --- spectra -------------------------------------------------------------------------------------


@pytest.mark.parametrize("isotope", BESTIOLE)
def test_bestiole_spectra_are_those_of_the_files(reactor_flux_files, isotope):
    energy, density = raw(reactor_flux_files / f"bestiole_{isotope.lower()}.txt", delimiter=",")
    np.testing.assert_allclose(of_isotope(isotope).density(energy), density, rtol=1e-6)


def test_captures_are_those_of_the_files(reactor_flux_files):
    u239, np239 = (
        raw(reactor_flux_files / f"bestiole_{name}.txt", delimiter=",")
        for name in ("u239", "np239")
    )
    expected = u239[1].copy()
    expected[: len(np239[1])] += np239[1]
    for spectrum in spectrum_names():
        got = after_capture(u239[0], spectrum)
        np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("isotope", ["U235", "Pu239", "Pu241"])
def test_huber_spectra_are_those_of_the_files(reactor_flux_files, isotope):
    energy, density = raw(reactor_flux_files / f"{isotope}-anti-neutrino-flux-250keV.dat")
    ours = of_isotope(isotope, "huber-mueller").density(energy)
    np.testing.assert_allclose(ours, density, rtol=1e-6)


def test_mueller_and_vogel_engel_spectra_are_those_of_the_files(reactor_flux_files):
    energy, density = raw(reactor_flux_files / "mueller_u238.txt", delimiter=",")
    inside = (energy >= 2) & (energy <= 8)
    ours = of_isotope("U238", "huber-mueller").density(energy[inside])
    np.testing.assert_allclose(ours, density[inside], rtol=1e-6)
    lines = (reactor_flux_files / "vogel_engel_new_table.txt").read_text().splitlines()
    rows = {line.split()[0]: np.array(line.split()[1:], dtype=float) for line in lines}
    below = rows["E(MeV)"] < 2
    for isotope, row in (("U235", "U235"), ("U238", "U238"), ("Pu239", "P239"), ("Pu241", "P241")):
        ours = of_isotope(isotope, "huber-mueller").density(rows["E(MeV)"][below])
        np.testing.assert_allclose(ours, rows[row][below], rtol=1e-6)


def test_the_typing_error_in_copies_of_huber_is_not_ours():
    assert of_isotope("U235", "huber-mueller").density(3.25) == pytest.approx(0.553406, rel=1e-9)
    assert of_isotope("U235", "huber-mueller").density(4.75) == pytest.approx(0.137751, rel=1e-9)


@pytest.mark.parametrize("isotope", BESTIOLE)
@pytest.mark.parametrize("energy", [2.0, 8.0])
def test_spectra_are_continuous_where_tables_meet(isotope, energy):
    below, above = of_isotope(isotope, "huber-mueller").density(energy + np.array([-1e-9, 1e-9]))
    assert below == pytest.approx(above, rel=1e-6)


def test_the_two_families_of_spectra_resemble_each_other():
    """The default mixtures; summation is known to lie about 5 % below Huber-Mueller."""
    bestiole, huber = (reactor_spectrum(spectrum=name) for name in ("bestiole", "huber-mueller"))
    for low, high, tolerance in ((0.5, 2.0, 0.12), (2.0, 5.0, 0.08), (5.0, 7.0, 0.08)):
        energy = np.linspace(low, high, 50)
        difference = bestiole.density(energy) / huber.density(energy) - 1
        assert abs(difference.mean()) < 0.06
        assert abs(difference).max() < tolerance


@pytest.mark.parametrize(
    ("isotope", "number", "energy_mev"),
    [
        ("U235", 6.0723, 8.8159),
        ("U238", 7.1518, 11.5884),
        ("Pu239", 5.4866, 7.3498),
        ("Pu241", 6.2381, 9.1571),
    ],
)
def test_antineutrinos_per_fission_and_the_energy_they_carry(isotope, number, energy_mev):
    """Expected: sums over the bins of the files, the first from its centre on."""
    spectrum = of_isotope(isotope)
    assert antineutrinos(spectrum) == pytest.approx(number, rel=1e-4)
    assert energy_carried(spectrum) == pytest.approx(energy_mev, rel=2e-4)


def energy_carried(spectrum):
    """Simpson's rule is exact for a linear density times the energy."""
    edges = spectrum.edges_mev
    middle = (edges[1:] + edges[:-1]) / 2
    low, centre, high = (e * spectrum.density(e) for e in (edges[:-1], middle, edges[1:]))
    return np.diff(edges) @ (low + 4 * centre + high) / 6


def test_a_capture_is_followed_by_two_decays():
    with_, without = (reactor_spectrum(captures_per_fission=captures) for captures in (1.0, 0.0))
    assert antineutrinos(with_) - antineutrinos(without) == pytest.approx(2, rel=2e-4)
    # Q values of U239 and Np239: 1.26 and 0.72 MeV.
    assert after_capture(1.2) > 0.1
    assert after_capture(1.3) == 0
    assert after_capture(0.3) > 3 > after_capture(0.8)


@pytest.mark.parametrize(
    ("spectrum", "number", "end"), [("bestiole", 7.197, 12.4875), ("huber-mueller", 6.846, 10.0)]
)
def test_the_default_mixture(spectrum, number, end):
    mixture = reactor_spectrum(spectrum=spectrum)
    total, _ = quad(mixture.density, 0, end, points=mixture.edges_mev, limit=2000, epsrel=1e-9)
    assert antineutrinos(mixture) == pytest.approx(total, rel=1e-8)
    assert antineutrinos(mixture) == pytest.approx(number, rel=1e-3)
    assert mixture.end_mev == end
    energy = np.array([0.3, 1.0, 3.1, 7.7])
    expected = sum(
        share * of_isotope(name, spectrum).density(energy) for name, share in FRACTIONS.items()
    )
    expected = expected + 0.6 * after_capture(energy, spectrum)
    np.testing.assert_allclose(mixture.density(energy), expected, rtol=1e-3)


# --- flux ----------------------------------------------------------------------------------------


def test_fissions_of_a_gigawatt():
    joules = (
        1e6 * ELEMENTARY_CHARGE * (0.58 * 201.92 + 0.29 * 209.99 + 0.08 * 205.52 + 0.05 * 213.6)
    )
    assert fissions_per_second(1.0) == pytest.approx(1e9 / joules, rel=1e-12)
    assert fissions_per_second(1.0) == pytest.approx(3.04e19, rel=2e-3)
    assert fissions_per_second(3.0, {"U235": 1.0}) == pytest.approx(9.2735e19, rel=1e-4)


def test_a_flux_from_power_and_distance():
    flux = reactor(power_gw=2.96, distance_m=10.39, days=96.4)
    fissions = fissions_per_second(2.96) * 96.4 * 86400
    assert flux.fluence_per_cm2 == pytest.approx(fissions / (4 * np.pi * 1039**2), rel=1e-12)
    assert flux.distance_m == 10.39
    (source,) = flux.sources.values()
    assert list(flux.sources) == ["nu_e_bar"]
    assert source.flavour is Flavour.NU_E_BAR
    assert source.arrival is None


@pytest.mark.parametrize(
    ("power_gw", "distance_m", "published"),
    [(2.96, 10.39, 4.8e13), (3.6, 20.7, 1.5e13)],  # arXiv:2202.09672; arXiv:2501.05206
)
def test_published_fluxes_of_dresden_and_leibstadt(power_gw, distance_m, published):
    flux = reactor(power_gw=power_gw, distance_m=distance_m, days=1)
    per_second = flux.fluence_per_cm2 * antineutrinos(flux.sources["nu_e_bar"].spectrum) / 86400
    assert per_second == pytest.approx(published, rel=0.03)


@pytest.mark.parametrize("spectrum", spectrum_names())
@pytest.mark.parametrize("captures", [0.0, 0.6])
def test_a_flux_that_is_given(spectrum, captures):
    flux = reactor(flux_per_cm2_s=4.8e13, days=2, spectrum=spectrum, captures_per_fission=captures)
    source = flux.sources["nu_e_bar"]
    number = flux.fluence_per_cm2 * source.spectrum.moments(0.0)[0]
    assert number == pytest.approx(4.8e13 * 2 * 86400, rel=1e-12)
    assert flux.distance_m is None
    assert reactor(flux_per_cm2_s=1.0, days=1, distance_m=10.0).distance_m == 10.0


def test_fractions_count_by_their_spectra():
    softer = reactor(power_gw=1, distance_m=10, days=1, fractions={"Pu239": 1.0})
    harder = reactor(power_gw=1, distance_m=10, days=1, fractions={"U238": 0.4, "U235": 0.6})
    rate = [
        f.fluence_per_cm2 * f.sources["nu_e_bar"].spectrum.moments(5.0)[0] for f in (softer, harder)
    ]
    assert rate[1] > 1.5 * rate[0]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({}, "needs power_gw and distance_m, or flux_per_cm2_s"),
        ({"power_gw": 1.0}, "needs power_gw and distance_m"),
        ({"distance_m": 1.0}, "needs power_gw and distance_m"),
        (
            {"power_gw": 1.0, "distance_m": 2.0, "flux_per_cm2_s": 1.0},
            r"got power_gw=1\.0, distance_m=2\.0, flux_per_cm2_s=1\.0",
        ),
        ({"power_gw": 0.0, "distance_m": 2.0}, "power_gw of a reactor .* positive, got 0.0"),
        ({"power_gw": 1.0, "distance_m": -2.0}, "distance_m of a reactor .* positive, got -2.0"),
        ({"flux_per_cm2_s": np.nan}, "flux_per_cm2_s of a reactor .* positive, got nan"),
        ({"flux_per_cm2_s": 1.0, "distance_m": -2.0}, "distance_m .* positive, got -2.0"),
        ({"flux_per_cm2_s": 1.0, "days": 0}, "days of a reactor .* positive, got 0"),
        ({"flux_per_cm2_s": 1.0, "spectrum": "bestiol"}, "'bestiol'; did you mean 'bestiole'"),
        ({"flux_per_cm2_s": 1.0, "fractions": {"U234": 1.0}}, "unknown isotope .* 'U234'.*U235"),
        (
            {"flux_per_cm2_s": 1.0, "fractions": {"U235": 1.2, "U238": -0.2}},
            r"fraction of U238 must be finite and non-negative, got -0\.2",
        ),
        ({"flux_per_cm2_s": 1.0, "fractions": {"U235": np.nan}}, "fraction of U235 .* got nan"),
        ({"flux_per_cm2_s": 1.0, "fractions": {"U235": 0.9}}, "sum to 1 within 0.001, got 0.9"),
        ({"flux_per_cm2_s": 1.0, "fractions": {}}, "sum to 1 within 0.001, got 0"),
        ({"flux_per_cm2_s": 1.0, "captures_per_fission": -1}, "captures_per_fission .* got -1"),
    ],
)
def test_wrong_input_is_named_in_one_line(wrong, said):
    with pytest.raises(InputError, match=said) as refused:
        reactor(**{"days": 1.0, **wrong})
    assert "\n" not in str(refused.value)


# --- the independent calculation -----------------------------------------------------------------


@pytest.mark.parametrize("spectrum", spectrum_names())
def test_moments_agree_with_the_brute_force(reactor_brute_force, spectrum):
    name = spectrum.replace("-", "_")
    least, _, integrals = reactor_brute_force.recoil_points(name, 6)
    chosen = (least > 0.0125) & (np.arange(len(least)) % 37 == 0)
    moments = reactor_spectrum(spectrum=spectrum).moments(least[chosen])
    for ours, theirs in zip(moments, integrals[:, chosen], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)
    flux = reactor(power_gw=3.9, distance_m=20, days=30)
    theirs = reactor_brute_force.fissions_per_cm2(3.9, 20, 30)
    assert flux.fluence_per_cm2 == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize("sigma", [0.002, 0.0685])
def test_the_brute_force_has_converged(reactor_brute_force, sigma):
    edges = np.arange(0, 0.6, 0.01)
    half, full = (
        reactor_brute_force.counts(edges, sigma, 2.96, 10.39, 2.924, 1.0, nodes=nodes)
        for nodes in (3, 6)
    )
    some = full > 1e-6 * full.sum()
    assert some.sum() > 50
    np.testing.assert_allclose(half[some], full[some], rtol=1e-6)
