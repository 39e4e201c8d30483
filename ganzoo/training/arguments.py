"""Arguments of the Python interface, checked before anything is done."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, replace
from operator import index
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganzoo.api import SampleSpec
from ganzoo.components.sampling_parameters import KEY as SAMPLING
from ganzoo.errors import UsageError, truncate
from ganzoo.recipes.overrides import Overrides, override_keys
from ganzoo.recipes.schema import Eval
from ganzoo.registry.names import guess, suggest
from ganzoo.runs.references import check_name, command
from ganzoo.training.launch import Options


def whole_number(value: Any, what: str, *, least: int) -> int:
    """Return an integer of Python, numpy or torch as an `int`.

    Raises:
        UsageError: not an integer, or one below `least`.
    """
    try:
        number = index(value)
    except TypeError:
        number = least - 1
    if number < least:
        raise UsageError(f"{what} is a whole number from {least} on, not {shown(value)}")
    return number


def class_labels(labels: Sequence[int] | int, count: int, classes: int) -> Tensor:
    """Return the labels of `count` samples, int64 (count,).

    Args:
        labels: one class for all, or one for each sample, from 0 to `classes` - 1.

    Raises:
        UsageError: a class out of range, or another number of labels.
    """
    try:
        given = np.asarray(labels)
    except ValueError:  # a list of lists of several lengths
        given = np.asarray("")
    if given.dtype.kind not in "iu" or given.shape not in ((), (count,)):
        raise UsageError(
            f"labels are one class, or one for each of the {count} samples, not {shown(labels)}",
            hint=f"labels={[each % classes for each in range(min(count, 3))]} for 3 samples",
        )
    low, high = int(given.min()), int(given.max())
    if low < 0 or high >= classes:
        raise UsageError(f"labels go from 0 to {classes - 1}, not to {low if low < 0 else high}")
    return torch.from_numpy(given.astype(np.int64)).expand(count).clone()


def stored_conditions(conditions: Any, spec: SampleSpec) -> Tensor:
    """Return the conditions, at least one, in stored form (K, *condition.shape).

    Raises:
        UsageError: they have another form.
    """
    condition = spec.condition
    assert condition is not None
    given = type(conditions).__name__
    if isinstance(conditions, Tensor):
        kind, shape = str(conditions.dtype).removeprefix("torch."), tuple(conditions.shape)
        if (kind, shape[1:]) == (condition.stored_dtype, condition.shape) and shape[0]:
            return conditions
        given = f"{kind} {shape}"
    sizes = ", ".join(map(str, condition.shape))
    raise UsageError(
        f"conditions are a tensor {condition.stored_dtype} (K, {sizes}), not {given}",
        hint="conditions=run.read_conditions(PATH)",
    )


def options_of(given: Mapping[str, Any]) -> Options:
    """Return keyword arguments as `Options`.

    Raises:
        UsageError: an unknown name, or an invalid value.
    """
    known = [field.name for field in fields(Options)]
    for name in given:
        if name not in known:
            raise UsageError(
                f"there is no option {name!r}{guess(name, known)}; there are {', '.join(known)}",
                hint='a key of the recipe is an override: {"train.steps": 500}',
            )
    options = Options(**given)
    if options.name is not None:
        check_name(options.name)
    limit = options.max_seconds
    if limit is not None and not (isinstance(limit, int | float) and limit > 0):
        raise UsageError(f"max_seconds is a number above 0, not {shown(limit)}")
    return replace(options, runs_directory=Path(options.runs_directory))


def only_evaluation(reference: str, overrides: Overrides, paths: Collection[str] = ()) -> None:
    """Raise UsageError for an override of anything but ``eval``; `reference` names the run.

    Args:
        paths: further keys that may change.
    """
    for key in override_keys(overrides):
        if key.partition(".")[0] != "eval" and key not in paths:
            near = suggest(key, Eval.model_fields) or "final_samples"
            raise UsageError(
                f"a run keeps its recipe: {key} cannot change, only how it is evaluated can",
                hint=command("score", reference, f"eval.{near}=VALUE"),
            )


def sampling_overrides(parameters: Overrides) -> Overrides:
    """Return sampling parameters, as a mapping or ``name=value`` strings, as overrides."""
    key = ".".join(SAMPLING)
    if isinstance(parameters, Mapping):
        return {f"{key}.{name}": value for name, value in parameters.items()}
    given = [parameters] if isinstance(parameters, str) else parameters
    return [f"{key}.{word}" for word in given]


def shown(value: Any) -> str:
    """Return a value for a message, shortened to one line."""
    return truncate(" ".join(repr(value).split()))
