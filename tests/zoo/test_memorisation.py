import pytest
import torch
from ganzoo_zoo.metrics.memorisation import Memorisation
from torch import Tensor

from ganzoo.api import DataError, Evaluated


def side(features: Tensor, **more: object) -> Evaluated:
    return Evaluated(features, samples=features, **more)  # type: ignore[arg-type]


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


TRAIN, TEST = normal(600, 8, seed=1), normal(600, 8, seed=2)


def real(train: Tensor = TRAIN, test: Tensor = TEST) -> Evaluated:
    return side(train, splits={"train": side(train), "test": side(test)})


def test_copies_are_detected_by_every_number_except_the_distance_to_train() -> None:
    numbers = Memorisation()(real(), side(TRAIN[torch.arange(500)]))
    assert numbers["nearest_ratio"] == 0
    assert numbers["nearer_to_train"] == 1
    assert numbers["fd_train"] < 0.3 * numbers["fd_holdout"]


def test_new_samples_of_the_distribution_are_as_near_to_one_split_as_to_the_other() -> None:
    numbers = Memorisation()(real(), side(normal(900, 8, seed=3)))
    assert numbers["nearer_to_train"] == pytest.approx(0.5, abs=4 * 0.5 / 900**0.5)
    assert numbers["nearest_ratio"] == pytest.approx(1, abs=0.03)
    assert numbers["fd_train"] == pytest.approx(numbers["fd_holdout"], rel=0.5)


def test_a_larger_split_is_cut_to_the_size_of_the_smaller() -> None:
    fake = side(normal(900, 8, seed=3))
    longer = torch.cat([TRAIN[:, None], normal(600, 1, 8, seed=4)], 1).flatten(0, 1)
    numbers = Memorisation()(real(train=longer), fake)
    assert numbers["nearer_to_train"] == pytest.approx(0.5, abs=4 * 0.5 / 900**0.5)
    assert numbers["fd_train"] == pytest.approx(numbers["fd_holdout"], rel=0.5)


def test_a_sample_in_both_splits_counts_for_neither() -> None:
    numbers = Memorisation()(real(train=TEST), side(TEST))
    assert numbers["nearest_ratio"] == 1
    assert numbers["nearer_to_train"] == 0.5


def test_the_splits_can_be_named_and_a_missing_one_is_an_error() -> None:
    with pytest.raises(DataError, match="the split 'val'; the data set has train, test"):
        Memorisation(holdout="val")(real(), side(TEST))
    with pytest.raises(DataError, match="the data set has no known splits"):
        Memorisation()(side(TRAIN), side(TEST))
