"""The one exception for wrong input, and its wording: what was got, what is allowed."""

from collections.abc import Iterable
from difflib import get_close_matches
from math import isfinite, nan
from typing import Any


class InputError(ValueError):
    """Something the user gave (a name, a number, a file) cannot be used.

    Examples
    --------
    >>> cb.load_scenario("weak-mixing")
    Traceback (most recent call last):
    cevns_bayes.errors.InputError: unknown scenario 'weak-mixing'; did you mean ...
    """


def unknown_name(kind: str, got: object, allowed: Iterable[str]) -> InputError:
    """Error for a name that is not one of ``allowed``, with the nearest match suggested."""
    allowed = sorted(allowed)
    nearest = get_close_matches(str(got), allowed, n=1, cutoff=0.5)
    hint = f"; did you mean '{nearest[0]}'?" if nearest else ""
    return InputError(f"unknown {kind} '{got}'{hint} (allowed: {', '.join(allowed) or 'none'})")


def finite_number(name: str, value: Any) -> float:
    """The value as a float.

    Raises
    ------
    InputError
        Not a number, or not a finite one.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = nan
    if not isfinite(number):
        raise InputError(f"{name} must be a finite number, got {value!r}")
    return number


def counted(number: int, noun: str) -> str:
    """``"1 toy"``, ``"2 toys"``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def one_line(error: BaseException, text: str = "") -> str:
    """What an error says, or this text, with the notes of the error."""
    return " ".join("; ".join([text or str(error), *getattr(error, "__notes__", ())]).split())
