"""Seeded changes to files: of their bytes, of their text, and of what their format encloses.

A changed byte seldom passes a checksum. So members of zips, chunks of PNGs, headers of safetensors
and records are also changed inside, and wrapped again with a checksum that fits.
"""

import io
import json
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from random import Random
from typing import Any

from ganzoo.runs.records import CHECKSUM, sealed
from ganzoo.untrusted import DAMAGE

MOST_BYTES = 1 << 20

EXTREMES = (0, 1, 2, 7, 8, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF,
            0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF, 1000, 65_537, 10**6, 10**9, 10**12)  # fmt: skip

TOKENS = (
    b"NaN", b"Infinity", b"-Infinity", b"null", b"true", b"-1", b"0", b"1e999", b"-0.0", b"1e-400",
    b"9" * 30, b"9" * 5000, b"0x10", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\r",
    b"\x1b[2J", b"\n", b"\t", b",", b":", b'"', b"'", b"{", b"}", b"[", b"]", b"\\ud800", b"\\",
    b"[" * 300, b"[" * 20_000, b'{"a":' * 2000, b"(" * 300, b"- " * 200, b"&a [*a, *a]", b"*a",
    b"<<: {}", b"!!python/object:os.system", b"---\n", b"%YAML 9.9\n", b"? ", b"../../x", b"/etc",
    "\u2028\u202e\U0001f600".encode(), b"a" * 3000,
)  # fmt: skip

VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 10**30, 2**63, -(2**63), 1e308, -5.5, "", "\0", "\x1b[2J", "a\nb",
    "x" * 3000, "\ud800", "../..", [], {}, [[]], [None], {"": None}, {"a": {"b": [1, {"c": 2}]}},
    "9" * 5000, [1] * 200, float("nan"), float("inf"), -float("inf"),
)  # fmt: skip


def mutated(kind: str, seeds: tuple[bytes, ...], dice: Random) -> bytes:
    """Return one of the seeds, changed one to four times.

    Args:
        kind: of `WITHIN`, or something else, of which only bytes and text are changed.
    """
    content = dice.choice(seeds)
    for _ in range(dice.choice((1, 1, 1, 2, 2, 3, 4))):
        ways = [_bytes, _bytes, _text]
        if kind in WITHIN:
            ways += [WITHIN[kind]] * 4
        try:
            content = dice.choice(ways)(content, dice, seeds)
        except (*DAMAGE, MemoryError):
            content = _bytes(content, dice, seeds)  # an earlier change broke the format
    return content[:MOST_BYTES]


# --- bytes ---


def _place(content: bytes, dice: Random) -> int:
    """Return a place, often near the beginning or the end, where formats have their lengths."""
    end = len(content)
    near = dice.choice((64, 512, end, end))
    place = dice.randrange(max(1, min(near, end)))
    return place if dice.random() < 0.7 else max(0, end - 1 - place)


def _bytes(content: bytes, dice: Random, seeds: tuple[bytes, ...]) -> bytes:
    data, at = bytearray(content), _place(content, dice)
    match dice.randrange(9):
        case 0:
            for _ in range(dice.choice((1, 1, 2, 8, 64))):
                if data:
                    data[_place(content, dice)] ^= 1 << dice.randrange(8)
        case 1:
            del data[at:]
        case 2:
            del data[at : at + dice.choice((1, 2, 4, 16, 200))]
        case 3:
            data[at:at] = dice.randbytes(dice.choice((1, 2, 4, 16, 200)))
        case 4:
            size, order = dice.choice((1, 2, 4, 8)), dice.choice(("little", "big"))
            number = dice.choice(EXTREMES) % 256**size
            data[at : at + size] = number.to_bytes(size, order)  # type: ignore[arg-type]
        case 5:
            data[at:at] = data[at : at + dice.choice((4, 16, 256))] * dice.choice((1, 2, 50))
        case 6:
            other = dice.choice(seeds)
            data[at:] = other[_place(other, dice) :]
        case 7:
            size = dice.choice((1, 4, 64))
            data[at : at + size] = dice.choice((b"\0", b"\xff", b" ")) * size
        case _:
            to = _place(content, dice)
            part = bytes(data[at : at + 16])
            data[to : to + len(part)] = part
    return bytes(data)


# --- text ---


def _text(content: bytes, dice: Random, seeds: tuple[bytes, ...]) -> bytes:
    at = _place(content, dice)
    match dice.randrange(5):
        case 0:
            return content[:at] + dice.choice(TOKENS) + content[at:]
        case 1:
            numbers = list(re.finditer(rb"\d+", content))
            found = dice.choice(numbers)
            number = dice.choice((str(dice.choice(EXTREMES)).encode(), *TOKENS[:14]))
            return content[: found.start()] + number + content[found.end() :]
        case 2:
            lines = content.split(b"\n")
            lines.insert(dice.randrange(len(lines) + 1), dice.choice(lines))
            return b"\n".join(lines)
        case 3:
            lines = content.split(b"\n")
            del lines[dice.randrange(len(lines))]
            return b"\n".join(lines)
        case _:
            words = list(re.finditer(rb"[A-Za-z_]+|\"[^\"]*\"", content))
            one, other = dice.choice(words), dice.choice(words)
            return content[: one.start()] + other[0] + content[one.end() :]


# --- what a format encloses ---


def _zip(content: bytes, dice: Random, seeds: tuple[bytes, ...]) -> bytes:
    """Change, add, rename or repeat a member of a zip, or make it deny its size."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    index = dice.randrange(len(members))
    name, inside = members[index]
    match dice.randrange(6):
        case 0 | 1 | 2:
            change = _bytes if dice.random() < 0.6 else _text
            others = tuple(each for _, each in members)
            members[index] = name, change(inside, dice, others)
        case 3:
            names = (f"../{name}", f"/{name}", "", ".", "a/", f"./{name}", name, "dataset.json",
                     "labels.npy", "samples.npy", "mu.npy", "x" * 500, "\u202e.png",
                     "a\\b.png")  # fmt: skip
            members.append((dice.choice(names), inside))
        case 4:
            members[index] = (
                name,
                bytes(dice.choice((1, 100, 1 << 16, 1 << 20, dice.choice((1 << 20, 24 << 20))))),
            )
        case _:
            members.pop(index)
    stream = io.BytesIO()
    method = dice.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    if dice.random() < 0.05 and sum(len(data) for _, data in members) < 1 << 16:
        method = dice.choice((zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", method) as archive:
        warnings.simplefilter("ignore")  # of names that are there twice
        for each, data in members:
            archive.writestr(zipfile.ZipInfo(each), data, method)
    raw = bytearray(stream.getvalue())
    if dice.random() < 0.3:
        field = dice.choice((8, 10, 16, 20, 24, 28, 30, 32, 42))  # of the central directory
        at = raw.find(b"PK\x01\x02") + field
        number = dice.choice(EXTREMES) % 2**32
        raw[at : at + 4] = number.to_bytes(4, "little")
    return bytes(raw)


def _png(content: bytes, dice: Random, seeds: tuple[bytes, ...]) -> bytes:
    """Change, repeat, move or drop a chunk; checksums are right afterwards."""
    chunks, at = [], 8
    while at + 12 <= len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        chunks.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + size]))
        at += 12 + size
    index = dice.randrange(len(chunks))
    kind, data = chunks[index]
    match dice.randrange(5):
        case 0 | 1:
            chunks[index] = kind, _bytes(data, dice, (data,))
        case 2:
            chunks.insert(dice.randrange(len(chunks) + 1), chunks[index])
        case 3:
            kinds = (
                b"tEXt",
                b"zTXt",
                b"iTXt",
                b"eXIf",
                b"tRNS",
                b"PLTE",
                b"iCCP",
                b"acTL",
                b"fcTL",
            )
            packed = zlib.compress(bytes(dice.choice((10, 1 << 16, 8 << 20))))
            text = dice.choice(
                (b"a\0\0" + packed, packed, b"MM\0*\0\0\0\x08\xff\xff", b"a\0\1\0\0\0x")
            )
            chunks.insert(1, (dice.choice(kinds), text))
        case _:
            del chunks[index]
    parts = (
        struct.pack(">I", len(each)) + name + each + struct.pack(">I", zlib.crc32(name + each))
        for name, each in chunks
    )
    return content[:8] + b"".join(parts)


def _safetensors(content: bytes, dice: Random, seeds: tuple[bytes, ...]) -> bytes:
    """Change the header, whose length is right afterwards."""
    size = int.from_bytes(content[:8], "little")
    header, rest = content[8 : 8 + size], content[8 + size :]
    if dice.random() < 0.5:
        header = json.dumps(_value_changed(json.loads(header), dice)).encode()
        for found in (b"F32", b"I64"):
            if dice.random() < 0.2:
                kinds = (b"F64", b"F16", b"BF16", b"BOOL", b"U8", b"I8", b"F8_E4M3", b"F4", b"C64",
                         b"F6_E2M3", b"F8_E8M0", b"U64", b"U16", b"NOPE")  # fmt: skip
                header = header.replace(found, dice.choice(kinds), 1)
    else:
        header = _text(header, dice, (header,))
    return len(header).to_bytes(8, "little") + header + rest


def _records(content: bytes, dice: Random, seeds: tuple[bytes, ...]) -> bytes:
    """Change a value of one record; its checksum is right afterwards, if it can be one."""
    lines = content.split(b"\n")
    index = dice.randrange(len(lines))
    record = _value_changed(json.loads(lines[index]), dice)
    if isinstance(record, dict) and CHECKSUM in record and dice.random() < 0.9:
        del record[CHECKSUM]
        record = sealed(record)
    lines[index] = json.dumps(record, ensure_ascii=dice.random() < 0.5).encode(errors="replace")
    return b"\n".join(lines)


def _json(content: bytes, dice: Random, seeds: tuple[bytes, ...]) -> bytes:
    return json.dumps(_value_changed(json.loads(content), dice)).encode()


def _value_changed(data: Any, dice: Random) -> Any:
    """Return JSON data in which a value anywhere is another one, gone, or under another key."""
    if not isinstance(data, dict | list) or not data or dice.random() < 0.1:
        return dice.choice(VALUES)
    keys = list(data) if isinstance(data, dict) else list(range(len(data)))
    key = dice.choice(keys)
    copied: Any = data.copy()
    match dice.randrange(8):
        case 0:
            del copied[key]
        case 1 if isinstance(data, dict):
            copied[dice.choice(("", "\0", "x" * 100, dice.choice(keys)))] = copied.pop(key)
        case _:
            copied[key] = _value_changed(data[key], dice)
    return copied


Change = Callable[[bytes, Random, tuple[bytes, ...]], bytes]

WITHIN: dict[str, Change] = {
    "zip": _zip,
    "png": _png,
    "safetensors": _safetensors,
    "records": _records,
    "json": _json,
    "text": _text,
}
"""What a file encloses → the function that changes it there."""
