"""Many runs, one after the other: finished ones are not repeated, failed ones do not end it."""

import gc
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from cevns_bayes.bayesian.sampling import check_settings
from cevns_bayes.errors import InputError, one_line
from cevns_bayes.report.folder import refuse_occupied
from cevns_bayes.report.job import Job
from cevns_bayes.report.outcome import Outcome, read_outcome
from cevns_bayes.report.overview import refuse_foreign, write_overview
from cevns_bayes.report.progress import Display
from cevns_bayes.report.terminal import err

FREED_TOGETHER = 8  # runs, whose models and results hold each other: looking for them takes long.
_log = logging.getLogger(__name__)


def run_all(
    jobs: Mapping[str, Job], output: Path, *, force: bool, bar: bool, stop: Callable[[], None]
) -> dict[str, Outcome]:
    """Run what is not finished in the folder ``output``, and keep a summary there of all so far.

    Parameters
    ----------
    jobs
        By the names of their folders.
    force
        Whether to replace results of other runs. Those of the same runs are read in any case.
    stop
        Called between steps; what it raises ends the work.

    Raises
    ------
    InputError
        Before anything is run: wrong settings of the sampler; results of other runs, without
        ``force``; something else in the place of a folder or of the summary.
    """
    for job in jobs.values():
        check_settings(**job.asked)
    refuse_foreign(output)
    outcomes = _all_earlier(jobs, output, force)
    with Display(len(jobs), finished=len(outcomes), bar=bar) as display:
        try:
            for name in [name for name in jobs if name not in outcomes]:
                display.begin(jobs[name].title)
                outcomes[name] = _attempt(jobs[name], output / name, force, stop)
                display.end(jobs[name].title, outcomes[name].verdict)
                _write(outcomes, jobs, output)
                if len(outcomes) % FREED_TOGETHER == 0:
                    gc.collect()
        except BaseException as error:
            error.add_note(f"{len(outcomes)} of {len(jobs)} are done; the same again goes on")
            raise
    return _write(outcomes, jobs, output)


def _all_earlier(jobs: Mapping[str, Job], output: Path, force: bool) -> dict[str, Outcome]:
    if any((output / name).exists() for name in jobs):
        err.print("Comparing the settings of earlier results ...")
    found = {name: _earlier(job, output / name, force) for name, job in jobs.items()}
    return {name: outcome for name, outcome in found.items() if outcome}


def _earlier(job: Job, target: Path, force: bool) -> Outcome | None:
    try:
        return job.earlier(target)
    except InputError as error:
        refuse_occupied(target, force=True)
        if not force:
            raise InputError(f"{error}; use --force to replace it") from error
        return None


def _attempt(job: Job, target: Path, force: bool, stop: Callable[[], None]) -> Outcome:
    """The outcome, also of what fails; an error of the program has its traceback in the log."""
    try:
        if finished := _earlier(job, target, force):  # by another process, meanwhile
            return finished
        job.run(target, force=force, stop=stop)
        return read_outcome(target)
    except Exception as error:
        stop()  # compiled code turns an interrupt into an error
        if isinstance(error, InputError):
            return job.failed(one_line(error))
        _log.exception("%s failed.", job.title)
        return job.failed(f"{type(error).__name__}: {one_line(error)}")


def _write(
    outcomes: Mapping[str, Outcome], jobs: Mapping[str, Job], output: Path
) -> dict[str, Outcome]:
    """The outcomes in the order of the jobs, which a summary of them has as well."""
    ordered = {name: outcomes[name] for name in jobs if name in outcomes}
    write_overview(ordered, output)
    return ordered
