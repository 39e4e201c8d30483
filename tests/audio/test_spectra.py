"""Spectrograms with their inverse, log-mel features, and resampling."""

import pytest
import torch
from ganzoo_audio.datasets.notes import HERTZ, Notes
from ganzoo_audio.extractors.log_mel import LogMel
from ganzoo_audio.pitch import pitches
from ganzoo_audio.resampling import resampled
from ganzoo_audio.spectra import spectrograms, waveforms

from ganzoo.api import DataError


def sine(hertz: float, rate: int, count: int) -> torch.Tensor:
    return (2 * torch.pi * hertz * torch.arange(count).double() / rate).sin().float()


def test_a_sine_of_full_scale_is_1_at_its_bin_and_silence_is_minus_1() -> None:
    clip = sine(1000, 8000, 2048)[None, None]
    levels = spectrograms(clip, 128)[0, 0]
    assert levels.shape == (128, 16)
    assert levels[32, 1:-1].tolist() == pytest.approx([1.0] * 14, abs=1e-3)
    assert levels[32:34, 8].argmax() == 0
    assert levels[60:, 4:-4].max() < -0.5
    assert (spectrograms(torch.zeros(1, 1, 2048), 128) == -1).all()


def test_half_the_amplitude_is_6_decibels_less() -> None:
    loud, soft = (spectrograms(a * sine(1000, 8000, 2048)[None, None], 128) for a in (1, 0.5))
    assert 40 * (loud - soft)[0, 0, 32, 8] == pytest.approx(6.02, abs=0.01)


def test_notes_that_are_heard_from_their_spectrograms_are_in_tune() -> None:
    notes = Notes("test", length=60, clip_samples=2048, bins=128)
    levels, labels = notes.tensors()
    assert levels.shape[1:] == notes.spec.shape == (1, 128, 16)
    clips = waveforms(levels)
    away = 1200 * (pitches(clips, 8000).hertz.log2() - torch.from_numpy(HERTZ).log2()[labels])
    assert away.abs().max() < 30
    again = spectrograms(clips, 128)
    error = (10 ** (2 * again) - 10 ** (2 * levels)).square().sum().sqrt()
    assert error < 0.2 * (10 ** (2 * levels)).square().sum().sqrt()


def test_the_sound_of_a_spectrogram_does_not_depend_on_the_others_in_its_batch() -> None:
    levels, _ = Notes("test", length=5, clip_samples=1024, bins=64).tensors()
    torch.testing.assert_close(waveforms(levels)[3:], waveforms(levels[3:]))


def test_clips_that_are_no_whole_number_of_frames_are_refused() -> None:
    with pytest.raises(DataError, match="no whole number of frames of 128") as caught:
        Notes("train", clip_samples=1000, bins=128)
    assert caught.value.hint == "dataset.clip_samples=896"


def test_log_mel_features_follow_loudness_place_in_time_and_frequency() -> None:
    extractor = LogMel()
    clip = sine(1000, 8000, 4096)[None, None] / 2
    loud, soft = extractor(clip), extractor(clip / 10)
    assert loud.shape == (1, 200)
    band = loud[0, :40].argmax()
    assert (loud - soft)[0, band] == pytest.approx(2.0, abs=0.01)  # a hundredth of the power
    assert extractor(sine(2000, 8000, 4096)[None, None])[0, :40].argmax() > band + 5
    plucked = clip * torch.linspace(1, 0, 4096)
    early, late = (extractor(each) for each in (plucked, plucked.flip(2)))
    assert early[0, band] > early[0, 120 + band] + 1
    torch.testing.assert_close(early[0, band], late[0, 120 + band], rtol=0, atol=0.1)
    assert extractor(torch.zeros(1, 1, 64)).isfinite().all()


def test_log_mel_features_of_a_spectrogram_are_those_of_its_sound() -> None:
    clips, _ = Notes("test", length=4, clip_samples=2048).tensors()
    levels = spectrograms(clips, 128)
    torch.testing.assert_close(LogMel()(levels), LogMel()(waveforms(levels)))


@pytest.mark.parametrize(
    ("old", "new"), [(44100, 8000), (8000, 44100), (48000, 22050), (11127, 8000)]
)
def test_a_resampled_sine_is_the_same_sine(old: int, new: int) -> None:
    found = resampled(sine(440, old, old // 2), old, new)[: new // 2]
    inner = slice(len(found) // 5, -len(found) // 5)
    wanted = sine(440, new, len(found))
    torch.testing.assert_close(found[inner], wanted[inner], rtol=0, atol=2e-3)


def test_frequencies_that_the_lower_rate_cannot_hold_are_gone() -> None:
    hann = torch.hann_window(44100)
    found = resampled(sine(5000, 44100, 44100) * hann, 44100, 8000)
    assert found.abs().max() < 1e-3


def test_the_same_rate_changes_nothing() -> None:
    x = torch.randn(2, 100)
    assert resampled(x, 8000, 8000) is x
