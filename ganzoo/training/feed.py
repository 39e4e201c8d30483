"""Training data in order: which samples each update sees, from memory, from disk or decoded.

The order is f(seed, epoch, position): position p of a run is sample ``p mod n`` of the permutation
of epoch ``p // n``. A run can therefore resume anywhere, on any number of processes, with no state
but its position, and the end of an epoch is no special case. A data set with `draw` chooses the
rows of each batch itself, from noise that depends on the position alone.
"""

from __future__ import annotations

import os
import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any, Literal

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from ganzoo.api import Dataset, Noise, SampleSpec
from ganzoo.components.data import (
    Drawn,
    Stored,
    check_conditions,
    check_form,
    collate,
    draw,
    row_of,
    rows_of,
    tensors_of,
)
from ganzoo.errors import DataError, GanzooError, PluginError, culprit, failure
from ganzoo.nn import encode
from ganzoo.sampling.random_streams import BatchNoise, RandomStreams, Rows

MOST_WORKERS = 8
"""Worker processes of one training process under ``train.workers: auto``, at most."""

Law = Callable[[Noise, int], Drawn]
"""``(noise of n rows, n)`` → which rows of the data set they are, and their conditions."""

ENCODED_BYTES = 256 << 20
"""Rows of a table are encoded once, not in each batch, where all of them take this much at most."""

READS_IN_A_ROW = 2
"""Workers decode a player's batches ahead after this many of its updates in a row read theirs."""


@dataclass(frozen=True)
class Order:
    """The order in which a run of this seed sees `size` samples. Each rollback changes it.

    Args:
        law: chooses the rows of each batch; None: every epoch shows each sample once.
        batch_size: of the global batch, for which `law` draws.
    """

    seed: int
    size: int
    rollbacks: int = 0
    law: Law | None = field(default=None, compare=False)
    batch_size: int = 1

    def draw(self, position: int, count: int) -> Drawn:
        """Return the rows at positions [position, position + count), and drawn conditions."""
        if self.law is None:
            return Drawn(self._permuted(position, count), None)
        step, first = divmod(position, self.batch_size)
        streams = RandomStreams(self.seed, self.rollbacks)
        return self.law(BatchNoise(streams, "draw", step, Rows(first, count)), count)

    def indices(self, position: int, count: int) -> Tensor:
        """Return the int64 (count,) sample indices at positions [position, position + count)."""
        return self.draw(position, count).indices

    def _permuted(self, position: int, count: int) -> Tensor:
        parts = []
        while count:
            epoch, offset = divmod(position, self.size)
            taken = _permutation(self, epoch)[offset : offset + count]
            parts.append(taken)
            position, count = position + len(taken), count - len(taken)
        return parts[0] if len(parts) == 1 else torch.cat(parts)


@lru_cache(maxsize=2)
def _permutation(order: Order, epoch: int) -> Tensor:
    streams = RandomStreams(order.seed, order.rollbacks)
    return torch.randperm(order.size, generator=streams.generator("order", epoch))


class DataFeed:
    """Hands out the batches of a run's updates, in model form, on the device.

    Args:
        rows: the rows of the global batch that this process holds.
        batch_size: size of the global batch, by which the position advances.
        position: samples consumed so far, over all ranks.
        players: the player of each update of one step, in order.
        workers: number of processes that decode ahead; 0: this process decodes.
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
        players: Sequence[str] = ("discriminator", "generator"),
        workers: int = 0,
    ) -> None:
        self.spec = dataset.spec
        law = partial(draw, dataset) if hasattr(dataset, "draw") else None
        self.order = Order(seed, len(dataset), law=law, batch_size=batch_size)
        self.rows = rows
        self.batch_size = batch_size
        self.position = position
        self.device = device
        self.mirror = bool(getattr(dataset, "mirror", False))
        if self.mirror and not self.spec.kind.can_mirror:
            raise DataError(
                f"{self.spec} cannot be mirrored, and the data set asks for it",
                hint="dataset.mirror=false",
            )
        self.with_labels = with_labels
        self.source: _Memory | _Stream
        if in_memory:
            self.source = _Memory(dataset, device)
        else:
            self.source = _Stream(dataset, device, rows, batch_size, players, workers)

    def go_to(self, position: int, rollbacks: int) -> None:
        """Continue from another position, in the order of a run with this many rollbacks."""
        self.position = position
        self.order = replace(self.order, rollbacks=rollbacks)
        self.source.restart()

    def next(self) -> Batch:
        """Return the next update's batch, unread, and advance."""
        batch = Batch(self, self.order, self.position)
        self.position += self.batch_size
        self.source.expect(batch)
        return batch

    def read(self, batch: Batch, part: Rows) -> tuple[Tensor, Tensor | None]:
        """Return (samples, labels) of rows `part` of this process's share of a batch."""
        stored, labels = self.source.read(batch, part)
        made = stored if self.source.encoded else encode(self.spec, stored)
        real = self._mirrored(self.spec, made, batch, part)
        if not self.with_labels:
            return real, None
        return real, batch.conditions(part) if self.spec.condition else labels

    def conditions(self, batch: Batch, part: Rows) -> Tensor:
        """Return the conditions of rows `part`; data in memory reads no samples for them."""
        stored = self.source.labels(batch, part)
        check_conditions(stored, self.spec)
        assert stored is not None
        assert self.spec.condition is not None
        made = encode(self.spec.condition, stored)
        return self._mirrored(self.spec.condition, made, batch, part)

    def _mirrored(self, spec: SampleSpec, made: Tensor, batch: Batch, part: Rows) -> Tensor:
        """Return samples or conditions, some of them mirrored if the data set says so."""
        if not self.mirror or not spec.kind.can_mirror:
            return made
        # The coin depends on the sample's place in the run alone, as all noise does.
        streams = RandomStreams(batch.order.seed, batch.order.rollbacks)
        rows = Rows(self.rows.first + part.first, part.count)
        step = batch.position // self.batch_size
        noise = BatchNoise(streams, "mirror", step, rows, self.device)
        flipped = noise.uniform("coin").view(-1, *[1] * (made.dim() - 1)) < 0.5
        return torch.where(flipped, spec.kind.mirror(made), made)

    def held(self) -> list[Tensor]:
        """Return the tensors that stay on the device between steps."""
        return self.source.held()


@dataclass
class Batch:
    """One update's batch: a place in the order of the run. Data is loaded when it is read."""

    feed: DataFeed
    order: Order
    position: int
    loaded: Stored | None = field(default=None, repr=False)
    """This process's rows in stored form, once decoded; they live as long as the batch."""
    drawn: Drawn | None = field(default=None, repr=False)
    """This process's rows, once the data set has drawn them."""
    encoded: dict[Rows, Tensor] = field(default_factory=dict, repr=False)
    """Conditions in model form, once they are read."""

    def part(self, part: Rows) -> tuple[Tensor, Tensor | None]:
        """Return (samples in model form, labels or None) of rows `part` of this process's share.

        For data with a condition, the labels are conditions in model form.
        """
        return self.feed.read(self, part)

    def conditions(self, part: Rows) -> Tensor:
        """Return the conditions of rows `part` in model form; the same tensor at each call."""
        if part not in self.encoded:
            self.encoded[part] = self.feed.conditions(self, part)
        return self.encoded[part]

    def draw(self, part: Rows) -> Drawn:
        """Return which rows of the data set rows `part` are, and the conditions drawn for them."""
        first = self.position + self.feed.rows.first
        if self.order.law is None:
            return self.order.draw(first + part.first, part.count)
        if self.drawn is None:
            self.drawn = self.order.draw(first, self.feed.rows.count)
        (indices, conditions), rows = self.drawn, slice(part.first, part.first + part.count)
        return Drawn(indices[rows], None if conditions is None else conditions[rows])


class _Memory:
    """All data on the device: in stored form; rows of a table in model form, unless too large."""

    def __init__(self, dataset: Dataset, device: torch.device) -> None:
        samples, labels = tensors_of(dataset)
        spec = dataset.spec
        self.encoded = bool(spec.columns) and 4 * len(samples) * spec.size <= ENCODED_BYTES
        self.samples = (encode(spec, samples) if self.encoded else samples).to(device)
        self.kept = None if labels is None else labels.to(device)

    def restart(self) -> None:
        """Do nothing: nothing is read ahead."""

    def expect(self, batch: Batch) -> None:
        """Do nothing: nothing is read ahead."""

    def held(self) -> list[Tensor]:
        return [self.samples] if self.kept is None else [self.samples, self.kept]

    def read(self, batch: Batch, part: Rows) -> Stored:
        drawn = batch.draw(part)
        chosen = drawn.indices.to(self.samples.device, non_blocking=True)
        return self.samples[chosen], self._labels(drawn, chosen)

    def labels(self, batch: Batch, part: Rows) -> Tensor | None:
        drawn = batch.draw(part)
        return self._labels(drawn, drawn.indices.to(self.samples.device, non_blocking=True))

    def _labels(self, drawn: Drawn, chosen: Tensor) -> Tensor | None:
        if drawn.conditions is not None:
            return drawn.conditions.to(self.samples.device, non_blocking=True)
        return None if self.kept is None else self.kept[chosen]


class _Stream:
    """Decodes a batch when it is read; worker processes decode ahead what will be read next.

    Which batches that is follows from the past: most losses read real data in D's updates and not
    in G's. A wrong guess costs time and changes no number. A batch that no worker has decoded is
    decoded in this process, and so are all where there are no workers. A data set with `rows`, as
    the decoded cache, reads whole batches and needs none.
    """

    def __init__(
        self,
        dataset: Dataset,
        device: torch.device,
        rows: Rows,
        batch_size: int,
        players: Sequence[str],
        workers: int,
    ) -> None:
        self.dataset = dataset
        self.workers = 0 if hasattr(dataset, "decoded_rows") else workers
        self.spec = dataset.spec
        self.device = device
        self.rows = rows
        self.history = _ReadHistory(batch_size, players)
        self.latest: tuple[Order, int] | None = None
        self.latest_was_read = False
        self.ahead: _ReadAhead | None = None
        self.loader: Iterator[Any] | None = None
        self.encoded = False

    def restart(self) -> None:
        """Drop what was decoded ahead: it is of another order or place."""
        self.ahead = self.loader = self.latest = None

    def expect(self, batch: Batch) -> None:
        """Note that an update begins: the one before has read its batch by now, or never will."""
        if self.latest is not None and not self.latest_was_read:
            self.history.add(self.latest[1], was_read=False)
        self.latest, self.latest_was_read = (batch.order, batch.position), False

    def held(self) -> list[Tensor]:
        return []

    def read(self, batch: Batch, part: Rows) -> Stored:
        if batch.loaded is None:
            batch.loaded = self._load(batch)
        samples, labels = batch.loaded
        rows = slice(part.first, part.first + part.count)
        return samples[rows], None if labels is None else labels[rows]

    def labels(self, batch: Batch, part: Rows) -> Tensor | None:
        return self.read(batch, part)[1]

    def _load(self, batch: Batch) -> Stored:
        """Return this process's rows of a batch in stored form, on the device."""
        drawn = batch.draw(Rows(0, self.rows.count))
        found = self._prefetched(batch)
        if found is None:
            found = rows_of(self.dataset, drawn.indices.tolist())
        if isinstance(found, GanzooError):
            raise found
        samples, labels = found
        check_form(samples, labels, self.spec)
        if drawn.conditions is not None:
            labels = drawn.conditions
        if (batch.order, batch.position) == self.latest:
            self.latest_was_read = True
        self.history.add(batch.position, was_read=True)
        self._read_ahead()
        labels = None if labels is None else labels.to(self.device, non_blocking=True)
        return samples.to(self.device, non_blocking=True), labels

    def _prefetched(self, batch: Batch) -> Any:
        """Return what a worker made of a batch, or None; drop what was decoded for earlier ones."""
        if self.ahead is None or self.loader is None or batch.order != self.ahead.order:
            return None
        pending = self.ahead.pending
        while pending and pending[0] <= batch.position:
            position, found = pending.popleft(), self._next(self.loader)
            if position == batch.position:
                return found
        return None

    def _read_ahead(self) -> None:
        """Start workers for the players that read their batches; end workers without work."""
        if self.ahead is not None and not self.ahead.pending:
            self.ahead = self.loader = None
        if not self.workers or self.ahead is not None or self.latest is None:
            return
        if max(self.history.in_a_row.values()) >= READS_IN_A_ROW:
            order, position = self.latest
            first = position + self.history.batch_size
            self.ahead = _ReadAhead(self.history, order, self.rows, first)
            pin = self.device.type == "cuda"
            self.loader = read_by_workers(self.dataset, self.ahead, self.workers, pin)

    def _next(self, loader: Iterator[Any]) -> Any:
        """Return the loader's next batch, or raise the data set's or torch's error."""
        try:
            return next(loader)
        except (OSError, EOFError) as error:
            if "in DataLoader worker process" in str(error):  # the data set's own
                raise
            # A killed worker breaks its connection. A second call makes torch name the worker.
            return next(loader)


class _ReadHistory:
    """Predicts from the updates so far whether the update at a position will read its batch."""

    def __init__(self, batch_size: int, players: Sequence[str]) -> None:
        self.batch_size = batch_size
        self.players = players
        self.in_a_row: Counter[str] = Counter()

    def add(self, position: int, *, was_read: bool) -> None:
        """Record an update."""
        player = self._player(position)
        self.in_a_row[player] = self.in_a_row[player] + 1 if was_read else 0

    def expects(self, position: int) -> bool:
        return self.in_a_row[self._player(position)] >= READS_IN_A_ROW

    def _player(self, position: int) -> str:
        return self.players[position // self.batch_size % len(self.players)]


class _ReadAhead:
    """A batch sampler: the indices of the batches that are expected to be read, from a position."""

    def __init__(self, history: _ReadHistory, order: Order, rows: Rows, position: int) -> None:
        self.history, self.order, self.rows, self.position = history, order, rows, position
        self.pending: deque[int] = deque()
        """Positions that the workers were given and whose batches are not taken yet."""

    def __iter__(self) -> Iterator[list[int]]:
        return self

    def __next__(self) -> list[int]:
        for _ in self.history.players:
            position = self.position
            self.position += self.history.batch_size
            if self.history.expects(position):
                self.pending.append(position)
                return self.order.indices(position + self.rows.first, self.rows.count).tolist()
        raise StopIteration


def workers_for(asked: int | Literal["auto"], world_size: int) -> int:
    """Return the number of workers of this process; ``auto``: its share of the cores, at most 8."""
    if asked != "auto":
        return asked
    # torchrun says how many processes of the run are on this machine; others have it for all.
    here = int(os.environ.get("LOCAL_WORLD_SIZE", world_size))
    return min(MOST_WORKERS, max(1, usable_cores() // here))


def usable_cores() -> int:
    """Return the number of CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def read_by_workers(
    dataset: Dataset, batches: Iterable[list[int]], workers: int, pin_memory: bool = False
) -> Iterator[Any]:
    """Return batches of samples (`Stored`), or the error of one, in order, read by processes."""
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "This DataLoader will create"
        )  # more than cores, as asked
        loader: DataLoader[Any] = DataLoader(
            _ErrorCapturingDataset(dataset),  # type: ignore[arg-type]
            batch_sampler=batches,
            num_workers=workers,
            collate_fn=_collate_or_error,
            pin_memory=pin_memory,
            persistent_workers=True,
            # Without its own, torch seeds the workers from the default generator, and the next
            # dropout of this step would depend on whether workers were started in it.
            generator=torch.Generator(),
        )
        return iter(loader)


class _ErrorCapturingDataset:
    """A data set that returns its errors: torch would wrap a worker's traceback in their text."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def __getitem__(self, index: int) -> tuple[Tensor, int | Tensor | None] | GanzooError:
        try:
            return row_of(self.dataset, index)
        except GanzooError as error:
            return error
        except Exception as error:
            if culprit(error):
                return PluginError(f"sample {index} cannot be read: {failure(error)}")
            raise

    def __len__(self) -> int:
        return len(self.dataset)


def _collate_or_error(rows: Sequence[Any]) -> Any:
    """Return `collate`'s batch, or the first error among the rows."""
    errors = [row for row in rows if isinstance(row, GanzooError)]
    return errors[0] if errors else collate(rows)
