"""Find clips in a folder, and decode frames of them: animated gif and webp, folders of pictures."""

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np
from ganzoo_zoo.datasets.pictures import (
    DAMAGE,
    decode,
    header,
    reason,
    size_and_mode,
    strict_warnings,
)
from ganzoo_zoo.datasets.sources import Directory
from PIL import Image

from ganzoo.api import DataError, read_regular

ANIMATED = (".gif", ".webp", ".apng")
BEFORE_PIXELS = 4096
"""Bytes at the start of a png that hold the chunk which makes it an animation."""

MOST_FRAMES = 20_000
"""Of a clip; a longer one is cut up by whoever has it."""

MOST_PIXELS = 20 * 10**9
"""Of all frames of an animation together: 10,000 frames of 1920x1080."""

MOST_BYTES = 1 << 28
"""Largest size of an animation: 256 MiB. Pillow reads a webp whole."""

REPAIR = "remove or replace it"
SHOWN = 10
"""Files that an error or a line about what is left out names."""

LOOKED_AT = 8
"""Animations, and folders of frames, by which a folder holds clips."""

ALIKE = 0.6
"""Of the difference between two clips: the largest between neighbouring frames of one."""


@dataclass(frozen=True)
class Clip:
    """A clip and where its frames are, not decoded.

    Args:
        name: of the animation, or of the folder of pictures, relative to `root`.
        files: the animation alone, or the pictures in order.
        frames: their number.
        size: (height, width) of the first frame.
        frame_rate: frames a second, or None where the files do not say it.
    """

    root: Path
    name: str
    files: tuple[str, ...]
    frames: int
    size: tuple[int, int]
    frame_rate: float | None

    def decoded(self, wanted: Sequence[int], channels: int) -> Iterator[Image.Image]:
        """Yield frames by increasing number, upright, RGB or grey.

        Raises:
            DataError: one cannot be read; names the file and the frame.
        """
        if self.files != (self.name,):
            yield from (self._picture(self.files[number], channels) for number in wanted)
            return
        path, number = self.root / self.name, 0
        try:
            with strict_warnings():
                animation = opened(path)
                for number in wanted:
                    animation.seek(number)
                    yield _flat(animation, channels)
        except DAMAGE as error:
            raise _damaged(f"{path}: frame {number + 1}", error) from error

    def _picture(self, file: str, channels: int) -> Image.Image:
        try:
            with strict_warnings(), open(self.root / file, "rb") as stream:
                return decode(stream, channels)
        except DAMAGE as error:
            raise _damaged(f"{self.root / file}", error) from error


def _damaged(where: str, error: BaseException) -> DataError:
    return DataError(f"{where} cannot be read: {reason(error)}", hint=REPAIR)


def _flat(animation: Image.Image, channels: int) -> Image.Image:
    """Return the current frame with transparent pixels white, RGB or grey."""
    frame = animation.convert("RGBA" if animation.has_transparency_data else "RGB")
    if frame.mode == "RGBA":
        frame = Image.alpha_composite(Image.new("RGBA", frame.size, "white"), frame)
    return frame.convert("L" if channels == 1 else "RGB")


def opened(path: Path) -> Image.Image:
    """Return an animation, none of whose frames is decoded.

    Raises:
        any of DAMAGE: it is damaged, or larger than the limits of this module.
    """
    content = read_regular(path, MOST_BYTES)
    if content.startswith(b"GIF8"):
        _require_few(_gif_frames(content))
    animation = header(BytesIO(content))
    frames = getattr(animation, "n_frames", 1)
    _require_few(frames)
    if frames * animation.width * animation.height > MOST_PIXELS:
        raise ValueError(
            f"{frames:,} frames of {animation.width}x{animation.height}: more than "
            f"{MOST_PIXELS // 10**9} gigapixels"
        )
    return animation


def _require_few(frames: int) -> None:
    if frames > MOST_FRAMES:
        raise ValueError(f"more than {MOST_FRAMES:,} frames")


def _gif_frames(content: bytes) -> int:
    """Count the frames of a GIF up to the limit.

    Pillow's own count knows no limit, and leaves out a frame within which the file ends.

    Raises:
        ValueError: it ends within a frame.
    """
    place, frames = 13 + _colours(content[10:11]), 0
    while place < len(content) and frames <= MOST_FRAMES:
        if content[place] == 0x2C:  # a frame: nine bytes, its colours, one byte, blocks of pixels
            frames += 1
            place += 11 + _colours(content[place + 9 : place + 10])
        elif content[place] == 0x21:  # an extension
            place += 2
        else:
            break
        while place < len(content) and content[place]:
            place += content[place] + 1
        place += 1
    if place > len(content):
        raise ValueError(f"the file ends within frame {max(frames, 1)}")
    return frames


def _colours(flags: bytes) -> int:
    """Return the bytes of the table of colours that these flags announce."""
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0


# --- folders -------------------------------------------------------------------------------------

_HEADERS: dict[tuple[str, str], tuple[int, tuple[int, int], float | None]] = {}
"""Path and stamp of a file → frames, (height, width), frame rate; read once in a process."""


def clips_in(path: Path) -> tuple[list[Clip], list[str]]:
    """Return the clips of a folder by name, and lines about files that are no part of one.

    An animated gif, webp or apng is a clip. The other pictures of a folder are the frames of one,
    in the order of a number in their names, which differ in that number alone.

    Raises:
        DataError: no such folder, a header cannot be read, or pictures are not numbered.
    """
    if path.is_file():
        raise DataError(f"{path} is no folder", hint="put it into a folder, and name that")
    if not path.is_dir():
        raise DataError(f"there is no folder {path}", hint="dataset.path=FOLDER")
    try:
        source = Directory(path)
    except OSError as error:
        what = f"{path} cannot be listed: {error.strerror or error}"
        raise DataError(what, hint=shlex.join(["ls", "-ld", str(path)])) from error
    clips, notes = [], _named(source.left_out, "is no picture", "are no pictures")
    folders: dict[str, list[str]] = {}
    bad: list[str] = []
    for name in source.names:
        try:
            if _may_move(source.path / name):
                frames, size, rate = _header(source.path, name)
                if frames > 1:
                    clips.append(Clip(path, name, (name,), frames, size, rate))
                    continue
            folders.setdefault(os.path.dirname(name), []).append(name)
        except DataError as error:
            bad.append(error.message)
    if bad:
        more = f"; and {len(bad) - SHOWN} more" if len(bad) > SHOWN else ""
        raise DataError(f"{'; '.join(bad[:SHOWN])}{more}", hint=REPAIR)
    moving = {os.path.dirname(clip.name) for clip in clips}
    for folder, names in folders.items():
        if folder in moving:
            still = f"beside animations in {path / folder}"
            notes += _named(names, f"{still} is a still picture", f"{still} are still pictures")
        else:
            clips.append(_folder_clip(source, folder, names))
    return sorted(clips, key=lambda clip: clip.name), notes


def holds_clips(path: Path) -> bool:
    """Return whether a folder holds clips, and not pictures, some of which may be animated.

    It does where most files are animated. Numbered pictures in sub-folders may be classes. Where
    they are frames, those of a sub-folder have one size, and neighbours differ less than the first
    ones of two sub-folders.
    """
    try:
        source = Directory(path)
        may_move = [name for name in source.names if name.lower().endswith(ANIMATED)]
        looked_at = may_move[:: max(1, len(may_move) // LOOKED_AT)][:LOOKED_AT]
        moving = [_moves(source.path, name) for name in looked_at]
        if 2 * sum(moving) < len(moving):
            return False
        if 2 * sum(moving) * len(may_move) > len(moving) * len(source.names):
            return True  # most files are animated
        folders: dict[str, list[str]] = {}
        for name in sorted(set(source.names).difference(may_move)):
            folders.setdefault(os.path.dirname(name), []).append(name)
        beside = {os.path.dirname(name) for name in may_move}
        if sum(len(folders.pop(folder, ())) for folder in beside) > len(may_move):
            return False
        every = max(1, len(folders) // LOOKED_AT)
        chosen = list(folders.items())[::every][:LOOKED_AT]
        clips = [_folder_clip(source, folder, names) for folder, names in chosen]
        return _are_frames(clips) if clips else bool(may_move)
    except (OSError, DataError):
        return False


def _moves(root: Path, name: str) -> bool:
    try:
        return _header(root, name)[0] > 1
    except DataError:  # clips_in names it
        return False


def _are_frames(clips: Sequence[Clip]) -> bool:
    if len(clips) < 2 or min(clip.frames for clip in clips) < 2:
        return False
    pairs = [list(clip.decoded([0, 1], 3)) for clip in clips]
    if any(first.size != second.size for first, second in pairs):
        return False
    small = [[np.asarray(each.resize((32, 32)), dtype=float) for each in pair] for pair in pairs]
    within = [np.abs(first - second).mean() for first, second in small]
    firsts = [first for first, _ in small]
    between = [np.abs(one - other).mean() for one, other in pairwise(firsts)]
    return bool(np.median(within) < ALIKE * np.median(between))


def _folder_clip(source: Directory, folder: str, names: Sequence[str]) -> Clip:
    """Return the clip whose frames are the pictures of a folder."""
    ordered, words = {}, set()
    for name in names:
        parts = re.split(r"(\d+)", PurePosixPath(name).stem)
        ordered[tuple(int(each) for each in parts[1::2])] = name
        words.add(tuple(parts[0::2]))
    where = source.path / folder
    counting = sum(len(set(numbers)) > 1 for numbers in zip(*ordered, strict=False))
    if len(names) > 1 and (len(words) > 1 or counting != 1 or len(ordered) < len(names)):
        raise DataError(
            f"{where} holds pictures that are not numbered as frames of one clip: "
            f"{', '.join(PurePosixPath(name).name for name in names[:3])}",
            hint="name them 0001.png, 0002.png, … in a folder a clip, or dataset.use=folder",
        )
    if len(names) > MOST_FRAMES:
        raise DataError(
            f"{where} holds more than {MOST_FRAMES:,} frames", hint="cut it into several folders"
        )
    files = tuple(ordered[number] for number in sorted(ordered))
    _, size, _ = _header(source.path, files[0])
    return Clip(source.path, folder or ".", files, len(files), size, None)


def sizes_of(clips: Sequence[Clip]) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield name and (height, width) of each animation, and of each picture of a folder.

    Raises:
        DataError: a header cannot be read.
    """
    for clip in clips:
        if clip.files == (clip.name,):
            yield clip.name, clip.size
        else:
            yield from ((file, _header(clip.root, file)[1]) for file in clip.files)


def _header(root: Path, name: str) -> tuple[int, tuple[int, int], float | None]:
    """Return the frames, the (height, width) and the frame rate of a file.

    Raises:
        DataError: its header cannot be read.
    """
    path = root / name
    try:
        status = path.stat()
        key = str(path), f"{status.st_size} {status.st_mtime_ns}"
        if key not in _HEADERS:
            with strict_warnings():
                _HEADERS[key] = _read_header(path)
    except DAMAGE as error:
        raise _damaged(f"{path}", error) from error
    return _HEADERS[key]


def _may_move(path: Path) -> bool:
    """Return whether a picture may be an animation; of a png its chunk acTL says so.

    Raises:
        DataError: it cannot be read.
    """
    if path.suffix.lower() != ".png":
        return path.suffix.lower() in ANIMATED
    try:
        with path.open("rb") as file:
            return b"acTL" in file.read(BEFORE_PIXELS)
    except OSError as error:
        raise _damaged(f"{path}", error) from error


def _read_header(path: Path) -> tuple[int, tuple[int, int], float | None]:
    if not _may_move(path):
        stream: BinaryIO
        with open(path, "rb") as stream:
            return 1, size_and_mode(stream)[0], None
    animation = opened(path)
    frames, size = getattr(animation, "n_frames", 1), (animation.height, animation.width)
    if frames == 1:
        return 1, size, None
    animation.load()  # webp gives the duration of a frame that was decoded
    duration = animation.info.get("duration")
    return frames, size, 1000 / duration if duration else None


def _named(names: Sequence[str], one: str, several: str) -> list[str]:
    """Return a line that counts files and names the first; none if there are none."""
    if not names:
        return []
    what = f"1 file {one}" if len(names) == 1 else f"{len(names)} files {several}"
    return [f"{what}: {', '.join(names[:3])}{', …' if len(names) > 3 else ''}"]
