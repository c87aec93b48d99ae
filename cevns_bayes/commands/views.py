"""Options that change how results are shown, and what they mean."""

from pathlib import Path
from typing import Any

import click

from cevns_bayes.commands.options import PATH, options_of
from cevns_bayes.errors import InputError
from cevns_bayes.quick_checks import distinct

overlay_option = click.option(
    "--overlay",
    "overlays",
    multiple=True,
    metavar="FILE.csv[=LABEL]",
    help="Curve of others to be drawn over ours: two columns named after parameters. May be "
    "repeated.",
)
toys_option = click.option(
    "--feldman-cousins",
    "toys",
    type=PATH,
    help="Folder that `feldman-cousins` wrote, whose intervals or contours are shown beside ours.",
)
view_options = options_of(
    click.option(
        "--level",
        "levels",
        multiple=True,
        type=click.FloatRange(0, 1, min_open=True, max_open=True),
        help="Of intervals and regions, several if repeated; 0.68, 0.90 (and 0.95) unless given.",
    ),
    click.option(
        "--label",
        "labels",
        multiple=True,
        metavar="NAME=TEXT",
        help="Label of an axis, with mathtext such as '$m_V$'. May be repeated.",
    ),
    click.option("--style", default="", metavar="FILE|NAME", help="Style of matplotlib."),
    overlay_option,
    toys_option,
)


def view_of(
    overlays: tuple[str, ...] = (),
    toys: Path | None = None,
    levels: tuple[float, ...] = (),
    labels: tuple[str, ...] = (),
    style: str = "",
) -> Any:
    """How results are to be shown."""
    from cevns_bayes.report.overlays import overlay_of
    from cevns_bayes.report.toy_files import ByToys, read_toys
    from cevns_bayes.report.view import View

    found = ByToys() if toys is None else read_toys(toys)
    return View(levels, _labels(labels), style, [overlay_of(text) for text in overlays], found)


def _labels(texts: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    if bad := [text for text, (name, _, label) in zip(texts, pairs, strict=True) if not label]:
        raise InputError(f"malformed --label '{bad[0]}'; write NAME=TEXT")
    return distinct("--label", [(name.strip(), label) for name, _, label in pairs])
