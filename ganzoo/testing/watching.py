"""A game that remembers what was asked of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from ganzoo.api import DiscriminatorOutput
from ganzoo.training.game import EngineGame

COUNTERS = frozenset({"step", "samples_seen"})
"""Numbers of a game that are others in every step."""


@dataclass
class WatchedGame(EngineGame):
    """`EngineGame` that notes the requests that a component must declare, or may couple rows by."""

    asked: set[str] = field(default_factory=set, repr=False)
    """Capability words of the input gradients that were asked for; ``mean``, ``gather``; the
    counters that were read."""

    def __getattribute__(self, name: str) -> Any:
        if name in COUNTERS:
            object.__getattribute__(self, "asked").add(name)
        return object.__getattribute__(self, name)

    def input_gradient(
        self, x: Tensor, y: Tensor | None = None
    ) -> tuple[DiscriminatorOutput, Tensor]:
        side = next((side for side in ("real", "fake") if x is self._known.get(side)), "input")
        self.asked.add(f"{side}-gradient")
        return super().input_gradient(x, y)

    def mean(self, t: Tensor) -> Tensor:
        self.asked.add("mean")
        return super().mean(t)

    def gather(self, t: Tensor) -> Tensor:
        self.asked.add("gather")
        return super().gather(t)

    def replace(self, **fields: Any) -> WatchedGame:
        before = set(self.asked)
        replaced = vars(super().replace(**fields))
        self.asked -= COUNTERS - before  # of its own doing
        return WatchedGame(**replaced, asked=self.asked)
