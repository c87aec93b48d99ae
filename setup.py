"""The packages of the wheel: those found, and the two that pyproject.toml maps to other folders."""

from setuptools import find_packages, setup

setup(packages=[*find_packages(include=["cevns_bayes*"]), "cevns_bayes.models", "cevns_bayes.data"])
