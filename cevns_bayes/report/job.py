"""The main job with its files: one scenario on one data set, into one folder."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cevns_bayes.bayesian import sampling
from cevns_bayes.bayesian.provenance import check_made_of
from cevns_bayes.engine.problem import ModelOptions, Problem
from cevns_bayes.errors import InputError
from cevns_bayes.experiments.experiment import Experiment
from cevns_bayes.report import analysis, folder, html
from cevns_bayes.report.outcome import (
    Outcome,
    data_title,
    outcome_of,
    read_outcome,
    write_outcome,
)
from cevns_bayes.report.view import View, check_drawable
from cevns_bayes.scenarios.priors import sampled_name
from cevns_bayes.scenarios.scenario import Scenario


def _ignore(*_: Any) -> None:
    """The listener where nobody listens."""


def _timed(say: Callable[[str], None]) -> Callable[[str], None]:
    """A listener that hears the time as well."""
    start = time.perf_counter()
    return lambda text: say(f"{text} ... {time.perf_counter() - start:.0f} s gone")


@dataclass(frozen=True)
class Job:
    """A run that is asked for: ``settings`` are those of `sample`, ``options`` of `build_model`.

    ``view`` is how its results are shown, ``command`` the line that asks for it.
    """

    scenario: Scenario
    experiments: list[Experiment]
    settings: Mapping[str, Any] = field(default_factory=dict)
    options: ModelOptions = field(default_factory=ModelOptions)
    view: View = field(default_factory=View)
    command: str = ""

    @property
    def title(self) -> str:
        """``"sm on csi+lar"``."""
        return f"{self.scenario.name} on {data_title(self.experiments)}"

    @property
    def asked(self) -> dict[str, Any]:
        """Settings on which the result depends."""
        return {k: v for k, v in self.settings.items() if k not in sampling.NOT_OF_THE_RESULT}

    def problem(self) -> Problem:
        """The model, which wrong options do not have."""
        return Problem.build(self.scenario, self.experiments, **self.options)

    def check(self) -> None:
        """Raise InputError for what would fail later: the model, or texts that cannot be drawn."""
        problem = self.problem()
        free = [variable.name for variable in problem.model.free_RVs]
        parameters = problem.scenario.parameters_of_interest
        axes = [axis for experiment in self.experiments for axis in experiment.axes]
        texts = [e.reference for e in self.experiments]
        check_drawable(parameters, axes, self.scenario.title, *texts)
        self.view.check([sampled_name(free, p.name) for p in parameters], free)

    def run(
        self,
        target: Path,
        *,
        force: bool = False,
        posterior: Path | None = None,
        say: Callable[[str], None] = _ignore,
        stop: Callable[[], None] = _ignore,
    ) -> analysis.Analysis:
        """Analyse, and write the results to ``target``, whole or not at all.

        ``say`` is told what comes next, and when; ``stop`` is called between the steps and may
        raise; ``posterior`` is a folder with draws that need not be made again.
        """
        keywords: dict[str, Any] = {**self.settings, **self.options}
        say = _timed(say)
        self._check_checkpoint(target)
        if posterior:
            draws = folder.load_posterior(posterior)
            check_made_of(draws, self.problem())
        with folder.new_folder(target, force=force) as staging:
            self.check()  # or it ends here
            names = ", ".join(experiment.full_name for experiment in self.experiments)
            say(f"Compiling and sampling [bold]{self.scenario.name}[/] on {names}")
            start = time.perf_counter()
            if not posterior:
                draws = sampling.sample(self.scenario, self.experiments, **keywords)
            seconds = None if posterior else time.perf_counter() - start
            stop()
            folder.write_posterior(draws, staging)
            say("Fitting, profiling and comparing with the Standard Model")
            done = analysis.analyse(self.scenario, self.experiments, posterior=draws, **keywords)
            stop()
            done = replace(done, command=self.command).viewed(self.view)
            say("Drawing the figures")
            html.write_report(done, staging)
            write_outcome(outcome_of(done, seconds), staging)
            stop()
        return done

    def _check_checkpoint(self, target: Path) -> None:
        checkpoint = self.settings.get("checkpoint")
        if checkpoint and Path(checkpoint).resolve().is_relative_to(target.resolve()):
            raise InputError(f"checkpoint {checkpoint} must not be within the output {target}")

    def failed(self, why: str) -> Outcome:
        """The outcome of a run that ended with an error."""
        return Outcome(self.scenario.name, data_title(self.experiments), (why,))

    def earlier(self, target: Path) -> Outcome | None:
        """The outcome of the same run if its folder is there already, None if there is no folder.

        Raises
        ------
        InputError
            If ``target`` is the folder of another run, or of something else.
        """
        if folder.is_free(target):
            return None
        try:
            with folder.open_posterior(target) as posterior:
                sampling.check_sampled_as(posterior, self.problem(), **self.asked)
            return read_outcome(target)
        except InputError as error:
            raise InputError(f"{target} is of another run: {error}") from error
