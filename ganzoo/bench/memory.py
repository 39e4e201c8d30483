"""How many bytes of tensors are alive at the peak of a step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor


def peak_bytes(play: Callable[[], object], held: Iterable[Tensor], device: torch.device) -> int:
    """Return the bytes of tensors at the peak of one step.

    On a GPU the allocator keeps count. On a CPU it is `held` (what lives on between steps, but
    for gradients: weights, optimizer state, data) and the most that is allocated on top, by
    torch's own record, which includes the scratch memory of its kernels. The record begins a step
    before, so that it knows of whatever that one leaves behind.
    """
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        play()
        return torch.cuda.max_memory_allocated(device)
    play()
    return bytes_of(held) + _allocated_at_peak(play)


def bytes_of(tensors: Iterable[Tensor]) -> int:
    """Return the bytes of some tensors, memory that they share counted once."""
    storages = {each.untyped_storage().data_ptr(): each.untyped_storage() for each in tensors}
    return sum(storage.nbytes() for storage in storages.values())


def tensors_in(value: Any) -> Iterable[Tensor]:
    """Yield the tensors in nested dicts and lists, such as an optimizer's state."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from tensors_in(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from tensors_in(each)


def _allocated_at_peak(play: Callable[[], object]) -> int:
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities, profile_memory=True) as profile:
        play()
        play()
    results = profile.profiler.kineto_results
    changes = [event for event in results.events() if event.name() == "[memory]"]
    alive = peak = 0
    for event in sorted(changes, key=lambda event: event.start_ns()):
        alive += event.nbytes()
        peak = max(peak, alive)
    return peak
