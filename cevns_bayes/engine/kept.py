"""What JAX has traced is kept in the user's cache folder, as is what it has compiled.

Tracing takes longer than reading what was compiled. A file is named by the sha256 of all that was
traced: graphs of PyTensor with their constants, the code of this room, versions and shapes.
"""

import io
import os
import pickle
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from types import BuiltinFunctionType, FunctionType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytensor
from jax import export
from pymc.sampling.jax import get_jaxified_graph
from pytensor.graph.basic import Constant, Variable
from pytensor.graph.op import Op
from pytensor.graph.traversal import io_toposort
from pytensor.link.jax.dispatch import jax_funcify
from pytensor.misc.frozendict import frozendict
from pytensor.scalar.basic import ScalarOp

from cevns_bayes.engine.sines import with_polynomials

FOLDER = Path(pytensor.config.base_compiledir) / "jax"
LIBRARIES = ("jax", "jaxlib", "numpy", "pymc", "pytensor")
KNOWN = {"builtins", "copyreg", "functools", "operator", *LIBRARIES}
CODE = (type, FunctionType, BuiltinFunctionType)
DIGEST = 32  # bytes of a sha256

# Read when imported: what stands in the files later is not what runs.
SURROUNDINGS = str(
    [
        *(path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("*.py"))),
        *map(version, LIBRARIES),
    ]
)


class UnknownGraph(Exception):
    """A graph with operations of which nothing tells whether they have changed."""


class GraphFunction:
    """A graph of PyTensor as a function that JAX can trace.

    ``outputs`` are one variable, or a list, of which the function returns a list.
    """

    def __init__(self, inputs: list[Variable], outputs: Any) -> None:
        self.inputs = inputs
        self.outputs = outputs

    def __call__(self, *values: Any) -> Any:
        """The outputs for values of the inputs."""
        found = [jnp.asarray(output) for output in self._function(*values) or ()]
        return found if isinstance(self.outputs, list) else found[0]

    @cached_property
    def _function(self) -> Callable[..., Any]:
        with jax.ensure_compile_time_eval():  # of its constants: it may be traced already
            outputs = with_polynomials(self._listed)
            return jax.jit(get_jaxified_graph(inputs=self.inputs, outputs=outputs))

    @property
    def _listed(self) -> list[Variable]:
        return self.outputs if isinstance(self.outputs, list) else [self.outputs]

    @cached_property
    def digest(self) -> str:
        """The same for equal graphs, in all processes.

        Raises
        ------
        UnknownGraph
            With operations other than those of PyTensor and PyMC.
        """
        hasher = sha256()
        places = {variable: f"{i} {variable.type}" for i, variable in enumerate(self.inputs)}
        for i, node in enumerate(io_toposort(self.inputs, self._listed)):
            hasher.update(_pickled(node.op))
            hasher.update(str([_place(variable, places) for variable in node.inputs]).encode())
            places |= {output: f"{i}.{j}" for j, output in enumerate(node.outputs)}
        hasher.update(str([_place(output, places) for output in self._listed]).encode())
        return hasher.hexdigest()


def _place(variable: Variable, places: dict[Variable, str]) -> str:
    if variable in places:
        return places[variable]
    if not isinstance(variable, Constant):
        raise UnknownGraph(variable)
    return f"{variable.type} {sha256(_pickled(variable.data)).hexdigest()}"


class _Pickler(pickle.Pickler):
    """Pickles operations by what makes them equal, without the rest of their state."""

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, CODE) and not _is_known(obj):
            raise UnknownGraph(obj)
        if isinstance(obj, frozendict):  # It remembers its hash.
            return frozendict, (dict(obj),)
        if not isinstance(obj, Op):
            return NotImplemented
        if hasattr(obj, "fgraph") or not _is_known(jax_funcify.dispatch(type(obj))):
            raise UnknownGraph(obj)
        if hasattr(obj, "_props_dict"):
            return type(obj), tuple(obj._props_dict().values())
        if isinstance(obj, ScalarOp):
            return type(obj), (getattr(obj, "output_types_preference", None),)
        raise UnknownGraph(obj)


def _is_known(code: Any) -> bool:
    """Whether a class or function is of a library, whose version tells what it does."""
    return str(code.__module__).partition(".")[0] in KNOWN


def _pickled(value: Any) -> bytes:
    """The same for equal values, whatever they share, which a memo would record."""
    buffer = io.BytesIO()
    pickler = _Pickler(buffer)
    pickler.fast = True
    try:
        pickler.dump(value)
    except (AttributeError, TypeError, ValueError, pickle.PicklingError) as error:
        raise UnknownGraph(value) from error  # It is local, or refers to itself.
    return buffer.getvalue()


def key_of(functions: Sequence[Any], *arrays: np.ndarray) -> str | None:
    """Of functions and of numbers that are traced with them; None where nothing can be kept."""
    hasher = sha256(SURROUNDINGS.encode())
    for function in functions:
        if not isinstance(function, GraphFunction):
            return None
        try:
            hasher.update(function.digest.encode())
        except UnknownGraph:
            return None
    for array in arrays:
        hasher.update(f"{array.shape} {array.dtype}".encode() + array.tobytes())
    return hasher.hexdigest()


def kept(function: Callable[..., Any], key: str | None) -> Callable[..., Any]:
    """The function, traced once for all processes if it has a key."""

    def call(*arguments: Any) -> Any:
        shapes = jax.tree.map(lambda of: jax.ShapeDtypeStruct(of.shape, of.dtype), arguments)
        path = (
            FOLDER
            / f"{sha256(f'{key} {shapes} {jax.default_backend()}'.encode()).hexdigest()}.traced"
        )
        found = _read(path)
        if found is None:
            try:
                found = export.export(jax.jit(function))(*shapes)
            except ValueError:  # JAX can run some operations that it cannot export.
                return function(*arguments)
            _write(path, bytes(found.serialize()))
        return found.call(*arguments)

    return function if key is None else call


def _read(path: Path) -> export.Exported | None:
    """What is in a file, unless there is none or it is damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    if sha256(content[DIGEST:]).digest() != content[:DIGEST]:
        return None
    return export.deserialize(bytearray(content[DIGEST:]))


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all; without it nothing is lost but time."""
    own = path.with_name(f"{path.stem}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        own.write_bytes(sha256(content).digest() + content)
        own.replace(path)
    except OSError:
        with suppress(OSError):
            own.unlink()
