"""Functions of many points, called with batches of equal size so that they are compiled once."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

BATCH = 128  # So many points are compiled for, and solved together.

FEW = 16  # If there are no more, they need no full batch.


def batched(function: Callable[..., Any], *arrays: Any, size: int = BATCH) -> list[np.ndarray]:
    """Results of a function for all points, which are the first axis of arrays, or of trees."""
    found = [
        [np.array(result)[:count] for result in function(*batch)]
        for count, batch in _batches(arrays, size)
    ]
    return [np.concatenate(parts) for parts in zip(*found, strict=True)]


def _batches(arrays: Any, size: int) -> Iterator[tuple[int, Any]]:
    length = len(jax.tree.leaves(arrays)[0])
    for begin in range(0, length, size):
        count = min(size, length - begin)
        taken = np.minimum(begin + np.arange(size), length - 1)  # repeats the last one
        yield count, jax.tree.map(lambda array, at=taken: array[at], arrays)
