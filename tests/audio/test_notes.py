"""Notes whose pitch is known, how it is heard, and the metric of it."""

import numpy as np
import pytest
import torch
from ganzoo_audio.datasets.notes import HERTZ, PITCHES, Notes
from ganzoo_audio.metrics.pitch import Pitch
from ganzoo_audio.pitch import pitches

from ganzoo.api import DataError, Evaluated, SampleSpec


class Probe:
    """An extractor of which only the spec is asked for."""

    def __init__(self, spec: SampleSpec) -> None:
        self.spec = spec


def side(samples: torch.Tensor, labels: torch.Tensor | None, spec: SampleSpec) -> Evaluated:
    return Evaluated(torch.zeros(len(samples), 1), samples, labels, extraction=Probe(spec))


def test_the_scale_is_pentatonic_and_tuned_to_440_hertz() -> None:
    assert HERTZ[PITCHES.index("A4")] == 440
    steps = (1200 * np.log2(HERTZ[1:] / HERTZ[:-1])).round().tolist()
    assert steps == [200, 200, 300, 200, 300, 200, 200, 300, 200]


@pytest.mark.parametrize("rate", [4000, 8000, 44100])
def test_the_pitch_of_every_note_is_heard(rate: int) -> None:
    notes = Notes("test", length=50, clip_samples=rate // 4, sample_rate=rate)
    clips, labels = notes.tensors()
    found = pitches(clips, rate)
    away = 1200 * (found.hertz.log2() - torch.from_numpy(HERTZ).log2()[labels])
    assert away.abs().max() < 20  # cents, of which up to 10 are the detuning
    assert found.clarity.min() > 0.8


def test_noise_and_silence_have_no_pitch() -> None:
    noise = torch.randn(200, 1, 2048, generator=torch.Generator().manual_seed(0))
    assert pitches(noise, 8000).clarity.max() < 0.5
    assert pitches(torch.zeros(2, 1, 2048), 8000).clarity.max() == 0


def test_the_pitch_of_sines_is_exact() -> None:
    wanted = torch.tensor([100.0, 261.63, 440.0, 1234.5])
    sines = (2 * torch.pi * wanted[:, None] * torch.arange(4000) / 8000).sin()[:, None]
    torch.testing.assert_close(pitches(sines, 8000).hertz.float(), wanted, rtol=2e-3, atol=0)


def test_harmonics_above_half_the_sample_rate_are_left_out_and_not_folded_back() -> None:
    clips, labels = Notes("train", length=100, clip_samples=4000, sample_rate=2000).tensors()
    power = torch.fft.rfft(clips[labels == PITCHES.index("A5")]).abs().square().mean((0, 1))
    near = slice(2 * 860, 2 * 900)  # in half hertz; only the fundamental is below 1,000 Hz
    assert power[near].sum() > 0.99 * power.sum()


def test_notes_differ_in_timbre_envelope_and_level_within_full_scale() -> None:
    notes = Notes("train", length=400, clip_samples=512)
    clips, labels = notes.tensors()
    assert labels.bincount().tolist() == [40] * 10
    assert notes.timbres().bincount().min() > 70
    peaks = clips.abs().amax((1, 2))
    assert 0.5 <= peaks.min() < 0.55 < 0.85 < peaks.max() <= 0.9
    parts = clips.square().unflatten(2, (4, -1)).mean(3)[:, 0]
    assert (parts[:, 0] > 2 * parts[:, 2]).any()  # plucked
    assert (parts[:, 2] > 2 * parts[:, 0]).any()  # swelling


def test_splits_and_seeds_are_other_notes_and_more_notes_begin_with_the_same() -> None:
    first = Notes("train", length=5, clip_samples=256).tensors()[0]
    assert torch.equal(first, Notes("train", length=9, clip_samples=256).tensors()[0][:5])
    for other in (Notes("test", length=5, clip_samples=256), Notes("train", length=5, seed=1)):
        assert not torch.equal(first[..., :64], other.tensors()[0][..., :64])


def test_the_metric_of_real_notes_is_perfect_and_that_of_noise_is_nothing() -> None:
    real = Notes("train", length=300, clip_samples=1024)
    held_out, labels = Notes("test", length=300, clip_samples=1024).tensors()
    reference = side(*real.tensors(), real.spec)
    found = Pitch()(reference, side(held_out, labels, real.spec))
    assert found["pitch_clear"] == found["pitch_in_tune"] == found["pitch_accuracy"] == 1
    assert found["pitch_balance"] == 1
    noise = Pitch()(reference, side(torch.randn(300, 1, 1024) / 4, labels, real.spec))
    assert noise["pitch_clear"] == noise["pitch_in_tune"] == noise["pitch_accuracy"] == 0
    assert noise["pitch_in_tune_real"] == 1


def test_the_metric_sees_wrong_notes_missing_notes_and_notes_between() -> None:
    real = Notes("train", length=300, clip_samples=1024)
    clips, labels = real.tensors()
    reference = side(clips, labels, real.spec)
    wrong = Pitch()(reference, side(clips, labels.roll(1), real.spec))
    assert wrong["pitch_accuracy"] == 0
    assert wrong["pitch_in_tune"] == 1
    few = Pitch()(reference, side(clips[labels < 5], None, real.spec))
    assert few["pitch_balance"] == pytest.approx(0.5)
    assert "pitch_accuracy" not in few
    sharp = Notes("train", length=300, clip_samples=1024, sample_rate=7550)  # a semitone lower
    between = Pitch()(reference, side(sharp.tensors()[0], None, real.spec))
    assert between["pitch_clear"] == 1
    assert between["pitch_in_tune"] == 0


def test_the_metric_refuses_other_sounds() -> None:
    spec = SampleSpec("audio", (1, 64), sample_rate=8000)
    sound = side(torch.zeros(2, 1, 64), None, spec)
    with pytest.raises(DataError, match="for the data set notes alone"):
        Pitch()(sound, sound)
