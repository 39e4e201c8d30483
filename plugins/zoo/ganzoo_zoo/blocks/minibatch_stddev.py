"""The standard deviation of groups of samples as a channel for D."""

import torch
from torch import Tensor, nn


class MinibatchStddev(nn.Module):
    """Add a channel with the mean standard deviation over a group of samples.

    A group is `group` consecutive samples, so a D with this layer has the attribute
    `batch_multiple`, and its result does not depend on micro-batches or the number of processes.
    The authors' code takes samples that are N/`group` apart, which are as independent.

    Args:
        group: number of samples in a group.

    Source: Karras et al. 2018, arXiv:1710.10196, section 3, with groups as in its code.
    """

    def __init__(self, group: int) -> None:
        super().__init__()
        self.group = group

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C + 1, H, W) of x (B, C, H, W), where B is a multiple of `group`."""
        groups = x.float().view(-1, self.group, *x.shape[1:])  # (B / group, group, C, H, W)
        deviation = (groups.var(1, correction=0) + 1e-8).sqrt().mean((1, 2, 3))
        channel = deviation.repeat_interleave(self.group)[:, None, None, None]
        return torch.cat([x, channel.to(x.dtype).expand(-1, 1, *x.shape[2:])], 1)
