"""The two forms in which a data set gives its clips: waveforms, and spectrograms for SpecGAN."""

from __future__ import annotations

from torch import Tensor

from ganzoo.api import DataError, SampleSpec
from ganzoo_audio.spectra import spectrograms


def spec_of(
    channels: int,
    clip_samples: int,
    sample_rate: int,
    bins: int | None,
    class_names: tuple[str, ...] = (),
) -> SampleSpec:
    """Return what one clip is: a waveform, or a spectrogram of so many bins.

    Raises:
        DataError: a clip is no whole number of frames, or shorter than two.
    """
    shape: tuple[int, ...] = (channels, clip_samples)
    if bins is not None:
        frames, rest = divmod(clip_samples, bins)
        if rest or frames < 2:
            raise DataError(
                f"clips of {clip_samples} samples are no whole number of frames of {bins}",
                hint=f"dataset.clip_samples={max(frames, 2) * bins}",
            )
        shape = (channels, bins, frames)
    return SampleSpec(
        "audio" if bins is None else "audio/spectrogram",
        shape,
        classes=len(class_names),
        class_names=class_names,
        sample_rate=sample_rate,
    )


def stored(clips: Tensor, bins: int | None) -> Tensor:
    """Return clips (B, C, T) as they are, or as spectrograms of so many bins."""
    return clips if bins is None else spectrograms(clips, bins)
