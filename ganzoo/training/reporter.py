"""Who hears of a run's progress: the terminal, and the recipe's callbacks.

An observer has any of the methods of `Reporter`; a callback plugin is one too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


class Reporter:
    """Hears everything and says nothing. The command line's reporter overrides what it shows."""

    def started(self, run: Mapping[str, Any]) -> None:
        """`run`: name, path, steps, step to begin at, seed, device, world_size."""

    def ticked(self, step: int) -> None:
        """One generator step is done."""

    def stepped(self, step: int, samples_seen: int, terms: Mapping[str, float]) -> None:
        """The means of the terms since the last time, every ``train.log_every_steps``."""

    def scored(self, step: int, score: Any) -> None:
        """A checkpoint has a `ganzoo.runs.score.Score`."""

    def saved(self, step: int, path: Path) -> None:
        """A checkpoint is published."""

    def noted(self, text: str) -> None:
        """One line that the user should read."""

    def finished(self, status: str) -> None:
        """The run ended: finished, stopped, collapsed, interrupted or failed."""


class Reporters:
    """Tells several observers, each what it has a method for."""

    def __init__(self, observers: Sequence[Any]) -> None:
        self.observers = observers

    def tell(self, event: str, *details: Any) -> None:
        """Call ``observer.event(*details)`` wherever there is such a method."""
        for observer in self.observers:
            if method := getattr(observer, event, None):
                method(*details)
