"""Three MNIST digits stacked into one image: the standard test of mode coverage."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from torch import Tensor

from ganzoo.api import PositiveInt, SampleSpec, SourceFile
from ganzoo_zoo.datasets.digits import stacks
from ganzoo_zoo.datasets.idx import Mnist
from ganzoo_zoo.datasets.splits import require_index


class StackedMnist:
    """Three MNIST digits in the red, green and blue channels of one image: 1,000 modes.

    The label is 100 a + 10 b + c for the digits a, b, c of red, green, blue. Each digit is drawn
    uniformly from the split, by a counter-based generator keyed by split and index.

    Source: Metz et al. 2016, arXiv:1611.02163, section 3.3.1. MNIST: see `mnist`.

    Args:
        split: train or test, made from the digits of that split.
        path: the folder with MNIST's four IDX files, packed (``.gz``) or not; by default the files
            that ``ganzoo fetch mnist`` puts into the cache.
        size: 28, or 32 with two black pixels on each side.
        length: number of images; PacGAN has 128,000.

    Raises:
        DataError: a file is missing, damaged, or of another format.
    """

    def __init__(
        self,
        split: str,
        *,
        path: Path | None = None,
        size: Literal[28, 32] = 28,
        length: PositiveInt = 128_000,
    ) -> None:
        self.digits = Mnist(split, path=path, size=size)
        self.split = split
        self.length = length
        self.spec = SampleSpec("image", (3, size, size), classes=1000)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        images, labels = self._stack(np.array([require_index(index, self.length)]))
        return images[0], int(labels[0])

    def __getitems__(self, indices: Sequence[int]) -> list[tuple[Tensor, int]]:
        images, labels = self._stack(np.array([require_index(i, self.length) for i in indices]))
        return list(zip(images, labels.tolist(), strict=True))

    def source_files(self) -> dict[str, SourceFile]:
        return self.digits.source_files()

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Return uint8 (length, 3, size, size) and int64 (length,)."""
        return self._stack(np.arange(self.length))

    def _stack(self, indices: np.ndarray) -> tuple[Tensor, Tensor]:
        return stacks(f"stacked-mnist/{self.split}", indices, *self._loaded)

    @cached_property
    def _loaded(self) -> tuple[Tensor, Tensor]:
        return self.digits.tensors()

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name != "_loaded"}
