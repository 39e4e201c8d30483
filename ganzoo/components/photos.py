"""Facts about a folder of pictures, by which `ganzoo new recipe` chooses a recipe."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from PIL import Image

from ganzoo.components.parameters import adhoc_component
from ganzoo.errors import DataError
from ganzoo.modalities.image import PICTURES
from ganzoo.scaffold.recipe import Facts

if TYPE_CHECKING:
    from ganzoo.registry.registry import Registry

_SIDEWAYS = (5, 6, 7, 8)
_ORIENTATION = 0x0112


def facts_of(folder: Path, size: int, registry: Registry) -> Facts:
    """Decode every picture once, as training would, and return facts about the folder.

    Raises:
        DataError: it is missing, empty, no folder, or more than 1 % of it cannot be read.
        PluginError: the data set that reads pictures is not installed.
    """
    if not folder.is_dir():
        kind = "is a file, not a folder" if folder.exists() else "is not there"
        raise DataError(f"{folder} {kind}", hint="--data FOLDER, the folder with your pictures")
    given = {"path": str(folder.absolute()), "size": size, "on_bad_image": "skip"}
    try:
        dataset = adhoc_component(registry, "dataset", PICTURES, given).build("train")
        dataset.check()
    except DataError as error:
        hint = error.hint or "repair or remove these, then the same command"
        raise DataError(error.message, hint=hint) from error
    seen = list(_headers(folder))
    return Facts(
        path=_from_here(folder),
        count=len(dataset),
        sizes=tuple(each for _, each, _ in seen),
        modes=tuple(mode for mode, _ in Counter(mode for _, _, mode in seen).most_common()),
        classes=_classes([name for name, _, _ in seen]) if dataset.spec.classes else {},
        broken=tuple(getattr(dataset, "skipped", ())),
    )


def _from_here(folder: Path) -> str:
    """Return the path of the folder for a recipe in the working directory."""
    here, there = Path.cwd().resolve(), folder.resolve()
    return os.path.relpath(there, here) if there.is_relative_to(here) else str(there)


def _headers(folder: Path) -> Iterator[tuple[str, tuple[int, int], str]]:
    """Yield name, upright (width, height) and mode of every picture whose header can be read."""
    for directory, folders, files in os.walk(folder, followlinks=True):
        folders[:] = sorted(each for each in folders if each[0] != "." and each != "__MACOSX")
        for file in sorted(each for each in files if each[0] != "."):
            path = Path(directory) / file
            try:
                with warnings.catch_warnings(), Image.open(path) as image:
                    warnings.simplefilter("ignore")
                    sideways = image.getexif().get(_ORIENTATION, 1) in _SIDEWAYS
                    size = image.size[::-1] if sideways else image.size
                    yield path.relative_to(folder).as_posix(), size, image.mode
            except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
                continue  # the data set says what is wrong with it


def _classes(names: list[str]) -> dict[str, int]:
    """Return how many pictures each class has: the first folder in which paths differ."""
    parents = [PurePosixPath(name).parts[:-1] for name in names]
    first, last = min(parents), max(parents)  # what these two share, all share
    pairs = enumerate(zip(first, last, strict=False))
    shared = next((place for place, (one, other) in pairs if one != other), len(first))
    return dict(Counter(each[shared] for each in parents if len(each) > shared))
