"""Problem = scenario x experiments: the PyMC model, and expected counts at given values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypedDict, Unpack

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt

from cevns_bayes.compiling import AS_WRITTEN
from cevns_bayes.engine.expected import add_likelihood
from cevns_bayes.engine.nuisances import (
    common_parts,
    common_widths,
    fixed_nuisances,
    nuisance_names,
    shared_by,
)
from cevns_bayes.errors import InputError, unknown_name
from cevns_bayes.experiments.experiment import Experiment
from cevns_bayes.experiments.loading import Binning, load_experiment
from cevns_bayes.physics.cross_sections import Scattering
from cevns_bayes.physics.form_factors import form_factor as form_factor_of
from cevns_bayes.scenarios.priors import Fixed, PriorModel, Priors, log10_name
from cevns_bayes.scenarios.scenario import Scenario, load_scenario

ScenarioLike = str | Path | Scenario
DataLike = str | Path | Experiment | Sequence[str | Path | Experiment]

DEFAULT_DATA = ("csi",)


class ModelOptions(TypedDict, total=False):
    """Keywords of :func:`build_model`, understood wherever a model is built."""

    form_factor: str
    share_flux: bool
    priors: Priors | None
    fixed: Fixed | None
    binning: Binning | None


MAX_BUILT = 8
_BUILT: dict[tuple[Any, ...], tuple["Problem", list[Any]]] = {}


@dataclass(frozen=True, eq=False)
class Problem:
    """A scenario on experiments, with its model.

    Attributes
    ----------
    scenario
        With the parameters that it has on these experiments together, less those held fixed.
    experiments
        With counts: a forecast has those of the Standard Model.
    model
        The PyMC model.
    components
        Expected counts by experiment and component; NumPy arrays where nothing is free.
    options
        What the model was built with.
    fixed
        Values of the variables that are held, of parameters of interest not as logarithms.
    """

    scenario: Scenario
    experiments: list[Experiment]
    model: pm.Model
    components: Mapping[str, Mapping[str, Any]]
    options: ModelOptions = field(default_factory=ModelOptions)
    fixed: Fixed = field(default_factory=dict)

    @classmethod
    def build(
        cls, scenario: ScenarioLike, data: DataLike, **options: Unpack[ModelOptions]
    ) -> "Problem":
        """Arguments and errors are those of :func:`build_model`.

        The same arguments as before give the same problem, with what was compiled for it: its
        model must not be changed.
        """
        loaded, experiments = _loaded(scenario, data, options)
        parts = [loaded, *experiments, *_parts_of(options)]
        key = tuple(part if isinstance(part, str | float) else id(part) for part in parts)
        known = _BUILT.pop(key, None) or (cls._of(loaded, experiments, options), parts)
        while len(_BUILT) >= MAX_BUILT:
            _BUILT.pop(next(iter(_BUILT)))
        _BUILT[key] = known  # the latest, last; its parts keep their ids
        return known[0]

    @classmethod
    def _of(
        cls, scenario: Scenario, experiments: list[Experiment], options: ModelOptions
    ) -> "Problem":
        if pytensor.config.floatX != "float64":
            raise InputError(f"floatX of PyTensor must be float64, got {pytensor.config.floatX}")
        form_factor = form_factor_of(options.get("form_factor", "helm"))
        switched_off = fixed_nuisances(scenario, experiments)
        together = scenario.on([experiment.name for experiment in experiments])
        changes = options.get("priors"), options.get("fixed")
        with PriorModel(*changes) as model:
            scatterings = _declared(scenario, together, experiments, changes)
            fixed = _physical(options.get("fixed") or {}, together.parameter_names)
            _check_declared(together, {*fixed, *(v.name for v in model.unobserved_RVs)})
            _check_priors(model, experiments)
            model.drop_constants()
            sharing = experiments if options.get("share_flux", True) else []
            widths = common_widths(sharing, switched_off)
            common = common_parts(widths)
            components = {
                experiment.name: add_likelihood(
                    experiment.without_shared_part(common),
                    scatterings[experiment.name],
                    form_factor,
                    fixed_nuisances=switched_off[experiment.name],
                    shared=shared_by(experiment, common, widths),
                )
                for experiment in experiments
            }
        model.check_all_used()
        free = tuple(p for p in together.parameters_of_interest if p.name not in fixed)
        reduced = replace(together, parameters_of_interest=free)
        return cls(reduced, experiments, model, components, options, fixed)

    def expected_counts(self, values: Mapping[str, float]) -> dict[str, dict[str, np.ndarray]]:
        """Expected counts by experiment and component.

        Parameters
        ----------
        values
            Values by name: parameters of interest (physical, not log10) and nuisances, which are
            0 if missing.
        """
        nuisances = {rv.name: 0.0 for rv in self.model.free_RVs} | dict(values)
        given = {self.model[name]: np.float64(value) for name, value in nuisances.items()}
        names = [(name, key) for name, parts in self.components.items() for key in parts]
        outputs = [pt.as_tensor(self.components[name][key]) for name, key in names]
        evaluate = pytensor.function(
            [], outputs, givens=given, mode=AS_WRITTEN, on_unused_input="ignore"
        )
        counts: dict[str, dict[str, np.ndarray]] = {name: {} for name in self.components}
        for (name, key), array in zip(names, evaluate(), strict=True):
            counts[name][key] = array
        return counts


def build_model(
    scenario: ScenarioLike, data: DataLike = DEFAULT_DATA, **options: Unpack[ModelOptions]
) -> pm.Model:
    """PyMC model of a scenario on one or more experiments.

    Parameters
    ----------
    scenario
        Name, path of a scenario file, or Scenario.
    data
        Experiments: names, paths of experiment files, or :class:`Experiment`. Those without
        counts get what the Standard Model predicts.
    form_factor
        ``"helm"`` (default), ``"klein-nystrand"`` or ``"symmetrized-fermi"``.
    share_flux
        Whether several experiments share what they declare as common (default): the uncertainty of
        the flux of one beam (10 % at the SNS) as one nuisance, ``"alpha_flux"``, and that of the
        radii of the same nuclei. The nuisance ``"<experiment>::alpha_flux"`` of each then holds
        what remains of its own uncertainty. Otherwise it holds all of it, as in the published
        combination.
    priors
        Variable name -> prior, as text (``"Normal(0.23, 0.01)"``) or as a PyMC ``.dist()``. It
        replaces the prior that the scenario or the experiment declares.
    fixed
        Name of a parameter of interest or a nuisance -> value at which it is held. It is then no
        variable of the model. ``{"log10_mass": 0.5}`` means ``{"mass": 10**0.5}``.
    binning
        Axis name -> bin edges, for experiments given by name.

    Returns
    -------
    pymc.Model
        Free variables: the parameters of interest and ``"<experiment>::alpha_..."``; per
        experiment ``"<experiment>::expected"`` and the observed ``"<experiment>::counts"``.

    Raises
    ------
    InputError
        An unknown name, a malformed prior, a value outside of the prior, or unusable bins.

    Examples
    --------
    >>> model = cb.build_model("weak-mixing-angle", "csi", priors={"sin2_theta_w": "Uniform(0, 1)"})
    >>> [variable.name for variable in model.free_RVs[:3]]
    ['sin2_theta_w', 'csi::alpha_flux', 'csi::alpha_brn']
    """
    return Problem._of(*_loaded(scenario, data, options), options).model


def _loaded(
    scenario: ScenarioLike, data: DataLike, options: ModelOptions
) -> tuple[Scenario, list[Experiment]]:
    if unknown := options.keys() - ModelOptions.__annotations__.keys():
        raise unknown_name("option", unknown.pop(), ModelOptions.__annotations__)
    if (shared := options.get("share_flux", True)) not in (True, False):
        raise InputError(f"share_flux must be True or False, got {shared!r}")
    for name in ("priors", "fixed"):
        if not isinstance(given := options.get(name) or {}, Mapping):
            raise InputError(f"{name} must be a mapping of names, got {given!r}")
    return load_scenario(scenario), load_data(data, **options)


def _parts_of(options: ModelOptions) -> list[Any]:
    """What of the options a model depends on, in one list."""
    changes: list[Any] = [options.get(name) or {} for name in ("priors", "fixed")]
    pairs = [item for change in changes for pair in sorted(change.items()) for item in pair]
    return [options.get("form_factor", "helm"), str(options.get("share_flux", True)), "", *pairs]


def load_data(data: DataLike, **options: Unpack[ModelOptions]) -> list[Experiment]:
    """Experiments with counts from names, paths or Experiments; none may exclude another."""
    given = [data] if isinstance(data, str | Path | Experiment) else data
    if not isinstance(given, Sequence):
        raise InputError(f"data must be names of experiments or Experiments, got {data!r}")
    experiments = [
        item
        if isinstance(item, Experiment)
        else load_experiment(item, binning=options.get("binning"))
        for item in given
    ]
    names = [experiment.name for experiment in experiments]
    if not names or len(set(names)) < len(names):
        given = [experiment.full_name for experiment in experiments]
        raise InputError(f"data must be one or more different experiments, got {given}")
    for experiment in experiments:
        if both := [name for name in experiment.excludes if name in names]:
            raise InputError(f"{experiment.name} and {both[0]} hold the same events: fit only one")
    return [
        _forecast(experiment, options) if experiment.counts is None else experiment
        for experiment in experiments
    ]


def _forecast(experiment: Experiment, options: ModelOptions) -> Experiment:
    """The experiment with the counts that the Standard Model predicts for it."""
    physics: ModelOptions = {"form_factor": options.get("form_factor", "helm")}
    empty = experiment.asimov(np.zeros(experiment.shape))
    components = Problem._of(load_scenario("sm"), [empty], physics).expected_counts({})
    return experiment.asimov(sum(components[experiment.name].values()))


def _declared(
    scenario: Scenario,
    together: Scenario,
    experiments: list[Experiment],
    changes: tuple[Priors | None, Fixed | None],
) -> dict[str, Scattering]:
    """Priors of the scenario in the open model; its cross sections by experiment.

    ``changes`` are the user's priors and values.
    """
    names = [experiment.name for experiment in experiments]
    if together is scenario:
        return dict.fromkeys(names, scenario.scattering())
    scatterings = {}
    for name in names:
        with PriorModel(*changes, name):  # prefixes the names of what is declared
            scatterings[name] = scenario.scattering()
    return scatterings


def _physical(fixed: Fixed, parameters: Sequence[str]) -> dict[str, float]:
    """Values of the parameters themselves in place of their logarithms."""
    logarithms = {log10_name(name): name for name in parameters}
    return {
        logarithms.get(name, name): 10.0 ** float(value) if name in logarithms else float(value)
        for name, value in fixed.items()
    }


def _check_declared(scenario: Scenario, declared: set[str]) -> None:
    if missing := set(scenario.parameter_names) - declared:
        raise InputError(
            f"scenario '{scenario.name}' lists {sorted(missing)} but declares "
            f"{sorted(declared) or 'no priors'}"
        )


def _check_priors(model: pm.Model, experiments: Sequence[Experiment]) -> None:
    """Of what the scenario declared, before nuisances are."""
    for rv in model.free_RVs:
        if rv.ndim or not rv.dtype.startswith("float"):
            raise InputError(f"the prior of {rv.name} must be continuous and of one number")
        if rv.name in nuisance_names(experiments):
            raise InputError(f"{rv.name} is a nuisance of the data: name the parameter otherwise")
