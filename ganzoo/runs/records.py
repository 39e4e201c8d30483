"""Records: JSON that every reader accepts, and append-only files with one record a line.

A number that is not finite is written as ``null``: strict JSON has no NaN, and tables read null as
missing. What must tell NaN from infinity (a divergence) says so in words, in an event.
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
    """Return the time as ISO 8601 in UTC, to the microsecond, so that records sort by it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def plain(value: Any) -> Any:
    """Return `value` in JSON's own types: no NaN, no paths, tuples or sets, keys as strings.

    Scalars of numpy and torch become numbers.
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
    """Return `value` as strict JSON in UTF-8; a file name that is no text is escaped."""
    text = json.dumps(plain(value), ensure_ascii=False, allow_nan=False, indent=indent)
    return text.encode(errors="backslashreplace")


def canonical_json(value: Any) -> str:
    """Return the one JSON text of `value` (sorted keys, no spaces, ASCII), for hashing."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def content_hash(value: Any) -> str:
    """Return the sha256 of `value` as canonical JSON, in hex."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def append(path: Path, record: Mapping[str, Any], *, durable: bool = False) -> None:
    """Add one record as one line; `durable` waits until it is on the disk.

    A line that an earlier process was killed in the middle of is closed first, so that it spoils
    no other.
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
    """Return the records of a file in the order they were written; none where there is no file.

    A torn line, the last or one that a later process went on after, is left out.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    return [record for line in lines if line and (record := _parse(line)) is not None]


def last_attempts(
    records: Collection[Mapping[str, Any]], key: str = "step"
) -> list[dict[str, Any]]:
    """Return one record a step, in order of steps: that of the last attempt that came by.

    A resumed run does again the steps after its checkpoint. Of one attempt the last line counts.
    """
    kept: dict[Any, Mapping[str, Any]] = {}
    for record in records:
        if record.get(key) is None:
            continue
        before = kept.get(record[key])
        if before is None or record.get("attempt", 0) >= before.get("attempt", 0):
            kept[record[key]] = record
    return [dict(kept[step]) for step in sorted(kept)]


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None
