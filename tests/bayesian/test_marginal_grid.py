"""The marginal posterior on a grid against draws, under priors of all kinds."""

import numpy as np
import pytest

import cevns_bayes as cb
from cevns_bayes.bayesian.regions import posterior_density_1d

QUIET = {"sampler": "laplace", "progressbar": False}


@pytest.mark.parametrize(
    "prior", ["Normal(0.5, 0.03)", "HalfNormal(0.04)", "Normal(0.22, 0.0005)", "Cauchy(0.2, 0.01)"]
)
def test_priors_without_ends_far_from_the_data_and_narrow(prior):
    """Posteriors lie where the prior has quantiles of one in a million, or in a spike of it."""
    tree = cb.sample("weak-mixing-angle", "csi", priors={"sin2_theta_w": prior}, **QUIET)
    density = posterior_density_1d(tree, "sin2_theta_w")
    x = tree["posterior"]["sin2_theta_w"].to_numpy().ravel()
    for level in (0.68, 0.90):
        ((low, high),) = density.intervals(level)
        assert np.mean((x > low) & (x < high)) == pytest.approx(level, abs=0.015)
    shares = np.interp(np.quantile(x, [0.05, 0.5, 0.95]), density.x, np.cumsum(density.weights))
    np.testing.assert_allclose(shares, [0.05, 0.5, 0.95], atol=0.012)


def test_a_density_that_no_grid_resolves_is_that_of_draws():
    tree = cb.sample("light-scalar", "csi", priors={"coupling": "HalfCauchy(1e-5)"}, **QUIET)
    assert "log_density" not in tree["marginal"].data_vars
    ((low, high),) = posterior_density_1d(tree, "coupling", (0.0, np.inf)).intervals(0.90)
    inside = tree["posterior"]["coupling"] < high
    assert low < 1e-5
    assert float(inside.mean()) == pytest.approx(0.90, abs=0.02)


def test_a_parameter_that_the_data_do_not_see_is_flat_up_to_the_ends():
    tree = cb.sample("magnetic-moment", "dresden-ii", **QUIET)
    density = posterior_density_1d(tree, "mu_nu_mu")
    assert density.intervals(0.90) == [pytest.approx((0.0, 20.0), abs=0.01)]
    np.testing.assert_allclose(density.values[[0, -1]], density.values.max(), rtol=0.01)
