"""CelebA, FFHQ and AFHQ: `folder` with the splits and classes that papers use."""

from collections.abc import Callable
from pathlib import Path, PurePosixPath

from ganzoo.api import DataError, PositiveInt, SampleSpec, read_regular
from ganzoo_zoo.datasets.folder import Folder
from ganzoo_zoo.datasets.pictures import DAMAGE, reason
from ganzoo_zoo.datasets.splits import require_split

SPLITS = ("train", "test")
PARTITION = "list_eval_partition.txt"
PARTS = {"train": "0", "test": "2"}
"""Word of the partition file; 1 is its validation set, which is in neither split."""

FFHQ_TRAINING = 60_000
AFHQ_CLASSES = ("cat", "dog", "wild")


class Celeba(Folder):
    """CelebA: 202,599 photographs of celebrities' faces, cropped to a square, without labels.

    The splits are those of ``list_eval_partition.txt``: 162,770 to train on, 19,962 to test; the
    validation set is in neither.

    Cite Liu, Luo, Wang & Tang 2015, arXiv:1411.7766. For non-commercial research only, by the
    agreement at http://mmlab.ie.cuhk.edu.hk/projects/CelebA.html, where the pictures are.

    Args:
        split: train or test.
        path: the folder ``img_align_celeba``, or a zip of it.
        partition: the file ``list_eval_partition.txt``; by default the one beside the folder or
            the zip.
        size: side in pixels; the pictures have 178 x 218, and the middle square of 178 is used.
        draft: decode JPEG files at a reduced size: faster, and pixels differ by some levels.
        mirror: whether training may flip pictures left to right.

    Raises:
        DataError: no pictures, no partition, or a picture that it does not list.
    """

    def __init__(
        self,
        split: str,
        *,
        path: Path,
        partition: Path | None = None,
        size: PositiveInt = 64,
        draft: bool = False,
        mirror: bool = False,
    ) -> None:
        require_split("celeba", split, SPLITS)
        super().__init__("train", path=path, size=size, draft=draft, mirror=mirror)
        parts = parts_of(partition or path.parent / PARTITION)
        for name in self.names:
            if PurePosixPath(name).name not in parts:
                raise DataError(
                    f"{partition or PARTITION} does not list {name}",
                    hint="dataset.path=img_align_celeba, with the pictures of CelebA alone",
                )
        keep(self, lambda name: parts[PurePosixPath(name).name] == PARTS[split], "celeba", split)


class Ffhq(Folder):
    """FFHQ: 70,000 photographs of faces, without labels.

    The first 60,000 are to train on, the others to test; papers on generation often use all 70,000.

    Cite Karras, Laine & Aila 2019, arXiv:1812.04948. CC BY-NC-SA 4.0, NVIDIA; each picture has a
    licence of its own, in ``ffhq-dataset-v2.json``: https://github.com/NVlabs/ffhq-dataset.

    Args:
        split: train or test.
        path: the folder ``images1024x1024`` or ``thumbnails128x128``, or a zip of it; files are
            named by their number, ``00000.png`` to ``69999.png``.
        size: side in pixels.
        everything: use all pictures in ``train``; there is no test split then.
        draft: decode JPEG files at a reduced size.
        mirror: whether training may flip pictures left to right.

    Raises:
        DataError: no pictures, or one that is not named by its number.
    """

    def __init__(
        self,
        split: str,
        *,
        path: Path,
        size: PositiveInt = 256,
        everything: bool = False,
        draft: bool = False,
        mirror: bool = False,
    ) -> None:
        require_split("ffhq", split, ("train",) if everything else SPLITS)
        super().__init__("train", path=path, size=size, draft=draft, mirror=mirror)

        def chosen(name: str) -> bool:
            return everything or (number_of(name) < FFHQ_TRAINING) == (split == "train")

        keep(self, chosen, "ffhq", split)


class Afhq(Folder):
    """AFHQ: photographs of animal faces in the classes cat, dog and wild.

    The splits are its folders ``train`` and ``test`` (version 2) or ``val`` (version 1).

    Cite Choi, Uh, Yoo & Ha 2020, arXiv:1912.01865. CC BY-NC 4.0, NAVER Corp.:
    https://github.com/clovaai/stargan-v2.

    Args:
        split: train or test.
        path: the folder ``afhq`` or ``afhq_v2``, or a zip of it.
        size: side in pixels; the pictures have 512.
        draft: decode JPEG files at a reduced size.
        mirror: whether training may flip pictures left to right.

    Raises:
        DataError: no pictures, or other folders.
    """

    def __init__(
        self,
        split: str,
        *,
        path: Path,
        size: PositiveInt = 256,
        draft: bool = False,
        mirror: bool = False,
    ) -> None:
        require_split("afhq", split, SPLITS)
        super().__init__(split, path=path, size=size, draft=draft, mirror=mirror)
        if self.classes != AFHQ_CLASSES:
            raise DataError(
                f"{path} has the folders {', '.join(self.classes) or 'of no class'}, not"
                f" {', '.join(AFHQ_CLASSES)} in train and test",
                hint="dataset.path=afhq_v2, the folder as it was unpacked",
            )


def keep(data: Folder, chosen: Callable[[str], bool], dataset: str, split: str) -> None:
    """Keep only the chosen pictures of a folder, without labels.

    Raises:
        DataError: none is chosen.
    """
    data.names = [name for name in data.names if chosen(name)]
    if not data.names:
        raise DataError(
            f"{data.source.path} has no picture of the split {split} of {dataset}",
            hint="eval.reference=train" if split == "test" else "look at dataset.path",
        )
    data.labels, data.classes = None, ()
    data.spec = SampleSpec("image", data.spec.shape)
    data._listed = tuple(data.names)


def parts_of(file: Path) -> dict[str, str]:
    """Return name → part of CelebA's partition file: lines of a name and 0, 1 or 2.

    Raises:
        DataError: it cannot be read, or has other lines.
    """
    hint = f"put {PARTITION} beside the pictures' folder, or set dataset.partition"
    try:
        text = read_regular(file).decode()
    except DAMAGE as error:
        raise DataError(f"{file} cannot be read: {reason(error)}", hint=hint) from error
    parts = {}
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if len(words) != 2 or words[1] not in ("0", "1", "2"):
            raise DataError(f"{file}, line {number}: expected a file name and 0, 1 or 2", hint=hint)
        parts[words[0]] = words[1]
    return parts


def number_of(name: str) -> int:
    """Return the number that a picture of FFHQ is named by.

    Raises:
        DataError: it is named otherwise.
    """
    stem = PurePosixPath(name).stem
    if not (stem.isascii() and stem.isdigit() and len(stem) <= 8):
        raise DataError(
            f"{name} is not named by a number, as the pictures of FFHQ are",
            hint="dataset.use=folder, for other pictures",
        )
    return int(stem)
