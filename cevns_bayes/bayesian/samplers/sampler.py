"""What a sampler is. Any object with these members can be given to :func:`cevns_bayes.sample`."""

from typing import Any, Protocol

import xarray as xr

from cevns_bayes.bayesian.samplers.checkpoint import Checkpoint
from cevns_bayes.engine.problem import Problem
from cevns_bayes.errors import InputError

MAX_DRAWS = 1_000_000  # of all chains: 3 GB of counts and densities in 100 bins


class Sampler(Protocol):
    """Draws from the posterior of a problem.

    Attributes
    ----------
    name
        A word, for tables.
    resumable
        Whether it makes use of a checkpoint.

    Its settings are its instance attributes, checked when it is made, before anything is compiled.
    """

    @property
    def name(self) -> str: ...

    @property
    def resumable(self) -> bool: ...

    def run(
        self, problem: Problem, seed: int, *, progressbar: bool, checkpoint: Checkpoint | None
    ) -> xr.DataTree:
        """Sample ``problem.model``.

        Returns
        -------
        xarray.DataTree
            Groups ``posterior``, with all free variables and Deterministics of the model over
            ``chain`` and ``draw``, and ``sample_stats``; attrs ``log_evidence`` and
            ``log_evidence_error``, if it knows them.
        """


def check_integer(name: str, value: Any, smallest: int) -> None:
    """Raise InputError for a setting that is not an integer of at least ``smallest``."""
    if not isinstance(value, int) or isinstance(value, bool) or value < smallest:
        raise InputError(f"{name} must be an integer of at least {smallest}, got {value!r}")


def check_draws(name: str, draws: Any, chains: Any, smallest: int = 4) -> None:
    """Raise InputError for fewer draws or chains than diagnostics need, or too many to be held."""
    check_integer(name, draws, smallest)
    check_integer("chains", chains, 2)  # R-hat compares them.
    if draws * chains > MAX_DRAWS:
        raise InputError(f"{name} x chains must be at most {MAX_DRAWS}, got {draws * chains}")
