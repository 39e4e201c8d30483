"""From a run's directory to what a comparison needs of it, or to the reason why it has no place."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganzoo.errors import DataError, RecipeError
from ganzoo.recipes.lock import experiment_id, read_lock
from ganzoo.registry.names import qualify
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.score import Protocol, Score


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
    """A finished run with at least one score of its final generator."""

    run: RunDirectory
    name: str
    seed: int
    created: str
    lock: Mapping[str, Any]
    scores: tuple[Score, ...]
    is_local: bool = False
    """Whether it used a file of its owner's (``--plugin``), which nobody else has."""

    @property
    def experiment(self) -> str:
        """What runs share that differ in their seeds alone."""
        return experiment_id(self.lock)

    @property
    def reference(self) -> str:
        """How a command names this run."""
        return reference_to(self.run)

    def protocols(self) -> dict[str, Protocol]:
        """Return the protocols that the final generator was scored under, by id, newest last."""
        return {each.protocol.id: each.protocol for each in self.scores if self._is_final(each)}

    def final(self, protocol_id: str) -> Score | None:
        """Return the score of the final generator; one made by the run itself comes first."""
        finals = [each for each in self._under(protocol_id) if self._is_final(each)]
        finals.sort(key=lambda each: _selected(each) == "final")
        return finals[-1] if finals else None

    def best(self, protocol_id: str) -> Score | None:
        """Return the score of the checkpoint that was best during training."""
        best = [each for each in self._under(protocol_id) if _selected(each) == "best"]
        return best[-1] if best else None

    def _under(self, protocol_id: str) -> list[Score]:
        return [each for each in self.scores if each.protocol.id == protocol_id]

    def _is_final(self, score: Score) -> bool:
        """Whether it scores the last generator: at the end of the run, or later on request."""
        if score.sampling is None:
            return False
        last = max(each.sampling.step for each in self.scores if each.sampling)
        asked = score.sampling.selected == "asked" and score.sampling.step == last
        return score.sampling.selected == "final" or asked


def candidate(run: RunDirectory) -> Candidate | Unranked:
    """Read one run."""
    dataset = None
    try:
        info, lock = run.info(), read_lock(run.lock_file)
        dataset = qualify(lock["dataset"]["use"])
        scores = tuple(run.scores())
        status = run.status()
    except (DataError, RecipeError) as error:
        return Unranked(run.name, f"its records cannot be read: {error.message}", None, dataset)
    except (KeyError, TypeError):
        return Unranked(run.name, f"{run.lock_file} names no data set")
    name, created = str(info.get("name", run.name)), info["created"]
    is_local = "plugin_sha256" in info
    found = Candidate(run, name, int(info.get("seed", 0)), created, lock, scores, is_local)
    if status != "finished":
        return Unranked(run.name, *_unfinished(run, status), dataset)
    if not found.protocols():
        reason = "its final generator has no score"
        return Unranked(run.name, reason, f"ganzoo score {found.reference}", dataset)
    return found


def was_run(path: Path) -> bool:
    """Whether a directory without a legible run.json was a run, and not just any directory."""
    return any((path / name).exists() for name in ("run.json", "recipe.lock.yaml", "metrics.jsonl"))


def reference_to(run: RunDirectory) -> str:
    """Return how a command names a run: by its name in ``runs/``, by its path elsewhere."""
    return run.name if run.path.parent == Path("runs") else str(run.path)


def last_step(run: RunDirectory) -> int:
    """Return the last generator step that was logged; 0 where none was."""
    return max((row["step"] for row in run.metrics()), default=0)


def latest(scores: Iterable[Score], *selected: str) -> Score | None:
    """Return the last score that was selected in one of these ways."""
    found = [each for each in scores if _selected(each) in selected]
    return found[-1] if found else None


def _selected(score: Score) -> str | None:
    return score.sampling.selected if score.sampling else None


def _unfinished(run: RunDirectory, status: str) -> tuple[str, str | None]:
    step = last_step(run)
    if status == "running":
        return f"still running, at step {step}", None
    if status == "failed":
        errors = [event.get("error") for event in run.events() if event.get("event") == "failed"]
        return f"failed at step {step}: {errors[-1]}", f"ganzoo resume {reference_to(run)}"
    return f"interrupted at step {step}", f"ganzoo resume {reference_to(run)}"
