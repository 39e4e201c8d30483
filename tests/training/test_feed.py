"""The order of training data, and what an update is given of it."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from ganzoo.api import SampleSpec
from ganzoo.components.data import labels_of, tensors_of
from ganzoo.errors import DataError
from ganzoo.sampling.random_streams import CPU, Rows
from ganzoo.training.feed import DataFeed, Order


class Numbers:
    """Ten 1x8x8 images whose pixels are their index."""

    spec = SampleSpec("image", (1, 8, 8), classes=2)

    def __init__(self, length: int = 10) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return torch.full((1, 8, 8), index, dtype=torch.uint8), index % 2


def make_feed(**given: object) -> DataFeed:
    settings = {
        "seed": 0, "rows": Rows(0, 4), "batch_size": 4, "position": 0, "device": CPU,
        "in_memory": True, "with_labels": False,
    }  # fmt: skip
    return DataFeed(Numbers(), **(settings | given))  # type: ignore[arg-type]


def indices(feed: DataFeed) -> list[int]:
    samples, _ = feed.next().part(Rows(0, feed.rows.count))
    return ((samples[:, 0, 0, 0] + 1) * 127.5).round().int().tolist()


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


def test_what_a_worker_cannot_read_is_told_in_the_words_of_the_data_set() -> None:
    feed = DataFeed(
        Torn(),
        seed=0,
        rows=Rows(0, 10),
        batch_size=10,
        position=0,
        device=CPU,
        in_memory=False,
        with_labels=False,
    )
    with pytest.raises(DataError) as caught:
        feed.next()
    assert (caught.value.message, caught.value.hint) == ("photo-7.png is torn", "remove it")
