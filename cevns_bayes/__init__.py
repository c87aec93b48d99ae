"""Bayesian inference for coherent elastic neutrino-nucleus scattering (CEvNS)."""

from cevns_bayes.errors import InputError
from cevns_bayes.experiments import experiment_names, load_experiment
from cevns_bayes.model import build_model, predict
from cevns_bayes.scenario import scenario_names
