"""The emoji of the font Noto Color Emoji, from one sheet of pictures."""

from functools import cache
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ganzoo.api import DataError, SampleSpec, SourceFile, read_regular

FOLDER = Path(__file__).parent / "data"
PICTURES, NAMES = FOLDER / "pictures.png", FOLDER / "names.tsv"
SHA256 = {
    PICTURES: "c6c0db3496c71feb2218a0a293db5cab6dd2024bd7a2c9de600c4808c3fb0b8c",
    NAMES: "741a9cc11c695d57147a1873866338c9333c30cfc903f895d3eda163be3e01e8",
}

SIZE = 32
COLUMNS = 40
"""Pictures in a row of the sheet."""

SPLITS = ("train", "test")
EVERY = 5
"""Of each class every fifth picture, in Unicode's order, is in the test split."""


class Noto:
    """1,639 emoji in colour on white, 32 x 32, in nine classes.

    The pictures are those of Noto Color Emoji 2.042: one for each emoji of Unicode 15.0 that is not
    made of others. So there are no skin tones, no professions and families joined from several
    emoji, and no flags of parts of a country. Eight territories that fly another country's flag are
    left out, so no two pictures are the same.

    Classes: the groups of Unicode's ``emoji-test.txt``. Splits: number i of a class, in Unicode's
    order, is in ``test`` (325 pictures) if i mod 5 = 4, otherwise in ``train`` (1,314). A picture
    is the font's bitmap of 128 x 128 pixels on white, averaged over blocks of 4 x 4 pixels.

    Source: Noto Color Emoji, https://github.com/googlefonts/noto-emoji, copyright 2022 Google Inc.,
    SIL Open Font License 1.1. Names and groups: copyright 2022 Unicode, Inc.

    Args:
        split: train or test.

    Raises:
        DataError: no such split, or a file of the plugin is missing or damaged.
    """

    def __init__(self, split: str) -> None:
        if split not in SPLITS:
            raise DataError(
                f"emoji/noto has no split {split!r}; it has train, test",
                hint="eval.reference=train",
            )
        self.split = split
        classes = class_names()
        self.spec = SampleSpec("image", (3, SIZE, SIZE), classes=len(classes), class_names=classes)

    def __len__(self) -> int:
        return len(emoji_of(self.split)[1])

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        images, labels = emoji_of(self.split)
        if not -len(labels) <= index < len(labels):
            raise IndexError(f"index {index} is outside of {len(labels)} samples")
        return images[index].clone(), int(labels[index])

    def source_files(self) -> dict[str, SourceFile]:
        return {path.name: path for path in SHA256}

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Return uint8 (N, 3, 32, 32) and int64 (N,)."""
        images, labels = emoji_of(self.split)
        return images.clone(), labels.clone()


@cache
def emoji_of(split: str) -> tuple[Tensor, Tensor]:
    """Return the pictures of a split and their classes. The tensors are shared; do not modify them.

    Raises:
        DataError: a file is missing or damaged.
    """
    groups = [group for _, group, _ in rows()]
    classes = class_names()
    labels = torch.tensor([classes.index(group) for group in groups])
    places = torch.tensor([groups[:row].count(group) for row, group in enumerate(groups)])
    chosen = ((places % EVERY == EVERY - 1) == (split == "test")).nonzero()[:, 0]
    with Image.open(BytesIO(verified(PICTURES))) as sheet:
        pixels = torch.from_numpy(np.array(sheet.convert("RGB")))
    # (lines of pictures, 32, 40 pictures, 32, colours) → (pictures, colours, 32, 32)
    tiles = pixels.view(-1, SIZE, COLUMNS, SIZE, 3).permute(0, 2, 4, 1, 3)
    return tiles.flatten(0, 1)[chosen].contiguous(), labels[chosen]


@cache
def class_names() -> tuple[str, ...]:
    """Return the groups in Unicode's order."""
    return tuple(dict.fromkeys(group for _, group, _ in rows()))


@cache
def rows() -> tuple[tuple[str, str, str], ...]:
    """Return (code points, group, name) of each picture, in the order of the sheet."""
    lines = verified(NAMES).decode().splitlines()
    cells = [line.split("\t") for line in lines if not line.startswith("#")]
    return tuple((codes, group, name) for codes, group, name in cells)


def verified(path: Path) -> bytes:
    """Return the content of one of the two files.

    Raises:
        DataError: it cannot be read, or its hash differs.
    """
    hint = "pip install --force-reinstall ganzoo-emoji"
    try:
        content = read_regular(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", hint=hint) from error
    if (found := sha256(content).hexdigest()) != SHA256[path]:
        raise DataError(
            f"{path} is not the expected file: its sha256 is {found}, not {SHA256[path]}",
            hint=hint,
        )
    return content
