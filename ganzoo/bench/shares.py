"""Where a step's time goes: data, forward, backward, optimizer, EMA, and the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any

from torch import Tensor

from ganzoo.api import DiscriminatorOutput
from ganzoo.bench.rounds import Clock
from ganzoo.training.networks import Networks
from ganzoo.training.player import Player
from ganzoo.training.step import GanStep

PARTS = ("data", "forward", "backward", "optimizer", "ema", "rest")
"""What a step's time is split into.

The arithmetic of losses counts as forward, the gradient inside a penalty as backward.
"""


@dataclass
class Stopwatch:
    """Adds up seconds by name; inside another measurement, an inner one is not counted twice."""

    clock: Clock
    seconds: dict[str, float] = field(default_factory=dict)
    inner: list[float] = field(default_factory=list)

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Add the time inside to `name`, less what was measured inside."""
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
    """Networks that say how long they take."""

    watch: Stopwatch

    @classmethod
    def over(cls, networks: Networks, watch: Stopwatch) -> TimedNetworks:
        """Return the same networks, measured."""
        same = {each.name: getattr(networks, each.name) for each in fields(Networks)}
        return cls(**same, watch=watch)

    def generate(self, z: Tensor, y: Tensor | None) -> Tensor:
        with self.watch.measure("forward"):
            return super().generate(z, y)

    def discriminate(self, x: Tensor, y: Tensor | None) -> DiscriminatorOutput:
        with self.watch.measure("forward"):
            return super().discriminate(x, y)

    def gradient(self, logits: Tensor, x: Tensor) -> Tensor:
        with self.watch.measure("backward"):
            return super().gradient(logits, x)

    def judge(self, x: Tensor, y: Tensor | None) -> tuple[DiscriminatorOutput, Tensor]:
        with self.watch.measure("forward"):
            return super().judge(x, y)


@contextmanager
def timed(step: GanStep, watch: Stopwatch) -> Iterator[None]:
    """Measure the parts and the players of a step inside; the step is as before afterwards.

    Updates are played eagerly: a captured one has no parts that the host could time.
    """
    networks, graphs = step.arithmetic.networks, step.graphs
    step.graphs = None
    replaced: list[tuple[Any, str]] = []

    def measure(owner: Any, method: str, name: str) -> None:
        setattr(owner, method, watch.around(name, getattr(owner, method)))
        replaced.append((owner, method))

    step.arithmetic.networks = TimedNetworks.over(networks, watch)
    measure(step.feed, "next", "data")
    measure(step.feed, "read", "data")
    measure(step.arithmetic, "terms", "forward")
    for player in (step.discriminator, step.generator):
        measure(player, "backward", "backward")
        measure(player, "apply_gradients", "optimizer")
    if step.ema:
        measure(step.ema, "update", "ema")
    try:
        yield
    finally:
        step.arithmetic.networks, step.graphs = networks, graphs
        for owner, method in replaced:
            delattr(owner, method)  # the instance's own; the class's shows again


def time_by_part(step: GanStep, clock: Clock, steps: int) -> dict[str, float]:
    """Return seconds a step spends in each of `PARTS`, over so many steps."""
    watch = Stopwatch(clock)
    with timed(step, watch):
        for _ in range(steps):
            with watch.measure("rest"):
                step()
    return {part: watch.seconds.get(part, 0.0) / steps for part in PARTS}


def time_by_player(step: GanStep, clock: Clock, steps: int) -> dict[str, float]:
    """Return seconds that one update of each player takes, by the player's name."""
    watch = Stopwatch(clock)
    update = step.update

    def measured(player: Player, repeat: int) -> dict[str, Tensor]:
        with watch.measure(player.name):
            return update(player, repeat)

    setattr(step, "update", measured)  # noqa: B010  an instance's own, for a moment
    counts = {player.name: player.updates for player in (step.discriminator, step.generator)}
    try:
        for _ in range(steps):
            step()
    finally:
        del step.update
    return {
        player.name: watch.seconds[player.name] / (player.updates - counts[player.name])
        for player in (step.discriminator, step.generator)
    }
