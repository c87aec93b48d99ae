"""Measurements in one tree, whose root is the first argument; prints one line of JSON.

``density`` and ``batch`` use only ``build_model``, so that they run in the trees of old commits.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

BATCH = 3000


def use_tree(root: Path) -> None:
    """Import ``cevns_bayes`` from a tree that need not be installed."""
    import importlib.util

    sys.path.insert(0, str(root))
    for name in ("models", "data"):  # which pyproject.toml maps into the package
        folder = root / name
        spec = importlib.util.spec_from_file_location(
            f"cevns_bayes.{name}", folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module


def best_of(function, calls: int = 300, repeats: int = 60) -> float:
    """Least mean time of a call [s], after one call to warm up."""
    function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        for _ in range(calls):
            function()
        times.append((time.perf_counter() - start) / calls)
    return min(times)


def density(scenario: str, data: list[str]) -> dict[str, float]:
    """Log-density with gradient, as PyMC compiles it by default."""
    import cevns_bayes as cb

    start = time.perf_counter()
    model = cb.build_model(scenario, data)
    built = time.perf_counter()
    function = model.logp_dlogp_function(ravel_inputs=True)
    function.set_extra_values({})
    point = np.zeros(len(model.free_RVs))
    function(point)
    return {
        "build_s": built - start,
        "compile_s": time.perf_counter() - built,
        "microseconds": 1e6 * best_of(lambda: function(point)),
    }


def overhead(variables: int) -> dict[str, float]:
    """The same of a model of so many normal variables and no data: what no model can beat."""
    import pymc as pm

    with pm.Model() as model:
        for i in range(variables):
            pm.Normal(f"x{i}")
    function = model.logp_dlogp_function(ravel_inputs=True)
    function.set_extra_values({})
    return {"microseconds": 1e6 * best_of(lambda: function(np.zeros(variables)))}


def batch(scenario: str, data: list[str]) -> dict[str, float]:
    """Log-density of many points at once, per point."""
    import pytensor
    import pytensor.tensor as pt
    from pytensor.graph.replace import graph_replace, vectorize_graph

    import cevns_bayes as cb

    model = cb.build_model(scenario, data)
    values = pt.dvector("values")
    inputs = {variable: values[i] for i, variable in enumerate(model.value_vars)}
    (logp,) = graph_replace([model.logp()], inputs, strict=False)
    points = pt.dmatrix("points")
    function = pytensor.function(
        [points], vectorize_graph(logp, {values: points}), trust_input=True
    )
    at = 0.1 * np.random.default_rng(1).normal(size=(BATCH, len(inputs)))
    return {"microseconds": 1e6 * best_of(lambda: function(at), 1, 30) / BATCH}


def integral(scenario: str, data: list[str]) -> dict[str, float]:
    """Energy spectrum of the delayed neutrinos by SciPy's integrals over the neutrino energy."""
    from scipy import integrate

    import cevns_bayes as cb
    from cevns_bayes.authoring import standard_model
    from cevns_bayes.physics.form_factors import helm
    from cevns_bayes.physics.kinematics import minimum_energy

    response = cb.load_experiment(data[0]).signals[0].response
    energy, mass = response.recoil_energy_mev, response.mass_mev
    delayed = [s for s in response.flux.sources.values() if hasattr(s.spectrum, "density")]

    def integrand(nu, source, e, m):
        return source.spectrum.density(nu) * (1 - e / nu - m * e / (2 * nu**2))

    def evaluate():
        for source in delayed:
            (term,) = standard_model(response.fine_target(helm), source.flavour).terms
            least, end = minimum_energy(energy, mass), source.spectrum.end_mev
            known = [
                integrate.quad(integrand, low, end, args=(source, e, m))[0]
                for low, e, m in zip(least, energy, mass, strict=True)
            ]
            response.matrix @ (term.coupling * known)

    return {"microseconds": 1e6 * best_of(evaluate, 1, 3)}


def main() -> None:
    root, what, *arguments = sys.argv[1:]
    use_tree(Path(root))
    if what == "overhead":
        found = overhead(int(arguments[0]))
    else:
        found = {"density": density, "batch": batch, "integral": integral}[what](
            arguments[0], arguments[1].split(",")
        )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
