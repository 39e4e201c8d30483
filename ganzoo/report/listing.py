"""The runs of a directory, one line each, newest last."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ganzoo.errors import DataError
from ganzoo.report.candidates import last_step, latest
from ganzoo.report.table import Table, three_digits
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.score import Score

COLUMNS = ("run", "status", "step", "score", "protocol", "created (UTC)")


@dataclass(frozen=True)
class Listed:
    """What ``ganzoo ls`` says of a run."""

    run: str
    status: str
    step: int
    """The last one that was logged."""
    score: Score | None
    """Of the final generator; of the newest checkpoint where there is no final one yet."""
    created: str

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as plain data."""
        return asdict(self) | {"score": self.score.to_dict() if self.score else None}

    def row(self) -> tuple[str, ...]:
        """Return the cells of a table."""
        value = three_digits(self.score.value) if self.score else "-"
        words = self.score.protocol.words() if self.score else ""
        when = self.created[:16].replace("T", " ")
        return self.run, self.status, str(self.step), value, words, when


def list_runs(runs_directory: Path) -> list[Listed]:
    """Return the runs whose run.json can be read, oldest first."""
    return [listed(run) for run in RunDirectory.all(runs_directory)]


def listed(run: RunDirectory) -> Listed:
    """Read one run; a score that cannot be read is no score here (`ganzoo compare` says why)."""
    try:
        scores = run.scores()
    except DataError:
        scores = []
    score = latest(scores, "final", "asked") or latest(scores, "during")
    return Listed(run.name, run.status(), last_step(run), score, run.info()["created"])


def table(runs: list[Listed]) -> Table:
    """Return the runs as a table."""
    return Table(COLUMNS, [each.row() for each in runs], numbers={"step", "score"})
