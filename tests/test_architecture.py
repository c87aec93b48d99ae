"""Imports run one way, the wheel holds every package, the public face stays."""

import ast
from pathlib import Path

import pytest

import cevns_bayes as cb

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "cevns_bayes"

# A room may import those above it; rooms in one line do not know each other.
ORDER = (
    ("compiling", "errors"),
    ("checks", "datasets", "plugins"),
    ("quick_checks",),
    ("physics",),
    ("sources",),
    ("detectors", "releases"),
    ("experiments", "scenarios"),
    ("authoring",),
    ("models",),
    ("engine",),
    ("bayesian", "frequentist"),
    ("ensembles",),
    ("published",),
    ("report",),
    ("commands",),
    ("cli",),
    ("__main__",),
)
LEVEL = {room: level for level, rooms in enumerate(ORDER) for room in rooms}
SOURCES = sorted([*PACKAGE.rglob("*.py"), *(ROOT / "models").glob("*.py")])


def room_of(path):
    if path.parent == ROOT / "models":
        return "models"
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_modules(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in {path}"
            names = [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            assert name.split(".")[0] not in ("models", "data"), f"{path} bypasses the package"
            if name.startswith("cevns_bayes."):
                yield name.split(".")[1]


def test_every_file_has_its_room():
    assert {room_of(path) for path in SOURCES} - {"__init__"} == set(LEVEL)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path):
    own = room_of(path)
    if own == "__init__":
        return
    for other in imported_modules(path):
        assert other == own or LEVEL[other] < LEVEL[own], f"{own} imports {other}"


@pytest.mark.parametrize(
    ("package", "owner"),
    [("cevns_bayes.models", "plugins.py"), ("cevns_bayes.data", "datasets.py")],
)
def test_only_one_module_knows_the_plugin_packages(package, owner):
    def strings(path):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        return [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)]

    knowing = [path.name for path in PACKAGE.rglob("*.py") if package in strings(path)]
    assert knowing == [owner]


def test_public_names():
    promised = {"scenario_names", "load_experiment", "predict", "build_model", "sample", "fit"}
    assert promised <= set(dir(cb))
    for name in dir(cb):
        assert getattr(cb, name).__doc__, f"{name} has no docstring"
    with pytest.raises(AttributeError, match=r"attribute '?nothing"):
        _ = cb.nothing


def test_the_map_of_the_tree_is_short_and_true():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    lines = text.split("```")[1].strip().splitlines()
    assert len(lines) <= 25
    rooms = [line.split()[0] for line in lines if line[:3] != "   " and "/" in line.split()[0]]
    assert len(rooms) > 10
    for room in rooms:
        assert (ROOT / room).is_dir() or (ROOT / "cevns_bayes" / room).is_dir()
