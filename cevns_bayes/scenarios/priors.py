"""What a user says of variables: other priors, ``"sin2_theta_w ~ Normal(0.23, 0.01)"``, or values.

Priors: any continuous PyMC distribution, or ``LogUniform(low, high)``: uniform in the logarithm,
sampled in log10 under the name ``log10_<name>``.
"""

import ast
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, cast

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pymc.distributions.continuous import BoundedContinuous, Continuous
from pymc.printing import str_for_dist
from pytensor.graph.traversal import ancestors
from pytensor.tensor import TensorVariable

from cevns_bayes.compiling import AS_WRITTEN
from cevns_bayes.errors import InputError, finite_number, unknown_name
from cevns_bayes.scenarios.prior_text import (
    EXAMPLE,
    log10_name,
    number,
    parse_call,
    physical_name,
    sampled_name,
)

Priors = Mapping[str, str | TensorVariable]
Fixed = Mapping[str, float]

__all__ = ["log10_name", "sampled_name"]


def parse_distribution(text: str) -> "TensorVariable | LogUniform":
    """Unnamed PyMC distribution from text such as ``"Normal(0, sigma=1)"``.

    Raises
    ------
    InputError
        Not one call of a continuous PyMC distribution with finite numbers.
    """
    call = parse_call(text)
    name = cast(ast.Name, call.func).id
    distribution = _distributions().get(name)
    if distribution is None:
        raise unknown_name("prior distribution", name, _distributions())
    signature = inspect.signature(distribution.dist)
    for keyword in call.keywords:
        if keyword.arg not in signature.parameters:
            allowed = [name for name in signature.parameters if name not in ("args", "kwargs")]
            raise unknown_name(f"argument of {name}", keyword.arg, allowed)
    unnamed = [p.name for p in signature.parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    if len(call.args) > len(unnamed):
        raise InputError(
            f"malformed prior '{text}': without names {name} takes {', '.join(unnamed)} at most, "
            f"got {len(call.args)} numbers; {EXAMPLE}"
        )
    try:
        arguments = [number(argument) for argument in call.args]
        keywords = {str(k.arg): number(k.value) for k in call.keywords}
        prior = distribution.dist(*arguments, **keywords)
        if not isinstance(prior, LogUniform):
            _check_usable(prior)
    except Exception as error:  # whatever PyMC says of the arguments, the user should read
        raise InputError(f"malformed prior '{text}': {error}; {EXAMPLE}") from error
    return prior


def _distributions() -> dict[str, Any]:
    """Continuous distributions of one variable that can be drawn from, by name."""
    found = {name: getattr(pm, name) for name in dir(pm) if not name.startswith("_")}
    return {
        name: value
        for name, value in found.items()
        if isinstance(value, type)
        and issubclass(value, Continuous)
        and value not in (Continuous, BoundedContinuous, pm.Flat, pm.HalfFlat)
        and value.__module__ != pm.distributions.multivariate.__name__
    } | {"LogUniform": LogUniform}


def _check_usable(prior: TensorVariable) -> None:
    if prior.ndim != 0:
        raise ValueError("a prior must be a scalar distribution")
    draw = pm.draw(prior, random_seed=0, mode=AS_WRITTEN)
    density = pm.logp(prior, draw).eval(mode=AS_WRITTEN)
    if not (np.isfinite(draw) and np.isfinite(density)):
        raise ValueError(f"it draws {draw} with log-density {density}")


def _distribution(prior: Any) -> "TensorVariable | LogUniform":
    if isinstance(prior, str):
        return parse_distribution(prior)
    owner = getattr(prior, "owner", None)
    if owner is None or prior.ndim != 0:
        raise InputError(f"malformed prior {prior!r}: neither text nor a scalar PyMC distribution")
    return owner.clone().out


@dataclass(frozen=True)
class LogUniform:
    """Uniform in the logarithm between two positive numbers."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high < np.inf:
            raise InputError(f"log_uniform needs 0 < low < high, got {self.low}, {self.high}")

    @classmethod
    def dist(cls, low: float, high: float) -> "LogUniform":
        """Made as PyMC's distributions are, so that the parser need not tell them apart."""
        return cls(low, high)

    def declare(self, name: str) -> TensorVariable:
        """Add it to the open model, sampled in log10; returns the physical value."""
        log10 = pm.Uniform(log10_name(name), np.log10(self.low), np.log10(self.high))
        return pm.Deterministic(name, 10.0**log10)


def log_uniform(name: str, low: float, high: float) -> TensorVariable:
    """Declare a log-uniform parameter in the open model and return its physical value.

    It is sampled as ``log10_<name>``, and ``name`` itself is a Deterministic. A prior that the
    user gives for ``name`` replaces it.

    Examples
    --------
    >>> import pymc as pm
    >>> with pm.Model() as model:
    ...     mass = cb.log_uniform("mass", 0.1, 1e4)
    >>> mass.name, [variable.name for variable in model.free_RVs]
    ('mass', ['log10_mass'])
    """
    model = pm.modelcontext(None)
    given = model.prior_for(name) if isinstance(model, PriorModel) else None
    if given is not None:
        return given.declare(name) if isinstance(given, LogUniform) else model.declare(name, given)
    return LogUniform(low, high).declare(name)


class PriorModel(pm.Model):
    """A PyMC model in which the user changes the free variables that are declared.

    Chosen variables get other priors than their declaration says, or are held at a value: these
    are constants, no variables of the model.

    Attributes
    ----------
    held
        Name, of log-uniform parameters that of the logarithm -> value.
    """

    def __init__(
        self, priors: Priors | None = None, fixed: Fixed | None = None, name: str = ""
    ) -> None:
        super().__init__(name)
        self._priors = {name: _distribution(prior) for name, prior in (priors or {}).items()}
        self._fixed = {name: finite_number(name, value) for name, value in (fixed or {}).items()}
        for one, other in combinations([*self._priors, *self._fixed], 2):
            if one == other or log10_name(one) == other or one == log10_name(other):
                raise InputError(f"'{one}' and '{other}' are one variable: give one prior or value")
        self.held: dict[str, float] = getattr(self.parent, "held", {})
        self.written = {
            name: ast.unparse(ast.parse(prior.strip()))
            for name, prior in (priors or {}).items()
            if isinstance(prior, str)
        }

    def register_rv(self, rv_var: TensorVariable, name: str, **kwargs: Any) -> TensorVariable:
        """As in PyMC, with the user's prior in place of a free variable, or a constant, if given.

        Raises
        ------
        InputError
            A value where the prior vanishes.
        """
        if kwargs.get("observed") is not None:
            return super().register_rv(rv_var, name, **kwargs)
        value, given = self._value_of(self.name_for(name)), self.prior_for(name)
        if value is not None:
            return self._hold(rv_var, name, value)
        if isinstance(given, LogUniform):
            return given.declare(name)
        if given is not None:
            return self.declare(name, given, dims=kwargs.get("dims"))
        return super().register_rv(rv_var, name, **kwargs)

    def _value_of(self, name: str) -> float | None:
        """The user's value of a variable, of a logarithm also from the value itself."""
        physical = physical_name(name)
        if name in self._fixed or physical not in self._fixed:
            return self._fixed.get(name)
        value = self._fixed[physical]
        return float(np.log10(value)) if value > 0 else -np.inf

    def _hold(self, rv_var: TensorVariable, name: str, value: float) -> TensorVariable:
        density = pm.logp(rv_var, value, warn_rvs=False).eval(mode=AS_WRITTEN)
        if not np.isfinite(density):
            prior = str_for_dist(rv_var)
            raise InputError(f"{self.name_for(name)} must be within {prior}, got {value:g}")
        self.held[self.name_for(name)] = value
        return pt.constant(value, dtype="float64")

    def declare(self, name: str, prior: TensorVariable, **kwargs: Any) -> TensorVariable:
        """Add a free variable with this prior, whatever the user gave."""
        return super().register_rv(prior, name, **kwargs)

    def prior_for(self, name: str) -> "TensorVariable | LogUniform | None":
        """The user's prior of a variable, if there is one."""
        return self._priors.get(self.name_for(name))

    def drop_constants(self) -> None:
        """Forget Deterministics that no free variable moves: they have no posterior."""
        free = {*self.free_RVs}
        for variable in [*self.deterministics]:
            if free.isdisjoint(ancestors([variable])):
                self.deterministics.remove(variable)
                del self.named_vars[variable.name]

    def check_all_used(self) -> None:
        """Raise for a prior or a value whose name no variable has."""
        free = [variable.name for variable in self.free_RVs]
        scalars = {v.name for v in self.unobserved_RVs if v.ndim == 0}
        for kind, given, used in (
            ("prior variable", self._priors, free),
            ("variable to be fixed", self._fixed, self.held),
        ):
            for name in given:
                if sampled_name(used, name) not in used:
                    raise unknown_name(kind, name, scalars | {*self.held})
