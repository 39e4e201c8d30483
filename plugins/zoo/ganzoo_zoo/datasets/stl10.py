"""STL-10 from its binary version; the pictures without labels are read from disk one by one."""

from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from ganzoo.api import DataError, SampleSpec, SourceFile, cache_directory
from ganzoo_zoo.datasets import STL10
from ganzoo_zoo.datasets.archives import file_length, read_files, require_length
from ganzoo_zoo.datasets.splits import require_index, require_split

RECORDS = {"train": 5_000, "test": 8_000, "unlabeled": 100_000}
SIDE = 96
IMAGE_BYTES = 3 * SIDE * SIDE
BINARY = "the binary version of STL-10"
HINT = "ganzoo fetch stl10"
CLASS_NAMES = (
    "airplane",
    "bird",
    "car",
    "cat",
    "deer",
    "dog",
    "horse",
    "monkey",
    "ship",
    "truck",
)


class Stl10:
    """113,000 colour photographs, 96 x 96: 5,000 to train on, 8,000 to test, 100,000 without label.

    Generators are usually trained on ``unlabeled`` at 48 x 48. That split is read from the unpacked
    files, which are mapped into memory; the others also from the archive.

    Source: Coates, Lee & Ng 2011, An Analysis of Single Layer Networks in Unsupervised Feature
    Learning, AISTATS, which is what to cite; https://cs.stanford.edu/~acoates/stl10, which states
    no licence. The pictures are from ImageNet.

    Args:
        split: train, test or unlabeled.
        path: the folder with the ``.bin`` files, or ``stl10_binary.tar.gz``; by default the archive
            in the cache, where ``ganzoo fetch stl10`` puts it.
        size: 96, or 48, 64 or 32, reduced bicubically with antialiasing.
        mirror: whether training may flip images left to right; the data itself stays unchanged.

    Raises:
        DataError: a file is missing or has the wrong length; or ``unlabeled`` in an archive.
    """

    def __init__(
        self,
        split: str,
        *,
        path: Path | None = None,
        size: Literal[32, 48, 64, 96] = 96,
        mirror: bool = False,
    ) -> None:
        require_split("stl10", split, tuple(RECORDS))
        self.split, self.mirror = split, mirror
        self.labelled = split != "unlabeled"
        names = CLASS_NAMES if self.labelled else ()
        self.spec = SampleSpec("image", (3, size, size), classes=len(names), class_names=names)
        self.path = path or cache_directory() / STL10.name
        if not self.path.exists():
            raise DataError(f"stl10 is not at {self.path}", hint=HINT)
        if self.path.is_dir():
            for name, length in self._lengths.items():
                file = self.path / name
                require_length(file, file_length(file), length, of=BINARY, hint=HINT)
        elif not self.labelled:
            raise DataError(
                f"the split unlabeled of stl10 is read from unpacked files, not from {self.path}",
                hint=f"tar -xzf {self.path}; then dataset.path=stl10_binary",
            )

    def __len__(self) -> int:
        return RECORDS[self.split]

    def __getitem__(self, index: int) -> tuple[Tensor, int | None]:
        images, labels = self._opened
        index = require_index(index, len(self))
        image = self._sized(images[index : index + 1])[0]
        return image, None if labels is None else int(labels[index])

    def tensors(self) -> tuple[Tensor, Tensor | None]:
        """Return uint8 (N, 3, size, size), and int64 (N,) or None."""
        images, labels = self._opened
        parts = [self._sized(images[first : first + 1000]) for first in range(0, len(self), 1000)]
        return torch.cat(parts), None if labels is None else labels.clone()

    def source_files(self) -> dict[str, SourceFile]:
        """Return the ``.bin`` files of the split, or the archive under its usual name."""
        if not self.path.is_dir():
            return {STL10.name: self.path}
        return {name: self.path / name for name in self._lengths}

    @cached_property
    def _opened(self) -> tuple[NDArray[np.uint8], Tensor | None]:
        """Return images (N, 3, width, height), as they are stored, and labels."""
        images, *of_labels = self._lengths
        if self.path.is_dir() and not self.labelled:
            return np.memmap(self.path / images, np.uint8, "r", shape=self._shape), None
        found = read_files(self.path, self._lengths, of=BINARY, hint=HINT)
        labels = np.frombuffer(found[of_labels[0]], np.uint8).astype(np.int64) - 1
        if labels.min() < 0 or labels.max() >= len(CLASS_NAMES):
            raise DataError(
                f"{self.path} is damaged: {of_labels[0]} has a label that is not in 1..10",
                hint=HINT,
            )
        pixels = np.frombuffer(found[images], np.uint8).reshape(self._shape)
        return pixels, torch.from_numpy(labels)

    def _sized(self, stored: NDArray[np.uint8]) -> Tensor:
        """Return uint8 (N, 3, size, size); a stored image has its columns one after the other."""
        images = torch.from_numpy(np.ascontiguousarray(stored.swapaxes(2, 3)))
        if self.spec.width == SIDE:
            return images
        size = (self.spec.height, self.spec.width)
        smaller = interpolate(images.float(), size, mode="bicubic", antialias=True)
        return smaller.clamp_(0, 255).round_().to(torch.uint8)

    @property
    def _shape(self) -> tuple[int, int, int, int]:
        return RECORDS[self.split], 3, SIDE, SIDE

    @property
    def _lengths(self) -> dict[str, int]:
        """Return name → length of the images, then of the labels if there are any."""
        count = RECORDS[self.split]
        lengths = {f"{self.split}_X.bin": count * IMAGE_BYTES}
        return lengths | ({f"{self.split}_y.bin": count} if self.labelled else {})

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name != "_opened"}
