"""All maxima in a box."""

import jax.numpy as jnp
import numpy as np
import pymc as pm
import pytest

from cevns_bayes.engine.compiled import Compiled
from cevns_bayes.engine.maxima import maxima
from cevns_bayes.engine.problem import Problem
from cevns_bayes.engine.solver import Solver

SQUARE = np.array([[-2.0, 2.0], [-2.0, 2.0]])
SIDE = (pm.Uniform, -2, 2)


def two_holes(x, y):
    """Zeros at (1, 1/2) and, less deep, at (-1, 1/2)."""
    return [(x**2 - 1) / 0.05, (y - 0.5) / 0.3, (x - 1) / 2]


def test_all_maxima_the_highest_first(toy):
    found = maxima(toy(two_holes, 3, x=SIDE, y=SIDE), SQUARE)
    assert found.converged.all()
    np.testing.assert_allclose(found.x, [[1, 0.5], [-1, 0.5]], atol=2e-3)
    np.testing.assert_allclose(found.height, [0, -0.5], atol=2e-3)


def test_heights_that_are_no_numbers_in_part_of_the_box(toy):
    def root(x, y):
        return [(jnp.sqrt(x) - 0.5) / 0.1, y]

    found = maxima(toy(root, 2, x=SIDE, y=SIDE), SQUARE)
    np.testing.assert_allclose(found.x[0], [0.25, 0], atol=1e-3)
    assert np.isfinite(found.height).all()


def test_no_number_anywhere(toy):
    found = maxima(toy(lambda x, y: [jnp.sqrt(x - 3), y], 2, x=SIDE, y=SIDE), SQUARE)
    assert found.x.shape == (0, 2)


def test_narrow_maximum_on_a_line_through_the_highest(toy):
    """Of a width that the sequence of points is too coarse for."""

    def residuals(x, alpha):
        return [10 * (1 - jnp.exp(-(((x - 30.0) / 0.15) ** 2))) * (1 - jnp.exp(-((x / 20) ** 2)))]

    solver = toy(residuals, 1, x=(pm.Uniform, -50, 50), alpha=(pm.Normal, 0, 1))
    found = maxima(solver, np.array([[-50.0, 50.0]]))
    np.testing.assert_allclose(sorted(found.x[found.height > -1e-4, 0])[-1], 30, atol=1e-2)


def test_prior_without_bounds(toy):
    solver = toy(lambda x: [(x - 5) / 0.1], 1, x=(pm.Normal, 0, 1e-3))
    found = maxima(solver, np.array([[-0.003, 0.003]]))
    np.testing.assert_allclose(found.x, [[5.0]], atol=1e-3)


@pytest.mark.parametrize("data", [["csi"], ["csi", "lar-gaussian"]])
def test_without_parameters_of_interest_there_is_one(data):
    solver = Solver(Compiled.of(Problem.build("sm", data)))
    found = maxima(solver, np.zeros((0, 2)))
    assert found.height.shape == (1,)
    slopes = 1e-3 * solver.compiled.widths * np.eye(len(solver.compiled.widths))
    assert (solver.heights(found.x + slopes) < found.height + 1e-7).all()
    assert (solver.heights(found.x - slopes) < found.height + 1e-7).all()
