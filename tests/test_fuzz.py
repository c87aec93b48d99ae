"""Whatever a file or a text of the user's holds: a result, or InputError, and nothing else."""

from contextlib import suppress

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cevns_bayes as cb
from cevns_bayes.report.folder import POSTERIOR_FILE, write_posterior
from cevns_bayes.report.overlays import read_overlay
from cevns_bayes.report.toy_files import read_toys
from cevns_bayes.scenarios.prior_text import split_prior
from cevns_bayes.scenarios.priors import parse_distribution

FEW, MANY = 50, 2000
# h5netcdf's files cannot close what they could not open.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

SCENARIO = b"""import pymc as pm
from cevns_bayes.authoring import Parameter, Scenario, vector, weak_charge

def declare():
    kappa = pm.Uniform("kappa", 0.0, 3.0)
    return lambda target, flavour: vector(target, kappa * weak_charge(target) ** 2)

SCENARIO = Scenario("Scaled", (Parameter("kappa", "k"),), "nowhere", declare)
"""
EXPERIMENT = b"""from cevns_bayes import Axis, Nuisance, load_experiment
from dataclasses import replace
CSI = load_experiment("csi")
EXPERIMENT = replace(CSI.scaled(2.0), nuisances=CSI.nuisances, name="mine")
EXPERIMENTS = {"a": EXPERIMENT, "b": lambda: CSI.with_background(0.5)}
"""
CONTOUR = b"# mine\npiece,level,eps_u,eps_d\n0,0.9,0.1,-1e-3\n0,0.9,.2,2\n1,0.9,3,4\n"
TOYS = b"parameter,level,interval,low,high\nx,0.68,Feldman-Cousins,0.1,0.2\nx,0.68,profile,0,1\n"
PRIORS = [b"x ~ Normal(0.23, sigma=0.01)", b"csi::a~Uniform(-1,+1e0)", b"m ~ LogUniform(1e-3, inf)"]

EDIT = st.tuples(
    st.sampled_from(["delete", "insert", "replace", "copy", "cut"]),
    st.integers(0, 1 << 20),
    st.integers(0, 12),
    st.binary(max_size=6) | st.sampled_from([b"(", b")", b"0", b"-", b"\n", b",", b"nan", b"\x00"]),
)


MUTATION = st.lists(EDIT, min_size=1, max_size=6) | st.binary()


def mutated(data, edits):
    """The bytes with some edits, or any bytes."""
    if isinstance(edits, bytes):
        return edits
    for kind, place, size, new in edits:
        at = place % (len(data) + 1)
        old = data[at : at + size]
        data = {
            "delete": data[:at] + data[at + size :],
            "insert": data[:at] + new + data[at:],
            "replace": data[:at] + new + data[at + len(new) :],
            "copy": data[:at] + old + data[at:],
            "cut": data[:at] if size == 0 else data,
        }[kind]
    return data


def refused_or_done(function, *arguments):
    with suppress(cb.InputError):
        function(*arguments)


def of_file(path, load):
    def check(data):
        path.write_bytes(data)
        refused_or_done(load, path)

    return check


def of_prior(data):
    text = data.decode("utf-8", "replace")
    try:
        _, distribution = split_prior(text)
    except cb.InputError:
        distribution = text
    refused_or_done(parse_distribution, distribution)


def small_posterior():
    draws = np.random.default_rng(1).normal(size=(2, 5))
    tree = xr.DataTree.from_dict(
        {"posterior": xr.Dataset({"x": (("chain", "draw"), draws, {"units": "MeV"})})}
    )
    tree.attrs = {"scenario": "toy", "data": '["csi"]'}
    return tree


@pytest.fixture(scope="module")
def check(tmp_path_factory):
    """Name of a loader -> its check, and the bytes that are mutated."""
    folder = tmp_path_factory.mktemp("fuzz")
    write_posterior(small_posterior(), folder)
    whole = (folder / POSTERIOR_FILE).read_bytes()
    posterior = folder / "posterior"
    posterior.mkdir()
    toys = folder / "toys"
    toys.mkdir()
    return {
        "scenario": (of_file(folder / "mine.py", cb.load_scenario), SCENARIO),
        "experiment": (of_file(folder / "exp.py", load_experiment), EXPERIMENT),
        "overlay": (of_file(folder / "curve.csv", read_overlay), CONTOUR),
        "toys": (of_file(toys / "intervals.csv", lambda path: read_toys(path.parent)), TOYS),
        "prior": (of_prior, PRIORS[0]),
        "posterior": (
            of_file(posterior / POSTERIOR_FILE, lambda path: cb.load_posterior(path.parent)),
            whole,
        ),
    }


def load_experiment(path):
    for name in (str(path), f"{path}:a", f"{path}:b"):
        refused_or_done(cb.load_experiment, name)


LOADERS = ("scenario", "experiment", "overlay", "toys", "prior", "posterior")


def fuzz(check, data, examples):
    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(MUTATION)
    def any_of(edits):
        check(mutated(data, edits))

    any_of()


@pytest.mark.parametrize("loader", LOADERS)
def test_mutated_input_is_used_or_refused(check, loader):
    fuzz(*check[loader], FEW)


@pytest.mark.slow
@pytest.mark.parametrize("loader", LOADERS)
def test_much_mutated_input_is_used_or_refused(check, loader):
    fuzz(*check[loader], MANY)


def test_the_unmutated_inputs_are_used(check, tmp_path):
    """Or else the mutations would test nothing."""
    for name, content, load in (
        ("mine.py", SCENARIO, cb.load_scenario),
        ("exp.py", EXPERIMENT, lambda path: cb.load_experiment(f"{path}:a")),
        ("curve.csv", CONTOUR, read_overlay),
        ("intervals.csv", TOYS, lambda path: read_toys(path.parent)),
        (POSTERIOR_FILE, check["posterior"][1], lambda path: cb.load_posterior(path.parent)),
    ):
        (tmp_path / name).write_bytes(content)
        load(tmp_path / name)
    for prior in PRIORS[:2]:
        parse_distribution(split_prior(prior.decode())[1])
