"""Handwritten digits, and three of them stacked into one image, which gives 1,000 modes.

Source: Optical Recognition of Handwritten Digits (test set), E. Alpaydin and C. Kaynak, 1998,
https://doi.org/10.24432/C50P49, CC BY 4.0. The file carries this attribution in its header.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from ganzoo.api import Gt, Le, PositiveInt, SampleSpec, SourceFile
from ganzoo_zoo.datasets.counter import uniforms
from ganzoo_zoo.datasets.splits import require_index, require_split

FILE = Path(__file__).parents[1] / "data" / "digits.safetensors"
SPLITS = ("train", "test", "extractor")


@cache
def digits_of(split: str, size: int) -> tuple[Tensor, Tensor]:
    """Return the 599 digits of a split, uint8 (599, 1, size, size), and their labels, int64.

    The splits: sort all 1,797 digits by class, keeping the file's order within a class; number i
    goes to split i mod 3. So two splits have the same number of digits of each class, give or take
    one. Within a split the file's order is kept. The tensors are shared; do not modify them.
    """
    stored = load_file(FILE)
    labels = stored["labels"].long()
    by_class = labels.argsort(stable=True)
    chosen = by_class[SPLITS.index(split) :: len(SPLITS)].sort().values
    return enlarged(stored["images"][chosen, None], size), labels[chosen]


@cache
def first_of_classes(split: str, fraction: float) -> Tensor:
    """Return the rows of the first digits of each class, in order: at least one of each."""
    labels = digits_of(split, 8)[1]
    kept = [
        rows[: max(1, round(fraction * len(rows)))]
        for rows in ((labels == digit).nonzero()[:, 0] for digit in range(10))
    ]
    return torch.cat(kept).sort().values


def enlarged(images: Tensor, size: int) -> Tensor:
    """Return uint8 images at size x size: bicubic (a = -0.5), clamped, rounded to the nearest."""
    if images.shape[-1] == size:
        return images
    levels = functional.interpolate(images.float(), (size, size), mode="bicubic", antialias=True)
    return levels.clamp_(0, 255).round_().to(torch.uint8)


class Digits:
    """1,797 handwritten digits, grey, 8 x 8 (UCI optdigits).

    Three splits of 599 without a digit in common: ``train``, ``test`` (the hold-out), and
    ``extractor``, on which `toy-cnn` was trained. The 17 levels v of the source are stored as
    round(255 v / 16).

    Args:
        split: train, test or extractor.
        size: height and width in pixels; 16 and 32 are bicubic enlargements.
        fraction: how much of ``train`` there is, for trials of methods with little data: the first
            digits of each class. The other splits stay whole.

    Raises:
        DataError: there is no such split.
    """

    def __init__(
        self,
        split: str,
        *,
        size: Literal[8, 16, 32] = 8,
        fraction: Annotated[float, Gt(0), Le(1)] = 1.0,
    ) -> None:
        require_split("digits", split, SPLITS)
        self.split = split
        self.spec = SampleSpec("image", (1, size, size), classes=10)
        self.chosen = first_of_classes(split, fraction if split == "train" else 1.0)

    def __len__(self) -> int:
        return len(self.chosen)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        images, labels = digits_of(self.split, self.spec.width)
        row = self.chosen[index]
        return images[row].clone(), int(labels[row])

    def source_files(self) -> dict[str, SourceFile]:
        return {FILE.name: FILE}

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Return uint8 (N, 1, size, size) and int64 (N,); N is 599 for a whole split."""
        images, labels = digits_of(self.split, self.spec.width)
        return images[self.chosen], labels[self.chosen]


class StackedDigits:
    """Three digits in the red, green and blue channels of one image: 1,000 modes.

    The label is 100 a + 10 b + c for the digits a, b, c of red, green, blue. Each digit is drawn
    uniformly from the split, by a counter-based generator keyed by split and index. The modes are
    equally likely within 10 %, because no class of a split has more than two digits more than
    another.

    Source: Metz et al. 2016, arXiv:1611.02163, section 3.3.1 (there with MNIST).

    Args:
        split: train or test, made from the digits of that split.
        size: height and width in pixels, as for `Digits`.
        length: number of images.

    Raises:
        DataError: there is no such split.
    """

    def __init__(
        self, split: str, *, size: Literal[8, 16, 32] = 8, length: PositiveInt = 25_600
    ) -> None:
        require_split("stacked-digits", split, ("train", "test"))
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
        return {FILE.name: FILE}

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Return uint8 (length, 3, size, size) and int64 (length,)."""
        return self._stack(np.arange(self.length))

    def _stack(self, indices: np.ndarray) -> tuple[Tensor, Tensor]:
        digits, classes = digits_of(self.split, self.spec.width)
        return stacks(f"stacked-digits/{self.split}", indices, digits, classes)


def stacks(
    stream: str, indices: np.ndarray, digits: Tensor, classes: Tensor
) -> tuple[Tensor, Tensor]:
    """Return stacks of three digits drawn by index, (n, 3, H, W), and their labels, int64 (n,).

    Args:
        stream: key of the random numbers.
        digits: (N, 1, H, W), drawn uniformly; `classes` are theirs, int64 (N,).
    """
    drawn = uniforms(stream, indices, 3) * len(digits)
    chosen = torch.from_numpy(drawn.astype(np.int64))
    labels = classes[chosen] @ torch.tensor([100, 10, 1])
    return digits[chosen, 0], labels
