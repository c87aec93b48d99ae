"""Whether the predictions of all scenarios are those of another commit, bin by bin.

    python benchmarks/predictions.py COMMIT

At the points of ``tests/independent/scenarios_brute_force.py``, with nuisances away from zero at
every second one. Prints the greatest relative difference of the totals per scenario and experiment.
"""

import importlib.util
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from log_density import ROOT, tree_of
from measure import use_tree

NUISANCES = {
    "csi": {"csi::alpha_time": 0.1, "csi::alpha_efficiency": -0.6, "csi::alpha_radius": 0.04},
    "lar": {"lar::alpha_f90": 0.5, "lar::alpha_time": -0.4},
}
FIXED = {"neutron-radius": "csi::alpha_radius"}  # no nuisance there


def points() -> dict[str, list[dict[str, float]]]:
    """Scenario -> points."""
    path = ROOT / "tests" / "independent" / "scenarios_brute_force.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.POINTS


def totals(tree: Path) -> dict[tuple[str, str, int], np.ndarray]:
    """Scenario, experiment, number of the point -> expected counts, in the process of one tree."""
    use_tree(tree)
    import cevns_bayes as cb

    found = {}
    for scenario, of_scenario in points().items():
        for experiment, away in NUISANCES.items():
            for i, point in enumerate(of_scenario):
                nuisances = {k: v for k, v in away.items() if i % 2 and k != FIXED.get(scenario)}
                counts = cb.predict(scenario, point, experiment, nuisances=nuisances)
                found[scenario, experiment, i] = counts["total"].to_numpy()
    return found


def in_own_process(tree: Path) -> dict[tuple[str, str, int], np.ndarray]:
    with tempfile.NamedTemporaryFile() as file:
        subprocess.run([sys.executable, __file__, "--dump", str(tree), file.name], check=True)
        return pickle.loads(Path(file.name).read_bytes())


def main() -> None:
    if sys.argv[1] == "--dump":
        Path(sys.argv[3]).write_bytes(pickle.dumps(totals(Path(sys.argv[2]))))
        return
    with tree_of(sys.argv[1]) as tree:
        old, new = in_own_process(tree), in_own_process(ROOT)
    for scenario in points():
        for experiment in NUISANCES:
            differences = [
                np.abs(new[key] / old[key] - 1).max()
                for key in old
                if key[:2] == (scenario, experiment)
            ]
            print(f"{scenario} on {experiment}: {max(differences):.1e}", flush=True)


if __name__ == "__main__":
    main()
