import numpy as np
import pytest

from cevns_bayes.engine.problem import Problem
from cevns_bayes.engine.solver import solver_of
from cevns_bayes.report.expectations import expectations


@pytest.mark.parametrize("width", [0.11, 0.04])
def test_experiments_alone_are_those_fitted_together(csi, width):
    """Also where the common part of a nuisance is narrower in one of them."""
    csi = csi.with_sigma({"alpha_flux": width})
    problem = Problem.build("weak-mixing-angle", [csi, "lar"])
    solver = solver_of(problem)
    x = solver.compiled.peaks + 0.5 * solver.compiled.widths
    x[0] = 0.23
    values = dict(zip(solver.compiled.names, x.tolist(), strict=True))
    found = expectations(problem.scenario, problem.experiments, values, problem.options)
    for experiment, together in zip(problem.experiments, solver.expected(x[None]), strict=True):
        alone = found[experiment.name].sel(at="best_fit")["total"]
        np.testing.assert_allclose(alone, together[0], rtol=1e-9)
