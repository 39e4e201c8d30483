"""Read a data set: samples as tensors, their labels or conditions, and a check of their form."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ganzoo.api import Dataset, Noise, SampleSpec, SourceFile
from ganzoo.errors import (
    DataError,
    GanzooError,
    PluginError,
    failure,
    printable,
    says_no_memory,
)

Stored = tuple[Tensor, Tensor | None]
"""Samples in stored form (N, *shape), and their labels int64 (N,), their conditions in stored form
(N, *condition.shape), or None."""


BLOCK_BYTES = 1 << 25
"""Size of a block of samples in stored form: enough to read in parallel, little for any memory."""


def row_of(dataset: Dataset, index: int) -> tuple[Tensor, Any]:
    """Return one sample in stored form, and its label, its condition or None.

    Raises:
        DataError: it cannot be read, is no such pair, or does not have the shape of the spec.
        PluginError: the data set's code failed.
    """
    try:
        row = dataset[index]
    except OSError as error:
        raise DataError(_failed_at(dataset, index, error)) from error
    except Exception as error:
        if isinstance(error, GanzooError) or says_no_memory(error):
            raise
        raise PluginError(_failed_at(dataset, index, error)) from error
    return _checked_row(dataset, index, row)


def _checked_row(dataset: Dataset, index: int, row: Any) -> tuple[Tensor, Any]:
    if not isinstance(row, tuple) or len(row) != 2 or not isinstance(row[0], Tensor):
        name, given = type(dataset).__name__, type(row).__name__
        if isinstance(row, tuple):
            given = f"tuple of {', '.join(type(each).__name__ for each in row)}"
        raise DataError(
            f"the data set {name} gives a {given} as sample {index}, not (tensor, label or None)",
            hint="return (tensor, label), or (tensor, None) without labels",
        )
    if row[0].shape != dataset.spec.shape:  # its dtype is checked once for a batch
        _check_stored(row[0][None], dataset.spec, f"declares {dataset.spec}")
    return row


def _failed_at(dataset: Dataset, index: int, error: Exception) -> str:
    return f"the data set {type(dataset).__name__} failed at sample {index}: {failure(error)}"


def rows_of(dataset: Any, indices: Sequence[int]) -> Stored:
    """Return samples by index, (len(indices), *shape), and their labels or conditions.

    A data set with ``decoded_rows``, the decoded cache, or ``__getitems__`` reads them together.

    Raises:
        DataError, PluginError: as `row_of`.
    """
    if hasattr(dataset, "decoded_rows"):
        stored: Stored = dataset.decoded_rows(indices)
        return stored
    if not hasattr(dataset, "__getitems__"):
        return collate([row_of(dataset, index) for index in indices])
    try:
        rows = list(dataset.__getitems__(list(indices)))
    except Exception as error:
        if isinstance(error, GanzooError) or says_no_memory(error):
            raise
        rows = [row_of(dataset, index) for index in indices]  # names the sample that fails
    if len(rows) != len(indices):
        name = type(dataset).__name__
        raise DataError(
            f"__getitems__ of {name} gives {len(rows)} of {len(indices)} samples",
            hint="return one pair for each index, in their order",
        )
    return collate([_checked_row(dataset, *each) for each in zip(indices, rows, strict=True)])


def blocks_of(dataset: Any, rows: range) -> Iterator[Stored]:
    """Yield consecutive rows of a data set, `BLOCK_BYTES` at a time, and their labels.

    Raises:
        DataError: they do not have the form that the data set's spec declares.
    """
    spec = dataset.spec
    size = prod(spec.shape) * getattr(torch, spec.stored_dtype).itemsize
    count = max(1, BLOCK_BYTES // max(1, size))
    for first in range(0, len(rows), count):
        samples, labels = rows_of(dataset, rows[first : first + count])
        _check_all(dataset, samples, labels)
        yield samples, labels


def tensors_of(dataset: Any) -> Stored:
    """Return all samples of a data set, and their labels or conditions.

    Raises:
        DataError: they do not have the form that the data set's spec declares.
    """
    samples, labels = (
        dataset.tensors() if has_tensors(dataset) else rows_of(dataset, range(len(dataset)))
    )
    _check_all(dataset, samples, labels)
    return samples, labels


def _check_all(dataset: Any, samples: Tensor, labels: Any) -> None:
    check_form(samples, labels, dataset.spec)
    if dataset.spec.condition and not hasattr(dataset, "draw"):
        check_conditions(labels, dataset.spec)


def check_readable(dataset: Any) -> list[str]:
    """Decode every sample once, if the data set has a `check`.

    Returns:
        What the data set leaves out, one line each.

    Raises:
        DataError: names what cannot be read.
    """
    if hasattr(dataset, "check") and (bad := dataset.check()):
        shown = "; ".join(bad[:10]) + ("; …" if len(bad) > 10 else "")
        raise DataError(f"{len(bad)} files cannot be read: {shown}", hint="remove or replace them")
    return list(getattr(dataset, "skipped", ()))


def left_out(dataset: Any, most: int) -> list[str]:
    """Return the first lines about what a data set leaves out, and how many more there are."""
    lines = list(getattr(dataset, "skipped", ()))
    shown = [printable(line, one_line=True) for line in lines[:most]]
    if more := len(lines) - len(shown):
        shown.append(f"{more} more; ganzoo check RECIPE --data names them all")
    return shown


def has_tensors(dataset: Any) -> bool:
    """Return whether a data set has the method `tensors` (torch's `TensorDataset` has a tuple)."""
    return callable(getattr(dataset, "tensors", None))


def spread_samples(dataset: Dataset, count: int) -> Stored:
    """Return `count` samples, or all if there are fewer, spread over a data set."""
    count = min(count, len(dataset))
    stride = len(dataset) // count
    return rows_of(dataset, range(0, count * stride, stride))


class Drawn(NamedTuple):
    """Rows that a data set drew for a batch."""

    indices: Tensor
    """int64 (n,)."""
    conditions: Tensor | None
    """(n, *condition.shape) in stored form; None: those of the rows."""


def draw(dataset: Any, noise: Noise, count: int) -> Drawn:
    """Return what the data set's `draw` chooses for `count` rows.

    Raises:
        DataError: another number of rows, rows that do not exist, or conditions of another form.
    """
    indices, conditions = dataset.draw(noise, count)
    if indices.dtype != torch.int64 or tuple(indices.shape) != (count,):
        found = f"{str(indices.dtype).removeprefix('torch.')} {tuple(indices.shape)}"
        raise DataError(
            f"draw of the data set gives rows as {found}, not int64 ({count},)",
            hint="return row numbers, int64, one for each sample of the batch",
        )
    low, high = int(indices.min()), int(indices.max())
    if low < 0 or high >= len(dataset):
        wrong = low if low < 0 else high
        raise DataError(
            f"draw of the data set gives row {wrong} of {len(dataset)}",
            hint=f"return rows from 0 to {len(dataset) - 1}",
        )
    if conditions is not None:
        if dataset.spec.condition is None:
            raise DataError(
                f"draw of the data set gives conditions, and its spec has none: {dataset.spec}",
                hint="return None for them, or set condition=SampleSpec(…) in the spec",
            )
        check_conditions(conditions, dataset.spec)
    return Drawn(indices, conditions)


def check_form(samples: Tensor, labels: Tensor | None, spec: SampleSpec) -> None:
    """Raise DataError unless samples, and conditions that there are, have their stored forms."""
    _check_stored(samples, spec, f"declares {spec}")
    if spec.condition and labels is not None:
        check_conditions(labels, spec)


def check_conditions(conditions: Any, spec: SampleSpec) -> None:
    """Raise DataError unless these are a batch of conditions in stored form."""
    assert spec.condition
    what = f"declares the condition {spec.condition}"
    if not isinstance(conditions, Tensor):
        raise DataError(
            f"the data set {what}, but not every sample has one",
            hint="return (sample, condition) for every index",
        )
    _check_stored(conditions, spec.condition, what)


def _check_stored(batch: Tensor, spec: SampleSpec, what: str) -> None:
    declared = getattr(torch, spec.stored_dtype)
    if batch.dtype != declared or tuple(batch.shape[1:]) != spec.shape:
        raise DataError(
            f"the data set {what} as {spec.stored_dtype}, but gives "
            f"{tuple(batch.shape[1:])} as {str(batch.dtype).removeprefix('torch.')}",
            hint="change the spec, or what the data set returns",
        )


def labels_of(dataset: Any) -> Tensor:
    """Return the labels of a data set, int64 (N,), reading samples only if it has no ``labels``.

    Raises:
        DataError: the data has no labels.
    """
    if hasattr(dataset, "labels"):
        labels = dataset.labels
    else:
        parts: Any = [found for _, found in blocks_of(dataset, range(len(dataset)))]
        labels = None if any(part is None for part in parts) else torch.cat(parts)
    if labels is None or (isinstance(labels, list) and None in labels):
        raise DataError(
            f"the data set declares {dataset.spec}, but has no labels",
            hint="return a label with every sample, or set classes=0 in the spec",
        )
    return torch.as_tensor(labels, dtype=torch.int64)


def conditions_at(dataset: Dataset, indices: Iterable[int]) -> Tensor:
    """Return the conditions of rows of a data set in stored form, (n, *condition.shape).

    Raises:
        DataError: one is missing, or not of the form that the data set's spec declares.
    """
    conditions: Any = [row_of(dataset, index)[1] for index in indices]
    stacked: Any = None
    if all(isinstance(each, Tensor) for each in conditions):
        stacked = torch.stack(conditions)
    check_conditions(stacked, dataset.spec)
    return stacked


def collate(rows: Sequence[tuple[Tensor, Any]]) -> Stored:
    """Return (samples, labels) stacked; labels are None unless every sample has one."""
    labels = [label for _, label in rows]
    samples = torch.stack([sample for sample, _ in rows])
    if any(label is None for label in labels):
        return samples, None
    if isinstance(labels[0], Tensor):
        return samples, torch.stack(labels)
    return samples, torch.tensor(labels)


def source_files(dataset: Any) -> Mapping[str, SourceFile] | None:
    """Return name → file of a data set; None if it has no method `source_files`.

    Raises:
        PluginError: the method returns something else.
    """
    if not callable(getattr(dataset, "source_files", None)):
        return None
    files = dataset.source_files()
    if not isinstance(files, Mapping) or not all(
        isinstance(name, str) and isinstance(file, SourceFile) for name, file in files.items()
    ):
        name = type(dataset).__name__
        raise PluginError(
            f"source_files of the data set {name} returns no mapping of str to Path",
            hint="return {name: Path(…)} with every file",
        )
    return files
