"""Procedural pairs of pictures: the outline of a shape, and the shape in the colour of its class.

What belongs to an outline is a function of it, so a translation can be compared with the truth.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ganzoo.api import PositiveInt, SampleSpec, SourceFile
from ganzoo_zoo.datasets.counter import uniforms
from ganzoo_zoo.datasets.shapes import IMAGES_AT_ONCE, OUTLINES, Array, Size, coverage, rgb
from ganzoo_zoo.datasets.splits import require_index, require_split

SPLITS = ("train", "test")
LINE = 2.4
"""Thickness of an outline, in pixels of a picture of 32x32; in proportion at other sizes."""

SMALLER = 4
"""The small picture has a side of 1/4."""

PAPER, INK = 1.0, 0.1
"""Grey levels of an outline's background and of its line, in [0, 1]."""

GROUND = np.array([0.16, 0.18, 0.3])
"""Colour around a filled shape."""

HUES = np.arange(len(OUTLINES)) / len(OUTLINES)
FILLS = rgb(HUES, np.full(len(HUES), 0.85), np.where(np.arange(len(HUES)) % 2, 0.72, 0.5))
"""Colour of each class, (10, 3): around the colour wheel, light and dark in turn."""

Given = Literal["outline", "small", "unpaired"]


class Outlines:
    """Procedural pairs of RGB pictures: outlines of ten shapes, and the shapes filled.

    The colour of a filled shape follows from its class, in the order of `shapes`; position, size
    and rotation are random. So the sample is a function of its condition.

    Args:
        split: train or test.
        size: side in pixels of one picture.
        length: number of samples.
        given: ``outline``: the condition is the outline of the sample. ``small``: it is the sample
            at a quarter of its side, for super-resolution. ``unpaired``: the sample and the
            condition are both an outline beside a filled shape, as CycleGAN needs them; in
            ``train`` these are two different shapes, and in ``test`` the same one, to measure with.

    Raises:
        DataError: no such split.
        ValueError: ``small`` of a size that is not a multiple of 4.
    """

    def __init__(
        self,
        split: str,
        *,
        size: Size = 32,
        length: PositiveInt = 5000,
        given: Given = "outline",
    ) -> None:
        require_split("outlines", split, SPLITS)
        if given == "small" and size % SMALLER:
            raise ValueError(f"size: {size} is not a multiple of {SMALLER}, which given: small is")
        self.split, self.size, self.length, self.given = split, size, length, given
        width = 2 * size if given == "unpaired" else size
        side = size // SMALLER if given == "small" else size
        condition = SampleSpec("image", (3, side, 2 * side if given == "unpaired" else side))
        self.spec = SampleSpec("image", (3, size, width), condition=condition)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[tuple[Tensor, Tensor]]:
        chosen = np.array([require_index(index, self.length) for index in indices])
        return list(zip(*self._draw(chosen), strict=True))

    def source_files(self) -> dict[str, SourceFile]:
        """Return nothing: the samples depend on the parameters alone."""
        return {}

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Return all samples and all conditions, uint8."""
        return self._draw(np.arange(self.length))

    def _draw(self, indices: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        parts = np.split(indices, range(IMAGES_AT_ONCE, len(indices), IMAGES_AT_ONCE))
        found = [self._pairs(part) for part in parts]
        samples, conditions = (torch.cat([each[side] for each in found]) for side in (0, 1))
        return samples, conditions

    def _pairs(self, indices: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        stream = f"outlines/{self.split}"
        outline, filled = draw(stream, indices, self.size)
        if self.given == "outline":
            return filled, outline
        if self.given == "small":
            small = functional.avg_pool2d(filled.double(), SMALLER)
            return filled, small.round().to(torch.uint8)
        if self.split == "train":
            filled = draw(f"{stream}/filled", indices, self.size)[1]
        both = torch.cat([outline, filled], 3)
        return both, both


def draw(stream: str, indices: NDArray[np.int64], size: int) -> tuple[Tensor, Tensor]:
    """Return the outlines and the filled shapes with these indices, uint8 (n, 3, size, size)."""
    u = uniforms(stream, indices, 5).T[..., None, None]
    classes = np.floor(u[4, :, 0, 0] * len(OUTLINES)).astype(np.int64)
    centres = (np.arange(size) + 0.5) * 2 / size - 1
    y, x = centres[:, None], centres[None, :]
    inside = coverage(u[:4], classes, x, y)[:, None]  # (n, 1, size, size)
    filled = GROUND[:, None, None] + inside * (FILLS[classes] - GROUND)[..., None, None]
    line = edge(inside[:, 0], LINE * size / 32)[:, None]
    outline = np.repeat(PAPER + line * (INK - PAPER), 3, axis=1)
    return tuple(  # type: ignore[return-value]
        torch.from_numpy(np.rint(each * 255).astype(np.uint8)) for each in (outline, filled)
    )


def edge(inside: Array, thickness: float) -> Array:
    """Return how much of each pixel a line along the border of a shape covers, in [0, 1].

    A pixel is on the line as far as the picture changes within `thickness` pixels of it.

    Args:
        inside: the fraction of each pixel that the shape covers, (n, height, width).
    """
    reach = int(np.ceil(thickness / 2 + 0.5))
    height, width = inside.shape[1:]
    padded = np.pad(inside, ((0, 0), (reach, reach), (reach, reach)), mode="edge")
    highest, lowest = inside, inside
    for down in range(-reach, reach + 1):
        for right in range(-reach, reach + 1):
            near = np.clip(thickness / 2 + 0.5 - np.hypot(down, right), 0, 1)
            if near:
                moved = padded[
                    :, reach + down : reach + down + height, reach + right : reach + right + width
                ]
                highest = np.maximum(highest, inside + near * (moved - inside))
                lowest = np.minimum(lowest, inside + near * (moved - inside))
    return np.clip(highest - lowest, 0, 1)
