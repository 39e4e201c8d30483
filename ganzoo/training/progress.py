"""A run's progress on stderr: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column

from ganzoo.errors import printable
from ganzoo.runs.records import device_line

PLAIN_LINES = 10
"""Number of lines of loss terms that a whole run prints without a terminal."""


def is_main_process() -> bool:
    """Whether this process prints: with a launcher, only rank 0 does."""
    return os.environ.get("RANK", "0") == "0"


def is_interactive() -> bool:
    """Whether the session is interactive: in a notebook, in IPython, at Python's prompt.

    Each of them sets ``sys.ps1``; a script does not.
    """
    return hasattr(sys, "ps1")


class TerminalReporter:
    """Prints the events of `ganzoo.training.callbacks.Reporter` to stderr, on rank 0 only."""

    def __init__(self) -> None:
        # rich would take FORCE_COLOR for a terminal and draw bars into log files.
        terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self.console = Console(
            stderr=True,
            highlight=False,
            soft_wrap=True,
            force_terminal=terminal,
            force_jupyter=False,
        )
        self.silent = not is_main_process()
        self.progress: Progress | None = None
        self.task = TaskID(0)
        self.steps = 1
        self.last_plain = 0

    def started(self, run: Mapping[str, Any]) -> None:
        self.steps, self.last_plain = run["steps"], run["step"]
        begin = f", from step {run['step']}" if run["step"] else ""
        self.say("run", f"{run['path']}  (seed {run['seed']}{begin})")
        self.say("data", run["data"])
        self.say("device", device_line(run))
        if self.console.is_terminal and not self.silent:
            self.progress = Progress(
                TextColumn("step"),
                MofNCompleteColumn(),
                BarColumn(bar_width=20),
                TimeRemainingColumn(),
                # The terms take what is left of the line, so that step and time are never hidden.
                TextColumn("{task.description}", table_column=Column(ratio=1, no_wrap=True)),
                console=self.console,
                expand=True,
                transient=True,
            )
            self.progress.start()
            self.task = self.progress.add_task("", total=run["steps"], completed=run["step"])

    def ticked(self, step: int) -> None:
        if self.progress:
            self.progress.update(self.task, completed=step)

    def stepped(self, step: int, samples_seen: int, terms: Mapping[str, float]) -> None:
        if self.progress:
            self.progress.update(self.task, description=_format_terms(terms))
        elif step - self.last_plain >= self.steps / PLAIN_LINES or step == self.steps:
            self.last_plain = step
            self.say("step", f"{step:>6}/{self.steps}  {_format_terms(terms)}")

    def scored(self, step: int, score: Any) -> None:
        label = "" if score.selected == "during" else f"  {score.selected or ''}"
        others = "".join(f"  {name} {value:.4g}" for name, value in score.metrics.items())
        distance = f"{score.protocol.distance_name} {score.value:.4g}"
        if score.statistics:
            distance += f" ± {score.statistics.standard_error:.2g}"
        self.say("score", f"{step:>6}  {distance}{others}{label}")

    def reading(self, split: str, done: int, total: int) -> None:
        words = f"{split}: {done} of {total} real samples are read for scores"
        if self.progress:
            self.progress.update(self.task, description=words)
        else:
            self.say("data", words)

    def noted(self, text: str) -> None:
        self.say("note", text)

    def finished(self, status: str) -> None:
        if self.progress:
            self.progress.stop()
            self.progress = None

    def say(self, what: str, text: str) -> None:
        """Print one line, with its subject `what` in front."""
        if not self.silent:
            self.console.print(printable(f"{what:<7}{text}"), markup=False)


def _format_terms(terms: Mapping[str, float]) -> str:
    """Format the sums of both players' loss terms, their gradient norms, and the speed."""
    parts = []
    for letter in ("d", "g"):
        own = [value for name, value in terms.items() if name.startswith(f"{letter}/")]
        norm = terms.get(f"{letter}/gradient_norm", 0.0)
        parts.append(f"{letter.upper()} {sum(own) - norm:.3f} (gradient {norm:.2g})")
    return f"{'  '.join(parts)}  {terms.get('samples_per_second', 0):.0f} samples/s"
