"""Statistics of log-mel spectra as features; nothing is trained."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from ganzoo.api import Ge, PositiveInt
from ganzoo.nn import mel_filters
from ganzoo_audio.spectra import frames_of, waveforms

PARTS = 4
"""The mean over time is taken in this many parts of a clip, so that attack and decay count."""
FLOOR = 1e-5
"""Power that is added to each band, 50 dB below a sine of full scale: silence is not heard."""


class LogMel:
    """Log-mel spectra of a clip: the mean of each band in four parts of the clip, and its spread.

    Features are (4 + 1) x `mels` numbers: decimal logarithms of power, where a sine of full scale
    has 0, and their standard deviations over time. Channels are mixed. A Fréchet distance of them
    compares loudness, timbre and envelope, and how they go together; it does not hear phases.

    Args:
        mels: number of bands.
        sample_rate: hertz, for which the bands are spaced; of the data, or near it.
        window: samples of a frame; frames overlap by three quarters. Shorter clips have shorter
            frames.
    """

    input_shape = None
    num_features = None
    layer = "log-mel statistics"
    weights_sha256 = None

    def __init__(
        self,
        *,
        mels: PositiveInt = 40,
        sample_rate: PositiveInt = 8000,
        window: Annotated[int, Ge(16)] = 512,
    ) -> None:
        self.mels, self.sample_rate, self.window = mels, sample_rate, window

    def __call__(self, x: Tensor) -> Tensor:
        """Return (B, 5 mels) for clips (B, C, T) in [-1, 1], or for spectrograms of them."""
        levels = self.log_mel(waveforms(x))
        parts = [part.mean(2) for part in levels.tensor_split(min(PARTS, levels.shape[2]), dim=2)]
        parts += parts[-1:] * (PARTS - len(parts))
        return torch.cat([*parts, levels.std(2, correction=0)], dim=1)

    def log_mel(self, x: Tensor) -> Tensor:
        """Return decimal logarithms of the power of each band and frame, (B, mels, frames)."""
        window = min(self.window, 1 << (x.shape[2].bit_length() - 1))
        power = frames_of(x.float().mean(1), window, window // 4).abs().square()
        filters = mel_filters(self.sample_rate, window, self.mels).to(x.device)
        return (filters @ power + FLOOR).log10()
