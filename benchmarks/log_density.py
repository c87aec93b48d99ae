"""Cost of one evaluation of the log-density with its gradient, of many at once, and of compiling.

    python benchmarks/log_density.py            this tree
    python benchmarks/log_density.py COMMIT     and another commit, alternately, in the same run

Run from a checkout, on a quiet machine. The empty model of as many variables tells how much of a
call is Python's and PyMC's own. ``--cold`` also compiles from empty caches, in a folder of its own.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
DATA_SETS = ("csi", "csi,lar")


def measured(root: Path, *arguments: str, cold: bool = False) -> dict[str, float]:
    """What ``measure.py`` finds in a tree."""
    command = [sys.executable, str(ROOT / "benchmarks" / "measure.py"), str(root), *arguments]
    with tempfile.TemporaryDirectory() as empty:
        flags = {"PYTENSOR_FLAGS": f"base_compiledir={empty}"} if cold else {}
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, env=os.environ | flags
        )
    return json.loads(done.stdout.splitlines()[-1])


@contextmanager
def tree_of(commit: str) -> Iterator[Path]:
    """The files of a commit in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--detach", tree, commit], check=True, capture_output=True)
        try:
            yield tree
        finally:
            subprocess.run([*git, "remove", "--force", tree], check=True)


def against(commit: str, scenario: str, cold: bool) -> None:
    with tree_of(commit) as tree:
        for data in DATA_SETS:
            old = measured(tree, "density", scenario, data, cold=cold)
            new = measured(ROOT, "density", scenario, data, cold=cold)
            ratios = ", ".join(f"{key} {old[key] / new[key]:.2f}" for key in old)
            print(f"{data}: {commit} took {old}; ratios: {ratios}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Cost of the log-density")
    parser.add_argument("commit", nargs="?")
    parser.add_argument("--scenario", default="weak-mixing-angle")
    parser.add_argument("--cold", action="store_true")
    given = parser.parse_args()
    for data in DATA_SETS:
        print(f"{data}: {measured(ROOT, 'density', given.scenario, data, cold=given.cold)}")
    print(f"empty model of 9 variables: {measured(ROOT, 'overhead', '9')}")
    print(f"csi, 3000 points at once, per point: {measured(ROOT, 'batch', given.scenario, 'csi')}")
    print(f"csi, SciPy's integrals over energies: {measured(ROOT, 'integral', 'sm', 'csi')}")
    if given.commit:
        against(given.commit, given.scenario, given.cold)


if __name__ == "__main__":
    main()
