"""Checkpoint directories that are either complete or absent.

The commit protocol: write all files into ``.tmp-<step>-<id>/`` and sync them, then write the
manifest with the size and sha256 of every file. Renaming the directory to ``step-<step>`` commits
the checkpoint; only then may older ones be removed. Checkpoints are verified before they are read.
A run that is killed at any point finds its newest published checkpoint intact.
"""

import errno
import re
import secrets
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganzoo.errors import CheckpointError, advising
from ganzoo.runs import faults, files
from ganzoo.runs.manifest import (
    DamagedCheckpoint,
    directory_name,
    looks_whole,
    seal,
    verify,
)
from ganzoo.runs.owner import is_held
from ganzoo.runs.records import content_hash
from ganzoo.runs.references import command, reference_to

_STEP = re.compile(r"step-(\d{8,})")

faults.declare(
    {
        "publish.staged": "the staging directory exists and is empty",
        "publish.written": "the files are written but not synced",
        "publish.before_rename": "the manifest is synced; the name is still .tmp-*",
        "publish.renamed": "the checkpoint has its name; its parent is not synced",
        "publish.done": "the checkpoint is durable; nothing is pruned",
        "prune.before": "an old checkpoint is about to be removed",
        "prune.renamed": "the old checkpoint is renamed; its files still exist",
        "prune.done": "the old checkpoint is removed",
        "load.verify": "a checkpoint is about to be verified",
        "load.set_aside": "a damaged checkpoint is about to be renamed",
    }
)


@dataclass(frozen=True)
class Checkpoint:
    """A published checkpoint whose files were verified."""

    path: Path
    step: int
    """Steps done."""
    manifest: dict[str, Any]
    sha256: str
    """Hash of the names, sizes and hashes of all files; scores identify the checkpoint by it."""

    def file(self, name: str) -> Path:
        """Return the path of one of its files.

        Raises:
            CheckpointError: it has no such file.
        """
        if name not in self.manifest["files"]:
            raise CheckpointError(f"{self.path} has no {name}")
        return self.path / name

    def hint_if_unreadable(self) -> str:
        """Return the command that helps if a file of the checkpoint cannot be read."""
        return hint_if_unreadable(self.path)


def hint_if_unreadable(checkpoint: Path) -> str:
    """Return the command that helps if a file of the checkpoint at a path cannot be read."""
    run = reference_to(checkpoint.parent.parent)
    return f"{command('resume', run)}   # once it can be read, or is moved away"


class CheckpointStore:
    """The checkpoints of one run. Only the owner of the run may publish, prune or load.

    Args:
        directory: created by the first `publish`.
        keep: number of newest checkpoints that `prune` keeps, at least two.
    """

    def __init__(self, directory: Path, keep: int = 2) -> None:
        if keep < 2:
            raise ValueError(f"keep at least two checkpoints, not {keep}")
        self.directory = directory
        self.keep = keep
        self.set_aside: list[str] = []
        """Damaged checkpoints that `newest` found, one line each."""

    def steps(self) -> list[int]:
        """Return the steps that have a checkpoint, ascending, without verifying them."""
        if not self.directory.is_dir():
            return []
        names = (entry.name for entry in self.directory.iterdir() if entry.is_dir())
        matches = map(_STEP.fullmatch, names)
        return sorted(int(match[1]) for match in matches if match)

    def ends_whole(self) -> bool:
        """Return whether the newest checkpoint exists and is intact."""
        try:
            return bool(steps := self.steps()) and bool(self.at(steps[-1]))
        except CheckpointError:
            return False

    def publish(self, step: int, write: Callable[[Path], None], **about: Any) -> Checkpoint:
        """Write a checkpoint and return it once it is durable.

        Args:
            write: writes all files into the given directory; raises to refuse a state that must
                not be saved. Not called if this step already has an intact checkpoint.
            about: further JSON values for the manifest (samples seen, world size, plugins).

        Raises:
            NoRoom, OSError: the disk is full, or cannot be written, however `write` reported it.
                No new files are left behind, and the older checkpoints are unchanged.
        """
        path = self._path(step)
        if path.exists():
            try:
                return self.at(step)
            except DamagedCheckpoint as error:
                self._set_aside(step, error)
        staging = self.directory / f"{files.TEMPORARY}{step}-{secrets.token_hex(4)}"
        try:
            self.directory.mkdir(exist_ok=True)  # of a run that is still there
            staging.mkdir()
            faults.hit("publish.staged")
            write(staging)
            faults.hit("publish.written")
            manifest = seal(staging, step, about)
            faults.hit("publish.before_rename")
            staging.rename(path)
        except BaseException as error:
            shutil.rmtree(staging, ignore_errors=True)
            if isinstance(error, Exception) and files.says_no_room(error):
                raise files.NoRoom(errno.ENOSPC, f"no room to save step {step}: {error}") from error
            if isinstance(error, Exception) and (found := files.os_error(error)):
                raise OSError(found.errno, found.strerror, str(path)) from error
            raise
        faults.hit("publish.renamed")
        files.sync_directory(self.directory)
        faults.hit("publish.done")
        return _checkpoint(path, manifest)

    def newest(self) -> Checkpoint | None:
        """Return the newest intact checkpoint, or None.

        Damaged checkpoints are renamed to ``corrupt-*``; `set_aside` has the reasons.

        Raises:
            CheckpointError: the newest was written by a newer ganzoo, or cannot be read.
        """
        for step in reversed(self.steps()):
            faults.hit("load.verify")
            try:
                return self.at(step)
            except DamagedCheckpoint as error:
                self._set_aside(step, error)
        return None

    def at(self, step: int) -> Checkpoint:
        """Return the checkpoint of `step`, verified.

        Raises:
            CheckpointError: it is missing, damaged (`DamagedCheckpoint`) or unreadable.
        """
        path = self._path(step)
        if not path.is_dir():
            raise self._no_such(step)
        try:
            with advising(self._hint_other(step)):
                return _checkpoint(path, verify(path))
        except OSError as error:
            what = f"{error.filename or path} cannot be read: {error.strerror or error}"
            raise CheckpointError(what, hint=hint_if_unreadable(path)) from error

    def prune(self, protected: Collection[int] = ()) -> None:
        """Remove all checkpoints but the newest `keep` and the protected steps.

        A checkpoint with missing files is neither counted nor removed: `newest` sets it aside.

        Raises:
            OSError: a checkpoint could not be renamed or removed.
        """
        whole = [step for step in self.steps() if looks_whole(self._path(step))]
        for step in whole[: -self.keep]:
            if step in protected:
                continue
            faults.hit("prune.before")
            doomed = self.directory / f"{files.TEMPORARY}{step}-{secrets.token_hex(4)}"
            self._path(step).rename(doomed)
            faults.hit("prune.renamed")
            try:
                shutil.rmtree(doomed)
            except OSError:  # once more: after a run's last prune, no start removes what is left
                shutil.rmtree(doomed)
            faults.hit("prune.done")

    def _hint_other(self, step: int) -> str:
        """Return what names the checkpoint that is nearest to a damaged one, or else resumes."""
        others = [each for each in self.steps() if each != step]
        if others:
            return f"--checkpoint {min(others, key=lambda each: abs(each - step))}"
        return command("resume", reference_to(self.directory.parent))

    def _no_such(self, step: int) -> CheckpointError:
        run, steps = self.directory.parent, self.steps()
        what = f"{self.directory} has no checkpoint"
        if steps:
            nearest = min(steps, key=lambda each: abs(each - step))
            what += f" of step {step}; it has {', '.join(map(str, steps))}"
            return CheckpointError(what, hint=f"--checkpoint {nearest}")
        if is_held(run):
            hint = command("ls", runs_directory=run.parent)
            return CheckpointError(f"{what} yet: the run has just started", hint=hint)
        return CheckpointError(what, hint=command("resume", reference_to(run)))

    def _path(self, step: int) -> Path:
        return self.directory / directory_name(step)

    def _set_aside(self, step: int, error: DamagedCheckpoint) -> None:
        faults.hit("load.set_aside")
        aside = self.directory / f"corrupt-{step:08d}-{secrets.token_hex(3)}"
        try:
            self._path(step).rename(aside)
        except FileNotFoundError:
            return  # the run's owner pruned it while this process read it
        except OSError:
            self.set_aside.append(f"{error}; left in place because the disk is read-only")
        else:
            self.set_aside.append(f"{error}; set aside as {aside.name}")


def _checkpoint(path: Path, manifest: dict[str, Any]) -> Checkpoint:
    return Checkpoint(path, manifest["step"], manifest, content_hash(manifest["files"]))
