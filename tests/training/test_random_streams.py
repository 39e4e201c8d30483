"""Noise depends on seed, stream, step and global sample index, and on nothing else."""

import pytest
import torch

from ganzoo.sampling.random_streams import BatchNoise, RandomStreams, Rows


def noise(seed: int = 0, step: int = 3, first: int = 0, count: int = 300) -> BatchNoise:
    return BatchNoise(RandomStreams(seed), "generator0", step, Rows(first, count))


@pytest.mark.parametrize(("first", "count"), [(0, 300), (5, 7), (120, 20), (256, 44), (127, 2)])
def test_rows_drawn_alone_equal_the_same_rows_of_the_whole_batch(first: int, count: int) -> None:
    whole = noise().normal("z", 3)
    part = noise(first=first, count=count).normal("z", 3)
    assert torch.equal(part, whole[first : first + count])


def test_every_part_of_the_key_changes_the_numbers() -> None:
    base = noise().uniform("a", 4)
    others = [
        noise(seed=1).uniform("a", 4),
        noise(step=4).uniform("a", 4),
        noise().uniform("b", 4),
        noise().within("augment1").uniform("a", 4),
        BatchNoise(RandomStreams(0, rollbacks=1), "generator0", 3, Rows(0, 300)).uniform("a", 4),
    ]
    assert not any(torch.equal(base, other) for other in others)


def test_blocks_of_one_batch_differ() -> None:
    drawn = noise(count=256).normal("z", 2)
    assert not torch.equal(drawn[:128], drawn[128:])


@pytest.mark.parametrize("count", [25, 300, 100])
def test_batches_of_a_multiple_or_a_fraction_of_the_rows_join_to_the_whole_one(count: int) -> None:
    whole = noise(count=200).of_size(count * 2).normal("z", 3)
    parts = [noise(first=first, count=100).of_size(count).normal("z", 3) for first in (0, 100)]
    assert torch.equal(torch.cat(parts), whole)


@pytest.mark.parametrize("count", [70, 101, 250])
def test_parts_of_any_other_number_of_rows_have_noise_of_their_own(count: int) -> None:
    parts = [noise(first=first, count=100).of_size(count).normal("z") for first in (0, 100, 200)]
    assert len(torch.cat(parts).unique()) == 3 * count


def test_a_batch_without_rows_has_noise_without_rows() -> None:
    assert noise().of_size(0).normal("z", 3).shape == (0, 3)


def test_a_recorded_key_has_not_changed() -> None:
    # Another law would silently change every experiment's numbers.
    assert RandomStreams(7).key("generator0/latents", 12, 1) == 2854640914087244148
