"""Are generated notes in tune, and are all pitches there? The truth is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from ganzoo.api import DataError, Evaluated, PositiveFloat
from ganzoo.nn import blocks_of_rows
from ganzoo_audio.datasets.notes import HERTZ, PITCHES
from ganzoo_audio.pitch import pitches
from ganzoo_audio.spectra import waveforms

CLEAR = 0.8
"""A clip has a pitch if its normalised autocorrelation is at least this."""


class Pitch:
    """Pitches of generated `notes`, by autocorrelation, beside those of the real ones.

    ``pitch_clear`` is the share of clips that have a pitch (periodic to 0.8), ``pitch_in_tune`` the
    share of all clips whose pitch is within `cents` of a note of the scale, and ``pitch_balance`` 1
    minus the total variation distance of the shares of the ten notes from the real ones: 1 is all
    of them as often as there, and 0.5 says that no note was heard. ``pitch_accuracy``, where labels
    were given to G, is the share that plays the note that was asked for. ``…_real`` is what the
    real notes have: the best to be expected. Of pitches at random from C4 to A5, evenly by their
    logarithm, 43 % are in tune.

    Args:
        cents: hundredths of a semitone.

    Raises:
        DataError: the data set is not `notes`.
    """

    def __init__(self, *, cents: PositiveFloat = 50.0) -> None:
        self.cents = cents

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        spec = None if real.extraction is None else real.extraction.spec
        if spec is None or spec.class_names != PITCHES or spec.sample_rate is None:
            what = "the metric 'pitch' is for the data set notes alone"
            raise DataError(what, hint="remove audio/pitch from eval.metrics")
        made, truth = (self._heard(side, spec.sample_rate) for side in (fake, real))
        result = {}
        for end, side, heard in (("", fake, made), ("_real", real, truth)):
            result[f"pitch_clear{end}"] = heard.clear
            result[f"pitch_in_tune{end}"] = float((heard.note >= 0).double().mean())
            if side.labels is not None:
                result[f"pitch_accuracy{end}"] = float((heard.note == side.labels).double().mean())
        result["pitch_balance"] = 1 - float((made.shares - truth.shares).abs().sum()) / 2
        return result

    def _heard(self, side: Evaluated, sample_rate: int) -> Heard:
        notes, clear = [], 0
        scale = torch.from_numpy(HERTZ).log2()
        for block in blocks_of_rows(side.samples):
            found = pitches(waveforms(block), sample_rate)
            away, note = (1200 * (found.hertz.log2()[:, None] - scale)).abs().min(1)
            periodic = found.clarity >= CLEAR
            clear += int(periodic.sum())
            notes.append(torch.where(periodic & (away <= self.cents), note, -1))
        return Heard(torch.cat(notes), clear / len(side.samples))


class Heard(NamedTuple):
    """The notes of one side."""

    note: Tensor
    """Index of the note of each clip, int64 (N,); -1: none."""
    clear: float
    """Share of clips that have a pitch."""

    @property
    def shares(self) -> Tensor:
        """Shares of the notes among the clips that have one, float64 (10,); or zeros."""
        counts = self.note[self.note >= 0].bincount(minlength=len(HERTZ)).double()
        return counts / counts.sum().clamp(min=1)
