"""Nuclear form factors F(q, rms radius), normalised to F(0) = 1.

Every form factor takes the momentum transfer ``q_mev`` [MeV] (q > 0) and the rms radius
``rms_radius_fm`` [fm] of the density and returns an array of their common shape. NumPy
arrays and PyTensor variables are both accepted.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from cevns_bayes.errors import unknown_name
from cevns_bayes.physics.constants import HBAR_C_MEV_FM

FormFactor = Callable[[Any, Any], Any]


def klein_nystrand(q_mev: Any, rms_radius_fm: Any, range_fm: float = 0.7) -> Any:
    """Sharp sphere folded with a Yukawa of range a_k (Klein & Nystrand, hep-ph/9902259, Eq. 14)."""
    sphere_radius_fm = np.sqrt(5 / 3 * (rms_radius_fm**2 - 6 * range_fm**2))
    q = q_mev / HBAR_C_MEV_FM
    return _sphere(q * sphere_radius_fm) / (1 + (q * range_fm) ** 2)


def helm(q_mev: Any, rms_radius_fm: Any, skin_fm: float = 0.9) -> Any:
    """Sharp sphere folded with a Gaussian of width s (Helm, Phys. Rev. 104 (1956) 1466)."""
    sphere_radius_fm = np.sqrt(5 / 3 * (rms_radius_fm**2 - 3 * skin_fm**2))
    q = q_mev / HBAR_C_MEV_FM
    return _sphere(q * sphere_radius_fm) * np.exp(-((q * skin_fm) ** 2) / 2)


def symmetrized_fermi(q_mev: Any, rms_radius_fm: Any, surface_fm: float = 0.52) -> Any:
    """Symmetrised Fermi density (Sprung & Martorell, J. Phys. A 30 (1997) 6525).

    The half-density radius c follows from <r^2> = 3/5 c^2 + 7/5 (pi a)^2.
    """
    a = surface_fm
    c = np.sqrt(5 / 3 * rms_radius_fm**2 - 7 / 3 * (np.pi * a) ** 2)
    q = q_mev / HBAR_C_MEV_FM
    x, y = q * c, np.pi * q * a
    bracket = y / np.tanh(y) * np.sin(x) / x - np.cos(x)
    return 3 / (x**2 + y**2) * y / np.sinh(y) * bracket


def _sphere(x: Any) -> Any:
    """3 j_1(x)/x, the form factor of a uniform sphere."""
    return 3 * (np.sin(x) - x * np.cos(x)) / x**3


_FORM_FACTORS: dict[str, FormFactor] = {
    "helm": helm,
    "klein-nystrand": klein_nystrand,
    "symmetrized-fermi": symmetrized_fermi,
}


def form_factor_names() -> list[str]:
    """Names accepted wherever a ``form_factor`` is asked for."""
    return sorted(_FORM_FACTORS)


def form_factor(name: str) -> FormFactor:
    """Form factor by name, one of :func:`form_factor_names`."""
    try:
        return _FORM_FACTORS[name]
    except KeyError:
        raise unknown_name("form factor", name, _FORM_FACTORS) from None
