"""Interleaved timing: cases take turns in one process, and ratios are taken within a round.

A shared machine changes speed from minute to minute. Neighbouring measurements feel the same
disturbance, so the median of their ratios holds where the ratio of two medians does not.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from ganzoo.training.graphs import WARM_UPS

Clock = Callable[[], float]


@dataclass(frozen=True)
class Spread:
    """The median of a few measurements, and the lowest and the highest of them."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        """Return the spread of some numbers."""
        return cls(statistics.median(values), min(values), max(values))


@dataclass(frozen=True)
class Case:
    """Something to be timed: `play` is one training step."""

    name: str
    play: Callable[[], object]


def clock_of(device: torch.device, threads: int) -> Clock:
    """Return the clock for a device, in seconds.

    One CPU thread is timed by the process's own CPU time, which others on the machine do not add
    to; several threads, or a GPU (waited for at each reading), by the time on the wall.
    """
    if device.type == "cpu":
        return time.process_time if threads == 1 else time.perf_counter

    def waited() -> float:
        torch.accelerator.synchronize(device)
        return time.perf_counter()

    return waited


def warm_ups_on(device: torch.device) -> int:
    """Return how many steps to play before anything is timed: on a GPU updates are captured then.

    A rarely due regularizer's update can be captured later, in a round, whose median it is not.
    """
    return 2 if device.type == "cpu" else 2 * WARM_UPS + 2


def time_interleaved(
    cases: list[Case],
    clock: Clock,
    *,
    rounds: int,
    seconds: float,
    warm_up: int = 2,
    tell: Callable[[str], None] = lambda words: None,
) -> dict[str, list[float]]:
    """Return seconds a step of each case, one number a round.

    The cases rotate from round to round. Each plays so many steps a round as take about
    `seconds`, by a measurement after the warm-up.
    """
    steps: dict[str, int] = {}
    for case in cases:
        tell(f"warming up: {case.name}")
        for _ in range(warm_up):
            case.play()
        steps[case.name] = max(1, round(seconds / max(_once(case, clock, 1), 1e-6)))
    taken: dict[str, list[float]] = {case.name: [] for case in cases}
    for number in range(rounds):
        tell(f"round {number + 1} of {rounds}")
        turn = number % len(cases)
        for case in cases[turn:] + cases[:turn]:
            taken[case.name].append(_once(case, clock, steps[case.name]))
    return taken


def _once(case: Case, clock: Clock, steps: int) -> float:
    began = clock()
    for _ in range(steps):
        case.play()
    return (clock() - began) / steps


def speed_against(taken: Mapping[str, list[float]], baseline: str) -> dict[str, Spread]:
    """Return how many times as fast as the baseline each case is, by the ratios within rounds."""
    base = taken[baseline]
    return {
        name: Spread.of([b / own for b, own in zip(base, times, strict=True)])
        for name, times in taken.items()
    }
