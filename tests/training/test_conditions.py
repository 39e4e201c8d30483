"""Data with a condition, and data sets that draw their rows: what training and sampling get."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.api import Column, Noise, SampleSpec
from ganzoo.components.data import tensors_of
from ganzoo.errors import DataError
from ganzoo.nn import encode
from ganzoo.sampling.random_streams import CPU, BatchNoise, RandomStreams, Rows
from ganzoo.sampling.sampler import ConditionSampler, Sampler
from ganzoo.training.feed import DataFeed

PAIR = SampleSpec("image", (1, 4, 4), condition=SampleSpec("image", (1, 2, 2)))
TABLE = SampleSpec("vector", (1,), condition=SampleSpec("vector", (3,)))


class Pairs:
    """Images whose pixels are their index, and conditions with twice that value."""

    spec = PAIR

    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor | None]:
        pixels = torch.full((1, 4, 4), index, dtype=torch.uint8)
        return pixels, torch.full((1, 2, 2), 2 * index, dtype=torch.uint8)


class Drawn:
    """Vectors that are their index. A batch has rows of one third of the data, drawn by chance."""

    spec = TABLE

    def __len__(self) -> int:
        return 30

    def __getitem__(self, index: int) -> tuple[Tensor, None]:
        return torch.tensor([float(index)]), None

    def draw(self, noise: Noise, n: int) -> tuple[Tensor, Tensor | None]:
        third = (noise.uniform("third")[:, None] * 3).long()
        row = (noise.uniform("row")[:, None] * 10).long()
        return (10 * third + row)[:, 0], nn.functional.one_hot(third[:, 0], 3).float()


class DrawnRows(Pairs):
    """Pairs of which only even rows are drawn, with the conditions of those rows."""

    def draw(self, noise: Noise, n: int) -> tuple[Tensor, Tensor | None]:
        return 2 * (5 * noise.uniform("row")).long(), None


def feed(dataset: Any, **given: Any) -> DataFeed:
    settings = {
        "seed": 0, "rows": Rows(0, 4), "batch_size": 4, "position": 0, "device": CPU,
        "in_memory": True, "with_labels": True,
    }  # fmt: skip
    return DataFeed(dataset, **(settings | given))


def levels(images: Tensor) -> list[int]:
    """Return the first pixel of each image, as stored."""
    return ((images.flatten(1)[:, 0] + 1) * 127.5).round().int().tolist()


def whole(made: DataFeed) -> tuple[Tensor, Tensor]:
    samples, conditions = made.next().part(Rows(0, made.rows.count))
    assert conditions is not None
    return samples, conditions


memory_or_stream = pytest.mark.parametrize("in_memory", [True, False], ids=["memory", "stream"])


# --- the real batch ---


@memory_or_stream
def test_a_batch_has_the_condition_of_each_sample_in_model_form(in_memory: bool) -> None:
    made = feed(Pairs(), in_memory=in_memory)
    for _ in range(6):
        samples, conditions = whole(made)
        assert conditions.shape == (4, 1, 2, 2)
        assert levels(conditions) == [2 * level for level in levels(samples)]


def test_an_unconditional_recipe_gets_no_condition() -> None:
    assert feed(Pairs(), with_labels=False).next().part(Rows(0, 4))[1] is None


class Mixed:
    """A table of numbers in two modes, and a category by which rows are asked for."""

    spec = SampleSpec(
        "table",
        (2,),
        columns=(
            Column("size", "float", modes=((0.5, 0.0, 1.0), (0.5, 9.0, 2.0)), missing=True),
            Column("colour", "category", ("red", "green", "blue")),
        ),
        condition=SampleSpec(
            "table", (1,), columns=(Column("colour", "category", ("r", "g", "b")),)
        ),
    )

    def __len__(self) -> int:
        return 30

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor | None]:
        size = math.nan if index == 7 else 0.37 * index
        row = torch.tensor([size, index % 3], dtype=torch.float64)
        return row, row[1:]


@pytest.mark.parametrize("kept", [0, 30 * 7 * 4], ids=["stored", "model form"])
def test_rows_of_a_table_are_the_same_encoded_once_or_in_each_batch(
    kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganzoo.training.feed.ENCODED_BYTES", kept)
    memory, stream = feed(Mixed()), feed(Mixed(), in_memory=False)
    assert memory.held()[0].shape[1] == (Mixed.spec.size if kept else 2)
    for _ in range(9):
        for found, wanted in zip(whole(memory), whole(stream), strict=True):
            assert torch.equal(found, wanted)


@memory_or_stream
def test_conditions_read_without_samples_are_those_of_the_samples(in_memory: bool) -> None:
    batch = feed(Pairs(), in_memory=in_memory).next()
    alone = batch.conditions(Rows(1, 2))
    samples, conditions = batch.part(Rows(1, 2))
    assert conditions is alone
    assert levels(alone) == [2 * level for level in levels(samples)]


@memory_or_stream
def test_a_sample_and_its_condition_are_mirrored_together(in_memory: bool) -> None:
    class Ramps(Pairs):
        mirror = True

        def __len__(self) -> int:
            return 64

        def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
            ramp = torch.arange(4, dtype=torch.uint8)
            return ramp.expand(1, 4, 4).clone(), ramp[:2].expand(1, 2, 2).clone()

    made = feed(Ramps(), rows=Rows(0, 64), batch_size=64, in_memory=in_memory)
    samples, conditions = whole(made)
    rising = samples[:, 0, 0, 0] < samples[:, 0, 0, -1]
    assert 16 < int(rising.sum()) < 48
    assert torch.equal(rising, conditions[:, 0, 0, 0] < conditions[:, 0, 0, -1])


def test_a_condition_that_cannot_be_mirrored_stays_as_it_is() -> None:
    class Tagged(Pairs):
        spec = SampleSpec("image", (1, 4, 4), condition=SampleSpec("vector", (2,)))
        mirror = True

        def __len__(self) -> int:
            return 64

        def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
            ramp = torch.arange(4, dtype=torch.uint8)
            return ramp.expand(1, 4, 4).clone(), torch.tensor([0.0, 1.0])

    samples, conditions = whole(feed(Tagged(), rows=Rows(0, 64), batch_size=64))
    assert 16 < int((samples[:, 0, 0, 0] < samples[:, 0, 0, -1]).sum()) < 48
    assert torch.equal(conditions, torch.tensor([0.0, 1.0]).expand(64, 2))


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        (None, "not every sample has one"),
        (torch.zeros(1, 2, 2), r"condition image 1x2x2 as uint8, but gives \(1, 2, 2\) as float32"),
        (torch.zeros(1, 3, 3, dtype=torch.uint8), r"gives \(1, 3, 3\) as uint8"),
    ],
)
@memory_or_stream
def test_a_condition_of_another_form_is_refused(
    in_memory: bool, condition: Tensor | None, said: str
) -> None:
    class Wrong(Pairs):
        def __getitem__(self, index: int) -> tuple[Tensor, Tensor | None]:
            return super().__getitem__(index)[0], condition

    with pytest.raises(DataError, match=said):
        whole(feed(Wrong(), in_memory=in_memory))


# --- draws ---


@memory_or_stream
@pytest.mark.parametrize("dataset", [Drawn, DrawnRows])
def test_drawn_batches_are_the_same_from_memory_from_a_stream_and_on_resume(
    dataset: Any, in_memory: bool
) -> None:
    straight = feed(dataset())
    expected = [whole(straight) for _ in range(8)]
    made = feed(dataset(), in_memory=in_memory)
    assert_same([whole(made) for _ in range(8)], expected)
    resumed = feed(dataset(), in_memory=in_memory, position=20)
    assert_same([whole(resumed) for _ in range(3)], expected[5:])


def assert_same(found: list[tuple[Tensor, Tensor]], expected: list[tuple[Tensor, Tensor]]) -> None:
    for (samples, conditions), (wanted, wanted_conditions) in zip(found, expected, strict=True):
        assert torch.equal(samples, wanted)
        assert torch.equal(conditions, wanted_conditions)


@memory_or_stream
@pytest.mark.parametrize("dataset", [Drawn, DrawnRows])
def test_a_drawn_batch_is_split_over_ranks_and_micro_batches(dataset: Any, in_memory: bool) -> None:
    size = 256  # more than one block of noise
    samples, conditions = whole(feed(dataset(), rows=Rows(0, size), batch_size=size))
    parts = []
    for rank in (0, 1):
        rows = Rows(rank * size // 2, size // 2)
        batch = feed(dataset(), rows=rows, batch_size=size, in_memory=in_memory).next()
        parts += [batch.part(Rows(first, 64)) for first in (0, 64)]
    assert torch.equal(torch.cat([each for each, _ in parts]), samples)
    assert torch.equal(torch.cat([y for _, y in parts if y is not None]), conditions)


def test_a_drawn_condition_replaces_that_of_the_row() -> None:
    samples, conditions = whole(feed(Drawn(), rows=Rows(0, 64), batch_size=64))
    assert torch.equal(conditions.argmax(1), samples[:, 0].long() // 10)


def test_drawn_rows_without_conditions_keep_their_own() -> None:
    samples, conditions = whole(feed(DrawnRows(), rows=Rows(0, 64), batch_size=64))
    assert {level % 2 for level in levels(samples)} == {0}
    assert levels(conditions) == [2 * level for level in levels(samples)]


def test_each_batch_and_each_rollback_draws_new_rows() -> None:
    made = feed(Drawn(), rows=Rows(0, 32), batch_size=32)
    first, second = whole(made)[0], whole(made)[0]
    made.go_to(0, rollbacks=1)
    assert not torch.equal(first, second)
    assert not torch.equal(first, whole(made)[0])


@pytest.mark.parametrize(
    ("drawn", "said"),
    [
        ((torch.full((4,), 30), None), "row 30 of 30"),
        ((torch.zeros(4), None), r"float32 \(4,\), not int64"),
        ((torch.zeros(3, dtype=torch.int64), None), r"\(3,\), not int64 \(4,\)"),
        ((torch.zeros(4, dtype=torch.int64), torch.zeros(4, 2)), r"\(2,\) as float32"),
        ((torch.zeros(4, dtype=torch.int64), None), "not every sample has one"),
    ],
)
@memory_or_stream
def test_a_draw_of_another_form_is_refused(in_memory: bool, drawn: Any, said: str) -> None:
    class Wrong(Drawn):
        def draw(self, noise: Noise, n: int) -> Any:
            return drawn

    with pytest.raises(DataError, match=said):
        whole(feed(Wrong(), in_memory=in_memory))


# --- sampling ---


class Echo(nn.Module):
    """Samples that are their condition, enlarged."""

    latent_dim = 2

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        return y.repeat_interleave(2, -1).repeat_interleave(2, -2)


class Zeros:
    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        return torch.zeros(n, 2)


def echo(dataset: Any) -> Sampler:
    return Sampler(Echo(), PAIR, Zeros(), ConditionSampler(lambda: dataset))


def test_each_condition_is_used_once_before_any_is_repeated() -> None:
    samples = echo(Pairs()).sample(20, seed=3)[:, 0, 0, 0].tolist()
    assert sorted(samples[:10]) == list(range(0, 20, 2))
    assert samples[10:] == samples[:10]
    assert samples != echo(Pairs()).sample(20, seed=4)[:, 0, 0, 0].tolist()


def test_sample_batches_include_their_conditions_in_stored_form_on_every_rank() -> None:
    made = echo(Pairs())
    whole = made.sample(600, seed=1)
    shares = [list(made.batches(600, seed=1, rank=rank, world_size=2)) for rank in (0, 1)]
    assert torch.equal(shares[1][0][0], whole[256:512])
    for samples, conditions in shares[0] + shares[1]:
        assert conditions is not None
        assert conditions.dtype == torch.uint8
        assert torch.equal(samples[:, :, ::2, ::2], conditions)


def test_given_conditions_are_used_in_turn() -> None:
    given = torch.tensor([5, 6, 7], dtype=torch.uint8).view(3, 1, 1, 1).expand(3, 1, 2, 2)
    assert echo(Pairs()).sample(5, labels=given)[:, 0, 0, 0].tolist() == [5, 6, 7, 5, 6]


def test_an_interpolation_keeps_the_condition_of_its_first_sample() -> None:
    made = echo(Pairs())
    walks = made.interpolate(2, 3, seed=5)[:, 0, 0, 0].view(2, 3)
    assert torch.equal(walks, made.sample(2, seed=5)[:, 0, 0, 0, None].expand(2, 3))


def test_samples_get_their_conditions_from_the_draw_of_the_data_set() -> None:
    noise = BatchNoise(RandomStreams(7), "sample", 0, Rows(0, 300))
    found = ConditionSampler(Drawn).draw(noise)
    assert found.sum(0).gt(60).all()
    later = replace(noise, rows=Rows(200, 100))
    assert torch.equal(ConditionSampler(Drawn).draw(later), found[200:])


def test_sampled_conditions_are_those_of_the_rows_and_not_of_the_draw_for_training() -> None:
    noise = BatchNoise(RandomStreams(7), "sample", 0, Rows(0, 20))
    rows = ConditionSampler(DrawnRows).draw(noise)
    assert sorted(rows[:10, 0, 0, 0].tolist()) == list(range(0, 20, 2))


def test_reading_all_samples_of_a_data_set_returns_their_conditions() -> None:
    samples, conditions = tensors_of(Pairs())
    assert conditions is not None
    assert encode(PAIR, samples).shape == (10, 1, 4, 4)
    assert conditions[:, 0, 0, 0].tolist() == list(range(0, 20, 2))
