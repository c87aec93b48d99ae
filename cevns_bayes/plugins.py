"""Python files that define scenarios or experiments: those of a package, and a user's own."""

import importlib.util
import pkgutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType

from cevns_bayes.errors import InputError, unknown_name


def modules_of(package: str) -> Iterator[tuple[str, ModuleType]]:
    """Name with dashes and module of every file of a package, in alphabetical order."""
    for found in pkgutil.iter_modules(import_module(package).__path__):
        yield found.name.replace("_", "-"), import_module(f"{package}.{found.name}")


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
