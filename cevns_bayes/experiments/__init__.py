"""Experiments: the contract, how one is found, and, in ``shipped``, those of the package."""

from cevns_bayes.experiments.components import (
    Background,
    FormulaBackground,
    Signal,
    TemplateBackground,
)
from cevns_bayes.experiments.experiment import Axis, Experiment, Nuisance
from cevns_bayes.experiments.likelihoods import Gaussian, Poisson

__all__ = [
    "Axis",
    "Background",
    "Experiment",
    "FormulaBackground",
    "Gaussian",
    "Nuisance",
    "Poisson",
    "Signal",
    "TemplateBackground",
]
