"""The character networks of WGAN-GP: one-dimensional residual blocks, softmax at the end.

Source: Gulrajani et al. 2017, arXiv:1704.00028, section 5.3 and appendix F; it has width 512.
"""

from __future__ import annotations

from torch import Tensor, nn

from ganzoo.api import PositiveInt, SampleSpec

BRANCH = 0.3
"""Factor of a block's branch."""


class Block(nn.Module):
    """x + 0.3 conv(relu(conv(relu(x)))), of (B, width, L)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.ReLU(),
            nn.Conv1d(width, width, 5, padding=2),
            nn.ReLU(),
            nn.Conv1d(width, width, 5, padding=2),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + BRANCH * self.branch(x)


class Generator(nn.Module):
    """All tokens of a line at once: a linear layer, residual blocks, a softmax at each place.

    The most likely token of each place is written, so one z is one line.

    Args:
        latent_dim: numbers in z.
        width: channels.
        blocks: number of residual blocks.

    Input: z (B, latent_dim). Output: (B, L, V), which sums to 1 over V.
    """

    capabilities = frozenset({"graph-safe"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        latent_dim: PositiveInt = 128,
        width: PositiveInt = 128,
        blocks: PositiveInt = 5,
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        length, vocabulary = spec.model_shape
        self.start = nn.Linear(latent_dim, width * length)
        self.blocks = nn.Sequential(*(Block(width) for _ in range(blocks)))
        self.end = nn.Conv1d(width, vocabulary, 1)
        self.width = width

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        h = self.start(z).unflatten(1, (self.width, -1))
        return self.end(self.blocks(h)).softmax(1).transpose(1, 2)


class Discriminator(nn.Module):
    """A critic of a whole line: residual blocks over one-hot tokens, then a linear layer.

    Args:
        width: channels.
        blocks: number of residual blocks.

    Input: x (B, L, V). Output: (B,).
    """

    capabilities = frozenset({"graph-safe"})

    def __init__(
        self, spec: SampleSpec, *, width: PositiveInt = 128, blocks: PositiveInt = 5
    ) -> None:
        super().__init__()
        length, vocabulary = spec.model_shape
        self.start = nn.Conv1d(vocabulary, width, 1)
        self.blocks = nn.Sequential(*(Block(width) for _ in range(blocks)))
        self.end = nn.Linear(width * length, 1)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        h = self.blocks(self.start(x.transpose(1, 2)))
        return self.end(h.flatten(1))[:, 0]
