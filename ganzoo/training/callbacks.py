"""Observers of a run (the terminal, ``log.txt``, callbacks), its terms and previews on disk."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganzoo.components.build import blaming
from ganzoo.components.data import spread_samples
from ganzoo.components.plan import ComponentPlan, Plan
from ganzoo.errors import printable
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.records import device_line, utc_now
from ganzoo.runs.samples import CONDITION, REAL, previews
from ganzoo.sampling.files import write_preview
from ganzoo.sampling.sampler import Sampler
from ganzoo.scoring.collectives import mean_over_ranks
from ganzoo.training.processes import Processes


class Reporter:
    """An observer of a run that does nothing; override what you need.

    A callback plugin may have any of these methods, and needs no base class.
    """

    def started(self, run: Mapping[str, Any]) -> None:
        """`run`: name, path, steps, step to begin at, seed, device, world_size."""

    def ticked(self, step: int) -> None:
        """One step is done."""

    def stepped(self, step: int, samples_seen: int, terms: Mapping[str, float]) -> None:
        """The means of the terms since the last call, every ``train.log_every_steps``."""

    def scored(self, step: int, score: Any) -> None:
        """A checkpoint has a `ganzoo.runs.score.Score`."""

    def saved(self, step: int, path: Path) -> None:
        """A checkpoint is published."""

    def reading(self, split: str, done: int, total: int) -> None:
        """`done` of the `total` real samples of a split have been read for a score."""

    def pictured(self, step: int, paths: Sequence[Path]) -> None:
        """The files of a preview are written: of real samples before the first step, then of G."""

    def noted(self, text: str) -> None:
        """One line for the user."""

    def finished(self, status: str) -> None:
        """The run ended: finished, stopped, collapsed, interrupted or failed."""


class Reporters:
    """Several observers as one.

    Args:
        observers: the engine's own.
        callbacks: the recipe's, live, each with its plan.
    """

    def __init__(
        self, observers: Sequence[Any], callbacks: Sequence[tuple[ComponentPlan, Any]] = ()
    ) -> None:
        self.observers = observers
        self.callbacks = callbacks

    def notify(self, event: str, *details: Any) -> None:
        """Call ``observer.event(*details)`` on every observer that has such a method.

        Raises:
            PluginError: a callback failed.
        """
        for observer in self.observers:
            if method := getattr(observer, event, None):
                method(*details)
        for component, callback in self.callbacks:
            if method := getattr(callback, event, None):
                with blaming(component, f"in {event}"):
                    method(*details)


class LogFile(Reporter):
    """Appends a line with its time to ``log.txt`` for every event but single steps."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def started(self, run: Mapping[str, Any]) -> None:
        self._write("run", f"seed {run['seed']}, from step {run['step']} to {run['steps']}")
        self._write("data", str(run["data"]))
        self._write("device", device_line(run))

    def scored(self, step: int, score: Any) -> None:
        selected = f", {score.selected}" if score.selected else ""
        self._write("score", f"step {step}: {score.value:.6g} {score.protocol.words()}{selected}")

    def saved(self, step: int, path: Path) -> None:
        self._write("saved", f"step {step}")

    def noted(self, text: str) -> None:
        self._write("note", text)

    def finished(self, status: str) -> None:
        self._write("end", status)

    def _write(self, what: str, text: str) -> None:
        # A full disk is reported by the next checkpoint; a missing line must not end a run.
        with suppress(OSError), self.path.open("a", encoding="utf-8") as file:
            file.write(f"{utc_now()[:19]}Z  {what:<6}  {printable(text)}\n")


@dataclass
class MetricsLogger:
    """Keeps terms on the device and writes their means to ``metrics.jsonl``, in one transfer."""

    directory: RunDirectory
    processes: Processes
    reporters: Reporters
    pending: dict[str, list[Tensor]] = field(default_factory=dict)
    """Name → one float32 () tensor per step since the last row."""
    clock: float = field(default_factory=time.monotonic)
    clock_samples: int = 0

    def add(self, terms: dict[str, Tensor]) -> None:
        """Keep the terms of one step."""
        for name, value in terms.items():
            self.pending.setdefault(name, []).append(value)

    def start_clock(self, samples_seen: int) -> None:
        """Measure samples per second from here on."""
        self.clock, self.clock_samples = time.monotonic(), samples_seen

    def reset(self, samples_seen: int) -> None:
        """Drop the kept terms and restart the clock."""
        self.pending.clear()
        self.start_clock(samples_seen)

    def write(self, step: int, samples_seen: int) -> None:
        """Write the means since the last row, over all ranks, without overflows of float16."""
        if not self.pending:
            return
        names = list(self.pending)
        means = torch.stack([torch.stack(self.pending[name]).nanmean() for name in names])
        values = dict(zip(names, mean_over_ranks(means).tolist(), strict=True))
        seconds = time.monotonic() - self.clock
        rate = (samples_seen - self.clock_samples) / max(seconds, 1e-9)
        self.reset(samples_seen)
        if self.processes.is_main:
            row = {"step": step, "samples_seen": samples_seen, "samples_per_second": round(rate, 1)}
            self.directory.append_metrics(row | values)
        self.reporters.notify("stepped", step, samples_seen, values | {"samples_per_second": rate})


@dataclass(frozen=True)
class Gallery:
    """Writes the previews of a run, on rank 0."""

    plan: Plan
    directory: RunDirectory
    processes: Processes

    @property
    def count(self) -> int:
        """Number of samples in a preview."""
        return self.plan.spec.kind.preview_samples

    def draw(self, step: int, sampler: Sampler) -> list[Path]:
        """Write what the generator makes at a step; return the files, on rank 0.

        In a recipe with conditions, it makes samples from those of the real samples shown.
        """
        if not self.processes.is_main:
            return []
        real, conditions = self._shown()
        count = self.count if conditions is None else len(conditions)
        seed = self.plan.recipe.settings.seed
        samples = sampler.sample(count, seed=seed, labels=conditions)
        return self._write(f"step-{step:08d}", self.plan.spec, samples, real, conditions)

    def draw_real(self) -> list[Path]:
        """Write real samples and their conditions, once; return the files that are new."""
        if not self.processes.is_main or REAL in previews(self.directory):
            return []
        real, conditions = self._shown()
        files = self._write(REAL, self.plan.spec, real)
        if conditions is not None:
            files += self._write(CONDITION, self.plan.spec.condition, conditions)
        return files

    def _shown(self) -> tuple[Tensor, Tensor | None]:
        """Return fixed real samples, and their conditions if the recipe uses any."""
        real, labels = spread_samples(self.plan.dataset, self.count)
        used = self.plan.recipe.settings.conditional and self.plan.spec.condition
        return real, labels if used else None

    def _write(self, stem: str, spec: Any, *shown: Any) -> list[Path]:
        return write_preview(self.directory.samples_directory, stem, spec, *shown)
