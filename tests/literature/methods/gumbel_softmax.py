"""Gumbel-softmax text: an LSTM writes soft tokens, at a temperature that falls.

Papers: arXiv:1611.04051 (the GAN), arXiv:1611.01144 (Gumbel-softmax).
Shows: `noise` in `forward`, a buffer of G that a schedule fills, text.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import softmax

from ganzoo.api import Noise, PositiveFloat, PositiveInt, SampleSpec, hookimpl


@hookimpl
def register_generators(register):
    register("lstm", "local:Generator", modalities={"text"}, paper="arXiv:1611.04051")


@hookimpl
def register_discriminators(register):
    register("mlp", "local:Discriminator", modalities={"text"})


@hookimpl
def register_datasets(register):
    register("counting", "local:Counting", modalities={"text"}, splits=["train"])


class Generator(nn.Module):
    """Token t is softmax((logits_t + Gumbel noise) / temperature), and the LSTM's next input."""

    capabilities = frozenset({"graph-safe"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        width: PositiveInt = 32,
        latent_dim: PositiveInt = 16,
        temperature: PositiveFloat = 1.0,
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.length, self.vocabulary = spec.model_shape
        self.start = nn.Linear(latent_dim, 2 * width)
        self.cell = nn.LSTMCell(self.vocabulary, width)
        self.logits = nn.Linear(width, self.vocabulary)
        self.register_buffer("temperature", torch.tensor(float(temperature)))

    def forward(self, z: Tensor, y: Tensor | None = None, *, noise: Noise) -> Tensor:
        """Return token probabilities (B, L, V)."""
        uniform = noise.uniform("gumbel", self.length, self.vocabulary).clamp(1e-7, 1 - 1e-7)
        gumbel = -(-uniform.log()).log()
        state, x, tokens = self.start(z).chunk(2, 1), torch.zeros_like(gumbel[:, 0]), []
        for position in range(self.length):
            state = self.cell(x, state)
            x = softmax((self.logits(state[0]) + gumbel[:, position]) / self.temperature, 1)
            tokens.append(x)
        return torch.stack(tokens, 1)


class Discriminator(nn.Sequential):
    """One hidden layer over all positions."""

    def __init__(self, spec: SampleSpec) -> None:
        super().__init__(nn.Flatten(), nn.Linear(spec.size, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return super().forward(x)[:, 0]


class Counting(list):
    """Sequences that count from each token by each step, modulo the size of the vocabulary."""

    spec = SampleSpec("text", (6,), vocabulary=5)

    def __init__(self, split: str) -> None:
        super().__init__(((i // 5 + i % 5 * torch.arange(6)) % 5, None) for i in range(25))
