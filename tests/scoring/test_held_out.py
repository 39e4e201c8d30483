"""The held-out samples that metrics put beside generated ones."""

from dataclasses import replace

import torch

from ganzoo.api import Evaluated


def side(count: int) -> Evaluated:
    return Evaluated(features=torch.zeros(count, 2), samples=torch.zeros(count, 2))


def test_held_out_samples_are_those_of_the_split_test() -> None:
    train, test = side(3), side(2)
    real = replace(train, splits={"train": train, "test": test})
    assert real.held_out() is test
    assert real.held_out(train) is test


def test_no_held_out_samples_without_a_split_or_its_samples() -> None:
    assert side(3).held_out() is None
    assert replace(side(3), splits={"test": side(0)}).held_out() is None


def test_held_out_samples_are_never_compared_with_themselves() -> None:
    splits: dict[str, Evaluated] = {}
    real = replace(side(2), splits=splits)
    splits |= {"train": side(3), "test": real}  # eval.reference: test
    assert real.held_out() is None
    assert real.held_out(real.splits["train"]) is real
