"""Likelihoods whose maxima are known, as the engine takes them: sums of squares."""

import jax.numpy as jnp
import numpy as np
import pymc as pm

from cevns_bayes.engine.compiled import Compiled, Part
from cevns_bayes.engine.solver import Solver
from cevns_bayes.scenarios.prior_view import Prior


class Zeros:
    """Stands for an experiment: residuals are observed to be zero."""

    def __init__(self, size):
        self.counts = np.zeros(size)


def toy(residuals, size, **distributions):
    """chi^2 = sum of squares of ``residuals(x)``, plus alpha^2 if the last variable is alpha."""
    with pm.Model() as model:
        for name, (distribution, *numbers) in distributions.items():
            distribution(name, *numbers)
    pulled = "alpha" in distributions
    part = Part(
        expected=lambda *x: jnp.stack(residuals(*x)),
        log_likelihood=lambda counts, expected: -0.5 * jnp.sum((expected - counts) ** 2),
        seen=np.arange(len(distributions)),
    )
    compiled = Compiled(
        priors=tuple(Prior.of(model, name) for name in distributions),
        interest=len(distributions) - pulled,
        parts=(part,),
        log_prior_of_nuisances=lambda *x: -0.5 * x[-1] ** 2 if pulled else jnp.zeros(()),
        others=lambda *x: [],
        experiments=(Zeros(size),),
    )
    return Solver(compiled)
