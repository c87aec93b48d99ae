"""How the cost of the engine grows with bins, nuisances, experiments, and points at once.

    python benchmarks/growth.py

Microseconds, per point, of a log-likelihood and of a maximum over the nuisances, of `nsi-d-ee-mumu`
on a germanium detector at a pion source, after compiling.
"""

import time
from collections.abc import Callable, Iterator

import numpy as np

import cevns_bayes as cb
from cevns_bayes.engine.problem import Problem
from cevns_bayes.engine.solver import Solver, solver_of

POINTS = 512


def germanium(name: str, bins: int = 20, nuisances: int = 2) -> cb.Experiment:
    """The detector with so many energy bins, and a nuisance of the flux and of each background."""
    edges = np.linspace(1.5, 15.0, bins + 1)
    detector = cb.Detector(edges, cb.LindhardQuenching(0.157, 32), cb.GaussianResolution(0.05, 0.1))
    flux = cb.pion_decay_at_rest(pions=0.0848 * 1.5e23, distance_m=19.2)
    response = cb.nuclear_response(cb.natural_element("Ge", 18.0), detector, flux)
    names = [f"alpha_{i}" for i in range(nuisances)]
    spectrum = np.diff(edges) / np.ptp(edges)
    backgrounds = [
        cb.Background(f"flat{i}", 80.0 / nuisances, spectrum, norms=(of,))
        for i, of in enumerate(names[1:])
    ]
    return cb.Experiment(
        name=name,
        axes=(cb.Axis("energy", edges, "Ionisation energy", "keVee"),),
        signals=(cb.Signal("cevns", response, norms=(names[0],)),),
        backgrounds=tuple(backgrounds),
        nuisances=tuple(cb.Nuisance(of, of, sigma=0.1) for of in names),
    )


def cases() -> Iterator[tuple[str, list[cb.Experiment], int]]:
    """Title, experiments, points."""
    for bins in (10, 100, 1000):
        yield f"{bins} bins", [germanium("ge", bins)], POINTS
    for nuisances in (2, 8, 32):
        yield f"{nuisances} nuisances", [germanium("ge", nuisances=nuisances)], POINTS
    for copies in (1, 2, 4):
        yield f"{copies} experiments", [germanium(f"ge{i}") for i in range(copies)], POINTS
    for points in (32, 512, 8192):
        yield f"{points} points", [germanium("ge")], points


def best_of(function: Callable[[], object], repeats: int = 3) -> float:
    """Least time [s], after a call that compiles."""
    function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def start_of(solver: Solver, points: int) -> np.ndarray:
    """Points of the priors of the parameters of interest, nuisances half a sigma away."""
    compiled, rng = solver.compiled, np.random.default_rng(1)
    x = compiled.peaks + 0.5 * compiled.widths * rng.normal(size=(points, len(compiled.peaks)))
    x[:, : compiled.interest] = rng.uniform(-0.2, 0.2, (points, compiled.interest))
    return np.clip(x, *compiled.limits)


def main() -> None:
    print("| case | log-likelihood [µs] | maximum [µs] |\n|---|---|---|")
    for title, experiments, points in cases():
        solver = solver_of(Problem.build("nsi-d-ee-mumu", experiments))
        x = start_of(solver, points)
        held = range(solver.compiled.interest)
        heights = best_of(lambda solver=solver, x=x: solver.heights(x))
        maxima = best_of(lambda solver=solver, x=x, held=held: solver.solve(x, held))
        print(
            f"| {title} | {1e6 * heights / points:.1f} | {1e6 * maxima / points:.0f} |", flush=True
        )


if __name__ == "__main__":
    main()
