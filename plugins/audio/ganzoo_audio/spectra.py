"""Short-time Fourier transforms."""

from __future__ import annotations

import torch
from torch import Tensor


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
