"""Cost of one evaluation: compiled model against integration at every point.

Run from the root of the repository: python benchmarks/log_density.py
"""

import time

import numpy as np
from scipy import integrate

import cevns_bayes as cb
from cevns_bayes.constants import SIN2_THETA_W
from cevns_bayes.cross_sections import vector, weak_charge
from cevns_bayes.flux import (
    MAXIMUM_ENERGY_MEV,
    Flavour,
    michel_spectrum,
    minimum_energy,
)
from cevns_bayes.form_factors import helm
from cevns_bayes.targets import Target


def seconds_per_call(function, calls):
    """Mean time of a call, after one call to warm up."""
    function()
    start = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - start) / calls


def compiled():
    """Log-density and gradient, compiled as for the sampler."""
    model = cb.build_model("weak-mixing-angle")
    function = model.logp_dlogp_function(ravel_inputs=True)
    point = np.zeros(len(model.free_RVs))
    return lambda: function(point)


def integrated():
    """Flux folding of the delayed neutrinos by scipy.integrate.quad at every recoil energy."""
    response = cb.load_experiment("csi").signals[0].response
    target = Target(response.nuclei, response.recoil_energy_mev, helm)
    (term,) = vector(target, weak_charge(target, SIN2_THETA_W) ** 2).terms
    thresholds = minimum_energy(target.recoil_energy_mev, target.mass_mev)

    def evaluate():
        for flavour in (Flavour.NU_E, Flavour.NU_MU_BAR):
            for low, energy, mass in zip(
                thresholds, target.recoil_energy_mev, target.mass_mev, strict=True
            ):
                integrate.quad(
                    lambda e, energy=energy, mass=mass, flavour=flavour: (
                        michel_spectrum(flavour, e) * (1 - energy / e - mass * energy / (2 * e**2))
                    ),
                    low,
                    MAXIMUM_ENERGY_MEV,
                )
        return response.matrix @ term.coupling

    return evaluate


if __name__ == "__main__":
    fast, slow = seconds_per_call(compiled(), 2000), seconds_per_call(integrated(), 5)
    print(f"compiled log-density and gradient: {1e6 * fast:8.0f} us")
    print(f"integration at every point:        {1e6 * slow:8.0f} us")
    print(f"ratio: {slow / fast:.0f}")
