"""Scenarios, one physics per file. See :mod:`cevns_bayes.scenario` for the contract."""
