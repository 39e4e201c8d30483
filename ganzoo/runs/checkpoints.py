"""Checkpoint directories that are whole or not there.

The commit protocol: everything is written into ``.tmp-<step>-<id>/`` and synced, the manifest with
the size and sha256 of every file last; renaming the directory to ``step-<step>`` is the moment that
counts. Only then may older ones go. What is read is verified first. Killed at any point, a run
finds its newest published checkpoint whole.
"""

import errno
import re
import secrets
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganzoo.errors import CheckpointError
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
        "publish.staged": "the staging directory is made, nothing is in it",
        "publish.written": "the files are written, not yet synced",
        "publish.before_rename": "the manifest is synced, the name is still .tmp-*",
        "publish.renamed": "the checkpoint has its name, its parent is not synced",
        "publish.done": "the checkpoint is durable, nothing is pruned",
        "prune.before": "an old checkpoint is about to go",
        "prune.renamed": "the old checkpoint has lost its name, its files are there",
        "prune.done": "the old checkpoint is gone",
        "load.verify": "a checkpoint is about to be verified",
        "load.set_aside": "a damaged checkpoint is about to be renamed",
    }
)


@dataclass(frozen=True)
class Checkpoint:
    """A published checkpoint whose files were verified."""

    path: Path
    step: int
    """Generator updates."""
    manifest: dict[str, Any]
    sha256: str
    """Over the names, sizes and hashes of all files: what a score names the checkpoint by."""

    def file(self, name: str) -> Path:
        """Return the path of one of its files.

        Raises:
            CheckpointError: it holds no such file.
        """
        if name not in self.manifest["files"]:
            raise CheckpointError(f"{self.path} holds no {name}")
        return self.path / name


class CheckpointStore:
    """The checkpoints of one run. Only the owner of the run may publish, prune, clean or load.

    Args:
        directory: made at the first `publish`.
        keep: how many of the newest `prune` leaves, at least two.
    """

    def __init__(self, directory: Path, keep: int = 2) -> None:
        if keep < 2:
            raise ValueError(f"keep at least two checkpoints, not {keep}")
        self.directory = directory
        self.keep = keep
        self.set_aside: list[str] = []
        """What `newest` found damaged, one line each."""

    def steps(self) -> list[int]:
        """Return the steps there are, rising, verified or not."""
        if not self.directory.is_dir():
            return []
        names = (entry.name for entry in self.directory.iterdir() if entry.is_dir())
        matches = map(_STEP.fullmatch, names)
        return sorted(int(match[1]) for match in matches if match)

    def ends_whole(self) -> bool:
        """Return whether there is a checkpoint, and the newest verifies."""
        try:
            return bool(steps := self.steps()) and bool(self.at(steps[-1]))
        except CheckpointError:
            return False

    def publish(self, step: int, write: Callable[[Path], None], **about: Any) -> Checkpoint:
        """Write a checkpoint and return it once it is durable.

        Args:
            write: puts all files into the directory that it is given; refuses what must not be
                saved by raising. Not called where this step is there already, whole.
            about: further JSON values for the manifest (images seen, world size, plugins).

        Raises:
            NoRoom: the disk is full, in whatever words `write` said it. Nothing new is left
                behind, and the older checkpoints are as they were.
        """
        path = self._path(step)
        if path.exists():
            try:
                return self.at(step)
            except DamagedCheckpoint as error:
                self._set_aside(step, error)
        staging = self.directory / f".tmp-{step}-{secrets.token_hex(4)}"
        try:
            staging.mkdir(parents=True)
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
            raise
        faults.hit("publish.renamed")
        files.sync_directory(self.directory)
        faults.hit("publish.done")
        return _checkpoint(path, manifest)

    def newest(self) -> Checkpoint | None:
        """Return the newest checkpoint that verifies; None where there is none.

        A damaged one is renamed to ``corrupt-*``, and `set_aside` says why.

        Raises:
            CheckpointError: the newest was written by a newer ganzoo, or cannot be read at all.
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
            CheckpointError: there is none, or it is damaged (`DamagedCheckpoint`) or unreadable.
        """
        path = self._path(step)
        if not path.is_dir():
            raise self._no_such(step)
        try:
            return _checkpoint(path, verify(path))
        except OSError as error:
            raise CheckpointError(f"{path} cannot be read: {error}") from error

    def prune(self, protected: Collection[int] = ()) -> None:
        """Remove all but the newest `keep` and the protected steps.

        A checkpoint that is visibly not whole neither counts nor goes: `newest` sets it aside.

        Raises:
            OSError: one could not be renamed or removed.
        """
        whole = [step for step in self.steps() if looks_whole(self._path(step))]
        for step in whole[: -self.keep]:
            if step in protected:
                continue
            faults.hit("prune.before")
            doomed = self.directory / f".tmp-{step}-{secrets.token_hex(4)}"
            self._path(step).rename(doomed)
            faults.hit("prune.renamed")
            shutil.rmtree(doomed)
            faults.hit("prune.done")

    def clean(self) -> None:
        """Remove what killed saves and prunes left. Only under the run's lock."""
        for leftover in self.directory.glob(".tmp-*"):
            shutil.rmtree(leftover)

    def _no_such(self, step: int) -> CheckpointError:
        if not (steps := self.steps()):
            return self._none_at_all(self.directory.parent)
        there = ", ".join(map(str, steps))
        nearest = min(steps, key=lambda each: abs(each - step))
        return CheckpointError(
            f"{self.directory} has no step {step}; it has {there}", hint=f"--checkpoint {nearest}"
        )

    def _none_at_all(self, run: Path) -> CheckpointError:
        if is_held(run):
            listing = command("ls", runs_directory=run.parent)
            return CheckpointError(
                f"{self.directory} holds no checkpoint yet, the run has only begun", hint=listing
            )
        resume = command("resume", reference_to(run))
        return CheckpointError(f"{self.directory} holds no checkpoint", hint=resume)

    def _path(self, step: int) -> Path:
        return self.directory / directory_name(step)

    def _set_aside(self, step: int, error: DamagedCheckpoint) -> None:
        faults.hit("load.set_aside")
        aside = self.directory / f"corrupt-{step:08d}-{secrets.token_hex(3)}"
        try:
            self._path(step).rename(aside)
        except FileNotFoundError:
            return  # pruned by the run's owner while this process read it
        except OSError:
            self.set_aside.append(f"{error}; it is left where it is, the disk is read-only here")
        else:
            self.set_aside.append(f"{error}; set aside as {aside.name}")


def _checkpoint(path: Path, manifest: dict[str, Any]) -> Checkpoint:
    return Checkpoint(path, manifest["step"], manifest, content_hash(manifest["files"]))
