"""What tables read from run directories: entries of the leaderboard, lines of ``ganzoo ls``."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
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
from ganzoo.recipes.lock import identity, is_current, read_lock
from ganzoo.registry.names import qualify, shorten, suggest
from ganzoo.report.table import three_digits
from ganzoo.runs.checkpoints import CheckpointStore
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.external import Kind, kind_of
from ganzoo.runs.records import content_hash
from ganzoo.runs.references import command, reference_to
from ganzoo.runs.samples import read_sample_spec
from ganzoo.runs.score import Protocol, Sampling, Score

EXTERNAL_FAILURES = {kind.exit_code for kind in (DataError, CheckpointError, DiskFull, DeviceError)}
"""Exit codes of failures with a cause outside the run, which `ganzoo resume` may get past."""


@dataclass(frozen=True)
class Unranked:
    """A run without a rank: the reason, and the command that would give it one."""

    run: str
    reason: str
    command: str | None = None
    dataset: str | None = None
    """Full id, if it is known."""


@dataclass(frozen=True)
class Entry:
    """A finished run with at least one score of its final generator, or samples with a score."""

    run: RunDirectory
    name: str
    seed: int
    created: str
    experiment: str
    """Id shared by the runs that differ only in their seeds."""
    scores: tuple[Score, ...]
    code: str = ""
    """Equal for runs of the same code: versions of ganzoo, plugins and torch, and source files."""
    is_local: bool = False
    """Whether the run used a plugin file of its own (``--plugin``), which nobody else has."""
    kind: Kind = "run"
    last_step: int = 0
    """Steps of a finished run."""
    samples_sha256: str | None = None
    """Hash of samples that no run of ganzoo made; None in records without it."""

    @cached_property
    def lock(self) -> Mapping[str, Any]:
        """The resolved recipe, read at first use; empty for samples."""
        return read_lock(self.run.lock_file) if self.kind == "run" else {}

    @property
    def reference(self) -> str:
        """How a command names this run."""
        return reference_to(self.run.path)

    def protocols(self) -> dict[str, Protocol]:
        """Return the protocols that the final generator was scored under, by id, newest last."""
        return {each.protocol.id: each.protocol for each in self.scores if self._is_final(each)}

    def final(self, protocol_id: str) -> Score | None:
        """Return the score that ranks the run: its own of its last step, else one that was asked.

        Of several that were asked for, the first with the run's own sampling counts: the newest
        would let anybody choose a seed or a truncation afterwards.
        """
        trained = [each.sampling for each in self.scores if each.selected in ("during", "final")]
        finals = [each for each in self._under(protocol_id) if self._is_final(each)]
        own = [each for each in finals if each.selected == "final"]
        asked = [each for each in finals if _sampled_like(each, trained[:1])] or finals
        last = max((each.step for each in own), default=0)
        return next((each for each in own or asked if not own or each.step == last), None)

    def content(self, protocol_id: str) -> str | None:
        """Return a hash of what was scored: the checkpoint's, or that of the samples."""
        score = self.final(protocol_id)
        if self.kind != "run":
            return self.samples_sha256
        return score.sampling.checkpoint_sha256 if score and score.sampling else None

    def best(self, protocol_id: str) -> Score | None:
        """Return the score of the checkpoint that scored best during training."""
        best = [each for each in self._under(protocol_id) if each.selected == "best"]
        return best[-1] if best else None

    def _under(self, protocol_id: str) -> list[Score]:
        return [each for each in self.scores if each.protocol.id == protocol_id]

    def _is_final(self, score: Score) -> bool:
        """Whether this scores the last generator, at the end of the run or later on request.

        For samples that no run made, every score is final.
        """
        if score.sampling is None:
            return self.kind != "run"
        return score.selected == "final" or (
            score.selected == "asked" and score.step == self.last_step
        )


def read_entry(run: RunDirectory) -> Entry | Unranked:
    """Read one run's entry, or the reason why it has none."""
    dataset = None
    try:
        info = run.info()
        kind = kind_of(info)
        scores = tuple(run.scores())
        if kind == "run":
            experiment, code, dataset = _identity(run, info)
        else:
            code = ""
            about = {key: each for key, each in info["samples"].items() if key != "sha256"}
            experiment = content_hash([info["name"], about])[:12]
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
    ends = [each.get("step", 0) for each in run.events() if each.get("event") == "finished"]
    entry = Entry(
        *(run, name, seed, created, experiment, scores, code, is_local, kind),
        last_step=ends[-1] if ends else 0,
        samples_sha256=None if kind == "run" else info["samples"].get("sha256"),
    )
    if status != "finished":
        return Unranked(run.name, *_why_unfinished(run, status), dataset)
    if not entry.protocols():
        reason, how = _why_unscored(entry)
        damaged = "; ".join(run.damaged())
        return Unranked(run.name, f"{reason}; {damaged}" if damaged else reason, how, dataset)
    return entry


def damaged_lines(entries: Sequence[Entry]) -> list[Unranked]:
    """Return the damaged lines in the records of ranked runs, which are not ranked."""
    return [
        Unranked(each.run.name, f"{line}, so that line is not ranked", None)
        for each in entries
        for line in each.run.damaged()
    ]


def _identity(run: RunDirectory, info: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return experiment, code and data set: from run.json if it matches the lock, else from it."""
    known = info.get("lock")
    if not isinstance(known, Mapping) or not is_current(known, run.lock_file):
        known = identity(read_lock(run.lock_file), run.lock_file)
    data = ":".join(filter(None, (qualify(str(known["dataset"])), str(known.get("folder", "")))))
    return str(known["experiment"]), str(known["code"]), data


def _why_unfinished(run: RunDirectory, status: str) -> tuple[str, str | None]:
    """Return why a run is not finished, and the command that finishes it, if there is one."""
    step, resume = last_step(run), command("resume", reference_to(run.path))
    if status == "running":
        return f"still running, at step {step}", None
    if status == "interrupted":
        return f"interrupted at step {step}", resume
    failure = [event for event in run.events() if event.get("event") == "failed"][-1]
    reason = f"failed at step {step}: {failure.get('error')}"
    return reason, resume if failure.get("exit_code") in EXTERNAL_FAILURES else None


def _why_unscored(entry: Entry) -> tuple[str, str | None]:
    """Return why a finished run has no score, and the command that scores it."""
    evaluation = entry.lock.get("eval")
    extractor = evaluation.get("extractor") if isinstance(evaluation, Mapping) else "unknown"
    if extractor is None:
        why, changes = "its recipe asks for no score", ["eval.extractor=auto"]
    elif extractor == "auto":
        why = "its data has no extractor of its own; `ganzoo list extractors` lists those there are"
        changes = [f"eval.extractor={_plain_extractor(entry.run)}"]
    else:
        why, changes = "its final generator has no score", []
    return why, command("score", entry.reference, *changes)


def _plain_extractor(run: RunDirectory) -> str:
    """Return an extractor that scores a run's samples without a download, or ``NAME``."""
    try:
        found = read_sample_spec(run)
    except DataError:
        return "NAME"
    return next(iter(found[0].kind.plain_extractors), "NAME") if found else "NAME"


def was_run(path: Path) -> bool:
    """Whether a directory without a readable run.json has other files of a run."""
    return any((path / name).exists() for name in ("run.json", "recipe.lock.yaml", "metrics.jsonl"))


def last_step(run: RunDirectory) -> int:
    """Return the last step that was logged or saved; 0 if none was."""
    saved = CheckpointStore(run.checkpoints_directory).steps()
    return max((*saved, *(row["step"] for row in run.metrics())), default=0)


def _sampled_like(score: Score, own: Sequence[Sampling | None]) -> bool:
    """Return whether a score has the sampling parameters and the law of z of a run's own score."""
    about = score.sampling
    return any(
        about and each and (about.parameters, about.latent) == (each.parameters, each.latent)
        for each in own
    )


def datasets_of(each: Entry | Unranked) -> set[str]:
    """Return the data sets that a run was scored against, see `Protocol.data`; empty if unknown."""
    if isinstance(each, Entry):
        return {protocol.data for protocol in each.protocols().values()}
    return {each.dataset} if each.dataset else set()


def is_dataset(wanted: str, data: str) -> bool:
    """Return whether `data` is this data set: its full id, or also the folder that it reads."""
    return data == wanted or data.startswith(f"{wanted}:")


def unknown_dataset(
    dataset: str, read: Sequence[Entry | Unranked], runs_directory: Path
) -> ComparisonError | None:
    """Return the error for a data set that none of the runs was scored against, else None."""
    named = {name for each in read for name in datasets_of(each)}
    if not named or any(is_dataset(qualify(dataset), name) for name in named):
        return None
    there = sorted(map(shorten, named))
    near = suggest(dataset, there) or there[0]
    return ComparisonError(
        f"no run is of the data set {dataset!r}; there are runs of {', '.join(there)}",
        hint=command("compare", "--dataset", near, runs_directory=runs_directory),
    )


@dataclass(frozen=True)
class ListedRun:
    """One line of ``ganzoo ls``."""

    run: str
    status: str
    step: int
    """Last saved step, from which `ganzoo resume` continues; 0 if none is saved."""
    score: Score | None
    """The run's own newest score; see `own_score`."""
    created: str

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as plain data."""
        return asdict(self) | {"score": self.score.to_dict() if self.score else None}

    def cells(self) -> tuple[str, ...]:
        """Return the cells of a table's row."""
        value = three_digits(self.score.value) if self.score else "-"
        protocol = self.score.protocol.words() if self.score else ""
        when = self.created[:16].replace("T", " ")
        return self.run, self.status, str(self.step), value, protocol, when


def list_run(run: RunDirectory) -> ListedRun:
    """Read one run; damaged scores count as none (see `RunDirectory.damaged`)."""
    scores = run.scores()
    steps = CheckpointStore(run.checkpoints_directory).steps()
    step = steps[-1] if steps else 0
    return ListedRun(run.name, run.status(), step, own_score(scores), run.info()["created"])


def own_score(scores: Sequence[Score]) -> Score | None:
    """Return the newest score that a run made itself: at its last end, or during training.

    The first final score fixes the protocol. Scores of the final generator under other protocols
    were requested later; the last of them is returned only if there is no other score.
    """
    finals = [each for each in scores if each.selected == "final"]
    own = [each for each in finals if each.protocol == finals[0].protocol]
    during = [each for each in scores if each.selected == "during"]
    asked = [each for each in scores if each.selected in ("asked", None)]
    newest_first = [*reversed(own), *reversed(during)]
    last_asked = asked[-1] if asked else None
    return max(newest_first, key=lambda score: score.step, default=last_asked)
