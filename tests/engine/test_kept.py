"""Traced functions on disk: found again, never for another problem."""

import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytensor.tensor as pt
import pytest
from pytensor import wrap_jax
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.jax.dispatch import jax_funcify
from pytensor.scalar.math import Jv

import cevns_bayes as cb
from cevns_bayes.engine import kept
from cevns_bayes.engine.batches import of_points
from cevns_bayes.engine.compiled import Compiled
from cevns_bayes.engine.kept import GraphFunction, key_of
from cevns_bayes.engine.problem import Problem
from cevns_bayes.engine.solver import Solver

KEY = """
from cevns_bayes.engine.compiled import Compiled
from cevns_bayes.engine.problem import Problem
print(Compiled.of(Problem.build("nsi-ee-ud", "csi,dresden-ii-fef".split(","))).key)
"""


def key(*arguments, **options):
    return Compiled.of(Problem.build(*arguments, **options)).key


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "FOLDER", tmp_path / "jax")
    return tmp_path / "jax"


def test_key_is_that_of_another_process(monkeypatch):
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    command = [sys.executable, "-c", KEY]
    other = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert other == key("nsi-ee-ud", ["csi", "dresden-ii-fef"])


@pytest.mark.parametrize("scenario", cb.scenario_names())
def test_every_scenario_has_a_key(scenario):
    assert key(scenario, "csi")


def test_key_changes_with_all_that_is_traced(csi):
    prior = {"priors": {"sin2_theta_w": "Uniform(0.1, 0.4)"}}
    keys = [
        key("sm", "csi"),
        key("sm", ["csi", "lar"]),
        key("sm", "csi", fixed={"csi::alpha_flux": 0.0}),
        key("sm", "csi", fixed={"csi::alpha_flux": 0.1}),
        key("weak-mixing-angle", "csi"),
        key("weak-mixing-angle", "csi", **prior),
        key("sm", csi.scaled(2.0)),
    ]
    assert len(set(keys)) == len(keys)
    assert key("sm", csi.asimov(csi.counts + 1.0)) == keys[0]  # Counts are arguments.


def test_solved_without_tracing(folder, monkeypatch):
    def solved():
        solver = Solver(Compiled.of(Problem.build("weak-mixing-angle", "csi")))
        return solver.solve(solver.compiled.peaks[np.newaxis], [0])

    first = solved()
    assert list(folder.glob("*.traced"))
    monkeypatch.setattr(kept, "get_jaxified_graph", None)
    for of_first, of_second in zip(first, solved(), strict=True):
        np.testing.assert_array_equal(of_second, of_first)
    monkeypatch.setattr(Compiled, "key", None)
    with pytest.raises(TypeError):
        solved()


def doubled(key):
    return of_points(lambda x: (2 * x,), key=key)(jnp.arange(64.0))[0]


def test_damaged_file_is_made_anew(folder):
    doubled("a")
    (file,) = folder.iterdir()
    good = file.read_bytes()
    for bad in (b"", good[:100], good[:-1] + bytes([good[-1] ^ 1])):
        file.write_bytes(bad)
        np.testing.assert_array_equal(doubled("a"), 2 * np.arange(64.0))
        assert len(file.read_bytes()) == len(good)


def test_folder_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(kept, "FOLDER", tmp_path / "file")
    np.testing.assert_array_equal(doubled("a"), 2 * np.arange(64.0))


class Mine(Op):
    """An operation whose code may change without a new version of any library."""

    def make_node(self, x):
        return Apply(self, [x], [x.type()])

    def perform(self, node, inputs, outputs):
        outputs[0][0] = inputs[0]


def test_graphs_of_unknown_operations_have_no_key():
    x = pt.tensor("x", shape=(3,), dtype="float64")
    assert key_of([GraphFunction([x], x * 2)])
    assert key_of([GraphFunction([x], Mine()(x) * 2)]) is None
    assert key_of([GraphFunction([x], wrap_jax(lambda x: x * 2)(x))]) is None
    assert key_of([lambda x: x * 2]) is None


def test_operations_that_the_user_translates_have_no_key():
    x = pt.dvector("x")
    bessel = GraphFunction([x], pt.jv(1, x))
    assert key_of([bessel])
    jax_funcify.register(Jv)(lambda op, **_: lambda order, x: x)  # PyTensor has none.
    assert key_of([GraphFunction([x], pt.jv(1, x))]) is None
