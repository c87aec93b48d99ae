"""Curves of others, read from CSV, to be drawn over ours.

A file has a header and two columns of numbers, named after the parameters, and perhaps a column
``piece`` that tells parts of a curve which are not connected; of a profile likelihood the second
column is ``delta_chi2``. Lines that begin with # are comments.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from cevns_bayes.errors import InputError, unknown_name
from cevns_bayes.scenarios.prior_text import log10_name, physical_name

OTHERS = ("piece", "level", "dof")  # Columns that are no axes, as in our own files.
HEIGHT = "delta_chi2"  # The second axis of a profile.


@dataclass(frozen=True)
class Overlay:
    """Connected pieces of a curve, each of shape (points, 2), over two named axes.

    ``keys`` are the cells of each piece in the other columns; colour and ``dashed``, the style of
    the line, are chosen by the figure unless given; ``file`` is where it was read.
    """

    label: str
    axes: tuple[str, str]
    pieces: tuple[np.ndarray, ...]
    keys: tuple[tuple[str, ...], ...] = ()
    colour: str = ""
    dashed: Any = "-"
    file: str = ""

    def on(self, x: str, y: str) -> list[np.ndarray]:
        """Pieces in the variables of a panel, of which each may be the log10 of an axis.

        Empty if they are of others.
        """
        found: list[np.ndarray] = []
        for first, second in ((0, 1), (1, 0)):
            names = self.axes[first], self.axes[second]
            logs = [_is_log(name, wanted) for name, wanted in zip(names, (x, y), strict=True)]
            if None not in logs and not found:
                found = [_drawn(piece[:, [first, second]], logs) for piece in self.pieces]
        return found


def _is_log(name: str, wanted: str) -> bool | None:
    """Whether a wanted variable is the logarithm of a named one; None if it is another one."""
    if name == wanted:
        return False
    return True if log10_name(name) == wanted else None


def _drawn(piece: np.ndarray, logs: Iterable[bool | None]) -> np.ndarray:
    pairs = zip(piece.T, logs, strict=True)
    return np.column_stack([np.log10(x) if log else x for x, log in pairs])


def overlay_of(text: str) -> Overlay:
    """``"FILE"`` or ``"FILE=LABEL"``; without a label, the name of the file stands for it."""
    path, _, label = text.partition("=")
    if Path(text).is_file():
        path, label = text, ""
    return read_overlay(Path(path), label.strip())


def read_overlay(path: Path, label: str = "") -> Overlay:
    """Read a curve.

    Raises
    ------
    InputError
        A file that cannot be read, or is not such a table; it names the line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise InputError(f"cannot read {path}: it is missing or not a text file") from error
    lines = _lines(text, path)
    number, header = next(lines, (0, []))
    axes = [i for i, name in enumerate(header) if name not in OTHERS]
    names = [header[i] for i in axes]
    if len(axes) != 2 or len({*header}) < len(header) or "" in header or _numbers(names):
        raise InputError(
            f"{path}, line {number}: the header must name two columns and perhaps {OTHERS[0]}, "
            f"got {','.join(header)!r}"
        )
    points = [_point(f"{path}, line {at}", header, axes, cells) for at, cells in lines]
    if not points:
        raise InputError(f"{path}: no numbers below the header")
    pieces = {
        key: np.array([point for _, point in group])
        for key, group in groupby(points, lambda p: p[0])
    }
    axes_of = (names[0], names[1])
    columns = tuple(pieces.values()), tuple(pieces)
    return Overlay(label or path.stem, axes_of, *columns, file=str(path))


def _point(
    place: str, header: list[str], axes: list[int], cells: list[str]
) -> tuple[tuple[str, ...], list[float]]:
    """What tells a piece from others, and x and y."""
    numbers = _numbers(cells[i] for i in axes if i < len(cells))
    if len(cells) != len(header) or len(numbers) != 2:
        raise InputError(
            f"{place}: expected finite numbers for {','.join(header)}, got {','.join(cells)!r}"
        )
    return tuple(cell for i, cell in enumerate(cells) if i not in axes), numbers


def _lines(text: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """Numbers and cells of the lines that are neither empty nor comments."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                (cells,) = csv.reader([line])
            except (csv.Error, ValueError) as error:
                raise InputError(f"{path}, line {number}: {error}") from error
            yield number, [cell.strip() for cell in cells]


def _numbers(cells: Iterable[str]) -> list[float]:
    """Those of the cells that are finite numbers."""
    found = []
    for cell in cells:
        try:
            found.append(float(cell))
        except ValueError:
            continue
    return [number for number in found if np.isfinite(number)]


def check_overlays(overlays: Iterable[Overlay], parameters: Iterable[str]) -> None:
    """Refuse curves of other variables than these, as they are sampled, or without log10.

    The latter must be positive, as they are shown on a logarithmic axis.
    """
    sampled = {HEIGHT, *parameters}
    logs = {physical_name(name): name for name in sampled if physical_name(name) != name}
    names = sampled | {*logs}
    for overlay in overlays:
        for i, axis in enumerate(overlay.axes):
            if axis not in names:
                raise unknown_name(f"column of the overlay '{overlay.label}'", axis, names)
            lowest = min(piece[:, i].min() for piece in overlay.pieces)
            if axis in logs and lowest <= 0:
                raise InputError(
                    f"{overlay.file or overlay.label}: column {axis} must be positive, as "
                    f"{logs[axis]} is shown, got {lowest:g}"
                )
