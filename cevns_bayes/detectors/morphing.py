"""Smooth interpolation of anything counted between its -1 sigma, nominal and +1 sigma versions.

HistFactory's interpolation code 4p (CERN-OPEN-2012-016 and pyhf): a sixth-order polynomial
inside |alpha| <= 1, linear outside, with continuous first and second derivatives, so that
gradient samplers see no kink.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytensor.tensor as pt

from cevns_bayes.checks import check_array

Alphas = Mapping[str, Any]  # nuisance name -> PyTensor scalar or number
Variations = Mapping[str, tuple[np.ndarray, np.ndarray]]  # name -> (-1 sigma, +1 sigma)


def morphing_weights(alpha: Any) -> tuple[Any, Any]:
    """Weights (w_up, w_down) so that  nominal + w_up (up - nominal) + w_down (down - nominal).

    At alpha = 1 they are (1, 0), at -1 (0, 1), at 0 (0, 0); ``alpha`` is a PyTensor scalar or
    a number and the weights are PyTensor scalars.
    """
    alpha = pt.as_tensor_variable(alpha)
    even = alpha**2 * (15 - 10 * alpha**2 + 3 * alpha**4) / 16
    w_up = pt.switch(pt.abs(alpha) > 1, pt.maximum(alpha, 0), alpha / 2 + even)
    w_down = pt.switch(pt.abs(alpha) > 1, pt.maximum(-alpha, 0), -alpha / 2 + even)
    return w_up, w_down


@dataclass(frozen=True)
class Morphed:
    """An array with systematic variations, which add up.

    ``variations`` has for each nuisance, of unit width, the arrays at -1 sigma and +1 sigma.

    Examples
    --------
    >>> versions = np.array([9.0, 20.0]), np.array([12.0, 21.0])
    >>> rate = cb.Morphed(np.array([10.0, 20.0]), {"alpha": versions})
    >>> rate({"alpha": 1.0}).eval()
    array([12., 21.])
    """

    nominal: np.ndarray
    variations: Variations = field(default_factory=dict)

    def __call__(self, alphas: Alphas) -> Any:
        """The array at given nuisances, of the shape of ``nominal``; itself without variations."""
        if not self.variations:
            return self.nominal
        stacked = self.stacked()
        total = self.weights(alphas) @ stacked.reshape((len(stacked), -1))
        return total.reshape(self.nominal.shape)

    def weights(self, alphas: Alphas) -> Any:
        """Factors on the first axis of :meth:`stacked`, a PyTensor vector."""
        pairs = [morphing_weights(alphas[name])[::-1] for name in self.variations]
        return pt.stack([1.0, *(weight for pair in pairs for weight in pair)])

    def stacked(self) -> np.ndarray:
        """Nominal, then what each variation adds to it, along a new first axis."""
        differences = [array - self.nominal for pair in self.variations.values() for array in pair]
        return np.stack([self.nominal, *differences])

    def mapped(self, linear: Callable[[np.ndarray], np.ndarray]) -> "Morphed":
        """Apply a linear function of arrays to the nominal version and to every variation."""
        variations = {name: (linear(d), linear(u)) for name, (d, u) in self.variations.items()}
        return Morphed(linear(self.nominal), variations)

    def check(self, title: str, shape: tuple[int, ...], allowed: str = "finite") -> None:
        """Refuse other shapes, and numbers that cannot be; ``title`` begins the message."""
        check_array(title, self.nominal, shape, allowed)
        for name, versions in self.variations.items():
            check_array(f"{title} at -1 and +1 sigma of {name}", versions, (2, *shape))

    def arrays(self) -> list[np.ndarray]:
        """Nominal, then the variations in their order."""
        return [self.nominal, *(array for pair in self.variations.values() for array in pair)]


def mirrored(nominal: np.ndarray, up: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Variation of which only +1 sigma is known: (2 nominal - up, up)."""
    return 2 * nominal - up, up
