"""CIFAR-10 from its binary version, without pickle and without unpacking to disk."""

from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganzoo.api import DataError, SampleSpec, SourceFile, cache_directory
from ganzoo_zoo.datasets import CIFAR10
from ganzoo_zoo.datasets.archives import file_length, read_files, require_length
from ganzoo_zoo.datasets.splits import require_index, require_split

FILES = {
    "train": tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
    "test": ("test_batch.bin",),
}
RECORDS_PER_FILE = 10_000
RECORD_BYTES = 1 + 3 * 32 * 32
BINARY = "the binary version of CIFAR-10"
HINT = "ganzoo fetch cifar10"


class Cifar10:
    """60,000 colour images of ten classes, 32 x 32.

    50,000 to train on and 10,000 to test, in the order of the files. Classes: airplane, automobile,
    bird, cat, deer, dog, frog, horse, ship, truck. An archive is decompressed into memory at first
    use.

    Source: Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images;
    https://www.cs.toronto.edu/~kriz/cifar.html, which states no licence.

    Args:
        split: train or test.
        path: the folder with the ``.bin`` files, or ``cifar-10-binary.tar.gz``; by default the
            archive in the cache, where ``ganzoo fetch cifar10`` puts it.
        mirror: whether training may flip images left to right; the data itself stays unchanged.

    Raises:
        DataError: a file is missing or has the wrong length.
    """

    spec = SampleSpec("image", (3, 32, 32), classes=10)

    def __init__(self, split: str, *, path: Path | None = None, mirror: bool = False) -> None:
        require_split("cifar10", split, tuple(FILES))
        self.split, self.mirror = split, mirror
        self.path = path or cache_directory() / CIFAR10.name
        if not self.path.exists():
            raise DataError(f"cifar10 is not at {self.path}", hint=HINT)
        if self.path.is_dir():
            for name in FILES[split]:
                file = self.path / name
                require_length(file, file_length(file), self._file_bytes, of=BINARY, hint=HINT)

    def __len__(self) -> int:
        return len(FILES[self.split]) * RECORDS_PER_FILE

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        images, labels = self._loaded
        index = require_index(index, len(self))
        return images[index].clone(), int(labels[index])

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Return uint8 (N, 3, 32, 32) and int64 (N,)."""
        images, labels = self._loaded
        return images.clone(), labels.clone()

    def source_files(self) -> dict[str, SourceFile]:
        """Return the ``.bin`` files of the split, or the archive under its usual name."""
        if not self.path.is_dir():
            return {CIFAR10.name: self.path}
        return {name: self.path / name for name in FILES[self.split]}

    @cached_property
    def _loaded(self) -> tuple[Tensor, Tensor]:
        lengths = dict.fromkeys(FILES[self.split], self._file_bytes)
        found = read_files(self.path, lengths, of=BINARY, hint=HINT)
        content = b"".join(found[name] for name in lengths)
        records = np.frombuffer(content, np.uint8).reshape(-1, RECORD_BYTES)
        labels = torch.from_numpy(records[:, 0].astype(np.int64))
        if labels.max() > 9:
            raise DataError(
                f"{self.path} is damaged: it has a label {labels.max()}, the largest is 9",
                hint=HINT,
            )
        return torch.from_numpy(records[:, 1:].reshape(-1, 3, 32, 32).copy()), labels

    @property
    def _file_bytes(self) -> int:
        return RECORDS_PER_FILE * RECORD_BYTES

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name != "_loaded"}
