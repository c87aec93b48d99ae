"""Refusal of what cannot be, in one line: which field, what was got, what is allowed."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from cevns_bayes.errors import InputError

MAX_SHOWN = 60  # characters of what was given
_MUST_BE: Mapping[str, Callable[[np.ndarray], Any]] = {
    "numbers": lambda x: ~np.isnan(x),
    "finite": np.isfinite,
    "finite and non-negative": lambda x: np.isfinite(x) & (x >= 0),
    "finite and positive": lambda x: np.isfinite(x) & (x > 0),
    "between 0 and 1": lambda x: (x >= 0) & (x <= 1),
}


def check_array(
    title: str, given: Any, shape: tuple[int, ...], allowed: str = "finite"
) -> np.ndarray:
    """Array of a shape and of numbers that are ``allowed``; ``title`` begins the message."""
    array = _numbers(given, f"{title} must be numbers of shape {shape}")
    if array.shape != shape:
        raise InputError(f"{title} must have shape {shape}, got {array.shape}")
    _refuse(array, _MUST_BE[allowed](array), f"{title} must be {allowed}")
    return array


def check_increasing(title: str, given: Any, allowed: str = "finite") -> np.ndarray:
    """Two numbers or more that increase and are ``allowed``, shape (numbers,)."""
    message = f"{title} must be two or more increasing numbers, {allowed}"
    array = _numbers(given, message)
    if array.ndim != 1 or len(array) < 2:
        raise InputError(f"{message}, got shape {array.shape}")
    increasing = np.append(True, array[1:] > array[:-1])
    _refuse(array, increasing & _MUST_BE[allowed](array), message)
    return array


def _numbers(given: Any, message: str) -> np.ndarray:
    if isinstance(given, str):
        raise InputError(f"{message}, got '{given}'")
    try:
        return np.asarray(given, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError(f"{message}: {error}") from None


def _refuse(array: np.ndarray, good: np.ndarray, message: str) -> None:
    if not good.all():
        where = tuple(int(i) for i in np.argwhere(~good)[0])
        raise InputError(f"{message}, got {array[where]}" + (f" at index {where}" if where else ""))


def check_fields(owner: object, allowed: str, *names: str) -> None:
    """Check fields of a dataclass that are one number each."""
    for name in names:
        check_array(f"{name} of {type(owner).__name__}", getattr(owner, name), (), allowed)


def check_one_or_each(title: str, given: Any, count: int) -> None:
    """Refuse what is neither one number nor ``count`` of them; variables of PyTensor, too."""
    shape = given.type.shape if hasattr(given, "type") else np.shape(given)
    if len(shape) > 1 or (shape and shape[0] not in (None, count)):
        raise InputError(f"{title} must be one number or {count}, got an array of shape {shape}")


def check_kind(title: str, given: object, kind: type) -> None:
    """Refuse what is no such object; ``title`` begins the message."""
    if not isinstance(given, kind):
        raise InputError(f"{title} must be of type {kind.__name__}, got {_shown(given)}")


def check_several(title: str, given: Any, kind: type) -> None:
    """Refuse what is no tuple, or list, of such objects."""
    if not isinstance(given, tuple | list):
        raise InputError(f"{title} must be a tuple of {kind.__name__}, got {_shown(given)}")
    for one in given:
        check_kind(f"each of {title}", one, kind)


def check_has(title: str, given: object, *names: str) -> None:
    """Refuse what lacks any of these attributes and methods."""
    if missing := [name for name in names if not hasattr(given, name)]:
        raise InputError(f"{title} must have {', '.join(missing)}, got {_shown(given)}")


def _shown(given: object) -> str:
    """The beginning of what it looks like."""
    line = repr(given).splitlines()[0]
    return line if len(line) < MAX_SHOWN else f"{line[:MAX_SHOWN]}..."


def called(title: str, function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
    """What a function of the user's own returns; whatever fails in it is an InputError."""
    try:
        return function(*arguments, **keywords)
    except Exception as error:
        first_line = f"{type(error).__name__}: {error}".splitlines()[0]
        raise InputError(f"{title}: {first_line}") from error
