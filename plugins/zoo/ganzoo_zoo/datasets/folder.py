"""Pictures in a folder or a zip."""

from collections.abc import Sequence
from contextlib import closing
from hashlib import sha256
from itertools import takewhile
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ganzoo.api import DataError, Fraction, PositiveInt, SampleSpec
from ganzoo_zoo.datasets.checking import damaged
from ganzoo_zoo.datasets.pictures import (
    DAMAGE,
    Crop,
    decode,
    fit,
    in_threads,
    reason,
    strict_warnings,
    upright_size,
)
from ganzoo_zoo.datasets.sources import Source, open_source
from ganzoo_zoo.datasets.splits import require_split

SHOWN = 10
SKIPPED_AT_MOST = 0.01
REPAIR = "remove or replace them"


class Folder:
    """Your own pictures, from a folder or a zip.

    Pictures of any format, mode and size become uint8 RGB (or grey) of one size, sorted by name. If
    every picture is in a sub-folder and there are at least two sub-folders, these are the classes,
    sorted by name; deeper folders belong to the class above them.

    Args:
        split: train, or test (see `holdout`).
        path: a folder, or a zip, which is read in place.
        size: side in pixels, or height and width; optional if all pictures have the same size.
        crop: what to do with other aspect ratios: ``center`` crops, ``pad`` adds white, ``none``
            stretches.
        channels: 3, or 1 for grey (ITU-R 601 luma).
        holdout: the fraction of pictures in the test split, or another folder or zip. A fraction
            selects by a hash of the name, so adding pictures moves none from one split to the
            other; 0 means no test split.
        mirror: whether training may flip pictures left to right; the data itself stays unchanged.
        on_bad_image: what to do about pictures that cannot be read: ``error`` stops and names
            them, ``skip`` leaves them out (named in `skipped`) if they are at most 1 %, or only
            one.

    Raises:
        DataError: nothing to read, no common size, or no such split.
    """

    def __init__(
        self,
        split: str,
        *,
        path: Path,
        size: PositiveInt | tuple[PositiveInt, PositiveInt] | None = None,
        crop: Crop = "center",
        channels: Literal[1, 3] = 3,
        holdout: Fraction | Path = 0.0,
        mirror: bool = False,
        on_bad_image: Literal["error", "skip"] = "error",
    ) -> None:
        require_split("folder", split, ("train", "test"))
        self.source, self.names, self.labels, self.classes = select(split, path, holdout)
        height, width = common_size(self.source, self.names) if size is None else pair(size)
        shape, names = (channels, height, width), self.classes
        self.spec = SampleSpec("image", shape, classes=len(names), class_names=names)
        self.crop = crop
        self.mirror = mirror
        self.on_bad_image = on_bad_image
        self.skipped: list[str] = []

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> tuple[Tensor, int | None]:
        label = None if self.labels is None else self.labels[index]
        with strict_warnings():
            return self._read(self.names[index]), label

    def tensors(self) -> tuple[Tensor, Tensor | None]:
        """Check, then return all pictures, uint8 (N, C, H, W), and labels int64 (N,) or None."""
        self.check()
        samples = torch.empty(len(self), *self.spec.shape, dtype=torch.uint8)
        with closing(in_threads(self._read, self.names)) as read:
            for row, sample in zip(samples, read, strict=True):
                row.copy_(sample)
        return samples, None if self.labels is None else torch.tensor(self.labels)

    def damaged(self) -> dict[str, str]:
        """Decode everything; return name → problem of each picture that cannot be read."""
        everywhere = damaged(self.source)
        return {name: everywhere[name] for name in self.names if name in everywhere}

    def check(self) -> list[str]:
        """Decode everything, and leave out unreadable pictures if `on_bad_image` is ``skip``.

        Returns an empty list: all pictures that remain can be read.

        Raises:
            DataError: too many pictures cannot be read, or `on_bad_image` is ``error``.
        """
        bad = self.damaged()
        if len(bad) > (self._skippable() if self.on_bad_image == "skip" else 0):
            raise self._too_many(bad)
        if bad:
            self.skipped = [f"{name}: {what}" for name, what in bad.items()]
            kept = [index for index, name in enumerate(self.names) if name not in bad]
            self.names = [self.names[index] for index in kept]
            self.labels = None if self.labels is None else [self.labels[index] for index in kept]
        return []

    def _too_many(self, bad: dict[str, str]) -> DataError:
        shown = "; ".join(f"{name} ({what})" for name, what in list(bad.items())[:SHOWN])
        rest = f"; and {len(bad) - SHOWN} more" if len(bad) > SHOWN else ""
        what = f"{len(bad)} of {len(self)} pictures in {self.source.path} cannot be read"
        if self.on_bad_image == "skip":
            what += ", more than the 1 % that may be skipped"
        few = len(bad) <= self._skippable() and self.on_bad_image != "skip"
        hint = "dataset.on_bad_image=skip   # or remove or replace them" if few else REPAIR
        return DataError(f"{what}: {shown}{rest}", hint=hint)

    def _skippable(self) -> int:
        """Return how many pictures ``skip`` may leave out: 1 %, or one, but never all."""
        return min(max(1, int(SKIPPED_AT_MOST * len(self))), len(self) - 1)

    def _read(self, name: str) -> Tensor:
        channels, height, width = self.spec.shape
        try:
            with self.source.open(name) as stream:
                image = fit(decode(stream, channels), height, width, self.crop)
        except DAMAGE as error:
            raise DataError(f"{self.source.path / name} cannot be read: {reason(error)}") from error
        pixels = torch.from_numpy(np.array(image).reshape(height, width, channels))
        return pixels.permute(2, 0, 1).contiguous()


def pair(size: int | tuple[int, int]) -> tuple[int, int]:
    """Return (height, width)."""
    return (size, size) if isinstance(size, int) else size


def select(
    split: str, path: Path, holdout: float | Path
) -> tuple[Source, list[str], list[int] | None, tuple[str, ...]]:
    """Return the source of the split's pictures, their names and labels, and all class names.

    Raises:
        DataError: no test split, an empty split, or a class that is not in the training set.
    """
    source = open_source(path)
    names: Sequence[str] = source.names
    classes, depth = class_folders(names)
    if isinstance(holdout, Path):
        if split == "test":
            source = open_source(holdout)
            names = source.names
            depth = class_depth(source, classes)
    elif split == "test" and not holdout:
        raise DataError(
            f"{path} has no test split",
            hint="dataset.holdout=0.1, or dataset.holdout=FOLDER, or eval.reference=train",
        )
    else:
        names = [name for name in names if (place(name) < holdout) == (split == "test")]
    if not names:
        raise DataError(
            f"the split {split!r} is empty: holdout is {holdout}, and {path} has "
            f"{len(source.names)} pictures",
            hint="dataset.holdout=0.1",
        )
    labels = [classes.index(name.split("/")[depth]) for name in names] if classes else None
    return source, list(names), labels, classes


def place(name: str) -> float:
    """Return a number in [0, 1) that depends only on the name, uniform over names."""
    digest = sha256(name.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def class_folders(names: Sequence[str]) -> tuple[tuple[str, ...], int]:
    """Return the class names, which are names of folders, and the depth of these folders.

    The class folders are the first level on which pictures differ in folder; there are none if a
    picture lies above that level. So a single folder around everything is no class.
    """
    folders = [name.split("/")[:-1] for name in names]
    # The common prefix of the first and the last in sorted order is common to all.
    outermost = zip(min(folders), max(folders), strict=False)
    depth = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], outermost))
    if any(len(folder) == depth for folder in folders):
        return (), depth
    return tuple(sorted({folder[depth] for folder in folders})), depth


def class_depth(source: Source, classes: tuple[str, ...]) -> int:
    """Return the depth of the class folders in a holdout; 0 without classes.

    Raises:
        DataError: a picture is in no class folder of the training set.
    """
    folders = [name.split("/")[:-1] for name in source.names]
    for depth in range(min(map(len, folders))):
        if all(folder[depth] in classes for folder in folders):
            return depth
    if not classes:
        return 0
    raise DataError(
        f"not every picture in {source.path} is in a folder of a class of the training set: "
        f"{', '.join(classes)}",
        hint="give the holdout the same sub-folders",
    )


def common_size(source: Source, names: Sequence[str]) -> tuple[int, int]:
    """Return the (height, width) that all pictures with a readable header share.

    Raises:
        DataError: they differ, or no header can be read.
    """
    first: tuple[str, tuple[int, int]] | None = None
    for name in names:
        try:
            with strict_warnings(), source.open(name) as stream:
                size = upright_size(stream)
        except DAMAGE:
            continue  # `check` names it
        first = first or (name, size)
        if size != first[1]:
            (height, width), (other_height, other_width) = first[1], size
            raise DataError(
                f"the pictures in {source.path} differ in size: {first[0]} is {width}x{height}, "
                f"{name} is {other_width}x{other_height}",
                hint="dataset.size=64",
            )
    if first is None:
        raise DataError(f"none of {len(names)} pictures in {source.path} can be read")
    return first[1]
