"""Python files that define scenarios or experiments: those of a package, and a user's own."""

import ast
import importlib.util
import pkgutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from cevns_bayes.errors import InputError, unknown_name

SCENARIO_FILES = "cevns_bayes.models"
EXPERIMENT_FILES = "cevns_bayes.experiments.shipped"


def modules_of(package: str) -> Iterator[tuple[str, ModuleType]]:
    """Name with dashes and module of every file of a package, in alphabetical order."""
    for found in pkgutil.iter_modules(import_module(package).__path__):
        yield _dashed(found.name), import_module(f"{package}.{found.name}")


def names_in(package: str, several: str) -> set[str]:
    """Names that the files of a package define, without importing what these import.

    A file defines one thing, named after the file, or several in the dictionary ``several``.
    """
    folders = getattr(importlib.util.find_spec(package), "submodule_search_locations", None) or []
    files = [path for folder in folders for path in Path(folder).glob("[!_]*.py")]
    return {name for path in files for name in _keys(path, several) or {_dashed(path.stem)}}


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _keys(path: Path, name: str) -> list[str]:
    """Keys of a dictionary that a file of the package defines, empty if it does not."""
    assigned = {
        target.id: _KeysOnly().visit(node.value)
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and isinstance(node.value, ast.Dict | ast.DictComp)
    }
    known: dict[str, Any] = {"__builtins__": {}}
    for key, value in assigned.items():
        expression = ast.fix_missing_locations(ast.Expression(value))
        with suppress(NameError):  # Keys of other dictionaries may be imported.
            known[key] = eval(compile(expression, path.name, "eval"), known)
    return list(known.get(name, ()))


class _KeysOnly(ast.NodeTransformer):
    """Puts None in the place of the values of dictionaries, which name what is not imported."""

    def visit_Dict(self, node: ast.Dict) -> ast.Dict:
        return ast.Dict(node.keys, [ast.Constant(None) for _ in node.values])

    def visit_DictComp(self, node: ast.DictComp) -> ast.DictComp:
        generators = [self.visit(generator) for generator in node.generators]
        return ast.DictComp(node.key, ast.Constant(None), generators)


def as_file(name: object) -> tuple[Path, str] | None:
    """``"folder/mine.py:variant"`` -> path and variant; None if it does not name a file."""
    stem, _, variant = str(name).partition(".py:")
    if not variant and not stem.endswith(".py"):
        return None
    return Path(f"{stem.removesuffix('.py')}.py"), variant


def variant_of[T](found: Mapping[str, T], variant: str, kind: str) -> T:
    """What a file defines under a name, which may be empty if it defines one thing only."""
    name = variant or next(iter(found))
    if name not in found or (not variant and len(found) > 1):
        raise unknown_name(kind, variant, found)
    return found[name]


def run_file(path: Path, kind: str) -> ModuleType:
    """Module made by executing a file; whatever fails there is an InputError that names it."""
    if path.is_dir():
        raise InputError(f"{kind} file {path} is a folder")
    if not path.is_file():
        raise InputError(f"{kind} file {path} does not exist")
    spec = importlib.util.spec_from_file_location(f"{kind}_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with blamed_on(path):
        spec.loader.exec_module(module)
    return module


@contextmanager
def blamed_on(path: Path) -> Iterator[None]:
    """Whatever fails inside is an InputError that names the file."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except (Exception, SystemExit) as error:
        raise InputError(f"{path} failed to load: {type(error).__name__}: {error}") from error
