"""What of a command is checked at once, before PyMC is imported, which takes seconds."""

from collections.abc import Callable
from typing import Any

from cevns_bayes.errors import InputError, unknown_name
from cevns_bayes.plugins import EXPERIMENT_FILES, SCENARIO_FILES, as_file, names_in


def names_of(data: str) -> list[str]:
    """``"csi,lar"``, or ``"csi+lar"``, where that is not a file with such a name."""
    parts = [part.strip() for part in data.split(",")]
    files = [file is not None and file[0].is_file() for file in map(as_file, parts)]
    split = [
        [part] if is_file else part.split("+") for part, is_file in zip(parts, files, strict=True)
    ]
    return [name.strip() for names in split for name in names]


def check_scenario(name: str) -> str:
    """Refuse an unknown scenario."""
    return _known("scenario", "scenario", name, names_in(SCENARIO_FILES, "SCENARIOS"))


def check_data(data: str) -> str:
    """Refuse unknown experiments."""
    known = names_in(EXPERIMENT_FILES, "EXPERIMENTS")
    for name in names_of(data):
        _known("data", "experiment", name, known)
    return data


def _known(kind: str, kind_of_file: str, name: str, names: set[str]) -> str:
    file = as_file(name)
    if file is None and name not in names:
        raise unknown_name(kind, name, names)
    if file is not None and not file[0].is_file():
        raise InputError(f"{kind_of_file} file {file[0]} does not exist")
    return name


def each(check: Callable[[Any], Any]) -> Callable[[Any, Any, Any], Any]:
    """The callback of an option that checks its value, or each if there are several."""

    def callback(context: Any, parameter: Any, value: Any) -> Any:
        for one in value if isinstance(value, tuple) else (value,):
            if one is not None:
                check(one)
        return value

    return callback


def at_least(smallest: int, below: int | None = None) -> Callable[[Any, Any, Any], Any]:
    """The callback of an option that is such an integer; samplers check the same, but later."""

    def callback(context: Any, parameter: Any, value: int | None) -> int | None:
        if value is not None and (value < smallest or (below and value >= below)):
            of = "a non-negative integer" if below else f"an integer of at least {smallest}"
            raise InputError(f"{parameter.name} must be {of}, got {value}")
        return value

    return callback


def distinct[T](option: str, pairs: list[tuple[str, T]]) -> dict[str, T]:
    """Pairs of names and values as a dictionary; refuses a name that is there twice."""
    if len(dict(pairs)) < len(pairs):
        names = ", ".join(name for name, _ in pairs)
        raise InputError(f"{option} names a variable twice: {names}")
    return dict(pairs)
