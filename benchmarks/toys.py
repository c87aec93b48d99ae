"""Fits of toys, many at once, against a loop of iminuit fits over the same toys in the same run.

    python benchmarks/toys.py [SCENARIO] [DATA] [TOYS] [LOOPED]

Each toy is fitted twice, with the parameters of interest held and free. The loop has chi^2 as one
compiled function, begins at the truth, and does MIGRAD with numerical gradients, as usual, or with
exact ones. Both are timed by the CPU, after compiling; LOOPED toys are looped over. They are also
compared with the search for all maxima.
"""

import sys
import time

import jax
import numpy as np
from iminuit import Minuit

from cevns_bayes.engine.maxima import maxima
from cevns_bayes.engine.problem import Problem
from cevns_bayes.ensembles.fits import Fitter
from cevns_bayes.ensembles.pseudo_data import drawn, seeds_of
from cevns_bayes.frequentist.search import Search


def minimum(compiled, measured, truth, held, chi2, gradient):
    """chi^2 of one toy by MIGRAD."""
    counts, shifts = measured
    minuit = Minuit(
        lambda x: float(chi2(x, counts, shifts)),
        truth,
        grad=(lambda x: np.asarray(gradient(x, counts, shifts))) if gradient else None,
        name=compiled.names,
    )
    minuit.errordef = Minuit.LEAST_SQUARES
    minuit.limits = [tuple(ends) for ends in compiled.limits.T]
    minuit.errors = list(0.1 * compiled.widths)
    for index in held:
        minuit.fixed[index] = True
    minuit.migrad()
    return minuit.fval


def main(scenario="weak-mixing-angle", data="csi", toys="1000", looped="20"):
    search = Search.of(Problem.build(scenario, data.split(",")))
    compiled, held = search.solver.compiled, range(len(search.names))
    fitter = Fitter.of(search)
    truth = np.tile(search.minima.x[0], (int(toys), 1))
    measured = drawn(search.solver, truth, seeds_of(1, (0, 0), range(int(toys))))
    fitter.fits(measured, truth, held)
    start = time.process_time()
    found = fitter.fits(measured, truth, held)
    batched = (time.process_time() - start) / int(toys)
    print(f"{scenario} on {data}: {1e3 * batched:.2f} ms per toy, {toys} toys at once")

    one = [jax.tree.map(lambda array, i=i: array[i], measured) for i in range(int(looped))]
    best = [maxima(search.solver.of(toy), search.box).height[0] for toy in one]
    missed = found.chi2[: len(one)] - np.asarray(compiled.chi2(np.array(best)))
    print(f"above the search for all maxima, of {looped} toys: {missed.max():.1e} at most")

    chi2 = jax.jit(lambda x, n, s: compiled.chi2(compiled.height(x, n, s)))
    gradient = jax.jit(jax.grad(lambda x, n, s: compiled.chi2(compiled.height(x, n, s))))
    for words, exact in (("numerical", None), ("exact", gradient)):
        minimum(compiled, one[0], truth[0], held, chi2, exact)
        start = time.process_time()
        fits = [
            [minimum(compiled, toy, truth[0], of, chi2, exact) for of in (held, ())] for toy in one
        ]
        each = (time.process_time() - start) / len(one)
        worse = np.array(fits)[:, 1] - found.chi2[: len(one)]
        print(f"iminuit, {words} gradients: {1e3 * each:.1f} ms, {each / batched:.0f} times")
        print(f"    its minima are {worse.min():.1e} to {worse.max():.1e} higher")


if __name__ == "__main__":
    main(*sys.argv[1:])
