"""How an analysis is shown: levels, labels, style and what is drawn over it."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib.style
from matplotlib.cbook import is_math_text
from matplotlib.mathtext import MathTextParser

from cevns_bayes.errors import InputError, one_line, unknown_name
from cevns_bayes.report.overlays import Overlay, check_overlays
from cevns_bayes.report.style import MAX_LEVELS
from cevns_bayes.report.toy_files import ByToys

if TYPE_CHECKING:  # Wrong options are refused without waiting for PyMC.
    from cevns_bayes.experiments.experiment import Axis
    from cevns_bayes.scenarios.scenario import Parameter

HIGHEST_LEVEL = 0.999  # Farther out surfaces are not computed.
# A curve shows every level, a region those of its lines only, so that it has one more.
INTERVAL_LEVELS, REGION_LEVELS = (0.68, 0.90), (0.68, 0.90, 0.95)


@dataclass(frozen=True)
class View:
    """Choices that change what is shown of an analysis, and nothing in it.

    Attributes
    ----------
    levels
        Of intervals and regions, ascending; the usual ones unless given.
    labels
        Name of a variable -> label of its axis.
    style
        Of matplotlib: a name or the path of a file.
    overlays
        Curves of others over ours.
    toys
        Feldman-Cousins intervals and contours beside ours.

    Examples
    --------
    >>> view = cb.View(levels=[0.90], labels={"sin2_theta_w": r"$s_W^2$"})
    >>> analysis = cb.load_analysis("results/weak-mixing-angle-csi")  # doctest: +SKIP
    >>> cb.write_report(analysis.viewed(view), "redrawn")  # doctest: +SKIP
    """

    levels: Sequence[float] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    style: str = ""
    overlays: Sequence[Overlay] = ()
    toys: ByToys = field(default_factory=ByToys)

    def __post_init__(self) -> None:
        levels = tuple(sorted({float(level) for level in self.levels}))
        if len(levels) > MAX_LEVELS or not all(0 < level <= HIGHEST_LEVEL for level in levels):
            allowed = f"up to {MAX_LEVELS} between 0 and {HIGHEST_LEVEL}"
            raise InputError(f"levels must be {allowed}, got {levels}")
        object.__setattr__(self, "levels", levels)
        check_labels(self.labels.values())
        check_style(self.style)

    @property
    def of_intervals(self) -> Sequence[float]:
        """Levels of intervals of one parameter."""
        return self.levels or INTERVAL_LEVELS

    @property
    def of_regions(self) -> Sequence[float]:
        """Levels of regions of two parameters."""
        return self.levels or REGION_LEVELS

    def check(self, parameters: Iterable[str], variables: Iterable[str]) -> None:
        """Refuse a label of a variable, or a curve of parameters, that is not there."""
        known = {*variables}
        for name in self.labels:
            if name not in known:
                raise unknown_name("variable of a label", name, known)
        check_overlays(self.overlays, parameters)

    def styled(self) -> AbstractContextManager[None]:
        """Context in which figures have the style."""
        return matplotlib.style.context(self.style or {})


def check_style(style: str) -> None:
    """Refuse a style that matplotlib does not know or cannot read."""
    if not style or style in matplotlib.style.available:
        return
    if not Path(style).is_file():
        raise unknown_name("style, and no file,", style, matplotlib.style.available)
    try:
        with matplotlib.style.context(style):
            pass
    except (OSError, ValueError) as error:
        raise InputError(f"style {style}: {one_line(error)}") from error


def check_labels(labels: Iterable[str]) -> None:
    """Refuse mathtext that cannot be drawn, before there is something to draw."""
    parser: MathTextParser = MathTextParser("path")
    for label in filter(is_math_text, labels):
        try:
            parser.parse(label)
        except ValueError as error:
            raise InputError(f"label {label!r} cannot be drawn: {one_line(error)}") from error


def check_drawable(parameters: "Iterable[Parameter]", axes: "Iterable[Axis]", *texts: str) -> None:
    """The same for all that a figure of a scenario on experiments says."""
    forms = [label for p in parameters for label in (p.axis_label, p.logarithm.axis_label)]
    check_labels([*texts, *forms, *(axis.title for axis in axes)])
