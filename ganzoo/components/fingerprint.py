"""Fingerprint of a data set's content, and a store of content hashes in the cache.

The hash of a file is kept by its path, size and times, so a file is read again only after it has
changed. Files of a zip are kept by the size and the CRC that its directory gives.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import zipfile
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from ganzoo.api import Dataset, SourceFile, cache_directory
from ganzoo.components.data import source_files, spread_samples, tensors_of
from ganzoo.components.plan import ComponentPlan
from ganzoo.runs.files import write_atomic
from ganzoo.runs.records import content_hash
from ganzoo.untrusted import DAMAGE, parse_json, read_regular

SPREAD = 1000
"""Samples that are hashed of data that is streamed and names no files."""

THREADS = 4
_SHA256 = re.compile(r"[0-9a-f]{64}")
_KEPT = re.compile(rf"[-\d ]* {_SHA256.pattern}")
"""The stamp of a file, and the hash of its content."""


@dataclass(frozen=True)
class Fingerprint:
    """What the samples of a data set are made from.

    Args:
        sha256: equal for equal content.
        files: name → the first 16 hex digits of the file's sha256; empty for data without files.
    """

    sha256: str
    samples: int
    files: Mapping[str, str]

    def same_content(self, other: Fingerprint) -> bool:
        """Return whether the samples are equal. A single file may have another name."""
        if self.sha256 == other.sha256:
            return True
        contents = [*self.files.values()], [*other.files.values()]
        return len(contents[0]) == 1 and contents[0] == contents[1]


def fingerprint(dataset: Dataset, *, whole: bool = True) -> Fingerprint:
    """Return the fingerprint of a data set.

    It is a hash of the names and contents of the files in `source_files`. Without that method it is
    a hash of the samples and labels.

    Args:
        whole: hash all samples, not `SPREAD` of them.

    Raises:
        PluginError: `source_files` returns something else.
    """
    files = source_files(dataset)
    if files is None:
        stored = tensors_of(dataset) if whole else spread_samples(dataset, SPREAD)
        about = [str(dataset.spec), len(dataset), *map(_tensor_hash, stored)]
        return Fingerprint(content_hash(about), len(dataset), {})
    short = {name: each[:16] for name, each in sorted(file_hashes(files).items())}
    return Fingerprint(content_hash(short), len(dataset), short)


def _tensor_hash(tensor: Tensor | None) -> str | None:
    if tensor is None:
        return None
    array = tensor.detach().cpu().contiguous().numpy()
    array = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return hashlib.sha256(f"{array.dtype.name} {array.shape}\n".encode() + array.data).hexdigest()


@dataclass(frozen=True)
class KeptHash:
    """A hash of the samples of a split, kept in the store until something changes.

    It is kept by the data set's files, code and parameters; see `source_files`. The samples of a
    data set without that method have none.

    Args:
        place: file of the hash; None: it is not kept.
    """

    place: Path | None

    @classmethod
    def of(cls, component: ComponentPlan, dataset: Dataset, split: str) -> KeptHash:
        """Return where the hash of a split is kept; reads the files that are new."""
        files = source_files(dataset)
        if files is None:
            return cls(None)
        plain, locked = without_paths(component), component.locked()
        about = [file_hashes(files), locked, plain, split, len(dataset), versions()]
        return cls(cache_directory() / "content" / f"{content_hash(about)[:32]}.sha256")

    def read(self) -> str | None:
        """Return the hash; None if it is not known."""
        if self.place is not None:
            with suppress(OSError, UnicodeError):
                if _SHA256.fullmatch(kept := self.place.read_text()):
                    return kept
        return None

    def write(self, sha256: str) -> None:
        """Keep the hash."""
        if self.place is not None:
            _keep(self.place, sha256)


def without_paths(component: ComponentPlan) -> dict[str, Any]:
    """Return a data set's parameters without its paths, which do not change its content."""
    paths = {name for name, value in component.parameters.items() if isinstance(value, Path)}
    return {name: value for name, value in component.plain.items() if name not in paths}


def versions() -> list[str]:
    """Return the versions of the libraries that decode and resize."""
    import numpy
    import PIL

    return [PIL.__version__, numpy.__version__]


def change(before: Fingerprint, now: Fingerprint) -> str:
    """Return what has changed, ``2 files added (a, b), 1 file removed (c)``."""
    both = before.files.keys() & now.files.keys()
    found = {
        "added": sorted(now.files.keys() - before.files.keys()),
        "removed": sorted(before.files.keys() - now.files.keys()),
        "changed": sorted(name for name in both if before.files[name] != now.files[name]),
    }
    if not both:
        other_size = f" ({before.samples} then, {now.samples} now)"
        return "its samples differ" + other_size * (before.samples != now.samples)
    return ", ".join(
        f"{len(names)} file{'s' * (len(names) > 1)} {what} ({', '.join(names[:3])}"
        f"{', …' * (len(names) > 3)})"
        for what, names in found.items()
        if names
    )


# --- files ---------------------------------------------------------------------------------------


def file_hashes(files: Mapping[str, SourceFile]) -> dict[str, str]:
    """Return name → sha256 of each file's content; empty for a file that cannot be read."""
    if not files:
        return {}
    keys = {name: os.path.abspath(str(file)) for name, file in files.items()}
    place = _memory_of(keys.values())
    known, found, fresh = _recall(place), {}, {}
    for name, file in files.items():
        stamp = _stamp(file)
        stored, _, found[name] = known.get(keys[name], "").rpartition(" ")
        if not stamp or stored != stamp:
            fresh[name] = stamp
    with ThreadPoolExecutor(THREADS) as pool:
        found |= zip(fresh, pool.map(_sha256, [files[name] for name in fresh]), strict=True)
    if fresh:
        new = {keys[name]: f"{fresh[name]} {found[name]}" for name in fresh if found[name]}
        _keep(place, json.dumps(known | new))
    return found


def _memory_of(paths: Collection[str]) -> Path:
    """Return the file of the store for these paths: one for each folder or zip."""
    folders = {os.path.dirname(path) for path in (min(paths), max(paths))}
    try:
        root = os.path.commonpath(folders)  # of all paths, as it is of the first and the last
    except ValueError:  # several drives
        root = min(folders)
    key = hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
    return cache_directory() / "content" / f"{key}.json"


def _stamp(file: SourceFile) -> str:
    """Return what changes when a file does, or "" if it is not there.

    That is its size and times in ns, or the size and CRC of a member of a zip.
    """
    try:
        if isinstance(file, zipfile.Path):
            member = file.root.getinfo(file.at)
            return f"{member.file_size} {member.CRC}"
        status = os.stat(file)
    except (OSError, KeyError):
        return ""
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"


def _sha256(file: SourceFile) -> str:
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]
    except DAMAGE:
        return ""


def _recall(place: Path) -> dict[str, str]:
    """Return what the store knows of a folder; nothing if its file is damaged."""
    try:
        known = parse_json(read_regular(place))
        return known if all(map(_KEPT.fullmatch, known.values())) else {}
    except DAMAGE:
        return {}


def _keep(place: Path, text: str) -> None:
    """Write a file of the store. One that cannot be written only costs time."""
    with suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(place, text.encode())
