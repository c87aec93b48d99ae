"""Profiles against loops of iminuit fits: of one parameter at 41 points, of two at 101 x 101.

    python benchmarks/profiles.py [SCENARIO] [--points N]

iminuit fits what ``tests/independent/chi2.py`` evaluates, with gradients from differences, as
usual, or with exact ones, each point from the minimum of the one before. Of a surface it fits N
points, and its time is scaled to all; of a curve all 41, which lie among ours. All are timed after
compiling, ours after the search for minima, as iminuit begins at the best fit. Ours follow several
solutions, refine curves where regions end, and are exact there. Differences are those of
Delta chi^2 below 9; iminuit's is higher where it stays in another solution.
"""

import argparse
import importlib.util
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
SHOWN = 9.0
CURVE_POINTS = 41


def chi2_of(problem: Any) -> Any:
    """The second implementation of chi^2, compiled by PyTensor."""
    path = ROOT / "tests" / "independent" / "chi2.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module.build_chi2(problem, problem.scenario.parameter_names, mode=None)


@dataclass(frozen=True)
class Loop:
    """Fits by iminuit, one after the other, that begin at ``best``."""

    chi2: Any
    best: Any

    def minima(self, held: list[int], points: np.ndarray, exact: bool) -> np.ndarray:
        """Delta chi^2 with these variables held, points of shape (points, held)."""
        from iminuit import Minuit

        start = [self.best.values.get(name, 0.0) for name in self.chi2.names]
        gradient = self.chi2.gradient if exact else None
        minimiser = Minuit(self.chi2.value, start, grad=gradient, name=self.chi2.names)
        minimiser.errordef = Minuit.LEAST_SQUARES
        minimiser.limits = self.chi2.limits
        minimiser.errors = 0.1 * self.chi2.steps
        for i in held:
            minimiser.fixed[i] = True
        found = []
        for point in points:
            for i, value in zip(held, point, strict=True):
                minimiser.values[i] = value
            found.append(minimiser.migrad().fval)
        return np.array(found) - self.best.chi2

    def compare(
        self, names: Sequence[str], points: np.ndarray, delta: np.ndarray, seconds: float, of: int
    ) -> None:
        """One line for either kind of gradients; ``seconds`` and ``of`` points were ours."""
        held = [self.chi2.names.index(name) for name in names]
        for exact in (False, True):
            self.minima(held, points[:1], exact)
            begin = time.perf_counter()
            found = self.minima(held, points, exact)
            theirs = (time.perf_counter() - begin) * of / len(points)
            apart = (found - delta)[delta < SHOWN]
            kind = "exact" if exact else "from differences"
            numbers = f"{seconds:.2f} | {theirs:.2f} | {theirs / seconds:.1f}"
            difference = f"{apart.min():.4f} to {apart.max():.4f}"
            title = f"{', '.join(names)} at {of} points"
            print(f"| {title} | {kind} | {numbers} | {difference} |", flush=True)


def timed(function: Callable[[], Any]) -> tuple[Any, float]:
    """The result of a second call, and how long that took [s]."""
    function()
    begin = time.perf_counter()
    found = function()
    return found, time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description="Profiles against iminuit")
    parser.add_argument("scenario", nargs="?", default="nsi-d-ee-mumu")
    parser.add_argument("--points", type=int, default=300, help="of the surface, by iminuit")
    given = parser.parse_args()

    from cevns_bayes.engine.problem import Problem
    from cevns_bayes.frequentist.profile import profile_of
    from cevns_bayes.frequentist.scan import Scan
    from cevns_bayes.frequentist.search import Search

    problem = Problem.build(given.scenario, ["csi"])
    search = Search.of(problem)
    profile = profile_of(problem, search, doublings=0)
    loop = Loop(chi2_of(problem), profile.best_fit)
    print("| what | gradients of iminuit | ours [s] | iminuit [s] | ratio | iminuit less ours |")
    print("|---|---|---|---|---|---|")
    scan, seconds = timed(lambda: Scan.of(search))
    for name, curve in profile.curves.items():
        shown = np.flatnonzero(curve.delta_chi2 < 4 * SHOWN)
        chosen = shown[np.linspace(0, len(shown) - 1, CURVE_POINTS).astype(int)]
        points, delta = curve.values[chosen, None], curve.delta_chi2[chosen]
        loop.compare([name], points, delta, seconds / len(scan.lines), CURVE_POINTS)
    for pair, surface in profile.surfaces.items():
        grids = dict(zip(pair, (surface.x, surface.y), strict=True))
        _, seconds = timed(lambda pair=pair, grids=grids: scan.surface(*pair, grids))
        grid = np.stack(np.meshgrid(surface.x, surface.y, indexing="ij"), axis=-1).reshape(-1, 2)
        delta = surface.delta_chi2.ravel()
        near = np.flatnonzero(delta < SHOWN)
        near = near[:: max(len(near) // given.points, 1)]
        loop.compare(pair, grid[near], delta[near], seconds, len(grid))


if __name__ == "__main__":
    main()
