"""Gaussians in the plane, on a ring or a grid, where every mode can be counted."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganzoo.api import DataError, PositiveFloat, PositiveInt, SampleSpec, SourceFile
from ganzoo_zoo.datasets.counter import uniforms
from ganzoo_zoo.datasets.splits import require_index, require_split

Points = NDArray[np.float64]


class Gaussians:
    """Gaussians in the plane, on a ring or a grid, labelled by mode.

    Sample i belongs to mode i modulo the number of modes. The centres of a ring have the radius
    `extent`; those of a grid run from -extent to extent in both coordinates. With the defaults the
    centres of the grid are 1 apart, which is 20 standard deviations. A staggered grid is a grid
    whose rows (of equal second coordinate) are moved along the first coordinate by a quarter of
    the spacing: the first row to the left, the next one to the right, and so on. At last all
    centres are turned around the origin.

    Source: ring and grid of Lin et al. 2018 (PacGAN), arXiv:1712.04086, scaled to numbers of
    about 1.

    Args:
        split: train or test.
        layout: ring, grid or staggered.
        modes: number of centres; by default 8 for a ring and 25 for a grid, where it must be a
            square number.
        extent: radius of the ring, or half the side of the grid before rows are moved.
        rotation: counterclockwise turn of the centres, in degrees.
        sd: standard deviation of each mode, in each coordinate.
        length: number of points.

    Raises:
        DataError: no such split, or the modes of a grid are not a square number.
    """

    def __init__(
        self,
        split: str,
        *,
        layout: Literal["ring", "grid", "staggered"] = "ring",
        modes: PositiveInt | None = None,
        extent: PositiveFloat = 2.0,
        rotation: float = 0.0,
        sd: PositiveFloat = 0.05,
        length: PositiveInt = 10_000,
    ) -> None:
        require_split("gaussians", split, ("train", "test"))
        self.centres = ring(modes or 8) if layout == "ring" else grid(modes or 25)
        if layout == "staggered":
            self.centres = staggered(self.centres)
        self.centres *= extent
        if rotation:
            self.centres = turned(self.centres, rotation)
        self.sd = sd
        self.stream = f"gaussians/{split}"
        self.length = length
        self.spec = SampleSpec("vector", (2,), classes=len(self.centres))

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        points, labels = self._draw(np.array([require_index(index, self.length)]))
        return points[0], int(labels[0])

    def __getitems__(self, indices: Sequence[int]) -> list[tuple[Tensor, int]]:
        points, labels = self._draw(np.array([require_index(i, self.length) for i in indices]))
        return list(zip(points, labels.tolist(), strict=True))

    @property
    def labels(self) -> Tensor:
        """The modes of all points, int64 (length,)."""
        return torch.arange(self.length) % len(self.centres)

    def source_files(self) -> dict[str, SourceFile]:
        """Return nothing: the samples depend on the parameters alone."""
        return {}

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Return float32 (length, 2) and int64 (length,)."""
        return self._draw(np.arange(self.length))

    def _draw(self, indices: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        labels = indices % len(self.centres)
        points = self.centres[labels] + self.sd * normals(self.stream, indices)
        return torch.from_numpy(points.astype(np.float32)), torch.from_numpy(labels)


def ring(modes: int) -> Points:
    """Return `modes` points on the unit circle, (modes, 2), starting at (1, 0)."""
    angles = 2 * np.pi * np.arange(modes) / modes
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def grid(modes: int) -> Points:
    """Return a square grid over [-1, 1]^2, (modes, 2), row by row."""
    side = math.isqrt(modes)
    if side * side != modes or side < 2:
        raise DataError(
            f"gaussians: a grid needs a square number of modes from 4 on, not {modes}",
            hint=f"dataset.modes={max(side, 2) ** 2}",
        )
    steps = np.linspace(-1, 1, side)
    return np.stack(np.meshgrid(steps, steps), axis=-1).reshape(modes, 2)


def staggered(centres: Points) -> Points:
    """Return a square grid over [-1, 1]^2 with its rows moved by -/+ a quarter of the spacing."""
    side = math.isqrt(len(centres))
    quarter = 0.5 / (side - 1)
    moves = np.where(np.arange(side) % 2 == 0, -quarter, quarter).repeat(side)
    return centres + np.stack([moves, np.zeros_like(moves)], axis=1)


def turned(centres: Points, degrees: float) -> Points:
    """Return points (n, 2) turned counterclockwise around the origin."""
    angle = math.radians(degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    return centres @ np.array([[cos, sin], [-sin, cos]])


def normals(stream: str, indices: NDArray[np.int64]) -> Points:
    """Return standard normal pairs (n, 2), one per index. Source: Box & Muller 1958."""
    u, v = uniforms(stream, indices, 2).T
    radius = np.sqrt(-2 * np.log1p(-u))
    return np.stack([radius * np.cos(2 * np.pi * v), radius * np.sin(2 * np.pi * v)], axis=1)
