"""The decoded cache: samples that are decoded once, and later read from the cache directory.

One directory holds the samples of one split in one preparation: `RECORDS` has a record of fixed
size for each, and `SUMS` a CRC-32 of each record, 0 where it is missing. A record that is missing
or damaged is decoded again, so a cache that was interrupted, truncated or changed on disk costs
time and changes no number, and nothing has to be synced.

Records are read by position and not mapped into memory: mapped pages would count as memory of this
process, and an error of the disk would kill it without a message.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO
from zlib import crc32

import numpy as np
import torch
from filelock import FileLock, Timeout
from torch import Tensor

from ganzoo.api import Dataset, cache_directory
from ganzoo.components.data import Stored, rows_of, source_files
from ganzoo.components.fingerprint import file_hashes, versions, without_paths
from ganzoo.components.plan import Plan, stored_bytes
from ganzoo.errors import GanzooError, UsageError, printable
from ganzoo.recipes.lock import COUNTS
from ganzoo.runs.files import says_no_room, write_atomic
from ganzoo.runs.records import content_hash
from ganzoo.scoring.features import no_op
from ganzoo.training.feed import read_by_workers, workers_for
from ganzoo.training.processes import Processes

RECORDS, SUMS, ABOUT = "records", "sums", "about.json"

LIMIT = "GANZOO_DECODED_GIB"
"""Environment variable: the most that all decoded samples may take, in GiB; 0: no cache."""

DEFAULT_LIMIT_GIB = 64
MARGIN_BYTES = 4 * 1024**3
"""What the cache leaves free on its disk."""

BLOCK_BYTES = 4 * 1024**2
"""Samples that a worker decodes at once, while a cache is filled."""

SECONDS_BETWEEN_NOTES = 10.0

NO_LABEL = np.iinfo(np.int64).min
"""Stored for a sample without a label."""

Tell = Callable[[str], None]
Watch = Callable[[], None]


class NotCached(Exception):
    """The samples cannot be kept on disk; the message says why."""


def with_decoded_cache(plan: Plan, processes: Processes, tell: Tell, watch: Watch = no_op) -> Plan:
    """Return the plan with its training data read from the cache, where it says so.

    Missing samples are decoded into the cache first. Where there is no room for them, the data is
    decoded each time, with a note.

    Args:
        tell: receives notes, and the progress every ten seconds.
        watch: called after every block; may raise to end the work, which a later call continues.

    Raises:
        DataError: a sample cannot be read.
        UsageError: the limit in the environment is no number.
    """
    if plan.data != "cache":
        return plan
    try:
        cache = _filled(plan, processes, tell, watch)
    except NotCached as reason:
        tell(f"the data is decoded each time: {reason}")
        return plan
    return replace(plan, dataset=cache)


def _filled(plan: Plan, processes: Processes, tell: Tell, watch: Watch) -> DecodedCache:
    if not hasattr(os, "preadv"):
        raise NotCached("this system cannot read a file by position")
    directory = decoded_directory() / key_of(plan)
    cache = DecodedCache(plan.dataset, directory)
    try:
        if cache.missing():
            directory.parent.mkdir(parents=True, exist_ok=True)
            with _alone(cache, tell, watch):
                cache = DecodedCache(plan.dataset, directory)  # another process may have filled it
                _fill(cache, plan, processes, tell, watch)
    except (OSError, NotImplementedError) as error:
        if says_no_room(error):
            remove(directory)
        reason = getattr(error, "strerror", None) or error
        raise NotCached(f"{directory} cannot be written: {reason}") from error
    with suppress(OSError):
        os.utime(directory / ABOUT)
    return cache


def _fill(cache: DecodedCache, plan: Plan, processes: Processes, tell: Tell, watch: Watch) -> None:
    """Decode what the cache misses."""
    if not (missing := cache.missing()):
        return
    make_room(cache.directory, cache.size)
    cache.create(plan.components["dataset",].id)
    count, size = f"{len(missing):,} samples", f"{cache.size / 2**30:.2g} GiB"
    tell(f"decoding {count} once, into {cache.directory} ({size})")
    began = told = time.monotonic()
    done = 0
    workers = workers_for(plan.recipe.settings.train.workers, processes.world_size)
    for indices, found in cache.decoded(missing, workers):
        cache.write(indices, found)
        watch()
        done += len(indices)
        now = time.monotonic()
        if now - told > SECONDS_BETWEEN_NOTES:
            left = (now - began) / done * (len(missing) - done)
            tell(f"decoded {done:,} of {count}, {left:.0f} s left")
            told = now
    tell(f"decoded {count} in {time.monotonic() - began:.1f} s; the next run reads them")


def key_of(plan: Plan) -> str:
    """Return a hash of everything that decides the stored training samples.

    That is the contents of the data set's files, its parameters and its revision. Where the files
    lie does not matter, and neither does `mirror`, which the engine applies to stored samples.

    Raises:
        NotCached: the data set names no files.
    """
    component, dataset = plan.components["dataset",], plan.dataset
    if (files := source_files(dataset)) is None:
        raise NotCached(f"{component.id} does not name its files (source_files)")
    how = {key: value for key, value in without_paths(component).items() if key != "mirror"}
    code = plan.lock()["lock"]["components"]["dataset"]
    about = [component.id, *map(code.get, COUNTS), how, str(plan.spec), len(dataset)]
    return content_hash([about, file_hashes(files), versions()])[:32]


@contextmanager
def _alone(cache: DecodedCache, tell: Tell, watch: Watch) -> Iterator[None]:
    """Hold a cache's lock inside, so that one process fills it and others wait.

    Those that wait tell how far it is: of several processes of a run, only the first is heard.
    """
    lock = FileLock(cache.directory.with_suffix(".lock"))
    seconds, told = 0.0, time.monotonic()
    while not lock.is_locked:
        watch()
        with suppress(Timeout):
            lock.acquire(timeout=seconds)
        if lock.is_locked:
            break
        if not seconds:
            tell("waiting for another process that decodes the same data")
        elif time.monotonic() - told > SECONDS_BETWEEN_NOTES:
            done = len(cache) - len(DecodedCache(cache.dataset, cache.directory).missing())
            tell(f"another process has decoded {done:,} of {len(cache):,} samples")
            told = time.monotonic()
        seconds = 1.0
    try:
        yield
    finally:
        lock.release()


# --- one cache -----------------------------------------------------------------------------------


class DecodedCache:
    """A data set whose samples are read from a directory; all else is that of the data set itself.

    Args:
        dataset: decodes what is missing or damaged.
    """

    def __init__(self, dataset: Dataset, directory: Path) -> None:
        self.dataset = dataset
        self.directory = directory
        self.spec = dataset.spec
        condition = self.spec.condition
        self.sample_bytes = stored_bytes(self.spec)
        self.label_bytes = stored_bytes(condition) if condition else 8
        self.record_bytes = self.sample_bytes + self.label_bytes
        self.size = len(dataset) * (self.record_bytes + 4)
        self._records: BinaryIO | None = None
        self._sums = np.zeros(len(dataset), np.uint32)
        self._open()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "tensors":  # it would decode everything again
            raise AttributeError(name)
        return getattr(self.dataset, name)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[Tensor, Any]:
        samples, labels = self.decoded_rows([range(len(self))[index]])
        if labels is None:
            return samples[0], None
        return samples[0], labels[0] if self.spec.condition else int(labels[0])

    def decoded_rows(self, indices: Sequence[int]) -> Stored:
        """Return samples (len(indices), *shape) and their labels or conditions."""
        samples = np.empty((len(indices), self.sample_bytes), np.uint8)
        labels = np.empty((len(indices), self.label_bytes), np.uint8)
        sums = self._sums[list(indices)].tolist()
        for index, known, sample, label in zip(indices, sums, samples, labels, strict=True):
            if not self._read(index, known, sample, label):
                self._decode(index, sample, label)
        return self._tensors(samples, labels)

    def missing(self) -> list[int]:
        """Return the indices of the samples that were not written yet."""
        return np.flatnonzero(self._sums == 0).tolist()

    def create(self, dataset: str) -> None:
        """Create the files, or complete those that an interrupted process left.

        Args:
            dataset: its id, for people.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        about = {"dataset": dataset, "samples": len(self), "spec": str(self.spec)}
        write_atomic(self.directory / ABOUT, json.dumps(about).encode())
        (self.directory / RECORDS).touch()
        (self.directory / SUMS).write_bytes(self._sums.tobytes())
        self._open()

    def decoded(self, indices: list[int], workers: int) -> Iterator[tuple[list[int], Stored]]:
        """Yield the samples of these indices in blocks, decoded by worker processes."""
        length = max(1, BLOCK_BYTES // self.record_bytes)
        blocks = [indices[first : first + length] for first in range(0, len(indices), length)]
        if workers:
            read: Iterator[Any] = read_by_workers(self.dataset, blocks, workers)
        else:
            read = (rows_of(self.dataset, block) for block in blocks)
        for block, found in zip(blocks, read, strict=True):
            if isinstance(found, GanzooError):
                raise found
            yield block, found

    def write(self, indices: Sequence[int], stored: Stored) -> None:
        """Write samples and then their sums, which mark them as complete.

        Raises:
            OSError: the disk is full, or the files cannot be written.
        """
        samples, labels = self._bytes(stored)
        with open(self.directory / RECORDS, "r+b") as records:
            for index, sample, label in zip(indices, samples, labels, strict=True):
                records.seek(index * self.record_bytes)
                records.write(sample)
                records.write(label)
                self._sums[index] = _sum_of(sample, label)
        with open(self.directory / SUMS, "r+b") as sums:
            for index in indices:
                sums.seek(4 * index)
                sums.write(self._sums[index].tobytes())

    def _open(self) -> None:
        """Open the records that there are, and read which of them are complete."""
        with suppress(OSError):
            found = np.fromfile(self.directory / SUMS, np.uint32)
            records = open(self.directory / RECORDS, "rb", buffering=0)  # noqa: SIM115
            weakref.finalize(self, records.close)
            complete = os.fstat(records.fileno()).st_size // self.record_bytes
            if len(found) == len(self):
                self._sums = found
            self._sums[complete:] = 0
            self._records = records

    def _read(self, index: int, known: int, sample: Any, label: Any) -> bool:
        """Read one record into `sample` and `label`; return whether it is there and undamaged."""
        if not known or self._records is None:
            return False
        place = index * self.record_bytes
        with suppress(OSError):
            read = os.preadv(self._records.fileno(), [sample, label], place)
            return read == self.record_bytes and _sum_of(sample, label) == known
        return False

    def _decode(self, index: int, sample: np.ndarray, label: np.ndarray) -> None:
        """Decode one sample into `sample` and `label`, and write it into the cache again."""
        stored = rows_of(self.dataset, [index])
        sample[:], label[:] = (each[0] for each in self._bytes(stored))
        with suppress(OSError):
            self.write([index], stored)

    def _bytes(self, stored: Stored) -> tuple[np.ndarray, np.ndarray]:
        """Return samples and labels as uint8 (N, sample_bytes) and (N, label_bytes)."""
        samples, labels = stored
        if labels is None:
            labels = torch.full((len(samples),), NO_LABEL)
        if self.spec.condition is None:
            labels = labels.long()
        both = (samples.contiguous().numpy(), labels.contiguous().numpy())
        samples_bytes, labels_bytes = (
            each.reshape(len(samples), -1).view(np.uint8) for each in both
        )
        return samples_bytes, labels_bytes

    def _tensors(self, samples: np.ndarray, labels: np.ndarray) -> Stored:
        condition = self.spec.condition
        made = _as_tensor(samples, self.spec.stored_dtype, self.spec.shape)
        if condition:
            return made, _as_tensor(labels, condition.stored_dtype, condition.shape)
        numbers = _as_tensor(labels, "int64", ())
        return made, None if bool((numbers == NO_LABEL).any()) else numbers


def _as_tensor(rows: np.ndarray, dtype: str, shape: tuple[int, ...]) -> Tensor:
    return torch.from_numpy(rows).view(getattr(torch, dtype)).view(len(rows), *shape)


def _sum_of(sample: Any, label: Any) -> int:
    """Return the CRC-32 of a record; 1 for 0, which marks a missing one."""
    return crc32(label, crc32(sample)) or 1


# --- all of them ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kept:
    """A cache on disk, with its size in bytes and the time of its last use."""

    directory: Path
    size: int
    used: float


def decoded_directory() -> Path:
    """Return the directory of all decoded caches; it may not exist yet."""
    return cache_directory() / "decoded"


def kept() -> list[Kept]:
    """Return the decoded caches, the one that was not used for longest first."""
    found = []
    with suppress(OSError):
        for directory in decoded_directory().iterdir():
            with suppress(OSError):
                if directory.is_dir():
                    files = [file.stat() for file in directory.iterdir()]
                    size = sum(file.st_blocks * 512 for file in files)
                    used = max((file.st_mtime for file in files), default=0.0)
                    found.append(Kept(directory, size, used))
    return sorted(found, key=lambda each: each.used)


def limit_bytes() -> int:
    """Return the most bytes that all decoded caches may take.

    Raises:
        UsageError: the environment variable is no number of GiB.
    """
    given = os.environ.get(LIMIT, "")
    try:
        gib = float(given) if given else DEFAULT_LIMIT_GIB
        if not 0 <= gib < math.inf:
            raise ValueError
    except ValueError:
        raise UsageError(
            f"{LIMIT} is {printable(given)!r}, not a number of GiB", hint=f"unset {LIMIT}"
        ) from None
    return int(gib * 1024**3)


def make_room(directory: Path, size: int) -> None:
    """Remove other caches until `size` bytes fit into `directory`, the least recently used first.

    Raises:
        NotCached: they would not fit even then; nothing is removed.
    """
    caches = kept()
    others = [each for each in caches if each.directory != directory]
    own = sum(each.size for each in caches if each.directory == directory)
    limit, free = limit_bytes(), shutil.disk_usage(decoded_directory()).free
    wanted = f"{size / 2**30:.2g} GiB of decoded samples"
    if size > limit:
        raise NotCached(f"{wanted} are more than {LIMIT} allows ({limit / 2**30:.3g} GiB)")
    if size - own + MARGIN_BYTES > free + sum(each.size for each in others):
        raise NotCached(
            f"{wanted} would fill the disk of {decoded_directory()}, which has "
            f"{free / 2**30:.2g} GiB free, of which {MARGIN_BYTES / 2**30:.0f} GiB stay free"
        )
    total = size + sum(each.size for each in others)
    for oldest in others:
        if total <= limit and size - own + MARGIN_BYTES <= free:
            break
        if remove(oldest.directory):
            total, free = total - oldest.size, free + oldest.size


def remove(directory: Path) -> bool:
    """Remove a cache that no process fills; return whether it was. Its readers keep the file."""
    lock = directory.with_suffix(".lock")
    try:
        with FileLock(lock, timeout=0):
            shutil.rmtree(directory)
            lock.unlink(missing_ok=True)
    except (OSError, Timeout, NotImplementedError):
        return False
    return True
