import math

import pytest
import torch
from ganzoo_zoo.datasets.digits import StackedDigits
from ganzoo_zoo.datasets.gaussians import Gaussians
from ganzoo_zoo.metrics.modes import Modes, StackedModes, StackedModesByNeighbour, within
from torch import Tensor

from ganzoo.api import Evaluated
from ganzoo.errors import DataError


def side(samples: Tensor, labels: Tensor | None = None) -> Evaluated:
    return Evaluated(features=samples.float().flatten(1), samples=samples, labels=labels)


@pytest.fixture(scope="module")
def grid() -> Evaluated:
    return side(*Gaussians("train", layout="grid", length=25_000).tensors())


def test_a_perfect_sampler_of_the_plane_scores_one_minus_exp_of_minus_nine_halves(
    grid: Evaluated,
) -> None:
    fake = side(Gaussians("test", layout="grid", length=25_000).tensors()[0])
    numbers = Modes()(grid, fake)
    assert numbers["modes_covered"] == numbers["modes_total"] == 25
    # Binomial sd of 25,000 draws: 0.0007.
    assert numbers["high_quality"] == pytest.approx(1 - math.exp(-4.5), abs=0.003)
    assert numbers["high_quality_ceiling"] == pytest.approx(1 - math.exp(-4.5))


@pytest.mark.parametrize(("dimensions", "mass"), [(1, 0.9973), (2, 0.98889), (3, 0.97071)])
def test_the_ceiling_is_the_mass_within_three_sd(dimensions: int, mass: float) -> None:
    assert within(3, dimensions) == pytest.approx(mass, abs=1e-5)


def test_dropped_modes_and_stray_samples_are_counted(grid: Evaluated) -> None:
    points, labels = Gaussians("test", layout="grid", length=25_000).tensors()
    kept = points[labels < 15]
    stray = torch.tensor([[0.5, 0.5]]).expand(len(kept), 2)
    numbers = Modes()(grid, side(torch.cat([kept, stray])))
    assert numbers["modes_covered"] == 15
    assert numbers["high_quality"] == pytest.approx((1 - math.exp(-4.5)) / 2, abs=0.003)


def test_the_reverse_kl_is_that_of_good_samples_over_modes_to_the_uniform_distribution(
    grid: Evaluated,
) -> None:
    centres = Gaussians("train", layout="grid").centres
    stray = torch.tensor([[0.5, 0.5]]).expand(300, 2)  # of low quality: they do not count

    def reverse_kl(*counts: int) -> float:
        rows = [torch.tensor(centres[k]).float().expand(n, 2) for k, n in enumerate(counts)]
        return Modes()(grid, side(torch.cat([*rows, stray])))["modes_reverse_kl"]

    assert reverse_kl(*[4] * 25) == pytest.approx(0)
    assert reverse_kl(7, 7, 7, 7, 7) == pytest.approx(math.log(5))
    expected = 0.75 * math.log(0.75 * 25) + 0.25 * math.log(0.25 * 25)
    assert reverse_kl(30, 0, 10) == pytest.approx(expected)
    assert reverse_kl() == pytest.approx(math.log(25))


def test_a_mode_is_not_covered_by_samples_that_are_only_near(grid: Evaluated) -> None:
    numbers = Modes()(grid, side(torch.tensor([[1.0, 1.2], [0.0, -1.16]])))
    assert numbers["modes_covered"] == numbers["high_quality"] == 0


def test_modes_need_labels_and_two_samples_of_each(grid: Evaluated) -> None:
    points = grid.samples[:30]
    with pytest.raises(DataError, match="needs labels"):
        Modes()(side(points), side(points))
    with pytest.raises(DataError, match="two real samples of each label"):
        Modes()(side(points, torch.arange(30) % 29), side(points))


@pytest.mark.parametrize("size", [8, 32])
def test_unseen_stacks_are_read_as_their_labels_say(size: int) -> None:
    images, labels = StackedDigits("test", size=size, length=1000).tensors()  # type: ignore[arg-type]
    read = StackedModes().read(images) @ torch.tensor([100, 10, 1])
    assert (read == labels).float().mean() > 0.97


def test_real_stacks_cover_the_modes_that_chance_lets_them() -> None:
    images, labels = StackedDigits("test", length=4000).tensors()
    numbers = StackedModes()(side(images, labels), side(images))
    assert numbers["modes_covered"] == pytest.approx(len(set(labels.tolist())), abs=10)
    assert numbers["modes_covered"] == pytest.approx(numbers["modes_ceiling"], abs=15)
    assert numbers["kl_floor"] == 999 / 8000
    assert numbers["kl_to_uniform"] == pytest.approx(numbers["kl_floor"], rel=0.15)


def test_one_image_over_and_over_is_log_1000_from_uniform() -> None:
    images, labels = StackedDigits("test", length=100).tensors()
    fake = side(images[:1].expand(50, -1, -1, -1))
    numbers = StackedModes()(side(images, labels), fake)
    assert numbers["modes_covered"] == 1
    assert numbers["kl_to_uniform"] == pytest.approx(math.log(1000))


def test_stacked_modes_need_three_channels() -> None:
    grey = side(torch.zeros(2, 1, 8, 8, dtype=torch.uint8))
    with pytest.raises(DataError, match=r"three channels, not samples of shape \(1, 8, 8\)"):
        StackedModes()(grey, grey)


@pytest.mark.parametrize("labelled", [False, True])
def test_stacked_modes_are_those_of_stacked_digits_alone(labelled: bool) -> None:
    images, labels = StackedDigits("test", length=100).tensors()
    real = side(images, labels % 10 if labelled else None)
    with pytest.raises(DataError, match="is for stacked digits"):
        StackedModes()(real, side(images))


def test_stacked_modes_do_not_depend_on_the_order_of_the_samples() -> None:
    images, labels = StackedDigits("test", length=300).tensors()
    real = side(images, labels)
    assert StackedModes()(real, side(images)) == StackedModes()(real, side(images.flip(0)))


def test_the_nearest_real_digit_reads_unseen_stacks_nearly_as_their_labels_say() -> None:
    images, labels = StackedDigits("train", length=2000).tensors()
    unseen, truth = StackedDigits("test", length=3000).tensors()
    numbers = StackedModesByNeighbour()(side(images, labels), side(unseen))
    assert numbers["modes_covered"] == pytest.approx(len(set(truth.tolist())), abs=15)
    one = unseen[:1].expand(40, -1, -1, -1)
    numbers = StackedModesByNeighbour()(side(images, labels), side(one))
    assert numbers["modes_covered"] == 1
    assert numbers["kl_to_uniform"] == pytest.approx(math.log(1000))


def test_the_nearest_real_digit_of_a_real_channel_is_its_own() -> None:
    images, labels = StackedDigits("train", length=600).tensors()
    numbers = StackedModesByNeighbour()(side(images, labels), side(images[:300]))
    assert numbers["modes_covered"] == len(set(labels[:300].tolist()))


@pytest.mark.parametrize("labels", [None, torch.arange(200)])
def test_the_nearest_digit_needs_labels_that_are_the_digits(labels: Tensor | None) -> None:
    images, _ = StackedDigits("train", length=200).tensors()
    with pytest.raises(DataError, match="stacked-modes-neighbour"):
        StackedModesByNeighbour()(side(images, labels), side(images))
