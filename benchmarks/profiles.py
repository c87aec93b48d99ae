"""A profile surface of 101 x 101 points, with its curves: ours against a loop of iminuit fits.

    python benchmarks/profiles.py [SCENARIO] [--points N]

iminuit fits what ``tests/independent/chi2.py`` evaluates, with exact gradients, at some points of
the same grid, each from the minimum of the point before; its time is scaled to all points. Both are
timed after compiling, ours after the search for minima. The differences are those of Delta chi^2
below 9.
"""

import argparse
import importlib.util
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
SHOWN = 9.0


def chi2_of(scenario: str):
    """The second implementation of chi^2, compiled by PyTensor."""
    from cevns_bayes.engine.problem import Problem

    path = ROOT / "tests" / "independent" / "chi2.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    problem = Problem.build(scenario, ["csi"])
    return module.build_chi2(problem, problem.scenario.parameter_names, mode=None)


def fits(chi2, held: list[int], points: np.ndarray, start: np.ndarray) -> Iterator[float]:
    """Minima at fixed parameters of interest, one after the other."""
    from iminuit import Minuit

    minimiser = Minuit(chi2.value, start, grad=chi2.gradient, name=chi2.names)
    minimiser.limits = chi2.limits
    minimiser.errors = 0.1 * chi2.steps
    for i in held:
        minimiser.fixed[i] = True
    for point in points:
        for i, value in zip(held, point, strict=True):
            minimiser.values[i] = value
        yield minimiser.migrad().fval


def compare(title: str, ours: float, chi2, held, points, delta, best, sample) -> None:
    """One line: time of all points by both, the ratio, and the largest difference."""
    start = np.array([np.clip(0.0, *limits) for limits in chi2.limits])
    list(fits(chi2, held, points[:1], start))
    begin = time.perf_counter()
    found = np.array(list(fits(chi2, held, points[sample], start))) - best
    theirs = (time.perf_counter() - begin) * len(points) / len(sample)
    shown = delta[sample] < SHOWN
    apart = np.abs(found - delta[sample])[shown].max()
    print(
        f"| {title} | {ours:.2f} | {theirs:.1f} | {theirs / ours:.0f} | {apart:.4f} |", flush=True
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Profiles against iminuit")
    parser.add_argument("scenario", nargs="?", default="nsi-d-ee-mumu")
    parser.add_argument("--points", type=int, default=300, help="of the surface, by iminuit")
    given = parser.parse_args()

    from cevns_bayes.engine.problem import Problem
    from cevns_bayes.frequentist.profile import profile_of
    from cevns_bayes.frequentist.search import Search

    problem = Problem.build(given.scenario, ["csi"])
    search = Search.of(problem)
    profile_of(problem, search, doublings=0)  # compiles
    begin = time.perf_counter()
    scan = profile_of(problem, search, doublings=0)
    seconds = time.perf_counter() - begin
    chi2, best = chi2_of(given.scenario), scan.best_fit.chi2
    print("| what | ours [s] | iminuit [s] | ratio | largest difference |\n|---|---|---|---|---|")
    for (x, y), surface in scan.surfaces.items():
        held = [chi2.names.index(name) for name in (x, y)]
        grid = np.stack(np.meshgrid(surface.x, surface.y, indexing="ij"), axis=-1).reshape(-1, 2)
        near = np.flatnonzero(surface.delta_chi2.ravel() < SHOWN)
        sample = near[:: max(len(near) // given.points, 1)]
        title = f"{given.scenario}: surface of {len(grid)} points, and curves"
        compare(title, seconds, chi2, held, grid, surface.delta_chi2.ravel(), best, sample)


if __name__ == "__main__":
    main()
