"""Reading columns of numbers from a release's text files, writing ours."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cevns_bayes.errors import InputError


def read_columns(path: Path, columns: int) -> np.ndarray:
    """Rows of whitespace-separated finite numbers, shape (rows, columns); ``#`` starts a comment.

    Raises
    ------
    InputError
        Naming the file and the line that is not ``columns`` finite numbers.
    """
    rows = []
    for number, line in enumerate(_lines(path), start=1):
        content = line.split("#", 1)[0].split()
        if content:
            rows.append(_row(path, number, content, columns))
    if not rows:
        raise InputError(f"{path} holds no numbers")
    return np.array(rows)


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
    centres, contents = read_columns(path, 2).T
    steps = np.diff(centres)
    uneven = np.flatnonzero(~np.isclose(steps, steps[0], rtol=1e-3))
    if uneven.size:
        raise InputError(f"{path}, line {uneven[0] + 2}: bin centres are not equidistant")
    negative = np.flatnonzero(contents < 0)
    if negative.size:
        raise InputError(
            f"{path}, line {negative[0] + 1}: negative content {contents[negative[0]]}"
        )
    return np.round(centres - steps[0] / 2, 6), contents


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
