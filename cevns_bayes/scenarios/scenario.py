"""The Scenario contract: one new-physics hypothesis, and where scenarios are found.

A scenario file defines ``SCENARIO = Scenario(...)``, named after the file, or
``SCENARIOS = {"name": Scenario(...), ...}`` for several variants of one physics. Files in the
package ``cevns_bayes.models`` are known by name; any other file is given by its path,
``"my_scenario.py"``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import ModuleType

from cevns_bayes.errors import InputError, unknown_name
from cevns_bayes.physics.cross_sections import CrossSection, Scattering
from cevns_bayes.physics.flavours import Flavour
from cevns_bayes.physics.targets import Target
from cevns_bayes.plugins import SCENARIO_FILES, as_file, modules_of, run_file
from cevns_bayes.scenarios.prior_view import prior_lines
from cevns_bayes.scenarios.priors import PriorModel, log10_name

CrossSectionOf = Callable[[Target, Flavour], CrossSection]


@dataclass(frozen=True)
class Parameter:
    """A parameter of interest.

    ``name`` is that of the variable, ``label`` is for plots (mathtext), and ``standard_model`` is
    the value in the Standard Model, None if there is no single one.

    Examples
    --------
    >>> mass = cb.Parameter("mass", "$m$", "MeV", standard_model=None)
    >>> mass.axis_label, mass.logarithm.name
    ('$m$ [MeV]', 'log10_mass')
    """

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
        A few words, for headings.
    parameters_of_interest
        Parameters to be inferred, in the order of tables and plots.
    reference
        arXiv number and equation.
    declare
        Called once inside an open PyMC model: declares the priors of the parameters of interest
        and returns ``cross_section(target, flavour) -> CrossSection`` for nuclei, or, where
        electrons matter, the :class:`Scattering` off both.
    fixed_nuisances
        Nuisances switched off because a parameter takes their place.
    per_experiment
        Whether, on several experiments, each has parameters of its own, such as ``"csi::r_n"``.
    degenerate
        Whether the posterior may be disconnected, a band, a ring or a plateau, where NUTS fails.
    limit_curve
        A mass and a coupling whose limits are published as a curve: of the coupling at each mass.
    name, description
        Taken from the file name and its docstring.

    Examples
    --------
    >>> import pymc as pm
    >>> def scaled_charge():
    ...     kappa = pm.Uniform("kappa", 0.0, 2.0)
    ...     return lambda target, flavour: cb.vector(target, (kappa * cb.weak_charge(target)) ** 2)
    >>> kappa = cb.Parameter("kappa", "factor", standard_model=1.0)
    >>> scenario = cb.Scenario("Scaled weak charge", (kappa,), "an example", scaled_charge)
    >>> round(float(cb.predict(scenario, {"kappa": 1.0}, "csi")["cevns"].sum()), 1)
    348.1
    """

    title: str
    parameters_of_interest: tuple[Parameter, ...]
    reference: str
    declare: Callable[[], CrossSectionOf | Scattering]
    fixed_nuisances: tuple[str, ...] = ()
    per_experiment: bool = False
    degenerate: bool = False
    limit_curve: tuple[str, str] | None = None
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

    @property
    def has_limit_curve(self) -> bool:
        """Whether it names a mass and a coupling for limit curves, and has both."""
        return self.limit_curve is not None and {*self.limit_curve} <= {*self.parameter_names}

    @property
    def mass_and_coupling(self) -> tuple[str, str]:
        """Names of these; InputError if there are none."""
        if self.limit_curve is None or not self.has_limit_curve:
            raise InputError(f"{self.name} has no mass and coupling for a limit curve")
        return self.limit_curve

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
    """Names of the scenarios that ship with the package.

    Examples
    --------
    >>> [name for name in cb.scenario_names() if name.startswith("light")]
    ['light-scalar', 'light-tensor', 'light-vector-b-l', 'light-vector-universal']
    """
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

    Examples
    --------
    >>> cb.load_scenario("weak-mixing-angle").parameter_names
    ['sin2_theta_w']
    """
    if isinstance(scenario, Scenario):
        return scenario if scenario.name else replace(scenario, name="unnamed")
    file = as_file(scenario)
    if file is not None:
        return _from_file(*file)
    if scenario not in _shipped():
        raise unknown_name("scenario", scenario, _shipped())
    return _shipped()[str(scenario)]


@cache
def _shipped() -> dict[str, Scenario]:
    found: dict[str, Scenario] = {}
    for name, module in modules_of(SCENARIO_FILES):
        found |= _scenarios(module, name)
    return found


def _scenarios(module: ModuleType, name: str) -> dict[str, Scenario]:
    one, several = getattr(module, "SCENARIO", None), getattr(module, "SCENARIOS", None)
    scenarios = several if one is None else {name: one}
    if not isinstance(scenarios, dict) or not all(
        isinstance(scenario, Scenario) for scenario in scenarios.values()
    ):
        raise InputError(
            f"{module.__file__} is not a scenario file: it must define SCENARIO = Scenario(...) "
            "or SCENARIOS = {name: Scenario(...)}"
        )
    for scenario in scenarios.values():
        for parameter in scenario.limit_curve or ():
            if parameter not in scenario.parameter_names:
                raise unknown_name("name in limit_curve", parameter, scenario.parameter_names)
    description = (module.__doc__ or "").strip()
    return {
        name: replace(scenario, name=name, description=description)
        for name, scenario in scenarios.items()
    }


def _from_file(path: Path, variant: str) -> Scenario:
    scenarios = _scenarios(run_file(path, "scenario"), path.stem.replace("_", "-"))
    name = variant or next(iter(scenarios))
    if name not in scenarios or (not variant and len(scenarios) > 1):
        raise unknown_name(f"scenario of {path}", variant, scenarios)
    return scenarios[name]
