"""DiffAugment with given draws against explicit slices, and its statistics over many."""

from dataclasses import dataclass

import pytest
import torch
from ganzoo_zoo.augmentations.diffaugment import DiffAugment
from ganzoo_zoo.regularizers.r1 import R1
from torch import Tensor, nn

from ganzoo.api import SampleSpec
from ganzoo.sampling.random_streams import BatchNoise, RandomStreams, Rows
from ganzoo.training.game import EngineGame
from ganzoo.training.networks import RequiredGradients

shapes = pytest.mark.parametrize("shape", [(1, 8, 8), (3, 12, 20), (4, 7, 5)])


@dataclass
class GivenNoise:
    """Uniform numbers that a test has chosen: (B, draws a sample)."""

    draws: Tensor

    def uniform(self, name: str, *shape: int) -> Tensor:
        return self.draws.view(-1, *shape)


def images(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(3)) * 2 - 1


def noise(first: int = 0, count: int = 128) -> BatchNoise:
    return BatchNoise(RandomStreams(0), "augment", 0, Rows(first, count))


@shapes
def test_at_strength_zero_every_image_comes_back_bit_for_bit(shape: tuple[int, ...]) -> None:
    x = images(128, *shape)
    assert torch.equal(DiffAugment(SampleSpec("image", shape), strength=0.0)(x, noise()), x)


def test_the_strength_may_change_during_a_run() -> None:
    spec, x = SampleSpec("image", (3, 12, 20)), images(128, 3, 12, 20)
    scheduled = DiffAugment(spec, strength=0.0)
    scheduled.strength = 0.7
    assert torch.equal(scheduled(x, noise()), DiffAugment(spec, strength=0.7)(x, noise()))


@shapes
def test_an_image_is_augmented_alone_whatever_its_batch(shape: tuple[int, ...]) -> None:
    augment, x = DiffAugment(SampleSpec("image", shape)), images(8, *shape)
    halves = [augment(x[:4], noise(0, 4)), augment(x[4:], noise(4, 4))]
    assert torch.equal(torch.cat(halves), augment(x, noise(0, 8)))


def test_color_is_the_papers_three_formulas() -> None:
    x = images(2, 3, 4, 5)
    draws = torch.tensor([[0.9, 0.25, 0.6], [0.1, 1.0, 0.0]])
    augment = DiffAugment(SampleSpec("image", (3, 4, 5)), policy=("color",), strength=1.0)
    for sample, (brightness, saturation, contrast), result in zip(
        x, draws.tolist(), augment(x, GivenNoise(draws)), strict=True
    ):
        sample = sample + (brightness - 0.5)
        grey = sample.mean(0)
        sample = grey + 2 * saturation * (sample - grey)
        sample = sample.mean() + (contrast + 0.5) * (sample - sample.mean())
        torch.testing.assert_close(result, sample, rtol=0, atol=1e-6)


def test_strength_scales_the_change_of_brightness() -> None:
    x, draws = images(1, 1, 8, 8), torch.tensor([[0.9, 0.5, 0.5]])
    augment = DiffAugment(SampleSpec("image", (1, 8, 8)), policy=("color",), strength=0.25)
    torch.testing.assert_close(augment(x, GivenNoise(draws)), x + 0.1)


@pytest.mark.parametrize(("down", "right"), [(0, 0), (1, -2), (-1, 3), (2, -3)])
def test_translation_moves_the_image_by_whole_pixels_and_zeros_move_in(
    down: int, right: int
) -> None:
    x = images(1, 2, 16, 24)  # shifts by up to 2 rows and 3 columns
    draws = torch.tensor([[(down + 2 + 0.5) / 5, (right + 3 + 0.5) / 7]])
    augment = DiffAugment(SampleSpec("image", (2, 16, 24)), policy=("translation",))
    expected = torch.zeros_like(x)
    for row in range(16):
        for column in range(24):
            if 0 <= row - down < 16 and 0 <= column - right < 24:
                expected[..., row, column] = x[..., row - down, column - right]
    assert torch.equal(augment(x, GivenNoise(draws)), expected)


@pytest.mark.parametrize("size", [8, 32])
def test_every_shift_of_up_to_an_eighth_is_equally_likely(size: int) -> None:
    """A bright pixel in the middle lands uniformly in a square of 2 (size / 8) + 1 pixels."""
    n, places = 5_000, (2 * (size // 8) + 1) ** 2
    x = torch.zeros(n, 1, size, size)
    x[..., size // 2, size // 2] = 1
    augment = DiffAugment(SampleSpec("image", (1, size, size)), policy=("translation",))
    landed = augment(x, noise(0, n)).sum((0, 1))
    counts = landed[landed > 0]
    assert len(counts) == places
    chi_squared = (counts - n / places).square().sum() * places / n
    assert abs(chi_squared - (places - 1)) < 5 * (2 * places) ** 0.5


def test_cutout_covers_a_window_of_half_the_sides_that_may_extend_over_an_edge() -> None:
    """8 by 12: 4 by 6, one place more than pixels, so the first centre leaves a quarter of it."""
    augment = DiffAugment(SampleSpec("image", (3, 8, 12)), policy=("cutout",))
    for place in range(9):
        draws = torch.tensor([[(place + 0.5) / 9, 0.0]])
        left = augment(torch.ones(1, 3, 8, 12), GivenNoise(draws))
        expected = torch.ones(1, 3, 8, 12)
        expected[:, :, max(place - 2, 0) : place + 2, :3] = 0
        assert torch.equal(left, expected)


def test_cutout_removes_the_expected_share_of_pixels() -> None:
    """Over 9 centres a window of 4 covers 2, 3, 4, 4, 4, 4, 4, 3, 2 of 8 pixels: 5/12 a side."""
    n = 20_000
    augment = DiffAugment(SampleSpec("image", (1, 8, 8)), policy=("cutout",))
    removed = 1 - augment(torch.ones(n, 1, 8, 8), noise(0, n)).mean().item()
    assert removed == pytest.approx((30 / 9 / 8) ** 2, abs=0.002)


def test_the_largest_draw_below_one_is_the_largest_shift() -> None:
    for size in range(1, 70):
        x, shift = images(1, 1, size, size), int(size / 8 + 0.5)
        augment = DiffAugment(SampleSpec("image", (1, size, size)), policy=("translation",))
        moved = augment(x, GivenNoise(torch.full((1, 2), 1 - 2**-24)))
        assert torch.equal(moved[..., shift:, shift:], x[..., : size - shift, : size - shift])


def test_the_order_of_the_policy_does_not_matter() -> None:
    spec, x = SampleSpec("image", (3, 8, 8)), images(128, 3, 8, 8)
    forwards = DiffAugment(spec, policy=("color", "translation", "cutout"))(x, noise())
    assert torch.equal(
        DiffAugment(spec, policy=("cutout", "color", "translation"))(x, noise()), forwards
    )


def test_first_and_second_derivatives_are_right() -> None:
    augment, draws = DiffAugment(SampleSpec("image", (2, 8, 8))), noise(0, 2)
    x = images(2, 2, 8, 8).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: augment(x, draws), x)
    assert torch.autograd.gradgradcheck(lambda x: augment(x, draws).sin(), x)


class LinearCritic(nn.Module):
    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.weights = nn.Parameter(weights)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return (x * self.weights).flatten(1).sum(1)


def test_r1_through_cutout_is_the_squared_norm_of_the_weights_left_in_sight() -> None:
    weights, real = images(3, 8, 8), images(16, 3, 8, 8)
    augment = DiffAugment(SampleSpec("image", (3, 8, 8)), policy=("cutout",))
    critic = LinearCritic(weights)
    game = EngineGame.of(
        "discriminator",
        nn.Identity(),
        critic,
        real=real,
        latents=real,
        augmentation=augment,
        required=RequiredGradients(real_gradient=True),
    )
    penalty = R1(gamma=2.0).discriminator(game)["r1"]
    in_sight = augment(torch.ones(16, 1, 8, 8), game.noise.within("augment1"))
    norms = (weights.square() * in_sight).sum((1, 2, 3))
    torch.testing.assert_close(penalty, norms.mean())
    (gradient,) = torch.autograd.grad(penalty, critic.weights)
    torch.testing.assert_close(gradient, 2 * weights * in_sight.mean((0, 1)))
