"""The recipe for a folder of sounds of somebody's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from statistics import median

from ganzoo_zoo.datasets.folder import split_folders

from ganzoo.api import DataError, OwnData, OwnRecipe
from ganzoo_audio.folders import arranged
from ganzoo_audio.reading import Sound, header_of, sounds_in

SHORTEST, LONGEST = 1024, 16384
"""Samples of a clip; the longest is WaveGAN's."""
HOLDOUT, FEW = 0.1, 50
"""A tenth of the files is held out, of fewer than 50 none."""
STEPS, BATCH = 20_000, 64
NEIGHBOURS = 5
"""Clips that density-coverage looks for beside each one."""


def folder_recipe(own: OwnData) -> OwnRecipe:
    """Return WaveGAN for a folder of sounds, or for one file, at the rate that most files have.

    Raises:
        DataError: no sound can be read.
    """
    files, _ = sounds_in(own.data)
    sounds: list[Sound] = []
    for file in files:
        with suppress(DataError):  # the data set names it
            sounds.append(header_of(file))
    if not sounds:
        raise DataError(f"none of {len(files)} sounds in {own.data} can be read", hint="--as ID")
    rate = Counter(each.sample_rate for each in sounds).most_common(1)[0][0]
    typical = median(each.length_at(rate) for each in sounds)
    clip = SHORTEST
    while clip < LONGEST and clip * 2**0.5 < typical:  # the nearest power of two
        clip *= 2
    classes = arranged(own.data, files, "train", 0.0).classes
    about = _about(sounds, len(files), rate, classes)
    folder = own.data if own.data.is_dir() else own.data.parent
    names = [each.file.relative_to(folder).as_posix() for each in sounds]
    holdout = len(sounds) >= FEW and not split_folders(names)
    parts = [
        _dataset(own, sounds, rate, clip, holdout),
        _networks(classes),
        _training(sounds, rate, clip),
    ]
    return OwnRecipe([*about], "\n\n".join("\n".join(part) for part in parts), "new")


def _about(sounds: list[Sound], files: int, rate: int, classes: tuple[str, ...]) -> Iterator[str]:
    seconds = [each.frames / each.sample_rate for each in sounds]
    yield (
        f"{len(sounds):,} sounds of {min(seconds):.2f} to {max(seconds):.2f} s, "
        f"{sum(seconds):,.0f} s together, most at {rate} Hz."
    )
    if files > len(sounds):
        yield f"{files - len(sounds):,} of {files:,} files cannot be read; the check names them."
    if classes:
        yield f"{len(classes):,} classes by sub-folder: {', '.join(classes[:8])}" + (
            ", ..." if len(classes) > 8 else "."
        )


def _dataset(
    own: OwnData, sounds: list[Sound], rate: int, clip: int, holdout: bool
) -> Iterator[str]:
    others = sum(each.sample_rate != rate for each in sounds)
    most = Counter(each.channels for each in sounds).most_common(1)[0][0]
    longer = sum(each.length_at(rate) > clip for each in sounds)
    shorter = sum(each.length_at(rate) < clip for each in sounds)
    yield "dataset:"
    yield "  use: audio/waves"
    yield f"  path: {own.yaml(own.path)}  # seen from this file"
    yield f"  sample_rate: {rate}  # hertz, of new sounds too; {others:,} files are resampled"
    yield f"  clip_samples: {clip}  # {clip / rate:.2f} s; twice as long takes twice the time"
    yield f"  channels: 1  # most files have {most}; 1 mixes them, 2 makes stereo"
    yield f"  long: cut  # {longer:,} longer files are cut into clips; or first, centre"
    yield f"  short: pad  # silence is added to {shorter:,} shorter files; or skip"
    if holdout:
        yield f"  holdout: {HOLDOUT}  # share of the files that are never trained on, for scores"


def _networks(classes: tuple[str, ...]) -> Iterator[str]:
    yield "# WaveGAN (arXiv:1802.04208). Width 64 is the paper's, for a GPU: 16 times the work."
    conditional = ", conditional: true" if classes else ""
    if classes:
        yield "# `ganzoo sample last --label NAME` asks for one sub-folder's kind of sound."
        yield "conditional: true"
    yield f"generator: {{use: audio/wavegan, width: 16{conditional}}}"
    yield f"discriminator: {{use: audio/wavegan, width: 16{conditional}}}"
    yield "loss: wgan-gp"
    yield "optimizers:"
    yield "  both: {use: adam, lr: 2e-4, betas: [0.5, 0.9]}"


def _training(sounds: list[Sound], rate: int, clip: int) -> Iterator[str]:
    clips = sum(max(each.length_at(rate) // clip, 1) for each in sounds)
    batch = BATCH if clips >= BATCH else 1 << (clips.bit_length() - 1)
    yield "train:"
    yield f"  steps: {STEPS}  # try train.steps=200 first: it says how long all of them take"
    yield f"  batch_size: {batch}"
    yield "  discriminator_steps: 5"
    yield "  ema: {half_life_samples: 20000, ramp_up: 0.05}"
    yield "eval:"
    if clips < 2:
        yield "  extractor: null  # nothing is scored against fewer than 2 clips"
        return
    yield f"  extractor: {{use: audio/log-mel, sample_rate: {rate}}}"
    yield f"  samples: {min(max(clips, 64), 5000)}"
    yield f"  every_steps: {STEPS // 10}"
    if clips > NEIGHBOURS:
        yield "  metrics: [density-coverage]  # are all kinds of sounds there, and no others?"
