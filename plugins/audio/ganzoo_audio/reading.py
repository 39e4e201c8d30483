"""Files of sound: their headers and their samples, with one error that names what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import soundfile
import torch
from ganzoo_zoo.datasets.sources import is_shown, walk
from torch import Tensor

from ganzoo.api import DAMAGE, DataError
from ganzoo_audio.resampling import ratio, resampled

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff")
MARGIN = 256
"""Samples on each side of a part, at the new rate, that are resampled with it."""
UNKNOWN = 0x7FFF_0000
"""A wav file that declares so many bytes was written without knowing its size."""
LARGEST_PAGE = 27 + 255 + 255 * 255
"""Bytes of a page of an ogg file."""
MOST_CHANNELS, MOST_HERTZ = 64, 1_000_000


class Sound(NamedTuple):
    """What the header of a file says."""

    file: Path
    sample_rate: int
    channels: int
    frames: int
    """Samples of one channel."""

    def length_at(self, sample_rate: int) -> int:
        """Return the number of samples at another rate."""
        return self.frames * sample_rate // self.sample_rate


def sounds_in(path: Path) -> tuple[list[Path], list[Path]]:
    """Return the sounds of a folder and of its sub-folders by name, and the other files.

    Hidden files and folders, and those of the system, are passed over. Links are followed. A file
    is a folder of one.

    Raises:
        DataError: there are none.
    """
    if not path.exists():
        raise DataError(f"{path} does not exist", hint="dataset.path=FOLDER")
    files = [path]
    if path.is_dir():
        files = sorted(path / name for name in walk(path) if is_shown(name))
    sounds = [file for file in files if file.suffix.lower() in SUFFIXES]
    if not sounds:
        what = f"{path} holds no sounds ({', '.join(SUFFIXES)}) among {len(files):,} files"
        raise DataError(what, hint="dataset.path=FOLDER")
    return sounds, [file for file in files if file.suffix.lower() not in SUFFIXES]


def header_of(file: Path) -> Sound:
    """Return what the header of a file says.

    Raises:
        DataError: it is damaged, empty, or no sound.
    """
    try:
        if not file.is_file():
            raise OSError("is not a regular file")
        _require_whole(file)
        found = soundfile.info(str(file))
    except DAMAGE as error:
        raise _unreadable(file, error) from error
    if not 0 < found.samplerate <= MOST_HERTZ or not 0 < found.channels <= MOST_CHANNELS:
        what = f"{file} claims {found.channels} channels at {found.samplerate} Hz"
        raise DataError(what, hint="remove or replace it")
    if found.frames < 1:
        raise DataError(f"{file} holds no samples", hint="remove or replace it")
    return Sound(file, found.samplerate, found.channels, found.frames)


def _require_whole(file: Path) -> None:
    """Raise OSError for an empty file, and for a wav, aiff or ogg file that is cut short.

    The library reads what is left of such a file as if it were all.
    """
    size = file.stat().st_size
    if not size:
        raise OSError("the file is empty")
    with file.open("rb") as opened:
        start = opened.read(28)
        opened.seek(max(0, size - LARGEST_PAGE))
        end = opened.read()
    if size < (declared := _declared(start)):
        raise OSError(f"it is cut short, {size:,} of {declared:,} bytes are there")
    if start.startswith(b"OggS") and not _has_last_page(end):
        raise OSError("it is cut short, its last page is missing")


def _declared(start: bytes) -> int:
    """Return how many bytes a wav or aiff file says that it has; 0: unknown, or another format.

    Programs that write into a pipe leave the size at 0 or at the largest number.
    """
    if start[:4] == b"RF64" and start[12:16] == b"ds64":
        return int.from_bytes(start[20:28], "little") + 8
    if start[:4] not in (b"RIFF", b"RIFX", b"FORM"):
        return 0
    declared = int.from_bytes(start[4:8], "little" if start[:4] == b"RIFF" else "big") + 8
    return declared if declared < UNKNOWN else 0


def _has_last_page(end: bytes) -> bool:
    """Return whether an ogg file ends with a whole page that is marked as the last (RFC 3533)."""
    page = end[end.rfind(b"OggS") :] if b"OggS" in end else b""
    if len(page) < 27 or not page[5] & 4:
        return False
    return len(page) >= 27 + page[26] + sum(page[27 : 27 + page[26]])


def part_of(sound: Sound, start: int, count: int, sample_rate: int, channels: int) -> Tensor:
    """Return a part of a file at another rate, float32 (channels, count); zeros after its end.

    Args:
        start: of the part, in samples at `sample_rate`.
        channels: 1 mixes all channels down; otherwise as many as the file has, or of a mono file
            its one channel as often.

    Raises:
        DataError: the file is damaged, shorter than its header says, holds values that are not
            finite, or has another number of channels.
    """
    old, new = ratio(sound.sample_rate, sample_rate)
    margin = MARGIN if old != new else 0
    first = (
        start - margin
    ) // new  # in blocks of `old` samples at the one rate, `new` at the other
    last = -(-(start + count + margin) // new)
    samples = _samples(sound, first * old, last * old)
    if channels == 1:
        samples = samples.mean(0, keepdim=True)
    elif len(samples) not in (1, channels):
        what = f"{sound.file} has {len(samples)} channels, not {channels}"
        raise DataError(what, hint="dataset.channels=1   # mixes them")
    part = resampled(samples, sound.sample_rate, sample_rate)
    skip = start - first * new
    return part[:, skip : skip + count].expand(channels, -1).contiguous()


def _samples(sound: Sound, start: int, stop: int) -> Tensor:
    """Return the samples from `start` to `stop`, float32 (C, stop - start); zeros outside."""
    begin, end = max(start, 0), min(stop, sound.frames)
    try:
        read, _ = soundfile.read(
            str(sound.file), end - begin, begin, dtype="float32", always_2d=True
        )
    except DAMAGE as error:
        raise _unreadable(sound.file, error) from error
    if read.shape != (end - begin, sound.channels):
        what = f"{sound.file} is cut short: {sound.frames:,} samples are declared, and some missing"
        raise DataError(what, hint="remove or replace it")
    samples = torch.from_numpy(read.T)
    if not bool(samples.isfinite().all()):
        raise DataError(f"{sound.file} holds NaN or infinite values", hint="remove or replace it")
    return torch.nn.functional.pad(samples, (begin - start, stop - end))


def _unreadable(file: Path, error: BaseException) -> DataError:
    words = str(error).rpartition(": ")[2] or type(error).__name__
    if words.startswith("File does not exist"):  # what the library says of an mp3 without sound
        words = "Format not recognised."
    return DataError(f"{file} cannot be read: {words}", hint="remove or replace it")
