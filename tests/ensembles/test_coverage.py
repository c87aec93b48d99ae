"""Coverage at a boundary where it is known, calibration of right and wrong models."""

from pathlib import Path

import numpy as np
import pytest

import cevns_bayes as cb

EXAMPLE = Path(__file__).parents[2] / "examples" / "ge_reactor.py"
KNOWN = {"profile": 0.95, "feldman-cousins": 0.90, "credible": 10 / 11}


@pytest.mark.slow
def test_coverage_at_a_boundary_is_the_known_one_and_far_from_it_the_level(norm, one_bin):
    """At zero t = max(x, 0)^2; the HDI holds 0 if (2 Phi(x) - 1)/Phi(x) < L."""
    truths = [{"kappa": 0.0}, {"kappa": 6.0}]
    found = cb.coverage(norm, one_bin(0.0), truths, toys=600, seed=4)
    for kind, known in KNOWN.items():
        share, error = found.of(kind, 0.90)
        assert share[0] == pytest.approx(known, abs=3.5 * error[0]), kind
        assert error[0] < 0.014
        for level in (0.68, 0.90):
            share, error = found.of(kind, level)
            assert share[1] == pytest.approx(level, abs=3.5 * error[1]), kind
    levels = {kind: found.held_from[kind][1] for kind in KNOWN}
    np.testing.assert_allclose(levels["credible"], levels["profile"], atol=0.01)
    assert np.abs(levels["feldman-cousins"] - levels["profile"]).max() < 0.25  # of 99 toys


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kinds": ["hdi"]}, "unknown kind of interval 'hdi'"),
        ({"truths": []}, "coverage needs a scenario with parameters of interest, and one truth"),
        ({"parameter": "mass"}, "unknown parameter of weak-mixing-angle 'mass'"),
        ({"truths": [{"sin2_theta_w": 2.0}]}, r"sin2_theta_w must be within Uniform\(0, 0.5\)"),
    ],
)
def test_wrong_arguments_of_coverage_are_refused(arguments, message):
    defaults = {"truths": [{"sin2_theta_w": 0.2}]}
    with pytest.raises(cb.InputError, match=message):
        cb.coverage("weak-mixing-angle", "csi", **(defaults | arguments))


@pytest.fixture(scope="module")
def ge():
    return cb.load_experiment(EXAMPLE)


@pytest.mark.slow
def test_right_posteriors_are_calibrated(norm, ge):
    found = cb.calibrate(norm, ge, replicas=200)
    assert found.below.shape == (200, 3)
    assert found.failed == found.doubtful == 0
    assert all(found.within.values()), found.within


@pytest.mark.slow
def test_too_narrow_a_prior_is_noticed(norm, ge):
    narrow = {"ge-reactor::alpha_flux": "Normal(0, 0.025)"}
    found = cb.calibrate(norm, ge, replicas=200, believed=narrow)
    assert not found.within["ge-reactor::alpha_flux"]


@pytest.mark.slow
def test_posteriors_of_csi_are_calibrated(csi):
    found = cb.calibrate("sm", csi, replicas=200)
    assert found.below.shape == (200, 8)
    assert found.failed == found.doubtful == 0
    assert all(found.within.values()), found.within


@pytest.mark.slow
def test_a_prior_of_csi_that_is_twice_too_narrow_is_noticed(csi):
    narrow = {"csi::alpha_flux": "Normal(0, 0.055)"}
    found = cb.calibrate("sm", csi, replicas=200, believed=narrow)
    assert [name for name, within in found.within.items() if not within] == ["csi::alpha_flux"]


def test_wrong_arguments_of_calibration_are_refused():
    with pytest.raises(cb.InputError, match="replicas must be an integer of at least 20, got 5"):
        cb.calibrate("sm", "csi", replicas=5)
    with pytest.raises(cb.InputError, match="has no quantile function"):
        cb.calibrate("sm", "csi", priors={"csi::alpha_flux": "SkewNormal(0, 0.1, 1)"})
