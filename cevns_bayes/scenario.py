"""The Scenario contract: one new-physics hypothesis, and where scenarios are found.

A scenario file defines ``SCENARIO = Scenario(...)``, named after the file, or
``SCENARIOS = {"name": Scenario(...), ...}`` for several variants of one physics. Files in the
package ``cevns_bayes.models`` are known by name; any other file is given by its path,
``"my_scenario.py"``.
"""

import importlib.util
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

from cevns_bayes.cross_sections import CrossSection, Scattering
from cevns_bayes.errors import InputError, unknown_name
from cevns_bayes.flux import Flavour
from cevns_bayes.priors import PriorModel, log10_name, prior_lines
from cevns_bayes.targets import Target

_MODELS_PACKAGE = "cevns_bayes.models"

CrossSectionOf = Callable[[Target, Flavour], CrossSection]


@dataclass(frozen=True)
class Parameter:
    """A parameter of interest: variable name, label for plots (mathtext), unit, SM value if any."""

    name: str
    label: str
    unit: str = ""
    standard_model: float | None = 0.0

    @property
    def axis_label(self) -> str:
        """Label with unit."""
        return f"{self.label} [{self.unit}]" if self.unit else self.label

    @property
    def logarithm(self) -> "Parameter":
        """log10 of the value in its unit, as log-uniform parameters are sampled."""
        symbol = self.label.strip("$") + (rf"/\mathrm{{{self.unit}}}" if self.unit else "")
        label = rf"$\log_{{10}}({symbol})$"
        return replace(self, name=log10_name(self.name), label=label, unit="", standard_model=None)


@dataclass(frozen=True)
class Scenario:
    """One new-physics hypothesis.

    Attributes
    ----------
    title
        A few words.
    parameters_of_interest
        What is inferred, in the order of tables and plots.
    reference
        arXiv number and equation.
    declare
        Called once inside an open PyMC model: declares the priors of the parameters of interest
        and returns ``cross_section(target, flavour) -> CrossSection`` for nuclei, or, where
        electrons matter, the :class:`Scattering` off both.
    fixed_nuisances
        Nuisances switched off because a parameter takes their place.
    per_experiment
        Whether each experiment has parameters of its own, ``"csi::r_n"``, where there are several.
    degenerate
        Whether solutions may be disconnected, bands, rings or plateaus, for which NUTS is no good.
    name, description
        Taken from the file name and its docstring.
    """

    title: str
    parameters_of_interest: tuple[Parameter, ...]
    reference: str
    declare: Callable[[], CrossSectionOf | Scattering]
    fixed_nuisances: tuple[str, ...] = ()
    per_experiment: bool = False
    degenerate: bool = False
    name: str = ""
    description: str = ""

    def scattering(self) -> Scattering:
        """Call ``declare`` in the open model."""
        declared = self.declare()
        return declared if isinstance(declared, Scattering) else Scattering(declared)

    @property
    def parameter_names(self) -> list[str]:
        """Variable names of the parameters of interest."""
        return [parameter.name for parameter in self.parameters_of_interest]

    def on(self, experiments: Sequence[str]) -> "Scenario":
        """The scenario with the parameters it has on these experiments together."""
        if not self.per_experiment or len(experiments) < 2:
            return self
        parameters = tuple(
            replace(parameter, name=f"{name}::{parameter.name}", label=f"{name} {parameter.label}")
            for name in experiments
            for parameter in self.parameters_of_interest
        )
        return replace(self, parameters_of_interest=parameters)


def declared_priors(scenario: Scenario) -> list[str]:
    """Priors of the parameters of interest in ``~`` notation, as they are sampled."""
    with PriorModel() as model:
        scenario.scattering()
    return prior_lines(model)


def scenario_names() -> list[str]:
    """Names of the scenarios that ship with the package."""
    return sorted(_shipped())


def load_scenario(scenario: "str | Path | Scenario") -> Scenario:
    """Scenario by name, or from a user's own file.

    Parameters
    ----------
    scenario
        A name of :func:`scenario_names`; the path of a scenario file (``"folder/mine.py"``,
        or ``"mine.py:variant"`` where the file holds several); or a Scenario as it is.

    Raises
    ------
    InputError
        Unknown name, or a file that is missing or is not a scenario file.
    """
    if isinstance(scenario, Scenario):
        return scenario if scenario.name else replace(scenario, name="unnamed")
    path, _, variant = str(scenario).partition(".py:")
    if variant or path.endswith(".py"):
        return _from_file(Path(f"{path.removesuffix('.py')}.py"), variant)
    if scenario not in _shipped():
        raise unknown_name("scenario", scenario, _shipped())
    return _shipped()[str(scenario)]


@cache
def _shipped() -> dict[str, Scenario]:
    package = import_module(_MODELS_PACKAGE)
    found: dict[str, Scenario] = {}
    for module in pkgutil.iter_modules(package.__path__):
        found |= _scenarios(import_module(f"{_MODELS_PACKAGE}.{module.name}"), module.name)
    return found


def _scenarios(module: ModuleType, stem: str) -> dict[str, Scenario]:
    one, several = getattr(module, "SCENARIO", None), getattr(module, "SCENARIOS", None)
    scenarios = several if one is None else {stem.replace("_", "-"): one}
    if not isinstance(scenarios, dict) or not all(
        isinstance(scenario, Scenario) for scenario in scenarios.values()
    ):
        raise InputError(
            f"{module.__file__} is not a scenario file: it must define SCENARIO = Scenario(...) "
            "or SCENARIOS = {name: Scenario(...)}"
        )
    description = (module.__doc__ or "").strip()
    return {
        name: replace(scenario, name=name, description=description)
        for name, scenario in scenarios.items()
    }


def _from_file(path: Path, variant: str) -> Scenario:
    if not path.is_file():
        raise InputError(f"scenario file {path} does not exist")
    spec = importlib.util.spec_from_file_location(f"scenario_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise InputError(f"{path} failed to load: {type(error).__name__}: {error}") from error
    scenarios = _scenarios(module, path.stem)
    name = variant or next(iter(scenarios))
    if name not in scenarios or (not variant and len(scenarios) > 1):
        raise unknown_name(f"scenario of {path}", variant, scenarios)
    return scenarios[name]
