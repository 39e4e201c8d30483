"""The recipe for clips of somebody's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ganzoo_zoo.datasets.folder import place, split_folders

from ganzoo.api import DataError, OwnData, OwnRecipe
from ganzoo_video.reading import Clip

SIZE = 32
"""Of frames, if ``--size`` is not given: what a CPU trains in minutes."""

LENGTHS = (16, 8, 4, 2)
"""Frames of a sample, the first that most clips have."""

HOLDOUTS = (0.1, 0.2, 0.3, 0.4, 0.5)
"""Shares of the clips; the first is chosen that holds two samples out and leaves two."""

MOST = 0.9
"""Share of clips that are long enough for the chosen length."""

LOOKED_AT = 8
"""Clips whose colours are looked at."""

STEPS, BATCH, MOST_SCORED = 5000, 16, 1000


def clip_recipe(own: OwnData, clips: Sequence[Clip], notes: Sequence[str]) -> OwnRecipe:
    """Return a small MoCoGAN for clips.

    Args:
        notes: lines about files that are part of no clip.

    Raises:
        DataError: there are no clips of 2 frames.
    """
    moving = [clip for clip in clips if clip.frames > 1]
    if not moving:
        raise DataError(
            f"there are no clips in {own.data}{''.join(f'; {note}' for note in notes)}",
            hint="a folder with animated gif or webp files, or folders of numbered pictures",
        )
    lengths = sorted(clip.frames for clip in moving)
    least = lengths[round((1 - MOST) * (len(lengths) - 1))]
    frames = next(each for each in LENGTHS if each <= least)
    samples = sum(length // frames for length in lengths)
    some = f"{lengths[0]} to {lengths[-1]}" if lengths[0] < lengths[-1] else f"{lengths[0]}"
    about = [f"{len(moving):,} clips of {some} frames, {samples:,} samples of {frames} frames."]
    about += [*notes]
    gifs = sum(clip.name.lower().endswith(".gif") for clip in moving)
    suffix = ".gif" if 2 * gifs > len(moving) else ".webp"
    splits = bool(split_folders([clip.name for clip in moving]))
    holdout = None if splits else _holdout(moving, frames)
    compared = splits or holdout is not None
    parts = [_dataset(own, moving, frames, holdout), _networks(), _training(samples, compared)]
    body = "\n\n".join("\n".join(part) for part in parts)
    choice = "video/mocogan: one content a clip, and a motion; small enough for a CPU"
    return OwnRecipe(about, body, f"new{suffix}", choice)


def _holdout(clips: Sequence[Clip], frames: int) -> float | None:
    """Return the share that holds two samples out and leaves two; None: there are too few."""
    sizes = {clip.name: clip.frames // frames for clip in clips}
    for share in HOLDOUTS:
        held_out = sum(size for name, size in sizes.items() if place(name) < share)
        if min(held_out, sum(sizes.values()) - held_out) > 1:
            return share
    return None


def _dataset(
    own: OwnData, clips: Sequence[Clip], frames: int, holdout: float | None
) -> Iterator[str]:
    sizes = sorted({f"{clip.size[1]}x{clip.size[0]}" for clip in clips})
    found = f"{', '.join(sizes[:3])}{', …' if len(sizes) > 3 else ''}"
    grey = all(map(_is_grey, clips[:LOOKED_AT]))
    yield "requires: [ganzoo-video]"
    yield "dataset:"
    yield "  use: video/clips"
    yield f"  path: {own.yaml(own.path)}  # seen from this file"
    yield f"  size: {own.size or SIZE}  # the clips are {found}"
    yield "  crop: center  # the longer side is cropped; pad adds white, none stretches"
    yield f"  frames: {frames}  # of a sample; longer clips are cut, shorter ones left out"
    yield "  stride: 1  # 2: every second frame, for slow clips"
    yield f"  channels: {1 if grey else 3}{'  # the first clips are grey' if grey else ''}"
    if holdout:
        yield f"  holdout: {holdout}  # share of the clips that are never trained on, for scores"


def _is_grey(clip: Clip) -> bool:
    (frame,) = clip.decoded([0], 3)
    red, *others = (band.tobytes() for band in frame.split())
    return all(each == red for each in others)


def _networks() -> Iterator[str]:
    yield "# A small MoCoGAN (arXiv:1707.04993): one content a clip, and a motion."
    yield "generator: {use: video/mocogan, width: 32}"
    yield "discriminator: {use: video/mocogan, width: 32, norm: spectral}"
    yield "loss: hinge"
    yield "regularizers:"
    yield "  r1: {gamma: 0.05, every_steps: 4}"
    yield "optimizers:"
    yield "  both: {use: adam, lr: 1e-3, betas: [0.0, 0.99]}"


def _training(samples: int, compared: bool) -> Iterator[str]:
    batch = max(min(BATCH, samples), 2)
    yield "train:"
    yield f"  steps: {STEPS}  # {STEPS * batch / samples:,.0f} times through the samples"
    yield f"  batch_size: {batch}"
    yield "  ema: {half_life_samples: 10000, ramp_up: 0.05}"
    yield "eval:"
    if samples < 2:
        yield "  extractor: null  # nothing is scored against fewer than 2 samples"
        return
    yield f"  samples: {min(samples, MOST_SCORED)}"
    yield "  # Features of a small classifier of digits and shapes: to compare runs on these clips."
    yield "  # It is no FVD."
    yield "  extractor: video/toy-cnn"
    if not compared:
        return
    yield "  metrics:"
    yield "    - video/frechet  # of single frames, and of what changes from frame to frame"
