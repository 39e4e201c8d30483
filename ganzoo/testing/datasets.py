"""Checks of data sets: samples match the declared spec, and are the same in every process."""

from __future__ import annotations

import pickle
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganzoo.api import SampleSpec
from ganzoo.components.data import has_tensors
from ganzoo.errors import PluginError
from ganzoo.testing.checks import case_check, component_check
from ganzoo.testing.component import Case, Component
from ganzoo.testing.outcomes import Exempt, Failed, expecting
from ganzoo.testing.probes import difference, shape

LOOKED_AT = 12
"""Number of samples that are read one by one, spread over the whole data set."""


def indices(dataset: Any) -> list[int]:
    """Return the indices to read: the first, the last, and some between."""
    return sorted({int(i) for i in np.linspace(0, len(dataset) - 1, LOOKED_AT)})


@case_check()
def form(case: Case) -> None:
    """It has a length above 0, a SampleSpec, and items of a tensor and a label or None."""
    dataset = case.make()
    spec = getattr(dataset, "spec", None)
    if not isinstance(spec, SampleSpec):
        raise Failed("an attribute spec, a SampleSpec", repr(spec), "set self.spec in __init__")
    if len(dataset) < 1:
        raise Failed("at least one sample", "none", "raise DataError if there is no data")
    for index in indices(dataset):
        item = dataset[index]
        pair = isinstance(item, tuple) and len(item) == 2
        if not pair or not isinstance(item[0], Tensor):
            raise Failed(
                f"a tensor and a label (or None) as sample {index}",
                f"a {type(item).__name__}",
                "return (tensor, label) from __getitem__",
            )


@component_check()
def extractor(component: Component) -> None:
    """The extractor that the registration names exists."""
    name = component.registration.extractor
    if name is None:
        return
    try:
        component.registry.get("extractor", name)
    except PluginError as error:
        advice = "register(…, extractor=NAME)"
        raise Failed(f"an extractor {name}", error.message, advice) from error


@case_check("form")
def true_to_spec(case: Case) -> None:
    """Samples have the shape and the stored dtype that the spec declares, in their range."""
    dataset = case.make()
    spec, modalities = dataset.spec, case.component.registration.modalities
    if modalities and spec.modality not in modalities:
        raise Failed(
            f"samples of a registered modality ({', '.join(sorted(modalities))})",
            spec.modality,
            f"register(…, modalities={{…, {spec.modality!r}}})",
        )
    for index in indices(dataset):
        sample, _ = dataset[index]
        dtype = str(sample.dtype).removeprefix("torch.")
        if tuple(sample.shape) != spec.shape or dtype != spec.stored_dtype:
            declared = "x".join(map(str, spec.shape))
            raise Failed(
                f"{spec.stored_dtype} of shape {declared} as sample {index}",
                f"{dtype} of shape {shape(sample)}",
                "return samples in the stored form of SampleSpec's table",
            )
        if reason := spec.kind.invalid(spec, sample):
            raise Failed(f"a valid sample {index}", reason, "follow SampleSpec's table")


@case_check("form")
def labels(case: Case) -> None:
    """Labels are Python integers below the number of classes; None if there are no classes."""
    dataset = case.make()
    classes = dataset.spec.classes
    expected = f"labels from 0 to {classes - 1}" if classes else "no labels, as spec.classes is 0"
    for index in indices(dataset):
        _, label = dataset[index]
        right = type(label) is int and 0 <= label < classes if classes else label is None
        if not right:
            raise Failed(
                expected,
                f"{label!r} ({type(label).__name__}) of sample {index}",
                "set spec.classes to the number of classes, and return int(label)",
            )


@case_check("form")
def same_by_index(case: Case) -> None:
    """An index gives the same sample each time, in any order and for any random state."""
    dataset, other = case.make(), case.make(seed=1)
    chosen = indices(dataset)
    with seeded(1):
        before = {index: dataset[index] for index in chosen}
    for source, which in ((dataset, "again"), (other, "from another instance")):
        with seeded(2):
            after = {index: source[index] for index in reversed(chosen)}
        for index in chosen:
            if found := _changed(before[index], after[index]):
                raise Failed(
                    f"the same sample {index} {which}",
                    found,
                    "leave augmentation and shuffling to the engine; seed random parts by index",
                )


@case_check("form")
def picklable(case: Case) -> None:
    """It can be pickled for a worker process, and the copy gives the same samples."""
    dataset = case.make()
    with seeded(3):
        before = {index: dataset[index] for index in indices(dataset)}
    advice = "store no open file, lock or lambda: open files when a sample is read"
    with expecting("a data set that can be pickled", advice):
        copied = pickle.loads(pickle.dumps(dataset))  # noqa: S301 - our own bytes
    with seeded(3):
        after = {index: copied[index] for index in before}
    for index, item in before.items():
        if found := _changed(item, after[index]):
            raise Failed(
                f"the same sample {index} from a pickled copy", found, "pickle its whole state"
            )


@case_check("form")
def whole_tensors(case: Case) -> None:
    """If it has `tensors`, they are all of its samples and labels, in order."""
    dataset = case.make()
    if not has_tensors(dataset):
        raise Exempt("has no method tensors")
    all_samples, all_labels = dataset.tensors()
    advice = "let tensors() and __getitem__ read the same data"
    if len(all_samples) != len(dataset):
        raise Failed(f"{len(dataset)} samples from tensors()", str(len(all_samples)), advice)
    if all_labels is not None and all_labels.dtype != torch.int64:
        raise Failed("int64 labels from tensors()", str(all_labels.dtype), advice)
    for index in indices(dataset):
        label = None if all_labels is None else int(all_labels[index])
        if found := _changed(dataset[index], (all_samples[index], label)):
            raise Failed(f"dataset[{index}] as row {index} of tensors()", found, advice)


def _changed(before: tuple[Tensor, Any], after: tuple[Tensor, Any]) -> str | None:
    """Return how two items differ; None if they are equal."""
    if before[1] != after[1]:
        return f"the label {after[1]} instead of {before[1]}"
    if before[0].dtype != after[0].dtype:
        return f"{after[0].dtype} instead of {before[0].dtype}"
    return difference({"values": before[0]}, {"values": after[0]})


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the default generators of torch, random and NumPy in the block; restore them after."""
    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)


DATASET = (form, extractor, true_to_spec, labels, same_by_index, picklable, whole_tensors)
