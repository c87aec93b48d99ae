"""A systematic uncertainty of an experiment."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from cevns_bayes.checks import check_array
from cevns_bayes.detectors.time_shapes import TimeShape
from cevns_bayes.errors import InputError


@dataclass(frozen=True)
class Nuisance:
    """A systematic uncertainty alpha_k.

    Gaussian around 0 with ``sigma``, flat within ``bounds``, or, with both, Gaussian cut at the
    bounds. ``shared_sigma`` is the part of sigma, or all of it, that experiments have in common
    whose nuisances have the same ``shared_as``, which is the name if not given.

    Examples
    --------
    >>> cb.Nuisance("alpha_flux", "neutrino flux", sigma=0.11, shared_sigma=0.10).sigma
    0.11
    >>> cb.Nuisance("alpha_time", "onset of the beam", bounds=(-0.25, 0.25)).bounds
    (-0.25, 0.25)
    """

    name: str
    description: str
    sigma: float | None = None
    bounds: tuple[float, float] | None = None
    shared_sigma: float = 0.0
    shared_as: str = ""

    def __post_init__(self) -> None:
        if self.sigma is None and self.bounds is None:
            raise InputError(f"nuisance '{self.name}' needs sigma or bounds")
        if self.sigma is not None:
            check_array(f"nuisance '{self.name}' sigma", self.sigma, (), "finite and positive")
        if self.bounds is not None:
            title = f"nuisance '{self.name}' bounds"
            allowed = "finite" if self.sigma is None else "numbers"
            low, high = check_array(title, self.bounds, (2,), allowed)
            if not low < high:
                raise InputError(f"{title} must increase, got {self.bounds}")
            if not low <= 0 <= high:
                raise InputError(f"{title} must hold 0, the nominal value, got {self.bounds}")
        title = f"nuisance '{self.name}' shared_sigma"
        check_array(title, self.shared_sigma, (), "finite and non-negative")
        if self.shared_sigma and not (self.sigma and self.sigma >= self.shared_sigma > 0):
            raise InputError(f"nuisance '{self.name}' needs 0 < shared_sigma <= sigma")

    @property
    def common_name(self) -> str:
        """Name of the part that experiments have in common, empty if there is none."""
        return (self.shared_as or self.name) if self.shared_sigma else ""

    @property
    def own_part(self) -> "Nuisance | None":
        """Without the common part, which is taken off in quadrature; None if nothing is left."""
        if self.sigma is None or self.sigma <= self.shared_sigma:
            return None
        own = float(np.sqrt(self.sigma**2 - self.shared_sigma**2))
        return replace(self, sigma=own, shared_sigma=0.0)

    def with_sigma(self, sigma: float | None) -> "Nuisance":
        """Of another width, of which the same share is common."""
        if sigma is None or self.sigma is None:
            return self
        check_array(f"nuisance '{self.name}' sigma", sigma, (), "finite and positive")
        return replace(self, sigma=sigma, shared_sigma=self.shared_sigma * (sigma / self.sigma))

    def check_unit_width(self, title: str) -> None:
        """Refuse another width where variations at -1 and +1 sigma are interpolated."""
        if self.sigma not in (None, 1):
            raise InputError(
                f"nuisance '{self.name}' must have sigma 1, as {title} has variations at its -1 "
                f"and +1, got {self.sigma}"
            )

    def check_onset(self, title: str, shapes: Iterable[TimeShape]) -> None:
        """Refuse shifts [us] beyond those that the time shapes, where they move, are tabulated."""
        reach = min((shape.reach_us for shape in shapes if shape.reach_us), default=0.0)
        width = np.inf if self.sigma is None else 5 * self.sigma
        low, high = self.bounds or (-width, width)
        farthest = max(min(-low, width), min(high, width))
        if farthest > reach * (1 + 1e-9):
            raise InputError(
                f"onset '{self.name}' of {title} must stay within the range_us of the time shapes, "
                f"{reach:g} us, but reaches {farthest:g} us"
            )
