"""Scenarios, one physics per file. See :mod:`cevns_bayes.scenarios.scenario` for the contract."""
