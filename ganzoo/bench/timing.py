"""Time training steps: several cases in turns, and the parts of one step.

A shared machine changes speed from minute to minute. Neighbouring measurements feel the same
disturbance, so the median of their ratios holds where the ratio of two medians does not.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, fields
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from ganzoo.api import DiscriminatorOutput
from ganzoo.training.graphs import WARM_UPS
from ganzoo.training.networks import Networks
from ganzoo.training.player import Player
from ganzoo.training.step import GanStep

Clock = Callable[[], float]

PARTS = ("data", "forward", "backward", "optimizer", "ema", "rest")
"""What a step's time is split into.

The arithmetic of losses counts as forward, the gradient inside a penalty as backward.
"""


# --- several cases in turns ----------------------------------------------------------------------


@dataclass(frozen=True)
class Spread:
    """The median of several measurements, with the lowest and the highest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        """Return the spread of the values."""
        return cls(statistics.median(values), min(values), max(values))


@dataclass(frozen=True)
class Case:
    """A named training step to time: each call of `step` runs one."""

    name: str
    step: Callable[[], object]


def clock_of(device: torch.device, threads: int) -> Clock:
    """Return a clock for a device, in seconds.

    One CPU thread is timed by the CPU time of the process, which other processes do not change;
    several threads, or a GPU (synchronized at each reading), by wall time.
    """
    if device.type == "cpu":
        return time.process_time if threads == 1 else time.perf_counter

    def synchronized() -> float:
        torch.accelerator.synchronize(device)
        return time.perf_counter()

    return synchronized


def warm_ups_on(device: torch.device) -> int:
    """Return how many steps to run before timing: on a GPU, enough to capture the updates.

    The update of a rarely applied regularizer may be captured later, in a timed round; the median
    over the rounds leaves that round out.
    """
    return 2 if device.type == "cpu" else 2 * WARM_UPS + 2


def time_interleaved(
    cases: list[Case],
    clock: Clock,
    *,
    rounds: int,
    seconds: float,
    warm_up: int = 2,
    tell: Callable[[str], None] = lambda message: None,
) -> dict[str, list[float]]:
    """Return seconds per step of each case, one number per round.

    The order of the cases rotates from round to round.

    Args:
        seconds: duration of one measurement; the number of steps follows from one timed step.
        tell: receives progress messages.
    """
    steps: dict[str, int] = {}
    for case in cases:
        tell(f"warming up: {case.name}")
        for _ in range(warm_up):
            case.step()
        steps[case.name] = max(1, round(seconds / max(_seconds_per_step(case, clock, 1), 1e-6)))
    taken: dict[str, list[float]] = {case.name: [] for case in cases}
    for number in range(rounds):
        tell(f"round {number + 1} of {rounds}")
        turn = number % len(cases)
        for case in cases[turn:] + cases[:turn]:
            taken[case.name].append(_seconds_per_step(case, clock, steps[case.name]))
    return taken


def _seconds_per_step(case: Case, clock: Clock, steps: int) -> float:
    began = clock()
    for _ in range(steps):
        case.step()
    return (clock() - began) / steps


def speed_against(taken: Mapping[str, list[float]], baseline: str) -> dict[str, Spread]:
    """Return the speed of each case relative to the baseline, from the ratios within rounds."""
    base = taken[baseline]
    return {
        name: Spread.of([b / own for b, own in zip(base, times, strict=True)])
        for name, times in taken.items()
    }


# --- the parts of one step -----------------------------------------------------------------------


@dataclass
class Stopwatch:
    """Add up exclusive seconds by name: time in a nested measurement counts there only."""

    clock: Clock
    seconds: dict[str, float] = field(default_factory=dict)
    inner: list[float] = field(default_factory=list)
    """For each open measurement, the seconds spent in measurements nested in it."""

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Add the time of the block to `name`, less that of nested measurements."""
        self.inner.append(0.0)
        began = self.clock()
        try:
            yield
        finally:
            whole = self.clock() - began
            self.seconds[name] = self.seconds.get(name, 0.0) + whole - self.inner.pop()
            if self.inner:
                self.inner[-1] += whole

    def around(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return `call`, measured."""

        def measured(*arguments: Any, **named: Any) -> Any:
            with self.measure(name):
                return call(*arguments, **named)

        return measured


@dataclass(frozen=True, kw_only=True)
class TimedNetworks(Networks):
    """Networks whose calls are timed."""

    watch: Stopwatch

    @classmethod
    def over(cls, networks: Networks, watch: Stopwatch) -> TimedNetworks:
        """Return the same networks, timed by `watch`."""
        same = {each.name: getattr(networks, each.name) for each in fields(Networks)}
        return cls(**same, watch=watch)

    def generate(self, *inputs: Any) -> Tensor:
        with self.watch.measure("forward"):
            return super().generate(*inputs)

    def discriminate(self, *inputs: Any) -> DiscriminatorOutput:
        with self.watch.measure("forward"):
            return super().discriminate(*inputs)

    def gradient(self, logits: Tensor, x: Tensor) -> Tensor:
        with self.watch.measure("backward"):
            return super().gradient(logits, x)

    def output_and_gradient(self, *inputs: Any) -> tuple[DiscriminatorOutput, Tensor]:
        with self.watch.measure("forward"):
            return super().output_and_gradient(*inputs)


@contextmanager
def timed(step: GanStep, watch: Stopwatch) -> Iterator[None]:
    """Time the parts of a step inside the block; restore the step afterwards.

    Updates run eagerly: the host cannot time the parts of a captured one.
    """
    calls: list[tuple[Any, str, str]] = [
        (step.feed, "next", "data"),
        (step.feed, "read", "data"),
        (step, "terms", "forward"),
    ]
    for player in step.players.values():
        calls += [(player, "backward", "backward"), (player, "finish_gradients", "optimizer")]
        calls += [(player.optimizer, "step", "optimizer")]
    if step.ema:
        calls += [(step.ema, "update", "ema")]
    networks = TimedNetworks.over(step.networks, watch)
    with ExitStack() as stack:
        stack.enter_context(patch.multiple(step, networks=networks, graphs=None))
        for owner, method, name in calls:
            measured = watch.around(name, getattr(owner, method))
            stack.enter_context(patch.object(owner, method, measured))
        yield


def time_by_part(step: GanStep, clock: Clock, steps: int) -> dict[str, float]:
    """Return seconds per step spent in each of `PARTS`, over this many steps."""
    watch = Stopwatch(clock)
    with timed(step, watch):
        for _ in range(steps):
            with watch.measure("rest"):
                step()
    return {part: watch.seconds.get(part, 0.0) / steps for part in PARTS}


def time_by_player(step: GanStep, clock: Clock, steps: int) -> dict[str, float]:
    """Return seconds per update of each player, by the player's name, over this many steps."""
    watch = Stopwatch(clock)
    update = step.update

    def measured(player: Player, repeat: int) -> dict[str, Tensor]:
        with watch.measure(player.name):
            return update(player, repeat)

    counts = {player.name: player.updates for player in step.players.values()}
    with patch.object(step, "update", measured):
        for _ in range(steps):
            step()
    made = {name: player.updates - counts[name] for name, player in step.players.items()}
    return {name: watch.seconds[name] / count for name, count in made.items() if count}
