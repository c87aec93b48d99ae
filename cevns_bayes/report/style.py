"""What all figures share: one palette, one legend, units of axes."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

if TYPE_CHECKING:  # Options are checked without waiting for PyMC.
    from cevns_bayes.experiments.experiment import Axis

# Okabe & Ito's palette, told apart by colour-blind readers too.
BLUE, ORANGE, GREEN, GREY, PURPLE = "#0072b2", "#d55e00", "#009e73", "#999999", "#cc79a7"
SHADES = {0.95: "#d6e8f4", 0.90: "#a6cee3", 0.68: "#5b9bd5"}  # by probability
DASHES: dict[float, Any] = {0.68: "-", 0.90: "--", 0.95: ":"}
OVERLAYS = ("black", "#e69f00", GREEN, "#999999")  # of curves of others, in turn
MAX_LEVELS = 4
_SHADES = ("#5b9bd5", "#a6cee3", "#d6e8f4", "#eaf3fa")  # of ascending levels
_DASHES: tuple[Any, ...] = ("-", "--", ":", (0, (5, 1, 1, 1, 1, 1)))
# Of the components, in turn where a name is not listed.
COMPONENTS = {
    "ssb": "#bbbbbb",
    "brn": "#e69f00",
    "brn_prompt": "#e69f00",
    "nin": GREEN,
    "es": "#56b4e9",
    "brn_delayed": "#cc79a7",
    "cevns": BLUE,
}
OTHERS = ("#bbbbbb", "#e69f00", "#cc79a7", "#56b4e9", "#f0e442", GREEN)
WORDS = {
    "cevns": "CEvNS",
    "es": "electron scattering",
    "ssb": "SSB",
    "brn": "BRN",
    "nin": "NIN",
    "brn_prompt": "prompt BRN",
    "brn_delayed": "delayed BRN",
}
WIDE = 7.0  # inches, room for a legend of three columns
TITLE = 11  # points
DPI_OF_FILES = 150


def save(figure: Figure, path: Path) -> None:
    """As PNG and PDF; ``path`` without the suffix."""
    figure.savefig(f"{path}.png", dpi=DPI_OF_FILES)
    figure.set_layout_engine("none")  # It is laid out now, which takes a while.
    figure.savefig(f"{path}.pdf")


def shades(levels: Sequence[float]) -> dict[float, str]:
    """Colour of each of up to ``MAX_LEVELS`` levels, the darkest of the smallest."""
    return dict(zip(sorted(levels), _SHADES, strict=False))


def dashes(levels: Sequence[float]) -> dict[float, Any]:
    """Line style of each of up to ``MAX_LEVELS`` levels."""
    return dict(zip(sorted(levels), _DASHES, strict=False))


def percent(level: float) -> str:
    """``"68%"``, ``"99.73%"``."""
    return f"{100 * level:.4g}%"


def component_word(name: str) -> str:
    """What a component is called in a figure."""
    return WORDS.get(name, name.replace("_", " "))


def per_unit(axis: "Axis") -> str:
    """What events in bins of different widths are divided by."""
    return f"per {axis.unit or f'unit of {axis.label}'}"


def legend(figure: Figure, extra: Sequence[Any] = ()) -> None:
    """One for the figure, below it, each label once; none if there is nothing to say."""
    entries: dict[str, Any] = {handle.get_label(): handle for handle in extra}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    if entries:
        columns = 3 if figure.get_figwidth() > WIDE else 2
        place: dict[str, Any] = {"loc": "outside lower center", "ncols": columns, "fontsize": 8}
        figure.legend(list(entries.values()), list(entries), **place)


def show_all(panel: Axes, *heights: Any, margin: float = 0.06) -> None:
    """Limits of y that hold every height, with a margin; zero stays at the bottom if it is."""
    low = min(float(height.min()) for height in heights)
    high = max(float(height.max()) for height in heights)
    pad = margin * ((high - low) or 1.0)
    panel.set_ylim(low - pad if low < 0 else max(0.0, low - pad), high + pad)
