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
from collections.abc import Mapping
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

Stamp = list[int]
"""What changes when a file does: size and times in ns, or size and CRC."""


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
    keys = {name: _key(file) for name, file in files.items()}
    place = _memory_of(files, keys)
    known, stamps = _recall(place), {name: _stamp(file) for name, file in files.items()}
    found, fresh = {}, []
    for name, stamp in stamps.items():
        stored, sha256 = known.get(keys[name], (None, ""))
        if stamp is not None and stored == stamp:
            found[name] = sha256
        else:
            fresh.append(name)
    with ThreadPoolExecutor(THREADS) as pool:
        found |= zip(fresh, pool.map(_sha256, [files[name] for name in fresh]), strict=True)
    if fresh:
        new = {keys[name]: [stamps[name], found[name]] for name in fresh if found[name]}
        _keep(place, json.dumps({**known, **new}))
    return {name: found[name] for name in files}


def _key(file: SourceFile) -> str:
    return str(file) if isinstance(file, zipfile.Path) else os.path.abspath(file)


def _memory_of(files: Mapping[str, SourceFile], keys: Mapping[str, str]) -> Path:
    """Return the file of the store for these files: one for each folder or zip."""
    folders = {
        os.path.abspath(str(file.root.filename))
        if isinstance(file, zipfile.Path)
        else os.path.dirname(keys[name])
        for name, file in files.items()
    }
    try:
        root = os.path.commonpath(folders)
    except ValueError:  # several drives
        root = min(folders)
    key = hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
    return cache_directory() / "content" / f"{key}.json"


def _stamp(file: SourceFile) -> Stamp | None:
    """Return the stamp of a file; None if it is not there."""
    try:
        if isinstance(file, zipfile.Path):
            member = file.root.getinfo(file.at)
            return [member.file_size, member.CRC]
        status = os.stat(file)
    except (OSError, KeyError):
        return None
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _sha256(file: SourceFile) -> str:
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]
    except DAMAGE:
        return ""


def _recall(place: Path) -> dict[str, list[Any]]:
    """Return what the store knows of a folder; nothing if its file is damaged."""
    try:
        known = parse_json(read_regular(place))
        sound = all(_SHA256.fullmatch(sha256) for _, sha256 in known.values())
        return known if sound else {}
    except DAMAGE:
        return {}


def _keep(place: Path, text: str) -> None:
    """Write a file of the store. One that cannot be written only costs time."""
    with suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(place, text.encode())
