"""Bayesian inference for coherent elastic neutrino-nucleus scattering (CEvNS).

>>> import cevns_bayes as cb
>>> posterior = cb.sample("weak-mixing-angle", data=["csi"])
"""

from importlib import import_module
from typing import Any

# Public name -> module: the names are imported when first used, so that `import cevns_bayes`
# and `cevns-bayes --help` do not wait for PyMC.
_PUBLIC = {
    "InputError": "errors",
    "build_model": "model",
    "check_convergence": "diagnostics",
    "compare": "comparison",
    "experiment_names": "experiments",
    "fit": "best_fit",
    "load_experiment": "experiments",
    "load_scenario": "scenario",
    "predict": "model",
    "prior_sensitivity": "sensitivity",
    "profile": "scan",
    "sample": "sampling",
    "scenario_names": "scenario",
    "summary": "diagnostics",
}

__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'cevns_bayes' has no attribute '{name}'")
    return getattr(import_module(f"cevns_bayes.{_PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return __all__
