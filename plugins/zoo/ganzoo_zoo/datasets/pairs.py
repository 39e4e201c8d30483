"""Pairs of pictures, or two sets of them, in a folder or a zip."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from posixpath import splitext
from typing import Literal, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ganzoo.api import DataError, Fraction, PositiveInt, SampleSpec, SourceFile
from ganzoo_zoo.datasets.checking import damaged
from ganzoo_zoo.datasets.counter import uniforms
from ganzoo_zoo.datasets.folder import (
    HELD_OUT,
    REPAIR,
    SHOWN,
    TRAINING,
    first_difference,
    first_of,
    header_of,
    left_out,
    place,
    split_folders,
)
from ganzoo_zoo.datasets.pictures import (
    DAMAGE,
    Crop,
    decode,
    fit,
    in_threads,
    reason,
    strict_warnings,
)
from ganzoo_zoo.datasets.sources import Source, open_source
from ganzoo_zoo.datasets.splits import require_index, require_split

LAYOUT = "dataset.path=FOLDER with A/ and B/, trainA/ and trainB/, or pictures side by side"

Half = Literal["all", "left", "right"]


class Picture(NamedTuple):
    """A picture, or one half of a file that has two side by side."""

    name: str
    half: Half = "all"


class Pairs:
    """Your own pairs of pictures, for translation from one kind to the other.

    In the folder or zip there are, within ``train`` and ``test`` (or ``val``) if it has splits,
    either two folders ``A`` and ``B``, in which the pictures of a pair have the same name, up to
    the suffix; or pictures side by side, with A left and B right, as pix2pix's data has them.
    Folders ``trainA``, ``trainB``, ``testA`` and ``testB``, as CycleGAN's data has them, work too.
    Pictures are listed and read as by `folder`.

    Args:
        split: train, or test (see `holdout`).
        path: a folder, or a zip, which is read in place.
        pairing: ``paired``: the sample is a picture and its condition the other one of the pair.
            ``unpaired``: A and B are two sets that have nothing to do with each other. The sample
            is then a picture of A beside one of B, and the condition is the same, as CycleGAN needs
            them; the longer set is used once, and each picture gets a fixed random partner.
        direction: of a pair: ``AtoB`` has A as condition and B as sample, ``BtoA`` the reverse.
        size: side in pixels of one picture, or height and width; optional if all have the same
            size.
        crop: what to do with other aspect ratios: ``center`` crops, ``pad`` adds white, ``none``
            stretches.
        channels: 3, or 1 for grey.
        holdout: the fraction of pairs in the test split, selected by a hash of their names; 0 means
            no test split. Of unpaired sets it is a fraction of each.
        mirror: whether training may flip both pictures of a pair left to right.

    Raises:
        DataError: nothing to read, a picture without a partner, no common size, or no such split.
        ValueError: `mirror` of unpaired pictures.
    """

    def __init__(
        self,
        split: str,
        *,
        path: Path,
        pairing: Literal["paired", "unpaired"] = "paired",
        direction: Literal["AtoB", "BtoA"] = "AtoB",
        size: PositiveInt | tuple[PositiveInt, PositiveInt] | None = None,
        crop: Crop = "center",
        channels: Literal[1, 3] = 3,
        holdout: Fraction = 0.0,
        mirror: bool = False,
    ) -> None:
        require_split("pairs", split, ("train", "test"))
        if mirror and pairing == "unpaired":
            raise ValueError("mirror: true would exchange the two pictures of pairing: unpaired")
        self.source = open_source(path)
        self.pairing, self.direction, self.crop, self.mirror = pairing, direction, crop, mirror
        self.channels = channels
        self.skipped = [*left_out(self.source), *outside(self.source.names)]
        self.a, self.b = choose(self.source, split, pairing == "paired", holdout)
        if size is None:
            self.height, self.width = common_size(self.source, [*self.a, *self.b])
        else:
            self.height, self.width = (size, size) if isinstance(size, int) else size
        width = 2 * self.width if pairing == "unpaired" else self.width
        condition = SampleSpec("image", (channels, self.height, width))
        self.spec = SampleSpec("image", condition.shape, condition=condition)
        longer, shorter = max(len(self.a), len(self.b)), min(len(self.a), len(self.b))
        partners = uniforms(f"pairs/{split}", np.arange(longer), 1)[:, 0]
        self._partners = (partners * shorter).astype(np.int64)

    def __len__(self) -> int:
        return max(len(self.a), len(self.b))

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        with strict_warnings():
            return self._pair(require_index(index, len(self)))

    def __getitems__(self, indices: Sequence[int]) -> list[tuple[Tensor, Tensor]]:
        """Read several pairs, in threads."""
        chosen = [require_index(index, len(self)) for index in indices]
        with closing(in_threads(self._pair, chosen)) as read:
            return list(read)

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Check, then return all samples and conditions, uint8 (N, C, H, W) each."""
        self.check()
        assert self.spec.condition is not None
        shapes = self.spec.shape, self.spec.condition.shape
        samples, conditions = (torch.empty(len(self), *s, dtype=torch.uint8) for s in shapes)
        with closing(in_threads(self._pair, range(len(self)))) as read:
            for index, (sample, condition) in enumerate(read):
                samples[index], conditions[index] = sample, condition
        return samples, conditions

    def source_files(self) -> dict[str, SourceFile]:
        """Return all pictures by name, without the folders that are around everything."""
        names = sorted({each.name for each in (*self.a, *self.b)})
        outer = first_difference(names)[1]
        return {"/".join(name.split("/")[outer:]): self.source.file(name) for name in names}

    def check(self) -> list[str]:
        """Decode everything; return an empty list.

        Raises:
            DataError: pictures that cannot be read, named.
        """
        everywhere = damaged(self.source)
        names = {each.name for each in (*self.a, *self.b)}
        if bad := {name: what for name, what in everywhere.items() if name in names}:
            shown = "; ".join(f"{name} ({what})" for name, what in list(bad.items())[:SHOWN])
            rest = f"; and {len(bad) - SHOWN} more" if len(bad) > SHOWN else ""
            what = f"{len(bad)} of {len(names)} pictures in {self.source.path} cannot be read"
            raise DataError(f"{what}: {shown}{rest}", hint=REPAIR)
        return []

    def _pair(self, index: int) -> tuple[Tensor, Tensor]:
        """Return (sample, condition)."""
        if self.pairing == "paired":
            a, b = self._read(self.a[index]), self._read(self.b[index])
            return (b, a) if self.direction == "AtoB" else (a, b)
        partner = int(self._partners[index])
        a_is_longer = len(self.a) >= len(self.b)
        first, second = (index, partner) if a_is_longer else (partner, index)
        both = torch.cat([self._read(self.a[first]), self._read(self.b[second])], 2)
        return both, both.clone()

    def _read(self, picture: Picture) -> Tensor:
        try:
            with self.source.open(picture.name) as stream:
                image = half(decode(stream, self.channels), picture.half)
                image = fit(image, self.height, self.width, self.crop)
        except DAMAGE as error:
            where = self.source.path / picture.name
            raise DataError(f"{where} cannot be read: {reason(error)}", hint=REPAIR) from error
        pixels = np.array(image).reshape(self.height, self.width, self.channels)
        return torch.from_numpy(pixels).permute(2, 0, 1).contiguous()


def half(image: Image.Image, which: Half) -> Image.Image:
    """Return the left or the right half of a picture, or all of it."""
    if which == "all":
        return image
    middle = image.width // 2
    left, right = (0, middle) if which == "left" else (middle, 2 * middle)
    return image.crop((left, 0, right, image.height))


# --- which pictures there are --------------------------------------------------------------------


def choose(
    source: Source, split: str, paired: bool, holdout: float
) -> tuple[list[Picture], list[Picture]]:
    """Return the pictures A and B of a split; in the same order, if paired.

    Raises:
        DataError: no such split, pictures side by side beside folders, or a missing partner.
    """
    found = two_folders(source.names)
    has_splits = "test" in found
    if found and not has_splits and split == "test":
        found |= {"test": found["train"]}
    if not found:
        require_no_side(source)
        names = list(source.names)
        if folders := split_folders(names):
            has_splits = True
            names = [name for name in names if name.startswith(folders[split])]
        halves = [[Picture(name, side) for name in names] for side in ("left", "right")]
        require_side_by_side(source, names)
        a, b = halves
    else:
        a, b = ([Picture(name) for name in side] for side in found[split])
        if paired:
            a, b = partners(source, a, b)
    if has_splits:
        if holdout:
            raise DataError(
                f"{source.path} has a test split of its own", hint="leave dataset.holdout out"
            )
        return a, b
    return share(source, split, a, b, paired, holdout)


def two_folders(names: Sequence[str]) -> dict[str, tuple[list[str], list[str]]]:
    """Return split → names in the folders A and B; {} if there are no such folders.

    Splits are folders around A and B, or a part of their names: ``trainA``. Without splits
    everything is ``train``.
    """
    folders, depth = first_difference(names)
    if any(len(folder) <= depth for folder in folders):
        return {}
    sides: dict[str, tuple[list[str], list[str]]] = {}  # by the word of the split
    for name in names:
        outer, inner = (*(part.lower() for part in name.split("/")[depth:-1]), "")[:2]
        for word in ("", *TRAINING, *HELD_OUT):
            for side, letter in enumerate("ab"):
                if outer == word + letter or (word and (outer, inner) == (word, letter)):
                    sides.setdefault(word, ([], []))[side].append(name)
    complete = {word: both for word, both in sides.items() if all(both)}
    found = {}
    for split, words in (("train", ("", *TRAINING)), ("test", HELD_OUT)):
        if known := [word for word in words if word in complete]:
            found[split] = complete[known[0]]
    return found if "train" in found else {}


def partners(
    source: Source, a: list[Picture], b: list[Picture]
) -> tuple[list[Picture], list[Picture]]:
    """Return A and B in the order of their names, one partner for each.

    Raises:
        DataError: a picture without a partner, or two of the same name.
    """
    sides = []
    for pictures in (a, b):
        by_key: dict[str, Picture] = {}
        for picture in pictures:
            key = splitext(below(picture.name))[0]
            if key in by_key:
                raise DataError(
                    f"{source.path}/{picture.name} and {by_key[key].name} are two pictures of one "
                    "name",
                    hint="remove one of them",
                )
            by_key[key] = picture
        sides.append(by_key)
    for own, other, letter in ((sides[0], sides[1], "B"), (sides[1], sides[0], "A")):
        if alone := [picture for key, picture in own.items() if key not in other]:
            more = f", and {len(alone) - 1} more" if len(alone) > 1 else ""
            raise DataError(
                f"{source.path}/{alone[0].name} has no partner of the same name in {letter}{more}",
                hint="add or remove pictures, or dataset.pairing=unpaired",
            )
    order = sorted(sides[0])
    return [sides[0][key] for key in order], [sides[1][key] for key in order]


def outside(names: Sequence[str]) -> list[str]:
    """Return a line about the pictures that are beside the folders A and B; none if none are."""
    found = two_folders(names)
    inside = {name for sides in found.values() for side in sides for name in side}
    others = [name for name in names if name not in inside] if found else []
    if not others:
        return []
    pictures = "1 picture is" if len(others) == 1 else f"{len(others):,} pictures are"
    return [f"{pictures} in no folder A or B: {first_of(others)}"]


def require_no_side(source: Source) -> None:
    """Raise DataError if there is a folder A without B, or B without A."""
    for name in source.names:
        for part in name.split("/")[:-1]:
            if is_side(part):
                other = part[:-1] + {"a": "b", "b": "a", "A": "B", "B": "A"}[part[-1]]
                raise DataError(
                    f"{source.path}/{name} is in a folder {part}, and there are no pictures in "
                    f"{other}",
                    hint=LAYOUT,
                )


def is_side(folder: str) -> bool:
    """Return whether a folder has the pictures A or B: ``A``, ``trainB``."""
    return folder[-1:].lower() in ("a", "b") and folder[:-1].lower() in ("", *TRAINING, *HELD_OUT)


def below(name: str) -> str:
    """Return a name without the folders down to A or B."""
    parts = name.split("/")
    for depth, part in enumerate(parts[:-1]):
        if is_side(part):
            return "/".join(parts[depth + 1 :])
    return name


def share(
    source: Source,
    split: str,
    a: list[Picture],
    b: list[Picture],
    paired: bool,
    holdout: float,
) -> tuple[list[Picture], list[Picture]]:
    """Return the pictures of a split that a fraction of all makes.

    Raises:
        DataError: there is no test split, or it is empty.
    """
    if split == "test" and not holdout:
        raise DataError(
            f"{source.path} has no test split", hint="dataset.holdout=0.1, or eval.reference=train"
        )

    def chosen(pictures: list[Picture]) -> list[int]:
        held = [place(splitext(below(each.name))[0]) < holdout for each in pictures]
        return [row for row, out in enumerate(held) if out == (split == "test")]

    rows = (chosen(a), chosen(a) if paired else chosen(b))
    kept = [a[row] for row in rows[0]], [b[row] for row in rows[1]]
    if not all(kept):
        raise DataError(
            f"the split {split!r} is empty: holdout is {holdout}, and {source.path} has "
            f"{len(a)} pictures",
            hint="dataset.holdout=0.1",
        )
    return kept


def sizes(source: Source, pictures: Sequence[Picture]) -> Iterator[tuple[Picture, int, int]]:
    """Yield (picture, height, width) of each one whose header can be read."""
    for picture in pictures:
        try:
            with strict_warnings():
                (height, width), _ = header_of(source, picture.name)
        except DAMAGE:
            continue  # `check` names it
        yield picture, height, width if picture.half == "all" else width // 2


def require_side_by_side(source: Source, names: Sequence[str]) -> None:
    """Raise DataError unless each picture can be two of a size, side by side."""
    for picture, height, width in sizes(source, [Picture(name) for name in names]):
        if width % 2 or width < height:
            raise DataError(
                f"{source.path}/{picture.name} is {width}x{height}: no two pictures side by side, "
                "and there are no folders A and B",
                hint=LAYOUT,
            )


def common_size(source: Source, pictures: Sequence[Picture]) -> tuple[int, int]:
    """Return the (height, width) that all pictures with a readable header share.

    Raises:
        DataError: they differ, or no header can be read.
    """
    first: tuple[Picture, int, int] | None = None
    for found in sizes(source, pictures):
        first = first or found
        if found[1:] != first[1:]:
            words = [f"{each.name} is {width}x{height}" for each, height, width in (first, found)]
            raise DataError(
                f"the pictures in {source.path} differ in size: {', '.join(words)}",
                hint="dataset.size=256",
            )
    if first is None:
        what = f"none of {len(pictures)} pictures in {source.path} can be read"
        raise DataError(what, hint=REPAIR)
    return first[1], first[2]
