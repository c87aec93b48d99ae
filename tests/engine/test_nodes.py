"""Few nodes against all of the fine ones, over the whole prior of every scenario."""

import numpy as np
import pymc as pm
import pytensor
import pytest

import cevns_bayes as cb
from cevns_bayes.compiling import AS_WRITTEN
from cevns_bayes.detectors.response import Nodes, Response
from cevns_bayes.engine.problem import Problem

DRAWS = 200
SIGNALS = ("cevns", "es")
QUICK = ("sm", "light-vector-universal", "millicharge")
CASES = [
    pytest.param(scenario, data, marks=[] if scenario in QUICK else pytest.mark.slow)
    for scenario in cb.scenario_names()
    for data in ("csi", "lar-2d")
]


def fine_nodes(response):
    """All nodes, which stand in for nothing else."""
    energy = response.recoil_energy_mev
    return Nodes(response.nuclei, energy, np.eye(len(energy)))


def signals(scenario, data):
    """Function of the free variables, and draws of them from the prior."""
    problem = Problem.build(scenario, data)
    (components,) = problem.components.values()
    outputs = [components[name] for name in SIGNALS if name in components]
    rvs = problem.model.free_RVs
    evaluate = pytensor.function(
        rvs,
        [pytensor.tensor.as_tensor(x) for x in outputs],
        mode=AS_WRITTEN,
        on_unused_input="ignore",
    )
    draws = pm.draw(rvs, DRAWS, random_seed=1, mode=AS_WRITTEN)
    return evaluate, list(zip(*draws, strict=True))


@pytest.mark.parametrize(("scenario", "data"), CASES)
def test_few_nodes_are_enough(monkeypatch, scenario, data):
    few, points = signals(scenario, data)
    monkeypatch.setattr(Response, "nodes", property(fine_nodes))
    fine, _ = signals(scenario, data)
    for point in points:
        for found, expected in zip(few(*point), fine(*point), strict=True):
            scale = np.abs(expected).sum()
            seen = np.abs(expected) > max(1e-3, 1e-8 * scale)
            np.testing.assert_allclose(found[seen], expected[seen], rtol=1e-5)
