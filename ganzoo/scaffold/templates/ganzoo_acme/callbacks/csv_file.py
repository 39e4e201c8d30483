"""The loss terms as a file for spreadsheets."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Csv:
    """Write the loss terms to a CSV file in the run's directory.

    Columns: step, samples_seen, term, value. A resumed run appends to the same file.

    Args:
        file: name of the file.
    """

    def __init__(self, *, file: str = "terms.csv") -> None:
        self.file = file
        self.path: Path | None = None

    def started(self, run: Mapping[str, Any]) -> None:
        self.path = Path(run["path"]) / self.file
        if not self.path.exists():
            self._append([("step", "samples_seen", "term", "value")])

    def stepped(self, step: int, samples_seen: int, terms: Mapping[str, float]) -> None:
        self._append((step, samples_seen, term, value) for term, value in terms.items())

    def _append(self, rows: Any) -> None:
        if self.path is not None:
            with self.path.open("a", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows(rows)
