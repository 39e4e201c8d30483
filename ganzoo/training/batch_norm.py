"""Batch norm over several processes that share a batch: ``train.batch_norm``.

*synced*: statistics of the whole global batch, so that N processes train as one would. torch's
SyncBatchNorm does not run on a CPU and cannot be differentiated twice, as gradient penalties
require; this one consists of operations that can.

*local*: each process normalises its own share. Only the running statistics, which are saved and
used for sampling, are averaged over all processes.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import SyncBatchNorm, _BatchNorm

from ganzoo.components.build import batch_norms
from ganzoo.scoring.collectives import (
    gather_over_ranks,
    mean_over_ranks,
    rank_and_size,
    reduce_together,
)


def sync_batch_norm(network: nn.Module) -> None:
    """Make a network's batch norm layers normalise over the batches of all processes in training.

    The layers stay the same objects with the same weights, buffers and keys. All processes must
    call the network alike, as a collective. A network that calls
    `torch.nn.functional.batch_norm` itself is not changed.
    """
    for layer in batch_norms(network):
        if not isinstance(layer, SyncBatchNorm | _Synced):
            kind: Any = type(layer)
            layer.__class__ = _synced(kind)


def unsynced_copy(network: nn.Module) -> nn.Module:
    """Return a deep copy whose batch norm layers normalise over the batches of this process."""
    copied = deepcopy(network)
    for layer in batch_norms(copied):
        if isinstance(layer, _Synced):
            layer.__class__ = type(layer).__bases__[0]
    return copied


def average_running_statistics(networks: Iterable[nn.Module]) -> None:
    """Average the running means and variances of local batch norm over all ranks."""
    if rank_and_size()[1] == 1:
        return
    kept = [
        buffer
        for network in networks
        for layer in batch_norms(network)
        if not isinstance(layer, SyncBatchNorm | _Synced)
        for buffer in (layer.running_mean, layer.running_var)
        if buffer is not None
    ]
    if kept:
        reduce_together(kept, mean_over_ranks)


class _Synced(_BatchNorm):
    """A base class inserted between a batch norm's class and torch's, with its own forward.

    A subclass that calls ``super().forward`` calls this one.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return x (B, C, ...) normalised by the statistics of all ranks' x.

        Ranks hold equal shares of a batch: mean = E[mean_r], var = E[var_r] + Var[mean_r].
        """
        if not self.training:
            return super().forward(input)
        self._check_input_dim(input)  # type: ignore[no-untyped-call]
        x = input.float()
        dims = [0, *range(2, x.dim())]
        variance, mean = torch.var_mean(x, dims, correction=0)
        # (ranks, 2, C) → (ranks, C) each
        means, variances = gather_over_ranks(torch.stack((mean, variance))[None]).unbind(1)
        mean = means.mean(0)
        variance = variances.mean(0) + means.var(0, correction=0)
        if self.track_running_stats:
            self._track(mean, variance, len(means) * x.numel() // x.shape[1])
        scale = (variance + self.eps).rsqrt()
        if self.weight is not None:
            scale = scale * self.weight
        shift = -mean * scale
        if self.bias is not None:
            shift = shift + self.bias
        each = (-1, *[1] * (x.dim() - 2))
        return torch.addcmul(shift.view(each), x, scale.view(each)).to(input.dtype)

    @torch.no_grad()
    def _track(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """Update the running statistics as torch does: with the unbiased variance of `count`."""
        if self.running_mean is None or self.running_var is None:
            return
        momentum = self.momentum
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if momentum is None:
                momentum = 1 / float(self.num_batches_tracked)
        unbiased = variance * (count / max(count - 1, 1))
        for kept, new in ((self.running_mean, mean), (self.running_var, unbiased)):
            kept.lerp_(new.to(kept.dtype), 0.0 if momentum is None else momentum)


@cache
def _synced(kind: Any) -> type[_BatchNorm]:
    return type(f"Synced{kind.__name__}", (kind, _Synced), {})
