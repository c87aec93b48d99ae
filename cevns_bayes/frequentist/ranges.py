"""How far a parameter without bounds has to be followed."""

import numpy as np

from cevns_bayes.frequentist.chi2 import Chi2, Minimum

MAX_SCANNED = 30.0  # Delta chi^2, beyond five sigma for one parameter
MAX_DOUBLINGS = 12
PROFILE_TOLERANCE = 1e-9  # of minima along a profile, relative to chi^2


def reach(chi2: Chi2, best: np.ndarray, index: int, error: float) -> list[Minimum]:
    """Minima at growing distances from the best point, until chi^2 is out of every region.

    The distances are the ``error`` and its doubles. Where a prior has a bound the last one is
    there; where chi^2 does not rise, the walk ends after ``MAX_DOUBLINGS``.
    """
    minima = [(float(chi2.value(best)), best)]
    step = error if np.isfinite(error) and error > 0 else float(chi2.steps[index])
    for sign in (-1, 1):
        point = best
        for doubling in range(MAX_DOUBLINGS + 1):
            start = np.array(point)
            start[index] = np.clip(best[index] + sign * step * 2**doubling, *chi2.limits[index])
            height, point = chi2.minimised(start, [index], tolerance=PROFILE_TOLERANCE)
            if not np.isfinite(height):
                break
            minima.append((height, point))
            outside = height - minima[0][0] > MAX_SCANNED
            if outside or point[index] in chi2.limits[index]:
                break
    return minima
