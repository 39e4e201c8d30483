"""Download files that components need into the cache, and verify their sha256.

Only ``ganzoo fetch`` calls this; nothing else in ganzoo uses the network.
"""

import contextlib
import glob
import hashlib
import secrets
import shlex
import time
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path
from ssl import SSLError
from typing import IO, Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from ganzoo.api import RemoteFile, cache_directory
from ganzoo.errors import DataError, UsageError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

TIMEOUT_SECONDS = 30
"""Longest time without a single byte."""

BLOCK_BYTES = 1 << 20

MOST_BYTES = 16 << 30
"""Largest download of a file whose size its plugin does not declare."""

PATIENCE_SECONDS, SLOWEST = 60, 1024
"""After so much time a download of fewer bytes a second is given up: it would hold a job for ever.
"""

Progress = Callable[[int, int | None], None]
"""Called with the bytes read so far, and the total if known."""


def cached(file: RemoteFile) -> Path:
    """Return the path of a file in the cache, whether or not it exists."""
    return cache_directory() / file.name


def is_whole(path: Path, file: RemoteFile) -> bool:
    """Whether the file at `path` exists and has the right sha256."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == file.sha256


def fetch_file(
    file: RemoteFile,
    identifier: str,
    source: Path | None = None,
    progress: Progress = lambda done, total: None,
) -> Path:
    """Put a file into the cache, from its URL or from a copy on disk, and return its path.

    A complete file is left alone. The file appears in one step, complete.

    Args:
        identifier: the component that needs the file, for the hints of errors.
        source: the copy on disk; None downloads.

    Raises:
        DataError: the URL cannot be reached, the file is truncated, or its sha256 is wrong.
        UsageError: the copy cannot be read.
        OSError: the cache cannot be written.
    """
    target = cached(file)
    remove_leftovers(target)
    if is_whole(target, file):
        return target
    again = f"ganzoo fetch {identifier}"
    with _staging(target) as part:
        opened = _copy(source) if source else _download(file, again)
        with opened as (stream, total), part.open("xb") as written:
            _lock(written)
            found, done = _pour(stream, written, file, total, progress)
        if total is not None and done < total:
            raise DataError(f"{file.url} ended after {done:,} of {total:,} bytes", hint=again)
        if found != file.sha256:
            wrong = f"is not {file.name}: its sha256 is {found}, not {file.sha256}"
            if source:
                message = f"{source} {wrong}; the right one is at {file.url}"
                raise DataError(message, hint=f"{again} --from FILE")
            raise DataError(f"what came from {file.url} {wrong}", hint=again)
        part.replace(target)
    return target


def remove_leftovers(target: Path) -> None:
    """Remove what interrupted downloads of `target` have left, but no download in progress."""
    for left in target.parent.glob(f".{glob.escape(target.name)}.*.part"):
        with contextlib.suppress(OSError), left.open("r+b") as file:
            _lock(file)
            left.unlink()


def _lock(file: IO[bytes]) -> None:
    """Lock an open file until it is closed, or until its process ends.

    Raises:
        OSError: another process has locked it.
    """
    if fcntl:  # elsewhere a file in use cannot be removed
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextlib.contextmanager
def _staging(target: Path) -> Iterator[Path]:
    """Yield a temporary path next to `target`; what is left there is removed."""
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield part
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


@contextlib.contextmanager
def _copy(source: Path) -> Iterator[tuple[IO[bytes], int | None]]:
    try:
        stream = source.open("rb")
    except OSError as error:
        raise UsageError(
            f"cannot read {source}: {error.strerror}", hint=shlex.join(["ls", "-l", str(source)])
        ) from error
    with stream:
        yield stream, source.stat().st_size


@contextlib.contextmanager
def _download(file: RemoteFile, again: str) -> Iterator[tuple[Any, int | None]]:
    request = Request(file.url, headers={"User-Agent": "ganzoo"})
    try:
        with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            length = answer.headers.get("Content-Length")
            yield answer, int(length) if length and length.isdigit() else None
    except (URLError, SSLError, TimeoutError, ConnectionError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise DataError(
            f"cannot fetch {file.url}: {reason}; without a network, use a copy",
            hint=f"{again} --from {file.name}",
        ) from error


def _pour(
    stream: Any, written: IO[bytes], file: RemoteFile, total: int | None, progress: Progress
) -> tuple[str, int]:
    """Copy block by block; return the sha256 in hex, and the number of bytes.

    Raises:
        DataError: there are more bytes than the file has, or they come too slowly.
    """
    digest, done, started = hashlib.sha256(), 0, time.monotonic()
    most = file.size or MOST_BYTES
    read = getattr(stream, "read1", stream.read)  # returns what has come, without waiting for more
    while block := read(BLOCK_BYTES):
        done += len(block)
        if done > most:
            raise DataError(
                f"{file.url} sends more than the {most:,} bytes that {file.name} has at most",
                hint="ask the author of the plugin whether the address is right",
            )
        seconds = time.monotonic() - started
        if seconds > PATIENCE_SECONDS and done < SLOWEST * seconds:
            raise DataError(
                f"{file.url} has sent {done:,} bytes in {seconds:.0f} seconds: given up",
                hint=f"ganzoo fetch ID --from {file.name}   # a copy that came another way",
            )
        digest.update(block)
        written.write(block)
        progress(done, total)
    return digest.hexdigest(), done
