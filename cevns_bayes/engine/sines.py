"""Sines and cosines as polynomials: XLA evaluates its own one by one, twenty times slower."""

from collections.abc import Callable
from math import factorial, pi
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Apply
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.op import Op
from pytensor.graph.rewriting.basic import in2out, node_rewriter
from pytensor.graph.rewriting.utils import rewrite_graph
from pytensor.link.jax.dispatch import jax_funcify

# Its integer multiples are exact, so that large arguments lose no digits.
PI_ROUNDED = float(np.float32(pi))
PI_REST = pi - PI_ROUNDED + 1.2246467991473532e-16  # which pi itself lacks
# Of r^(2 k + 1), |r| <= pi/2; the next one would add 1e-18.
COEFFICIENTS = [(-1) ** k / factorial(2 * k + 1) for k in range(11)]


def with_polynomials(outputs: list[Any]) -> Any:
    """A graph with polynomials in place of its sines and cosines, for JAX only."""
    return rewrite_graph(outputs, include=(), custom_rewrite=in2out(_replaced), clone=True)


class _Polynomial(Op):
    """The ``function`` of JAX for each element."""

    __props__ = ("function",)

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def make_node(self, *inputs: Any) -> Apply:
        """Of a variable of any shape."""
        return Apply(self, [*inputs], [of.type() for of in inputs])

    def perform(self, *_: Any) -> None:
        """Only JAX knows."""
        raise NotImplementedError


@jax_funcify.register(_Polynomial)
def _(op: _Polynomial, **_: Any) -> Callable[[Any], Any]:
    return op.function


@node_rewriter([pt.sin, pt.cos])
def _replaced(_fgraph: FunctionGraph, node: Apply) -> list[Any]:
    function = sine if node.op == pt.sin else cosine
    return [_Polynomial(function)(*node.inputs)]


@jax.custom_jvp
def sine(x: Any) -> Any:
    """Within two units of the last digit of 1, for arguments up to 1e8."""
    return _sine(x, jnp.floor(x / pi + 0.5))


@jax.custom_jvp
def cosine(x: Any) -> Any:
    """As :func:`sine`."""
    return _sine(x, jnp.floor(x / pi), quarter=True)


@sine.defjvp
def _(x: tuple[Any], change: tuple[Any]) -> tuple[Any, Any]:
    return sine(*x), cosine(*x) * change[0]


@cosine.defjvp
def _(x: tuple[Any], change: tuple[Any]) -> tuple[Any, Any]:
    return cosine(*x), -sine(*x) * change[0]


def _sine(x: Any, turns: Any, quarter: bool = False) -> Any:
    """sin(x) from sin(x - turns pi), or cos(x) from a quarter of a turn more."""
    from_ = turns + quarter / 2
    r = (x - from_ * PI_ROUNDED) - from_ * PI_REST  # between -pi/2 and pi/2
    squared = r * r
    found = 0.0
    for coefficient in reversed(COEFFICIENTS):
        found = coefficient + squared * found
    odd = turns - 2 * jnp.floor(turns / 2)
    sign = (2 * odd - 1) if quarter else (1 - 2 * odd)
    return jax.lax.optimization_barrier(sign * r * found)  # XLA would repeat it for every use.
