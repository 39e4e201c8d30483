"""Records: strict JSON, and append-only files with one record per line.

Numbers that are not finite are written as ``null``, because strict JSON has no NaN and tables read
null as missing. Where NaN and infinity must be told apart, an event says it in words.
"""

import hashlib
import json
import math
import os
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def utc_now() -> str:
    """Return the time as ISO 8601 in UTC, with microseconds, so that records sort by time."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def plain(value: Any) -> Any:
    """Return `value` in JSON's own types; scalars of numpy and torch become numbers.

    Raises:
        TypeError: a record cannot hold such a value.
    """
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(map(plain, value))
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "item"):
        return plain(value.item())
    raise TypeError(f"a record cannot hold a {type(value).__name__}")


def to_json(value: Any, *, indent: int | None = None) -> bytes:
    """Return `value` as strict JSON in UTF-8; undecodable bytes of file names are escaped."""
    text = json.dumps(plain(value), ensure_ascii=False, allow_nan=False, indent=indent)
    return text.encode(errors="backslashreplace")


def canonical_json(value: Any) -> str:
    """Return canonical JSON of `value` (sorted keys, no spaces, ASCII), for hashing."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def content_hash(value: Any) -> str:
    """Return the sha256 of the canonical JSON of `value`, in hex."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def append(path: Path, record: Mapping[str, Any], *, durable: bool = False) -> None:
    """Append one record as one line; `durable` waits until it is on the disk.

    If an earlier process was killed in the middle of a line, a newline first ends that line, so
    that only that record is lost.
    """
    line = to_json(record) + b"\n"
    with path.open("ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                line = b"\n" + line
        file.write(line)
        file.flush()
        if durable:
            os.fsync(file.fileno())


def read(path: Path) -> list[dict[str, Any]]:
    """Return the records of a file in the order of writing; an empty list if there is no file.

    Incomplete lines are skipped.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    return [record for line in lines if line and (record := _parse(line)) is not None]


def last_attempts(records: Collection[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one record per step, in order of steps: the last attempt's.

    A resumed run repeats the steps after its checkpoint. Within one attempt the last line counts.
    """
    kept: dict[Any, Mapping[str, Any]] = {}
    for record in records:
        step = record.get("step")
        if step is None:
            continue
        before = kept.get(step)
        if before is None or record.get("attempt", 0) >= before.get("attempt", 0):
            kept[step] = record
    return [dict(kept[step]) for step in sorted(kept)]


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None
