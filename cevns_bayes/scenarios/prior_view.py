"""What the prior of a model's free variable says: bounds, peak, width, words.

Priors are declared as plain PyMC distributions. All that is read back from one is read here.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pymc.distributions.continuous import TruncatedNormalRV
from pymc.printing import str_for_dist
from pymc.pytensorf import constant_fold
from pytensor.tensor import TensorVariable
from pytensor.tensor.random.basic import NormalRV, UniformRV
from pytensor.tensor.random.type import RandomType
from pytensor.tensor.type_other import NoneTypeT

from cevns_bayes.compiling import AS_WRITTEN
from cevns_bayes.scenarios.priors import PriorModel

Limits = tuple[float, float]

SEED = 0
PRIOR_DRAWS = 10_000
ENDS_OF_BULK = (0.0005, 0.9995)


@dataclass(frozen=True)
class Prior:
    """The prior of a free variable of a model, for those who search, tabulate or reweight.

    Attributes
    ----------
    rv
        The random variable.
    limits
        Hard bounds, outside of which the density is zero; infinite where there are none.
    written
        As the user wrote it, if so.
    """

    rv: Any
    limits: Limits
    written: str = ""

    @classmethod
    def of(cls, model: pm.Model, name: str) -> "Prior":
        """The prior of the free variable ``name``."""
        rv = model[name]
        written = model.written if isinstance(model, PriorModel) else {}
        return cls(rv, _support(rv, model.rvs_to_transforms[rv]), written.get(name, ""))

    @property
    def name(self) -> str:
        """Name of the variable."""
        return str(self.rv.name)

    @property
    def text(self) -> str:
        """The distribution with its numbers to eight digits, of which PyMC would print three."""
        return self.written or _as_text(self.rv)

    def __str__(self) -> str:
        return f"{self.name} ~ {self.text}"

    @property
    def is_flat(self) -> bool:
        """Whether it is uniform between its limits."""
        return isinstance(self.rv.owner.op, UniformRV)

    @property
    def peak(self) -> float:
        """A value of the highest density."""
        if self._is_normal:
            return float(np.clip(self._parameters[0], *self.limits))
        if self.is_flat:
            return float(np.mean(self.limits))
        draws = self._draws
        return float(draws[pm.logp(self.rv, draws).eval(mode=AS_WRITTEN).argmax()])

    @property
    def centre(self) -> float:
        """Of a Gaussian, which may lie where it is cut off; the peak of others."""
        return float(self._parameters[0]) if self._is_normal else self.peak

    @property
    def standard_deviation(self) -> float:
        """Standard deviation; between two finite limits, that of a uniform distribution.

        Where a normal distribution is cut, that of the whole.
        """
        low, high = self.limits
        if np.isfinite(high - low):
            return (high - low) / np.sqrt(12)
        if self._is_normal:
            return float(self._parameters[1])
        return float(self._draws.std())

    @property
    def bulk(self) -> Limits:
        """The limits; where there are none, quantiles that leave out one draw in a thousand."""
        if np.isfinite(self.limits).all():
            return self.limits
        ends = np.quantile(self._draws, ENDS_OF_BULK)
        low, high = np.where(np.isfinite(self.limits), self.limits, ends)
        return float(low), float(high)

    @property
    def pull_width(self) -> float:
        """Sigma of a Gaussian, cut or not: of an auxiliary measurement; infinite for others."""
        return float(self._parameters[1]) if self._is_normal else np.inf

    def text_around(self, centre: float) -> str:
        """The Gaussian with another centre, cut at the same bounds."""
        if not np.isfinite(self.limits).any():
            return f"Normal({centre!r}, {self.pull_width!r})"
        low, high = self.limits
        return f"TruncatedNormal({centre!r}, {self.pull_width!r}, lower={low!r}, upper={high!r})"

    def pull(self, value: Any) -> Any:
        """-2 ln of the density at ``value`` relative to the peak; (x/sigma)^2 for a Gaussian."""
        return -2 * (pm.logp(self.rv, value) - pm.logp(self.rv, np.float64(self.peak)))

    @property
    def _is_normal(self) -> bool:
        return isinstance(self.rv.owner.op, NormalRV | TruncatedNormalRV)

    @cached_property
    def _parameters(self) -> list[np.ndarray]:
        inputs = self.rv.owner.op.dist_params(self.rv.owner)
        folded = constant_fold(inputs, raise_not_constant=False)
        return [x if isinstance(x, np.ndarray) else x.eval(mode=AS_WRITTEN) for x in folded]

    @cached_property
    def _draws(self) -> np.ndarray:
        return pm.draw(self.rv, PRIOR_DRAWS, random_seed=SEED, mode=AS_WRITTEN)


def _support(rv: TensorVariable, transform: Any) -> Limits:
    """Where the transform to an unbounded variable, which PyMC chooses by the bounds, ends."""
    if transform is None:
        return -np.inf, np.inf
    ends = [pt.as_tensor_variable(np.float64(end)) for end in (-np.inf, np.inf)]
    low, high = (transform.backward(end, *rv.owner.inputs).eval(mode=AS_WRITTEN) for end in ends)
    return float(low), float(high)


def _as_text(rv: TensorVariable) -> str:
    inputs = [x for x in rv.owner.inputs if not isinstance(x.type, RandomType | NoneTypeT)]
    numbers = constant_fold(inputs, raise_not_constant=False)
    if not all(isinstance(number, np.ndarray) and number.ndim == 0 for number in numbers):
        return str_for_dist(rv).partition(" ~ ")[2]
    name = rv.owner.op._print_name[0]
    return f"{name}({', '.join(f'{float(number):.8g}' for number in numbers)})"


def prior_lines(model: pm.Model) -> list[str]:
    """Priors of the free variables in ``~`` notation; values of those that are held."""
    held = model.held if isinstance(model, PriorModel) else {}
    return [
        *(str(Prior.of(model, rv.name)) for rv in model.free_RVs),
        *(f"{name} = {value:.8g}" for name, value in held.items()),
    ]
