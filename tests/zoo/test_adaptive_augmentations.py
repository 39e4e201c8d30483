"""ADA, APA and Diffusion-GAN against closed forms and against numbers of the authors' code.

Those numbers were measured with NVlabs/stylegan2-ada-pytorch at d72cc7d: the four bands of its
filter, its filter sym6, and its colour operations at the quantile 0.75 on a red pixel. Those of
Diffusion-GAN are of Zhendong-Wang/Diffusion-GAN at 2ca5e7a.
"""

import math

import pytest
import torch
from ganzoo_zoo.augmentations.ada import (
    AdaptiveAugment,
    filter_bank,
    quarter_turns,
    rotation,
    scaling,
    sym6,
    translation,
)
from ganzoo_zoo.augmentations.diffusion import Diffusion
from ganzoo_zoo.blocks.adaptive import AdaptiveProbability
from ganzoo_zoo.regularizers.apa import AdaptivePseudoAugmentation
from torch import Tensor, nn
from torch.nn import functional

from ganzoo.api import Game, SampleSpec
from ganzoo.sampling.random_streams import BatchNoise, RandomStreams, Rows
from ganzoo.testing import game

SPEC = SampleSpec("image", (3, 32, 32))
EVERYTHING = ("blit", "geometry", "color", "filter", "noise", "cutout")
QUANTILE = torch.special.erfinv(torch.tensor(0.5)).item()


class Given:
    """A source of noise in which each number is chosen, by the name of its stream; 0 if not."""

    def __init__(self, count: int, **values: list[float] | float) -> None:
        self.count = count
        self.values = {name.replace("_", " "): value for name, value in values.items()}

    def uniform(self, name: str, *shape: int) -> Tensor:
        value = torch.as_tensor(self.values.get(name, 0.0))
        return (value if value.dim() else value.expand(shape)).expand(self.count, *shape)

    normal = uniform


def noise(count: int, first: int = 0) -> BatchNoise:
    return BatchNoise(RandomStreams(0), "augmentation", 0, Rows(first, count))


def images(count: int = 8, channels: int = 3, size: int = 32) -> Tensor:
    return torch.randn(count, channels, size, size, generator=torch.Generator().manual_seed(0))


def smooth(count: int = 4, size: int = 32) -> Tensor:
    wide = functional.pad(images(count, size=size), (4,) * 4, mode="reflect")
    return functional.avg_pool2d(wide, 9, 1)


def ada(**parameters: object) -> AdaptiveAugment:
    return AdaptiveAugment(SPEC, **parameters)  # type: ignore[arg-type]


# --- ADA: the pipeline ---------------------------------------------------------------------------


def test_at_p_zero_every_image_comes_back_bit_for_bit() -> None:
    x = images()
    assert torch.equal(ada(pipe=EVERYTHING, p=0.0)(x, noise(8)), x)


@pytest.mark.parametrize("group", EVERYTHING)
def test_each_group_changes_images_at_p_one(group: str) -> None:
    x = images()
    changed = (ada(pipe=(group,), p=1.0)(x, noise(8)) != x).flatten(1).any(1)
    assert changed.float().mean() > 0.5


def test_an_image_is_augmented_alone_whatever_its_batch() -> None:
    augment, x = ada(pipe=EVERYTHING, p=0.7), images()
    halves = torch.cat([augment(x[:4], noise(4)), augment(x[4:], noise(4, first=4))])
    torch.testing.assert_close(halves, augment(x, noise(8)), rtol=0, atol=1e-5)


def test_the_filters_are_those_of_the_authors() -> None:
    taps = [0.0108923, 0.0024683, -0.0834316, -0.0341616, 0.3472289, 0.5569464]
    taps += [0.2389522, -0.0513625, -0.0148919, 0.0316253, 0.0012500, -0.0055159]
    assert sym6().tolist() == pytest.approx(taps, abs=1e-7)
    bank = filter_bank()
    assert bank.shape == (4, 43)
    assert bank.norm(dim=1).tolist() == pytest.approx([0.3164, 0.2490, 0.3627, 0.6404], abs=5e-5)
    assert bank[3, 18:25].tolist() == pytest.approx(
        [0.03125, 0, -0.28125, 0.5, -0.28125, 0, 0.03125], abs=1e-9
    )
    impulse = torch.eye(43, dtype=torch.float64)[21]
    torch.testing.assert_close(bank.sum(0), impulse, rtol=0, atol=1e-12)


def test_resampling_without_a_move_is_the_identity_to_rounding() -> None:
    for size in (8, 20, 32):
        x = images(size=size)
        augment = AdaptiveAugment(SampleSpec("image", (3, size, size)))
        still = augment._resampled(x, torch.eye(3).expand(8, 3, 3))
        torch.testing.assert_close(still, x, rtol=0, atol=1e-4)


@pytest.mark.parametrize(("right", "down"), [(3, 0), (0, -4), (-2, 1)])
def test_shifts_by_whole_pixels_are_exact_and_the_image_is_reflected(right: int, down: int) -> None:
    x, ones = images(), torch.ones(8)
    moved = ada()._resampled(x, translation(-right * ones, -down * ones))
    framed = functional.pad(x, (4,) * 4, mode="reflect")
    expected = framed[:, :, 4 - down : 36 - down, 4 - right : 36 - right]
    torch.testing.assert_close(moved, expected, rtol=0, atol=1e-4)


def test_turns_flips_and_scales_go_the_way_that_they_say() -> None:
    x, ones = smooth(), torch.ones(4)
    inner = (..., slice(5, -5), slice(5, -5))
    for turns in (1, 2, 3):
        turned = ada()._resampled(x, quarter_turns(turns * ones))
        expected = x.rot90(turns, (2, 3))
        assert (turned - expected)[inner].abs().max() < 0.05
        assert (x - expected)[inner].abs().max() > 0.2
    flipped = ada()._resampled(x, scaling(-ones, ones))
    assert (flipped - x.flip(3))[inner].abs().max() < 0.05
    disc = torch.zeros(1, 3, 32, 32)
    rows = torch.arange(32) - 15.5
    disc[:, :] = (rows[:, None] ** 2 + rows**2 < 64).float()
    s = torch.full((1,), 1.1339)
    larger = ada()._resampled(disc, scaling(1 / s, 1 / s))
    assert (larger.sum() / disc.sum()).item() == pytest.approx(1.1339**2, rel=0.02)


def test_a_turn_there_and_back_is_almost_the_identity() -> None:
    x, angle = smooth(), torch.full((4,), 0.4)
    back = ada()._resampled(ada()._resampled(x, rotation(angle)), rotation(-angle))
    assert (back - x)[..., 10:-10, 10:-10].abs().max() < 0.05


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (0, [1.095387, 0.095387, 0.095387]),
        (1, [1.179739, 0.0, 0.0]),
        (3, [0.333333, 0.910684, -0.244017]),
        (4, [1.261190, -0.130595, -0.130595]),
    ],
)
def test_colour_operations_change_a_red_pixel_as_those_of_the_authors(
    operation: int, expected: list[float]
) -> None:
    # At the authors' debugging quantile 0.75: n = erfinv(0.5) = 0.476936, an angle of 90 degrees.
    red = torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1).expand(1, 3, 32, 32)
    chosen = [float(each != operation) for each in range(5)]
    given = Given(1, color_chosen=chosen, color=QUANTILE, reflection_and_hue=0.75)
    found = ada(pipe=("color",), p=0.5)(red, given)[0, :, 0, 0]
    assert found.tolist() == pytest.approx(expected, abs=1e-5)


def test_greys_stay_grey_under_hue_and_saturation_and_reflecting_twice_changes_nothing() -> None:
    grey = images(channels=1).expand(8, 3, 32, 32).contiguous()
    source = Given(8, color_chosen=[1.0, 1, 1, 0, 0], reflection_and_hue=0.3)
    torch.testing.assert_close(ada(pipe=("color",), p=0.5)(grey, source), grey)
    reflect = Given(8, color_chosen=[1.0, 1, 0, 1, 1], reflection_and_hue=0.3)
    augment, x = ada(pipe=("color",), p=0.5), images()
    once = augment(x, reflect)
    assert (once - x).abs().max() > 0.1
    torch.testing.assert_close(augment(once, reflect), x, rtol=0, atol=1e-5)


def test_a_grey_image_is_changed_as_its_rgb_copy_is_on_average() -> None:
    grey = images(channels=1)
    of_one = AdaptiveAugment(SampleSpec("image", (1, 32, 32)), pipe=("color",), p=0.8)
    of_three = ada(pipe=("color",), p=0.8)
    expected = of_three(grey.expand(8, 3, 32, 32), noise(8)).mean(1, keepdim=True)
    torch.testing.assert_close(of_one(grey, noise(8)), expected, rtol=0, atol=1e-5)


def test_the_window_that_is_cut_out_covers_a_quarter_of_the_image() -> None:
    x = torch.ones(1, 3, 32, 32)
    cut = ada(pipe=("cutout",), p=0.5)(x, Given(1, cutout=0.5))
    assert (cut[0] == 0).sum((1, 2)).tolist() == [256, 256, 256]
    assert cut[0, 0, 8:24, 8:24].sum() == 0


def test_operations_are_chosen_with_probability_p() -> None:
    x = images(2000, size=8)
    augment = AdaptiveAugment(SampleSpec("image", (3, 8, 8)), pipe=("noise",), p=0.3)
    changed = (augment(x, noise(2000)) != x).flatten(1).any(1).float().mean()
    assert changed.item() == pytest.approx(0.3, abs=0.04)
    turning = AdaptiveAugment(SampleSpec("image", (3, 8, 8)), pipe=("geometry",), p=0.3)
    same = (turning(x, noise(2000)) == x).flatten(1).all(1).float().mean()
    assert same.item() == pytest.approx(0.7**4, abs=0.04)  # two scales, any turn, a shift


@pytest.mark.parametrize(
    ("shape", "pipe", "words"),
    [
        ((2, 32, 32), ("color",), "color needs grey or RGB"),
        ((3, 32, 21), ("filter",), "filter needs images of 22"),
        ((3, 3, 32), ("blit",), "images of 4 or more pixels"),
    ],
)
def test_images_that_do_not_suit_are_refused(
    shape: tuple[int, ...], pipe: tuple[str, ...], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        AdaptiveAugment(SampleSpec("image", shape), pipe=pipe)  # type: ignore[arg-type]


# --- the adaptive probability --------------------------------------------------------------------


def test_p_moves_every_fourth_update_by_the_authors_step() -> None:
    adaptive = AdaptiveProbability(0.5, 0.6, 4, 500_000)
    found = []
    for sign in [1.0] * 4 + [-1.0] * 4:
        adaptive.update(torch.tensor(sign), 64)
        found.append(adaptive.p.item())
    assert found == pytest.approx([0.5] * 3 + [0.500512] * 4 + [0.5], abs=1e-7)


def test_r_is_the_mean_of_the_interval_and_p_stays_in_the_unit_interval() -> None:
    adaptive = AdaptiveProbability(0.0, 0.6, 2, 100)
    for sign in (1.0, 0.0):  # mean 0.5 is below the target
        adaptive.update(torch.tensor(sign), 10)
    assert adaptive.p == 0
    for sign in (1.0, 0.3):  # mean 0.65 is above it
        adaptive.update(torch.tensor(sign), 10)
    assert adaptive.p.item() == pytest.approx(0.2)
    for _ in range(40):
        adaptive.update(torch.tensor(1.0), 10)
    assert adaptive.p == 1


def test_without_a_target_p_is_constant() -> None:
    augment = ada(p=0.3, target=None)
    for _ in range(8):
        augment.observe({"real_logits_sign": torch.tensor(1.0), "samples": 10_000})
    assert augment.p.item() == pytest.approx(0.3)


# --- APA -----------------------------------------------------------------------------------------


class Sum(nn.Module):
    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return x.flatten(1).sum(1)


class Constant(nn.Module):
    latent_dim = 2

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return torch.full((len(z), 1, 8, 8), -1.0)


def apa_game() -> Game:
    real, latents = torch.ones(400, 1, 8, 8), torch.zeros(400, 2)
    return game("discriminator", Constant(), Sum(), real=real, latents=latents)


def test_apa_shows_generated_samples_as_real_with_probability_p() -> None:
    played = AdaptivePseudoAugmentation(p=0.25).prepare(apa_game())
    pseudo = (played.real == -1).flatten(1).all(1).float().mean()
    assert pseudo.item() == pytest.approx(0.25, abs=0.07)
    real = AdaptivePseudoAugmentation(p=0.0).prepare(apa_game()).real
    assert (real == 1).all()


# --- Diffusion-GAN -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("p", "T", "expected"),
    [(0.0, 10, 0.9037394), (0.5, 505, 0.0060393), (1.0, 1000, 4.03583e-5)],
)
def test_the_signal_left_after_all_steps_is_that_of_the_authors(
    p: float, T: int, expected: float
) -> None:
    diffusion = Diffusion(SPEC)
    diffusion.adaptive.p.fill_(p)
    assert diffusion.T == T
    assert diffusion.alphas_bar()[T].item() == pytest.approx(expected, rel=2e-4)
    assert diffusion.alphas_bar()[0] == 1


def test_steps_have_the_authors_probabilities() -> None:
    diffusion = Diffusion(SPEC)  # T = 10
    u = (torch.arange(90_000) + 0.5) / 90_000
    counts = diffusion.steps(u).long().bincount(minlength=11) / len(u)
    priority = [0.0, *((t - 1) / 45 for t in range(1, 11))]
    assert counts.tolist() == pytest.approx(priority, abs=1e-3)
    even = Diffusion(SPEC, distribution="uniform")
    counts = even.steps(u).long().bincount(minlength=11) / len(u)
    assert counts.tolist() == pytest.approx([0.0] + [0.1] * 10, abs=1e-3)


def test_half_of_the_samples_stay_as_they_are_and_have_step_zero() -> None:
    x = images(500, size=8)
    noisy, steps = Diffusion(SampleSpec("image", (3, 8, 8)))(x, noise(500))
    clean = steps == 0
    assert clean.float().mean().item() == pytest.approx(0.5, abs=0.07)
    assert torch.equal(noisy[clean], x[clean])
    assert (noisy[~clean] != x[~clean]).flatten(1).any(1).all()
    assert steps.max() <= 10 / 1000


@pytest.mark.parametrize("t", [1, 400, 1000])
def test_noise_has_the_variance_of_its_step(t: int) -> None:
    diffusion = Diffusion(SampleSpec("image", (1, 8, 8)), distribution="uniform")
    diffusion.adaptive.p.fill_(1.0)
    abar = diffusion.alphas_bar()[t].item()
    u = (t - 0.5) / 1000
    x = torch.zeros(4000, 1, 8, 8)

    class Fixed:
        def uniform(self, name: str, *shape: int) -> Tensor:
            return torch.full((4000, *shape), 0.9 if name == "clean" else u)

        def normal(self, name: str, *shape: int) -> Tensor:
            return noise(4000).normal(name, *shape)

    noisy, steps = diffusion(x, Fixed())  # type: ignore[arg-type]
    assert steps.unique().tolist() == pytest.approx([t / 1000])
    assert noisy.std().item() == pytest.approx(math.sqrt(1 - abar) * 0.05, rel=0.02)
