"""Refusal of numbers that cannot be, with one line that says what was got and what is allowed."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from cevns_bayes.detectors.morphing import Morphed
from cevns_bayes.errors import InputError

_MUST_BE: Mapping[str, Callable[[np.ndarray], Any]] = {
    "numbers": lambda x: ~np.isnan(x),
    "finite": np.isfinite,
    "finite and non-negative": lambda x: np.isfinite(x) & (x >= 0),
    "finite and positive": lambda x: np.isfinite(x) & (x > 0),
}


def check_array(
    title: str, given: Any, shape: tuple[int, ...], allowed: str = "finite"
) -> np.ndarray:
    """Array of a shape and of numbers that are ``allowed``; ``title`` begins the message."""
    try:
        array = np.asarray(given, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError(f"{title} must be numbers of shape {shape}: {error}") from None
    if array.shape != shape:
        raise InputError(f"{title} must have shape {shape}, got {array.shape}")
    wrong = ~_MUST_BE[allowed](array)
    if wrong.any():
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        place = f" at index {where}" if where else ""
        raise InputError(f"{title} must be {allowed}, got {array[where]}{place}")
    return array


def check_morphed(
    title: str, morphed: Morphed, shape: tuple[int, ...], allowed: str = "finite"
) -> None:
    """Check an array and its variations as :func:`check_array` does."""
    check_array(title, morphed.nominal, shape, allowed)
    for name, versions in morphed.variations.items():
        check_array(f"{title} at -1 and +1 sigma of {name}", versions, (2, *shape))


def covariance(title: str, given: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Symmetric positive-definite matrix for counts of a shape, shape (bins, bins)."""
    bins = int(np.prod(shape))
    matrix = check_array(title, given, (bins, bins))
    if not np.allclose(matrix, matrix.T, rtol=1e-10, atol=0):
        raise InputError(f"{title} must be symmetric")
    lowest = float(np.linalg.eigvalsh(matrix)[0])
    if lowest <= 0:
        raise InputError(f"{title} must be positive definite, got an eigenvalue of {lowest:.3g}")
    return matrix
