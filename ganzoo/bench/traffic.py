"""Counts the bytes that operations read and write, as if none were fused and nothing cached."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


class TrafficCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up the sizes of every operation's tensors, in and out, and counts the operations.

    Views read and write nothing. The step's time on a device is at least this over the device's
    bandwidth, unless operations are fused.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bytes = 0
        self.operations = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        if not is_view(function):
            moved = [*_tensors(args), *_tensors((kwargs or {}).values()), *_tensors((result,))]
            self.bytes += sum(tensor.numel() * tensor.element_size() for tensor in moved)
            self.operations += 1
        return result


def is_view(function: Any) -> bool:
    """Return whether an operation's result shares memory that it does not write to."""
    returned = function._schema.returns
    return any(each.alias_info and not each.alias_info.is_write for each in returned)


def _tensors(values: Any) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)


@torch.no_grad()
def bandwidth(device: torch.device, seconds: Any, megabytes: int = 1024) -> float:
    """Return bytes a second of a copy on the device, those read and those written both counted.

    Args:
        seconds: a clock that waits for the device.
    """
    source = torch.empty(megabytes * 2**20, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    target.copy_(source)
    began = seconds()
    for _ in range(8):
        target.copy_(source)
    return 8 * 2 * source.numel() / (seconds() - began)
