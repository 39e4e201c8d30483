"""A folder of the user's own sounds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import torch
from torch import Tensor

from ganzoo.api import DataError, Fraction, Ge, OwnData, OwnRecipe, PositiveInt, SourceFile
from ganzoo_audio.datasets.forms import spec_of, stored
from ganzoo_audio.folders import arranged
from ganzoo_audio.own import folder_recipe
from ganzoo_audio.reading import Sound, header_of, part_of, sounds_in

SILENT = 1e-3
"""A clip whose largest value is below this, 60 dB below full scale, is silent."""
SHOWN = 10


class Clip(NamedTuple):
    """A part of a file."""

    sound: Sound
    start: int
    """In samples at the rate of the data set."""
    label: int | None

    def __str__(self) -> str:
        return f"{self.sound.file} from sample {self.start:,}"


class Waves:
    """Your own sounds: wav, flac, ogg, mp3 or aiff files, as clips of one length and rate.

    Files of other rates are resampled. If every file is in a sub-folder and there are at least two
    sub-folders, these are the classes; sub-folders ``train`` and ``test`` (or ``val``) are the
    splits. All clips of a file are in the same split. What is left out is counted in `skipped`:
    other files, ends of files that fill no clip, silent clips.

    Args:
        split: train, or test (see `holdout`).
        path: a folder, or one file.
        sample_rate: hertz.
        clip_samples: samples of a clip, its duration times `sample_rate`.
        channels: 1 mixes all channels down; 2 keeps stereo, where mono files are doubled.
        long: what to do with longer files: ``cut`` makes consecutive clips, ``first`` and
            ``centre`` take one.
        short: what to do with shorter files: ``pad`` adds silence at the end, ``skip`` leaves them
            out.
        silent: ``skip`` leaves out clips that stay 60 dB below full scale, ``keep`` does not.
        bins: give spectrograms of this many bins, for SpecGAN, and not waveforms; `clip_samples` is
            then a multiple of it.
        holdout: the fraction of files in the test split, chosen by a hash of the name.
        on_bad_file: what to do about files that cannot be read: ``error`` stops and names them,
            ``skip`` leaves them out, and names them in `skipped`.

    Raises:
        DataError: no sounds, damaged ones, or an empty split.
    """

    def __init__(
        self,
        split: str,
        *,
        path: Path,
        sample_rate: Annotated[int, Ge(100)],
        clip_samples: Annotated[int, Ge(64)],
        channels: PositiveInt = 1,
        long: Literal["cut", "first", "centre"] = "cut",
        short: Literal["pad", "skip"] = "pad",
        silent: Literal["skip", "keep"] = "skip",
        bins: PositiveInt | None = None,
        holdout: Fraction = 0.0,
        on_bad_file: Literal["error", "skip"] = "error",
    ) -> None:
        if split not in ("train", "test"):
            raise DataError(f"waves has no split {split!r}", hint="eval.reference=train")
        self.sample_rate, self.channels, self.bins = sample_rate, channels, bins
        self.clip_samples, self.silent, self.on_bad_file = clip_samples, silent, on_bad_file
        self.path, self.clipped = path, 0
        self.skipped: list[str] = []
        sounds, classes = self._sounds(split, holdout)
        self.sounds = [sound for sound, _ in sounds]
        self.spec = spec_of(channels, clip_samples, sample_rate, bins, classes)
        self.clips = self._cut(sounds, long, short)

    @staticmethod
    def new_recipe(own: OwnData) -> OwnRecipe:
        """Return WaveGAN for these sounds, at the rate that most of them have."""
        return folder_recipe(own)

    def __len__(self) -> int:
        return len(self.clips)

    @property
    def labels(self) -> list[int | None]:
        """The class of each clip; None without classes."""
        return [clip.label for clip in self.clips]

    def __getitem__(self, index: int) -> tuple[Tensor, int | None]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        clip = self.clips[index]
        return stored(self._read(clip).clamp(-1, 1)[None], self.bins)[0], clip.label

    def tensors(self) -> tuple[Tensor, Tensor | None]:
        """Check, then return all clips, float32 (N, *spec.shape), and labels int64 (N,) or None."""
        self.check()
        samples = torch.stack([self[index][0] for index in range(len(self))])
        return samples, torch.tensor(self.labels) if self.spec.classes else None

    def source_files(self) -> dict[str, SourceFile]:
        folder = self.path if self.path.is_dir() else self.path.parent
        return {sound.file.relative_to(folder).as_posix(): sound.file for sound in self.sounds}

    def check(self) -> list[str]:
        """Decode everything, and leave out what is damaged or silent, as the parameters say.

        Returns an empty list: all clips that remain can be read.

        Raises:
            DataError: files cannot be read and `on_bad_file` is ``error``, or nothing remains.
        """
        bad: dict[Path, str] = {}
        silent: list[Clip] = []
        loud = 0
        for clip in self.clips:
            try:
                peak = float(self._read(clip).abs().max())
            except DataError as error:
                bad[clip.sound.file] = error.message
                continue
            loud += peak > 1
            if peak < SILENT and self.silent == "skip":
                silent.append(clip)
        self._leave_out(list(bad.values()))
        left = set(silent)
        self.clips = [
            each for each in self.clips if each.sound.file not in bad and each not in left
        ]
        if not self.clips:
            damaged = f", and {_counted(len(bad), 'file is', 'files are')} damaged" if bad else ""
            what = f"{self.path} has no clip to train on: {len(silent)} are silent{damaged}"
            raise DataError(what, hint="dataset.silent=keep" if silent else "replace them")
        if silent:
            count = _counted(len(silent), "clip is", "clips are")
            self.skipped.append(f"{count} silent: {_named(silent)}")
        if loud and not self.clipped:
            self.clipped = loud
            count = _counted(loud, "clip", "clips")
            self.skipped.append(f"peaks beyond full scale, which {count} had")
        return []

    def _sounds(
        self, split: str, holdout: float
    ) -> tuple[list[tuple[Sound, int | None]], tuple[str, ...]]:
        """Return the files of a split with their labels, and the names of all classes."""
        files, others = sounds_in(self.path)
        if others:
            count = _counted(len(others), "file is no sound", "files are no sounds")
            self.skipped.append(f"{count}: {_named(others)}")
        mine = arranged(self.path, files, split, holdout)
        self.skipped += mine.left_out
        found: list[tuple[Sound, int | None]] = []
        bad: list[str] = []
        for file, label in zip(mine.files, mine.labels, strict=True):
            try:
                found.append((header_of(file), label))
            except DataError as error:
                bad.append(error.message)
        self._leave_out(bad)
        if not found:
            what = f"none of {len(files)} sounds in {self.path} can be read: {_named(bad)}"
            raise DataError(what, hint="remove or replace them")
        return found, mine.classes

    def _leave_out(self, bad: list[str]) -> None:
        """Leave out damaged files, or raise a DataError that names them."""
        if not bad:
            return
        shown = "; ".join(bad[:SHOWN]) + (f"; and {len(bad) - SHOWN} more" * (len(bad) > SHOWN))
        if self.on_bad_file == "error":
            what = f"{_counted(len(bad), 'file', 'files')} in {self.path}: {shown}"
            raise DataError(what, hint="dataset.on_bad_file=skip   # or remove or replace them")
        self.skipped += bad

    def _cut(self, sounds: list[tuple[Sound, int | None]], long: str, short: str) -> list[Clip]:
        """Return the clips of all files."""
        clips, too_short, unfilled, seconds = [], [], 0, 0.0
        for sound, label in sounds:
            length = sound.length_at(self.sample_rate)
            if length < self.clip_samples and short == "skip":
                too_short.append(sound.file)
            elif length <= self.clip_samples or long == "first":
                clips.append(Clip(sound, 0, label))
            elif long == "centre":
                clips.append(Clip(sound, (length - self.clip_samples) // 2, label))
            else:
                count, rest = divmod(length, self.clip_samples)
                clips += [Clip(sound, each * self.clip_samples, label) for each in range(count)]
                unfilled += rest > 0
                seconds += rest / self.sample_rate
        if too_short:
            self.skipped.append(
                f"{_counted(len(too_short), 'file is', 'files are')} shorter than a clip: "
                f"{_named(too_short)}"
            )
        if unfilled:
            self.skipped.append(
                f"{seconds:.1f} s at the end of {_counted(unfilled, 'file', 'files')} fill no clip"
            )
        if not clips:
            longest = max(sound.length_at(self.sample_rate) for sound, _ in sounds)
            what = f"no file in {self.path} lasts {self.clip_samples:,} samples"
            raise DataError(what, hint=f"dataset.clip_samples={longest}, or dataset.short=pad")
        return clips

    def _read(self, clip: Clip) -> Tensor:
        """Return a clip, float32 (channels, clip_samples), not clamped."""
        return part_of(clip.sound, clip.start, self.clip_samples, self.sample_rate, self.channels)


def _counted(count: int, one: str, several: str) -> str:
    return f"{count:,} {one if count == 1 else several}"


def _named(things: Sequence[object]) -> str:
    return ", ".join(map(str, things[:3])) + (", ..." if len(things) > 3 else "")
