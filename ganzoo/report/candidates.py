"""From a run's directory to what a comparison needs of it, or to the reason why it has no place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ganzoo.errors import (
    CheckpointError,
    ComparisonError,
    DataError,
    DeviceError,
    DiskFull,
    RecipeError,
)
from ganzoo.recipes.lock import experiment_id, file_hash, read_lock
from ganzoo.registry.names import qualify, shorten, suggest
from ganzoo.runs.checkpoints import CheckpointStore
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.external import Kind, kind_of
from ganzoo.runs.records import content_hash
from ganzoo.runs.references import command, reference_to
from ganzoo.runs.score import Protocol, Score

CAN_BE_MENDED = {kind.exit_code for kind in (DataError, CheckpointError, DiskFull, DeviceError)}
"""Exit codes of failures whose cause lies outside of the run; the others would happen again."""


@dataclass(frozen=True)
class Unranked:
    """A run that has no place in the ranking: why, and the command that would give it one."""

    run: str
    reason: str
    command: str | None = None
    dataset: str | None = None
    """Full id, where it is known."""


@dataclass(frozen=True)
class Candidate:
    """A finished run with at least one score of its final generator, or samples with a score."""

    run: RunDirectory
    name: str
    seed: int
    created: str
    experiment: str
    """What runs share that differ in their seeds alone."""
    scores: tuple[Score, ...]
    is_local: bool = False
    """Whether it used a file of its owner's (``--plugin``), which nobody else has."""
    kind: Kind = "run"

    @cached_property
    def lock(self) -> Mapping[str, Any]:
        """The recipe with nothing left open, read when it is first asked for; samples have none."""
        return read_lock(self.run.lock_file) if self.kind == "run" else {}

    @property
    def reference(self) -> str:
        """How a command names this run."""
        return reference_to(self.run.path)

    def protocols(self) -> dict[str, Protocol]:
        """Return the protocols that the final generator was scored under, by id, newest last."""
        return {each.protocol.id: each.protocol for each in self.scores if self._is_final(each)}

    def final(self, protocol_id: str) -> Score | None:
        """Return the score of the final generator; one made by the run itself comes first."""
        finals = [each for each in self._under(protocol_id) if self._is_final(each)]
        finals.sort(key=lambda each: selected(each) == "final")
        return finals[-1] if finals else None

    def best(self, protocol_id: str) -> Score | None:
        """Return the score of the checkpoint that was best during training."""
        best = [each for each in self._under(protocol_id) if selected(each) == "best"]
        return best[-1] if best else None

    def _under(self, protocol_id: str) -> list[Score]:
        return [each for each in self.scores if each.protocol.id == protocol_id]

    def _is_final(self, score: Score) -> bool:
        """Whether it scores the last generator: at the end of the run, or later on request.

        Of samples that no run made, every score does.
        """
        if score.sampling is None:
            return self.kind != "run"
        if score.sampling.selected != "asked":
            return score.sampling.selected == "final"
        return score.sampling.step == max(s.sampling.step for s in self.scores if s.sampling)


def candidate(run: RunDirectory) -> Candidate | Unranked:
    """Read one run."""
    dataset = None
    try:
        info = run.info()
        kind = kind_of(info)
        scores = tuple(run.scores())
        if kind == "run":
            experiment, dataset = _identity(run, info)
        else:
            experiment = content_hash([info["name"], info["samples"]])[:12]
            dataset = scores[0].protocol.reference
        status = run.status()
        seed = int(info.get("seed", 0))
    except (DataError, RecipeError) as error:
        return Unranked(run.name, f"its records cannot be read: {error.message}", None, dataset)
    except (KeyError, TypeError, ValueError, IndexError):
        reason = f"{run.lock_file} names no data set, or run.json no seed or no kind of samples"
        return Unranked(run.name, reason, None, dataset)
    name, created = str(info.get("name", run.name)), info["created"]
    is_local = "plugin_sha256" in info
    found = Candidate(run, name, seed, created, experiment, scores, is_local, kind)
    if status != "finished":
        return Unranked(run.name, *_unfinished(run, status), dataset)
    if not found.protocols():
        return Unranked(run.name, *_unscored(found), dataset)
    return found


def _identity(run: RunDirectory, info: Mapping[str, Any]) -> tuple[str, str]:
    """Return a run's experiment and data set, from run.json if it speaks of the lock as it is."""
    known = info.get("lock")
    if isinstance(known, Mapping) and known.get("sha256") == file_hash(run.lock_file):
        return str(known["experiment"]), qualify(str(known["dataset"]))
    lock = read_lock(run.lock_file)
    return experiment_id(lock), qualify(lock["dataset"]["use"])


def was_run(path: Path) -> bool:
    """Whether a directory without a legible run.json was a run, and not just any directory."""
    return any((path / name).exists() for name in ("run.json", "recipe.lock.yaml", "metrics.jsonl"))


def last_step(run: RunDirectory) -> int:
    """Return the last generator step that was logged or saved; 0 where none was."""
    saved = CheckpointStore(run.checkpoints_directory).steps()
    return max((*saved, *(row["step"] for row in run.metrics())), default=0)


def selected(score: Score) -> str | None:
    """Return which checkpoint was scored: ``during``, ``best``, ``final`` or ``asked``."""
    return score.sampling.selected if score.sampling else None


def no_such_dataset(
    dataset: str, read: Sequence[Candidate | Unranked], runs_directory: Path
) -> ComparisonError | None:
    """Return what to say if no run that was read has to do with a data set; None if one has."""
    named = {name for each in read for name in datasets_of(each)}
    if qualify(dataset) in named or not named:
        return None
    there = sorted(map(shorten, named))
    near = suggest(dataset, there) or there[0]
    return ComparisonError(
        f"no run is of the data set {dataset!r}; there are runs of {', '.join(there)}",
        hint=command("compare", "--dataset", near, runs_directory=runs_directory),
    )


def datasets_of(each: Candidate | Unranked) -> set[str]:
    """Return the full ids of the data sets that a run was scored against; none if not known."""
    if isinstance(each, Candidate):
        return {protocol.reference for protocol in each.protocols().values()}
    return {each.dataset} if each.dataset else set()


def _unfinished(run: RunDirectory, status: str) -> tuple[str, str | None]:
    """Return why a run is not finished, and the command that finishes it, if one can."""
    step, resume = last_step(run), command("resume", reference_to(run.path))
    if status == "running":
        return f"still running, at step {step}", None
    if status == "interrupted":
        return f"interrupted at step {step}", resume
    failure = [event for event in run.events() if event.get("event") == "failed"][-1]
    reason = f"failed at step {step}: {failure.get('error')}"
    return reason, resume if failure.get("exit_code") in CAN_BE_MENDED else None


def _unscored(found: Candidate) -> tuple[str, str | None]:
    """Return why a finished run has no score, and the command that gives it one."""
    evaluation = found.lock.get("eval")
    extractor = evaluation.get("extractor") if isinstance(evaluation, Mapping) else "unknown"
    if extractor is None:
        why = "its recipe asks for no score"
    elif extractor == "auto":
        why = "its data has no extractor of its own; `ganzoo list extractors` lists those there are"
    else:
        return "its final generator has no score", command("score", found.reference)
    return why, command("score", found.reference, "eval.extractor=NAME")
