"""`paired-error` against errors computed by hand."""

import pytest
import torch
from ganzoo_zoo.metrics.paired_error import PairedError
from torch import Tensor

from ganzoo.api import Evaluated
from ganzoo.errors import DataError


def side(samples: Tensor, conditions: Tensor | None) -> Evaluated:
    return Evaluated(samples.flatten(1).float(), samples, conditions)


def images(*shape: int, seed: int) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randint(256, shape, generator=random, dtype=torch.uint8)


def test_each_sample_is_compared_with_the_truth_of_its_condition_whatever_the_order() -> None:
    truth, given = images(100, 3, 8, 8, seed=1), images(100, 3, 8, 8, seed=2)
    rows = torch.randperm(100, generator=torch.Generator().manual_seed(3))[:70]
    made = (truth[rows].int() - 3).abs().to(torch.uint8)
    found = PairedError()(side(truth, given), side(made, given[rows]))
    expected = (made.double() - truth[rows].double()).abs().mean().item()
    assert found["paired_error"] == pytest.approx(expected)
    copied = (given[rows].double() - truth[rows].double()).abs().mean().item()
    assert found["paired_error_of_input"] == pytest.approx(copied)
    mean = truth.double().mean(0)
    average = (mean - truth[rows].double()).abs().mean().item()
    assert found["paired_error_of_mean"] == pytest.approx(average, rel=1e-6)
    perfect = PairedError()(side(truth, given), side(truth[rows], given[rows]))
    assert perfect["paired_error"] == 0


def test_of_pairs_side_by_side_the_copied_input_is_the_other_half() -> None:
    both = images(20, 3, 8, 16, seed=1)
    found = PairedError()(side(both, both), side(both, both))
    a, b = both.double().chunk(2, 3)
    assert found["paired_error"] == 0
    assert found["paired_error_of_input"] == pytest.approx((a - b).abs().mean().item())


def test_a_small_grey_condition_is_enlarged_to_be_copied() -> None:
    truth = torch.full((4, 3, 8, 8), 100, dtype=torch.uint8)
    given = torch.tensor([90, 80, 70, 60], dtype=torch.uint8).view(4, 1, 1, 1).expand(4, 1, 2, 2)
    found = PairedError()(side(truth, given), side(truth, given))
    assert found["paired_error_of_input"] == pytest.approx(25)


def test_what_it_needs_is_said() -> None:
    truth, given = images(9, 3, 8, 8, seed=1), images(9, 3, 8, 8, seed=2)
    for wrong in (None, torch.arange(9)):
        with pytest.raises(DataError, match="images with images as conditions"):
            PairedError()(side(truth, given), side(truth, wrong))
    with pytest.raises(DataError, match="conditions of the reference"):
        PairedError()(side(truth, given), side(truth, images(9, 3, 8, 8, seed=3)))
