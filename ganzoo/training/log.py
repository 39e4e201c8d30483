"""``log.txt``: what a run said, one line each with its time, whether anybody listened or not."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ganzoo.runs.records import utc_now
from ganzoo.training.reporter import Reporter


class LogFile(Reporter):
    """Adds a line to a text file for everything but single steps."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def started(self, run: Mapping[str, Any]) -> None:
        self._write("run", f"seed {run['seed']}, from step {run['step']} to {run['steps']}")
        self._write("data", str(run["data"]))
        self._write("device", f"{run['device']}, {run['world_size']} process(es)")

    def scored(self, step: int, score: Any) -> None:
        selected = f", {score.sampling.selected}" if score.sampling else ""
        self._write("score", f"step {step}: {score.value:.6g} {score.protocol.words()}{selected}")

    def saved(self, step: int, path: Path) -> None:
        self._write("saved", f"step {step}")

    def noted(self, text: str) -> None:
        self._write("note", text)

    def finished(self, status: str) -> None:
        self._write("end", status)

    def _write(self, what: str, text: str) -> None:
        # On a full disk a checkpoint says so; a line less here is no reason to end a run.
        with suppress(OSError), self.path.open("a", encoding="utf-8") as file:
            file.write(f"{utc_now()[:19]}Z  {what:<6}  {text}\n")
