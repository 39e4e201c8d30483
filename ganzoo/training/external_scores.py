"""Score samples of other tools: a folder, a zip, an npz or a file of their modality."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganzoo.api import SampleSpec
from ganzoo.components.build import make
from ganzoo.components.data import spread_samples
from ganzoo.components.extractors import automatic_extractor
from ganzoo.components.parameters import adhoc_component
from ganzoo.components.plan import ComponentPlan
from ganzoo.errors import DataError
from ganzoo.modalities.image import (
    AS_PICTURES,
    ONE_FORMAT,
    PICTURES,
    require_one_format,
)
from ganzoo.recipes.lock import data_paths
from ganzoo.registry.names import DEFAULT_NAMESPACE, shorten
from ganzoo.registry.registry import Registry
from ganzoo.runs.external import keep_score
from ganzoo.runs.references import DEFAULT_DIRECTORY, command
from ganzoo.runs.samples import EXTERNAL
from ganzoo.runs.score import Score
from ganzoo.sampling.files import read_labels, read_samples, write_preview
from ganzoo.sampling.sampler import SampleBatch
from ganzoo.scoring.collectives import own_share
from ganzoo.scoring.reference import content_sha256
from ganzoo.training.continuity import fingerprint_of, require_same_data
from ganzoo.training.npz_references import score_against_npz
from ganzoo.training.processes import find_processes
from ganzoo.training.run import Run
from ganzoo.training.run_files import lock_of
from ganzoo.training.scorer import Scorer, chosen_extractor

BATCH = 256
ALIKE = 1024
"""Real samples that external ones are compared with, to find another kind of data."""

ARRAYS = (".npz", ".npy")


@dataclass(frozen=True)
class Keep:
    """How to keep a score as a row of the leaderboard; see `ganzoo.runs.external.keep_score`."""

    name: str
    runs_directory: Path = DEFAULT_DIRECTORY
    seed: int = 0
    yardstick: bool = False
    description: str = ""

    def __call__(self, score: Score, spec: SampleSpec, samples: Tensor) -> Score:
        """Keep a score, with a preview of the first samples; return it."""
        processes = find_processes()
        if processes.is_main:
            kept = keep_score(score, **vars(self), sha256=content_sha256(samples))
            shown = samples[: spec.kind.preview_samples]
            write_preview(kept.samples_directory, EXTERNAL, spec, shown)
        return score


def score_like(
    path: Path,
    run: Run,
    count: int | None = None,
    *,
    keep: Keep | None = None,
    tell: Callable[[str], None] = lambda words: None,
) -> Score:
    """Score external samples under the protocol of a run, with the same number of samples.

    Metrics of labels need the array ``labels`` in an npz, and are left out without it.

    Args:
        keep: where and as what the score is kept; None: nowhere.
        tell: receives a line about samples that are left out.

    Raises:
        DataError: there are fewer samples than that, or labels that the data does not have.
    """
    try:
        require_same_data(run.directory, fingerprint_of(run.plan), None)
    except DataError as error:
        if data_paths(lock_of(run.directory)):
            error.hint = command("score", path, "--against", "FOLDER") + "   # the real pictures"
        raise
    scorer = Scorer.of(run.plan, find_processes())
    samples = read_samples(path, scorer.real.spec, Registry())
    labels = read_labels(path, scorer.real.spec, len(samples))
    scorer.real.spec.kind.require_alike(path, samples, spread_samples(scorer.real, ALIKE)[0])
    wanted = count or run.plan.budget.final_samples
    if len(samples) < wanted:
        dataset = run.plan.components["dataset",]
        is_local = dataset.id.startswith("local/")
        plugin = ["--plugin", str(run.path / "plugin.py")] if is_local else []
        raise DataError(
            f"{path} holds {len(samples)} samples, but {run.name} was scored with {wanted}; fewer "
            "can only be scored by themselves",
            hint=command("score", path, "--against", *_as_words(dataset), *plugin),
        )
    if len(samples) > wanted:
        tell(
            f"the first {wanted} of {len(samples)} samples are scored, as many as {run.name} was "
            "scored with"
        )
    score = scorer.score(_batches(samples[:wanted], labels))
    score = _noted(score, path, scorer.real.spec, scorer.dataset)
    return keep(score, scorer.real.spec, samples) if keep else score


def _as_words(dataset: ComponentPlan) -> list[str]:
    """Return a data set as words of a command line: its id and its parameters."""
    given = {name: value for name, value in dataset.plain.items() if value is not None}
    words = [f"{name}={v if isinstance(v, str) else json.dumps(v)}" for name, v in given.items()]
    return [shorten(dataset.id), *words]


def score_against(
    path: Path,
    against: str,
    parameters: Mapping[str, Any],
    *,
    split: str = "train",
    extractor: str | Mapping[str, Any] | None = None,
    registry: Registry | None = None,
    keep: Keep | None = None,
) -> Score:
    """Score external samples against a data set, pictures in a folder or zip, or an npz.

    Args:
        against: a data set's name, or a path. An npz holds samples, or statistics of another tool;
            see `score_against_npz`.
        parameters: of that data set.
        extractor: its name, or ``{"use": name, parameter: value}``; None: what
            ``eval.extractor: auto`` means for the data set.
        keep: where and as what the score is kept; None: nowhere.
    """
    registry = registry or Registry()
    if Path(against).suffix.lower() == ".npz" and Path(against).exists():
        given = (path, Path(against), extractor, registry, find_processes())
        score, spec, samples = score_against_npz(*given)
        score = _noted(score, path, spec)
        return keep(score, spec, samples) if keep else score
    dataset = _reference(against, parameters, registry)
    with _as_parameters():
        real = make(dataset, split)
    wanted = extractor or automatic_extractor(dataset.registration, registry)
    chosen = chosen_extractor(wanted, registry)
    samples = read_samples(path, real.spec, registry)
    scorer = Scorer(dataset, split, real, chosen, [], find_processes())
    with _as_parameters():
        real.spec.kind.require_alike(path, samples, spread_samples(scorer.real, ALIKE)[0])
    score = _noted(scorer.score(_batches(samples)), path, real.spec, dataset)
    return keep(score, real.spec, samples) if keep else score


def _noted(
    score: Score, path: Path, spec: SampleSpec, reference: ComponentPlan | None = None
) -> Score:
    """Return a score with the note of its modality about the files of the samples, if any."""
    real = reference.parameters.get("path") if reference else None
    note = spec.kind.file_note(path, real if isinstance(real, Path) else None)
    return replace(score, notes=(note, *score.notes)) if note else score


@contextmanager
def _as_parameters() -> Iterator[None]:
    """Change hints about ``dataset.KEY`` into hints about parameters of ``--against``."""
    try:
        yield
    except DataError as error:
        hint = error.hint and error.hint.replace("dataset.", "").replace(
            "eval.reference=", "--split "
        )
        raise DataError(error.message, hint=hint) from error


def _reference(against: str, parameters: Mapping[str, Any], registry: Registry) -> ComponentPlan:
    suffix = Path(against).suffix.lower()
    if not Path(against).exists() and (suffix in ARRAYS or _can_only_be_a_path(against)):
        raise DataError(f"there is no {against}", hint="--against DATASET, or a folder or zip")
    if suffix in ARRAYS:
        raise DataError(
            f"{against} holds arrays, and samples are scored against a data set or pictures",
            hint=AS_PICTURES,
        )
    if Path(against).exists():
        require_one_format(Path(against), ONE_FORMAT)
        given = {"path": str(Path(against).absolute()), **parameters}
        return adhoc_component(registry, "dataset", PICTURES, given)
    return adhoc_component(registry, "dataset", against, parameters)


def _can_only_be_a_path(against: str) -> bool:
    """Return whether this cannot be the id of a data set: NAME, or namespace/NAME."""
    folder = Path(against).parent
    return (
        against.count("/") > 1
        or against.startswith((".", "/", "~"))
        or against.endswith(("/", ".zip", ".ZIP"))
        or (folder.name not in ("", DEFAULT_NAMESPACE) and folder.is_dir())
    )


def _batches(samples: Tensor, labels: Tensor | None = None) -> Iterator[SampleBatch]:
    """Yield this process's share of the samples; every process has read all of them.

    Args:
        labels: int64, at least as many.
    """
    for rows in torch.split(own_share(torch.arange(len(samples))), BATCH):
        yield samples[rows], None if labels is None else labels[rows]
