"""The sampler laplace against samplers that share nothing with it but the model."""

import arviz as az
import numpy as np
import pytest

import cevns_bayes as cb
from cevns_bayes.bayesian.samplers import Nested
from cevns_bayes.scenarios.prior_view import Prior

pytestmark = pytest.mark.slow


def _draws(scenario, data, sampler, **settings):
    return cb.sample(scenario, data, sampler=sampler, seed=11, progressbar=False, **settings)


@pytest.mark.parametrize("scenario", ["sm", "weak-mixing-angle", "neutron-radius"])
def test_means_and_widths_are_those_of_long_nuts_chains(scenario):
    trees = [
        _draws(scenario, ["csi"], "laplace", draws=5000),
        _draws(scenario, ["csi"], "nuts", draws=5000),
    ]
    names = [rv.name for rv in cb.build_model(scenario, ["csi"]).free_RVs]
    groups = [tree["posterior"].to_dataset()[names] for tree in trees]
    for statistic, method in ((np.mean, "mean"), (np.std, "sd")):
        errors = [az.mcse(group, method=method) for group in groups]
        for name in names:
            ours, theirs = (statistic(group[name].to_numpy()) for group in groups)
            error = np.hypot(*(float(of[name]) for of in errors))
            assert abs(ours - theirs) < 3 * error, (method, name)


@pytest.mark.parametrize(
    ("scenario", "data"),
    [("millicharge", "csi"), ("weak-mixing-angle", "lar")],
)
def test_evidence_and_quantiles_are_those_of_nested_sampling(scenario, data):
    samplers = "laplace", Nested(draws=1250, live_points=1000)
    trees = [_draws(scenario, data.split(","), of) for of in samplers]
    ours, theirs = (tree.attrs["log_evidence"] for tree in trees)
    assert trees[0].attrs["log_evidence_error"] < 0.02
    assert ours == pytest.approx(theirs, abs=0.05)
    model = cb.build_model(scenario, data.split(","))
    for name in cb.load_scenario(scenario).parameter_names:
        found = [np.quantile(t["posterior"][name], (0.05, 0.25, 0.5, 0.75, 0.95)) for t in trees]
        extent = np.ptp(Prior.of(model, name).limits)
        assert np.abs(found[0] - found[1]).max() < 0.02 * extent
