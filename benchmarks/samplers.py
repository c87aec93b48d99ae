"""Time to 1000 effective draws with the right weights of modes: ours and peers.

    python benchmarks/samplers.py [SCENARIO ...] [--only NAME] [--limit SECONDS]

Every method runs in a process of its own from empty caches, so that importing and compiling count,
and once more from those that it has filled, on the same likelihood of CsI, which the engine
evaluates for many points at once. Each begins with little effort and doubles it until it has 1000
effective draws, and the posterior probability of a solution (scenarios of two parameters) is within
0.03 of that of a grid; the times are those of the run which has both. One that does not within the
limit is listed with what it had.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
SCENARIOS = ("weak-mixing-angle", "nsi-d-ee-mumu", "leptoquark-s1")
SOLUTIONS: dict[str, Callable] = {
    "nsi-d-ee-mumu": lambda ee, mumu: mumu > 0.18,
    "leptoquark-s1": lambda mass, coupling: coupling > -1.5,
}
ENOUGH = 1000
TIMES = {"seconds": "empty", "again": "full"}
SHOWN = {"effective": 0, "weight": 3}  # digits
TOLERANCE = 0.03  # of the weight of a solution
EFFORTS = (1, 2, 4, 8, 16, 32)
SEED = 7

Draws = tuple[np.ndarray, float]
"""Parameters of interest, shape (draws, parameters), and how many draws they are worth."""


class Target:
    """The posterior of a scenario on CsI for those who take functions of many points."""

    def __init__(self, scenario: str) -> None:
        from cevns_bayes.bayesian.samplers.nested import prior_transform
        from cevns_bayes.engine.problem import Problem
        from cevns_bayes.engine.solver import solver_of

        problem = Problem.build(scenario, ["csi"])
        self.solver = solver_of(problem)
        self.compiled = self.solver.compiled
        self.interest = self.compiled.interest
        self.size = len(self.compiled.priors)
        self.transform = prior_transform([prior.rv for prior in self.compiled.priors])

    def log_density(self, x: np.ndarray) -> np.ndarray:
        """Up to a constant, for flat priors of the parameters of interest."""
        inside = ((x > self.compiled.limits[0]) & (x < self.compiled.limits[1])).all(axis=1)
        heights = np.full(len(x), -np.inf)
        heights[inside] = self.solver.heights(x[inside]) if inside.any() else 0.0
        return np.where(np.isfinite(heights), heights, -1e300)

    def log_likelihood(self, x: np.ndarray) -> np.ndarray:
        import jax

        prior = jax.vmap(lambda x: self.compiled.log_prior_of_nuisances(*x))(np.atleast_2d(x))
        found = self.solver.heights(np.atleast_2d(x)) - np.asarray(prior)
        return np.where(np.isfinite(found), found, -1e300)


def laplace(scenario: str, effort: int) -> Draws:
    return _ours(scenario, "laplace", draws=500 * effort)


def nuts(scenario: str, effort: int) -> Draws:
    return _ours(scenario, "nuts", draws=500 * effort)


def smc(scenario: str, effort: int) -> Draws:
    return _ours(scenario, "smc", draws=500 * effort)


def _ours(scenario: str, sampler: str, draws: int) -> Draws:
    import arviz as az

    import cevns_bayes as cb
    from cevns_bayes.scenarios.priors import sampled_name

    tree = cb.sample(scenario, ["csi"], sampler=sampler, draws=draws, seed=SEED, progressbar=False)
    posterior = tree["posterior"].to_dataset()
    names = cb.load_scenario(scenario).parameter_names
    sampled = [sampled_name(posterior, name) for name in names]
    bulk = az.ess(posterior[sampled])
    draws_of = [posterior[name].to_numpy().ravel() for name in sampled]
    return np.stack(draws_of, axis=1), min(float(bulk[name]) for name in sampled)


def emcee(scenario: str, effort: int) -> Draws:
    import emcee

    target, walkers = Target(scenario), 64
    rng = np.random.default_rng(SEED)
    start = target.transform(rng.random((20 * walkers, target.size)))
    start = start[np.argsort(-target.log_density(start))[:walkers]]
    moves = [(emcee.moves.DEMove(), 0.8), (emcee.moves.DESnookerMove(), 0.2)]
    sampler = emcee.EnsembleSampler(
        walkers, target.size, target.log_density, vectorize=True, moves=moves
    )
    sampler.random_state = np.random.RandomState(SEED).get_state()
    sampler.run_mcmc(start, 2000 * effort)
    kept = sampler.get_chain(discard=500 * effort)[..., : target.interest]
    time_of = sampler.get_autocorr_time(discard=500 * effort, quiet=True)[: target.interest].max()
    return kept.reshape((-1, target.interest)), kept.shape[0] * walkers / time_of


def dynesty(scenario: str, effort: int) -> Draws:
    import dynesty

    target = Target(scenario)
    sampler = dynesty.NestedSampler(
        lambda x: float(target.log_likelihood(x)[0]),
        lambda cube: target.transform(cube[None])[0],
        target.size,
        nlive=250 * effort,
        rstate=np.random.default_rng(SEED),
    )
    sampler.run_nested(print_progress=False)
    found = sampler.results
    return _weighted(found.samples, found.logwt - found.logz[-1], target.interest)


def ultranest(scenario: str, effort: int) -> Draws:
    import ultranest

    target = Target(scenario)
    np.random.seed(SEED)  # noqa: NPY002 - which is what UltraNest draws from
    sampler = ultranest.ReactiveNestedSampler(
        [f"x{i}" for i in range(target.size)],
        target.log_likelihood,
        target.transform,
        vectorized=True,
    )
    found = sampler.run(
        min_num_live_points=200 * effort, min_ess=ENOUGH, show_status=False, viz_callback=False
    )["weighted_samples"]
    with np.errstate(divide="ignore"):
        return _weighted(found["points"], np.log(found["weights"]), target.interest)


def nautilus(scenario: str, effort: int) -> Draws:
    import nautilus

    target = Target(scenario)
    sampler = nautilus.Sampler(
        target.transform,
        target.log_likelihood,
        target.size,
        n_live=500 * effort,
        vectorized=True,
        pass_dict=False,
        seed=SEED,
    )
    sampler.run(n_eff=ENOUGH)
    points, log_weights, _ = sampler.posterior()
    return _weighted(points, log_weights, target.interest)


METHODS: dict[str, Callable[[str, int], Draws]] = {
    of.__name__: of for of in (laplace, smc, nuts, emcee, dynesty, ultranest, nautilus)
}


def _weighted(points: np.ndarray, log_weights: np.ndarray, interest: int) -> Draws:
    weights = np.exp(log_weights - log_weights.max())
    weights /= weights.sum()
    chosen = np.random.default_rng(SEED).choice(len(points), size=20_000, p=weights)
    return points[chosen][:, :interest], float(1 / (weights**2).sum())


def one_run(method: str, scenario: str, effort: int) -> dict[str, float]:
    """What a process of its own does."""
    draws, effective = METHODS[method](scenario, effort)
    solution = SOLUTIONS.get(scenario)
    weight = float(np.mean(solution(*draws.T))) if solution else float("nan")
    return {"effective": effective, "weight": weight}


def timed(command: list[str], caches: str, limit: float) -> dict[str, float] | None:
    """What a run prints, with its time [s]; None beyond the limit."""
    environment = os.environ | {"PYTENSOR_FLAGS": f"base_compiledir={caches}"}
    pipes: dict[str, Any] = {"capture_output": True, "text": True, "check": True}
    start = time.perf_counter()
    try:
        done = subprocess.run(command, env=environment, timeout=limit, **pipes)
    except subprocess.TimeoutExpired:
        return None
    seconds = time.perf_counter() - start
    return json.loads(done.stdout.splitlines()[-1]) | {"seconds": seconds}


def tried(method: str, scenario: str, truth: float, limit: float) -> Iterator[dict[str, float]]:
    """Runs with growing effort, the last of which has enough, if any has within the limit."""
    for effort in EFFORTS:
        command = [sys.executable, __file__, "--run", method, scenario, str(effort)]
        with tempfile.TemporaryDirectory() as caches:
            found = timed(command, caches, limit)
            if found is None:
                return
            right = np.isnan(truth) or abs(found["weight"] - truth) < TOLERANCE
            found["enough"] = found["effective"] >= ENOUGH and right
            if found["enough"] and (again := timed(command, caches, limit)):
                found["again"] = again["seconds"]
            yield found
            if found["enough"]:
                return


def weight_on_grid(scenario: str) -> float:
    """Probability of the solution from the tests' own grid; NaN if there is one only."""
    if scenario not in SOLUTIONS:
        return float("nan")
    path = ROOT / "tests" / "independent" / "laplace_grid.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module.laplace_grid(scenario).weight(SOLUTIONS[scenario])


def compare(scenario: str, methods: list[str], limit: float) -> None:
    truth = weight_on_grid(scenario)
    print(f"\n{scenario}: weight of the solution {_shown(truth, 3)}\n")
    columns = ["method", *(f"{caches} caches | of laplace" for caches in TIMES.values()), *SHOWN]
    print(f"| {' | '.join(columns)} |\n|{'---|' * (len(TIMES) + len(columns))}")
    first: dict[str, float] = {}
    for method in methods:
        runs = list(tried(method, scenario, truth, limit))
        last = runs[-1] if runs else {"enough": False}
        first = first or last
        late = f"not in {limit:.0f} | -"
        cells = [_time(last, first, key) if last["enough"] else late for key in TIMES]
        cells += [_shown(last.get(key, np.nan), digits) for key, digits in SHOWN.items()]
        print(f"| {' | '.join([method, *cells])} |", flush=True)


def _time(found: dict[str, float], first: dict[str, float], key: str) -> str:
    """Seconds, and how many times those of the first method."""
    seconds = found.get(key, np.nan)
    return f"{_shown(seconds, 1)} | {_shown(seconds / first.get(key, np.nan), 1)}"


def _shown(number: float, digits: int) -> str:
    return f"{number:.{digits}f}" if np.isfinite(number) else "-"


def main() -> None:
    parser = argparse.ArgumentParser(description="Time to 1000 effective draws")
    parser.add_argument("scenarios", nargs="*", default=SCENARIOS)
    parser.add_argument("--only", action="append", choices=METHODS)
    parser.add_argument("--limit", type=float, default=100.0, help="seconds of one run")
    parser.add_argument("--run", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        method, scenario, effort = given.run
        print(json.dumps(one_run(method, scenario, int(effort))))
        return
    for scenario in given.scenarios:
        compare(scenario, given.only or list(METHODS), given.limit)


if __name__ == "__main__":
    main()
