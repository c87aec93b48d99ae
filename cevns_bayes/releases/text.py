"""Reading columns of numbers from a release's text files, writing ours."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cevns_bayes.errors import InputError


def read_columns(path: Path, columns: int, separator: str | None = None) -> np.ndarray:
    """Rows of finite numbers, shape (rows, columns); ``#`` starts a comment.

    Numbers are separated by white space unless a ``separator`` is given.

    Raises
    ------
    InputError
        Naming the file and the line that is not ``columns`` finite numbers.
    """
    return np.array([row for _, row in _numbered_rows(path, columns, separator)])


def read_labelled_rows(path: Path, columns: int) -> dict[str, np.ndarray]:
    """Rows of a label without spaces and ``columns`` finite numbers: label -> shape (columns,).

    Raises
    ------
    InputError
        As :func:`read_columns`.
    """
    rows = {}
    for number, line in enumerate(_lines(path), start=1):
        label, *content = line.split() or [""]
        if label:
            rows[label] = np.array(_row(path, number, content, columns))
    return rows


def _numbered_rows(
    path: Path, columns: int, separator: str | None = None
) -> list[tuple[int, list[float]]]:
    rows = []
    for number, line in enumerate(_lines(path), start=1):
        content = line.split("#", 1)[0].strip()
        if content:
            rows.append((number, _row(path, number, content.split(separator), columns)))
    if not rows:
        raise InputError(f"{path} holds no numbers")
    return rows


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from error


def _row(path: Path, number: int, content: list[str], columns: int) -> list[float]:
    try:
        row = [float(word) for word in content]
    except ValueError:
        row = []
    if len(row) != columns or not np.all(np.isfinite(row)):
        raise InputError(
            f"{path}, line {number}: expected {columns} finite numbers, got '{' '.join(content)}'"
        )
    return row


def read_histogram(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Lower bin edges and contents, shape (bins,), of a file of equidistant bin centres."""
    rows = _numbered_rows(path, 2)
    if len(rows) < 2:
        raise InputError(f"{path}: a histogram needs two rows or more, got {len(rows)}")
    step = rows[1][1][0] - rows[0][1][0]
    previous = rows[0][1][0] - step
    for number, (centre, content) in rows:
        if not (step > 0 and np.isclose(centre - previous, step, rtol=1e-3)):
            raise InputError(f"{path}, line {number}: bin centres do not rise in equal steps")
        if content < 0:
            raise InputError(f"{path}, line {number}: negative content {content}")
        previous = centre
    centres, contents = np.array([row for _, row in rows]).T
    return np.round(centres - step / 2, 6), contents


def sha256(path: Path) -> str:
    """Digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def csv_text(comment: str, header: Sequence[str], columns: Sequence[np.ndarray]) -> str:
    """A table as CSV below ``#`` comment lines."""
    lines = [f"# {line}" for line in comment.splitlines()] + [",".join(header)]
    lines += [",".join(f"{value:.8g}" for value in row) for row in zip(*columns, strict=True)]
    return "\n".join(lines) + "\n"


def source_text(
    folder: Path, files: Sequence[str], *, reference: str, released: str, what_was_done: str
) -> str:
    """``source.toml``: where tables come from, and the sha256 of every file read."""
    digests = "\n".join(f'"{name}" = "{sha256(folder / name)}"' for name in files)
    return f"""\
reference = "{reference}"
released = "{released}"
made_by = "cevns-bayes data import"
what_was_done = \"\"\"
{what_was_done}
\"\"\"

[sha256] # of the release's files
{digests}
"""
