"""Random numbers by name: each is a function of (seed, stream, step, sample index).

Noise is drawn in fixed blocks of 128 global samples, each from its own generator, on the CPU. A
process draws the blocks that contain its rows and slices them. A sample's noise therefore depends
neither on the number of processes, nor on micro-batches, nor on the device, and a run can resume
without saving the state of a random number generator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Protocol

import torch
from torch import Tensor

BLOCK = 128
CPU = torch.device("cpu")

Sample = Callable[[int, torch.Generator], Tensor]
"""``(count, generator) -> (count, ...)``: draws the noise of `count` samples."""


@dataclass(frozen=True)
class RandomStreams:
    """All random numbers of a run.

    `rollbacks` enters every key: a run that went back draws other noise, since the same noise
    would fail the same way.
    """

    seed: int
    rollbacks: int = 0

    def key(self, stream: str, step: int, block: int) -> int:
        """Return the 63-bit seed of one block."""
        text = f"{self.seed}/{self.rollbacks}/{stream}/{step}/{block}"
        return int.from_bytes(sha256(text.encode()).digest()[:8], "big") >> 1

    def generator(self, stream: str, step: int, block: int = 0) -> torch.Generator:
        """Return the CPU generator of one block."""
        return torch.Generator().manual_seed(self.key(stream, step, block))

    def draw(self, stream: str, step: int, rows: Rows, sample: Sample) -> Tensor:
        """Return the noise of `rows`, (rows.count, ...), on the CPU.

        Args:
            sample: called with (128, generator) for each block; returns (128, ...).
        """
        first, last = rows.first // BLOCK, (rows.first + max(rows.count, 1) - 1) // BLOCK
        blocks = [
            sample(BLOCK, self.generator(stream, step, block)) for block in range(first, last + 1)
        ]
        drawn = blocks[0] if len(blocks) == 1 else torch.cat(blocks)
        start = rows.first - first * BLOCK
        return drawn[start : start + rows.count]


@dataclass(frozen=True)
class Rows:
    """The rows of the global batch that a process or a micro-batch holds."""

    first: int
    count: int


class Streams(Protocol):
    """A source of noise: `RandomStreams`, or the inputs of a captured update."""

    def draw(self, stream: str, step: int, rows: Rows, sample: Sample) -> Tensor: ...


@dataclass(frozen=True)
class BatchNoise:
    """`ganzoo.api.Noise` for one batch: the streams of one (prefix, step, rows), on a device."""

    streams: Streams
    prefix: str
    step: int
    rows: Rows
    device: torch.device = CPU

    def uniform(self, name: str, *shape: int) -> Tensor:
        """Return float32 (B, *shape) in [0, 1)."""
        return self.draw(name, _uniform(shape))

    def normal(self, name: str, *shape: int) -> Tensor:
        """Return float32 (B, *shape), standard normal."""
        return self.draw(name, _normal(shape))

    def draw(self, name: str, sample: Sample) -> Tensor:
        """Return what `sample` draws for this batch's rows, (B, ...), on its device."""
        drawn = self.streams.draw(f"{self.prefix}/{name}", self.step, self.rows, sample)
        return drawn.to(self.device, non_blocking=True)

    def within(self, name: str) -> BatchNoise:
        """Return the noise of the streams whose names start with `name`."""
        return BatchNoise(self.streams, f"{self.prefix}/{name}", self.step, self.rows, self.device)

    def of_size(self, count: int) -> BatchNoise:
        """Return the noise of a batch of `count` rows, numbered again over all processes.

        Where `count` is m times the rows of this batch, each of them becomes m consecutive ones;
        where it is an m-th, m consecutive rows become one. Neither depends on the number of
        processes. Processes with the same count, whatever it is, share no row.
        """
        if count == self.rows.count:
            return self
        rows = Rows(self.rows.first * count // self.rows.count, count)
        return BatchNoise(self.streams, self.prefix, self.step, rows, self.device)


# One function for each shape, so that a captured update recognizes what it has drawn before.


@cache
def _uniform(shape: tuple[int, ...]) -> Sample:
    return lambda n, generator: torch.rand(n, *shape, generator=generator)


@cache
def _normal(shape: tuple[int, ...]) -> Sample:
    return lambda n, generator: torch.randn(n, *shape, generator=generator)
