"""Where a run spends its time: from empty caches and from full ones.

    python benchmarks/stages.py [SCENARIO] [--data csi,lar]

Both runs are processes of their own; what compiling takes is the difference. One line each.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def stages(scenario: str, data: list[str]) -> dict[str, float]:
    """Seconds of the stages of ``cevns-bayes run``, in this process."""
    seconds, last = {}, time.perf_counter()

    def passed(name: str) -> None:
        nonlocal last
        now = time.perf_counter()
        seconds[name], last = now - last, now

    from cevns_bayes.bayesian.sampling import sample
    from cevns_bayes.engine.problem import Problem, load_data
    from cevns_bayes.frequentist.profile import profile
    from cevns_bayes.report.analysis import analyse
    from cevns_bayes.report.html import write_report

    passed("import")
    experiments = load_data(data)
    Problem.build(scenario, experiments)
    passed("build")
    posterior = sample(scenario, experiments, progressbar=False)
    passed("sample")
    profile(scenario, experiments)
    passed("profile")
    done = analyse(scenario, experiments, posterior=posterior, progressbar=False)
    passed("analyse, profile again")
    with tempfile.TemporaryDirectory() as folder:
        write_report(done, Path(folder))
    passed("figures and report")
    return seconds


def measured(scenario: str, data: str, caches: str) -> dict[str, float]:
    """The same in a process of its own."""
    command = [sys.executable, __file__, scenario, "--data", data, "--inside"]
    environment = os.environ | {"PYTENSOR_FLAGS": f"base_compiledir={caches}"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description="Stages of a run")
    parser.add_argument("scenario", nargs="?", default="nsi-d-ee-mumu")
    parser.add_argument("--data", default="csi")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        print(json.dumps(stages(given.scenario, given.data.split(","))))
        return
    with tempfile.TemporaryDirectory() as caches:
        for state in ("empty caches", "full caches"):
            found = measured(given.scenario, given.data, caches)
            parts = ", ".join(f"{name} {of:.1f}" for name, of in found.items())
            title = f"{given.scenario} on {given.data}, {state}"
            print(f"{title}: {sum(found.values()):.1f} s: {parts}", flush=True)


if __name__ == "__main__":
    main()
