"""Functions of many points, called with batches of equal size so that they are compiled once.

JAX runs one program at a time on a device, whose shares of a batch are worked on side by side.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from cevns_bayes.engine.compiled import Measured
from cevns_bayes.engine.kept import kept

BATCH = 16  # So many points on a device are solved together: what they need fits into a cache.
MANY = 512  # So many where only heights are asked for.
POINTS = "points"
# On each device. Programs of many points can wait forever for XLA's other threads, as others report
# (PyAutoLabs/PyAutoFit#1530); without these they are as fast.
ONE_THREAD = {"xla_cpu_multi_thread_eigen": False}


def cores() -> int:
    """Of this process."""
    return getattr(os, "process_cpu_count", os.cpu_count)() or 1


def use_all_cores() -> None:
    """One device a core, unless the user has chosen their number or JAX is in use already."""
    if jax.config.jax_num_cpu_devices < 0:
        with suppress(RuntimeError):  # which says that JAX is in use
            jax.config.update("jax_num_cpu_devices", cores())


def of_points(
    function: Callable[..., Any], common: int = 0, key: str | None = None
) -> Callable[..., Any]:
    """A function of single points, after arguments in ``common``, as one of many points.

    With a ``key`` that names the function, what is traced is kept.
    """

    def mapped(*arguments: Any) -> Any:
        points = len(arguments) - common
        return jax.shard_map(
            kept(
                jax.vmap(function, (*[None] * common, *[0] * points)),
                key and f"{key} of points after {common}",
            ),
            mesh=Mesh(jax.devices(), (POINTS,)),
            in_specs=(*[PartitionSpec()] * common, *[PartitionSpec(POINTS)] * points),
            out_specs=PartitionSpec(POINTS),
            check_vma=False,
        )(*arguments)

    return jax.jit(mapped, compiler_options=ONE_THREAD)


def batched(function: Callable[..., Any], *arrays: Any, size: int = BATCH) -> list[np.ndarray]:
    """Results of a function for all points, which are the first axis of arrays, or of trees.

    The function is one :func:`of_points`, ``size`` the number of points for each device.
    """
    found = [
        [np.array(result)[:count] for result in function(*batch)]
        for count, batch in _batches(arrays, size * jax.device_count())
    ]
    return [np.concatenate(parts) for parts in zip(*found, strict=True)]


def _batches(arrays: Any, size: int) -> Iterator[tuple[int, Any]]:
    length = len(jax.tree.leaves(arrays)[0])
    for begin in range(0, length, size):
        count = min(size, length - begin)
        taken = np.minimum(begin + np.arange(size), length - 1)  # repeats the last one
        yield count, jax.tree.map(lambda array, at=taken: array[at], arrays)


class OfPoints:
    """A function of a measurement and arrays of points, compiled when it is called first.

    The measurement is one for all points, or there is one for each.
    """

    def __init__(self, function: Callable[..., Any], key: str | None) -> None:
        self.together = of_points(function, common=1, key=key)
        self.each = of_points(function, key=key)

    def __call__(
        self, measured: Measured, *arrays: np.ndarray, todo: Any = ..., size: int = BATCH
    ) -> list[np.ndarray]:
        """Results for the points ``todo``."""
        chosen = [array[todo] for array in arrays]
        if measured.shifts.ndim == 1:
            return batched(partial(self.together, measured), *chosen, size=size)
        own = jax.tree.map(lambda array: array[todo], measured)
        return batched(self.each, own, *chosen, size=size)


use_all_cores()
