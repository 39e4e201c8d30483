"""Inputs of the metrics: features, samples and labels of real and generated data, on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property, partial

import torch
from torch import Tensor

from ganzoo.api import Evaluated, GeneratorProbe, Metric, SampleSpec
from ganzoo.errors import DataError, Diverged, PluginError, plugin_failures
from ganzoo.moments import BLOCK
from ganzoo.registry.names import shorten
from ganzoo.rows import RowsOnDisk, ordered_hash
from ganzoo.scoring import collectives
from ganzoo.scoring.features import Extraction, release_freed_memory
from ganzoo.scoring.reference import ContentHash, RealData


def gathered(rows: RowsOnDisk, device: torch.device) -> RowsOnDisk:
    """Return the rows of every rank, rank after rank, on disk too.

    Args:
        device: of the process group.
    """
    rank, size = collectives.rank_and_size()
    if size == 1:
        return rows
    own, everything = rows.tensor(), RowsOnDisk(rows.shape, rows.dtype)
    for source, count in enumerate(collectives.gather_counts(len(rows), device)):
        for first in range(0, count, BLOCK):
            some = min(BLOCK, count - first)
            block = (
                own[first : first + some]
                if source == rank
                else torch.empty(some, *rows.shape, dtype=rows.dtype)
            )
            everything.add(collectives.broadcast(source, block.to(device)))
    return everything


class _Labels:
    """Labels or conditions in stored form of the batches of one side."""

    def __init__(self, spec: SampleSpec) -> None:
        y = spec.condition
        kind = getattr(torch, y.stored_dtype) if y else torch.int64
        self._rows = RowsOnDisk(y.shape if y else (), kind)
        self._complete = True

    def add(self, labels: Tensor | None) -> None:
        self._complete &= labels is not None
        if labels is not None:
            self._rows.add(labels)

    def gathered(self, device: torch.device) -> Tensor | None:
        """Return all ranks' labels, if every sample has one."""
        if not collectives.true_on_all_ranks(self._complete, device):
            return None
        return gathered(self._rows, device).tensor()


class RecordedBatches:
    """Batches of generated samples that are recorded as they are iterated over.

    Args:
        keep: record samples and labels too; otherwise only a key of each sample's content.
    """

    def __init__(
        self, batches: Iterable[tuple[Tensor, Tensor | None]], spec: SampleSpec, keep: bool
    ) -> None:
        self._batches = batches
        self._keep = keep
        self.keys: list[int] = []
        self._samples = RowsOnDisk(spec.shape, getattr(torch, spec.stored_dtype))
        self._labels = _Labels(spec)

    def __iter__(self) -> Iterator[Tensor]:
        for samples, labels in self._batches:
            yield samples
            self.keys += map(content_key, samples.cpu())
            if self._keep:
                self._samples.add(samples)
                self._labels.add(labels)

    def gathered(self, device: torch.device) -> tuple[Tensor, Tensor | None]:
        """Return all ranks' samples (N, *shape), and their labels if every sample has one."""
        samples = gathered(self._samples, device).tensor()
        return samples, self._labels.gathered(device)


class RealPass:
    """One pass over this rank's share of real data, whose samples are hashed on the way.

    Args:
        keep: record labels and features, and a short hash of each sample, for metrics.
    """

    def __init__(self, real: RealData, spec: SampleSpec, width: int, keep: bool) -> None:
        self._real = real
        self._keep = keep
        self._content = ContentHash(spec.shape, spec.stored_dtype)
        self._labels = _Labels(spec)
        self._hashes: list[int] = []
        self._features = RowsOnDisk((width,), torch.float32)

    def __iter__(self) -> Iterator[Tensor]:
        for samples, labels in self._real.read(collectives.own_range(self._real.count)):
            yield samples
            if self._real.sha256 is None:
                self._content.add(samples)
            if self._keep:
                self._labels.add(labels)
                self._hashes += map(ordered_hash, samples)

    def add(self, features: Tensor) -> None:
        """Record features, in the order of the samples."""
        if self._keep:
            self._features.add(features)

    def sha256(self, device: torch.device) -> str:
        """Return the hash of all ranks' samples, and keep it as that of the data."""
        if self._real.sha256 is None:
            self._real.sha256 = self._content.gathered(device)
            self._real.remember(self._real.sha256)
        return self._real.sha256

    def side(self, extraction: Extraction) -> Evaluated:
        """Return the metrics' input, over all ranks' shares."""
        device, real = extraction.device, self._real
        rows = gathered(self._features, device).tensor()
        hashes = torch.tensor(self._hashes, dtype=torch.int64)
        splits = Splits(real.splits, extraction)
        splits.known[real.split] = side = _RealSide(
            rows,
            partial(_on_disk, real, extraction.spec),
            self._labels.gathered(device),
            extraction.class_logits(rows),
            splits,
            collectives.gather_rows(hashes.to(device)).cpu(),
            extraction,
        )
        return side


class _RealSide(Evaluated):
    """The real side; its samples are decoded into a temporary file at first access."""

    _read: Callable[[], Tensor]

    def __init__(
        self,
        features: Tensor,
        read: Callable[[], Tensor],
        labels: Tensor | None,
        class_logits: Tensor | None,
        splits: Splits,
        hashes: Tensor,
        extraction: Extraction,
    ) -> None:
        values: dict[str, object] = {"features": features, "labels": labels, "splits": splits}
        values |= {"class_logits": class_logits, "hashes": hashes, "extraction": extraction}
        for name, value in {**values, "generator": None, "_read": read}.items():
            object.__setattr__(self, name, value)

    @cached_property
    def samples(self) -> Tensor:
        return self._read()


def _on_disk(real: RealData, spec: SampleSpec) -> Tensor:
    """Return all samples, memory-mapped."""
    rows = RowsOnDisk(spec.shape, getattr(torch, spec.stored_dtype))
    for samples, _ in real.read(range(real.count)):
        rows.add(samples)
    return rows.tensor()


def content_key(sample: Tensor) -> int:
    """Return a 63-bit hash of a sample's bytes."""
    digest = hashlib.blake2b(sample.contiguous().numpy().tobytes(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


class Splits(Mapping[str, Evaluated]):
    """Metric inputs of each split of the reference's data set, computed at first access."""

    def __init__(
        self, splits: Mapping[str, Callable[[], RealData]], extraction: Extraction
    ) -> None:
        self._open = splits
        self._extraction = extraction
        self.known: dict[str, Evaluated] = {}

    def __getitem__(self, name: str) -> Evaluated:
        if name not in self.known:
            self.known[name] = real_side(self._open[name](), self._extraction)
        return self.known[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._open, **self.known})

    def __len__(self) -> int:
        return len({**self._open, **self.known})


def real_side(real: RealData, extraction: Extraction) -> Evaluated:
    """Return the metrics' input from real data, read once.

    Raises:
        GanzooError: another rank failed.
    """
    with collectives.fail_together(extraction.device), real.reading():
        read = RealPass(real, extraction.spec, extraction.width(real.first), keep=True)
        for features in extraction.features(read):
            read.add(features)
    return read.side(extraction)


def fake_side(
    recorded: RecordedBatches,
    extraction: Extraction,
    features: RowsOnDisk,
    generator: GeneratorProbe | None,
) -> Evaluated:
    """Return the metrics' input from the recorded samples of all ranks."""
    rows = gathered(features, extraction.device).tensor()
    samples, labels = recorded.gathered(extraction.device)
    logits = extraction.class_logits(rows)
    return Evaluated(rows, samples, labels, logits, generator=generator, extraction=extraction)


def evaluate(
    metrics: Mapping[str, Metric],
    real: Evaluated,
    fake: Evaluated,
    left_out: list[str] | None = None,
) -> dict[str, float]:
    """Return the values of all metrics, by the names that the metrics give them.

    Args:
        metrics: by the name that a message shows.
        left_out: receives a line about each metric that lacks something; None: raise.

    Raises:
        PluginError: a metric failed or gave no named numbers, or two metrics use one name.
        DataError: a metric lacks something that it needs.
    """
    values: dict[str, float] = {}
    for id, metric in metrics.items():
        try:
            numbers = _numbers(id, metric, real, fake)
        except (DataError, Diverged) as error:
            if left_out is None:
                raise type(error)(f"{id}: {error.message}", hint=error.hint) from error
            left_out.append(f"{shorten(id.split()[-1])} is not computed: {error.message}")
            continue
        release_freed_memory()
        for name, value in numbers.items():
            if name in values:
                raise PluginError(
                    f"{id} gives a number {name!r}, and so does another metric",
                    hint="leave one of them out of eval.metrics",
                )
            values[name] = value
    return values


def _numbers(id: str, metric: Metric, real: Evaluated, fake: Evaluated) -> dict[str, float]:
    hint = f"ganzoo conformance {id.split()[-1]} --kind metric"
    with plugin_failures(lambda what: PluginError(f"{id} failed: {what}", hint=hint)):
        return {name: float(value) for name, value in metric(real, fake).items()}
