"""Default posteriors of degenerate scenarios against posteriors on a grid."""

import numpy as np
import pytest

import cevns_bayes as cb
from cevns_bayes.bayesian.regions import posterior_density_1d, posterior_density_2d
from cevns_bayes.bayesian.sampling import Task, check_settings
from cevns_bayes.engine.problem import Problem

PROBABILITIES = (0.05, 0.25, 0.5, 0.75, 0.95)
SEEDS = (1, 2, 3, 4, 5)
DRAWS = 3000  # per chain: quantiles of a plateau scatter by half a percent of its range

# Solutions that are told apart: one side of a valley of the posterior, or a corner of a plateau.
SCENARIOS = {
    "nsi-ee-ud": lambda up, down: down + 0.893 * up > 0.18,
    "nsi-d-ee-mumu": lambda ee, mumu: mumu > 0.18,
    "light-vector-universal": lambda mass, coupling: coupling > -3.5,
    "leptoquark-s1": lambda mass, coupling: coupling > -1.5,
    "charge-radius": lambda ee, mumu: mumu < -28.0,
    "sterile-dipole": lambda m4, moment: m4 > 1.0,
}


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_posterior_is_that_of_the_grid(scenario, laplace_grid):
    truth = laplace_grid(scenario)
    extent = np.ptp(truth.box, axis=1)
    problem = Problem.build(scenario, ["csi"])  # one for all seeds, as they explore it alike
    for seed in SEEDS:
        task = Task(problem, seed, progressbar=False, checkpoint=None)
        tree = task.automatically(*check_settings(seed=seed, draws=DRAWS))
        assert tree.attrs["sampler"] == "laplace"
        assert cb.check_convergence(tree).problems == []
        draws = [tree["posterior"][name].to_numpy().ravel() for name in truth.names]
        weight = float(np.mean(SCENARIOS[scenario](*draws)))
        assert weight == pytest.approx(truth.weight(SCENARIOS[scenario]), abs=0.02)
        for axis in (0, 1):
            found = np.quantile(draws[axis], PROBABILITIES)
            known = truth.quantiles(axis, PROBABILITIES)
            assert np.abs(found - known).max() < 0.02 * extent[axis]
            density = posterior_density_1d(tree, truth.names[axis], tuple(truth.box[axis]))
            smooth = np.interp(PROBABILITIES, np.cumsum(density.weights), density.x)
            assert np.abs(smooth - known).max() < 0.01 * extent[axis]
        assert tree.attrs["log_evidence"] == pytest.approx(truth.log_evidence, abs=0.05)
        density = posterior_density_2d(tree, tuple(truth.names), tuple(map(tuple, truth.box)))
        assert density.area(0.90) == pytest.approx(truth.area(0.90), rel=0.03)
