"""Which pictures of a source cannot be read, found by decoding all of them once."""

import json
import os
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import PIL

from ganzoo.api import cache_directory
from ganzoo_zoo.datasets.pictures import DAMAGE, decode, in_threads, reason
from ganzoo_zoo.datasets.sources import Source

RULES = f"1, Pillow {PIL.__version__}"

LEAST_AT_ONCE, MOST_TIMES = 5000, 10
"""Pictures that are decoded before what was found is written down, and how often that is done."""


def damaged(source: Source) -> dict[str, str]:
    """Return what is wrong with each picture that cannot be read, by name.

    What was found is remembered in the cache directory, by size and time of change (in a zip: size
    and CRC), so that only new pictures are decoded the next time. It is written down on the way:
    a process that is stopped here goes on later where it was.
    """
    file = memory_of(source.path)
    remembered = recall(file)
    found: dict[str, list[Any]] = {}
    fresh = []
    for name in source.names:
        known = remembered.get(name)
        if known is None or known[:2] != stamp(source, name):
            fresh.append(name)
        else:
            found[name] = known
    at_once = max(LEAST_AT_ONCE, -(-len(fresh) // MOST_TIMES))
    for first in range(0, len(fresh), at_once):
        part = fresh[first : first + at_once]
        with closing(in_threads(lambda name: problem_of(source, name), part)) as problems:
            for name, problem in zip(part, problems, strict=True):
                found[name] = [*stamp(source, name), problem]
        remember(file, remembered | found)
    return {name: found[name][2] for name in source.names if found[name][2]}


def problem_of(source: Source, name: str) -> str | None:
    """Return why a picture cannot be read; None if it can."""
    try:
        with source.open(name) as stream:
            decode(stream, channels=3)
    except DAMAGE as error:
        return reason(error)
    return None


def stamp(source: Source, name: str) -> list[int | None]:
    try:
        return list(source.stamp(name))
    except OSError:
        return [None, None]


def memory_of(path: Path) -> Path:
    """Return the file that remembers the pictures of a folder or zip."""
    key = sha256(os.fsencode(path.resolve())).hexdigest()[:16]
    return cache_directory() / "checks" / f"{key}.json"


def recall(file: Path) -> dict[str, list[Any]]:
    """Return what is remembered; nothing where that is damaged or was found by other rules."""
    try:
        memory = json.loads(file.read_text())
        return memory["files"] if memory["rules"] == RULES else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def remember(file: Path, files: dict[str, list[Any]]) -> None:
    """Write the memory in one piece; where there is no room or right to, do without."""
    partial = file.with_suffix(f".{os.getpid()}.partial")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps({"rules": RULES, "files": files}))
        partial.replace(file)
    except OSError:
        partial.unlink(missing_ok=True)
