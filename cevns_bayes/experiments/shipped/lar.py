"""COHERENT CENNS-10, liquid argon, Analysis A of arXiv:2003.10630 (release arXiv:2006.12659).

    N = (1 + alpha_flux) N_cevns(alpha_f90, alpha_time)
      + (1 + alpha_brn_prompt) N_brn_prompt(alpha_brn_energy, alpha_brn_time, alpha_brn_width)
      + (1 + alpha_brn_delayed) N_brn_delayed + (1 + alpha_ssb) N_ssb

In the published chi^2 the betas are: beta_0 flux, beta_1 f90, beta_2 time, beta_3 brn_prompt,
beta_4 brn_energy, beta_5 brn_time, beta_6 brn_width, beta_7 brn_delayed, beta_8 ssb. The shape
nuisances have unit width. Signals get their energies from the detector response and their times
from the flux; they take their F90 from the released CEvNS template, energy bin by energy bin.
Electrons do not pass the cut on F90. Variants: ``lar-2d``, ``lar-gaussian``.
"""

from functools import partial

import numpy as np

from cevns_bayes.datasets import read_table, read_toml
from cevns_bayes.detectors.detector import Detector, nuclear_response
from cevns_bayes.detectors.effects import (
    GaussianResolution,
    LinearQuenchingFactor,
    TabulatedEfficiency,
)
from cevns_bayes.detectors.morphing import Morphed, mirrored
from cevns_bayes.detectors.response import Response
from cevns_bayes.detectors.time_shapes import arrival_shape
from cevns_bayes.experiments.components import Signal, TemplateBackground
from cevns_bayes.experiments.experiment import Axis, Experiment
from cevns_bayes.experiments.likelihoods import Gaussian, Poisson
from cevns_bayes.experiments.nuisance import Nuisance
from cevns_bayes.physics.constants import AVOGADRO_PER_MOL
from cevns_bayes.physics.nuclei import nucleus
from cevns_bayes.sources.pion_decay import Pulse, pion_decay_at_rest

SHAPE = (12, 8, 10)
AXES = (
    Axis("energy", np.linspace(0, 120, 13), "Reconstructed energy", "keVee"),
    Axis("f90", np.linspace(0.5, 0.9, 9), "F90", ""),
    Axis("time", np.linspace(-0.1, 4.9, 11), "Time to trigger", "µs"),
)
OVERSAMPLING = 5  # the steady-state sample is five times larger than the data
# Fewer events of the CEvNS template in an energy bin than this do not tell its F90: the release
# gives 2.7e-5 events in 50-60 keVee, in lumps of about 1e-6, and 0.078 in 40-50 keVee.
MIN_RESOLVED_EVENTS = 1e-3

_UNIT = "in units of its released 1 sigma"


def load(variant: str = "") -> Experiment:
    """Energy x F90 x time and Poisson counts, or a variant.

    ``"2d"``: energy x time. ``"gaussian"``: the same with the variance N_exp + N_ssb/5 of the
    published chi^2, for which the 960 bins of energy x F90 x time are too empty.
    """
    flat = variant != ""
    released = _templates()
    templates = {k: v.sum(axis=1) for k, v in released.items()} if flat else released
    counts = templates["observed"]
    gaussian = Gaussian(counts + templates["ssb"] / OVERSAMPLING)
    return Experiment(
        name="lar",
        variant=variant,
        axes=(AXES[0], AXES[2]) if flat else AXES,
        counts=counts,
        likelihood=gaussian if variant == "gaussian" else Poisson(),
        signals=(_cevns(released, flat),),
        backgrounds=_backgrounds(templates),
        nuisances=_nuisances(),
        reference="COHERENT LAr 2020, arXiv:2003.10630",
    )


EXPERIMENTS = {
    "lar": load,
    "lar-2d": partial(load, "2d"),
    "lar-gaussian": partial(load, "gaussian"),
}


def _nuisances() -> tuple[Nuisance, ...]:
    sigma = read_toml("lar", "parameters")["relative_uncertainty"]
    return (
        Nuisance(
            "alpha_flux", "CEvNS normalisation, beta_0", sigma=sigma["cevns"], shared_sigma=0.10
        ),
        Nuisance("alpha_f90", f"F90 of CEvNS, beta_1, {_UNIT}", sigma=1.0),
        Nuisance("alpha_time", f"mean time of CEvNS, beta_2, {_UNIT}", sigma=1.0),
        Nuisance("alpha_brn_prompt", "prompt neutrons, beta_3", sigma=sigma["brn_prompt"]),
        Nuisance("alpha_brn_energy", f"energies of prompt neutrons, beta_4, {_UNIT}", sigma=1.0),
        Nuisance("alpha_brn_time", f"mean time of prompt neutrons, beta_5, {_UNIT}", sigma=1.0),
        Nuisance("alpha_brn_width", f"time spread of prompt neutrons, beta_6, {_UNIT}", sigma=1.0),
        Nuisance(
            "alpha_brn_delayed",
            "delayed neutrons, beta_7, not below none",
            sigma=sigma["brn_delayed"],
            bounds=(-1.0, np.inf),
        ),
        Nuisance("alpha_ssb", "steady-state background, beta_8", sigma=sigma["ssb"]),
    )


def _templates() -> dict[str, np.ndarray]:
    """Events per bin of every template, shape (energy, f90, time)."""
    return {name: column.reshape(SHAPE) for name, column in read_table("lar", "bins").items()}


def _backgrounds(templates: dict[str, np.ndarray]) -> tuple[TemplateBackground, ...]:
    nominal = templates["brn_prompt"]

    def at(version: str) -> np.ndarray:
        """A version of the prompt neutrons; those of the release are not all of equal total."""
        return templates[version] * nominal.sum() / templates[version].sum()

    variations = {
        "alpha_brn_energy": (at("brn_energy_down"), at("brn_energy_up")),
        "alpha_brn_time": (at("brn_time_down"), at("brn_time_up")),
        "alpha_brn_width": mirrored(nominal, at("brn_width_up")),
    }
    return (
        TemplateBackground("brn_prompt", Morphed(nominal, variations), ("alpha_brn_prompt",)),
        TemplateBackground(
            "brn_delayed", Morphed(templates["brn_delayed"]), ("alpha_brn_delayed",)
        ),
        TemplateBackground("ssb", Morphed(templates["ssb"]), ("alpha_ssb",)),
    )


def _cevns(released: dict[str, np.ndarray], flat: bool) -> Signal:
    """Arrival times are fractions of all decays; those outside the window are lost."""
    response = _response()
    return Signal(
        name="cevns",
        response=response,
        time_shapes={
            name: arrival_shape(source, AXES[2].edges)
            for name, source in response.flux.sources.items()
        },
        norms=("alpha_flux",),
        shape=_signal_shape(released, flat),
    )


def _response() -> Response:
    parameters = read_toml("lar", "parameters")
    exposure, table = parameters["exposure"], read_table("lar", "efficiency")
    moles = 1000 * exposure["detector_mass_kg"] / exposure["molar_mass_g_per_mol"]
    flux = pion_decay_at_rest(
        pions=exposure["protons_on_target"] * exposure["neutrinos_per_flavour_per_proton"],
        distance_m=exposure["distance_m"],
        pulse=Pulse(**parameters["pulse"]),
    )
    detector = Detector(
        energy_edges=AXES[0].edges,
        quenching=LinearQuenchingFactor(**parameters["quenching"]),
        resolution=GaussianResolution(**parameters["resolution"]),
        efficiency=TabulatedEfficiency(table["energy_kevee"], table["efficiency"]),
    )
    return nuclear_response({nucleus("Ar40"): moles * AVOGADRO_PER_MOL}, detector, flux)


def _signal_shape(released: dict[str, np.ndarray], flat: bool) -> Morphed:
    """Share of F90 bins per energy bin and its systematics, and the systematic of the time.

    Energy bins in which the released CEvNS template holds too few events to tell (above
    50 keVee, where a signal of new physics may still have events) take the F90 of the last bin
    that holds enough.

    The nominal shares sum to one per energy bin. Those at +-1 sigma of the F90 do not: the
    released versions also move events between energies, which is all that is left of beta_1 in
    the 2d bins.
    """
    per_energy = released["cevns"].sum(axis=(1, 2))
    last = np.flatnonzero(per_energy >= MIN_RESOLVED_EVENTS)[-1]
    resolved = np.minimum(np.arange(SHAPE[0]), last)

    def f90(version: str) -> np.ndarray:
        return released[version].sum(axis=2)[resolved] / per_energy[resolved, None]

    time = released["cevns"].sum(axis=(0, 1))
    later = released["cevns_time_up"].sum(axis=(0, 1)) / time
    nominal, down, up = (
        f90(version)[:, :, None] * np.ones(SHAPE[2])
        for version in ("cevns", "cevns_f90_down", "cevns_f90_up")
    )
    if flat:
        nominal, down, up = (array.sum(axis=1) for array in (nominal, down, up))
    return Morphed(
        nominal,
        {"alpha_f90": (down, up), "alpha_time": mirrored(nominal, nominal * later)},
    )
