"""Runs works on toys, in this process or on many with Dask; results go to a store.

Tasks are always the same toys, whoever does them. Workers write what they have done to the store,
which must be a folder that they see, before they say so. If one is killed another does the task
that it was doing; a run that is killed goes on with the tasks that its store does not have.
"""

import logging
import os
import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np

from cevns_bayes.bayesian.samplers.sampler import check_integer
from cevns_bayes.ensembles.store import Store, Task
from cevns_bayes.ensembles.work import Columns, Evaluate, Work
from cevns_bayes.errors import InputError, one_line

Result = tuple[Columns, dict[int, str]]
"""Columns, and why toys have none."""

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

    @contextmanager
    def opened(self) -> "Iterator[Session]":
        """A session, at whose end the workers of this machine end."""
        with ExitStack() as stack:
            yield Session(self, stack)

    def run(self, work: Work, toys: int, stage: str = "toys") -> Store:
        """One work in a session of its own, see :meth:`Session.run`."""
        with self.opened() as session:
            return session.run(work, toys, stage)


@dataclass(frozen=True)
class Session:
    """Works that are done by the same workers, which compile what they share once."""

    runner: Runner
    stack: ExitStack

    def run(self, work: Work, toys: int, stage: str = "toys") -> Store:
        """All toys of a work, at least so many of each point.

        ``stage`` names the group of the store.

        Raises
        ------
        InputError
            A store of other settings, an unreachable scheduler, or no toy without a failure.
        """
        path = self.runner.store
        store = Store.opened(Path(path) if path else None, stage, work, toys)
        tasks = store.missing()
        total = work.points * store.toys
        done = total - sum(len(task.toys) for task in tasks)
        store.tidy()
        try:
            for task in self._done(work, tasks, store):
                done += len(task.toys)
                self.runner.progress(done, total)
        except KeyboardInterrupt as error:
            if path:
                error.add_note(f"toys are kept in {path}; the same again goes on")
            raise
        store.tidy()
        if len(store.failures) == total:
            raise InputError(f"every toy failed: {next(iter(store.failures.values()))}")
        return store

    def _done(self, work: Work, tasks: Sequence[Task], store: Store) -> Iterator[Task]:
        """The tasks, each when it is in the store."""
        if not tasks:
            return
        if self.runner.scheduler or self.runner.workers > 1:
            yield from self._distributed(work, tasks, store)
            return
        evaluate = work.prepared()
        for task in tasks:
            store.write(task, *_evaluated(evaluate, work, task))
            yield task

    @cached_property
    def _client(self) -> Any:
        return self.stack.enter_context(_client(self.runner))

    def _distributed(self, work: Work, tasks: Sequence[Task], store: Store) -> Iterator[Task]:
        from distributed import KilledWorker, as_completed

        client, path = self._client, store.path and store.path.resolve()
        client.wait_for_workers(1)  # They may be in the queue of a batch system.
        pickled = client.scatter(cloudpickle.dumps(work), broadcast=True, hash=False)
        same = pickled, path, store.toys
        futures = {client.submit(_on_worker, task, *same, pure=False): task for task in tasks}
        for future in as_completed(futures):
            task = futures.pop(future)
            if future.cancelled():
                raise InputError("the workers were lost: the same command goes on with a --store")
            error = future.exception()
            if isinstance(error, KilledWorker):
                store.write(task, *_nothing(work, task, error))
            elif error:
                raise error
            elif found := future.result():
                store.write(task, *found)
            yield task


def _client(runner: Runner) -> Any:
    """A client of a scheduler, or of processes on this machine that end with it."""
    from distributed import Client

    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # Restarts are no news.
    if runner.scheduler is None:
        return _local_client(runner.workers)
    try:
        return Client(runner.scheduler, timeout=TIMEOUT_S)
    except (OSError, ValueError) as error:
        raise InputError(f"no Dask scheduler at {runner.scheduler}: {one_line(error)}") from error


@contextmanager
def _local_client(workers: int) -> Iterator[Any]:
    from distributed import Client, LocalCluster

    from cevns_bayes.engine.batches import cores

    quiet: dict[str, Any] = {"dashboard_address": None, "silence_logs": logging.CRITICAL}
    quiet["scheduler_kwargs"] = {"dashboard_address": ":0"}  # its port is free for a second run
    # Cores are shared out: devices of one process would wait for those of others.
    devices = os.environ.get("JAX_NUM_CPU_DEVICES", str(max(1, cores() // workers)))
    own: dict[str, Any] = {"threads_per_worker": 1, "env": {"JAX_NUM_CPU_DEVICES": devices}}
    with (
        LocalCluster(n_workers=workers, **own, **quiet) as cluster,
        Client(cluster) as client,
    ):
        yield client


@cache
def _prepared(pickled: bytes) -> tuple[Work, Evaluate]:
    """Once in every process."""
    work = pickle.loads(pickled)
    return work, work.prepared()


def _on_worker(task: Task, pickled: bytes, path: Path | None, toys: int) -> "Result | None":
    """Do a task; what is found is returned if there is no folder to keep it."""
    store = Store.found(path, toys) if path else None
    if store and store.has(task):  # by one that was killed before it could say so
        return None
    work, evaluate = _prepared(pickled)
    found = _evaluated(evaluate, work, task)
    if not store:
        return found
    store.write(task, *found)
    return None


def _evaluated(evaluate: Evaluate, work: Work, task: Task) -> Result:
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


def _nothing(work: Work, task: Task, error: BaseException) -> Result:
    """No results, and why."""
    size = len(task.toys)
    columns = {name: np.full((size, *shape), np.nan) for name, shape in work.columns.items()}
    return columns, dict.fromkeys(task.toys.tolist(), f"{type(error).__name__}: {one_line(error)}")
