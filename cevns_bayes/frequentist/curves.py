"""Profiles of one and two parameters, and what they exclude.

By Wilks' theorem the confidence region of a level is where Delta chi^2 is below the quantile of
chi^2 with as many degrees of freedom as there are parameters.
"""

from dataclasses import dataclass, replace

import numpy as np
from contourpy import contour_generator
from scipy import stats
from scipy.interpolate import PchipInterpolator, RectBivariateSpline

from cevns_bayes.errors import InputError
from cevns_bayes.frequentist.search import MAX_SCANNED
from cevns_bayes.scenarios.prior_view import Limits

LEVELS = (0.68, 0.90, 0.95)
DRAWN_POINTS = 500
FINER = 4  # times as many points as on the grid of a surface
MAX_SMOOTH = 20.0  # Where Delta chi^2 is higher, as where it is but a bound, a spline is flat.
HIGHEST = 14.0  # Up to there surfaces show regions.
MAX_BEND = 0.4  # Straight lines between points may be that far from the spline near a border.


@dataclass(frozen=True)
class Curve:
    """Profile of one parameter.

    ``values`` ascend within ``limits``, the bounds of the prior, which may be infinite; shapes
    (points,). ``points`` are all variables at these minima, shape (points, variables).
    """

    parameter: str
    limits: Limits
    values: np.ndarray
    delta_chi2: np.ndarray
    points: np.ndarray

    def smooth(self, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
        """Values between two ends, close enough for a figure, and Delta chi^2 there."""
        x = np.union1d(self.values, np.linspace(low, high, DRAWN_POINTS))
        low, high = max(low, self.values[0]), min(high, self.values[-1])
        x = x[(x >= low) & (x <= high)]
        return x, PchipInterpolator(self.values, self.delta_chi2)(x)

    def intervals(self, level: float = 0.90) -> list[Limits]:
        """Disjoint confidence intervals, 0 < level < 1; one that is open ends at the limits."""
        height = threshold(level, 1)
        if height > MAX_SCANNED and not np.isfinite(self.limits).all():
            raise InputError(
                f"{self.parameter} was not followed beyond Delta chi^2 = {MAX_SCANNED:g}"
            )
        return self.below(height)

    def below(self, height: float | np.ndarray) -> list[Limits]:
        """Disjoint intervals where Delta chi^2 is below a height, or one for each value."""
        excess = self.delta_chi2 - height
        curve = PchipInterpolator(self.values, excess)
        roots = np.unique(curve.roots(extrapolate=False))
        finite = np.concatenate([self.values[:1], roots, self.values[-1:]])
        inside = curve((finite[1:] + finite[:-1]) / 2) < 0
        ends = np.concatenate([self.limits[:1], roots, self.limits[1:]])
        return [(float(ends[i]), float(ends[i + 1])) for i in np.flatnonzero(inside)]


@dataclass(frozen=True)
class Surface:
    """Profile of two parameters on a grid; ``delta_chi2`` has the shape (len(x), len(y)).

    Far outside every region the nuisances are not fitted: there ``delta_chi2`` is an upper bound,
    or, where the grid was made finer, cut at ``MAX_SMOOTH``.
    ``dof`` are the degrees of freedom of its regions: 2, or 1 for limits on one parameter at given
    values of the other.
    ``minima`` are x, y and Delta chi^2 along the curves of both parameters, shape (points, 3): they
    show valleys narrower than the steps of the grid.
    """

    parameters: tuple[str, str]
    x: np.ndarray
    y: np.ndarray
    delta_chi2: np.ndarray
    minima: np.ndarray
    dof: int = 2

    def finer(self, factor: int = FINER) -> "Surface":
        """On a grid that many times as fine, interpolated by a cubic spline.

        Delta chi^2 is cut at ``MAX_SMOOTH``. Bands that are hardly wider than the steps of the grid
        are smooth then, and end in one piece.
        """
        x, y = (np.linspace(of[0], of[-1], factor * (len(of) - 1) + 1) for of in (self.x, self.y))
        delta = np.minimum(self.delta_chi2, MAX_SMOOTH)
        return replace(self, x=x, y=y, delta_chi2=RectBivariateSpline(self.x, self.y, delta)(x, y))

    @property
    def resolved(self) -> bool:
        """Whether straight lines between points tell the borders of regions as a spline does.

        And the spline those of valleys through the minima.
        """
        return not self.unresolved(self.finer()).any()

    def unresolved(self, finer: "Surface") -> np.ndarray:
        """Points of a finer grid where not, shape (len(finer.x), len(finer.y))."""
        delta = np.minimum(self.delta_chi2, MAX_SMOOTH)
        straight = RectBivariateSpline(self.x, self.y, delta, kx=1, ky=1)(finer.x, finer.y)
        low, high = np.sort([straight, finer.delta_chi2], axis=0)
        near = (high > self.threshold(LEVELS[0])) & (low < self.threshold(LEVELS[-1]))
        missed = finer.interpolated() - self.minima[:, 2] > MAX_BEND
        inside = finer.beside(self.minima[missed], self.threshold(LEVELS[-1]))
        return near & (high - low >= MAX_BEND) | inside

    def interpolated(self) -> np.ndarray:
        """Delta chi^2 of the grid where minima are, at most ``MAX_SMOOTH``, shape (minima,)."""
        delta = np.minimum(self.delta_chi2, MAX_SMOOTH)
        linear = RectBivariateSpline(self.x, self.y, delta, kx=1, ky=1)
        return linear(*self.minima.T[:2], grid=False)

    def beside(self, minima: np.ndarray, highest: float) -> np.ndarray:
        """Corners of the cells with minima whose Delta chi^2 is that low, (len(x), len(y))."""
        found = np.zeros(self.delta_chi2.shape, dtype=bool)
        low = minima[minima[:, 2] < highest]
        i, j = (
            np.searchsorted(axis, at).clip(1, len(axis) - 1)
            for axis, at in zip((self.x, self.y), low.T, strict=False)
        )
        for corner in ((0, 0), (0, 1), (1, 0), (1, 1)):
            found[i - corner[0], j - corner[1]] = True
        return found

    def threshold(self, level: float) -> float:
        """Delta chi^2 at the border of a confidence region."""
        return threshold(level, self.dof)

    def contours(self, level: float = 0.90) -> list[np.ndarray]:
        """Borders of the confidence region, each (vertices, 2), open at ends of the grid.

        InputError for a level so high that the surface does not show its region.
        """
        height = self.threshold(level)
        if height > HIGHEST:
            highest = stats.chi2.cdf(HIGHEST, self.dof)
            raise InputError(f"the level of a contour must be below {highest:.4f}, got {level}")
        return self.finer().borders(height)

    def borders(self, height: float | np.ndarray) -> list[np.ndarray]:
        """The same where Delta chi^2 is below a height, or one for each point of the grid."""
        generator = contour_generator(self.x, self.y, (self.delta_chi2 - height).T)
        return [np.asarray(line) for line in generator.lines(0.0)]


def threshold(level: float, parameters: int) -> float:
    """Quantile of chi^2, by Wilks' theorem."""
    if not 0 < level < 1:
        raise InputError(f"a confidence level must be between 0 and 1, got {level}")
    return float(stats.chi2.ppf(level, parameters))
