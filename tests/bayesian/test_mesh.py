"""Meshes of functions whose integral is known."""

import numpy as np
import pytest
from scipy.special import logsumexp

from cevns_bayes.bayesian.mesh import first_mesh, refined

NO_PEAKS = np.zeros((0, 2)), np.zeros((0, 2))


def gaussian(centre, width):
    def log_density(u):
        z = (u - centre) / width
        return -0.5 * (z**2).sum(axis=1) - np.log(np.sqrt(2 * np.pi) * np.array(width)).sum()

    return log_density


def ring(radius, width):
    norm = np.log(np.sqrt(2 * np.pi) * width * 2 * np.pi * radius)
    return lambda u: -0.5 * ((np.hypot(*(u.T - 0.5)) - radius) / width) ** 2 - norm


def band(width):
    return lambda u: -0.5 * ((u[:, 0] - u[:, 1]) / width) ** 2 - np.log(np.sqrt(2 * np.pi) * width)


def two(u):
    return np.logaddexp(gaussian([0.3, 0.7], [0.01, 0.01])(u), gaussian([0.8, 0.2], [0.02] * 2)(u))


CASES = {
    "narrow": (1, gaussian([0.3], [1e-4]), 0.0, 400),
    "narrow in two": (2, gaussian([0.3, 0.7123], [1e-3, 2e-3]), 0.0, 3000),
    "thin ring": (2, ring(0.3, 0.002), 0.0, 15_000),
    "thin band": (2, band(0.003), 0.0, 12_000),
    "two solutions": (2, two, np.log(2), 4000),
    "plateau": (2, lambda u: -np.exp(40 * (u[:, 0] - 0.5)), np.log(0.5 - 0.577 / 40), 3000),
    "narrow in three": (3, gaussian([0.3] * 3, [0.01] * 3), 0.0, 8000),
}


def mesh_of(variables, function, peaks=NO_PEAKS):
    calls = []

    def log_density(mesh, kept, parents, new):
        calls.append(len(new))
        return function(mesh.centres[new])

    return refined(variables, log_density, *peaks), calls


@pytest.mark.parametrize("case", CASES)
def test_integral(case):
    variables, function, log_integral, most = CASES[case]
    none = np.zeros((0, variables)), np.zeros((0, variables))
    mesh, calls = mesh_of(variables, function, none)
    assert mesh.resolved
    assert sum(calls) < most
    found = logsumexp(mesh.log_volumes + mesh.log_density)
    assert found == pytest.approx(log_integral, abs=0.02)
    assert np.exp(mesh.log_volumes).sum() == pytest.approx(1.0)


def test_a_narrow_peak_is_found_where_it_is_known_to_be():
    def function(u):
        return np.logaddexp(
            gaussian([0.3, 0.3], [0.05, 0.05])(u), gaussian([0.7, 0.701], [1e-5] * 2)(u)
        )

    peaks = np.array([[0.7, 0.701]]), np.full((1, 2), 1e-5)
    found, missed = (
        logsumexp(mesh.log_volumes + mesh.log_density)
        for mesh in (mesh_of(2, function, peaks)[0], mesh_of(2, function)[0])
    )
    assert found == pytest.approx(np.log(2), abs=0.02)
    assert missed < np.log(1.1)


def test_cells_hold_their_centres():
    mesh, _ = mesh_of(2, CASES["two solutions"][1])
    np.testing.assert_array_equal(mesh.cell_of(mesh.centres), np.arange(len(mesh.levels)))


def test_cells_that_touch():
    mesh = first_mesh(2)
    one, other, _ = mesh.pairs
    distance = np.abs(mesh.centres[one] - mesh.centres[other]) / mesh.sizes[one]
    assert distance.max() == pytest.approx(1.0)
    corner = np.flatnonzero((mesh.corners == 0).all(axis=1))
    assert len(set(other[one == corner])) == 3


def test_cells_are_split_along_the_axes_of_change():
    mesh, _ = mesh_of(2, lambda u: gaussian([0.3], [1e-3])(u[:, :1]))
    assert mesh.levels[:, 0].max() > 9
    assert mesh.levels[:, 1].max() < 8  # from when single cells held much


def test_no_variables_are_one_cell():
    mesh, calls = mesh_of(0, lambda u: np.zeros(len(u)), (np.zeros((0, 0)),) * 2)
    assert calls == [1]
    assert mesh.log_parts.tolist() == [0.0]


def test_what_cannot_be_resolved_is_said():
    rng = np.random.default_rng(1)
    mesh, _ = mesh_of(2, lambda u: rng.normal(scale=5.0, size=len(u)))
    assert not mesh.resolved
