"""Runs works on toys, in this process or on many with Dask; results go to a store.

Tasks are always the same toys, whoever does them. One process writes. A worker that is killed
loses the task that it is doing, which another one does again; a run that is killed goes on with the
tasks that its store does not have.
"""

import logging
import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np

from cevns_bayes.bayesian.samplers.sampler import check_integer
from cevns_bayes.ensembles.store import Store, Task
from cevns_bayes.ensembles.work import Columns, Evaluate, Work
from cevns_bayes.errors import InputError, one_line

TIMEOUT_S = 20  # until a scheduler must have answered


def _ignore(done: int, total: int) -> None:
    """Where nobody looks at the progress."""


@dataclass(frozen=True)
class Runner:
    """Where toys are made, and where they are kept.

    Attributes
    ----------
    workers
        Processes on this machine; one does without Dask.
    scheduler
        Address of a Dask scheduler whose workers are used instead.
    store
        Folder of results, made or gone on with; None keeps them in memory.
    progress
        Called with the number of toys that are done, and of all.

    Examples
    --------
    >>> runner = cb.Runner(workers=2, store="toys.zarr")
    >>> cb.feldman_cousins("weak-mixing-angle", runner=runner)  # doctest: +SKIP
    """

    workers: int = 1
    scheduler: str | None = None
    store: str | Path | None = None
    progress: Callable[[int, int], None] = field(default=_ignore, compare=False)

    def __post_init__(self) -> None:
        check_integer("workers", self.workers, 1)

    def run(self, work: Work, toys: int, stage: str = "toys") -> Store:
        """All toys of a work, at least so many of each point.

        Raises
        ------
        InputError
            A store of other settings, an unreachable scheduler, or no toy without a failure.
        """
        store = Store.opened(Path(self.store) if self.store else None, stage, work, toys)
        tasks = store.missing()
        total = work.points * store.toys
        done = total - sum(len(task.toys) for task in tasks)
        for task, columns, failures in self._results(work, tasks):
            store.write(task, columns, failures)
            done += len(task.toys)
            self.progress(done, total)
        if len(store.failures) == total:
            raise InputError(f"every toy failed: {next(iter(store.failures.values()))}")
        return store

    def _results(self, work: Work, tasks: Sequence[Task]) -> "Iterator[Result]":
        if not tasks:
            return iter(())
        if self.scheduler is None and self.workers == 1:
            evaluate = work.prepared()
            return ((task, *_evaluated(evaluate, work, task)) for task in tasks)
        return self._distributed(work, tasks)

    def _distributed(self, work: Work, tasks: Sequence[Task]) -> "Iterator[Result]":
        from distributed import as_completed

        with _client(self.scheduler, min(self.workers, len(tasks))) as client:
            pickled = client.scatter(cloudpickle.dumps(work), broadcast=True, hash=False)
            futures = {client.submit(_on_worker, pickled, t, pure=False): t for t in tasks}
            for future in as_completed(futures):
                task = futures.pop(future)
                if error := future.exception():
                    yield task, *_nothing(work, task, error)
                else:
                    yield task, *future.result()


Result = tuple[Task, Columns, dict[int, str]]


@contextmanager
def _client(scheduler: str | None, workers: int) -> Iterator[Any]:
    """A client of a scheduler, or of processes on this machine that end with it."""
    from distributed import Client, LocalCluster

    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # Restarts are no news.
    if scheduler is None:
        with (
            LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client
        return
    try:
        client = Client(scheduler, timeout=TIMEOUT_S)
    except (OSError, ValueError) as error:
        raise InputError(f"no Dask scheduler at {scheduler}: {one_line(error)}") from error
    with client:
        yield client


@cache
def _prepared(pickled: bytes) -> tuple[Work, Evaluate]:
    """Once in every process."""
    work = pickle.loads(pickled)
    return work, work.prepared()


def _on_worker(pickled: bytes, task: Task) -> tuple[Columns, dict[int, str]]:
    work, evaluate = _prepared(pickled)
    return _evaluated(evaluate, work, task)


def _evaluated(evaluate: Evaluate, work: Work, task: Task) -> tuple[Columns, dict[int, str]]:
    """Columns, and why toys have none: where a task fails, its toys are tried one by one."""
    try:
        columns = evaluate(task.point, task.toys)
        finite = [np.isfinite(v).reshape(len(v), -1).all(axis=1) for v in columns.values()]
        lost = task.toys[~np.all(finite, axis=0)]
        return columns, dict.fromkeys(lost.tolist(), "the result is no finite number")
    except Exception:  # The next lines find the toys to blame, and record them.
        alone = [_alone(evaluate, work, task.point, toy) for toy in task.toys]
    columns = {name: np.concatenate([c[name] for c, _ in alone]) for name in work.columns}
    return columns, {int(t): w for t, (_, w) in zip(task.toys, alone, strict=True) if w}


def _alone(evaluate: Evaluate, work: Work, point: int, toy: int) -> tuple[Columns, str]:
    try:
        return evaluate(point, np.array([toy])), ""
    except Exception as error:  # recorded in the store
        task = Task(point, int(toy), int(toy) + 1)
        columns, failures = _nothing(work, task, error)
        return columns, failures[int(toy)]


def _nothing(work: Work, task: Task, error: BaseException) -> tuple[Columns, dict[int, str]]:
    """No results, and why."""
    size = len(task.toys)
    columns = {name: np.full((size, *shape), np.nan) for name, shape in work.columns.items()}
    return columns, dict.fromkeys(task.toys.tolist(), f"{type(error).__name__}: {one_line(error)}")
