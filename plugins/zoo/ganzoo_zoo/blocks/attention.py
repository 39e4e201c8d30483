"""The self-attention of SAGAN and BigGAN."""

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d


class SelfAttention(nn.Module):
    """x + gamma o(x), where o lets each pixel attend to all places; gamma starts at 0.

    Queries theta and keys phi have an eighth of the channels, values g a half. Keys and values are
    max-pooled 2x2, and the softmax over the keys is not scaled. The paper's text has no pooling and
    an eighth of the channels throughout; this is what the authors ran, and so did BigGAN.

    Source: Zhang et al. 2018, arXiv:1805.08318, eq. 1-3.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        few, half = max(1, channels // 8), max(1, channels // 2)
        self.theta = nn.Conv2d(channels, few, 1, bias=False)
        self.phi = nn.Conv2d(channels, few, 1, bias=False)
        self.g = nn.Conv2d(channels, half, 1, bias=False)
        self.o = nn.Conv2d(half, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C, H, W) for x (B, C, H, W) of at least 2x2 pixels."""
        theta = self.theta(x).flatten(2)  # (B, C/8, HW)
        phi = max_pool2d(self.phi(x), 2).flatten(2)  # (B, C/8, HW/4)
        g = max_pool2d(self.g(x), 2).flatten(2)  # (B, C/2, HW/4)
        beta = torch.bmm(theta.mT, phi).softmax(2)  # (B, HW, HW/4)
        o = torch.bmm(g, beta.mT).view(x.shape[0], -1, *x.shape[2:])  # (B, C/2, H, W)
        return x + self.gamma * self.o(o)


def attended(requested: int | None, sizes: list[tuple[int, int]], most: int) -> int | None:
    """Return the index of the feature map that gets attention, or None for no attention.

    Args:
        requested: shorter side of that map, in pixels; 0: no attention; None: the largest of
            `sizes` that is at most `most` pixels.
        sizes: height and width of the maps.

    Raises:
        ValueError: no map has the requested size.
    """
    shorter = [min(size) for size in sizes]
    if requested is None:
        fitting = [size for size in shorter if 4 <= size <= most]
        requested = max(fitting, default=0)
    if requested == 0:
        return None
    if requested not in shorter or requested < 2:
        has = ", ".join(map(str, dict.fromkeys(shorter)))
        raise ValueError(f"attention: no block ends at {requested} pixels; they end at {has}")
    return shorter.index(requested)


def attention_after(block: int | None, channels: list[int]) -> nn.Module:
    return nn.Identity() if block is None else SelfAttention(channels[block])
