"""A recipe for files of somebody's own, written by the data set that reads them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import PIL.Image

from ganzoo.api import OwnData, OwnRecipe
from ganzoo.errors import DataError, PluginError, UsageError
from ganzoo.modalities.image import PICTURES
from ganzoo.recipes.load import FORMAT
from ganzoo.recipes.yaml import yaml_line

if TYPE_CHECKING:
    from ganzoo.api import Registration
    from ganzoo.registry.registry import Registry

LOOKED_AT = 10_000
"""Files of a folder whose suffixes decide which data set reads it."""
WITHOUT_PLUGIN = {
    **dict.fromkeys((".csv", ".tsv", ".parquet"), "pip install ganzoo-table"),
    **dict.fromkeys((".txt", ".jsonl"), "pip install ganzoo-text"),
    **dict.fromkeys((".wav", ".flac", ".ogg", ".mp3"), "pip install ganzoo-audio"),
    **dict.fromkeys(
        (".mp4", ".avi", ".mov", ".webm", ".mkv"),
        "ffmpeg -i FILE -r 8 FILE.webp   # for each file; animations are read by ganzoo-video",
    ),
}
"""Suffixes that are no pictures → what to do where no data set reads them."""


def reader_of(data: Path, registry: Registry, chosen: str | None = None) -> Registration:
    """Return the data set that reads files of this kind; other files may be pictures.

    Of data sets with suffixes of pictures, the one that recognises a folder as its own reads it.

    Args:
        chosen: its id, if the user names one.

    Raises:
        UsageError: several do, or the plugin that would is not installed.
    """
    if chosen:
        return registry.get("dataset", chosen)
    readers: dict[str, list[Registration]] = {}
    for each in registry.list("dataset"):
        for suffix in each.suffixes:
            readers.setdefault(suffix, []).append(each)
    suffix = _main_suffix(data, readers)
    found = readers.get(suffix, [])
    if data.is_dir() and (not suffix or suffix in PIL.Image.registered_extensions()):
        found = [each for each in _of_pictures(readers) if _recognises(registry, each, data)]
    if len(found) > 1:
        names = " or ".join(each.id for each in found)
        raise UsageError(f"{data} can be read as {names}", hint=f"--as {found[0].id}")
    if not found and suffix in WITHOUT_PLUGIN:
        what = f"no data set that is installed reads {suffix} files"
        raise UsageError(what, hint=WITHOUT_PLUGIN[suffix])
    return found[0] if found else registry.get("dataset", PICTURES)


def _main_suffix(data: Path, readers: Mapping[str, object]) -> str:
    """Return the suffix of a file, or that of most files of a folder; empty: pictures, or none."""
    if not data.is_dir():
        return data.suffix.lower()
    files = list(islice(_files(data), LOOKED_AT))
    counts = Counter(file.suffix.lower() for file in files)
    known = [each for each, _ in counts.most_common() if each in readers or each in WITHOUT_PLUGIN]
    suffix = known[0] if known else ""
    pictures = sum(counts[each] for each in PIL.Image.registered_extensions() if each != suffix)
    if pictures > counts[suffix]:
        return ""
    return suffix


def _files(folder: Path) -> Iterator[Path]:
    """Yield the regular files of a folder and of its sub-folders, without those that are hidden.

    Links are followed; each folder is entered once.
    """
    entered = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        status = os.stat(place)
        if (status.st_dev, status.st_ino) in entered:
            folders.clear()
            continue
        entered.add((status.st_dev, status.st_ino))
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and (file := Path(place, name)).is_file():
                yield file


def _of_pictures(readers: Mapping[str, Iterable[Registration]]) -> list[Registration]:
    known = PIL.Image.registered_extensions()
    found = {each.id: each for suffix in readers if suffix in known for each in readers[suffix]}
    return list(found.values())


def _recognises(registry: Registry, reader: Registration, folder: Path) -> bool:
    recognises = getattr(registry.resolve(reader), "recognises", None)
    return recognises is not None and bool(recognises(folder))


def own_recipe(
    file: str, data: Path, size: int | None, reader: Registration, factory: Any
) -> tuple[str, str]:
    """Return the text of a recipe, and in a line which method was chosen, or "".

    Args:
        file: name of the recipe's file.
        factory: the class of the data set.

    Raises:
        UsageError: the data set writes no recipes.
        DataError: it finds nothing that it can read.
        PluginError: what it wrote is not an `OwnRecipe`.
    """
    write = getattr(factory, "new_recipe", None)
    if write is None:
        what = f"{reader.id} writes no recipes for files of your own"
        raise UsageError(what, hint=f"ganzoo info {reader.id}")
    try:
        made = write(OwnData(data.absolute(), _from_here(data), size, yaml_line))
    except DataError as error:  # a hint for a recipe that does not exist yet
        hint = error.hint and error.hint.replace("dataset.path=", "--data ")
        raise DataError(error.message, hint=hint) from error
    if not isinstance(made, OwnRecipe):
        what = f"{reader.id}: new_recipe returned a {type(made).__name__}, not an OwnRecipe"
        raise PluginError(what, hint=f"ganzoo info {reader.id}")
    name = file.removesuffix(".yaml")
    commands = {
        f"ganzoo check {file} --data": "every mistake, before training",
        f"ganzoo run {file}": "train, score, save samples",
        f"ganzoo sample last --count 1000 --out {made.samples}": "draw new samples",
    }
    head = [*made.about, *_columns(commands)]
    lines = [*(f"# {line}" for line in head), f"recipe: {FORMAT}", f"name: {yaml_line(name)}"]
    return "\n".join([*lines, "", made.body.strip("\n")]) + "\n", made.choice


def _from_here(data: Path) -> str:
    """Return the path of the data for a recipe in the working directory."""
    here, there = Path.cwd().resolve(), data.resolve()
    return os.path.relpath(there, here) if there.is_relative_to(here) else str(there)


def _columns(commands: Mapping[str, str]) -> Iterable[str]:
    width = max(map(len, commands))
    return (f"  {command:{width}}  {what}" for command, what in commands.items())
