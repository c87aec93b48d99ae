"""The names of the package, in one import line for scenario files and experiment files.

They are those of ``cevns_bayes`` itself, each imported when it is first used.
"""

from typing import TYPE_CHECKING

import cevns_bayes

if TYPE_CHECKING:
    from cevns_bayes import *  # noqa: F403
else:
    __all__, __getattr__ = cevns_bayes.__all__, cevns_bayes.__getattr__
