"""Clips of the user's own."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from ganzoo_zoo.datasets.folder import class_folders, in_no_split, pair, place, split_folders
from ganzoo_zoo.datasets.pictures import Crop, fit
from ganzoo_zoo.datasets.splits import require_index, require_split
from torch import Tensor

from ganzoo.api import (
    DataError,
    Fraction,
    OwnData,
    OwnRecipe,
    PositiveFloat,
    PositiveInt,
    SampleSpec,
    SourceFile,
)
from ganzoo_video.own import clip_recipe
from ganzoo_video.reading import SHOWN, Clip, clips_in, holds_clips, sizes_of


class Clips:
    """Your own clips, from a folder of animated gif and webp files and of folders of frames.

    An animation is a clip. A folder of numbered pictures is a clip, too. Each clip is cut into
    samples of `frames` frames, every `stride`-th one, that have no frame in common; what is left at
    its end is not used. Clips that are too short for one sample are left out. Both are counted in
    `skipped`, with files that are part of no clip. If every clip is in a sub-folder, there are at
    least two of these, and one of them has several clips, they are the classes, sorted by name.
    Sub-folders ``train`` and ``test`` (or ``val``) are the splits.

    Args:
        split: train, or test (see `holdout`).
        path: a folder.
        size: side in pixels, or height and width; optional if all clips have the same size.
        frames: of a sample.
        stride: take every so many frames; the frame rate falls accordingly.
        crop: what to do with other aspect ratios: ``center`` crops, ``pad`` adds white, ``none``
            stretches.
        channels: 3, or 1 for grey (ITU-R 601 luma).
        holdout: the fraction of clips in the test split, selected by a hash of the name, so that
            samples of a clip are in one split and adding clips moves none. 0: no test split.
        frame_rate: frames a second of the files; null: what the first animation says, else 8.
        mirror: whether training may flip clips left to right; the data itself stays unchanged.

    Raises:
        DataError: nothing to read, every clip too short, no common size, a damaged header, or no
            such split.
    """

    def __init__(
        self,
        split: str,
        *,
        path: Path,
        size: PositiveInt | tuple[PositiveInt, PositiveInt] | None = None,
        frames: PositiveInt = 16,
        stride: PositiveInt = 1,
        crop: Crop = "center",
        channels: Literal[1, 3] = 3,
        holdout: Fraction = 0.0,
        frame_rate: PositiveFloat | None = None,
        mirror: bool = False,
    ) -> None:
        require_split("video/clips", split, ("train", "test"))
        self.path, self.stride, self.crop, self.mirror = path, stride, crop, mirror
        every, notes = clips_in(path)
        span = (frames - 1) * stride + 1
        long = [clip for clip in every if clip.frames >= span]
        if not long:
            raise _nothing(path, every, notes, span)
        self.clips, self.classes, depth = _select(split, path, holdout, long)
        step = frames * stride
        notes += in_no_split([clip.name for clip in every])
        self.skipped = [*notes, *_left_out(every, span, step)]
        self.starts: list[tuple[int, int]] = []
        self.windows: list[range] = []
        for number, clip in enumerate(self.clips):
            firsts = range(0, clip.frames - span + 1, step)
            self.windows.append(range(len(self.starts), len(self.starts) + len(firsts)))
            self.starts += [(number, first) for first in firsts]
        self.wanted = stride * np.arange(frames)
        self.clip_labels = [
            self.classes.index(clip.name.split("/")[depth]) if self.classes else 0
            for clip in self.clips
        ]
        height, width = _common_size(long) if size is None else pair(size)
        rates = (clip.frame_rate for clip in every if clip.frame_rate)
        rate = frame_rate or next(rates, 8.0)
        self.spec = SampleSpec(
            "video",
            (frames, channels, height, width),
            classes=len(self.classes),
            class_names=self.classes,
            frame_rate=rate / stride,
        )

    @staticmethod
    def recognises(folder: Path) -> bool:
        """Return whether a folder holds clips, and not pictures."""
        return holds_clips(folder)

    @staticmethod
    def new_recipe(own: OwnData) -> OwnRecipe:
        """Return a small MoCoGAN for these clips."""
        return clip_recipe(own, *clips_in(own.data))

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> tuple[Tensor, int | None]:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[tuple[Tensor, int | None]]:
        """Read several samples; those of a clip are decoded together."""
        chosen = [require_index(index, len(self)) for index in indices]
        found = dict(self._read(sorted(set(chosen))))
        return [(found[index], self._label(index)) for index in chosen]

    @property
    def labels(self) -> list[int] | None:
        """The classes of all samples, or None."""
        return [self.clip_labels[number] for number, _ in self.starts] if self.classes else None

    def tensors(self) -> tuple[Tensor, Tensor | None]:
        """Return all samples, uint8 (N, T, C, H, W), and labels int64 (N,) or None."""
        samples = torch.empty(len(self), *self.spec.shape, dtype=torch.uint8)
        for index, sample in self._read(range(len(self))):
            samples[index] = sample
        return samples, None if self.labels is None else torch.tensor(self.labels)

    def source_files(self) -> dict[str, SourceFile]:
        """Return all animations and pictures by name."""
        return {name: self.path / name for clip in self.clips for name in clip.files}

    def check(self) -> list[str]:
        """Decode everything, without keeping it; return what cannot be read."""
        problems = []
        for number, window in enumerate(self.windows):
            try:
                for _ in self._frames(number, window):
                    pass
            except DataError as error:
                problems.append(error.message)
        return problems

    def _label(self, index: int) -> int | None:
        return self.clip_labels[self.starts[index][0]] if self.classes else None

    def _read(self, indices: Sequence[int]) -> Iterator[tuple[int, Tensor]]:
        """Yield index and sample, for increasing indices: each clip is opened once."""
        of_clip: dict[int, list[int]] = {}
        for index in indices:
            of_clip.setdefault(self.starts[index][0], []).append(index)
        for number, mine in of_clip.items():
            frames = self._frames(number, mine)
            for index in mine:
                sample = np.stack([next(frames) for _ in self.wanted])
                yield index, torch.from_numpy(sample).permute(0, 3, 1, 2).contiguous()

    def _frames(self, number: int, indices: Sequence[int]) -> Iterator[np.ndarray]:
        """Yield the frames of samples of one clip, uint8 (H, W, C)."""
        _, channels, height, width = self.spec.shape
        wanted = [int(self.starts[index][1] + each) for index in indices for each in self.wanted]
        for frame in self.clips[number].decoded(wanted, channels):
            yield np.array(fit(frame, height, width, self.crop)).reshape(height, width, channels)


def _select(
    split: str, path: Path, holdout: float, clips: Sequence[Clip]
) -> tuple[list[Clip], tuple[str, ...], int]:
    """Return the clips of a split, the names of the classes, and the depth of their folders.

    Raises:
        DataError: no test split, an empty split, or a class that is not in the training set.
    """
    names = [clip.name for clip in clips]
    if folders := split_folders(names):
        if holdout:
            raise DataError(
                f"{path} has the splits {' and '.join(folders.values())} of its own",
                hint="leave dataset.holdout out",
            )
        train, mine = (
            [clip for clip in clips if clip.name.startswith(folders[each])]
            for each in ("train", split)
        )
    else:
        if split == "test" and not holdout:
            raise DataError(
                f"{path} has no test split", hint="dataset.holdout=0.1, or eval.reference=train"
            )
        train = list(clips)
        mine = [each for each in clips if (place(each.name) < holdout) == (split == "test")]
    if not mine:
        raise DataError(
            f"the split {split!r} is empty: holdout is {holdout}, and {path} has "
            f"{len(clips)} clips",
            hint="dataset.holdout=0.1",
        )
    classes, depth = class_folders([clip.name for clip in train])
    if not 1 < len(classes) < len(train):  # one clip a folder: the folders are its names
        return mine, (), 0
    parts = [(clip, clip.name.split("/")) for clip in mine]
    for clip, each in parts:
        if len(each) <= depth or each[depth] not in classes:
            raise DataError(
                f"{path / clip.name} is in no class of the training set: {', '.join(classes)}",
                hint="give both splits the same sub-folders",
            )
    return mine, classes, depth


def _left_out(every: Sequence[Clip], span: int, step: int) -> list[str]:
    """Return lines about clips that are too short, and about frames at the end of others."""
    lines = []
    if short := [clip.name for clip in every if clip.frames < span]:
        count = "1 clip is" if len(short) == 1 else f"{len(short)} clips are"
        more = ", …" if len(short) > SHOWN else ""
        lines.append(f"{count} shorter than {span} frames: {', '.join(short[:SHOWN])}{more}")
    rests = [(clip.frames - span) % step for clip in every if clip.frames >= span]
    if rest := sum(rests):
        several = sum(map(bool, rests))
        lines.append(f"{rest} frames at the end of {several} clips fill no sample")
    return lines


def _nothing(path: Path, every: Sequence[Clip], notes: Sequence[str], span: int) -> DataError:
    if every:
        longest = max(clip.frames for clip in every)
        what = f"the {len(every)} clips in {path} are all shorter than {span} frames"
        return DataError(
            f"{what}: the longest has {longest}", hint=f"dataset.stride=1 dataset.frames={longest}"
        )
    return DataError(
        f"there are no clips in {path}{''.join(f'; {note}' for note in notes)}",
        hint="dataset.path=FOLDER with animated gif or webp files, or folders of numbered pictures",
    )


def _common_size(clips: Sequence[Clip]) -> tuple[int, int]:
    first = clips[0]
    for name, (height, width) in sizes_of(clips):
        if (height, width) != first.size:
            raise DataError(
                f"the clips in {first.root} differ in size: {first.name} is "
                f"{first.size[1]}x{first.size[0]}, {name} is {width}x{height}",
                hint="dataset.size=32",
            )
    return first.size
