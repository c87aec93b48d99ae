"""Samplers: frozen objects that know and check their own settings.

One of one's own is any object with the members of :class:`Sampler`; it is given to
:func:`cevns_bayes.sample` as it is.
"""

from cevns_bayes.bayesian.samplers.laplace import Laplace
from cevns_bayes.bayesian.samplers.nested import Nested
from cevns_bayes.bayesian.samplers.nuts import NUTS
from cevns_bayes.bayesian.samplers.sampler import Sampler
from cevns_bayes.bayesian.samplers.smc import SMC

__all__ = ["NUTS", "SMC", "Laplace", "Nested", "Sampler"]
