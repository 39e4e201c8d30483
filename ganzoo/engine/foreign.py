"""Scores of samples that ganzoo did not make: a folder, a zip or an npz of any tool."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from zipfile import BadZipFile, ZipFile, is_zipfile

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ganzoo.api import SampleSpec
from ganzoo.build.components import make
from ganzoo.build.extractors import automatic_extractor
from ganzoo.build.parameters import adhoc_component
from ganzoo.build.photos import PICTURES
from ganzoo.build.plan import ComponentPlan
from ganzoo.engine.feed import tensors_of
from ganzoo.engine.pictures import grid
from ganzoo.engine.processes import find_processes
from ganzoo.engine.run import Run
from ganzoo.engine.scorer import Scorer
from ganzoo.errors import DataError
from ganzoo.registry.names import shorten
from ganzoo.registry.registry import Registry
from ganzoo.runs.commands import DEFAULT_DIRECTORY, command
from ganzoo.runs.samples import PICTURE, keep_score
from ganzoo.runs.score import Score
from ganzoo.scoring.ranks import share

BATCH = 256
GRID_SAMPLES = 64


@dataclass(frozen=True)
class Keep:
    """To keep a score as a row of the leaderboard; see `ganzoo.runs.samples.keep_score`."""

    name: str
    runs_directory: Path = DEFAULT_DIRECTORY
    seed: int = 0
    yardstick: bool = False
    description: str = ""

    def __call__(self, score: Score, samples: Tensor) -> Score:
        """Keep a score, with a picture of the first samples if they are images; return it."""
        processes = find_processes()
        if processes.is_main:
            kept = keep_score(score, **vars(self))
            if samples.ndim == 4:
                kept.samples_directory.mkdir()
                grid(samples[:GRID_SAMPLES]).save(kept.samples_directory / PICTURE)
        return score


def score_like(
    path: Path, run: Run, count: int | None = None, *, keep: Keep | None = None
) -> Score:
    """Score foreign samples under the protocol of a run, with as many samples as it was scored by.

    Args:
        keep: where and as what the score is kept; None: nowhere.

    Raises:
        DataError: there are fewer samples than that.
    """
    scorer = Scorer.of(run.plan, find_processes())
    samples = read_samples(path, scorer.real.spec, Registry())
    wanted = count or run.plan.budget.final_samples
    if len(samples) < wanted:
        raise DataError(
            f"{path} holds {len(samples)} samples, but {run.name} was scored with {wanted}; fewer "
            "can only be scored by themselves",
            hint=command("score", path, "--against", *_as_words(run.plan.components["dataset",])),
        )
    score = scorer.score(_batches(samples[:wanted]))
    return keep(score, samples) if keep else score


def _as_words(dataset: ComponentPlan) -> list[str]:
    """Return a data set as a command line names it: its id and its parameters."""
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
    """Score foreign samples against a data set, or against pictures in another folder or zip.

    Args:
        against: a data set's name, or a path.
        parameters: of that data set.
        extractor: its name, or ``{"use": name, parameter: value}``; None: what
            ``eval.extractor: auto`` means for the data set.
        keep: where and as what the score is kept; None: nowhere.
    """
    registry = registry or Registry()
    dataset = _reference(against, parameters, registry)
    real = make(dataset, split)
    wanted = extractor or automatic_extractor(dataset.registration, registry)
    own = dict(wanted) if isinstance(wanted, Mapping) else {"use": wanted}
    chosen = adhoc_component(registry, "extractor", own.pop("use"), own)
    samples = read_samples(path, real.spec, registry)
    scorer = Scorer(dataset, split, real, chosen, [], find_processes())
    score = scorer.score(_batches(samples))
    return keep(score, samples) if keep else score


def _reference(against: str, parameters: Mapping[str, Any], registry: Registry) -> ComponentPlan:
    if Path(against).exists():
        given = {"path": str(Path(against).absolute()), **parameters}
        return adhoc_component(registry, "dataset", PICTURES, given)
    return adhoc_component(registry, "dataset", against, parameters)


def read_samples(path: Path, spec: SampleSpec, registry: Registry) -> Tensor:
    """Return samples in stored form (N, *spec.shape).

    Raises:
        DataError: nothing there, something unreadable, or samples of another shape.
    """
    if not path.exists():
        raise DataError(f"there is no {path}")
    samples = _from_npz(path) if path.suffix == ".npz" else _from_pictures(path, spec, registry)
    if spec.modality == "image" and samples.shape[1:] != spec.shape:
        samples = _channels_first(samples, spec)
    if tuple(samples.shape[1:]) != spec.shape:
        raise DataError(
            f"{path} holds samples of shape {tuple(samples.shape[1:])}, the reference "
            f"{spec.shape}: the two must be alike",
        )
    if samples.dtype != getattr(torch, spec.stored_dtype):
        raise DataError(
            f"{path} holds {str(samples.dtype).removeprefix('torch.')}, not {spec.stored_dtype}",
            hint="save pixels as uint8 from 0 to 255",
        )
    return samples


def _channels_first(samples: Tensor, spec: SampleSpec) -> Tensor:
    height, width = spec.shape[1:]
    if samples.dim() == 4 and tuple(samples.shape[1:]) == (height, width, spec.channels):
        return samples.permute(0, 3, 1, 2).contiguous()
    if samples.dim() == 3 and spec.channels == 1:
        return samples[:, None]
    return samples


def _from_npz(path: Path) -> Tensor:
    if not is_zipfile(path):
        raise DataError(f"{path} is no npz file, or the end of it is missing")
    try:
        with np.load(path, allow_pickle=False) as archive:
            names = archive.files
            name = "samples" if "samples" in names else names[0] if len(names) == 1 else None
            if name is None:
                raise DataError(
                    f"{path} holds {', '.join(names)}; which are the samples?",
                    hint="name the array `samples`, or leave it alone in the file",
                )
            return torch.from_numpy(np.ascontiguousarray(archive[name]))
    except (OSError, ValueError, TypeError, BadZipFile) as error:
        raise DataError(f"{path} cannot be read: {error}") from error


def _from_pictures(path: Path, spec: SampleSpec, registry: Registry) -> Tensor:
    if spec.modality != "image" or spec.channels not in (1, 3):
        raise DataError(f"{path} is no npz, and {spec} cannot be read from pictures")
    if len(formats := _formats(path)) > 1:
        raise DataError(
            f"{path} holds {' and '.join(sorted(formats))} pictures together: a score would see "
            "how they were compressed",
            hint="save all samples as PNG, and look whether they are of one model",
        )
    parameters = {"path": str(path.absolute()), "channels": 3}
    dataset = adhoc_component(registry, "dataset", PICTURES, parameters).build("train")
    samples = tensors_of(dataset)[0]
    return samples if spec.channels == 3 else _grey(samples, path)


def _formats(path: Path) -> set[str]:
    """Return the picture formats that the names in a folder or a zip end in."""
    known = Image.registered_extensions()
    names: list[str] = []
    if path.is_dir():
        names = [part.name for part in path.rglob("*")]
    else:
        with suppress(OSError, BadZipFile), ZipFile(path) as archive:
            names = archive.namelist()
    suffixes = {PurePosixPath(name).suffix.lower() for name in names}
    return {known[suffix] for suffix in suffixes & known.keys()}


def _grey(samples: Tensor, path: Path) -> Tensor:
    """Return RGB pictures (N, 3, H, W) that are grey in truth with one channel."""
    if not torch.equal(samples, samples[:, :1].expand_as(samples)):
        raise DataError(
            f"{path} holds colour pictures, and the reference is grey",
            hint="score them against a data set in colour",
        )
    return samples[:, :1].contiguous()


def _batches(samples: Tensor) -> Iterator[tuple[Tensor, None]]:
    """Yield this process's share of samples that every process has read."""
    for batch in torch.split(share(samples), BATCH):
        yield batch, None
