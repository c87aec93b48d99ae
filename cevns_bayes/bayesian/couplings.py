"""Couplings, which have a linear and a log prior."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cevns_bayes.engine.problem import Problem
from cevns_bayes.errors import unknown_name
from cevns_bayes.scenarios.prior_view import Prior
from cevns_bayes.scenarios.priors import sampled_name

Kind = Literal["linear", "log"]
KINDS: tuple[Kind, Kind] = ("linear", "log")


@dataclass(frozen=True)
class Coupling:
    """A non-negative parameter, uniform in itself or in its logarithm up to ``high``.

    ``low`` is the lower end of the linear, ``log_low`` that of the log prior.
    """

    name: str
    own: Kind
    low: float
    high: float
    log_low: float

    def prior(self, kind: Kind, digits: int = 12) -> str:
        """As :mod:`cevns_bayes.scenarios.priors` reads it."""
        distribution = {"linear": "Uniform", "log": "LogUniform"}[kind]
        return f"{distribution}({self.lowest(kind):.{digits}g}, {self.high:.{digits}g})"

    def lowest(self, kind: Kind) -> float:
        """Lower end of the prior of this kind."""
        return self.low if kind == "linear" else self.log_low

    def quantiles(self, levels: np.ndarray, kind: Kind) -> np.ndarray:
        """Of the prior of this kind, in what is sampled under the own one."""
        low, high = self.lowest(kind), self.high
        x = low + (high - low) * levels if kind == "linear" else low * (high / low) ** levels
        return np.log10(x) if self.own == "log" else x

    def log_weights(self, x: np.ndarray, kind: Kind) -> np.ndarray:
        """Log of the prior of this kind over the own one, up to a constant, of shape (x)."""
        if kind == self.own:
            return np.zeros(x.shape)
        if kind == "linear":
            return np.log(x)
        return np.where(x < self.log_low, -np.inf, -np.log(np.maximum(x, self.log_low)))


def couplings_of(
    problem: Problem, parameters: Collection[str] | None, decades: float
) -> tuple[list[Coupling], dict[str, str]]:
    """Couplings with a linear and a log prior; name -> reason of those without."""
    names = problem.scenario.parameter_names
    for name in parameters or ():
        if name not in names:
            raise unknown_name(f"parameter of {problem.scenario.name}", name, names)
    couplings, left_out = [], {}
    for parameter in problem.scenario.parameters_of_interest:
        name = parameter.name
        if parameter.standard_model != 0 if parameters is None else name not in parameters:
            continue
        prior = Prior.of(problem.model, sampled_name(problem.model, name))
        low, high = prior.limits
        if not prior.is_flat:
            left_out[name] = "its prior is neither uniform nor log-uniform"
        elif prior.name != name:
            couplings.append(Coupling(name, "log", 10.0**low, 10.0**high, 10.0**low))
        elif low < 0:
            left_out[name] = f"its prior goes down to {low:g}"
        else:
            log_low = low or high * 10.0**-decades
            couplings.append(Coupling(name, "linear", low, high, log_low))
    return couplings, left_out
