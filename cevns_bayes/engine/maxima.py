"""Where the likelihood has its maxima, of which a scenario may have several.

The profile likelihood at points of a Sobol sequence over the parameters of interest, all solved
together; those higher than all their neighbours are the feet from which the maxima are climbed.
Lines through the highest of them show more that are narrow.
"""

from weakref import WeakKeyDictionary

import numpy as np
from scipy.signal import find_peaks
from scipy.spatial import cKDTree
from scipy.stats import qmc

from cevns_bayes.engine.climb import Solution
from cevns_bayes.engine.solver import Solver
from cevns_bayes.scenarios.prior_view import SEED

NEIGHBOURS = 3  # few: a narrow maximum is often beside a higher point of a wide one
SAME = 1e-3  # Maxima closer than this part of the box are one.
PROMINENCE = 1e-3  # of the height: what rises less above its surroundings is no peak
FAR_BELOW = -1e30  # any height
ROUNDS, ROUGH = 3, 1e-4  # for points of the sequence, whose heights are only compared


def maxima(solver: Solver, box: np.ndarray) -> Solution:
    """All distinct local maxima of the likelihood, nothing held.

    Parameters
    ----------
    box
        Ends between which the parameters of interest are searched, shape (parameters, 2), finite;
        a maximum may lie outside, within the bounds of the priors.

    Returns
    -------
    Solution
        The highest first; without any point if no height is finite. Along a valley of equal
        heights there are several.
    """
    values = sobol_sequence(box)
    start = np.tile(solver.compiled.peaks, (len(values), 1))
    start[:, : len(box)] = values
    held = range(len(box))
    found = solver.solve(start, held, rounds=ROUNDS, tolerance=ROUGH, curvature=False)
    scaled = (values - box[:, 0]) / np.ptp(box, axis=1)
    feet = found.at(local_maxima(scaled, found.height, NEIGHBOURS))
    tops = climbed(solver, feet.x, box) if len(feet.x) else feet
    if not tops.x.size or not box.size:
        return tops
    lines = [lines_through(solver, tops.x[:1], i, (low, high)) for i, (low, high) in enumerate(box)]
    return climbed(solver, np.concatenate([tops.x, *lines]), box)


def observed_maxima(solver: Solver, box: np.ndarray) -> Solution:
    """:func:`maxima` for the observed counts, which posterior, fit and profile find once."""
    known = _OBSERVED.setdefault(solver, {})
    key = box.tobytes()
    if key not in known:
        known[key] = maxima(solver, box)
    return known[key]


_OBSERVED: WeakKeyDictionary[Solver, dict[bytes, Solution]] = WeakKeyDictionary()


def climbed(solver: Solver, feet: np.ndarray, box: np.ndarray) -> Solution:
    """The distinct maxima that are reached from points (points, variables), the highest first."""
    found = solver.solve(feet, ())
    if not found.converged.all():
        found = solver.solve(found.x, (), rest=found.rest)
    return found.at(_distinct(found.x[:, : len(box)] / np.ptp(box, axis=1), found.height))


def lines_through(
    solver: Solver,
    points: np.ndarray,
    index: int,
    ends: tuple[float, float],
    *,
    size: int = 1001,
    most: int = 10,
) -> np.ndarray:
    """The highest local maxima along one variable, nothing else moved, on lines through points.

    ``ends`` are those of the lines of ``size`` points, of each of which ``most`` are taken.
    """
    line = np.repeat(points, size, axis=0)
    line[:, index] = np.tile(np.linspace(*ends, size), len(points))
    heights = solver.heights(line).reshape(len(points), size)
    rows = line.reshape(len(points), size, -1)
    return np.concatenate([row[peaks(of)[:most]] for row, of in zip(rows, heights, strict=True)])


def peaks(heights: np.ndarray) -> np.ndarray:
    """Indices of the local maxima in a row, the highest first; one of a plateau."""
    finite = np.where(np.isfinite(heights), heights, FAR_BELOW)
    padded = np.pad(finite, 1, constant_values=2 * FAR_BELOW)
    found = find_peaks(padded, prominence=PROMINENCE)[0] - 1
    return found[np.argsort(-heights[found])]


def local_maxima(points: np.ndarray, heights: np.ndarray, neighbours: int) -> np.ndarray:
    """Indices of the points that are no lower than their nearest neighbours, the highest first.

    Parameters
    ----------
    points
        Shape (points, dimensions).
    heights
        Shape (points,); those that are not finite are below all others, and never chosen.
    """
    finite = np.flatnonzero(np.isfinite(heights))
    if len(finite) <= neighbours or not points.shape[1]:
        return finite[np.argsort(-heights[finite])]
    nearest = cKDTree(points[finite]).query(points[finite], k=neighbours + 1)[1]
    chosen = finite[heights[finite] >= heights[finite][nearest].max(axis=1)]
    return chosen[np.argsort(-heights[chosen])]


def sobol_sequence(box: np.ndarray) -> np.ndarray:
    """Shape (points, parameters): 64 points for one parameter, 512 for two, 1024 for more."""
    if not len(box):
        return np.zeros((1, 0))
    power = {1: 6, 2: 9}.get(len(box), 10)
    return qmc.scale(qmc.Sobol(len(box), seed=SEED).random_base2(power), *box.T)


def _distinct(scaled: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Indices of the highest point of each cluster, in descending order."""
    kept: list[int] = []
    for i in np.flatnonzero(np.isfinite(heights))[np.argsort(-heights[np.isfinite(heights)])]:
        if not any(np.abs(scaled[i] - scaled[k]).max(initial=0.0) < SAME for k in kept):
            kept.append(int(i))
    return np.array(kept, dtype=int)
