"""Read a data set: samples as tensors, labels, and a check of their form."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ganzoo.api import Dataset, SampleSpec
from ganzoo.errors import DataError


def tensors_of(dataset: Dataset) -> tuple[Tensor, Tensor | None]:
    """Return all samples in stored form (N, *shape), and their labels int64 (N,) or None.

    Raises:
        DataError: samples do not have the form that the data set's spec declares.
    """
    if hasattr(dataset, "tensors"):
        samples, labels = dataset.tensors()
    else:
        rows = [dataset[index] for index in range(len(dataset))]
        samples = torch.stack([sample for sample, _ in rows])
        known = [label for _, label in rows if label is not None]
        labels = torch.tensor(known) if len(known) == len(rows) else None
    check_form(samples, dataset.spec)
    return samples, labels


def spread_samples(dataset: Dataset, count: int) -> Tensor:
    """Return `count` samples in stored form, or all if there are fewer, spread over a data set."""
    count = min(count, len(dataset))
    stride = len(dataset) // count
    return torch.stack([dataset[index * stride][0] for index in range(count)])


def check_form(samples: Tensor, spec: SampleSpec) -> None:
    """Raise DataError unless `samples` is a batch in the spec's stored form."""
    declared = getattr(torch, spec.stored_dtype)
    if samples.dtype != declared or tuple(samples.shape[1:]) != spec.shape:
        raise DataError(
            f"the data set declares {spec} as {spec.stored_dtype}, but gives "
            f"{tuple(samples.shape[1:])} as {str(samples.dtype).removeprefix('torch.')}"
        )


def labels_of(dataset: Dataset) -> Tensor:
    """Return the labels of a data set, int64 (N,), decoding samples only if necessary.

    Raises:
        DataError: the data has no labels.
    """
    if hasattr(dataset, "labels"):
        labels = dataset.labels
    elif hasattr(dataset, "tensors"):
        labels = dataset.tensors()[1]
    else:
        labels = [dataset[index][1] for index in range(len(dataset))]
    if labels is None or (isinstance(labels, list) and None in labels):
        raise DataError(f"the data set declares {dataset.spec}, but has no labels")
    return torch.as_tensor(labels, dtype=torch.int64)


def collate(rows: Sequence[tuple[Tensor, int | None]]) -> tuple[Tensor, Tensor | None]:
    """Return (samples, labels) stacked; labels are None unless every sample has one."""
    labels = [label for _, label in rows]
    known = None if None in labels else torch.tensor(labels)
    return torch.stack([sample for sample, _ in rows]), known
