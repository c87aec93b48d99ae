"""Scenarios: the contract, priors, and how a scenario is found."""

from cevns_bayes.scenarios.priors import log_uniform
from cevns_bayes.scenarios.scenario import Parameter, Scenario

__all__ = ["Parameter", "Scenario", "log_uniform"]
