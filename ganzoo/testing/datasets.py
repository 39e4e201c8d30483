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
from ganzoo.components.data import conditions_at, draw, has_tensors
from ganzoo.components.fingerprint import source_files
from ganzoo.errors import PluginError
from ganzoo.sampling.random_streams import BatchNoise, RandomStreams, Rows
from ganzoo.testing.checks import case_check, component_check
from ganzoo.testing.component import Case, Component
from ganzoo.testing.outcomes import Exempt, Failed, expecting
from ganzoo.testing.probes import difference, form_of, require_same

DRAWN = 64
"""Rows of the batch that `draw` is tried with."""

LOOKED_AT = 12
"""Number of samples that are read one by one, spread over the whole data set."""


def indices(dataset: Any) -> list[int]:
    """Return the indices to read: the first, the last, and some between."""
    return sorted({int(i) for i in np.linspace(0, len(dataset) - 1, LOOKED_AT)})


@case_check()
def form(case: Case) -> None:
    """It has a length above 0, a SampleSpec, and items of a tensor and a label or condition."""
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
                "return (tensor, label), or (tensor, condition), from __getitem__",
            )


@component_check()
def extractor(component: Component) -> None:
    """The extractor that the registration names exists, and takes data of its modalities."""
    own = component.registration
    if own.extractor is None:
        return
    advice = "register(…, extractor=NAME)"
    try:
        named = component.registry.get("extractor", own.extractor)
    except PluginError as error:
        raise Failed(f"an extractor {own.extractor}", error.message, advice) from error
    if named.modalities and not own.modalities <= named.modalities:
        wanted, got = (" and ".join(sorted(each.modalities)) for each in (own, named))
        raise Failed(f"an extractor for {wanted}", f"{named.id}, which is for {got}", advice)


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
        _require_stored(f"sample {index}", dataset[index][0], spec)


def _require_stored(what: str, stored: Any, spec: SampleSpec) -> None:
    """Raise `Failed` unless this is one valid sample or condition in the stored form of a spec."""
    declared = f"{spec.stored_dtype} of shape {'x'.join(map(str, spec.shape))}"
    if form_of(stored) != declared:
        advice = "return samples and conditions in the stored form of SampleSpec's table"
        raise Failed(f"{declared} as {what}", form_of(stored), advice)
    if reason := spec.kind.invalid(spec, stored):
        raise Failed(f"a valid {what}", reason, "follow SampleSpec's table")


@case_check("form")
def labels(case: Case) -> None:
    """Labels are integers below the number of classes; None without classes; or conditions."""
    dataset = case.make()
    classes, condition = dataset.spec.classes, dataset.spec.condition
    if condition:
        for index in indices(dataset):
            given = dataset[index][1]
            if given is not None or not hasattr(dataset, "draw"):
                _require_stored(f"the condition of sample {index}", given, condition)
        return
    expected = f"labels from 0 to {classes - 1}" if classes else "no labels, as spec.classes is 0"
    for index in indices(dataset):
        _, label = dataset[index]
        right = type(label) is int and 0 <= label < classes if classes else label is None
        if not right:
            raise Failed(
                expected,
                f"{_in_words(label)} of sample {index}",
                "set spec.classes to the number of classes, and return int(label); set "
                "spec.condition for tensors",
            )


def _in_words(label: Any) -> str:
    if isinstance(label, Tensor) and label.dim():
        return form_of(label)
    return f"{label!r} ({type(label).__name__})"


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
    condition = dataset.spec.condition
    if all_labels is not None and not condition and all_labels.dtype != torch.int64:
        raise Failed("int64 labels from tensors()", str(all_labels.dtype), advice)
    for index in indices(dataset):
        label = None if all_labels is None else all_labels[index]
        label = label if label is None or condition else int(label)
        if found := _changed(dataset[index], (all_samples[index], label)):
            raise Failed(f"dataset[{index}] as row {index} of tensors()", found, advice)


@case_check("form")
def several_items(case: Case) -> None:
    """If it has `__getitems__`, it gives the same items as `__getitem__`, in the order asked."""
    dataset: Any = case.make()
    if not hasattr(dataset, "__getitems__"):
        raise Exempt("has no method __getitems__")
    chosen, advice = list(reversed(indices(dataset))), "return [self[index] for index in indices]"
    with expecting("a list of items from __getitems__", advice):
        items = list(dataset.__getitems__(chosen))
    if len(items) != len(chosen):
        raise Failed(f"{len(chosen)} items from __getitems__", str(len(items)), advice)
    for index, item in zip(chosen, items, strict=True):
        if found := _changed(dataset[index], item):
            raise Failed(f"dataset[{index}] from __getitems__", found, advice)


@case_check("form")
def files(case: Case) -> None:
    """If it has `source_files`, they are files that exist, by name."""
    dataset = case.make()
    advice = "return {name: Path, or zipfile.Path}, one for each file that the samples depend on"
    with expecting("a mapping of names to files from source_files", advice):
        named = source_files(dataset)
    if named is None:
        raise Exempt("has no method source_files")
    if missing := [name for name, file in named.items() if not file.is_file()]:
        raise Failed("files that exist from source_files", f"no file {missing[0]}", advice)


def _changed(before: tuple[Tensor, Any], after: tuple[Tensor, Any]) -> str | None:
    """Return how two items differ; None if they are equal."""
    expected, found = {"values": before[0]}, {"values": after[0]}
    if isinstance(before[1], Tensor) and isinstance(after[1], Tensor):
        expected["condition"], found["condition"] = before[1], after[1]
    elif before[1] is not after[1] and before[1] != after[1]:
        return f"the label {after[1]} instead of {before[1]}"
    for name, values in expected.items():
        if found[name].dtype != values.dtype:
            return f"{found[name].dtype} instead of {values.dtype}"
    return difference(expected, found)


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


@case_check("labels")
def drawn_rows(case: Case) -> None:
    """If it has `draw`, row i of a batch depends only on row i of the noise."""
    dataset = case.make()
    if not hasattr(dataset, "draw"):
        raise Exempt("has no method draw")
    advice = "return (int64 indices (n,) below len(self), conditions in stored form or None)"
    with expecting(f"{DRAWN} rows from draw", advice):
        whole, half = _drawn(dataset, 0, DRAWN, seed=1), DRAWN // 2
        first, second = (_drawn(dataset, start, half, seed=2) for start in (0, half))
    again = {name: torch.cat([first[name], second[name]]) for name in whole}
    advice = "draw every number from `noise`, and let row i depend on row i of it alone"
    require_same(whole, again, "the same rows in one batch and in two halves", advice)


def _drawn(dataset: Any, first: int, count: int, seed: int) -> dict[str, Tensor]:
    """Return the indices, and the conditions if the spec has one, of rows from `first` on."""
    with seeded(seed):
        noise = BatchNoise(RandomStreams(0), "draw", 0, Rows(first, count))
        rows, conditions = draw(dataset, noise, count)
    if dataset.spec.condition is None:
        return {"indices": rows}
    if conditions is None:
        conditions = conditions_at(dataset, rows.tolist())
    return {"indices": rows, "conditions": conditions}


DATASET = (
    form,
    extractor,
    true_to_spec,
    labels,
    same_by_index,
    picklable,
    several_items,
    whole_tensors,
    files,
    drawn_rows,
)
