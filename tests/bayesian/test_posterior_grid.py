import arviz as az
import numpy as np
import pytest
from scipy.interpolate import CubicSpline

import cevns_bayes as cb

STEP = 0.02  # the posterior is 0.03 wide: sums over the grid are exact


@pytest.fixture(scope="module")
def grid(brute_force):
    """sin^2(theta_W) and its posterior density, all nuisances integrated out."""
    values = np.arange(0.06, 0.42 + STEP / 2, STEP)
    return values, brute_force.posterior_density("sin2_theta_w", values)


@pytest.fixture(scope="module")
def numerical(grid):
    """Mean and standard deviation."""
    values, density = grid
    mean = np.average(values, weights=density)
    return mean, np.sqrt(np.average((values - mean) ** 2, weights=density))


@pytest.fixture(scope="module")
def draws(weak_mixing_angle_posterior):
    return weak_mixing_angle_posterior["posterior"].sin2_theta_w


def test_the_grid_holds_the_posterior(grid):
    _, density = grid
    assert density[0] < 1e-4 * density.max()
    assert density[-1] < 1e-4 * density.max()


def test_the_chains_converged(weak_mixing_angle_posterior):
    scalars = weak_mixing_angle_posterior["posterior"].to_dataset()
    assert len(scalars.data_vars) == 9
    for name in scalars.data_vars:
        assert float(az.rhat(scalars[name])) < 1.01, name
        assert float(az.ess(scalars[name], method="bulk")) > 1000, name
        assert float(az.ess(scalars[name], method="tail")) > 1000, name


def test_the_package_judges_the_chains_alike(weak_mixing_angle_posterior):
    convergence = cb.check_convergence(weak_mixing_angle_posterior)
    assert convergence.problems == []
    assert convergence.r_hat < 1.01
    assert min(convergence.ess_bulk, convergence.ess_tail) > 1000


def test_mean_is_that_of_the_numerical_posterior(draws, numerical):
    mean, sd = numerical
    error = sd / np.sqrt(float(az.ess(draws, method="mean")))
    assert abs(float(draws.mean()) - mean) < 3 * error + 0.03 * sd


def test_sd_is_that_of_the_numerical_posterior(draws, numerical):
    _, sd = numerical
    error = sd / np.sqrt(2 * float(az.ess(draws, method="sd")))
    assert abs(float(draws.std(ddof=1)) - sd) < 3 * error + 0.03 * sd


@pytest.mark.parametrize("probability", [0.05, 0.5, 0.95])
def test_quantiles_are_those_of_the_numerical_posterior(draws, grid, probability):
    # the fraction of the draws below the numerical quantile, within its binomial error
    values, density = grid
    fine = np.linspace(values[0], values[-1], 2001)
    cumulative = CubicSpline(values, density).antiderivative()(fine)
    quantile = np.interp(probability * cumulative[-1], cumulative, fine)
    effective = float(az.ess(draws, method="quantile", prob=probability))
    error = np.sqrt(probability * (1 - probability) / effective)
    assert abs(float((draws < quantile).mean()) - probability) < 3 * error + 0.01
