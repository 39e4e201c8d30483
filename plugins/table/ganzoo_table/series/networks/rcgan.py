"""RCGAN: recurrent players; the generator draws noise at each step, and D judges each step.

Source: Esteban, Hyland & Rätsch 2017, "Real-valued (medical) time series generation with recurrent
conditional GANs", arXiv:1706.02633, section 3; the recurrent GAN without conditions (RGAN).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganzoo.api import PositiveInt, SampleSpec


class Generator(nn.Module):
    """An LSTM over the noise of each step, a linear map of its state, and tanh.

    Args:
        width: numbers of the state.
        noise: numbers of z for each step.

    Input: z (B, T noise). Output: (B, C, T) in [-1, 1].
    """

    capabilities = frozenset({"graph-safe"})

    def __init__(
        self, spec: SampleSpec, *, width: PositiveInt = 100, noise: PositiveInt = 5
    ) -> None:
        super().__init__()
        channels, steps = spec.model_shape
        self.noise, self.latent_dim = noise, noise * steps
        self.body = Recurrent(noise, width, channels)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.body(z.view(len(z), -1, self.noise)).tanh().transpose(1, 2)


class Discriminator(nn.Module):
    """An LSTM over the window, with a logit at each step, which sees the steps before it.

    Args:
        width: numbers of the state.

    Input: x (B, C, T). Output: (B, T).
    """

    capabilities = frozenset({"graph-safe"})

    def __init__(self, spec: SampleSpec, *, width: PositiveInt = 100) -> None:
        super().__init__()
        self.body = Recurrent(spec.model_shape[0], width, 1)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return self.body(x.transpose(1, 2))[..., 0]


class Recurrent(nn.Module):
    """An LSTM, step by step, since a fused one cannot be differentiated twice on a GPU.

    Input: (B, T, inputs). Output: (B, T, outputs).
    """

    def __init__(self, inputs: int, width: int, outputs: int) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(inputs, width)
        self.output = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        h = c = x.new_zeros(len(x), self.cell.hidden_size)
        states = []
        for step in x.unbind(1):
            h, c = self.cell(step, (h, c))
            states.append(h)
        return self.output(torch.stack(states, 1))
