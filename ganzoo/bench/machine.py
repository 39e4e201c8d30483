"""Measure the memory of a step, and the best rate of arithmetic of the machine."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from ganzoo.bench.timing import Clock

MATRIX, BATCH = 1024, 64
GPU_MATRIX, GPU_BATCH = 8192, 1024
"""A GPU is far from its best rate at the sizes that keep a CPU busy."""
CHANNELS, SIZE, KERNEL = 128, 16, 3
LONG = 1.0
"""A product or convolution that takes longer than this, in seconds, is measured once only."""


# --- memory of a step ----------------------------------------------------------------------------


def peak_bytes(step: Callable[[], object], held: Iterable[Tensor], device: torch.device) -> int:
    """Return the bytes of tensors alive at the peak of one call of `step`.

    On a GPU the allocator counts them. On a CPU it is `held` plus the peak of what the call
    allocates, from torch's profiler, which includes the scratch memory of kernels. The profile
    starts one call earlier, so that it sees what that call leaves allocated.

    Args:
        held: what lives on between calls, except gradients: weights, optimizer state, data.
    """
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        step()
        return torch.cuda.max_memory_allocated(device)
    step()
    return bytes_of(held) + _allocated_at_peak(step)


def bytes_of(tensors: Iterable[Tensor]) -> int:
    """Return the bytes of the tensors' storages, each shared storage counted once."""
    storages = {each.untyped_storage().data_ptr(): each.untyped_storage() for each in tensors}
    return sum(storage.nbytes() for storage in storages.values())


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Yield the tensors in nested dicts, lists and tuples, such as an optimizer's state."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        yield from tensors_in(list(value.values()))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from tensors_in(each)


def _allocated_at_peak(step: Callable[[], object]) -> int:
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities, profile_memory=True) as profile:
        step()
        step()
    results = profile.profiler.kineto_results
    changes = [event for event in results.events() if event.name() == "[memory]"]
    alive = peak = 0
    for event in sorted(changes, key=lambda event: event.start_ns()):
        alive += event.nbytes()
        peak = max(peak, alive)
    return peak


# --- peak arithmetic of the machine --------------------------------------------------------------


@dataclass(frozen=True)
class Peak:
    """Best measured rates, in floating-point operations per second.

    Args:
        matmul: of square matrices, 1024x1024 on a CPU and 8192x8192 on a GPU.
        convolution: 3x3 from (128, 16, 16) to 128 channels, in batches of 64 on a CPU and 1024 on
            a GPU, in the faster memory format.
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
    """Return floating-point operations per second, the median of `repeats` measurements.

    A slow call, such as one in a precision that the processor emulates, is measured once, without
    warming up, which would change little.
    """
    first = _seconds(call, clock, 1)
    if first > LONG:
        return flops / first
    _seconds(call, clock, 2)
    times = 4 if first < LONG / 4 else 1
    seconds = statistics.median(_seconds(call, clock, times) for _ in range(repeats))
    return flops / max(seconds, 1e-9)


def _seconds(call: Callable[[], object], clock: Clock, times: int) -> float:
    """Return seconds per call."""
    began = clock()
    for _ in range(times):
        call()
    return (clock() - began) / times
