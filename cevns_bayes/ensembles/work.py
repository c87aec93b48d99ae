"""What is done with toys: a work can be sent to other processes, where it is prepared once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import cloudpickle
import numpy as np

from cevns_bayes.engine.problem import DataLike, ModelOptions, Problem, ScenarioLike

Columns = dict[str, np.ndarray]
Evaluate = Callable[[int, np.ndarray], Columns]


class Work(Protocol):
    """Toys of several points, each made and fitted from its own seed.

    Attributes
    ----------
    origin
        Of the problem.
    points
        How many there are.
    toys_of_task
        How many toys are made together, which must not depend on who makes them.
    columns
        Name -> shape of what is found for each toy, as numbers.
    settings
        All else on which the toys depend, as JSON has it.
    """

    @property
    def origin(self) -> "Origin": ...

    @property
    def points(self) -> int: ...

    @property
    def toys_of_task(self) -> int: ...

    @property
    def columns(self) -> Mapping[str, tuple[int, ...]]: ...

    @property
    def settings(self) -> dict[str, Any]: ...

    def prepared(self) -> Evaluate:
        """Compile: ``(point, numbers of toys) -> columns``, one row for each toy."""


@dataclass(frozen=True)
class Origin:
    """What a problem is built from: arguments of :func:`cevns_bayes.build_model`.

    Pickled, it comes back as one object however often it is sent, so that what was compiled for
    its problem is used again.
    """

    scenario: ScenarioLike
    data: DataLike
    options: ModelOptions = field(default_factory=ModelOptions)

    @property
    def problem(self) -> Problem:
        """The same at every call."""
        return Problem.build(self.scenario, self.data, **self.options)

    def __reduce__(self) -> tuple[Any, ...]:
        data = [self.data] if not isinstance(self.data, list | tuple) else self.data
        parts = _absolute(self.scenario), [_absolute(item) for item in data], self.options
        return _origin, (cloudpickle.dumps(parts),)


@cache
def _origin(pickled: bytes) -> Origin:
    return Origin(*cloudpickle.loads(pickled))


def _absolute(item: Any) -> Any:
    """Other processes may run in other folders."""
    is_file = isinstance(item, str | Path) and Path(item).is_file()
    return str(Path(item).resolve()) if is_file else item
