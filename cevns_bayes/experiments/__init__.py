"""Experiments: the contract, how one is found, and, in ``shipped``, those of the package."""
