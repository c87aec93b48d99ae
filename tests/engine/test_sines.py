import jax
import numpy as np
import pytensor.tensor as pt
import pytest

from cevns_bayes.engine.kept import GraphFunction

X = np.concatenate(
    [np.random.default_rng(1).uniform(-3e3, 3e3, 20_000), np.arange(-20, 20) * np.pi / 2]
)


@pytest.fixture(scope="module")
def functions():
    """Sine and cosine of a number, as the engine evaluates them."""
    x = pt.dscalar()
    both = GraphFunction([x], [pt.sin(x), pt.cos(x)])
    return lambda x: both(x)[0], lambda x: both(x)[1]


def test_sines_are_those_of_numpy(functions):
    sine, cosine = (jax.vmap(function)(X) for function in functions)
    np.testing.assert_allclose(sine, np.sin(X), rtol=0, atol=3e-16)
    np.testing.assert_allclose(cosine, np.cos(X), rtol=0, atol=3e-16)


def test_so_are_their_derivatives(functions):
    first, second = (jax.vmap(by(functions[0]))(X) for by in (jax.grad, jax.hessian))
    np.testing.assert_allclose(first, np.cos(X), rtol=0, atol=3e-16)
    np.testing.assert_allclose(second, -np.sin(X), rtol=0, atol=3e-16)


def test_small_arguments_keep_their_digits(functions):
    small = 10.0 ** np.arange(-300, 0)
    np.testing.assert_allclose(jax.vmap(functions[0])(small), np.sin(small), rtol=3e-16)


def test_no_sine_is_left(functions):
    text = jax.jit(functions[0]).lower(1.0).as_text()
    assert "stablehlo.sine" not in text
    assert "stablehlo.cosine" not in text
