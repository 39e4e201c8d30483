"""CIFAR-10 from its binary version, without pickle and without unpacking to disk."""

import tarfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from torch import Tensor

from ganzoo.api import DAMAGE, DataError, SampleSpec, SourceFile, cache_directory, require_harmless
from ganzoo_zoo.datasets import CIFAR10
from ganzoo_zoo.datasets.splits import require_index, require_split

FILES = {
    "train": tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
    "test": ("test_batch.bin",),
}
RECORDS_PER_FILE = 10_000
RECORD_BYTES = 1 + 3 * 32 * 32


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

    Raises:
        DataError: a file is missing or has the wrong length.
    """

    spec = SampleSpec("image", (3, 32, 32), classes=10)

    def __init__(self, split: str, *, path: Path | None = None) -> None:
        require_split("cifar10", split, tuple(FILES))
        self.split = split
        self.path = path or cache_directory() / CIFAR10.name
        if not self.path.exists():
            raise DataError(f"cifar10 is not at {self.path}", hint="ganzoo fetch cifar10")
        if self.path.is_dir():
            for name in FILES[split]:
                require_length(self.path / name, file_length(self.path / name))

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
        read = from_folder if self.path.is_dir() else from_archive
        names = FILES[self.split]
        found = dict(read(self.path, names))
        for name in names:
            require_length(self.path / name, len(found[name]) if name in found else None)
        content = b"".join(found[name] for name in names)
        records = np.frombuffer(content, np.uint8).reshape(-1, RECORD_BYTES)
        labels = torch.from_numpy(records[:, 0].astype(np.int64))
        if labels.max() > 9:
            raise DataError(
                f"{self.path} is damaged: it has a label {labels.max()}, the largest is 9",
                hint="ganzoo fetch cifar10",
            )
        return torch.from_numpy(records[:, 1:].reshape(-1, 3, 32, 32).copy()), labels

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name != "_loaded"}


def file_length(path: Path) -> int | None:
    """Return the length in bytes, or None if there is no such file."""
    return path.stat().st_size if path.is_file() else None


def require_length(path: Path, length: int | None) -> None:
    """Raise DataError unless a file exists and is as long as 10,000 records."""
    expected = RECORDS_PER_FILE * RECORD_BYTES
    if length != expected:
        what = "is missing" if length is None else f"has {length:,} bytes, not {expected:,}"
        raise DataError(
            f"{path} {what}: this is not the binary version of CIFAR-10, or not all of it",
            hint="ganzoo fetch cifar10",
        )


def from_folder(folder: Path, names: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    for name in names:
        yield name, (folder / name).read_bytes()


def from_archive(archive: Path, names: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """Yield the members with these names, from any folder of the archive, in its order.

    Raises:
        DataError: the file is truncated, or is no archive.
    """
    limit, unpacked = RECORDS_PER_FILE * RECORD_BYTES, 0
    try:
        with tarfile.open(archive) as members:
            for member in members:
                name, unpacked = PurePosixPath(member.name).name, unpacked + member.size
                require_harmless(str(archive), unpacked, archive.stat().st_size)
                if member.isfile() and name in names:
                    opened = members.extractfile(member)
                    assert opened is not None
                    yield name, opened.read(limit + 1)
    except (*DAMAGE, tarfile.TarError) as error:
        raise DataError(
            f"{archive} cannot be read: {error}", hint="ganzoo fetch cifar10"
        ) from error
