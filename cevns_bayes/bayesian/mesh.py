"""Cells of the unit cube, finer where a function of one to three variables is concentrated.

A cell is split in half along every axis where the integral of exp(log-density) over it may matter,
and the log-density there changes much from cell to cell: peaks a thousandth of the cube wide, thin
rings and bands, plateaus and several solutions end up resolved.
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
        Sizes are 2^-level, shape (cells,).
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
        """Lengths of the edges, shape (cells,)."""
        return 2.0**-self.levels

    @property
    def centres(self) -> np.ndarray:
        """Shape (cells, variables)."""
        return (self.corners + 0.5) * self.sizes[:, None]

    @property
    def log_volumes(self) -> np.ndarray:
        """Shape (cells,)."""
        return -self.levels * self.variables * np.log(2.0)

    @property
    def log_parts(self) -> np.ndarray:
        """Log of the share of each cell in the integral, shape (cells,)."""
        parts = self.log_volumes + self.log_density
        return parts - logsumexp(parts)

    @cached_property
    def _order(self) -> tuple[np.ndarray, np.ndarray]:
        """Cells in the order of their codes, and these codes."""
        shift = BITS[self.variables] - self.levels
        codes = _interleaved(self.corners << shift[:, None], BITS[self.variables])
        order = np.argsort(codes)
        return order, codes[order]

    def cell_of(self, points: np.ndarray) -> np.ndarray:
        """Index of the cell in which each point lies; points have the shape (points, variables)."""
        bits = BITS[self.variables]
        scaled = np.clip((points * 2.0**bits).astype(np.int64), 0, 2**bits - 1)
        order, codes = self._order
        return order[np.searchsorted(codes, _interleaved(scaled, bits), side="right") - 1]

    @cached_property
    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Indices of cells that touch, each pair at least once in either order."""
        found = [(own, self.cell_of(probes)) for own, probes in self._probes()]
        one = np.concatenate([own for own, _ in found] or [np.zeros(0, int)])
        other = np.concatenate([cell for _, cell in found] or [np.zeros(0, int)])
        return np.concatenate([one, other]), np.concatenate([other, one])

    def _probes(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Indices of cells, and points just beside them, in every direction."""
        for direction in product((-1, 0, 1), repeat=self.variables):
            if any(direction):
                beside = self.centres + 0.51 * self.sizes[:, None] * np.array(direction)
                inside = ((beside > 0) & (beside < 1)).all(axis=1)
                yield np.flatnonzero(inside), beside[inside]

    @cached_property
    def highest_around(self) -> np.ndarray:
        """Highest log-density of a cell and those that touch it, shape (cells,)."""
        one, other = self.pairs
        highest = self.log_density.copy()
        np.maximum.at(highest, one, self.log_density[other])
        return highest

    @property
    def changes(self) -> np.ndarray:
        """Greatest difference of the log-density to a cell that touches and is not larger."""
        one, other = self.pairs
        smaller = self.levels[other] >= self.levels[one]
        one, other = one[smaller], other[smaller]
        change = np.zeros(len(self.levels))
        with np.errstate(invalid="ignore"):  # between two cells of density zero
            difference = np.abs(self.log_density[one] - self.log_density[other])
        np.maximum.at(change, one, np.nan_to_num(difference, nan=0.0, posinf=1e3))
        return change

    def to_split(self, count: int, loss: float) -> np.ndarray:
        """Indices of the cells that are to be split, at most so many, see :func:`refined`."""
        total = logsumexp(self.log_volumes + self.log_density)
        unseen = np.minimum(UNSEEN * self.changes, MAX_UNSEEN)
        inside = np.maximum(self.highest_around, self.log_density + unseen)
        may_hold = self.log_volumes + inside - total
        lost = may_hold + 2 * np.log(np.clip(self.changes, 1e-9, CLIFF))
        wanted = (lost > np.log(loss)) | (self.log_parts > np.log(MAX_PART))
        wanted &= self.levels < BITS[self.variables]
        chosen = np.flatnonzero(wanted)
        return chosen[np.argsort(-may_hold[chosen])[:count]]

    def coarse_at(self, peaks: np.ndarray, widths: np.ndarray) -> np.ndarray:
        """Indices of the cells in which peaks lie that are narrower than the cell."""
        cells = self.cell_of(peaks)
        return np.unique(cells[self.sizes[cells] > widths.min(axis=1, initial=1.0)])

    def split(self, cells: np.ndarray) -> tuple["Mesh", np.ndarray, np.ndarray]:
        """Without these cells and with their halves, which come last and have no density yet.

        Also the indices of the cells kept, and of the parents of the new ones.
        """
        kept = np.setdiff1d(np.arange(len(self.levels)), cells)
        halves = np.array(list(product((0, 1), repeat=self.variables)))
        parents = np.repeat(cells, len(halves))
        corners = (2 * self.corners[cells][:, None] + halves).reshape((-1, self.variables))
        return (
            Mesh(
                np.concatenate([self.corners[kept], corners]),
                np.concatenate([self.levels[kept], self.levels[parents] + 1]),
                np.concatenate([self.log_density[kept], np.full(len(parents), -np.inf)]),
            ),
            kept,
            parents,
        )


def first_mesh(variables: int) -> Mesh:
    """Equal cells without a density."""
    side = np.arange(2 ** FIRST_LEVEL[variables])
    corners = np.array(list(product(side, repeat=variables)), dtype=np.int64)
    levels = np.full(len(side) ** variables, FIRST_LEVEL[variables])
    return Mesh(corners.reshape((len(levels), variables)), levels, np.full(len(levels), -np.inf))


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
        cells = np.union1d(mesh.to_split(int(count), loss), mesh.coarse_at(peaks, widths))
        if not cells.size:
            return mesh
        if len(mesh.levels) > MAX_CELLS:
            return replace(mesh, resolved=False)
        finer, kept, parents = mesh.split(cells)
        new = np.arange(len(kept), len(finer.levels))
        values = finer.log_density
        values[new] = log_density(finer, kept, parents, new)
        mesh = replace(finer, log_density=values)
        count *= GROWTH
    return mesh


def _interleaved(integers: np.ndarray, bits: int) -> np.ndarray:
    """Codes of integers, shape (points, variables), which put cells beside their halves."""
    codes = np.zeros(len(integers), dtype=np.int64)
    for bit in range(bits):
        for axis in range(integers.shape[1]):
            position = bit * integers.shape[1] + axis
            codes |= ((integers[:, axis] >> bit) & 1) << position
    return codes
