"""MNIST, Fashion-MNIST and Kuzushiji-MNIST: data sets in MNIST's IDX format, packed or not."""

import gzip
import struct
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from ganzoo.api import DataError, SampleSpec, SourceFile, cache_directory, require_harmless
from ganzoo_zoo.datasets.pictures import DAMAGE, reason
from ganzoo_zoo.datasets.splits import require_index, require_split

SIDE = 28
IMAGES_MAGIC, LABELS_MAGIC = 0x803, 0x801
"""First word of a file: unsigned bytes along three axes, or along one."""

PREFIX = {"train": "train", "test": "t10k"}
PACKED = b"\x1f\x8b"
MOST = 10_000_000
"""Largest number of images that a header may declare."""


class IdxImages:
    """28 x 28 grey images of ten classes, from an IDX file of images and one of labels.

    Args:
        split: train or test, whose files begin with ``t10k``.
        path: the folder with the files; None means the cache, where ``ganzoo fetch`` puts them.
        size: 28, or 32 with two black pixels on each side.

    Raises:
        DataError: a file is missing, damaged, or of another format.
    """

    name: str
    class_names: tuple[str, ...]

    def __init__(self, split: str, path: Path | None, size: int) -> None:
        require_split(self.name, split, tuple(PREFIX))
        self.hint = f"ganzoo fetch {self.name}"
        self.size = size
        self.spec = SampleSpec(
            "image", (1, size, size), classes=len(self.class_names), class_names=self.class_names
        )
        names = [f"{PREFIX[split]}-images-idx3-ubyte", f"{PREFIX[split]}-labels-idx1-ubyte"]
        self.images, self.labels_file = (self._find(name, path) for name in names)
        (self.length,) = self._header(self.images, IMAGES_MAGIC, (SIDE, SIDE))
        (labels,) = self._header(self.labels_file, LABELS_MAGIC, ())
        if labels != self.length:
            raise DataError(
                f"{self.labels_file} has {labels:,} labels,"
                f" {self.images} has {self.length:,} images",
                hint=self.hint,
            )

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        images, labels = self._loaded
        index = require_index(index, len(self))
        return self._sized(images[index]), int(labels[index])

    @property
    def labels(self) -> Sequence[int]:
        """The classes of all images."""
        return self._loaded[1].tolist()

    def source_files(self) -> dict[str, SourceFile]:
        return {path.name.removesuffix(".gz"): path for path in (self.images, self.labels_file)}

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Return uint8 (N, 1, size, size) and int64 (N,)."""
        images, labels = self._loaded
        return self._sized(images), labels.clone()

    @cached_property
    def _loaded(self) -> tuple[Tensor, Tensor]:
        images = self._content(self.images, 16, self.length * SIDE * SIDE)
        labels = self._content(self.labels_file, 8, self.length)
        if (largest := int(labels.max())) >= len(self.class_names):
            raise DataError(
                f"{self.labels_file} is damaged: it has a label {largest}, the largest is"
                f" {len(self.class_names) - 1}",
                hint=self.hint,
            )
        shaped = images.reshape(-1, 1, SIDE, SIDE)
        return torch.from_numpy(shaped), torch.from_numpy(labels.astype(np.int64))

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name != "_loaded"}

    def _sized(self, images: Tensor) -> Tensor:
        margin = (self.size - SIDE) // 2
        return pad(images, (margin,) * 4)  # a copy, also without a margin

    def _find(self, name: str, folder: Path | None) -> Path:
        """Return the path of a file, packed or not."""
        if folder is None:
            places = [cache_directory() / f"{self.name}-{name}.gz"]
        else:
            other = name.replace("-idx", ".idx")  # as some programs unpack it
            places = [folder / each for each in (name, f"{name}.gz", other, f"{other}.gz")]
        found = next((place for place in places if place.is_file()), None)
        if found is None:
            where = f"at {places[0]}" if folder is None else f"in {folder}: it has no {name}"
            raise DataError(f"{self.name} is not {where}", hint=self.hint)
        return found

    def _header(self, path: Path, magic: int, shape: tuple[int, ...]) -> tuple[int]:
        """Return how many items a file declares."""
        words = 2 + len(shape)
        head = self._read(path, 4 * words)
        if len(head) < 4 * words:
            raise DataError(f"{path} ends after {len(head)} bytes", hint=self.hint)
        found, count, *sides = struct.unpack(f">{words}I", head)
        if found != magic or tuple(sides) != shape or not 0 < count <= MOST:
            what = "images of 28 x 28" if shape else "labels"
            raise DataError(f"{path} is no IDX file of {what}", hint=self.hint)
        return (count,)

    def _content(self, path: Path, header: int, length: int) -> np.ndarray:
        """Return the bytes after the header."""
        content = self._read(path, header + length + 1)
        if len(content) != header + length:
            what = "more" if len(content) > header + length else f"{len(content):,}"
            raise DataError(
                f"{path} has {what} bytes; its header says {header + length:,}", hint=self.hint
            )
        return np.frombuffer(bytearray(content), np.uint8, offset=header)

    def _read(self, path: Path, most: int) -> bytes:
        """Return the first bytes of a file, unpacked."""
        try:
            with path.open("rb") as file:
                packed = file.read(2) == PACKED
            if packed:
                require_harmless(str(path), most, path.stat().st_size)
            with gzip.open(path) if packed else path.open("rb") as stream:
                return stream.read(most)
        except DAMAGE as error:
            raise DataError(f"{path} cannot be read: {reason(error)}", hint=self.hint) from error


class Mnist(IdxImages):
    """70,000 handwritten digits, 28 x 28, grey: 60,000 to train on and 10,000 to test.

    Cite LeCun, Bottou, Bengio & Haffner 1998, Gradient-based learning applied to document
    recognition, doi:10.1109/5.726791. CC BY-SA 3.0, Yann LeCun and Corinna Cortes.

    Args:
        split: train or test.
        path: the folder with the four IDX files, packed (``.gz``) or not; by default the files that
            ``ganzoo fetch mnist`` puts into the cache.
        size: 28, or 32 with two black pixels on each side.

    Raises:
        DataError: a file is missing, damaged, or of another format.
    """

    name = "mnist"
    class_names = tuple("0123456789")

    def __init__(self, split: str, *, path: Path | None = None, size: Literal[28, 32] = 28) -> None:
        super().__init__(split, path, size)


class FashionMnist(IdxImages):
    """70,000 articles of clothing, 28 x 28, grey: 60,000 to train on and 10,000 to test.

    Cite Xiao, Rasul & Vollgraf 2017, arXiv:1708.07747. MIT licence, Zalando SE.

    Args:
        split: train or test.
        path: the folder with the four IDX files, packed (``.gz``) or not; by default the files that
            ``ganzoo fetch fashion-mnist`` puts into the cache.
        size: 28, or 32 with two black pixels on each side.

    Raises:
        DataError: a file is missing, damaged, or of another format.
    """

    name = "fashion-mnist"
    class_names = (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    )

    def __init__(self, split: str, *, path: Path | None = None, size: Literal[28, 32] = 28) -> None:
        super().__init__(split, path, size)


class Kmnist(IdxImages):
    """70,000 cursive Japanese characters, 28 x 28, grey: 60,000 to train on and 10,000 to test.

    Cite Clanuwat et al. 2018, arXiv:1812.01718, and "KMNIST Dataset" (created by CODH), adapted
    from "Kuzushiji Dataset" (created by NIJL and others), doi:10.20676/00000341. CC BY-SA 4.0.

    Args:
        split: train or test.
        path: the folder with the four IDX files, packed (``.gz``) or not; by default the files that
            ``ganzoo fetch kmnist`` puts into the cache.
        size: 28, or 32 with two black pixels on each side.

    Raises:
        DataError: a file is missing, damaged, or of another format.
    """

    name = "kmnist"
    class_names = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")

    def __init__(self, split: str, *, path: Path | None = None, size: Literal[28, 32] = 28) -> None:
        super().__init__(split, path, size)
