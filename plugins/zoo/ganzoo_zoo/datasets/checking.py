"""Find the pictures that cannot be read, by decoding all of them once."""

import json
import os
from contextlib import closing, suppress
from hashlib import sha256
from pathlib import Path

import PIL

from ganzoo.api import cache_directory, parse_json, read_regular
from ganzoo_zoo.datasets.pictures import DAMAGE, decode, in_threads, reason
from ganzoo_zoo.datasets.sources import Source

RULES = f"3, Pillow {PIL.__version__}"

LEAST_AT_ONCE, MOST_TIMES = 5000, 10
"""Least number of pictures between two saves of the results, and most saves per check."""


def damaged(source: Source, bits: int | None = None) -> dict[str, str]:
    """Return name → problem of each picture that cannot be read with these `bits`.

    Results are kept in the cache directory, keyed by size and modification time (in a zip: size and
    CRC), so the next call only decodes new pictures. They are saved on the way, so a check that was
    interrupted continues where it stopped.
    """
    file = memory_of(source.path, bits)
    remembered = recall(file)
    found: dict[str, str] = {}
    fresh = {}
    for name in source.names:
        known, now = remembered.get(name, ""), stamp(source, name)
        if known.startswith(now):
            found[name] = known
        else:
            fresh[name] = now
    at_once = max(LEAST_AT_ONCE, -(-len(fresh) // MOST_TIMES))
    for first in range(0, len(fresh), at_once):
        part = list(fresh)[first : first + at_once]
        with closing(in_threads(lambda name: problem_of(source, name, bits), part)) as problems:
            for name, problem in zip(part, problems, strict=True):
                found[name] = fresh[name] + (problem or "")
        remember(file, remembered | found)
    return {name: problem for name in source.names if (problem := found[name].partition(":")[2])}


def problem_of(source: Source, name: str, bits: int | None) -> str | None:
    """Return why a picture cannot be read, or None if it can."""
    try:
        with source.open(name) as stream:
            decode(stream, channels=3, bits=bits)
    except DAMAGE as error:
        return reason(error)
    return None


def stamp(source: Source, name: str) -> str:
    """Return ``STAMP:``, as a result begins; ":" if the picture is not there."""
    try:
        return source.stamp(name) + ":"
    except OSError:
        return ":"


def memory_of(path: Path, bits: int | None = None) -> Path:
    """Return the cache file for the pictures of a folder or zip."""
    key = sha256(os.fsencode(path.resolve()) + f"{bits or ''}".encode()).hexdigest()[:16]
    return cache_directory() / "checks" / f"{key}.json"


def recall(file: Path) -> dict[str, str]:
    """Return the saved results; nothing if they are damaged or from other rules."""
    try:
        memory = parse_json(read_regular(file))
        return memory["files"] if memory["rules"] == RULES else {}
    except DAMAGE:
        return {}


def remember(file: Path, files: dict[str, str]) -> None:
    """Save the results atomically; ignore it if the cache cannot be written."""
    partial = file.with_suffix(f".{os.getpid()}.partial")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps({"rules": RULES, "files": files}))
        partial.replace(file)
    except OSError:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
