"""What this machine can do at best: the highest rate of a matrix product and of a convolution."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch.nn.functional import conv2d

from ganzoo.bench.rounds import Clock

MATRIX, BATCH = 1024, 64
GPU_MATRIX, GPU_BATCH = 8192, 1024
"""A GPU is far from its best on what keeps a CPU busy."""
CHANNELS, SIZE, KERNEL = 128, 16, 3
LONG = 1.0
"""Seconds of one product or convolution that are too many to repeat it."""


@dataclass(frozen=True)
class Peak:
    """Floating-point operations a second, of a product of square matrices and of a convolution.

    1024x1024 on a CPU and 8192x8192 on a GPU; 3x3 over 64 or 1024 times (128, 16, 16) to 128
    channels, in the faster memory format.
    """

    matmul: float
    convolution: float

    @property
    def best(self) -> float:
        """The higher of the two."""
        return max(self.matmul, self.convolution)


def measure_peak(dtype: torch.dtype, device: torch.device, clock: Clock) -> Peak:
    """Return the machine's rates in `dtype`, each the median of a few short measurements."""
    matrix, batch = (MATRIX, BATCH) if device.type == "cpu" else (GPU_MATRIX, GPU_BATCH)
    square = torch.rand(matrix, matrix).to(device, dtype)
    matmul = _rate(partial(torch.matmul, square, square), 2.0 * matrix**3, clock)
    flops = 2.0 * batch * CHANNELS**2 * KERNEL**2 * SIZE**2
    convolutions = []
    for memory_format in (torch.contiguous_format, torch.channels_last):
        x = torch.rand(batch, CHANNELS, SIZE, SIZE).to(device, dtype, memory_format=memory_format)
        weight = torch.rand(CHANNELS, CHANNELS, KERNEL, KERNEL).to(x)
        weight = weight.contiguous(memory_format=memory_format)
        convolutions.append(_rate(partial(conv2d, x, weight, padding=1), flops, clock))
    return Peak(matmul, max(convolutions))


@torch.no_grad()
def _rate(call: Callable[[], object], flops: float, clock: Clock, repeats: int = 9) -> float:
    """Return floating-point operations a second, the median of so many measurements.

    A call that takes long, as in a precision that the processor only emulates, is measured once,
    the first time: warming up changes little of it.
    """
    first = _seconds(call, clock, 1)
    if first > LONG:
        return flops / first
    _seconds(call, clock, 2)
    times = 4 if first < LONG / 4 else 1
    seconds = statistics.median(_seconds(call, clock, times) for _ in range(repeats))
    return flops / max(seconds, 1e-9)


def _seconds(call: Callable[[], object], clock: Clock, times: int) -> float:
    began = clock()
    for _ in range(times):
        call()
    return (clock() - began) / times
