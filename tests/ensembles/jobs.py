"""A cheap work for tests of the runner, as a script: ``python jobs.py STORE WORKERS``."""

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cevns_bayes.ensembles.pseudo_data import seeds_of
from cevns_bayes.ensembles.runner import Runner
from cevns_bayes.ensembles.work import Origin

POINTS, TOYS = 4, 750


@dataclass(frozen=True)
class Squares:
    """Squares of normal numbers; the toys ``lost`` raise, those ``nan`` have no number."""

    seconds: float = 0.0
    seed: int = 1
    lost: tuple = ()
    nan: tuple = ()
    log: str = ""

    origin = Origin("sm", "csi")
    points = POINTS
    toys_of_task = 250

    @property
    def columns(self):
        return {"square": (), "pair": (2,)}

    @property
    def settings(self):
        return {"seed": self.seed}

    def prepared(self):
        def evaluate(point, toys):
            if self.log:
                with Path(self.log).open("a") as file:
                    file.write(f"{point},{toys[0]},{os.getpid()}\n")
            time.sleep(self.seconds)
            if {*self.lost} & {(point, int(toy)) for toy in toys}:
                raise ValueError("this toy is lost")
            z = np.array([np.random.default_rng(s).normal() for s in self.seeds(point, toys)])
            z[[(point, int(toy)) in self.nan for toy in toys]] = np.nan
            return {"square": z**2, "pair": np.stack([z, -z], axis=1)}

        return evaluate

    def seeds(self, point, toys):
        return seeds_of(self.seed, (0, point), toys)


if __name__ == "__main__":
    store, workers, log = sys.argv[1:]
    work = Squares(seconds=0.5, log=log)
    print("done", (Runner(int(workers), store=store).run(work, TOYS).read()["state"] == 1).all())
