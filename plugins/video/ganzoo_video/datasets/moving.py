"""Digits and shapes that move by a known law: data without a file of its own."""

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
import torch
from ganzoo_zoo.datasets.counter import uniforms
from ganzoo_zoo.datasets.digits import FILE, digits_of
from ganzoo_zoo.datasets.shapes import OUTLINES, colours, coverage
from ganzoo_zoo.datasets.splits import require_index, require_split
from numpy.typing import NDArray
from torch import Tensor

from ganzoo.api import Ge, NonNegativeInt, PositiveInt, SampleSpec, SourceFile
from ganzoo_video.trajectories import CLIPS_AT_ONCE, DIRECTIONS, Array, Law, clips, directions

Size = Annotated[int, Ge(16)]
Frames = Annotated[int, Ge(2)]
Label = Literal["object", "direction"]
FRAME_RATE = 8.0


class Moving:
    """What both data sets share: clips drawn from (seed, split, index) alone.

    Args:
        name: of the data set.
        split: train or test.
        channels: 1 or 3.
        objects: names of the classes.

    Raises:
        DataError: no such split.
    """

    def __init__(
        self,
        name: str,
        split: str,
        channels: int,
        objects: tuple[str, ...],
        *,
        size: int,
        frames: int,
        length: int,
        label: Label,
        seed: int,
    ) -> None:
        require_split(name, split, ("train", "test"))
        self.split, self.length, self.label = split, length, label
        self.stream = f"{name}/{split}/{seed}"
        self.law = Law(size, frames)
        names = objects if label == "object" else DIRECTIONS
        self.spec = SampleSpec(
            "video",
            (frames, channels, size, size),
            classes=len(names),
            class_names=names,
            frame_rate=FRAME_RATE,
        )

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[tuple[Tensor, int]]:
        samples, labels = self._draw(np.array([require_index(i, self.length) for i in indices]))
        return list(zip(samples, labels.tolist(), strict=True))

    @property
    def labels(self) -> Tensor:
        """The classes of all clips, int64 (length,)."""
        every = np.arange(self.length)
        if self.label == "object":
            return torch.from_numpy(self._classes(every))
        return torch.from_numpy(directions(self.law.draw(self.stream, every)[1]))

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Return all clips, uint8, and their classes, int64 (length,)."""
        return self._draw(np.arange(self.length))

    def _draw(self, indices: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        parts = np.split(indices, range(CLIPS_AT_ONCE, len(indices), CLIPS_AT_ONCE))
        samples, labels = zip(*map(self._clips, parts), strict=True)
        return torch.from_numpy(np.concatenate(samples)), torch.from_numpy(np.concatenate(labels))

    def _clips(self, indices: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        start, velocity = self.law.draw(self.stream, indices)
        paths = self.law.paths(start, velocity)
        found = clips(self._objects(indices), paths, self.law.size)
        classes = self._classes(indices) if self.label == "object" else directions(velocity)
        return found, classes

    def _objects(self, indices: NDArray[np.int64]) -> Array:
        """Return the pictures of the objects, levels from 0 to 255, (n, C, side, side)."""
        raise NotImplementedError

    def _classes(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the classes of the objects, (n,)."""
        raise NotImplementedError


class MovingDigits(Moving):
    """Handwritten digits that move with constant velocity and bounce off the walls, grey.

    The centre of mass starts at a uniform place, with uniform direction and speed
    (`ganzoo_video.trajectories.Law`). The two splits have no digit in common: each draws its
    digits uniformly from that split of `digits`.

    Source: of moving digits, Srivastava et al. 2015, arXiv:1502.04681 (two of MNIST in a frame);
    of the digits, UCI optdigits, https://doi.org/10.24432/C50P49, CC BY 4.0.

    Args:
        split: train or test.
        size: height and width of a frame, in pixels; a digit has 3/8 of it.
        frames: of a clip.
        length: number of clips.
        label: ``direction``, an eighth of the circle, or ``object``, the digit.
        seed: of all that is drawn.

    Raises:
        DataError: no such split.
    """

    def __init__(
        self,
        split: str,
        *,
        size: Size = 32,
        frames: Frames = 8,
        length: PositiveInt = 5000,
        label: Label = "direction",
        seed: NonNegativeInt = 0,
    ) -> None:
        given = {"size": size, "frames": frames, "length": length, "label": label, "seed": seed}
        super().__init__("moving-digits", split, 1, tuple("0123456789"), **given)

    def source_files(self) -> dict[str, SourceFile]:
        return {FILE.name: FILE}

    def _rows(self, indices: NDArray[np.int64]) -> Tensor:
        u = uniforms(f"{self.stream}/object", indices, 1)[:, 0]
        return torch.from_numpy((u * len(digits_of(self.split, 8)[0])).astype(np.int64))

    def _objects(self, indices: NDArray[np.int64]) -> Array:
        pictures = digits_of(self.split, self.law.side)[0]
        return pictures[self._rows(indices)].double().numpy()

    def _classes(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        return digits_of(self.split, 8)[1][self._rows(indices)].numpy()


class MovingShapes(Moving):
    """Procedural coloured shapes that move with constant velocity and bounce off the walls, RGB.

    The motion is that of `moving-digits`. A shape keeps its class (one of the ten of `shapes`),
    size, rotation and colour; everything around it is black.

    Args:
        split: train or test.
        size: height and width of a frame, in pixels; a shape's picture has 3/8 of it.
        frames: of a clip.
        length: number of clips.
        label: ``direction``, an eighth of the circle, or ``object``, the shape.
        seed: of all that is drawn.

    Raises:
        DataError: no such split.
    """

    def __init__(
        self,
        split: str,
        *,
        size: Size = 32,
        frames: Frames = 8,
        length: PositiveInt = 5000,
        label: Label = "direction",
        seed: NonNegativeInt = 0,
    ) -> None:
        given = {"size": size, "frames": frames, "length": length, "label": label, "seed": seed}
        names = tuple(outline.__name__ for outline in OUTLINES)
        super().__init__("moving-shapes", split, 3, names, **given)

    def source_files(self) -> dict[str, SourceFile]:
        """Return nothing: the samples depend on the parameters alone."""
        return {}

    def _objects(self, indices: NDArray[np.int64]) -> Array:
        u = uniforms(f"{self.stream}/object", indices, 7)
        centred = np.full(len(u), 0.5)
        placed = np.stack([u[:, 0], centred, centred, u[:, 1]])[..., None, None]
        pixels = (np.arange(self.law.side) + 0.5) * 2 / self.law.side - 1
        inside = coverage(placed, self._classes(indices), pixels[None, :], pixels[:, None])
        colour, _ = colours(u[:, 2:].T)
        return 255 * inside[:, None] * colour[..., None, None]

    def _classes(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        return indices % len(OUTLINES)
