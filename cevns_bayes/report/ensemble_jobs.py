"""Jobs with toys and their files: one ensemble, into one folder."""

from pathlib import Path
from typing import Any

import numpy as np

from cevns_bayes.bayesian.provenance import check_made_of
from cevns_bayes.engine.problem import Problem
from cevns_bayes.ensembles.calibration import Calibration
from cevns_bayes.ensembles.confidence_region import FeldmanCousins
from cevns_bayes.ensembles.feldman_cousins import feldman_cousins
from cevns_bayes.experiments.experiment import Experiment
from cevns_bayes.report.ensembles import write_feldman_cousins
from cevns_bayes.report.folder import load_posterior, new_folder
from cevns_bayes.report.outcome import data_title
from cevns_bayes.report.plot_ensembles import plot_calibration, plot_feldman_cousins
from cevns_bayes.report.style import save
from cevns_bayes.scenarios.scenario import Scenario


def run_feldman_cousins(
    scenario: Scenario,
    experiments: list[Experiment],
    options: dict[str, Any],
    target: Path,
    *,
    posterior: Path | None = None,
    **settings: Any,
) -> FeldmanCousins:
    """Write points, intervals or contours, and a figure, to ``target``, whole or not at all.

    ``settings`` are those of :func:`cevns_bayes.feldman_cousins`, ``posterior`` is a folder.
    """
    problem = Problem.build(scenario, experiments, **options)
    draws = None if posterior is None else load_posterior(posterior)
    if draws is not None:
        check_made_of(draws, problem)
    with new_folder(target, force=False) as staging:
        found = feldman_cousins(scenario, experiments, **settings, **options)
        known = {
            p.name: p
            for own in problem.scenario.parameters_of_interest
            for p in (own, own.logarithm)
        }
        parameters = [known[name] for name in found.parameters]
        title = f"{scenario.title}, {data_title(experiments)}"
        figure = plot_feldman_cousins(found, parameters, title, draws)
        write_feldman_cousins(found, figure, staging, draws)
    return found


def write_calibrated(found: Calibration, target: Path) -> None:
    """Write ranks as CSV and their distribution functions as a figure."""
    with new_folder(target, force=False) as staging:
        columns = np.column_stack([found.below, found.shares])
        header = ",".join([*found.names, "effective_share"])
        path = staging / "ranks.csv"
        np.savetxt(path, columns, fmt="%.6g", delimiter=",", header=header, comments="")
        save(plot_calibration(found), staging / "calibration")
