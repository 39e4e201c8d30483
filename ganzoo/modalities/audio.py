"""Audio and time series: float32 (C, T) in [-1, 1]. Waveforms, log-mel pictures, wav files."""

from __future__ import annotations

import wave
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import PIL.Image

from ganzoo.errors import DataError
from ganzoo.modalities import Modality, ReadDataset, SampleSpec
from ganzoo.modalities.drawing import CHANNELS, RULE, arranged, heat_map, panel, png
from ganzoo.untrusted import reading, require_regular

if TYPE_CHECKING:
    from torch import Tensor

FULL_SCALE = 32767
"""The 16-bit level of 1.0."""

PAUSE_SECONDS = 0.25
"""Silence between the samples of one wav file."""

CLIPS = 4
CLIP_BYTES = 2_000_000
"""A preview brings at most this many wav files, and no more than this many bytes of them."""

WIDTH, HEIGHT = 480, 72
"""Pixels of one waveform and of one log-mel picture."""

MELS = 40
FLOOR_DECIBELS = -80.0
"""Log-mel pictures show from this far below the loudest value up to it."""


class Audio(Modality):
    """Sound, if the spec has a sample rate; other time series of any number of channels."""

    axes = 2
    value_range = (-1.0, 1.0)
    preview_samples = 8

    def specs(self) -> tuple[SampleSpec, ...]:
        return (SampleSpec("audio", (1, 64), classes=2, sample_rate=8000),)

    def check(self, spec: SampleSpec) -> None:
        if spec.sample_rate is not None and spec.sample_rate < 1:
            raise ValueError(f"a sample rate is at least 1 hertz, not {spec.sample_rate}")

    def unrounded(self, spec: SampleSpec, samples: Tensor) -> Tensor:
        return samples.float().clamp(-1, 1)

    def invalid(self, spec: SampleSpec, sample: Tensor) -> str | None:
        if reason := super().invalid(spec, sample):
            return reason
        largest = sample.abs().max().item()
        return f"values up to {largest:.3g}" if largest > 1 else None

    def saturated(self, samples: Tensor) -> float | None:
        return (samples.abs() >= 1).double().mean().item()

    # --- previews and files ---

    def preview(
        self, spec: SampleSpec, samples: Tensor, real: Tensor | None = None
    ) -> dict[str, bytes]:
        """Draw waveforms; of sound also log-mel pictures, and bring wav files of the first."""
        panels = []
        for sample in samples:
            panels.append(_waveform(sample))
            if spec.sample_rate:
                panels.append(_log_mel(sample, spec.sample_rate))
        files = {".png": png(arranged(panels, columns=2))}
        if spec.sample_rate:
            most = max(1, CLIP_BYTES // (2 * spec.size))
            for index, sample in enumerate(samples[: min(CLIPS, most)]):
                files[f"-{index}.wav"] = wav(sample, spec.sample_rate)
        return files

    def formats(self, spec: SampleSpec) -> tuple[str, ...]:
        return (".wav", ".npz", ".png") if spec.sample_rate else (".png", ".npz")

    def write(
        self, spec: SampleSpec, path: Path, samples: Tensor, columns: int | None = None
    ) -> None:
        """Write a wav file with all samples, a pause between them, a picture, or an npz."""
        if path.suffix.lower() == ".wav" and spec.sample_rate:
            path.write_bytes(wav(_joined(samples, spec.sample_rate), spec.sample_rate))
        else:
            super().write(spec, path, samples)

    def sample_suffix(self, spec: SampleSpec) -> str | None:
        return ".wav" if spec.sample_rate else None

    def write_sample(self, spec: SampleSpec, path: Path, sample: Tensor) -> None:
        assert spec.sample_rate is not None
        path.write_bytes(wav(sample, spec.sample_rate))

    def read(self, spec: SampleSpec, path: Path, read_dataset: ReadDataset) -> Tensor:
        """Read a wav file, or a folder of them, one sample each, in the order of their names."""
        import torch

        if spec.sample_rate and path.is_file() and path.suffix.lower() == ".wav":
            return _read_wav(spec, path)[None]
        if not path.is_dir() or not spec.sample_rate:
            raise DataError(
                f"{path} is neither an npz nor a folder of wav files",
                hint="np.savez(FILE, samples=ARRAY)",
            )
        files = sorted(each for each in path.iterdir() if each.suffix.lower() == ".wav")
        if not files:
            raise DataError(f"there are no wav files in {path}", hint="save one sample a file")
        return torch.stack([_read_wav(spec, file) for file in files])


def wav(sample: Tensor, rate: int) -> bytes:
    """Return a sample (C, T) as a wav file of 16-bit PCM; values are clamped to [-1, 1]."""
    levels = (sample.clamp(-1, 1) * FULL_SCALE).round().numpy().astype("<i2")
    buffer = BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(len(levels))
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(levels.T.tobytes())  # (T, C): channels interleaved
    return buffer.getvalue()


def _joined(samples: Tensor, rate: int) -> Tensor:
    """Return samples (B, C, T) one after the other, (C, T'), with a pause between two."""
    import torch

    pause = torch.zeros(samples.shape[1], round(PAUSE_SECONDS * rate))
    parts = [part for sample in samples for part in (pause, sample)]
    return torch.cat(parts[1:], dim=1)


def _read_wav(spec: SampleSpec, file: Path) -> Tensor:
    """Return a wav file of 8, 16, 24 or 32-bit PCM as float32 (C, T) in [-1, 1].

    Raises:
        DataError: it is damaged, or its rate, channels or length are not the spec's.
    """
    import torch

    channels, length = spec.shape
    with reading(file, "remove or replace it, or save it as PCM of 8, 16, 24 or 32 bits"):
        require_regular(file)
        with wave.open(str(file), "rb") as opened:
            found = (opened.getframerate(), opened.getnchannels(), opened.getnframes())
            if found != (spec.sample_rate, channels, length):
                raise DataError(
                    f"{file} has {found[1]} channels of {found[2]} values at {found[0]} Hz, not "
                    f"{channels} of {length} at {spec.sample_rate} Hz",
                    hint=f"make samples of shape {spec.shape}",
                )
            width, content = opened.getsampwidth(), opened.readframes(length)
    raw = np.frombuffer(content, dtype=np.uint8)
    if len(raw) != channels * length * width or width not in (1, 2, 3, 4):
        raise DataError(f"{file} is cut short", hint="remove or replace it")
    if width == 1:
        values = (raw.astype(np.float64) - 128) / 127
    else:
        # Left-aligned in 32 bits, so that a 24-bit value keeps its sign.
        padded = np.zeros((channels * length, 4), dtype=np.uint8)
        padded[:, 4 - width :] = raw.reshape(-1, width)
        full = (2.0 ** (8 * width - 1) - 1) * 2.0 ** (32 - 8 * width)
        values = padded.view("<i4")[:, 0] / full
    clipped = np.clip(values, -1, 1).astype(np.float32)
    return torch.from_numpy(np.ascontiguousarray(clipped.reshape(length, channels).T))


def _waveform(sample: Tensor) -> PIL.Image.Image:
    """Draw a sample (C, T) as lines over time; of long ones the range of each pixel column."""
    image, draw = panel(WIDTH, HEIGHT)
    middle = (HEIGHT - 1) / 2
    draw.line((0, middle, WIDTH, middle), fill=RULE)
    for index, channel in enumerate(sample):
        colour = CHANNELS[index % len(CHANNELS)]
        values = middle - channel.clamp(-1, 1) * (middle - 2)
        if len(channel) <= 2 * WIDTH:
            step = (WIDTH - 1) / max(1, len(channel) - 1)
            draw.line([(i * step, y) for i, y in enumerate(values.tolist())], fill=colour)
        else:
            for x, part in enumerate(values.tensor_split(WIDTH)):
                draw.line((x, part.min().item(), x, part.max().item()), fill=colour)
    return image


def _log_mel(sample: Tensor, rate: int) -> PIL.Image.Image:
    """Draw the mel spectrum of a sample (C, T), its mean over channels, in decibels."""
    import torch

    mono = sample.float().mean(0)
    window = min(512, 2 ** (len(mono).bit_length() - 1))
    hop = max(1, min(window // 4, len(mono) // 64))
    # Mirrored at the ends: zeros would show as a click.
    padded = torch.nn.functional.pad(mono[None], (window // 2, window // 2 - 1), mode="reflect")[0]
    frames = padded.unfold(0, window, hop) * torch.hann_window(window)  # (frames, window)
    power = torch.fft.rfft(frames).abs().square()
    mel = mel_filters(rate, window, min(MELS, max(4, window // 8))) @ power.T  # (mels, frames)
    decibels = 10 * torch.log10(mel / mel.max().clamp(min=1e-10) + 1e-10)
    return heat_map(1 - decibels.clamp(min=FLOOR_DECIBELS) / FLOOR_DECIBELS, WIDTH, HEIGHT)


def mel_filters(sample_rate: int, window: int, count: int) -> Tensor:
    """Return triangular filters of a power spectrum, float32 (count, window // 2 + 1).

    Values are at most 1; peaks are evenly spaced in mel, 2595 log10(1 + f / 700), up to half the
    sample rate.

    Args:
        sample_rate: hertz.
        window: samples of the Fourier transform.
    """
    import torch

    top = 2595 * np.log10(1 + sample_rate / 2 / 700)
    edges = 700 * (10 ** (torch.linspace(0, float(top), count + 2) / 2595) - 1)
    bins = torch.linspace(0, sample_rate / 2, window // 2 + 1)
    # A filter is at least as wide as a bin, or low ones would be empty in short windows.
    width = (edges[1:] - edges[:-1]).clamp(min=sample_rate / window)
    rising = (bins - edges[:-2, None]) / width[:-1, None]
    falling = (edges[2:, None] - bins) / width[1:, None]
    return torch.minimum(rising, falling).clamp(min=0)
