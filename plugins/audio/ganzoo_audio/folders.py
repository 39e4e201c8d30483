"""Which files of a folder belong to a split, and their classes by sub-folder."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ganzoo_zoo.datasets.folder import class_folders, in_no_split, place, split_folders

from ganzoo.api import DataError


class Arranged(NamedTuple):
    """The files of one split."""

    files: list[Path]
    labels: list[int | None]
    classes: tuple[str, ...]
    """Names of all classes; empty: none."""
    left_out: list[str]
    """A line about the files that are in no split; empty: there are none."""


def arranged(path: Path, files: list[Path], split: str, holdout: float) -> Arranged:
    """Return the files of a split of a folder (or of a single file), by the rules of `folder`.

    Sub-folders ``train`` and ``test`` (or ``val``) are the splits; otherwise a fraction `holdout`
    is, by a hash of the name. If every file is in a sub-folder and there are at least two, these
    are the classes.

    Raises:
        DataError: the split is empty, or has a class that the training split does not have.
    """
    folder = path if path.is_dir() else path.parent
    by_name = {file.relative_to(folder).as_posix(): file for file in files}
    names = list(by_name)
    if folders := split_folders(names):
        if holdout:
            what = f"{path} has the splits {' and '.join(folders.values())} of its own"
            raise DataError(what, hint="leave dataset.holdout out")
        classes, depth = class_folders([n for n in names if n.startswith(folders["train"])])
        names = [name for name in names if name.startswith(folders[split])]
    else:
        classes, depth = class_folders(names)
        names = [name for name in names if (place(name) < holdout) == (split == "test")]
    if not names:
        what = f"the split {split!r} is empty: holdout is {holdout}, of {len(files)} files"
        hint = "dataset.holdout=0.1" if split == "test" else "dataset.holdout=0"
        raise DataError(what, hint=hint)
    labels = [_label(by_name[name], name, classes, depth) for name in names]
    return Arranged([by_name[name] for name in names], labels, classes, in_no_split(list(by_name)))


def _label(file: Path, name: str, classes: tuple[str, ...], depth: int) -> int | None:
    if not classes:
        return None
    parts = name.split("/")
    if len(parts) <= depth + 1 or parts[depth] not in classes:
        what = f"{file} is in no class of the training split: {', '.join(classes)}"
        raise DataError(what, hint="give both splits the same sub-folders")
    return classes.index(parts[depth])
