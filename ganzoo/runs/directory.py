"""A run's directory: its files and its records."""

import contextlib
import secrets
import shlex
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from filelock import FileLock

from ganzoo.errors import CheckpointError, DataError, DiskError
from ganzoo.runs import faults, owner, records
from ganzoo.runs.files import (
    TEMPORARY,
    remove_leftovers,
    sync_directory,
    unwritable,
    write_atomic,
    writing,
)
from ganzoo.runs.owner import Hold, Owner
from ganzoo.runs.references import (
    ambiguous_run,
    check_name,
    command,
    reference_to,
    unknown_run,
)
from ganzoo.runs.score import Score
from ganzoo.untrusted import parse_json, read_regular

FORMAT = 2
"""Format of a run's directory, written into run.json."""
INFO = "run.json"

faults.declare({"info.before_write": "run.json is about to be replaced"})


class RunDirectory:
    """``runs/<name>-s<seed>-<6 hex>/``, written by one run. Paths in its files are relative.

    Args:
        path: an existing directory; the whole directory may be moved.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name
        """Name of the directory."""
        self.recipe_file = path / "recipe.yaml"
        """The recipe as given."""
        self.lock_file = path / "recipe.lock.yaml"
        """The resolved recipe."""
        self.sample_spec_file = path / "sample_spec.json"
        """What one sample is, and how labels are drawn: enough to sample without the data set."""
        self.data_file = path / "data.json"
        """Fingerprint of the training data."""
        self.info_file = path / INFO
        """Facts about the run as a whole; see `info`."""
        self.plugin_file = path / "plugin.py"
        """A copy of the file that ``--plugin`` named, if there was one."""
        self.env_file = path / "env.json"
        """Versions and devices."""
        self.metrics_file = path / "metrics.jsonl"
        """Training metrics, one row per log."""
        self.events_file = path / "events.jsonl"
        """Events such as starts, saves and failures."""
        self.scores_file = path / "scores.jsonl"
        """Scores with their protocols."""
        self.health_file = path / "health.jsonl"
        """Sample statistics of the collapse monitor, one record per evaluation."""
        self.nonfinite_file = path / "nonfinite.jsonl"
        """Non-finite updates and weights, one record each."""
        self.log_file = path / "log.txt"
        """The log as plain text."""
        self.samples_directory = path / "samples"
        """Previews of samples from fixed latents."""
        self.checkpoints_directory = path / "checkpoints"
        """Directory of the `CheckpointStore`."""
        self.export_directory = path / "export"
        """Exported generators."""

        self.held: Hold | None = None
        """The ownership of this process, inside `hold`."""
        self.renamed: Path | None = None
        """The path that the directory had when `hold` began, if it has another now."""

    # --- creating and finding --------------------------------------------------------------------

    @classmethod
    def create(
        cls,
        runs_directory: Path,
        name: str,
        seed: int,
        fill: Callable[["RunDirectory"], object] = lambda run: None,
    ) -> "RunDirectory":
        """Create the directory of a new run; it is unique even among concurrent processes.

        Args:
            fill: writes what the run needs. The directory gets its name once that is done: no
                fault leaves one that is incomplete.

        Raises:
            UsageError: the name is not valid, or the directory cannot be written.
            DiskError: there is no room, or the disk fails.
        """
        check_name(name)
        with locked(runs_directory):
            run = cls(runs_directory / f"{TEMPORARY}{secrets.token_hex(4)}")
            path = runs_directory / f"{name}-s{seed}-{secrets.token_hex(3)}"
            while path.exists():
                path = runs_directory / f"{name}-s{seed}-{secrets.token_hex(3)}"
            try:
                run.path.mkdir()
                run.write_info(format=FORMAT, name=name, seed=seed, created=records.utc_now())
                fill(run)
                sync_directory(run.path)
                run.path.rename(path)
                sync_directory(runs_directory)
            except BaseException as error:
                shutil.rmtree(run.path, ignore_errors=True)
                if isinstance(error, OSError):
                    raise unwritable(runs_directory, error, "--runs-dir DIRECTORY") from error
                raise
        return cls(path)

    @classmethod
    def all(cls, runs_directory: Path, *, strict: bool = False) -> list["RunDirectory"]:
        """Return the runs in a directory whose run.json can be read, oldest first.

        Raises:
            DiskError: `strict`, and the disk fails where there may be a run.
        """
        runs = []
        for path in _entries(runs_directory):
            try:
                runs.append((cls(path).info()["created"], path.name, cls(path)))
            except DataError as error:
                why = error.__cause__
                failed = unwritable(path, why, what="read") if isinstance(why, OSError) else None
                if strict and isinstance(failed, DiskError):
                    raise failed from error
        return [run for _, _, run in sorted(runs, key=lambda entry: entry[:2])]

    @classmethod
    def find(cls, reference: str | Path, runs_directory: Path) -> "RunDirectory":
        """Return the run that a command names: a path, a unique prefix of a name, or ``last``.

        ``last`` never means the score of external samples.

        Raises:
            UsageError: the reference matches no run, or several.
            DataError: the run.json of the run cannot be read.
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
        for path in _entries(runs_directory):
            if text and (text == "last" or path.name.startswith(text)) and (path / INFO).is_file():
                cls(path).info()  # raises, because `all` left it out
        raise unknown_run(text, [run.name for run in runs], runs_directory)

    # --- records ---------------------------------------------------------------------------------

    def info(self) -> dict[str, Any]:
        """Return the content of run.json.

        Raises:
            DataError: it is missing, damaged, or of another format.
        """
        try:
            info = parse_json(read_regular(self.info_file))
        except OSError as error:
            raise DataError(
                f"{self.info_file} cannot be read: {error.strerror}",
                hint=shlex.join(["ls", "-l", str(self.info_file)]),
            ) from error
        except ValueError as error:
            raise DataError(
                f"{self.info_file} is incomplete or empty: {error}", hint=self._again()
            ) from error
        try:
            records.check_record(info)
        except ValueError as error:
            raise DataError(f"{self.info_file} {error}", hint=self._again()) from error
        if "created" not in info:
            raise DataError(f"{self.info_file} is not the run.json of a run", hint=self._again())
        if (written := info.get("format", FORMAT)) != FORMAT:
            raise DataError(
                f"{reference_to(self.path)} has format {str(written)[:20]}, and this ganzoo reads "
                f"format {FORMAT}: another version made it",
                hint=self._again(),
            )
        return info

    def _again(self) -> str | None:
        """Return the command that makes a new run of this one's recipe, if its recipe is there."""
        if not self.recipe_file.is_file():
            return None
        return command("run", self.recipe_file) + "   # a new run; add the overrides it had"

    def write_info(self, **changes: Any) -> None:
        """Replace these fields of run.json atomically; write nothing if nothing changes."""
        info = self.info() if self.info_file.exists() else {}
        changed = info | records.plain(changes)
        if changed == info:
            return
        faults.hit("info.before_write")
        write_atomic(self.info_file, records.to_json(changed, indent=1))

    @cached_property
    def attempt(self) -> int:
        """Number of starts and resumes so far; 0 before the first."""
        return int(self.info().get("attempts", 0))

    def begin_attempt(self) -> int:
        """Count one more start or resume, and return the count."""
        self.attempt = int(self.info().get("attempts", 0)) + 1
        self.write_info(attempts=self.attempt)
        return self.attempt

    def append_metrics(self, row: Mapping[str, Any]) -> None:
        """Add one row of training metrics; it has a `step`."""
        records.append(self.metrics_file, self._stamped(row))

    def append_event(self, kind: str, **about: Any) -> None:
        """Add an event. ``started``, ``resumed``, ``finished`` and ``failed`` decide the status."""
        records.append(self.events_file, self._stamped({"event": kind, **about}), durable=True)

    def append_score(self, score: Score) -> None:
        """Add a score with its protocol."""
        record = {"attempt": self.attempt, **score.to_dict()}
        records.append(self.scores_file, record, durable=True)

    def metrics(self) -> list[dict[str, Any]]:
        """Return one row per step, ascending, of its last attempt; non-finite values are None."""
        return records.last_attempts(records.read(self.metrics_file).whole)

    def health(self) -> list[dict[str, Any]]:
        """Return the collapse monitor's rows, one per evaluation, of its last attempt."""
        return records.last_attempts(records.read(self.health_file).whole)

    def events(self) -> list[dict[str, Any]]:
        """Return all whole events in chronological order."""
        return self._events().whole

    def scores(self) -> list[Score]:
        """Return all valid scores in the order of writing; `damaged` tells of the others."""
        return self._scores().whole

    def damaged(self) -> list[str]:
        """Return one line of text for each damaged line of the scores and events."""
        return [*self._scores().damaged, *self._events().damaged]

    def _events(self) -> records.Records:
        return records.read(self.events_file, durable=True)

    def _scores(self) -> records.Records:
        return records.read(self.scores_file, Score.from_dict, durable=True)

    def _stamped(self, record: Mapping[str, Any]) -> dict[str, Any]:
        return {"time": records.utc_now(), "attempt": self.attempt, **record}

    # --- owner and status ------------------------------------------------------------------------

    @contextlib.contextmanager
    def hold(self, *, take_over: bool = False) -> Iterator[Owner]:
        """Own the directory during a ``with`` block; see `ganzoo.runs.owner.hold`."""
        with owner.hold(self.path, take_over=take_over) as self.held:
            try:
                yield self.held.owner
            finally:
                self.held = None

    def follow(self) -> None:
        """Follow the directory that this process owns if it has been renamed.

        Raises:
            CheckpointError: it was deleted, or a file without which nothing can be resumed.
            RunLocked: another process has taken it over.
        """
        if self.held is None:
            return
        place = self.held.place()
        if place != self.path:
            renamed = self.renamed or self.path
            vars(self).update(vars(RunDirectory(place)), held=self.held, renamed=renamed)
            self.held.path = place
        gone = [path.name for path in (self.info_file, self.lock_file) if not path.exists()]
        if gone:
            raise CheckpointError(
                f"{self.path} lost its {' and '.join(gone)} while its run was training: "
                "nothing that is saved could be resumed",
                hint=f"{command('resume', reference_to(self.path))}   # once they are back",
            )

    def status(self) -> str:
        """Return ``running``, ``finished``, ``failed`` or ``interrupted``.

        A run whose owner was killed counts as interrupted; nothing needs to be written for that.
        """
        if owner.is_held(self.path):
            return "running"
        for event in reversed(self.events()):
            if event.get("event") in ("finished", "failed"):
                return str(event["event"])
            if event.get("event") in ("started", "resumed"):
                break
        return "interrupted"


@contextlib.contextmanager
def locked(runs_directory: Path) -> Iterator[None]:
    """Exclude other processes inside, while a run is looked up and created.

    Raises:
        UsageError, DiskError: the directory cannot be written.
    """
    try:
        runs_directory.mkdir(parents=True, exist_ok=True)
        lock = FileLock(runs_directory / ".lock", is_singleton=True)  # may be held already
        lock.acquire()
    except OSError as error:
        raise unwritable(runs_directory, error, "--runs-dir DIRECTORY") from error
    try:
        with writing(runs_directory):
            remove_leftovers(runs_directory)
        yield
    finally:
        lock.release()


def unreadable(
    runs_directory: Path, readable: Iterable[RunDirectory] = ()
) -> list[tuple[Path, str]]:
    """Return the directories that `RunDirectory.all` leaves out, with the reason, sorted by name.

    Args:
        readable: the result of `RunDirectory.all`, if known, to avoid reading it again.
    """
    problems = []
    known = {run.path for run in readable}
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
    paths = (path for path in runs_directory.iterdir() if not path.name.startswith(TEMPORARY))
    return sorted(path for path in paths if path.is_dir())
