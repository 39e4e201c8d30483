"""The data: points on the surfaces of spheres, cubes and rings."""

import torch
from torch import Tensor

from ganzoo.api import DataError, PositiveInt, SampleSpec


class Solids:
    """`length` clouds of `points` points each, drawn by a seed of the split."""

    mirror = True

    def __init__(self, split: str, *, points: PositiveInt = 64, length: PositiveInt = 300) -> None:
        if split not in ("train", "test"):
            raise DataError(f"there is no split {split!r}", hint="train or test")
        names = ("sphere", "cube", "ring")
        self.spec = SampleSpec("clouds/points", (points, 3), classes=3, class_names=names)
        random = torch.Generator().manual_seed(0 if split == "train" else 1)
        self.clouds = torch.randn(length, points, 3, generator=random)
        sizes = 0.5 + 0.5 * torch.rand(length, 1, 1, generator=random)
        for index, cloud in enumerate(self.clouds):
            kind = index % 3
            if kind == 1:
                cloud /= cloud.abs().amax(dim=1, keepdim=True)
            else:
                cloud[:, 2] *= 1 if kind == 0 else 0.1
                cloud /= cloud.norm(dim=1, keepdim=True)
        self.clouds *= sizes

    def __len__(self) -> int:
        return len(self.clouds)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.clouds[index], index % 3
