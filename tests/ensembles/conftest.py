"""A Gaussian measurement of a mean that cannot be negative, whose intervals are known."""

import numpy as np
import pymc as pm
import pytest

import cevns_bayes as cb


def linear():
    """Counts are kappa times those of the Standard Model, kappa >= 0."""
    kappa = pm.Uniform("kappa", 0.0, 12.0)
    return lambda target, flavour: cb.vector(target, kappa * cb.weak_charge(target) ** 2)


@pytest.fixture(scope="session")
def norm():
    """The scenario of a norm."""
    return cb.Scenario("Norm", (cb.Parameter("kappa", "norm"),), "a test", linear, name="norm")


@pytest.fixture(scope="session")
def one_bin():
    """x -> an experiment that measures kappa as x with an error of 1, and has no nuisance."""
    axis = cb.Axis("energy", [0.2, 0.8], "Energy", "keVee")
    quenching, resolution = (
        cb.LindhardQuenching(0.162, protons=32),
        cb.GaussianResolution(noise=0.02),
    )
    detector = cb.Detector(axis.edges, quenching, resolution)
    flux = cb.reactor(power_gw=3.9, distance_m=20.0, days=365.0)
    response = cb.nuclear_response(cb.natural_element("Ge", 4.0), detector, flux)
    empty = cb.Experiment("one", (axis,), (cb.Signal("cevns", response),))
    (events,) = cb.predict("sm", {}, empty)["total"].to_numpy()

    def measuring(x):
        likelihood = cb.Gaussian(variance=np.array([events**2]))
        counts = np.array([x * events])
        return cb.Experiment("one", (axis,), empty.signals, counts=counts, likelihood=likelihood)

    return measuring
