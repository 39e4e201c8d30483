"""Procedural notes of a known pitch: data without a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganzoo.api import DataError, Ge, NonNegativeInt, PositiveInt, SourceFile
from ganzoo_audio.datasets.forms import spec_of, stored

Array = NDArray[np.float64]

SPLITS = ("train", "test", "extractor")

PITCHES = ("C4", "D4", "E4", "G4", "A4", "C5", "D5", "E5", "G5", "A5")
HERTZ = 440 * 2 ** ((np.array([60, 62, 64, 67, 69, 72, 74, 76, 79, 81]) - 69) / 12)
"""Fundamental frequency of each pitch: two octaves of the pentatonic scale on C, A4 at 440 Hz."""

TIMBRES = np.array(
    [
        [1, 0.1, 0.05, 0, 0, 0, 0, 0],  # a flute: little but the fundamental
        [1, 0, 0.5, 0, 0.3, 0, 0.15, 0],  # a clarinet: odd harmonics
        [1, 0.6, 0.45, 0.35, 0.25, 0.2, 0.15, 0.1],  # a string: all harmonics
        [1, 0.8, 0, 0.5, 0, 0, 0, 0.2],  # an organ: octaves
    ]
)
"""Amplitudes of the harmonics of each timbre."""

ENVELOPES = ("plucked", "held", "swelling")
DETUNE_CENTS = 10.0
"""Notes are out of tune by up to this much, uniformly."""
RELEASE = 0.1
"""Share of a note in which it fades to silence at the end."""
DRAWS = 6
"""Random numbers of a note."""


class Notes:
    """Notes of ten pitches, four timbres and three envelopes, mono.

    The label of a note is its pitch, its index modulo 10: two octaves of the pentatonic scale on
    C, from C4 (262 Hz) to A5 (880 Hz). Timbre (flute, clarinet, string, organ: amplitudes of eight
    harmonics), envelope (plucked, held, swelling), phase, level and a detuning of up to 10 cents
    are drawn for each note. Harmonics above half the sample rate are left out.

    Args:
        split: train, test, or extractor, on which `note-classifier` was trained.
        length: number of notes.
        clip_samples: samples of a note, its duration times `sample_rate`.
        sample_rate: hertz.
        bins: give spectrograms of this many bins, for SpecGAN, and not waveforms; `clip_samples` is
            then a multiple of it.
        seed: of everything that is drawn.

    Raises:
        DataError: no such split.
    """

    def __init__(
        self,
        split: str,
        *,
        length: PositiveInt = 5000,
        clip_samples: Annotated[int, Ge(64)] = 4096,
        sample_rate: Annotated[int, Ge(2000)] = 8000,
        bins: PositiveInt | None = None,
        seed: NonNegativeInt = 0,
    ) -> None:
        if split not in SPLITS:
            what = f"notes has no split {split!r}; it has {', '.join(SPLITS)}"
            raise DataError(what, hint="eval.reference=train")
        self.clip_samples, self.sample_rate, self.bins = clip_samples, sample_rate, bins
        self.spec = spec_of(1, clip_samples, sample_rate, bins, PITCHES)
        self.draws = np.random.default_rng([seed, SPLITS.index(split)]).random((length, DRAWS))
        self.labels = torch.arange(length) % len(PITCHES)

    def __len__(self) -> int:
        return len(self.draws)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[tuple[Tensor, int]]:
        chosen = np.asarray(indices)
        return list(zip(self._played(chosen), self.labels[chosen].tolist(), strict=True))

    def tensors(self) -> tuple[Tensor, Tensor]:
        blocks = np.array_split(np.arange(len(self)), -(-len(self) // 256))
        return torch.cat([self._played(block) for block in blocks]), self.labels

    def source_files(self) -> dict[str, SourceFile]:
        return {}

    def timbres(self) -> Tensor:
        """Return the timbre of each note, int64 (length,): a row of `TIMBRES`."""
        return torch.from_numpy((self.draws[:, 0] * len(TIMBRES)).astype(np.int64))

    def _played(self, indices: NDArray[np.int64]) -> Tensor:
        """Return the notes of these indices in stored form, float32 (n, *spec.shape)."""
        rate, count = self.sample_rate, self.clip_samples
        u = self.draws[indices]
        cents = DETUNE_CENTS * (2 * u[:, 2] - 1)
        hertz = HERTZ[indices % len(HERTZ)] * 2 ** (cents / 1200)
        harmonics = np.arange(1, TIMBRES.shape[1] + 1)
        amplitudes = TIMBRES[(u[:, 0] * len(TIMBRES)).astype(int)]
        amplitudes = amplitudes * (hertz[:, None] * harmonics < rate / 2)
        turns = hertz[:, None] * np.arange(count) / rate + u[:, 3, None]
        waves = np.sin(2 * np.pi * turns[:, None] * harmonics[:, None])  # (n, harmonics, count)
        notes = np.einsum("nh,nht->nt", amplitudes, waves) / amplitudes.sum(1, keepdims=True)
        notes *= _envelopes(u, count)
        notes *= (0.5 + 0.4 * u[:, 5, None]) / np.abs(notes).max(1, keepdims=True)
        return stored(torch.from_numpy(notes[:, None].astype(np.float32)), self.bins)


def _envelopes(u: Array, count: int) -> Array:
    """Return the loudness over time of notes with these draws, (n, count) in [0, 1]."""
    time = np.arange(count) / count
    pace = 1 + u[:, 4, None]  # from 1 to 2
    shapes = np.stack([np.exp(-4 * pace * time), np.ones((len(u), count)), time ** (pace / 2)])
    chosen = shapes[(u[:, 1] * len(ENVELOPES)).astype(int), np.arange(len(u))]
    attack, release = np.minimum(time / 0.02, 1), np.minimum((1 - time) / RELEASE, 1)
    return chosen * attack * release
