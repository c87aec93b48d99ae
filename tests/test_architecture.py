"""Imports run one way, the wheel holds every package, the public face stays."""

import ast
import tomllib
from pathlib import Path

import pytest

import cevns_bayes as cb

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "cevns_bayes"

# A module may import those to its left only; names in one group do not know each other.
ORDER = (
    {"compiling", "constants", "errors", "quadrature"},
    {"atoms", "nuclei"},
    {"form_factors", "flux", "detectors", "morphing", "timing"},
    {"targets", "response", "datasets"},
    {"folding"},
    {"cross_sections"},
    {"experiment", "releases"},
    {"experiments"},
    {"likelihood", "priors"},
    {"scenario"},
    {"models"},
    {"model"},
    {"checkpoint", "chi2", "diagnostics", "power_scaling"},
    {"nested", "smc", "best_fit"},
    {"sampling", "scan", "comparison", "density"},
    {"sensitivity", "plots", "posterior_plots", "survey", "validation"},
    {"analysis", "results"},
    {"figures", "terminal"},
    {"report"},
    {"cli"},
)
LEVEL = {name: level for level, names in enumerate(ORDER) for name in names}
SOURCES = sorted([*PACKAGE.rglob("*.py"), *(ROOT / "models").glob("*.py")])


def module_of(path):
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


def test_every_module_has_its_place():
    assert {module_of(path) for path in SOURCES} - {"__init__"} == set(LEVEL)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path):
    own = module_of(path)
    if own == "__init__":
        return
    for other in imported_modules(path):
        assert other == own or LEVEL[other] < LEVEL[own], f"{own} imports {other}"


@pytest.mark.parametrize(
    ("package", "owner"),
    [("cevns_bayes.models", "scenario.py"), ("cevns_bayes.data", "datasets.py")],
)
def test_only_one_module_knows_the_plugin_packages(package, owner):
    def strings(path):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        return [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)]

    knowing = [path.name for path in PACKAGE.rglob("*.py") if package in strings(path)]
    assert knowing == [owner]


def test_wheel_lists_every_package():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    found = {
        ".".join(path.parent.relative_to(ROOT).parts) for path in PACKAGE.rglob("__init__.py")
    } | {"cevns_bayes.models", "cevns_bayes.data"}
    assert set(settings["packages"]) == found


def test_public_names():
    promised = {"scenario_names", "load_experiment", "predict", "build_model", "sample", "fit"}
    assert promised <= set(dir(cb))
    for name in dir(cb):
        assert getattr(cb, name).__doc__, f"{name} has no docstring"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = cb.nothing
