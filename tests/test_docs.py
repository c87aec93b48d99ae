"""The site: its commands and names exist, its walks work, its pages say what was computed."""

import importlib
import re
import shlex
import sys
from pathlib import Path

import click
import pytest

import cevns_bayes as cb
from cevns_bayes import cli

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
WRITTEN = sorted([*DOCS.glob("*.md"), *DOCS.glob("howto/*.md"), ROOT / "README.md"])
CONSOLE = re.compile(r"^(?:\$ )?cevns-bayes (.+?)(?:  +#.*)?$", re.MULTILINE)
FILE = re.compile(r"```\{code-block\} python\n:caption: (\S+)\n\n(.*?)```", re.DOTALL)
NAME = re.compile(r"\bcb\.([A-Za-z_]\w*)")


def commands(path):
    return [shlex.split(line) for line in CONSOLE.findall(path.read_text(encoding="utf-8"))]


def module_of(name):
    """A module of docs/, which are no package."""
    sys.path.insert(0, str(DOCS))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(DOCS))


@pytest.fixture(scope="module")
def publications():
    return module_of("make_publications")


def parsed(arguments):
    """Raises what the command line would about names of commands and options."""
    command = cli.cli
    while isinstance(command, click.Group):
        name, *arguments = arguments
        assert name in command.commands, name
        command = command.commands[name]
    command.make_context(name, list(arguments))


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_commands_and_names_exist(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for arguments in commands(path):
        for name in re.findall(r"[\w/]+\.py", " ".join(arguments)):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).touch()
        parsed([argument for argument in arguments if argument not in ("...", "DIR/NAME")])
    names = set(NAME.findall(path.read_text(encoding="utf-8")))
    assert names <= {*dir(cb), "py"}, names - set(dir(cb))


def test_api_reference_has_every_name():
    groups = module_of("generate").groups()
    assert len(groups) == 3
    listed = [name for names in groups.values() for name in names]
    assert sorted(listed) == sorted(name for name in dir(cb) if not name.startswith("__"))


def test_a_wrong_option_would_be_noticed():
    with pytest.raises(click.UsageError, match="No such option"):
        parsed(["fit", "sm", "--datta", "csi"])


@pytest.mark.parametrize("name", ["scenario", "detector"])
def test_files_of_the_walks_are_what_the_package_takes(cevns_bayes, tmp_path, name):
    page = DOCS / f"howto/{name}.md"
    for file, text in FILE.findall(page.read_text(encoding="utf-8")):
        (tmp_path / file).write_text(text)
    (first,) = [a for a in commands(page) if a[0] == "predict"]
    code, out, _ = cevns_bayes(*first)
    assert code == 0
    assert "cevns" in out


def test_threshold_and_background_of_the_walk_through_a_detector(cevns_bayes, tmp_path):
    ((file, text),) = FILE.findall((DOCS / "howto/detector.md").read_text(encoding="utf-8"))
    (tmp_path / file).write_text(text)
    changes = ("--threshold", f"{file}=0.4", "--background", f"{file}=0.5")
    code, out, err = cevns_bayes("predict", "sm", "--data", file, *changes)
    assert code == 0, err
    events = {line.split()[0]: float(line.split()[1]) for line in out.splitlines()[1:]}
    assert events["flat"] == pytest.approx(0.5 * 17.0 * 5.6)
    assert 0 < events["cevns"] < float(cb.predict("sm", {}, str(tmp_path / file)).cevns.sum())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["scenario", "detector"])
def test_fits_of_the_walks_run(cevns_bayes, tmp_path, name):
    page = DOCS / f"howto/{name}.md"
    for file, text in FILE.findall(page.read_text(encoding="utf-8")):
        (tmp_path / file).write_text(text)
    fits = [a for a in commands(page) if a[0] == "fit"]
    assert fits
    for arguments in fits:
        code, out, _ = cevns_bayes(*arguments)
        assert code == 0
        assert "χ² =" in out


def test_every_claim_has_been_computed(publications):
    found = publications.results()
    for publication in publications.publications():
        for claim in publication.get("claim", ()):
            assert (publication["id"], claim["id"]) in found
    assert len(publications.chi2_rows(found)) == 77


def test_pages_of_publications_say_what_was_computed(publications):
    for name, text in publications.pages(publications.results()).items():
        assert (publications.FOLDER / name).read_text(encoding="utf-8") == text, name


def test_data_are_those_of_the_pages(publications):
    """A table that has changed asks for `make publications`."""
    found = publications.results()
    for publication in publications.publications():
        rows = [row for (name, _), row in found.items() if name == publication["id"]]
        assert {row["data"] for row in rows} == {publications.data_hash(publication["data"])}


@pytest.mark.parametrize(
    ("value", "verdict"), [("10.5", "reproduced (within 1)"), ("12", "differs by +2")]
)
def test_verdict(publications, value, verdict):
    claim = {"published": 10.0, "within": 1.0}
    assert publications.verdict(claim, {"value": value}) == verdict


QUICK = {"counts", "expected", "cross_section"}


def test_quick_values_are_those_of_the_pages(publications):
    recomputed(publications, lambda function: function in QUICK)


@pytest.mark.slow
def test_fitted_values_are_those_of_the_pages(publications):
    recomputed(
        publications, lambda function: function in {"fitted", "released_fit", "dresden_norm"}
    )


def recomputed(publications, wanted):
    found = publications.results()
    for publication in publications.publications():
        for claim in publication.get("claim", ()):
            if wanted(claim["compute"]["function"]):
                value, _ = publications.value_of(claim)
                kept = float(found[publication["id"], claim["id"]]["value"])
                assert value == pytest.approx(kept, rel=1e-3), claim["id"]
