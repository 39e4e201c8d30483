"""The terms of a run's updates, from the device to metrics.jsonl."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ganzoo.runs.directory import RunDirectory
from ganzoo.training.processes import Processes, mean_over_ranks
from ganzoo.training.reporter import Reporters
from ganzoo.training.step import GanStep


@dataclass
class TermLog:
    """Keeps terms on the device until they are written, as means, in one transfer."""

    directory: RunDirectory
    processes: Processes
    reporters: Reporters
    pending: dict[str, list[Tensor]] = field(default_factory=dict)
    clock: float = field(default_factory=time.monotonic)
    clock_samples: int = 0

    def remember(self, terms: dict[str, Tensor]) -> None:
        """Keep the terms of one step."""
        for name, value in terms.items():
            self.pending.setdefault(name, []).append(value)

    def start_clock(self, samples_seen: int) -> None:
        """Count images a second from here on."""
        self.clock, self.clock_samples = time.monotonic(), samples_seen

    def forget(self, samples_seen: int) -> None:
        """Drop what was kept: the run has gone back."""
        self.pending.clear()
        self.start_clock(samples_seen)

    def write(self, step: GanStep) -> None:
        """Write the means since the last time, over all ranks; overflows of float16 left out."""
        if not self.pending:
            return
        names = list(self.pending)
        means = torch.stack([torch.stack(self.pending[name]).nanmean() for name in names])
        values = dict(zip(names, mean_over_ranks(means).tolist(), strict=True))
        seconds = time.monotonic() - self.clock
        rate = (step.samples_seen - self.clock_samples) / max(seconds, 1e-9)
        self.forget(step.samples_seen)
        if self.processes.is_main:
            row = {
                "step": step.step,
                "samples_seen": step.samples_seen,
                "samples_per_second": round(rate, 1),
            }
            self.directory.append_metrics(row | values)
        terms = values | {"samples_per_second": rate}
        self.reporters.tell("stepped", step.step, step.samples_seen, terms)
