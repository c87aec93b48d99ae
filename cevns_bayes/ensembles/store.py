"""Where the results of toys are kept: a Zarr group, written task by task.

Arrays have the axes point and toy, and a chunk for each task, which one file replaces at once. The
``state`` of a task's toys is written last: what is there is whole, and what is not there is done
again. Nothing in the store depends on the order of tasks or on time.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.storage import MemoryStore

from cevns_bayes.bayesian.provenance import provenance
from cevns_bayes.ensembles.work import Columns, Work
from cevns_bayes.errors import InputError

MISSING, DONE, FAILED = range(3)
STATE, WHY = "state", "why_failed"
MADE_OF = "made_of"  # written when the group is whole
TEXT = 200  # bytes of why a toy has failed
PARTIAL = "*.partial"  # names of files that Zarr has not finished


@dataclass(frozen=True)
class Task:
    """Some toys of one point."""

    point: int
    first: int
    end: int

    @property
    def toys(self) -> np.ndarray:
        """Their numbers."""
        return np.arange(self.first, self.end)

    @property
    def place(self) -> tuple[int, slice]:
        """In arrays over points and toys."""
        return self.point, slice(self.first, self.end)


@dataclass(frozen=True)
class Store:
    """An open group of results of a work, for so many ``toys`` of each point."""

    group: Any
    toys: int
    path: Path | None = None

    @classmethod
    def opened(cls, path: Path | None, stage: str, work: Work, toys: int) -> "Store":
        """Make a group, or go on with one.

        Parameters
        ----------
        path
            Folder of the store; None keeps it in memory.
        stage
            Name of the group.

        Raises
        ------
        InputError
            A folder that is no store, or a store of other settings.
        """
        whole = work.toys_of_task * -(-toys // work.toys_of_task)
        made_of = json.loads(json.dumps(_made_of(work)))
        root = _root(path)
        if stage not in root or MADE_OF not in root[stage].attrs:  # or begun and killed
            _create(root, stage, work, whole)
            root[stage].attrs.put({MADE_OF: made_of})
        group = root[stage]
        _check_same(str(path), dict(group.attrs[MADE_OF]), made_of)
        if group[STATE].shape[1] < whole:
            _resize(group, whole)
        return cls(group, whole, path and path / stage)

    @classmethod
    def found(cls, path: Path, toys: int) -> "Store":
        """A group that is there, for those who write to it what they are told to."""
        return cls(zarr.open_group(path, mode="r+"), toys, path)

    def has(self, task: Task) -> bool:
        """Whether a task is done."""
        return bool((self.group[STATE][task.place] != MISSING).all())

    def tidy(self) -> None:
        """Remove files at whose writing processes were killed; nobody may write meanwhile."""
        for partial in self.path.rglob(PARTIAL) if self.path else ():
            partial.unlink()

    def missing(self) -> list[Task]:
        """Tasks that are not done."""
        state = self.group[STATE][:, : self.toys]
        size = self.group[STATE].chunks[1]
        return [
            Task(point, first, first + size)
            for point in range(len(state))
            for first in range(0, self.toys, size)
            if (state[point, first : first + size] == MISSING).any()
        ]

    def write(self, task: Task, columns: Columns, failures: dict[int, str]) -> None:
        """Results of a task; ``failures`` say why toys have none."""
        for name, values in columns.items():
            self.group[name][task.place] = values
        if failures:
            texts = [failures.get(toy, "") for toy in task.toys.tolist()]
            self.group[WHY][task.place] = np.stack([_encoded(text) for text in texts])
        failed = np.isin(task.toys, list(failures))
        self.group[STATE][task.place] = np.where(failed, FAILED, DONE)

    def read(self) -> Columns:
        """Columns and ``state`` of all toys, axes point and toy first."""
        return {n: array[:, : self.toys] for n, array in self.group.arrays() if n != WHY}

    @property
    def failures(self) -> dict[tuple[int, int], str]:
        """Point and toy -> why it has no result."""
        failed = np.argwhere(self.group[STATE][:, : self.toys] == FAILED).tolist()
        return {(point, toy): _decoded(self.group[WHY][point, toy]) for point, toy in failed}


def merge(target: Path, others: Sequence[Path]) -> None:
    """Add to a store what other stores of the same settings have.

    Raises
    ------
    InputError
        A folder that is no store, or stores of other settings.
    """
    for path in others:
        if not (path / "zarr.json").is_file():
            raise InputError(f"{path} is no store of toys")
        root: Any = zarr.open_group(path, mode="r")
        for stage, source in root.groups():
            if MADE_OF not in source.attrs:
                continue
            store = _like(target, stage, path, source)
            for task in store.missing():
                if (source[STATE][task.place] != MISSING).any():
                    for name in _state_last(source):
                        store.group[name][task.place] = source[name][task.place]


def _like(path: Path, stage: str, other: Path, source: Any) -> Store:
    """The group of a store that has the settings and at least the size of another's group."""
    root = _root(path)
    if stage not in root or MADE_OF not in root[stage].attrs:
        group = root.create_group(stage, overwrite=True)
        for name, array in source.arrays():
            _create_array(group, name, array.shape, array.dtype, array.chunks[1])
        group.attrs.put(dict(source.attrs))
    group = root[stage]
    _check_same(f"{path}, unlike {other},", dict(group.attrs[MADE_OF]), source.attrs[MADE_OF])
    size = max(group[STATE].shape[1], source[STATE].shape[1])
    _resize(group, size)
    return Store(group, size, path / stage)


def _resize(group: Any, toys: int) -> None:
    for name in _state_last(group):
        array = group[name]
        array.resize((array.shape[0], toys, *array.shape[2:]))


def _state_last(group: Any) -> list[str]:
    """Names of arrays, so that what the state says is there when it is written."""
    return sorted(group.array_keys(), key=lambda name: name == STATE)


def _encoded(text: str) -> np.ndarray:
    """UTF-8 in an array of numbers, as texts have no agreed form in Zarr."""
    return np.frombuffer(text.encode()[:TEXT].ljust(TEXT, b"\0"), dtype=np.uint8)


def _decoded(numbers: np.ndarray) -> str:
    return numbers.tobytes().rstrip(b"\0").decode(errors="replace")


def _root(path: Path | None) -> Any:
    if path is None:
        return zarr.open_group(MemoryStore(), mode="a")
    if path.exists() and not (path / "zarr.json").is_file() and any(path.iterdir()):
        raise InputError(f"{path} is no store of toys")
    return zarr.open_group(path, mode="a")


def _create(root: Any, stage: str, work: Work, toys: int) -> None:
    group = root.create_group(stage, overwrite=True)
    size, of_task = (work.points, toys), work.toys_of_task
    for name, shape in work.columns.items():
        _create_array(group, name, (*size, *shape), np.dtype(float), of_task)
    _create_array(group, WHY, (*size, TEXT), np.dtype(np.uint8), of_task)
    _create_array(group, STATE, size, np.dtype(np.int8), of_task)


def _create_array(
    group: Any, name: str, shape: tuple[int, ...], dtype: np.dtype, toys: int
) -> None:
    fill = np.nan if dtype.kind == "f" else 0
    chunks = (1, toys, *(max(size, 1) for size in shape[2:]))
    group.create_array(name, shape=shape, chunks=chunks, dtype=dtype, fill_value=fill)


def _made_of(work: Work) -> dict[str, Any]:
    return provenance(work.origin.problem, type(work).__name__, work.settings) | {
        "toys_of_task": work.toys_of_task
    }


def _check_same(title: str, stored: dict[str, Any], asked: dict[str, Any]) -> None:
    """Versions of packages may differ: they are those with which the store was begun."""
    for key in sorted({*stored, *asked} - {"versions"}):
        if stored.get(key) != asked.get(key):
            raise InputError(
                f"store {title} has toys of other settings: {key} {stored.get(key)}, "
                f"not {asked.get(key)}"
            )
