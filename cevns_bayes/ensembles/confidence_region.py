"""What toys at tested points tell: p-values, critical values, confidence intervals and regions."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator

from cevns_bayes.errors import InputError
from cevns_bayes.frequentist.curves import Curve, Surface, threshold
from cevns_bayes.frequentist.profile import Profile
from cevns_bayes.scenarios.prior_view import Limits


@dataclass(frozen=True)
class FeldmanCousins:
    """Result of :func:`cevns_bayes.feldman_cousins`.

    Attributes
    ----------
    parameters
        One or two, as they are sampled.
    level
        Of confidence, the one where the toys are most.
    points
        Tested points, shape (points, parameters).
    delta_chi2
        t of the data there, (points,).
    toys
        t of the toys, shape (points, toys), NaN where there are fewer.
    failed
        How many toys had no result.
    profile
        Of the data.
    """

    parameters: tuple[str, ...]
    level: float
    points: np.ndarray
    delta_chi2: np.ndarray
    toys: np.ndarray
    failed: int
    profile: Profile

    def at(self, points: np.ndarray) -> "FeldmanCousins":
        """With some of the points."""
        arrays = {name: getattr(self, name)[points] for name in ("points", "delta_chi2", "toys")}
        return replace(self, **arrays)

    def joined(self, other: "FeldmanCousins") -> "FeldmanCousins":
        """With the points of another one, too."""
        size = max(self.toys.shape[1], other.toys.shape[1])
        toys = [
            np.pad(of, ((0, 0), (0, size - of.shape[1])), constant_values=np.nan)
            for of in (self.toys, other.toys)
        ]
        return replace(
            self,
            points=np.concatenate([self.points, other.points]),
            delta_chi2=np.concatenate([self.delta_chi2, other.delta_chi2]),
            toys=np.concatenate(toys),
            failed=self.failed + other.failed,
        )

    @property
    def numbers(self) -> np.ndarray:
        """Toys of each point, (points,)."""
        return np.isfinite(self.toys).sum(axis=1)

    @property
    def p_values(self) -> np.ndarray:
        """Share of the toys that are no nearer to their minimum than the data, (points,)."""
        return (self.toys >= self.delta_chi2[:, None]).sum(axis=1) / self.numbers

    @property
    def p_errors(self) -> np.ndarray:
        """Standard errors of the p-values for want of toys, (points,)."""
        p = (self.p_values * self.numbers + 1) / (self.numbers + 2)
        return np.sqrt(p * (1 - p) / self.numbers)

    def critical(self, level: float | None = None) -> np.ndarray:
        """Quantile of the toys at each point, and one standard error below and above, (3, points).

        The errors are those quantiles that are binomial errors of the level away.
        """
        wanted = self.level if level is None else level
        threshold(wanted, 1)  # or it is no level
        error = np.sqrt(wanted * (1 - wanted) / self.numbers)
        return np.stack(
            [
                [np.nanquantile(row, q) for row, q in zip(self.toys, at, strict=True)]
                for at in np.clip([0 * error + wanted, wanted - error, wanted + error], 0, 1)
            ]
        )

    @property
    def curve(self) -> Curve:
        """Profile of the one parameter."""
        if len(self.parameters) != 1:
            raise InputError("two parameters have a region, see contours, and no intervals")
        return self.profile.curves[self.parameters[0]]

    @property
    def surface(self) -> Surface:
        """Profile of the two parameters."""
        if len(self.parameters) != 2:
            raise InputError("one parameter has intervals, and no contours")
        x, y = self.parameters
        return self.profile.surfaces[x, y]

    def intervals(self, level: float | None = None) -> list[Limits]:
        """Disjoint confidence intervals of the one parameter."""
        return self.curve.below(self._along(self.critical(level)[0]))

    def interval_errors(self, level: float | None = None) -> list[Limits]:
        """Standard errors of the ends of the intervals for want of toys; zero at a limit."""
        _, low, high = self.critical(level)
        narrow, wide = (self.curve.below(self._along(of)) for of in (low, high))
        inner, outer = (np.array(found).ravel() for found in (narrow, wide))
        ends = np.array(self.intervals(level)).ravel()
        errors = [(_nearest(outer, end) - _nearest(inner, end)) / 2 for end in ends]
        return [(abs(a), abs(b)) for a, b in np.reshape(errors, (-1, 2)).tolist()]

    def _along(self, critical: np.ndarray) -> np.ndarray:
        order = np.argsort(self.points[:, 0])
        return np.interp(self.curve.values, self.points[order, 0], critical[order])

    def critical_surface(self, level: float | None = None) -> np.ndarray:
        """Critical values on the grid of the surface, of whose shape it is."""
        critical, surface = self.critical(level)[0], self.surface
        scale = np.array([np.ptp(surface.x), np.ptp(surface.y)])
        grid = np.stack(np.meshgrid(surface.x, surface.y, indexing="ij"), axis=-1) / scale
        values = LinearNDInterpolator(self.points / scale, critical)(grid)
        nearest = NearestNDInterpolator(self.points / scale, critical)(grid)
        return np.where(np.isnan(values), nearest, values)

    def contours(self, level: float | None = None) -> list[np.ndarray]:
        """Borders of the confidence region of two parameters, each (vertices, 2)."""
        return self.surface.borders(self.critical_surface(level))


def _nearest(values: np.ndarray, to: float) -> float:
    return float(values[np.abs(values - to).argmin()]) if values.size else np.nan
