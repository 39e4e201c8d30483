"""A run's directory: where everything of it stands, and what its records say."""

import contextlib
import json
import secrets
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from ganzoo.errors import DataError
from ganzoo.runs import faults, owner, records
from ganzoo.runs.files import unwritable, write_atomic
from ganzoo.runs.owner import Owner
from ganzoo.runs.references import ambiguous_run, check_name, unknown_run
from ganzoo.runs.score import Score

FORMAT = 1
INFO = "run.json"

faults.declare({"info.before_write": "run.json is about to be replaced"})


class RunDirectory:
    """``runs/<name>-s<seed>-<6 hex>/``, named and written by one run. Paths inside are relative.

    Args:
        path: an existing directory; it may be moved as a whole.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    # --- where things are ------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Name of the directory."""
        return self.path.name

    @property
    def recipe_file(self) -> Path:
        """The recipe as it was given."""
        return self.path / "recipe.yaml"

    @property
    def lock_file(self) -> Path:
        """The recipe with everything resolved. (The owner's lock is `hold`.)"""
        return self.path / "recipe.lock.yaml"

    @property
    def info_file(self) -> Path:
        """What `info` reads."""
        return self.path / INFO

    @property
    def env_file(self) -> Path:
        """Versions, devices, driver."""
        return self.path / "env.json"

    @property
    def metrics_file(self) -> Path:
        """What `append_metrics` writes."""
        return self.path / "metrics.jsonl"

    @property
    def events_file(self) -> Path:
        """What `append_event` writes."""
        return self.path / "events.jsonl"

    @property
    def scores_file(self) -> Path:
        """What `append_score` writes."""
        return self.path / "scores.jsonl"

    @property
    def health_file(self) -> Path:
        """What the collapse watch saw, one record an evaluation."""
        return self.path / "health.jsonl"

    @property
    def accidents_file(self) -> Path:
        """Updates and weights that were not finite, one record each."""
        return self.path / "nonfinite.jsonl"

    @property
    def log_file(self) -> Path:
        """Plain text."""
        return self.path / "log.txt"

    @property
    def samples_directory(self) -> Path:
        """Pictures from fixed latents."""
        return self.path / "samples"

    @property
    def checkpoints_directory(self) -> Path:
        """For a `CheckpointStore`."""
        return self.path / "checkpoints"

    @property
    def export_directory(self) -> Path:
        """What leaves the run."""
        return self.path / "export"

    # --- making and finding ----------------------------------------------------------------------

    @classmethod
    def create(cls, runs_directory: Path, name: str, seed: int) -> "RunDirectory":
        """Make the directory of a new run; no other process can get the same.

        Raises:
            UsageError: the name is not one that a recipe could have, or the place cannot be
                written.
            DiskFull: it has no room.
        """
        check_name(name)
        run = cls(runs_directory / f"{name}-s{seed}-{secrets.token_hex(3)}")
        try:
            run.path.mkdir(parents=True)
            run.write_info(format=FORMAT, name=name, seed=seed, created=records.utc_now())
        except FileExistsError:
            return cls.create(runs_directory, name, seed)
        except OSError as error:
            with contextlib.suppress(OSError):
                run.path.rmdir()
            raise unwritable(runs_directory, error, "--runs-dir DIRECTORY") from error
        return run

    @classmethod
    def all(cls, runs_directory: Path) -> list["RunDirectory"]:
        """Return the runs of a directory whose run.json can be read, oldest first."""
        runs = []
        for path in _entries(runs_directory):
            with contextlib.suppress(DataError):
                runs.append((cls(path).info()["created"], path.name, cls(path)))
        return [run for _, _, run in sorted(runs, key=lambda entry: entry[:2])]

    @classmethod
    def find(cls, reference: str | Path, runs_directory: Path) -> "RunDirectory":
        """Return the run that a command means: a path, the unique prefix of a name, or ``last``.

        ``last`` is never the score of samples that no run made.

        Raises:
            UsageError: no run, or several.
            DataError: a run whose record cannot be read.
        """
        text = str(reference)
        if text != "last" and (Path(reference) / INFO).is_file():
            return cls(Path(reference))
        runs = cls.all(runs_directory)
        if text == "last":
            newest_first = (run for run in reversed(runs) if "samples" not in run.info())
            fitting = list(islice(newest_first, 1))
        else:
            fitting = [run for run in runs if run.name == text]
            fitting = fitting or [run for run in runs if text and run.name.startswith(text)]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            raise ambiguous_run(text, [run.name for run in fitting], runs_directory)
        if text and (runs_directory / text / INFO).is_file():
            cls(runs_directory / text).info()  # raises, since `all` has left it out
        raise unknown_run(text, [run.name for run in runs], runs_directory)

    # --- records ---------------------------------------------------------------------------------

    def info(self) -> dict[str, Any]:
        """Return what run.json holds.

        Raises:
            DataError: there is none, or it is not one.
        """
        try:
            info = json.loads(self.info_file.read_bytes())
        except OSError as error:
            raise DataError(f"{self.info_file} cannot be read: {error.strerror}") from error
        except (ValueError, RecursionError) as error:
            raise DataError(f"{self.info_file} is torn or empty: {error}") from error
        if not isinstance(info, dict) or not isinstance(info.get("created"), str):
            raise DataError(f"{self.info_file} is not the record of a run")
        return info

    def write_info(self, **changes: Any) -> None:
        """Replace these fields of run.json and leave the others, all at once."""
        info = self.info() if self.info_file.exists() else {}
        faults.hit("info.before_write")
        write_atomic(self.info_file, records.to_json(info | changes, indent=1))

    @cached_property
    def attempt(self) -> int:
        """How many times the run was started or resumed; 0 before the first."""
        return int(self.info().get("attempts", 0))

    def begin_attempt(self) -> int:
        """Count one more start, and return the count."""
        self.attempt = int(self.info().get("attempts", 0)) + 1
        self.write_info(attempts=self.attempt)
        return self.attempt

    def append_metrics(self, row: Mapping[str, Any]) -> None:
        """Add one row of training metrics; it names its `step`."""
        records.append(self.metrics_file, self._stamped(row))

    def append_event(self, kind: str, **about: Any) -> None:
        """Add an event. ``started``, ``resumed``, ``finished`` and ``failed`` make the status."""
        records.append(self.events_file, self._stamped({"event": kind, **about}), durable=True)

    def append_score(self, score: Score) -> None:
        """Add a score with its whole protocol."""
        record = {"attempt": self.attempt, **score.to_dict()}
        records.append(self.scores_file, record, durable=True)

    def metrics(self) -> list[dict[str, Any]]:
        """Return one row a step, rising, of the last attempt at it; None where not finite."""
        return records.last_attempts(records.read(self.metrics_file))

    def health(self) -> list[dict[str, Any]]:
        """Return what the collapse watch saw, one row an evaluation, of the last attempt at it."""
        return records.last_attempts(records.read(self.health_file))

    def events(self) -> list[dict[str, Any]]:
        """Return all events in the order they happened."""
        return records.read(self.events_file)

    def scores(self) -> list[Score]:
        """Return all scores in the order they were made.

        Raises:
            DataError: one of them does not hold what a score needs.
        """
        try:
            return [Score.from_dict(record) for record in records.read(self.scores_file)]
        except (ValueError, TypeError) as error:
            raise DataError(f"{self.scores_file}: {error}") from error

    def _stamped(self, record: Mapping[str, Any]) -> dict[str, Any]:
        return {"time": records.utc_now(), "attempt": self.attempt, **record}

    # --- owner and status ------------------------------------------------------------------------

    def hold(self, *, take_over: bool = False) -> AbstractContextManager[Owner]:
        """Own the directory for the length of a block; see `ganzoo.runs.owner.hold`."""
        return owner.hold(self.path, take_over=take_over)

    def status(self) -> str:
        """Return ``running``, ``finished``, ``failed`` or ``interrupted``.

        A run whose owner is gone without a word is interrupted: nothing has to be written for it.
        """
        if owner.is_held(self.path):
            return "running"
        for event in reversed(self.events()):
            if event.get("event") in ("finished", "failed"):
                return str(event["event"])
            if event.get("event") in ("started", "resumed"):
                break
        return "interrupted"


def unreadable(
    runs_directory: Path, legible: Iterable[RunDirectory] = ()
) -> list[tuple[Path, str]]:
    """Return the directories that `RunDirectory.all` leaves out, and why, by name.

    Args:
        legible: what it gave, if that is known: need not be read again.
    """
    problems = []
    known = {run.path for run in legible}
    for path in _entries(runs_directory):
        if path in known:
            continue
        try:
            RunDirectory(path).info()
        except DataError as error:
            problems.append((path, error.message))
    return problems


def _entries(runs_directory: Path) -> list[Path]:
    if not runs_directory.is_dir():
        return []
    return sorted(path for path in runs_directory.iterdir() if path.is_dir())
