"""Samples in a run's directory: what one sample is (``sample_spec.json``), and ``samples/``."""

from __future__ import annotations

import math
import re
import shlex
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ganzoo.api import SampleSpec
from ganzoo.errors import DataError
from ganzoo.modalities import PREVIEW_SUFFIXES, BadModality
from ganzoo.runs import records
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.files import write_atomic
from ganzoo.untrusted import DAMAGE, parse_json, read_regular, reason

if TYPE_CHECKING:
    from torch import Tensor

REAL = "real"
CONDITION = "condition"
EXTERNAL = "samples"
"""How the names of preview files begin: real samples, their conditions, samples of another tool.
Those of generated samples begin with ``step-00000050``."""

_PREVIEW = re.compile(rf"({REAL}|{CONDITION}|{EXTERNAL}|step-\d+)([.-].*)")


class ConditionCounts(NamedTuple):
    """The different conditions of a data set, and how often each is drawn for samples."""

    conditions: Tensor
    """(K, *condition.shape) in stored form."""
    counts: list[int]
    """K numbers, at least one above 0."""


InputCounts = list[int] | ConditionCounts | None
"""How often each class or condition is drawn; None: there are none, or the data set gives them."""


def write_sample_spec(run: RunDirectory, spec: SampleSpec, counts: InputCounts = None) -> None:
    """Write what one sample of a run is, and how often a conditional run draws what.

    That is enough to sample, export and load the run without its data set, but for conditions that
    were not counted.
    """
    content: dict[str, Any] = {"spec": spec.to_json(), "label_counts": counts}
    if isinstance(counts, ConditionCounts):
        content["label_counts"] = None
        content["conditions"] = counts.conditions.tolist()  # JSON has no NaN: it becomes null
        content["condition_counts"] = counts.counts
    write_atomic(run.sample_spec_file, records.to_json(content, indent=1))


def _none_as_nan(values: Any) -> Any:
    if isinstance(values, list):
        return [_none_as_nan(each) for each in values]
    return math.nan if values is None else values


def read_sample_spec(run: RunDirectory) -> tuple[SampleSpec, InputCounts] | None:
    """Return what `write_sample_spec` wrote; None for a run that is older than this file.

    Raises:
        DataError: the file is damaged, or the plugin of its modality is not installed.
    """
    try:
        content = parse_json(read_regular(run.sample_spec_file))
        counts = content["label_counts"]
        if counts is not None:
            _check_counts(counts, "label_counts")
        spec = SampleSpec.from_json(content["spec"])
        return spec, counts if counts is not None else _condition_counts(content, spec)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DataError(
            f"{run.sample_spec_file} cannot be read: {error.strerror}",
            hint=shlex.join(["ls", "-l", str(run.sample_spec_file)]),
        ) from error
    except BadModality as error:
        raise DataError(f"{run.sample_spec_file}: {error.message}", hint=error.hint) from error
    except DAMAGE as error:
        raise DataError(
            f"{run.sample_spec_file} is damaged: {reason(error)}",
            hint=f"{shlex.join(['rm', str(run.sample_spec_file)])}   # the data set is read then",
        ) from error


def _check_counts(counts: Any, name: str) -> None:
    whole = isinstance(counts, list) and all(type(n) is int and n >= 0 for n in counts)
    if not whole or sum(counts) == 0:
        raise ValueError(f"{name} is not a list of counts")


def _condition_counts(content: Any, spec: SampleSpec) -> ConditionCounts | None:
    if content.get("conditions") is None or spec.condition is None:
        return None
    import torch

    dtype = getattr(torch, spec.condition.stored_dtype)
    conditions = torch.tensor(_none_as_nan(content["conditions"]), dtype=dtype)
    counts = content["condition_counts"]
    _check_counts(counts, "condition_counts")
    if tuple(conditions.shape) != (len(counts), *spec.condition.shape):
        raise ValueError("conditions do not have the shape that the spec declares")
    return ConditionCounts(conditions, counts)


def previews(run: RunDirectory) -> dict[str, list[Path]]:
    """Return the files of a run's previews by the beginning of their names, sorted.

    The main file of a preview comes first: the one with only a suffix after the beginning. A run
    that ended before a step has no preview of that step: an earlier attempt left it.
    """
    end = _last_step(run)
    found: dict[str, list[tuple[bool, Path]]] = defaultdict(list)
    if run.samples_directory.is_dir():
        for path in run.samples_directory.iterdir():
            match = _PREVIEW.fullmatch(path.name)
            late = match and match[1].startswith("step-") and int(match[1][5:]) > end
            if match and not late and path.suffix in PREVIEW_SUFFIXES:
                found[match[1]].append((match[2] != path.suffix, path))
    return {stem: [path for _, path in sorted(found[stem])] for stem in sorted(found)}


def _last_step(run: RunDirectory) -> float:
    """Return the step at which a run has ended; infinity for one that has not."""
    for event in reversed(run.events()):
        if event.get("event") == "finished":
            return float(event.get("step", math.inf))
        if event.get("event") in ("started", "resumed"):
            break
    return math.inf


def last_preview(run: RunDirectory) -> list[Path]:
    """Return the files of the preview of a run's newest samples; empty if there is none."""
    found = previews(run)
    # Sorted by name, "step-…" comes after "samples".
    generated = [stem for stem in found if stem not in (REAL, CONDITION)]
    return found[generated[-1]] if generated else []
