"""Bayesian inference for coherent elastic neutrino-nucleus scattering (CEvNS).

>>> import cevns_bayes as cb
>>> posterior = cb.sample("weak-mixing-angle", data=["csi"])  # doctest: +SKIP

The names are in ``__init__.pyi``, in three groups: to load, to do, and to write a scenario or an
experiment of one's own. They are imported when first used, so that ``import cevns_bayes`` and
``cevns-bayes --help`` do not wait for PyMC.
"""

from importlib.metadata import version

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__version__ = version("cevns-bayes")
