"""The runs of a directory, one line each, newest last."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ganzoo.errors import DataError
from ganzoo.report.candidates import selected
from ganzoo.report.table import Table, three_digits
from ganzoo.runs.checkpoints import CheckpointStore
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.score import Score

COLUMNS = ("run", "status", "step", "score", "protocol", "created (UTC)")


@dataclass(frozen=True)
class Listed:
    """What ``ganzoo ls`` says of a run."""

    run: str
    status: str
    step: int
    """The last one that is saved, where `ganzoo resume` goes on; 0 where none is."""
    score: Score | None
    """Of the last generator that was scored, as the run itself is scored."""
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
    steps = CheckpointStore(run.checkpoints_directory).steps()
    step = steps[-1] if steps else 0
    return Listed(run.name, run.status(), step, own_score(scores), run.info()["created"])


def own_score(scores: Sequence[Score]) -> Score | None:
    """Return the newest score that a run made of itself: at its last end, or since on the way.

    The first final score is the run's own. Scores of the final generator under other protocols
    came later and on request; they stand in only where there is nothing else.
    """
    finals = [each for each in scores if selected(each) == "final"]
    own = [each for each in finals if each.protocol == finals[0].protocol]
    during = [each for each in scores if selected(each) == "during"]
    asked = [each for each in scores if selected(each) in ("asked", None)]
    newest_first = [*reversed(own), *reversed(during)]
    return max(newest_first, key=_step, default=asked[-1] if asked else None)


def _step(score: Score) -> int:
    return score.sampling.step if score.sampling else 0


def table(runs: list[Listed]) -> Table:
    """Return the runs as a table."""
    return Table(COLUMNS, [each.row() for each in runs], numbers={"step", "score"})
