"""What every data set without a download has to fulfil."""

import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from ganzoo_zoo.datasets.digits import Digits, StackedDigits
from ganzoo_zoo.datasets.gaussians import Gaussians
from ganzoo_zoo.datasets.shapes import Shapes

from ganzoo.api import Dataset
from ganzoo.errors import DataError

Make = Callable[[str], Any]
MAKERS = {
    "digits": lambda split: Digits(split, size=16),
    "stacked-digits": lambda split: StackedDigits(split, length=300),
    "shapes": lambda split: Shapes(split, size=(12, 20), length=300),
    "ring": lambda split: Gaussians(split, length=300),
    "grid": lambda split: Gaussians(split, layout="grid", length=300),
}
every = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


@every
def test_samples_are_what_the_spec_declares(make: Make) -> None:
    data: Dataset = make("train")
    samples, labels = make("train").tensors()
    assert samples.shape == (len(data), *data.spec.shape)
    assert str(samples.dtype) == f"torch.{data.spec.stored_dtype}"
    assert labels.dtype == torch.int64
    assert labels.min() >= 0
    assert labels.max() < data.spec.classes


@every
def test_single_samples_agree_with_all_of_them(make: Make) -> None:
    data = make("train")
    samples, labels = data.tensors()
    for index in (0, 1, 7, len(data) - 1, -1):
        sample, label = data[index]
        assert type(label) is int
        assert torch.equal(sample, samples[index])
        assert label == labels[index]


@every
def test_a_copy_made_by_pickle_gives_the_same_samples(make: Make) -> None:
    data = make("test")
    copy = pickle.loads(pickle.dumps(data))  # noqa: S301 - our own bytes
    assert all(torch.equal(a, b) for a, b in zip(data.tensors(), copy.tensors(), strict=True))


@every
def test_a_loop_ends_after_the_last_sample(make: Make) -> None:
    data = make("train")
    assert sum(1 for _ in data) == len(data)


@every
def test_splits_share_no_sample(make: Make) -> None:
    train, test = (set(map(repr, make(split).tensors()[0].tolist())) for split in ("train", "test"))
    assert not train & test


@every
def test_returned_tensors_are_copies(make: Make) -> None:
    data = make("train")
    before = data.tensors()[0].clone()
    data.tensors()[0].zero_()
    data[0][0].zero_()
    assert torch.equal(data.tensors()[0], before)


@every
def test_an_unknown_split_is_an_error_that_names_the_splits(make: Make) -> None:
    with pytest.raises(DataError, match=r"no split 'validation'; it has train, test"):
        make("validation")
