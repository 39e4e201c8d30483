"""Records: strict JSON, and append-only files with one record per line.

Numbers that are not finite are written as ``null``, because strict JSON has no NaN and tables read
null as missing. Where NaN and infinity must be told apart, an event says it in words.

Lines of durable files carry a checksum of their content, so that a digit that changes on the disk
is found. Every file is read by `read`, which returns damaged lines in words and never raises.
"""

import hashlib
import json
import math
import os
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from ganzoo.errors import truncate
from ganzoo.untrusted import DAMAGE, parse_json, read_regular

CHECKSUM = "checksum"
"""Key of a durable record: the first 16 hex digits of the `content_hash` of its other keys."""

T = TypeVar("T")

TYPES: Mapping[str, tuple[type, ...]] = {
    "attempt": (int,),
    "created": (str,),
    "error": (str,),
    "event": (str,),
    "exit_code": (int,),
    "name": (str,),
    "samples_seen": (int,),
    "seed": (int,),
    "step": (int,),
    "steps": (int,),
    "attempts": (int,),
    "time": (str,),
    "threads": (int, type(None)),
    "world_size": (int,),
}
"""Types of the keys that every reader relies on, wherever a record has them."""


class Records(NamedTuple):
    """The content of a file of records."""

    whole: list[Any]
    """What `parse` returned for each whole line, in the order of writing."""
    damaged: list[str]
    """One line of text for each damaged line: ``scores.jsonl:3 does not match its checksum``."""


def utc_now() -> str:
    """Return the time as ISO 8601 in UTC, with microseconds, so that records sort by time."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def device_line(run: Mapping[str, Any]) -> str:
    """Return ``cpu, 2 processes`` for a run with such a `device` and `world_size`."""
    count = run.get("world_size", 1)
    return f"{run.get('device', '')}, {count} {'process' if count == 1 else 'processes'}"


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
    """Append one record as one line; a `durable` one has a checksum and is on the disk afterwards.

    If an earlier process was killed in the middle of a line, a newline first ends that line, so
    that only that record is lost.
    """
    line = to_json(sealed(record) if durable else record) + b"\n"
    with path.open("ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                line = b"\n" + line
        file.write(line)
        file.flush()
        if durable:
            os.fsync(file.fileno())


def sealed(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record with its checksum."""
    content = json.loads(to_json(record))
    return {**content, CHECKSUM: content_hash(content)[:16]}


def read(
    path: Path, parse: Callable[[dict[str, Any]], Any] = dict, *, durable: bool = False
) -> Records:
    """Return the records of a file; none if there is no file.

    A line is damaged if it is no JSON mapping, if a key has the wrong type, if `parse` rejects it,
    or, in a `durable` file, if its checksum is missing or wrong.
    """
    try:
        lines = read_regular(path).split(b"\n")
    except FileNotFoundError:
        return Records([], [])
    except OSError as error:
        return Records([], [f"{path.name} cannot be read: {error.strerror or error}"])
    found = Records([], [])
    for number, line in enumerate(lines, start=1):
        try:
            if line:
                found.whole.append(parse(_record(line, durable)))
        except DAMAGE as error:
            what = str(error)
            if isinstance(error, json.JSONDecodeError):
                what = "is incomplete"
            found.damaged.append(f"{path.name}:{number} {truncate(what, 200)}")
    return found


def _record(line: bytes, durable: bool) -> dict[str, Any]:
    record = parse_json(line)
    check_record(record)
    written = record.pop(CHECKSUM, None)
    if written is None and durable:
        raise ValueError("has no checksum")
    if written is not None and written != content_hash(record)[:16]:
        raise ValueError("does not match its checksum")
    return record


def check_record(record: Any) -> None:
    """Raise ValueError if a record is not a mapping, or a value has a wrong type."""
    if not isinstance(record, dict):
        raise ValueError("is not a mapping")
    if type(time := record.get("time")) is str and datetime.fromisoformat(time).tzinfo is None:
        raise ValueError("gives a time without its zone")
    for key, types in TYPES.items():
        if key in record and type(record[key]) not in types:
            raise ValueError(f"gives {key} as {type(record[key]).__name__}")


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
