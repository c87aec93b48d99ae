"""Scenarios: the contract, priors, and how a scenario is found."""
