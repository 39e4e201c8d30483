"""Training data in order: which samples each update sees, from memory or from worker processes.

The order is f(seed, epoch, position): position p of the run is sample ``p mod n`` of epoch
``p // n``'s own permutation. So a run can go on anywhere, on any number of processes, with no
state but its position, and an epoch's end is no special case.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from ganzoo.api import Dataset
from ganzoo.components.data import check_form, collate, tensors_of
from ganzoo.errors import GanzooError
from ganzoo.nn import encode
from ganzoo.sampling.random_streams import BatchNoise, RandomStreams, Rows

STREAM_WORKERS = 2


@dataclass(frozen=True)
class Order:
    """The order in which a run of this seed sees `size` samples; another after each rollback."""

    seed: int
    size: int
    rollbacks: int = 0

    def indices(self, position: int, count: int) -> Tensor:
        """Return the int64 (count,) sample indices at positions [position, position + count)."""
        parts = []
        while count:
            epoch, offset = divmod(position, self.size)
            taken = self._epoch(epoch)[offset : offset + count]
            parts.append(taken)
            position, count = position + len(taken), count - len(taken)
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _epoch(self, epoch: int) -> Tensor:
        return _permutation(self, epoch)


@lru_cache(maxsize=2)
def _permutation(order: Order, epoch: int) -> Tensor:
    law = RandomStreams(order.seed, order.rollbacks)
    return torch.randperm(order.size, generator=law.generator("order", epoch))


class DataFeed:
    """The samples of each update, in model form, on the device.

    Args:
        rows: of the global batch, those that this process holds.
        batch_size: the global batch, which the position moves by.
        position: where in the run's order to begin: samples consumed so far, over all ranks.
        mirror: flip each image left to right with probability 1/2.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        seed: int,
        rows: Rows,
        batch_size: int,
        position: int,
        device: torch.device,
        in_memory: bool,
        with_labels: bool,
    ) -> None:
        self.spec = dataset.spec
        self.order = Order(seed, len(dataset))
        self.law = RandomStreams(seed)
        self.rows = rows
        self.batch_size = batch_size
        self.position = position
        self.device = device
        self.mirror = bool(getattr(dataset, "mirror", False))
        self.with_labels = with_labels
        self.source: _Memory | _Stream
        self.source = _Memory(dataset, device) if in_memory else _Stream(dataset, device)
        self.source.go_to(self._upcoming(position))

    def go_to(self, position: int, rollbacks: int) -> None:
        """Go on from another position, in the order of a run that was rolled back so often."""
        self.position = position
        self.order = replace(self.order, rollbacks=rollbacks)
        self.law = replace(self.law, rollbacks=rollbacks)
        self.source.go_to(self._upcoming(position))

    def next(self) -> "Lazy":
        """Return the next update's batch, not read yet, and move on."""
        lazy = Lazy(self, self.position)
        self.position += self.batch_size
        self.source.announce(self.order.indices(lazy.position + self.rows.first, self.rows.count))
        return lazy

    def read(self, position: int, part: Rows) -> tuple[Tensor, Tensor | None]:
        """Return rows `part` of this process's batch at `position`: (samples, labels)."""
        stored, labels = self.source.read(part)
        real = encode(self.spec, stored)
        if self.mirror:
            rows = Rows(self.rows.first + part.first, part.count)
            step = position // self.batch_size
            noise = BatchNoise(self.law, "mirror", step, rows, self.device)
            flipped = noise.uniform("coin").view(-1, *[1] * (real.dim() - 1)) < 0.5
            real = torch.where(flipped, real.flip(-1), real)
        return real, labels if self.with_labels else None

    def held(self) -> list[Tensor]:
        """Return the tensors that are kept on the device between steps."""
        return self.source.held()

    def _upcoming(self, position: int) -> Iterator[list[int]]:
        while True:
            yield self.order.indices(position + self.rows.first, self.rows.count).tolist()
            position += self.batch_size


@dataclass(frozen=True)
class Lazy:
    """One update's batch, read when somebody looks at it."""

    feed: DataFeed
    position: int

    def part(self, part: Rows) -> tuple[Tensor, Tensor | None]:
        """Return (samples in model form, labels or None) of rows `part` of this process."""
        return self.feed.read(self.position, part)


class _Memory:
    """All of the data in stored form on the device."""

    def __init__(self, dataset: Dataset, device: torch.device) -> None:
        samples, labels = tensors_of(dataset)
        self.samples = samples.to(device)
        self.labels = None if labels is None else labels.to(device)
        self.indices = torch.empty(0, dtype=torch.int64)

    def go_to(self, batches: Iterator[list[int]]) -> None:
        """Nothing is read ahead, so nothing changes."""

    def announce(self, indices: Tensor) -> None:
        self.indices = indices.to(self.samples.device, non_blocking=True)

    def held(self) -> list[Tensor]:
        return [self.samples] if self.labels is None else [self.samples, self.labels]

    def read(self, part: Rows) -> tuple[Tensor, Tensor | None]:
        chosen = self.indices[part.first : part.first + part.count]
        labels = None if self.labels is None else self.labels[chosen]
        return self.samples[chosen], labels


class _Stream:
    """Samples decoded by worker processes, a few batches ahead."""

    def __init__(self, dataset: Dataset, device: torch.device) -> None:
        self.dataset = dataset
        self.spec = dataset.spec
        self.device = device
        self.batches: Iterator[list[int]] = iter(())
        self.loader: Iterator[Any] | None = None
        self.batch: tuple[Tensor, Tensor | None] | None = None

    def go_to(self, batches: Iterator[list[int]]) -> None:
        """Give these batches of indices next; workers are started for them at the first."""
        self.batches, self.loader = batches, None

    def _load(self) -> Iterator[Any]:
        loader: DataLoader[Any] = DataLoader(
            _Told(self.dataset),  # type: ignore[arg-type]
            batch_sampler=_Batches(self.batches),
            num_workers=STREAM_WORKERS,
            collate_fn=_collate_told,
            pin_memory=self.device.type == "cuda",
            persistent_workers=True,
        )
        return iter(loader)

    def announce(self, indices: Tensor) -> None:
        if self.loader is None:
            self.loader = self._load()
        batch = self._next(self.loader)
        if isinstance(batch, GanzooError):
            raise batch
        samples, labels = batch
        check_form(samples, self.spec)
        labels = None if labels is None else labels.to(self.device, non_blocking=True)
        self.batch = (samples.to(self.device, non_blocking=True), labels)

    def _next(self, loader: Iterator[Any]) -> Any:
        """Return the loader's next batch, or raise what the data set or torch says."""
        try:
            return next(loader)
        except (OSError, EOFError) as error:
            if "in DataLoader worker process" in str(error):  # the data set's own
                raise
            # A worker that was killed broke its connection. Asked again, torch says which it was.
            return next(loader)

    def held(self) -> list[Tensor]:
        return []

    def read(self, part: Rows) -> tuple[Tensor, Tensor | None]:
        assert self.batch is not None
        samples, labels = self.batch
        rows = slice(part.first, part.first + part.count)
        return samples[rows], None if labels is None else labels[rows]


class _Told:
    """A data set that returns its errors: torch would put a worker's traceback into their words."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def __getitem__(self, index: int) -> tuple[Tensor, int | None] | GanzooError:
        try:
            return self.dataset[index]
        except GanzooError as error:
            return error

    def __len__(self) -> int:
        return len(self.dataset)


def _collate_told(rows: Sequence[Any]) -> Any:
    """Return `collate`'s batch, or the first error among the rows."""
    errors = [row for row in rows if isinstance(row, GanzooError)]
    return errors[0] if errors else collate(rows)


class _Batches:
    """A batch sampler without an end."""

    def __init__(self, batches: Iterator[list[int]]) -> None:
        self.batches = batches

    def __iter__(self) -> Iterator[list[int]]:
        return self.batches
