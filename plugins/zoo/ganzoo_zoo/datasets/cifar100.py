"""CIFAR-100 from its binary version, without pickle and without unpacking to disk."""

from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ganzoo.api import DataError, SampleSpec, SourceFile, cache_directory
from ganzoo_zoo.datasets import CIFAR100
from ganzoo_zoo.datasets.archives import file_length, read_files, require_length
from ganzoo_zoo.datasets.splits import require_index, require_split

FILES = {"train": "train.bin", "test": "test.bin"}
RECORDS = {"train": 50_000, "test": 10_000}
RECORD_BYTES = 2 + 3 * 32 * 32
BINARY = "the binary version of CIFAR-100"
HINT = "ganzoo fetch cifar100"
CLASSES = {"coarse": 20, "fine": 100}
"""Column of the record → number of classes."""


class Cifar100:
    """60,000 colour images of a hundred classes in twenty groups, 32 x 32.

    50,000 to train on and 10,000 to test, in the order of the files. An archive is decompressed
    into memory at first use.

    Source: Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images, which is what to
    cite; https://www.cs.toronto.edu/~kriz/cifar.html, which states no licence.

    Args:
        split: train or test.
        path: the folder with ``train.bin`` and ``test.bin``, or ``cifar-100-binary.tar.gz``; by
            default the archive in the cache, where ``ganzoo fetch cifar100`` puts it.
        classes: ``fine``, the hundred classes, or ``coarse``, their twenty groups.
        mirror: whether training may flip images left to right; the data itself stays unchanged.

    Raises:
        DataError: a file is missing or has the wrong length.
    """

    def __init__(
        self,
        split: str,
        *,
        path: Path | None = None,
        classes: Literal["fine", "coarse"] = "fine",
        mirror: bool = False,
    ) -> None:
        require_split("cifar100", split, tuple(FILES))
        self.spec = SampleSpec("image", (3, 32, 32), classes=CLASSES[classes])
        self.column = list(CLASSES).index(classes)
        self.split, self.mirror = split, mirror
        self.path = path or cache_directory() / CIFAR100.name
        if not self.path.exists():
            raise DataError(f"cifar100 is not at {self.path}", hint=HINT)
        if self.path.is_dir():
            file = self.path / FILES[split]
            require_length(file, file_length(file), self._file_bytes, of=BINARY, hint=HINT)

    def __len__(self) -> int:
        return RECORDS[self.split]

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        images, labels = self._loaded
        index = require_index(index, len(self))
        return images[index].clone(), int(labels[index])

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Return uint8 (N, 3, 32, 32) and int64 (N,)."""
        images, labels = self._loaded
        return images.clone(), labels.clone()

    def source_files(self) -> dict[str, SourceFile]:
        """Return the ``.bin`` file of the split, or the archive under its usual name."""
        if not self.path.is_dir():
            return {CIFAR100.name: self.path}
        return {FILES[self.split]: self.path / FILES[self.split]}

    @cached_property
    def _loaded(self) -> tuple[Tensor, Tensor]:
        name = FILES[self.split]
        content = read_files(self.path, {name: self._file_bytes}, of=BINARY, hint=HINT)[name]
        records = np.frombuffer(content, np.uint8).reshape(-1, RECORD_BYTES)
        labels = torch.from_numpy(records[:, self.column].astype(np.int64))
        if labels.max() >= self.spec.classes:
            raise DataError(
                f"{self.path} is damaged: it has a label {labels.max()}, the largest is"
                f" {self.spec.classes - 1}",
                hint=HINT,
            )
        return torch.from_numpy(records[:, 2:].reshape(-1, 3, 32, 32).copy()), labels

    @property
    def _file_bytes(self) -> int:
        return RECORDS[self.split] * RECORD_BYTES

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name != "_loaded"}
