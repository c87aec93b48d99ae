"""Pages of publications: what they say, what we get. `make publications` computes and writes them.

python docs/make_publications.py               all: half an hour, most of it for the table of chi^2
python docs/make_publications.py ID ...        those publications
python docs/make_publications.py --text-only   only the pages, from publications.csv
"""

import csv
import hashlib
import math
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import claims  # noqa: E402
import publication_figures  # noqa: E402

from cevns_bayes.datasets import data_folder, read_entries  # noqa: E402
from cevns_bayes.published import Row, validate  # noqa: E402

RESULTS = HERE / "publications.csv"
COLUMNS = ("publication", "claim", "value", "error", "version", "data")
FOLDER = HERE / "publications"
Results = dict[tuple[str, str], dict[str, str]]


def publications() -> list[dict[str, Any]]:
    """Those of publications.toml, in its order."""
    return tomllib.loads((HERE / "publications.toml").read_text(encoding="utf-8"))["publication"]


def results() -> Results:
    """What has been computed, by publication and claim."""
    with RESULTS.open(encoding="utf-8", newline="") as file:
        return {(row["publication"], row["claim"]): row for row in csv.DictReader(file)}


def data_hash(folders: list[str]) -> str:
    """sha256 of the tables, shortened."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted((data_folder() / folder).iterdir(), key=lambda path: path.name):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


# --- computing ------------------------------------------------------------------------------------


def compute(publication: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Rows of results."""
    stamp = {"version": version("cevns-bayes"), "data": data_hash(publication["data"])}
    for claim, value, error in _values(publication):
        row = {"publication": publication["id"], "claim": claim}
        yield row | {"value": f"{value:.6g}", "error": error and f"{error:.3g}"} | stamp


def _values(publication: dict[str, Any]) -> Iterator[tuple[str, float, Any]]:
    if publication.get("table") == "chi2":
        for row in validate():
            yield f"{row.scenario}/{row.data}", row.chi2, ""
    for claim in publication.get("claim", ()):
        value, error = value_of(claim)
        yield claim["id"], value, error


def value_of(claim: dict[str, Any]) -> tuple[float, Any]:
    """Our value of a claim, and its error, empty if there is none."""
    keywords = dict(claim["compute"])
    found = getattr(claims, keywords.pop("function"))(**keywords)
    return found if isinstance(found, tuple) else (found, "")


# --- pages ----------------------------------------------------------------------------------------


def page(publication: dict[str, Any], found: Results) -> str:
    """Markdown of one publication."""
    lines = [f"# {publication['title']}", "", f"{publication['reference']}.", ""]
    word, share = status(publication, found)
    lines += [f"**Status: {word}; {share} numbers reproduced.**", ""]
    if "limited" in publication:
        lines += [f"What limits the comparison: {publication['limited']}.", ""]
    lines += [publication["text"].strip(), ""]
    lines += _table(publication, found)
    if "figure" in publication:
        image = f"../images/publications/{publication['id']}.png"
        lines += [f"```{{figure}} {image}", ":width: 80%", "", publication["caption"], "```", ""]
    stamp = next(row for (name, _), row in found.items() if name == publication["id"])
    command = f"python docs/make_publications.py {publication['id']}"
    tables = ", ".join(f"`{folder}`" for folder in publication["data"])
    lines += [f"By `{command}`, cevns-bayes {stamp['version']}; tables {tables}, sha256"]
    return "\n".join([*lines, f"`{stamp['data']}`.", ""])


def _table(publication: dict[str, Any], found: Results) -> list[str]:
    if publication.get("table") == "chi2":
        head = ["scenario", "data", "χ²", "published", "Δχ²", "published Δχ²", "verdict"]
        rows = [_chi2_cells(row) for row in chi2_rows(found)]
    else:
        head = ["", "published", "ours", "verdict", "published in"]
        rows = [
            _cells(claim, found[publication["id"], claim["id"]]) for claim in publication["claim"]
        ]
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)] + [""]


def _cells(claim: dict[str, Any], row: dict[str, str]) -> list[str]:
    published = f"{claim['published']:g}" + (f" ± {claim['error']}" if "error" in claim else "")
    ours = _rounded(row)
    note = f" ({claim['note']})" if "note" in claim else ""
    published = published.replace("± +", "+")
    return [claim["quantity"] + note, published, ours, verdict(claim, row), claim["source"]]


def _rounded(row: dict[str, str]) -> str:
    """Two digits of the error, as many of the value."""
    value, error = float(row["value"]), float(row["error"] or 0)
    if not error:
        return f"{value:.4g}"
    places = max(0, 1 - math.floor(math.log10(error)))
    return f"{value:.{places}f} ± {error:.{places}f}"


def verdict(claim: dict[str, Any], row: dict[str, str]) -> str:
    """Whether ours is within what counts as reproduced, or by how much it differs."""
    difference = float(row["value"]) - claim["published"]
    if abs(difference) <= claim["within"]:
        return f"reproduced (within {claim['within']:g})"
    return f"differs by {difference:+.2g}"


def chi2_rows(found: Results) -> list[Row]:
    """Our minima of chi^2 beside the published ones."""
    ours = {claim: float(row["value"]) for (_, claim), row in found.items() if "/" in claim}
    entries = read_entries("published", "chi2")
    published = {f"{e['scenario']}/{e['data']}": float(e["chi2"]) for e in entries}
    rows = []
    for name, chi2 in ours.items():
        scenario, data = name.split("/")
        improvements = (of[f"sm/{data}"] - of[name] for of in (ours, published))
        rows.append(Row(scenario, data, chi2, published[name], *improvements))
    return rows


def _chi2_cells(row: Row) -> list[str]:
    numbers = (row.chi2, row.published, row.improvement, row.published_improvement)
    return [row.scenario, row.data, *(f"{number:.2f}" for number in numbers), row.verdict]


def status(publication: dict[str, Any], found: Results) -> tuple[str, str]:
    """``reproduced``, ``partly`` or ``differs``; and how many of the claims are reproduced."""
    if publication.get("table") == "chi2":
        good = [row.verdict == "reproduced" for row in chi2_rows(found)]
    else:
        claimed = publication["claim"]
        rows = [found[publication["id"], claim["id"]] for claim in claimed]
        verdicts = [verdict(claim, row) for claim, row in zip(claimed, rows, strict=True)]
        good = [text.startswith("reproduced") for text in verdicts]
    whole = all(good) and "limited" not in publication
    word = "differs" if not any(good) else "reproduced" if whole else "partly"
    return word, f"{sum(good)} of {len(good)}"


def index(found: Results) -> str:
    """The page that lists them."""
    head = [
        "publication",
        "reference",
        "status",
        "numbers reproduced",
        "what limits the comparison",
    ]
    lines = ["# Publications", ""]
    lines += ["What publications say, what this package gets from the same data, and the command."]
    lines += [
        "`docs/publications.toml` holds the claims and where they were read, `docs/claims.py`"
    ]
    lines += ["what is computed; a value of a paper that was not read is not quoted. The status is"]
    lines += [
        "`partly` where numbers differ, or where what limits the comparison leaves it open.",
        "",
    ]
    lines += [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head))]
    for of in publications():
        link = f"[{of['title']}]({of['id']}.md)"
        cells = [link, of["reference"], *status(of, found), of.get("limited", "")]
        lines += [f"| {' | '.join(cells)} |"]
    lines += ["", "```{toctree}", ":hidden:", *(of["id"] for of in publications()), "```", ""]
    return "\n".join(lines)


def pages(found: Results) -> dict[str, str]:
    """All pages by the name of their file."""
    return {"index.md": index(found)} | {f"{of['id']}.md": page(of, found) for of in publications()}


def main(arguments: list[str]) -> None:
    """Compute what is asked for, then write all pages."""
    found = results() if RESULTS.is_file() else {}
    for publication in publications():
        if "--text-only" in arguments or (arguments and publication["id"] not in arguments):
            continue
        print(publication["id"], flush=True)
        for row in compute(publication):
            found[row["publication"], row["claim"]] = row
        publication_figures.write(publication, chi2_rows(found))
        _write_results(found)
    for name, text in pages(found).items():
        (FOLDER / name).write_text(text, encoding="utf-8")


def _write_results(found: Results) -> None:
    with RESULTS.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(found.values())


if __name__ == "__main__":
    main(sys.argv[1:])
