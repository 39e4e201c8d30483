"""Short-time Fourier transforms, and the log-magnitude spectrograms of SpecGAN with their inverse.

A spectrogram is float32 (B, C, bins, frames) in [-1, 1]: 1 is the magnitude of a sine of full
scale, -1 is `RANGE_DECIBELS` below it. Frames have 2 `bins` samples and overlap by half, as in
SpecGAN (Donahue et al. 2018, arXiv:1802.04208, section 4); there each bin is standardised by the
training data instead.
"""

from __future__ import annotations

import torch
from torch import Tensor

RANGE_DECIBELS = 80.0
ITERATIONS = 16
"""Of Griffin and Lim's algorithm, as SpecGAN's authors have it."""


def frames_of(x: Tensor, window: int, hop: int) -> Tensor:
    """Return the short-time Fourier transform of signals (B, T), complex (B, window / 2 + 1, N).

    Frames are centred at multiples of `hop`, N = 1 + T // hop; the signal is mirrored at its ends.
    The scale is that a sine of amplitude 1 has magnitude 1 at its bin.
    """
    hann = torch.hann_window(window, device=x.device)
    transform = torch.stft(
        x, window, hop, window=hann, center=True, pad_mode="reflect", return_complex=True
    )
    return transform * (2 / hann.sum())


def spectrograms(x: Tensor, bins: int) -> Tensor:
    """Return the spectrograms of clips (B, C, T), T a multiple of `bins`, of T / bins frames.

    The last frame, which is centred at the end, and the bin of half the sample rate are left out.
    """
    magnitude = frames_of(x.float().flatten(0, 1), 2 * bins, bins)[:, :-1, :-1].abs()
    decibels = 20 * magnitude.clamp(min=1e-6).log10()
    levels = (1 + decibels * (2 / RANGE_DECIBELS)).clamp(-1, 1)
    return levels.unflatten(0, x.shape[:2])


def waveforms(samples: Tensor) -> Tensor:
    """Return clips (B, C, T) in [-1, 1] whose spectrograms are nearly these; clips as they are.

    Griffin and Lim 1984 (doi:10.1109/TASSP.1984.1164317): the phases of a clip that has the given
    magnitudes are found by going back and forth. They start at random, the same for every clip.
    The magnitudes of the last frame, which a spectrogram leaves out, are free.
    """
    if samples.dim() == 3:
        return samples
    batch, channels, bins, frames = samples.shape
    wanted = 10 ** ((samples.float().flatten(0, 1) - 1) * (RANGE_DECIBELS / 40))
    wanted = torch.nn.functional.pad(wanted, (0, 0, 0, 1))  # nothing at half the sample rate
    random = torch.Generator().manual_seed(0)
    turns = torch.rand(bins + 1, frames + 1, generator=random).to(samples.device)
    found = torch.polar(torch.ones_like(turns), 2 * torch.pi * turns).expand(len(wanted), -1, -1)
    hann = torch.hann_window(2 * bins, device=samples.device)
    for iteration in range(ITERATIONS + 1):
        phases = found[..., :-1] / found[..., :-1].abs().clamp(min=1e-12)
        last = found[..., -1:] if iteration else torch.zeros_like(found[..., -1:])
        transform = torch.cat([wanted * phases, last], 2) * (hann.sum() / 2)
        x = torch.istft(transform, 2 * bins, bins, window=hann, length=bins * frames)
        if iteration < ITERATIONS:
            found = frames_of(x, 2 * bins, bins)
    return x.unflatten(0, (batch, channels)).clamp(-1, 1)
