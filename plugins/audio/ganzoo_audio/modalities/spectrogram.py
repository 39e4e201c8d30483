"""Log-magnitude spectrograms of sound, which are heard and seen as the sound that has them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.api import Modality, SampleSpec

if TYPE_CHECKING:
    from torch import Tensor


class Spectrogram(Modality):
    """Log-magnitude spectrograms: float32 (C, bins, frames) in [-1, 1]; the spec has a sample rate.

    -1 is 80 dB below a sine of full scale, which is 1. A frame has 2 `bins` samples and starts
    `bins` samples after the one before; the bin of half the sample rate is left out. Phases are not
    stored: previews and wav files are made by Griffin and Lim's algorithm.
    """

    axes = 3
    value_range = (-1.0, 1.0)
    preview_samples = 8

    def specs(self) -> tuple[SampleSpec, ...]:
        return (SampleSpec("audio/spectrogram", (1, 16, 8), classes=2, sample_rate=8000),)

    def check(self, spec: SampleSpec) -> None:
        if not spec.sample_rate or spec.sample_rate < 1:
            raise ValueError("a spectrogram has a sample rate of at least 1 hertz")

    def unrounded(self, spec: SampleSpec, samples: Tensor) -> Tensor:
        return samples.float().clamp(-1, 1)

    def invalid(self, spec: SampleSpec, sample: Tensor) -> str | None:
        if reason := super().invalid(spec, sample):
            return reason
        largest = sample.abs().max().item()
        return f"values up to {largest:.3g}" if largest > 1 else None

    def preview(
        self, spec: SampleSpec, samples: Tensor, real: Tensor | None = None
    ) -> dict[str, bytes]:
        sound = _sound(spec)
        return sound.kind.preview(sound, _heard(samples))

    def formats(self, spec: SampleSpec) -> tuple[str, ...]:
        return _sound(spec).kind.formats(_sound(spec))

    def write(
        self, spec: SampleSpec, path: Path, samples: Tensor, columns: int | None = None
    ) -> None:
        """Write spectrograms into an npz, or the sound that has them into a wav file or picture."""
        if path.suffix.lower() == ".npz":
            super().write(spec, path, samples)
        else:
            _sound(spec).kind.write(_sound(spec), path, _heard(samples))

    def sample_suffix(self, spec: SampleSpec) -> str | None:
        return _sound(spec).kind.sample_suffix(_sound(spec))

    def write_sample(self, spec: SampleSpec, path: Path, sample: Tensor) -> None:
        _sound(spec).kind.write_sample(_sound(spec), path, _heard(sample[None])[0])

    def read(self, spec: SampleSpec, path: Path, read_dataset: Any) -> Tensor:
        """Return the spectrograms of a wav file, or of a folder of them."""
        from ganzoo_audio.spectra import spectrograms

        sound = _sound(spec)
        return spectrograms(sound.kind.read(sound, path, read_dataset), spec.shape[1])


def _sound(spec: SampleSpec) -> SampleSpec:
    """Return what a sound is that has such a spectrogram."""
    channels, bins, frames = spec.shape
    return SampleSpec("audio", (channels, bins * frames), sample_rate=spec.sample_rate)


def _heard(samples: Tensor) -> Tensor:
    from ganzoo_audio.spectra import waveforms

    return waveforms(samples)
