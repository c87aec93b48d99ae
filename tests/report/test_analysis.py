"""Analyses in which little is free, or of which something is not to be trusted."""

import math
from dataclasses import replace

import numpy as np
import pymc as pm
import pytest

import cevns_bayes as cb
from cevns_bayes.bayesian.diagnostics import check_convergence, sampled_names
from cevns_bayes.report.analysis import _standard_model
from cevns_bayes.report.html import render
from cevns_bayes.report.outcome import outcome_of
from cevns_bayes.report.tables import against_standard_model

SHORT = {"sampler": "laplace", "draws": 100, "chains": 2, "progressbar": False}


@pytest.fixture(scope="module")
def bare(csi):
    """Asimov data of one axis, without nuisances."""
    signal = replace(csi.signals[0], norms=(), radius=None, onset=None, time_shapes={})
    signal = replace(signal, response=replace(signal.response, variations={}))
    return cb.asimov("sm", data=cb.Experiment("bare", csi.axes[:1], (signal,)))[0]


@pytest.fixture(scope="module")
def analysis(bare):
    """Of a scenario with a Deterministic of its own, on data without nuisances."""

    def declare():
        kappa = pm.Uniform("kappa", 0.0, 3.0)
        pm.Deterministic("double", 2 * kappa)
        return lambda target, flavour: cb.vector(target, kappa * cb.weak_charge(target, 0.2) ** 2)

    parameters = (cb.Parameter("kappa", "k", standard_model=1.0),)
    scenario = cb.Scenario("Scaled", parameters, "nowhere", declare, name="scaled")
    return cb.analyse(scenario, bare, **SHORT)


def test_the_standard_model_may_have_nothing_free(analysis, bare):
    exact = sum(n * math.log(n) - n - math.lgamma(n + 1) for n in bare.counts)
    sm, fit = analysis.comparison.sel(model="sm"), analysis.standard_model
    for name in ("elpd_loo", "elpd_waic", "log_evidence"):
        assert float(sm[name]) == pytest.approx(exact), name
    assert (fit.chi2, fit.dof) == (pytest.approx(0.0, abs=1e-9), bare.counts.size)
    assert fit.valid


def test_deterministics_are_shown_but_not_counted(analysis):
    assert sampled_names(analysis.posterior) == ["kappa"]
    assert {*analysis.summary["variable"].values} == {"kappa", "double"}
    shifted = analysis.posterior.copy()
    group = shifted["posterior"].to_dataset()
    group["double"] = group["double"] * 0 + group["chain"]
    shifted["posterior"] = group
    assert check_convergence(shifted) == check_convergence(analysis.posterior)


def test_it_is_written_and_read(analysis, tmp_path):
    cb.write_report(analysis, tmp_path)
    again = cb.load_analysis(tmp_path)
    assert again.standard_model == analysis.standard_model
    assert np.isinf(again.comparison["pareto_k"].sel(model="sm")).all()
    assert "double" in (tmp_path / "summary.csv").read_text(encoding="utf-8")


def test_another_sampler_where_the_own_cannot(caplog):
    conus = [cb.load_experiment("conus-plus")]
    settings = {**SHORT, "sampler": "nested", "draws": 1000}
    found = _standard_model(conus, settings, {})
    assert found.attrs["sampler"] == "laplace"
    assert any("the Standard Model is sampled by another" in text for text in caplog.messages)


def test_a_standard_model_not_to_be_trusted_is_in_every_report(results):
    analysis = cb.load_analysis(results)
    (of_sm,) = analysis.problems_of_standard_model  # of 60 draws
    assert of_sm.startswith("not converged (")
    failed = replace(analysis, standard_model=replace(analysis.standard_model, valid=False))
    assert failed.problems_of_standard_model == [of_sm, "no valid minimum of χ²"]
    assert outcome_of(failed, None).problems[-2:] == [
        f"Standard Model: {of_sm}",
        "Standard Model: no valid minimum of χ²",
    ]
    shown = f"The Standard Model, with which it is compared: {of_sm}; no valid minimum of χ²."
    assert shown in render(failed, {})
    good = replace(analysis, comparison=analysis.comparison.assign_attrs(problems="{}"))
    assert good.problems_of_standard_model == []
    assert "with which it is compared" not in render(good, {})


def test_without_loo_there_is_no_number(results):
    analysis = cb.load_analysis(results)
    lost = analysis.comparison.assign(loo=analysis.comparison["loo"] * np.nan)
    table = against_standard_model(replace(analysis, comparison=lost))
    (row,) = (row for row in table.cells() if row[0].startswith("LOO"))
    assert row[1:] == ["—", "too few draws"]
    assert outcome_of(replace(analysis, comparison=lost), None).loo is None
