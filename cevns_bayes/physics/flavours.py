"""Flavours of neutrinos and antineutrinos."""

from enum import StrEnum
from typing import Never

from cevns_bayes.errors import unknown_name


class Flavour(StrEnum):
    """A neutrino or an antineutrino.

    Examples
    --------
    >>> cb.Flavour("nu_mu_bar").family, cb.Flavour.NU_MU_BAR.is_antineutrino
    ('mu', True)
    """

    NU_E = "nu_e"
    NU_MU = "nu_mu"
    NU_TAU = "nu_tau"
    NU_E_BAR = "nu_e_bar"
    NU_MU_BAR = "nu_mu_bar"
    NU_TAU_BAR = "nu_tau_bar"

    @classmethod
    def _missing_(cls, value: object) -> Never:
        raise unknown_name("flavour", value, cls)

    @property
    def family(self) -> str:
        """``"e"``, ``"mu"`` or ``"tau"``: the index of couplings such as eps_ee."""
        return self.split("_")[1]

    @property
    def is_antineutrino(self) -> bool:
        """Whether the axial coupling of a neutrino changes its sign."""
        return self.endswith("_bar")
