"""Procedural images of stripes: nothing to download, and every sample follows from its index."""

import math

import torch
from torch import Tensor

from ganzoo.api import DataError, PositiveInt, SampleSpec

ANGLES = 4


class Gratings:
    """Grey stripes in four directions.

    Sample i has label i modulo 4. Label k is the direction of k/4 of half a turn; phase and
    frequency are random, drawn from a generator seeded with split and i.

    Args:
        split: train or test.
        size: height and width in pixels.
        length: number of samples.

    Raises:
        DataError: no such split.
    """

    def __init__(self, split: str, *, size: PositiveInt = 8, length: PositiveInt = 1024) -> None:
        if split not in ("train", "test"):
            raise DataError(
                f"gratings has no split {split!r}; it has train, test", hint="eval.reference=train"
            )
        self.first_seed = 0 if split == "train" else 2**31
        self.length = length
        self.spec = SampleSpec("image", (1, size, size), classes=ANGLES)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Return uint8 (1, size, size) and its label; negative indices count from the end."""
        if not -self.length <= index < self.length:
            raise IndexError(f"index {index} is outside of {self.length} samples")
        index %= self.length
        draw = torch.rand(2, generator=torch.Generator().manual_seed(self.first_seed + index))
        waves, phase = 1 + draw[0], 2 * math.pi * draw[1]
        label = index % ANGLES
        angle = math.pi * label / ANGLES
        places = torch.arange(self.spec.width) / self.spec.width
        along = places[None, :] * math.cos(angle) + places[:, None] * math.sin(angle)
        levels = 127.5 + 127.5 * torch.sin(2 * math.pi * waves * along + phase)
        return levels.round().to(torch.uint8)[None], label

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Return uint8 (length, 1, size, size) and int64 (length,)."""
        images, labels = zip(*(self[index] for index in range(self.length)), strict=True)
        return torch.stack(images), torch.tensor(labels)
