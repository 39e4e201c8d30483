"""The order of training data, and what an update is given of it."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ganzoo.api import Dataset, SampleSpec
from ganzoo.components.data import labels_of, tensors_of
from ganzoo.errors import DataError
from ganzoo.sampling.random_streams import CPU, Rows
from ganzoo.training.assemble import make_step
from ganzoo.training.feed import READS_IN_A_ROW, Batch, DataFeed, Order
from ganzoo.training.processes import Processes

from .recipes import small_plan


class Numbers:
    """1x8x8 images whose pixels are their index, up to 255."""

    spec = SampleSpec("image", (1, 8, 8), classes=2)

    def __init__(self, length: int = 10) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return torch.full((1, 8, 8), index, dtype=torch.uint8), index % 2


def make_feed(dataset: Numbers | None = None, **given: object) -> DataFeed:
    settings = {
        "seed": 0, "rows": Rows(0, 4), "batch_size": 4, "position": 0, "device": CPU,
        "in_memory": True, "with_labels": False, "workers": 2,
    }  # fmt: skip
    return DataFeed(dataset or Numbers(), **(settings | given))  # type: ignore[arg-type]


def values(batch: Batch) -> list[int]:
    """Return the pixels of a batch of `Numbers`, which are the indices of its samples."""
    samples, _ = batch.part(Rows(0, batch.feed.rows.count))
    return ((samples[:, 0, 0, 0] + 1) * 127.5).round().int().tolist()


def indices(feed: DataFeed) -> list[int]:
    """Return the indices of the samples of the next batch."""
    return values(feed.next())


def test_every_epoch_shows_every_sample_once_in_an_order_of_its_own() -> None:
    order = Order(seed=0, size=10)
    epochs = [order.indices(first, 10).tolist() for first in (0, 10, 20)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_batches_across_an_epochs_end_lose_and_repeat_nothing() -> None:
    feed = make_feed()
    shown = [index for _ in range(5) for index in indices(feed)]
    assert sorted(shown[:10]) == sorted(shown[10:]) == list(range(10))


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_feed_that_begins_later_goes_on_with_the_same_order(in_memory: bool) -> None:
    straight = make_feed()
    later = [indices(straight) for _ in range(6)][4:]
    resumed = make_feed(position=16, in_memory=in_memory)
    assert [indices(resumed) for _ in range(2)] == later


def test_two_ranks_share_out_the_batch_of_one() -> None:
    whole = indices(make_feed())
    halves = [indices(make_feed(rows=Rows(first, 2))) for first in (0, 2)]
    assert halves[0] + halves[1] == whole


def test_labels_come_with_their_samples() -> None:
    samples, labels = make_feed(with_labels=True).next().part(Rows(0, 4))
    values = ((samples[:, 0, 0, 0] + 1) * 127.5).round().long()
    assert labels is not None
    assert torch.equal(labels, values % 2)


def test_mirroring_flips_some_images_and_not_others() -> None:
    class Ramp(Numbers):
        mirror = True

        def __getitem__(self, index: int) -> tuple[Tensor, int]:
            return torch.arange(8, dtype=torch.uint8).expand(1, 8, 8).clone(), 0

    feed = DataFeed(
        Ramp(64), seed=0, rows=Rows(0, 64), batch_size=64, position=0, device=CPU,
        in_memory=True, with_labels=False,
    )  # fmt: skip
    samples, _ = feed.next().part(Rows(0, 64))
    rising = int((samples[:, 0, 0, 0] < samples[:, 0, 0, -1]).sum())
    assert 16 < rising < 48


def with_spec(spec: SampleSpec) -> Callable[[], Numbers]:
    def make() -> Numbers:
        numbers = Numbers()
        numbers.spec = spec  # type: ignore[misc]
        return numbers

    return make


@pytest.mark.parametrize(
    "spec",
    [SampleSpec("image", (3, 8, 8)), SampleSpec("image", (1, 8, 9)), SampleSpec("vector", (64,))],
)
def test_data_that_is_not_what_its_spec_says_is_refused(spec: SampleSpec) -> None:
    with pytest.raises(DataError, match="declares"):
        tensors_of(with_spec(spec)())


def test_labels_are_found_where_there_is_no_list_of_them() -> None:
    assert labels_of(Numbers()).tolist() == [0, 1] * 5


class Torn(Numbers):
    """One sample of them cannot be read."""

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        if index == 7:
            raise DataError("photo-7.png is torn", hint="remove it")
        return super().__getitem__(index)


@pytest.mark.parametrize("before", [0, 4])
def test_a_sample_that_cannot_be_read_is_reported_in_the_words_of_the_data_set(before: int) -> None:
    """By this process, which decodes the first batches, or by a worker, which decodes later."""
    torn = Order(seed=0, size=10).indices(0, 10).tolist().index(7)
    feed = make_feed(Torn(), rows=Rows(0, 1), batch_size=1, position=torn - before, in_memory=False)
    for _ in range(before):
        indices(feed)
    with pytest.raises(DataError) as caught:
        indices(feed)
    assert (caught.value.message, caught.value.hint) == ("photo-7.png is torn", "remove it")


# --- batches are read on demand ---


class Counted(Numbers):
    """Counts how often each sample is decoded: by this process, and by all processes."""

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.here, self.anywhere = (torch.zeros(length).share_memory_() for _ in range(2))
        self.owner = os.getpid()

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        self.anywhere[index] += 1
        self.here[index] += os.getpid() == self.owner
        return super().__getitem__(index)


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_batch_keeps_its_samples_while_others_are_read(in_memory: bool) -> None:
    straight = make_feed(Numbers(100))
    expected = [indices(straight) for _ in range(12)]
    feed = make_feed(Numbers(100), in_memory=in_memory)
    batches = [feed.next() for _ in range(12)]
    backwards = [values(batch) for batch in reversed(batches)]
    assert backwards[::-1] == expected
    assert [values(batch) for batch in batches] == expected


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_batch_keeps_its_samples_when_the_run_goes_back(in_memory: bool) -> None:
    feed = make_feed(Numbers(100), in_memory=in_memory)
    first = [indices(feed) for _ in range(4)]
    held = feed.next()
    feed.go_to(0, rollbacks=1)
    again = [indices(feed) for _ in range(3)]
    assert values(held) == indices(make_feed(Numbers(100), position=held.position))
    again += [indices(feed) for _ in range(3)]
    other = make_feed(Numbers(100))
    other.go_to(0, rollbacks=1)
    assert again == [indices(other) for _ in range(6)]
    assert again[:4] != first


def test_workers_decode_ahead_again_after_a_run_went_back() -> None:
    data = Counted(100)
    feed = make_feed(data, in_memory=False, players=("discriminator",))
    for _ in range(4):
        indices(feed)
    feed.go_to(0, rollbacks=1)
    for _ in range(4):
        indices(feed)
    assert data.here.sum() == (READS_IN_A_ROW + 1) * 4


def test_unread_batches_decode_nothing() -> None:
    data = Counted(100)
    feed = make_feed(data, in_memory=False)
    for _ in range(10):
        feed.next()
    assert data.anywhere.sum() == 0


def test_the_micro_batches_of_a_batch_decode_it_once() -> None:
    data = Counted(100)
    batch = make_feed(data, in_memory=False).next()
    for first in (0, 2, 0):
        batch.part(Rows(first, 2))
    assert data.anywhere.sum() == 4


def test_workers_decode_ahead_for_the_players_that_read_their_batches() -> None:
    data = Counted(240)
    feed = make_feed(data, in_memory=False, players=("discriminator", "generator"))
    for _ in range(20):
        indices(feed)  # D's
        feed.next()  # G's
    assert data.here.sum() == READS_IN_A_ROW * 4
    order = feed.order.indices(0, 240).view(30, 2, 4)
    assert data.anywhere[order[:20, 0]].eq(1).all()
    assert data.anywhere[order[:, 1]].eq(0).all()


def test_a_player_that_begins_or_ceases_to_read_changes_no_sample() -> None:
    straight = make_feed(Numbers(240))
    expected = [indices(straight) for _ in range(100)]
    feed = make_feed(Numbers(240), in_memory=False)
    readers = [readers for readers in ("D", "DG", "G", "", "DG") for _ in range(10)]
    for step, reading in enumerate(readers):
        for player, letter in enumerate("DG"):
            batch = feed.next()
            if letter in reading:
                assert values(batch) == expected[2 * step + player]


def test_starting_workers_takes_nothing_from_torchs_default_generator() -> None:
    feed = make_feed(Numbers(100), in_memory=False)
    before = torch.get_rng_state()
    for _ in range(5):
        indices(feed)
    assert torch.equal(torch.get_rng_state(), before)


class CountedDigits:
    """The digits, with a note of which of them were decoded, by any process."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset, self.spec = dataset, dataset.spec
        self.decoded = torch.zeros(len(dataset)).share_memory_()

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[Tensor, int | None]:
        self.decoded[index] += 1
        return self.dataset[index]


@pytest.mark.parametrize("g_reads", [False, True])
def test_a_run_decodes_what_its_loss_reads(tmp_path: Path, g_reads: bool) -> None:
    plan = small_plan(tmp_path, {"train.data": "stream"})
    digits = CountedDigits(plan.dataset)
    step = make_step(replace(plan, dataset=digits), Processes(CPU))
    if g_reads:
        loss = lambda game: {"gap": (game.real_logits - game.fake_logits).mean()}  # noqa: E731
        step.parts.loss.generator = loss
    for _ in range(6):
        step()
    steps = len(digits) // 32
    d, g = step.feed.order.indices(0, steps * 32).view(steps, 2, 16).unbind(1)
    assert digits.decoded[d[:6]].eq(1).all()
    assert digits.decoded[g[:6]].eq(float(g_reads)).all()
    assert digits.decoded[g[6:]].any() <= g_reads
