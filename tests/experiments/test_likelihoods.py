import numpy as np
import pymc as pm
import pytest
from scipy import stats

from cevns_bayes.errors import InputError
from cevns_bayes.experiments.likelihoods import Gaussian, Poisson

MU = np.array([[0.4, 3.0, 20.0], [7.0, 1.5, 110.0]])
INTEGERS = np.array([[0.0, 4.0, 17.0], [9.0, 1.0, 100.0]])
VARIANCE = np.array([[1.0, 2.0, 20.0], [5.0, 1.0, 90.0]])
FACTOR = np.random.default_rng(1).normal(size=(6, 6))
COVARIANCE = FACTOR @ FACTOR.T + np.diag(VARIANCE.ravel())
LIKELIHOODS = [Poisson(), Gaussian(VARIANCE), Gaussian(covariance=COVARIANCE)]
DIMS = {"energy": [0, 1], "time": [0, 1, 2]}

all_likelihoods = pytest.mark.parametrize(
    "likelihood", LIKELIHOODS, ids=["poisson", "variance", "covariance"]
)
all_counts = pytest.mark.parametrize("counts", [INTEGERS, MU], ids=["integers", "asimov"])


@all_likelihoods
@all_counts
def test_the_model_has_the_same_density(likelihood, counts):
    with pm.Model(coords=DIMS) as model:
        scale = pm.Uniform("scale", 0.5, 2.0, default_transform=None)
        likelihood.declare("n", scale * MU, counts, ["energy", "time"])
    for scale in (0.8, 1.0, 1.3):
        (by_bin,) = model.compile_logp(vars=model.observed_RVs, sum=False)({"scale": scale})
        np.testing.assert_allclose(by_bin, likelihood.logpdf(counts, scale * MU), rtol=1e-12)


@all_likelihoods
@all_counts
def test_deviance_is_minus_two_log_likelihood_above_that_of_the_counts(likelihood, counts):
    # at mu -> 0 for empty bins, of which the likelihood is one
    at_counts = np.maximum(counts, 1e-300)
    expected = 2 * (likelihood.logpdf(counts, at_counts) - likelihood.logpdf(counts, MU)).sum()
    assert likelihood.deviance(counts, MU).sum() == pytest.approx(expected, rel=1e-12, abs=1e-12)


@all_likelihoods
def test_deviance_of_asimov_data_vanishes_at_the_truth(likelihood):
    np.testing.assert_allclose(likelihood.deviance(MU, MU), 0.0, atol=1e-12)


def test_densities_are_those_of_scipy():
    np.testing.assert_allclose(
        Poisson().logpdf(INTEGERS, MU), stats.poisson.logpmf(INTEGERS, MU), rtol=1e-12
    )
    np.testing.assert_allclose(
        Gaussian(VARIANCE).logpdf(INTEGERS, MU),
        stats.norm.logpdf(INTEGERS, MU, np.sqrt(VARIANCE)),
        rtol=1e-12,
    )
    joint = stats.multivariate_normal(MU.ravel(), COVARIANCE).logpdf(INTEGERS.ravel())
    assert Gaussian(covariance=COVARIANCE).logpdf(INTEGERS, MU).sum() == pytest.approx(joint)


@all_likelihoods
def test_densities_of_many_draws(likelihood):
    many = np.stack([MU, 1.1 * MU])[:, None]
    found = likelihood.logpdf(INTEGERS, many)
    assert found.shape == (2, 1, 2, 3)
    np.testing.assert_allclose(found[1, 0], likelihood.logpdf(INTEGERS, 1.1 * MU), rtol=1e-12)


@pytest.mark.parametrize(
    ("likelihood", "covariance"),
    [
        (Poisson(), np.diag(MU.ravel())),
        (Gaussian(VARIANCE), np.diag(VARIANCE.ravel())),
        (Gaussian(covariance=COVARIANCE), COVARIANCE),
    ],
)
def test_draws_have_mean_and_covariance(likelihood, covariance):
    draws = likelihood.draw(np.random.default_rng(2), np.broadcast_to(MU, (40_000, 2, 3)))
    flat = draws.reshape((40_000, 6))
    sigma = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose((flat.mean(axis=0) - MU.ravel()) / sigma, 0, atol=5 / 200)
    found = np.cov(flat.T) / np.outer(sigma, sigma)
    np.testing.assert_allclose(found, covariance / np.outer(sigma, sigma), atol=0.05)


@pytest.mark.parametrize("scale", [0.5, 3.0])
def test_variances_grow_with_the_exposure(scale):
    np.testing.assert_allclose(Gaussian(VARIANCE).scaled(scale).variance, scale * VARIANCE)
    scaled = Gaussian(covariance=COVARIANCE).scaled(scale)
    np.testing.assert_allclose(scaled.covariance, scale * COVARIANCE)


@pytest.mark.parametrize(
    ("matrix", "said"),
    [
        (np.eye(5), r"must have shape \(6, 6\), got \(5, 5\)"),
        (np.triu(np.ones((6, 6))), "must be symmetric"),
        (np.ones((6, 6)), "must be positive definite"),
    ],
)
def test_a_covariance_that_cannot_be_is_refused(matrix, said):
    with pytest.raises(InputError, match=f"toy covariance {said}"):
        Gaussian(covariance=matrix).checked("toy", (2, 3))


def test_posterior_predictions_of_a_covariance():
    with pm.Model(coords=DIMS):
        pm.Uniform("scale", 0.5, 2.0)
        Gaussian(covariance=COVARIANCE).declare("n", MU, INTEGERS, ["energy", "time"])
        draws = pm.sample_prior_predictive(
            500, random_seed=3, compile_kwargs={"mode": "FAST_COMPILE"}
        )
    found = draws["prior_predictive"]["n"].to_numpy().reshape((500, 2, 3))
    sigma = np.sqrt(np.diag(COVARIANCE)).reshape((2, 3))
    assert np.all(np.abs(found.mean(axis=0) - MU) < 5 * sigma / np.sqrt(500))


@pytest.mark.parametrize(
    ("likelihood", "got"),
    [(Gaussian(), "neither"), (Gaussian(VARIANCE, COVARIANCE), "both")],
)
def test_a_gaussian_has_a_variance_or_a_covariance(likelihood, got):
    with pytest.raises(InputError, match=f"toy needs a variance or a covariance, got {got}"):
        likelihood.checked("toy", (2, 3))
