"""Temporal convolutional networks as players: causal, dilated convolutions.

Source: Wiese, Knobloch, Korn & Kretschmer 2019, "Quant GANs: deep generation of financial time
series", arXiv:1907.06673, sections 3 and 5; the residual connections are those of Bai, Kolter &
Koltun 2018, arXiv:1803.01271. The paper has another loss than WGAN-GP, and no shared noise.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from ganzoo.api import NonNegativeInt, PositiveInt, SampleSpec

POSITION = 8
"""Learned numbers of each step, if steps have positions."""


class TCN(nn.Module):
    """A block of kernel 1, blocks of kernel 2 with dilations 1, 2, 4, …, and a sum over them all.

    Args:
        depth: number of dilated blocks; an output sees `receptive` = 2^(depth + 1) - 1 inputs.

    Input: (B, inputs, L). Output: (B, outputs, L - receptive + 1).
    """

    def __init__(self, inputs: int, width: int, outputs: int, depth: int) -> None:
        super().__init__()
        self.receptive = 2 ** (depth + 1) - 1
        self.first = _convolutions(inputs, width, 1, 1)
        self.blocks = nn.ModuleList(_convolutions(width, width, 2, 2**i) for i in range(depth))
        self.last = nn.Conv1d(width, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        steps = x.shape[2] - self.receptive + 1
        h = self.first(x)
        total = h[..., -steps:]
        for block in self.blocks:
            y = block(h)
            h = y + h[..., -y.shape[2] :]
            total = total + h[..., -steps:]
        return self.last(total)


def _convolutions(inputs: int, width: int, taps: int, dilation: int) -> nn.Sequential:
    """Return two convolutions without padding, each with a PReLU."""
    return nn.Sequential(
        nn.Conv1d(inputs, width, taps, dilation=dilation),
        nn.PReLU(),
        nn.Conv1d(width, width, taps, dilation=dilation),
        nn.PReLU(),
    )


def sufficient_depth(steps: int) -> int:
    """Return the smallest depth at which an output sees a whole window."""
    return max(steps.bit_length() - 1, 1)


class Generator(nn.Module):
    """A TCN over noise: step t is a function of the noise of t and of the steps before it.

    The noise begins before the window, so that the first step has as much of it as the last. All
    steps are then alike, as in a stationary series; `shared` and `positions` are for others.

    Args:
        width: channels of the hidden layers.
        depth: number of dilated blocks; as many as cover the window if it is not given.
        noise: numbers of z for each step.
        shared: numbers of z that all steps get, for what is the same throughout a window.
        positions: give each step numbers of its own, for windows that begin at a known time.

    Input: z (B, latent_dim). Output: (B, C, T) in [-1, 1].
    """

    capabilities = frozenset({"graph-safe"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        width: PositiveInt = 80,
        depth: PositiveInt | None = None,
        noise: PositiveInt = 3,
        shared: NonNegativeInt = 0,
        positions: bool = False,
    ) -> None:
        super().__init__()
        channels, steps = spec.model_shape
        depth = depth or sufficient_depth(steps)
        inputs = noise + shared + (POSITION if positions else 0)
        self.body = TCN(inputs, width, channels, depth)
        self.noise, self.length = noise, steps + self.body.receptive - 1
        self.latent_dim = noise * self.length + shared
        self.positions = nn.Parameter(torch.randn(POSITION, self.length)) if positions else None

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        own, shared = z.tensor_split([self.noise * self.length], 1)
        inputs = [own.view(-1, self.noise, self.length)]
        inputs.append(shared[..., None].expand(-1, -1, self.length))
        if self.positions is not None:
            inputs.append(self.positions.to(z.dtype).expand(len(z), -1, -1))
        return self.body(torch.cat(inputs, 1)).tanh()


class Discriminator(nn.Module):
    """A TCN over the window; the mean of its outputs, each of which sees `receptive` steps.

    Args:
        width: channels of the hidden layers.
        depth: number of dilated blocks. By default one output sees the whole window, with zeros
            before its first step.

    Input: x (B, C, T). Output: (B,).
    """

    capabilities = frozenset({"graph-safe"})

    def __init__(
        self, spec: SampleSpec, *, width: PositiveInt = 80, depth: PositiveInt | None = None
    ) -> None:
        super().__init__()
        channels, steps = spec.model_shape
        self.body = TCN(channels, width, 1, depth or sufficient_depth(steps))
        self.missing = max(self.body.receptive - steps, 0)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return self.body(pad(x, (self.missing, 0))).mean((1, 2))
