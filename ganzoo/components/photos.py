"""Facts about a folder of pictures, by which `ganzoo new recipe` chooses a recipe."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo.components.parameters import adhoc_component
from ganzoo.errors import DataError
from ganzoo.modalities.image import PICTURES
from ganzoo.scaffold.recipe import Facts

if TYPE_CHECKING:
    from ganzoo.registry.registry import Registry


def facts_of(data: Path, size: int, registry: Registry) -> Facts:
    """Decode every picture once, as training does, and return facts about them.

    Everything comes from the data set that the run will read, so that both see the same pictures
    and classes.

    Args:
        data: a folder or a zip.

    Raises:
        DataError: it is missing, empty, or more than 1 % of it cannot be read.
        PluginError: the data set that reads pictures is not installed.
    """
    given = {"path": str(data.absolute()), "size": size, "on_bad_image": "skip"}
    try:
        dataset = adhoc_component(registry, "dataset", PICTURES, given).build("train")
        left_out = tuple(dataset.skipped)
        dataset.check()
    except DataError as error:
        hint = error.hint or "repair or remove these, then the same command"
        hint = hint.replace("dataset.path=FOLDER", "--data FOLDER, the folder with your pictures")
        raise DataError(error.message, hint=hint) from error
    seen = list(dataset.headers())
    counts = Counter(dataset.labels or ())
    return Facts(
        path=from_here(data),
        count=len(dataset),
        sizes=tuple(each for each, _ in seen),
        modes=tuple(mode for mode, _ in Counter(mode for _, mode in seen).most_common()),
        classes={name: counts[number] for number, name in enumerate(dataset.spec.class_names)},
        broken=tuple(dataset.skipped[len(left_out) :]),
        left_out=left_out,
    )


def from_here(data: Path) -> str:
    """Return the path of the data for a recipe in the working directory."""
    here, there = Path.cwd().resolve(), data.resolve()
    return os.path.relpath(there, here) if there.is_relative_to(here) else str(there)
