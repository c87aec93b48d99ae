"""Feldman-Cousins intervals and contours, read from the folder that `feldman-cousins` wrote."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cevns_bayes.errors import InputError
from cevns_bayes.report.overlays import Overlay, read_overlay
from cevns_bayes.report.style import PURPLE, dashes, percent

if TYPE_CHECKING:  # A wrong folder is refused without waiting for PyMC.
    from cevns_bayes.frequentist.profile import Profile

Limits = tuple[float, float]

INTERVALS, CONTOURS = "intervals.csv", "contours.csv"
TITLE = "Feldman-Cousins"
SAME = 1e-3  # difference of two profiles of one likelihood, in units of the interval


@dataclass(frozen=True)
class ByToys:
    """Confidence intervals by parameter and level, and contours of regions, from toys.

    ``profile`` are the profile intervals of the same data, which tell whether it is of an analysis.
    """

    intervals: Mapping[str, Mapping[float, Sequence[Limits]]] = field(default_factory=dict)
    profile: Mapping[str, Mapping[float, Sequence[Limits]]] = field(default_factory=dict)
    contours: Sequence[Overlay] = ()

    def of(self, parameter: str, level: float) -> list[Limits]:
        """Intervals of a parameter at a level; empty if there are none."""
        return list(self.intervals.get(parameter, {}).get(level, ()))

    def check(self, profile: "Profile | None") -> None:
        """Raise InputError if it is of another likelihood than a profile, or of other parameters.

        Of contours, only the parameters can be compared.
        """
        curves = {} if profile is None else profile.curves
        names = {*self.profile, *(axis for of in self.contours for axis in of.axes)}
        if unknown := sorted(names - {*curves}):
            raise InputError(f"{TITLE} results are of {unknown[0]}, the analysis is not")
        for name, levels in self.profile.items():
            for level, theirs in levels.items():
                ours = np.array(curves[name].intervals(level)).ravel()
                ends = np.array(theirs).ravel()
                if ours.shape != ends.shape or np.abs(ours - ends).max() > SAME * np.ptp(ours):
                    raise InputError(
                        f"{TITLE} results are of other data: their {percent(level)} profile "
                        f"interval of {name} is {ends.tolist()}, ours {ours.tolist()}"
                    )


def read_toys(folder: Path) -> ByToys:
    """Read a folder; InputError if it holds neither intervals nor contours, or damaged ones."""
    found = ByToys()
    if (folder / INTERVALS).is_file():
        found = _intervals(folder / INTERVALS)
    if (folder / CONTOURS).is_file():
        found = replace(found, contours=_contours(read_overlay(folder / CONTOURS)))
    if not (found.intervals or found.contours):
        raise InputError(f"{folder} is not a folder of `feldman-cousins`")
    return found


def _intervals(path: Path) -> ByToys:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        rows = [
            (row["interval"], row["parameter"], float(row["level"]), _ends(row))
            for row in csv.DictReader(lines)
        ]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is not a table of `feldman-cousins`") from error
    kinds: dict[str, dict[str, dict[float, list[Limits]]]] = {TITLE: {}, "profile": {}}
    for kind, name, level, ends in rows:
        if kind in kinds:
            kinds[kind].setdefault(name, {}).setdefault(level, []).append(ends)
    return ByToys(kinds[TITLE], kinds["profile"])


def _ends(row: Mapping[str, str]) -> Limits:
    return float(row["low"]), float(row["high"])


def _contours(together: Overlay) -> list[Overlay]:
    """One for each level, which is the first number that tells pieces apart."""
    pairs = zip(together.keys, together.pieces, strict=True)
    by_level = {
        float(level): tuple(piece for _, piece in group)
        for level, group in groupby(pairs, lambda pair: pair[0][0])
    }
    style = dashes(list(by_level))
    return [
        replace(
            together,
            label=f"{percent(level)} confidence ({TITLE})",
            pieces=pieces,
            colour=PURPLE,
            dashed=style[level],
        )
        for level, pieces in by_level.items()
    ]
