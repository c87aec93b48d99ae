"""Published and own confidence levels of eps_ee on CsI 2017.

``python published_confidence.py PNG`` prints the table of docs/coverage.md and draws its
figure.
"""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pymc as pm

import cevns_bayes as cb
from cevns_bayes.datasets import read_table
from cevns_bayes.detectors.time_shapes import TimeShape
from cevns_bayes.ensembles.fits import Fitter
from cevns_bayes.ensembles.toy_fits import ToyFits
from cevns_bayes.ensembles.work import Origin
from cevns_bayes.frequentist.search import Search

PATH = Path(__file__).parents[1] / "independent" / "csi_2017_feldman_cousins.py"
SPEC = importlib.util.spec_from_file_location(PATH.stem, PATH)
independent = importlib.util.module_from_spec(SPEC)
sys.modules[PATH.stem] = independent
SPEC.loader.exec_module(independent)

PUBLISHED_TOYS = 501  # so that percentages are n/501


def published():
    """eps_ee and confidence levels; half of the points are the others, mirrored at 0.095."""
    table = read_table("published", "csi_2017_feldman_cousins")
    return table["eps_ee"], table["percent"] / 100


def pulls(ours, toys):
    """Differences in binomial errors of both."""
    _, theirs = published()
    p = np.clip(theirs, 1 / (PUBLISHED_TOYS + 2), 1 - 1 / (PUBLISHED_TOYS + 2))
    return (ours - theirs) / np.sqrt(p * (1 - p) * (1 / PUBLISHED_TOYS + 1 / toys))


def of_independent(toys, seed=1, **different):
    analysis = independent.Analysis(**different)
    return np.array([analysis.confidence(eps, toys, seed) for eps in published()[0]])


def scenario(coupling):
    """eps_ee of u and d alike, with the couplings of the Standard Model given."""

    def declare():
        eps = pm.Uniform("eps_ee", *independent.RANGE)

        def cross_section(target, flavour):
            charge = target.Z_Fp * coupling["p"] + target.N_Fn * coupling["n"]
            shift = 3 * eps * (target.Z_Fp + target.N_Fn) if flavour.family == "e" else 0.0
            return cb.vector(target, (charge + shift) ** 2)

        return cross_section

    parameter = cb.Parameter("eps_ee", r"$\varepsilon_{ee}$")
    return cb.Scenario("u and d alike", (parameter,), "arXiv:2008.06062", declare, name="eps-ee")


def with_steady_state():
    """csi-2017 with the steady state of the publication, of three samples in place of one."""
    loaded, steady = cb.load_experiment("csi-2017"), independent.steady_state()
    neutrons, ssb = loaded.backgrounds
    energies, times = (steady.sum(axis=axis) / steady.sum() for axis in (1, 0))
    shapes = {"energy_shape": energies, "time_shape": TimeShape.constant(times)}
    return replace(loaded, backgrounds=(neutrons, replace(ssb, events=steady.sum(), **shapes)))


def of_engine(data, coupling, toys, seed=1):
    """By fits and toys of the package."""
    origin = Origin(scenario(coupling), data)
    search = Search.of(origin.problem)
    eps, nuisances = published()[0], search.solver.compiled.names[1:]
    fits = [cb.fit(origin.scenario, data, fixed={"eps_ee": value}) for value in eps]
    observed = np.array([fit.chi2 for fit in fits]) - cb.fit(origin.scenario, data).chi2
    norms = [[fit.nuisances[name] for name in nuisances] for fit in fits]
    truths = np.column_stack([eps, norms])
    work = ToyFits(origin, truths, (0,), Fitter.of(search).library, seed)
    delta = cb.Runner().run(work, toys).read()["delta"]
    return (delta < observed[:, None]).mean(axis=1)


def everything(toys):
    """By what is different."""
    tree, corrected = independent.TREE, independent.corrected_couplings()
    beam_on = independent.beam_on_steady_state()
    return {
        "χ² of the publication": of_independent(toys),
        "… with Gaussian pulls, drawn anew": of_independent(toys, gaussian=True),
        "… with couplings at tree level": of_independent(toys, coupling=tree),
        "… with the steady state of beam on": of_independent(toys, steady=beam_on),
        "package, inputs of the publication": of_engine(with_steady_state(), corrected, toys),
        "package, couplings at tree level": of_engine(with_steady_state(), tree, toys),
        "package, `csi-2017`": of_engine("csi-2017", tree, toys),
    }


def figure(found):
    drawn, panel = plt.subplots(figsize=(7, 4.5), layout="constrained")
    (eps, theirs), names = published(), list(found)
    error = 100 * np.sqrt(theirs * (1 - theirs) / PUBLISHED_TOYS)
    panel.errorbar(eps, 100 * theirs, error, fmt="s", color="0.4", label="published")
    for name, style in ((names[0], "k-"), (names[4], "C0o--"), (names[-1], "C1:")):
        panel.plot(eps, 100 * found[name], style, mfc="none", label=name.replace("`", ""))
    panel.set(xlabel=r"$\varepsilon_{ee}$ of u and d", ylabel="excluded at [% CL]", ylim=(-3, 103))
    drawn.legend(loc="outside upper center", ncols=2)
    return drawn


def main(path, toys=500):
    found = everything(toys)
    print("| toys of | points within 3 errors | largest difference [%] |")
    print("| --- | --- | --- |")
    for name, ours in found.items():
        number = (np.abs(pulls(ours, toys)) < 3).sum()
        largest = 100 * np.abs(ours - published()[1]).max()
        print(f"| {name} | {number} of {len(ours)} | {largest:.0f} |")
    figure(found).savefig(path, dpi=120)


if __name__ == "__main__":
    main(sys.argv[1])
