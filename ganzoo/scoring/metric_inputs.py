"""Inputs of the metrics: features, samples and labels of real and generated data, on disk."""

import hashlib
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Mapping
from math import prod

import numpy as np
import torch
from torch import Tensor

from ganzoo.api import Evaluated, GeneratorProbe, Metric, SampleSpec
from ganzoo.errors import (
    DataError,
    DiskFull,
    Diverged,
    GanzooError,
    PluginError,
    failure,
    says_no_memory,
)
from ganzoo.moments import BLOCK
from ganzoo.registry.names import shorten
from ganzoo.scoring import collectives
from ganzoo.scoring.features import Extraction
from ganzoo.scoring.reference import RealData


class RowsOnDisk:
    """Rows of one shape and dtype in an unnamed temporary file, deleted with this object.

    They are memory-mapped, so they need no more memory than the pages that are read. Python's
    `tempfile` chooses the directory (``TMPDIR``).
    """

    def __init__(self, shape: tuple[int, ...], dtype: torch.dtype) -> None:
        self.shape = shape
        self.dtype = dtype
        self._count = 0
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 (as long as self)
        weakref.finalize(self, self._file.close)

    def __len__(self) -> int:
        return self._count

    def add(self, rows: Tensor) -> None:
        """Append rows (N, *shape), on any device.

        Raises:
            DiskFull: there is no room for them.
        """
        content = memoryview(rows.detach().to("cpu", self.dtype).contiguous().numpy().tobytes())
        try:
            while content:
                content = content[self._file.write(content) :]
        except OSError as error:
            raise DiskFull(
                f"{tempfile.gettempdir()} has no room for the metrics' features: {error.strerror}",
                hint="export TMPDIR=DIRECTORY, one with more room",
            ) from error
        self._count += len(rows)

    def tensor(self) -> Tensor:
        """Return all rows (N, *shape), memory-mapped."""
        shape = (self._count, *self.shape)
        if not prod(shape):
            return torch.empty(shape, dtype=self.dtype)
        kind = str(self.dtype).removeprefix("torch.")
        return torch.from_numpy(np.memmap(self._file, kind, "r+", shape=shape))

    def gathered(self, device: torch.device) -> "RowsOnDisk":
        """Return the rows of every rank, rank after rank, on disk too.

        Args:
            device: of the process group.
        """
        rank, size = collectives.rank_and_size()
        if size == 1:
            return self
        own, everything = self.tensor(), RowsOnDisk(self.shape, self.dtype)
        for source, count in enumerate(collectives.gather_counts(self._count, device)):
            for first in range(0, count, BLOCK):
                some = min(BLOCK, count - first)
                block = (
                    own[first : first + some]
                    if source == rank
                    else torch.empty(some, *self.shape, dtype=self.dtype)
                )
                everything.add(collectives.broadcast(source, block.to(device)))
        return everything


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
        y = spec.condition
        kind = getattr(torch, y.stored_dtype) if y else torch.int64
        self._labels = RowsOnDisk(y.shape if y else (), kind)
        self._all_labelled = True

    def __iter__(self) -> Iterator[Tensor]:
        for samples, labels in self._batches:
            yield samples
            self.keys += map(content_key, samples.cpu())
            if self._keep:
                self._samples.add(samples)
                self._all_labelled &= labels is not None
                if labels is not None:
                    self._labels.add(labels)

    def gathered(self, device: torch.device) -> tuple[Tensor, Tensor | None]:
        """Return all ranks' samples (N, *shape), and their labels if every sample has one."""
        samples = self._samples.gathered(device).tensor()
        if not collectives.true_on_all_ranks(self._all_labelled, device):
            return samples, None
        return samples, self._labels.gathered(device).tensor()


def content_key(sample: Tensor) -> int:
    """Return a 63-bit hash of a sample's bytes."""
    digest = hashlib.blake2b(sample.contiguous().numpy().tobytes(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


class Splits(Mapping[str, Evaluated]):
    """Metric inputs of each split of the reference's data set, computed at first access."""

    def __init__(self, real: RealData, reference: Evaluated, extraction: Extraction) -> None:
        self._read = real.splits
        self._seen = {real.split: reference}
        self._extraction = extraction

    def __getitem__(self, name: str) -> Evaluated:
        if name not in self._seen:
            self._seen[name] = real_side(self._read[name](), self._extraction)
        return self._seen[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._read, **self._seen})

    def __len__(self) -> int:
        return len({**self._read, **self._seen})


def real_side(
    real: RealData, extraction: Extraction, features: RowsOnDisk | None = None
) -> Evaluated:
    """Return the metrics' input from real data.

    Args:
        features: of this rank's share, if they are known.
    """
    own = features_on_disk(real, extraction) if features is None else features
    rows = own.gathered(extraction.device).tensor()
    logits = extraction.class_logits(rows)
    return Evaluated(rows, real.samples, real.labels, logits, extraction=extraction)


def fake_side(
    recorded: RecordedBatches,
    extraction: Extraction,
    features: RowsOnDisk,
    generator: GeneratorProbe | None,
) -> Evaluated:
    """Return the metrics' input from the recorded samples of all ranks."""
    rows = features.gathered(extraction.device).tensor()
    samples, labels = recorded.gathered(extraction.device)
    logits = extraction.class_logits(rows)
    return Evaluated(rows, samples, labels, logits, generator=generator, extraction=extraction)


def features_on_disk(real: RealData, extraction: Extraction) -> RowsOnDisk:
    """Return the features of this rank's share of real data.

    Raises:
        GanzooError: another rank failed.
    """
    with collectives.fail_together(extraction.device):
        rows = RowsOnDisk((extraction.width(real.samples),), torch.float32)
        for features in extraction.features([collectives.own_share(real.samples)]):
            rows.add(features)
    return rows


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
        for name, value in numbers.items():
            if name in values:
                raise PluginError(f"{id} gives a number {name!r}, and so does another metric")
            values[name] = value
    return values


def _numbers(id: str, metric: Metric, real: Evaluated, fake: Evaluated) -> dict[str, float]:
    try:
        return {name: float(value) for name, value in metric(real, fake).items()}
    except GanzooError:
        raise
    except Exception as error:
        if says_no_memory(error):
            raise
        raise PluginError(f"{id} failed: {failure(error)}") from error
