"""Cells of the unit cube, finer where a function of one to three variables is concentrated.

A cell is split in half where the integral of exp(log-density) over it may matter, and the
log-density there changes much from cell to cell, along the axes along which it does: peaks a
thousandth of the cube wide, thin rings and bands, plateaus and several solutions end up resolved.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np
from scipy.special import logsumexp

FIRST_LEVEL = {0: 0, 1: 7, 2: 5, 3: 3}  # The cube is first divided into 2^level cells per axis.
BITS = {0: 1, 1: 40, 2: 24, 3: 16}  # so many levels
MAX_PART = 1 / 50  # of the integral is in a cell.
CLIFF = 3.0  # A greater change loses no more.
MAX_LOSS = 1e-2  # So much, about, is that part times the square of the change from cell to cell.
UNSEEN = 0.5  # The log-density inside a cell may exceed what is seen by this part of the change,
MAX_UNSEEN = 50.0  # but not by more.
COMPARABLE = 1 / 4  # A cell is split along axes of so much of its greatest change.
FIRST_SPLIT, GROWTH = 64, 1.5  # So many cells are split at first, and more from round to round.
MAX_CELLS = 30_000


@dataclass(frozen=True)
class Mesh:
    """Leaf cells.

    Attributes
    ----------
    corners
        Lower ends of the cells in units of their sizes, integers of shape (cells, variables).
    levels
        Sizes are 2^-level, shape (cells, variables).
    log_density
        At the centres, shape (cells,).
    resolved
        Whether no cell is left that should be split.
    """

    corners: np.ndarray
    levels: np.ndarray
    log_density: np.ndarray
    resolved: bool = True

    @property
    def variables(self) -> int:
        """Dimension of the cube."""
        return self.corners.shape[1]

    @property
    def sizes(self) -> np.ndarray:
        """Lengths of the edges, shape (cells, variables)."""
        return 2.0**-self.levels

    @property
    def centres(self) -> np.ndarray:
        """Shape (cells, variables)."""
        return (self.corners + 0.5) * self.sizes

    @property
    def log_volumes(self) -> np.ndarray:
        """Shape (cells,)."""
        return -self.levels.sum(axis=1) * np.log(2.0)

    @property
    def log_parts(self) -> np.ndarray:
        """Log of the share of each cell in the integral, shape (cells,)."""
        parts = self.log_volumes + self.log_density
        return parts - logsumexp(parts)

    @cached_property
    def _shapes(self) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Of the cells of each shape: its levels, their codes in ascending order, the cells."""
        shapes, of = np.unique(self.levels, axis=0, return_inverse=True)
        found = []
        for i, levels in enumerate(shapes):
            cells = np.flatnonzero(of.ravel() == i)
            codes = _codes(self.corners[cells], levels)
            order = np.argsort(codes)
            found.append((levels, codes[order], cells[order]))
        return found

    def cell_of(self, points: np.ndarray) -> np.ndarray:
        """Index of the cell in which each point lies; points have the shape (points, variables)."""
        found, left = np.zeros(len(points), dtype=int), np.arange(len(points))
        for levels, codes, cells in self._shapes:
            own = _codes((points[left] * 2.0**levels).astype(np.int64), levels)
            at = np.minimum(np.searchsorted(codes, own), len(codes) - 1)
            inside = codes[at] == own
            found[left[inside]] = cells[at[inside]]
            left = left[~inside]
        return found

    @cached_property
    def pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Indices of cells that touch, each pair at least once in either order, and the axis.

        That along which they do, or -1 if along several.
        """
        found = [(own, self.cell_of(probes), axis) for own, probes, axis in self._probes()]
        none = np.zeros(0, int)
        one = np.concatenate([own for own, _, _ in found] or [none])
        other = np.concatenate([cell for _, cell, _ in found] or [none])
        axis = np.concatenate([np.full(len(own), axis) for own, _, axis in found] or [none])
        return np.append(one, other), np.append(other, one), np.append(axis, axis)

    def _probes(self) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
        """Indices of cells, and points just beside them, in every direction; the axis of that."""
        for direction in product((-1, 0, 1), repeat=self.variables):
            (axes,) = np.nonzero(direction)
            if axes.size:
                beside = self.centres + 0.51 * self.sizes * np.array(direction)
                inside = ((beside > 0) & (beside < 1)).all(axis=1)
                yield np.flatnonzero(inside), beside[inside], axes[0] if len(axes) == 1 else -1

    @cached_property
    def highest_around(self) -> np.ndarray:
        """Highest log-density of a cell and those that touch it, shape (cells,)."""
        one, other, _ = self.pairs
        highest = self.log_density.copy()
        np.maximum.at(highest, one, self.log_density[other])
        return highest

    @property
    def changes(self) -> np.ndarray:
        """Greatest difference of the log-density to a cell that touches and is not larger.

        Shape (cells, variables + 1): along each axis, and last along several.
        """
        one, other, axis = self.pairs
        finer = np.column_stack([of := self.levels[other] >= self.levels[one], of.all(axis=1)])
        smaller = finer[np.arange(len(one)), axis]
        one, other, axis = one[smaller], other[smaller], axis[smaller]
        change = np.zeros((len(self.levels), self.variables + 1))
        with np.errstate(invalid="ignore"):  # between two cells of density zero
            difference = np.abs(self.log_density[one] - self.log_density[other])
        np.maximum.at(change, (one, axis), np.nan_to_num(difference, nan=0.0, posinf=1e3))
        return change

    def to_split(self, count: int, loss: float) -> np.ndarray:
        """Along which axes which cells are to be split, at most so many, see :func:`refined`."""
        total = logsumexp(self.log_volumes + self.log_density)
        changes = self.changes
        change, along = changes.max(axis=1), changes[:, :-1]
        unseen = np.minimum(UNSEEN * change, MAX_UNSEEN)
        inside = np.maximum(self.highest_around, self.log_density + unseen)
        may_hold = self.log_volumes + inside - total
        lost = may_hold + 2 * np.log(np.clip(change, 1e-9, CLIFF))
        large = self.log_parts > np.log(MAX_PART)
        most = COMPARABLE * along.max(axis=1, initial=0.0, keepdims=True)
        axes = ((along >= most) | large[:, None]) & (self.levels < BITS[self.variables])
        wanted = ((lost > np.log(loss)) | large) & axes.any(axis=1)
        chosen = np.flatnonzero(wanted)
        left_out = chosen[np.argsort(-may_hold[chosen])[count:]]
        wanted[left_out] = False
        return axes & wanted[:, None]

    def coarse_at(self, peaks: np.ndarray, widths: np.ndarray) -> np.ndarray:
        """Along which axes which cells are wider than a peak that lies in them."""
        axes = np.zeros(self.levels.shape, dtype=bool)
        cells = self.cell_of(peaks)
        np.logical_or.at(axes, cells, self.sizes[cells] > widths)
        return axes

    def split(self, axes: np.ndarray) -> tuple["Mesh", np.ndarray, np.ndarray]:
        """With halves along these axes, (cells, variables), in place of the cells.

        The halves come last and have no density yet. Also the indices of the cells kept, and of the
        parents of the new ones.
        """
        kept = np.flatnonzero(~axes.any(axis=1))
        corners, parents = [self.corners[kept]], []
        for along in product((False, True), repeat=self.variables):
            if not any(along):
                continue
            cells = np.flatnonzero((axes == along).all(axis=1))
            halves = np.array(list(product(*[(0, 1) if split else (0,) for split in along])))
            own = self.corners[cells] << np.array(along)
            corners.append((own[:, None] + halves).reshape((-1, self.variables)))
            parents.append(np.repeat(cells, len(halves)))
        of = np.concatenate(parents)
        return (
            Mesh(
                np.concatenate(corners),
                np.concatenate([self.levels[kept], (self.levels + axes)[of]]),
                np.concatenate([self.log_density[kept], np.full(len(of), -np.inf)]),
            ),
            kept,
            of,
        )


def first_mesh(variables: int) -> Mesh:
    """Equal cells without a density."""
    side = np.arange(2 ** FIRST_LEVEL[variables])
    corners = np.array(list(product(side, repeat=variables)), dtype=np.int64)
    corners = corners.reshape((len(side) ** variables, variables))
    levels = np.full(corners.shape, FIRST_LEVEL[variables])
    return Mesh(corners, levels, np.full(len(levels), -np.inf))


def refined(
    variables: int,
    log_density: Callable[[Mesh, np.ndarray, np.ndarray, np.ndarray], np.ndarray],
    peaks: np.ndarray,
    widths: np.ndarray,
    loss: float = MAX_LOSS,
) -> Mesh:
    """A mesh that resolves a function.

    Parameters
    ----------
    peaks, widths
        Where it is known to have peaks, and how wide these are, shape (peaks, variables): cells
        there are split until they are no larger.
    log_density
        ``(mesh, kept, parents, new)`` -> log-density at the centres of the cells ``new`` of the
        mesh, -inf where it is zero. ``kept`` and ``parents`` are the indices of the other cells and
        of the parents of the new ones in the mesh of the call before; none at the first call.
    loss
        How much, about, may be lost in a cell: its part times the square of the change there.
    """
    mesh, none = first_mesh(variables), np.zeros(0, dtype=int)
    values = log_density(mesh, none, none, np.arange(len(mesh.levels)))
    mesh = replace(mesh, log_density=values)
    count: float = FIRST_SPLIT
    while variables and np.isfinite(mesh.log_density).any():
        axes = mesh.to_split(int(count), loss) | mesh.coarse_at(peaks, widths)
        if not axes.any():
            return mesh
        if len(mesh.levels) > MAX_CELLS:
            return replace(mesh, resolved=False)
        finer, kept, parents = mesh.split(axes)
        new = np.arange(len(kept), len(finer.levels))
        values = finer.log_density
        values[new] = log_density(finer, kept, parents, new)
        mesh = replace(finer, log_density=values)
        count *= GROWTH
    return mesh


def _codes(corners: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """One integer for each corner, shape (cells, variables), among cells of the same levels."""
    codes = np.zeros(len(corners), dtype=np.int64)
    for corner, level in zip(corners.T, levels.tolist(), strict=True):
        codes = (codes << level) | np.clip(corner, 0, 2**level - 1)
    return codes
