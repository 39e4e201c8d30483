"""Download files that components need into the cache, and verify their sha256.

Only ``ganzoo fetch`` calls this; nothing else in ganzoo uses the network.
"""

import contextlib
import hashlib
import secrets
from collections.abc import Callable, Iterator
from errno import ENOSPC
from http.client import HTTPException
from pathlib import Path
from ssl import SSLError
from typing import IO, Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from ganzoo.api import RemoteFile, cache_directory
from ganzoo.errors import DataError, DiskFull, UsageError

TIMEOUT_SECONDS = 30
BLOCK_BYTES = 1 << 20

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
        UsageError: the cache cannot be written, or the copy cannot be read.
        DiskFull: no space left.
    """
    target = cached(file)
    if is_whole(target, file):
        return target
    again = f"ganzoo fetch {identifier}"
    with _staging(target, again) as part:
        opened = _copy(source) if source else _download(file, again)
        with opened as (stream, total), part.open("xb") as written:
            found, done = _pour(stream, written, total, progress)
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


@contextlib.contextmanager
def _staging(target: Path, again: str) -> Iterator[Path]:
    """Yield a temporary path next to `target`; what is left there is removed."""
    elsewhere = f"GANZOO_CACHE=DIRECTORY {again}"
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield part
    except OSError as error:
        if error.errno == ENOSPC:
            full = f"no space for {target.name} in {target.parent}"
            raise DiskFull(full, hint=elsewhere) from error
        raise UsageError(f"{target} cannot be written: {error.strerror}", hint=elsewhere) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


@contextlib.contextmanager
def _copy(source: Path) -> Iterator[tuple[IO[bytes], int | None]]:
    try:
        stream = source.open("rb")
    except OSError as error:
        raise UsageError(f"cannot read {source}: {error.strerror}") from error
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
    stream: IO[bytes], written: IO[bytes], total: int | None, progress: Progress
) -> tuple[str, int]:
    """Copy block by block; return the sha256 in hex, and the number of bytes."""
    digest, done = hashlib.sha256(), 0
    while block := stream.read(BLOCK_BYTES):
        digest.update(block)
        written.write(block)
        done += len(block)
        progress(done, total)
    return digest.hexdigest(), done
