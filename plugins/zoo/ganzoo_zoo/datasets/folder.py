"""Pictures in a folder or a zip."""

from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from hashlib import sha256
from itertools import takewhile
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ganzoo.api import (
    DataError,
    Fraction,
    OwnData,
    OwnRecipe,
    PositiveInt,
    SampleSpec,
    SourceFile,
)
from ganzoo_zoo.datasets.checking import damaged
from ganzoo_zoo.datasets.own_pictures import facts_of, picture_recipe
from ganzoo_zoo.datasets.pictures import (
    DAMAGE,
    Crop,
    decode,
    fit,
    has_frames,
    in_threads,
    reason,
    size_and_mode,
    strict_warnings,
)
from ganzoo_zoo.datasets.sources import LABELS, Source, labels_in, open_source
from ganzoo_zoo.datasets.splits import require_split

SHOWN = 10
SKIPPED_AT_MOST = 0.01
REPAIR = "remove or replace them"

DRAFT_FACTOR = 2
"""A JPEG decoded at reduced size is at least this many times as large as what is made of it."""


class Folder:
    """Your own pictures, from a folder or a zip.

    Pictures of any format that Pillow decodes, of any mode and size, become uint8 RGB (or grey) of
    one size, sorted by name. Other files are left out, and named in `skipped`. If every picture is
    in a sub-folder and there are at least two sub-folders, these are the classes, sorted by name;
    deeper folders belong to the class above them. Sub-folders ``train`` and ``test`` (or ``val``)
    are the splits, and a ``dataset.json`` of StyleGAN's tools gives the classes.

    Args:
        split: train, or test (see `holdout`).
        path: a folder, or a zip, which is read in place.
        size: side in pixels, or height and width; optional if all pictures have the same size, for
            which the headers of all of them are read at the start.
        crop: what to do with other aspect ratios: ``center`` crops, ``pad`` adds white, ``none``
            stretches.
        channels: 3, or 1 for grey (ITU-R 601 luma).
        holdout: the fraction of pictures in the test split, or another folder or zip. A fraction
            selects by a hash of the name, so adding pictures moves none from one split to the
            other; 0 means no test split.
        draft: decode JPEG files at 1/2, 1/4 or 1/8 of their size where that is still at least twice
            `size`: faster, and pixels differ by some levels.
        bits: of grey levels that are stored in 16 or 32 bits; null: 8 or 16, as the levels show.
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
        draft: bool = False,
        bits: Literal[8, 10, 12, 14, 16] | None = None,
        mirror: bool = False,
        on_bad_image: Literal["error", "skip"] = "error",
    ) -> None:
        require_split("folder", split, ("train", "test"))
        self.source, self.names, self.labels, self.classes = select(split, path, holdout)
        self.bits = bits
        height, width = common_size(self.source, self.names) if size is None else pair(size)
        shape, names = (channels, height, width), self.classes
        self.spec = SampleSpec("image", shape, classes=len(names), class_names=names)
        self.crop = crop
        self.least = DRAFT_FACTOR * max(height, width) if draft else None
        self.mirror = mirror
        self.on_bad_image = on_bad_image
        self.skipped = left_out(self.source)
        if not self.source.has_labels:
            self.skipped += in_no_split(self.source.names)
        self._listed = tuple(self.names)

    @staticmethod
    def new_recipe(own: OwnData) -> OwnRecipe:
        """Return the recipe that suits these pictures best."""
        return picture_recipe(own, facts_of(own, Folder))

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> tuple[Tensor, int | None]:
        label = None if self.labels is None else self.labels[index]
        with strict_warnings():
            return self._read(self.names[index]), label

    def __getitems__(self, indices: Sequence[int]) -> list[tuple[Tensor, int | None]]:
        """Read several pictures, in threads."""
        labels = [None if self.labels is None else self.labels[index] for index in indices]
        with closing(in_threads(self._read, [self.names[index] for index in indices])) as read:
            return list(zip(read, labels, strict=True))

    def tensors(self) -> tuple[Tensor, Tensor | None]:
        """Check, then return all pictures, uint8 (N, C, H, W), and labels int64 (N,) or None."""
        self.check()
        samples = torch.empty(len(self), *self.spec.shape, dtype=torch.uint8)
        with closing(in_threads(self._read, self.names)) as read:
            for row, sample in zip(samples, read, strict=True):
                row.copy_(sample)
        return samples, None if self.labels is None else torch.tensor(self.labels)

    def source_files(self) -> dict[str, SourceFile]:
        """Return all pictures by name, without the folders that are around everything."""
        outer = first_difference(self._listed)[1]
        files = {"/".join(name.split("/")[outer:]): name for name in self._listed}
        if self.source.has_labels:
            files[LABELS] = LABELS
        return {name: self.source.file(path) for name, path in files.items()}

    def headers(self) -> Iterator[tuple[tuple[int, int], str]]:
        """Yield the upright (width, height) and Pillow's mode of each picture, for its recipe."""
        for name in self.names:
            with suppress(*DAMAGE):
                (height, width), mode = header_of(self.source, name)
                yield (width, height), mode

    def later_frames(self) -> list[str]:
        """Return a line about files with several pictures; none if there are none."""
        found = []
        for name in self.names:
            with suppress(OSError), self.source.open(name) as stream:
                found += [name] * has_frames(stream)
        if not found:
            return []
        files = "1 file" if len(found) == 1 else f"{len(found):,} files"
        return [f"all but the first picture of {files}: {first_of(found)}"]

    def damaged(self) -> dict[str, str]:
        """Decode everything; return name → problem of each picture that cannot be read."""
        everywhere = damaged(self.source, self.bits)
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
            self.skipped += [f"{name}: {what}" for name, what in bad.items()]
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
                image = fit(
                    decode(stream, channels, self.bits, self.least), height, width, self.crop
                )
        except DAMAGE as error:
            raise DataError(
                f"{self.source.path / name} cannot be read: {reason(error)}",
                hint="restore or replace it",
            ) from error
        pixels = torch.from_numpy(np.array(image).reshape(height, width, channels))
        return pixels.permute(2, 0, 1).contiguous()


def pair(size: int | tuple[int, int]) -> tuple[int, int]:
    """Return (height, width)."""
    return (size, size) if isinstance(size, int) else size


TRAINING = ("train", "training")
HELD_OUT = ("test", "testing", "val", "valid", "validation")
"""Names of sub-folders that are splits, the first that is there for each."""


def left_out(source: Source) -> list[str]:
    """Return a line about the files of a source that are no pictures; none if there are none."""
    if not source.left_out:
        return []
    count = len(source.left_out)
    files = "file is no picture" if count == 1 else "files are no pictures"
    return [f"{count} {files} that Pillow reads: {first_of(source.left_out)}"]


def first_of(names: Sequence[str]) -> str:
    """Return the first three names for a line about all of them."""
    return f"{', '.join(names[:3])}{', ...' if len(names) > 3 else ''}"


def select(
    split: str, path: Path, holdout: float | Path
) -> tuple[Source, list[str], list[int] | None, tuple[str, ...]]:
    """Return the source of the split's pictures, their names and labels, and all class names.

    Raises:
        DataError: no test split, an empty split, or a class that is not in the training set.
    """
    source = open_source(path)
    if source.has_labels and (numbers := labels_in(source)) is not None:
        names = _share(source, split, path, holdout)
        classes = tuple(map(str, range(max(numbers.values()) + 1)))
        return source, names, [numbers[name] for name in names], classes
    if source.has_labels:
        return source, _share(source, split, path, holdout), None, ()
    if folders := split_folders(source.names):
        if holdout:
            raise DataError(
                f"{path} has the splits {' and '.join(folders.values())} of its own",
                hint="leave dataset.holdout out",
            )
        classes, depth = class_folders(_below(source.names, folders["train"]))
        names = _below(source.names, folders[split])
        if split == "test" and classes:
            _require_classes(source, names, classes, depth)
    elif isinstance(holdout, Path):
        classes, depth = class_folders(source.names)
        names = list(source.names)
        if split == "test":
            source = open_source(holdout)
            names = list(source.names)
            depth = class_depth(source, classes)
    else:
        classes, depth = class_folders(source.names)
        names = _share(source, split, path, holdout)
    labels = [classes.index(name.split("/")[depth]) for name in names] if classes else None
    return source, names, labels, classes


def _share(source: Source, split: str, path: Path, holdout: float | Path) -> list[str]:
    """Return the names of a split that a fraction of all names makes.

    Raises:
        DataError: there is no test split, or it is empty.
    """
    if isinstance(holdout, Path):
        raise DataError(
            f"{path} has labels in {LABELS}, so another folder cannot be its test split",
            hint="dataset.holdout=0.1",
        )
    if split == "test" and not holdout:
        raise DataError(
            f"{path} has no test split",
            hint="dataset.holdout=0.1, or dataset.holdout=FOLDER, or eval.reference=train",
        )
    names = list(source.names)
    if holdout:
        names = [name for name in names if (place(name) < holdout) == (split == "test")]
    if not names:
        raise DataError(
            f"the split {split!r} is empty: holdout is {holdout}, and {path} has "
            f"{len(source.names)} pictures",
            hint="dataset.holdout=0.1",
        )
    return names


def split_folders(names: Sequence[str]) -> dict[str, str]:
    """Return split → the beginning of its names, if the outermost folders are splits, else {}.

    Where two folders are called a training and a held-out split, ``train`` and ``test``, they are
    splits and not classes, and pictures in other folders are in neither.
    """
    folders, depth = first_difference(names)
    if any(len(folder) == depth for folder in folders):
        return {}
    there = {folder[depth].lower(): folder[depth] for folder in folders}
    first = {
        split: next((there[name] for name in known if name in there), None)
        for split, known in (("train", TRAINING), ("test", HELD_OUT))
    }
    above = "/".join([*folders[0][:depth], ""])
    return {s: f"{above}{folder}/" for s, folder in first.items()} if all(first.values()) else {}


def in_no_split(names: Sequence[str]) -> list[str]:
    """Return a line about the files beside the folders of the splits; none if there are none."""
    folders = split_folders(names)
    others = [name for name in names if folders and not name.startswith(tuple(folders.values()))]
    if not others:
        return []
    files = "1 file is" if len(others) == 1 else f"{len(others):,} files are"
    return [f"{files} in neither {' nor '.join(folders.values())}: {first_of(others)}"]


def _below(names: Sequence[str], folder: str) -> list[str]:
    return [name for name in names if name.startswith(folder)]


def _require_classes(
    source: Source, names: Sequence[str], classes: tuple[str, ...], depth: int
) -> None:
    parts = (name.split("/") for name in names)
    if other := [each for each in parts if len(each) <= depth + 1 or each[depth] not in classes]:
        raise DataError(
            f"{source.path}/{'/'.join(other[0])} is in no class of the training set: "
            f"{', '.join(classes)}",
            hint="give both splits the same sub-folders",
        )


def place(name: str) -> float:
    """Return a number in [0, 1) that depends only on the name, uniform over names."""
    digest = sha256(name.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def first_difference(names: Sequence[str]) -> tuple[list[list[str]], int]:
    """Return the folders that have pictures, split, and the first depth at which they differ."""
    one_of_each = {name.rpartition("/")[0]: name for name in names}
    folders = [name.split("/")[:-1] for name in one_of_each.values()]
    # The common prefix of the first and the last in sorted order is common to all.
    outermost = zip(min(folders), max(folders), strict=False)
    return folders, sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], outermost))


def class_folders(names: Sequence[str]) -> tuple[tuple[str, ...], int]:
    """Return the class names, which are names of folders, and the depth of these folders.

    The class folders are the first level on which pictures differ in folder; there are none if a
    picture lies above that level. So a single folder around everything is no class.
    """
    folders, depth = first_difference(names)
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


_HEADERS: dict[tuple[str, str, str], tuple[tuple[int, int], str]] = {}
"""Path, name and stamp of a picture → what `header_of` has found."""


def header_of(source: Source, name: str) -> tuple[tuple[int, int], str]:
    """Return the upright (height, width) and Pillow's mode of a picture; read once in a process.

    Raises:
        any of DAMAGE: the header cannot be read.
    """
    key = str(source.path), name, source.stamp(name)
    if key not in _HEADERS:
        with source.open(name) as stream:
            _HEADERS[key] = size_and_mode(stream)
    return _HEADERS[key]


def common_size(source: Source, names: Sequence[str]) -> tuple[int, int]:
    """Return the (height, width) that all pictures with a readable header share.

    Raises:
        DataError: they differ, or no header can be read.
    """
    first: tuple[str, tuple[int, int]] | None = None
    for name in names:
        try:
            with strict_warnings():
                size, _ = header_of(source, name)
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
        raise DataError(f"none of {len(names)} pictures in {source.path} can be read", hint=REPAIR)
    return first[1]
