"""Figures of model against data: every number that is drawn lies within the axes."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr
from matplotlib.patches import Rectangle

import cevns_bayes as cb
from cevns_bayes.bayesian.diagnostics import MAX_PARETO_K
from cevns_bayes.report.expectations import expected_draws
from cevns_bayes.report.figures import caption
from cevns_bayes.report.plot_data import MIN_SHOWN_EVENTS
from cevns_bayes.report.record import Recorded
from cevns_bayes.report.view import View

CHAINS, DRAWS = 2, 50


def posterior_of(experiment, expected, group="posterior"):
    """A toy: draws scatter by 3 % around the expectation, replicated data by Poisson."""
    rng = np.random.default_rng(1)
    dims = [experiment.qualified(axis.name) for axis in experiment.axes]
    ones = (CHAINS, DRAWS, *[1] * len(dims))
    mu = expected * (1 + 0.03 * rng.normal(size=ones))
    counts, drawn = experiment.qualified("counts"), ("chain", "draw", *dims)
    groups = {
        "posterior": xr.Dataset(),
        "posterior_predictive": xr.Dataset({counts: (drawn, rng.poisson(mu))}),
        "observed_data": xr.Dataset({counts: (dims, experiment.counts)}),
    }
    groups[group] = xr.Dataset({experiment.qualified("expected"): (drawn, mu)})
    return xr.DataTree.from_dict(groups)


@pytest.fixture(scope="module")
def bare(csi):
    """One axis, no time, no background."""
    signal = replace(csi.signals[0], time_shapes={}, norms=(), radius=None, onset=None)
    nuisances = tuple(n for n in csi.nuisances if n.name in signal.nuisance_names)
    bare = cb.Experiment("bare", csi.axes[:1], (signal,), nuisances=nuisances)
    return cb.asimov("sm", data=bare)[0]


def heights(panel):
    """All y that a panel draws: data with their errors, bands, lines, bars."""
    for patch in panel.patches:
        if isinstance(patch, Rectangle):  # the band of pulls
            continue
        values = patch.get_data()
        yield values.values
        if values.baseline is not None:
            yield np.atleast_1d(values.baseline)
    for line in panel.lines:
        yield np.asarray(line.get_ydata())
    for bars in panel.collections:
        yield np.concatenate(bars.get_segments())[:, 1]


@pytest.mark.parametrize("name", ["csi", "lar", "bare"])
def test_nothing_is_cut(name, request):
    experiment = request.getfixturevalue("bare") if name == "bare" else cb.load_experiment(name)
    mu = cb.predict("sm", data=experiment)
    posterior = posterior_of(experiment, mu["total"].to_numpy())
    spectra = cb.plot_spectra(experiment, posterior, mu, mu)
    assert len(spectra.axes) == len(experiment.axes) * (3 if experiment.backgrounds else 2)
    for figure in (spectra, cb.plot_predictive(experiment, posterior)):
        for panel in figure.axes:
            low, high = panel.get_ylim()
            for values in heights(panel):
                assert low <= values.min(), panel.get_ylabel()
                assert values.max() <= high, panel.get_ylabel()


def words_of_data(figure):
    labels = {text.get_text() for text in figure.legends[0].get_texts()}
    return labels & {"data", "Asimov data", "pseudo-data"}


def test_pseudo_data_are_not_called_data(csi, sm_counts):
    posterior = posterior_of(csi, sm_counts["total"].to_numpy())
    asimov = replace(csi, reference="").asimov(csi.counts)
    assert asimov.reference == "Asimov data, csi"
    of = {"data": csi, "Asimov data": Recorded.of(asimov), "pseudo-data": asimov.fluctuated(1)}
    for word, experiment in of.items():
        spectra = cb.plot_spectra(experiment, posterior, sm_counts, sm_counts)
        assert words_of_data(spectra) == {word}
        assert words_of_data(cb.plot_predictive(experiment, posterior)) == {word}


def test_captions_call_pseudo_data_by_their_name(bare, csi):
    known = {"experiments": [bare, csi], "p_values": {"csi": 0.5}, "view": View()}
    analysis = SimpleNamespace(**known)
    assert caption("predictive_bare", analysis).startswith("Asimov data and replicated")
    assert caption("spectra_csi", analysis).startswith("Data and expectation")
    assert "p-value" in caption("spectra_csi", analysis)
    for name in ("spectra_bare", "predictive_csi"):
        assert "p-value" not in caption(name, analysis)


def test_bars_add_up_to_the_best_fit(csi):
    mu = cb.predict("sm")
    figure = cb.plot_spectra(csi, posterior_of(csi, mu["total"].to_numpy()), mu, mu)
    upper, _, lower, *_ = figure.axes
    width = np.diff(csi.axis("energy").edges)
    total = mu["total"].sum("time").to_numpy()
    *_, top, _, _ = (patch.get_data().values * width for patch in upper.patches)  # band, SM last
    np.testing.assert_allclose(top, total, atol=MIN_SHOWN_EVENTS)  # fewer are not drawn
    *_, top, _, _ = (patch.get_data().values * width for patch in lower.patches)
    rest = total - mu["ssb"].sum("time").to_numpy()
    np.testing.assert_allclose(top, rest, atol=MIN_SHOWN_EVENTS)


@pytest.mark.parametrize("group", ["posterior", "expected"])
def test_expected_counts_are_found_in_either_group(csi, sm_counts, group):
    posterior = posterior_of(csi, sm_counts["total"].to_numpy(), group)
    assert expected_draws(posterior, csi).shape == (CHAINS, DRAWS, *csi.shape)


def test_line_of_pareto_k_is_that_of_the_comparison():
    k = xr.Dataset({"pareto_k": (("model", "bin"), [[0.1, 0.9]])}, coords={"model": ["sm"]})
    (panel,) = cb.plot_pareto_k(k).axes
    (line,) = (line for line in panel.lines if str(MAX_PARETO_K) in line.get_label())
    assert set(line.get_ydata()) == {MAX_PARETO_K}


def test_few_draws_are_drawn_without_a_word(caplog):
    draws = np.random.default_rng(1).normal(size=(2, CHAINS, 6))
    group = xr.Dataset({name: (("chain", "draw"), x) for name, x in zip("ab", draws, strict=True)})
    posterior = xr.DataTree.from_dict({"posterior": group})
    cb.plot_corner(posterior, ["a", "b"], {"a": "a", "b": "b"}, {"a": 0.0, "b": 0.0})
    assert not caplog.messages
