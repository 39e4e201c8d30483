"""Batch norm whose gain and shift are linear in a vector, as in BigGAN."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

EPS = 1e-4
"""Of BigGAN's batch norm."""


class LinearBatchNorm2d(nn.Module):
    """Batch norm with the gain 1 + A c and the shift B c, for a condition c and no biases.

    Source: Brock et al. 2018, arXiv:1809.11096, appendix B.
    """

    def __init__(self, channels: int, condition: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, eps=EPS, affine=False)
        self.gain = nn.Linear(condition, channels, bias=False)
        self.shift = nn.Linear(condition, channels, bias=False)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Normalise x (B, C, H, W) over the batch, for conditions (B, condition)."""
        gain = 1 + self.gain(condition)[..., None, None]
        return torch.addcmul(self.shift(condition)[..., None, None], gain, self.norm(x))


def use_standing_statistics(network: nn.Module, draw: Any, batches: int, size: int = 64) -> None:
    """Replace batch norm's running statistics by their mean over batches of generated samples.

    Args:
        draw: the engine's function; `draw(count)` returns the inputs of the next `count` samples.
        batches: 0 leaves the running averages of training.

    Source: Brock et al. 2018, arXiv:1809.11096, section 4.
    """
    if not batches:
        return
    norms = list(batch_norms(network))
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a mean over all batches
        norm.train()
    for _ in range(batches):
        network(*draw(size)[:2])
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()


def batch_norms(network: nn.Module) -> Iterator[nn.BatchNorm2d]:
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            yield module


def orthogonal(network: nn.Module) -> None:
    """Draw the weights of convolutions, linear layers and embeddings orthogonal; biases are 0."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear | nn.Embedding):
            nn.init.orthogonal_(layer.weight)
            if not isinstance(layer, nn.Embedding) and layer.bias is not None:
                nn.init.zeros_(layer.bias)
