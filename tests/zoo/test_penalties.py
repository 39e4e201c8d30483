"""Gradient penalties against closed forms, in float64. `losses.json` names the sources."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from ganzoo_zoo.losses.wgan_gp import WassersteinGP
from ganzoo_zoo.regularizers.drift import Drift
from ganzoo_zoo.regularizers.gradient_penalty import GradientPenalty
from ganzoo_zoo.regularizers.r1 import R1
from torch import Tensor, nn

from ganzoo.api import DiscriminatorOutput
from ganzoo.sampling.random_streams import BatchNoise, RandomStreams, Rows
from ganzoo.training.game import EngineGame

REFERENCE = json.loads((Path(__file__).parent / "losses.json").read_text())
CLOSED = REFERENCE["closed_form"]
THEIRS = REFERENCE["implementations"]


def tensor(name: str) -> Tensor:
    return torch.tensor(REFERENCE[name], dtype=torch.float64)


CRITICS: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda x: (tensor("critic_weights") * x).sum((1, 2, 3)) + 0.2,
    "quadratic": lambda x: (tensor("critic_weights") * (x + x.square() / 2)).sum((1, 2, 3)) + 0.2,
}
both_critics = pytest.mark.parametrize("critic", CRITICS)


@dataclass
class GivenGame:
    """A game whose samples, critic and draws are the ones of `losses.json`."""

    critic: Callable[[Tensor], Tensor]
    labels: Tensor | None = None
    asked_labels: Tensor | None = None

    def __post_init__(self) -> None:
        self.real, self.fake = tensor("real_images"), tensor("fake_images")
        self.real_logits, self.fake_logits = self.critic(self.real), self.critic(self.fake)

    def uniform(self, name: str, *shape: int) -> Tensor:
        assert shape == (1, 1, 1), "one number a sample"
        return tensor("interpolation_alpha").view(-1, *shape)

    def input_gradient(
        self, x: Tensor, y: Tensor | None = None
    ) -> tuple[DiscriminatorOutput, Tensor]:
        self.asked_labels = y
        x = x.detach().requires_grad_()
        logits = self.critic(x)
        (gradient,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
        return DiscriminatorOutput(logits), gradient


@both_critics
def test_the_gradient_penalty_is_the_closed_form_and_the_value_of_two_projects(critic: str) -> None:
    game = GivenGame(CRITICS[critic])
    value = GradientPenalty().discriminator(game)["gradient_penalty"].item()
    assert value == pytest.approx(10 * CLOSED[critic]["E(|grad|-1)^2 at interpolates"], rel=1e-12)
    studiogan = THEIRS["StudioGAN"][f"{critic}/cal_grad_penalty"]
    mimicry = THEIRS["mimicry"][f"{critic}/compute_gradient_penalty_loss gp_scale 10"]
    assert value == pytest.approx(10 * studiogan, rel=1e-12)
    assert value == pytest.approx(mimicry, rel=1e-12)


@both_critics
def test_a_target_of_zero_is_the_zero_centred_penalty(critic: str) -> None:
    penalty = GradientPenalty(lambda_gp=1.0, target=0.0)
    value = penalty.discriminator(GivenGame(CRITICS[critic]))["gradient_penalty"].item()
    expected = CLOSED[critic]["zero-centred E|grad|^2 at interpolates"]
    assert value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("target", [1.0, 2.5])
def test_the_one_sided_penalty_forgives_every_norm_below_the_target(target: float) -> None:
    penalty = GradientPenalty(lambda_gp=1.0, target=target, one_sided=True)
    value = penalty.discriminator(GivenGame(CRITICS["quadratic"]))["gradient_penalty"].item()
    norms = CLOSED["quadratic"]["input gradient norms at interpolates"]
    assert value == pytest.approx(sum(max(0, n - target) ** 2 for n in norms) / 4, rel=1e-12)


@both_critics
def test_wgan_gp_is_the_wasserstein_critic_with_the_penalty_inside(critic: str) -> None:
    game = GivenGame(CRITICS[critic])
    terms = WassersteinGP(lambda_gp=3.0).discriminator(game)
    closed = CLOSED[critic]
    assert list(terms) == ["real", "fake", "gradient_penalty"]
    assert terms["real"].item() == pytest.approx(-sum(closed["logits_real"]) / 4, rel=1e-12)
    assert terms["fake"].item() == pytest.approx(sum(closed["logits_fake"]) / 4, rel=1e-12)
    penalty = 3 * closed["E(|grad|-1)^2 at interpolates"]
    assert terms["gradient_penalty"].item() == pytest.approx(penalty, rel=1e-12)
    (generator,) = WassersteinGP().generator(game).values()
    assert generator.item() == pytest.approx(-sum(closed["logits_fake"]) / 4, rel=1e-12)


def test_the_wasserstein_terms_are_the_closed_form_on_plain_logits() -> None:
    game = GivenGame(CRITICS["linear"])
    game.real_logits, game.fake_logits = tensor("real_logits"), tensor("fake_logits")
    terms = WassersteinGP().discriminator(game)
    d, g = CLOSED["logits"]["wasserstein d, g"]
    assert (terms["real"] + terms["fake"]).item() == pytest.approx(d, rel=1e-12)
    assert WassersteinGP().generator(game)["fake"].item() == pytest.approx(g, rel=1e-12)


@both_critics
def test_r1_is_half_gamma_times_the_squared_gradient_on_real_samples(critic: str) -> None:
    value = R1(gamma=0.01).discriminator(GivenGame(CRITICS[critic]))["r1"].item()
    squared = CLOSED[critic]["E|grad|^2 on real (R1 without factor)"]
    assert value == pytest.approx(0.01 / 2 * squared, rel=1e-12)
    per_sample = THEIRS["stylegan2-ada"][f"{critic}/Dreg gain 16 r1_gamma 0.01"]["Loss/D/reg"]
    assert value == pytest.approx(sum(per_sample) / 4, rel=1e-12)
    studiogan = THEIRS["StudioGAN"][f"{critic}/cal_r1_reg"]
    assert value == pytest.approx(0.01 * studiogan, rel=1e-12)


@pytest.mark.parametrize("penalty", [GradientPenalty(), R1()])
def test_penalties_judge_a_sample_as_a_member_of_the_real_class(
    penalty: GradientPenalty | R1,
) -> None:
    labels = torch.tensor([3, 1, 0, 2])
    game = GivenGame(CRITICS["linear"], labels=labels)
    penalty.discriminator(game)
    assert game.asked_labels is labels


def test_a_flat_critic_gets_a_finite_gradient_from_the_penalty() -> None:
    weights = torch.zeros(3, 1, 2, dtype=torch.float64, requires_grad=True)
    game = GivenGame(lambda x: (weights * x).sum((1, 2, 3)))
    value = GradientPenalty().discriminator(game)["gradient_penalty"]
    assert value.item() == 10
    (gradient,) = torch.autograd.grad(value, weights)
    assert gradient.isfinite().all()


class CubicCritic(nn.Module):
    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return x.pow(3).flatten(1).sum(1)


def test_the_penalty_of_a_batch_is_the_mean_over_its_parts_however_it_is_split() -> None:
    real, fake = torch.randn(2, 8, 3, 2, 2, generator=torch.Generator().manual_seed(0))

    def penalty(first: int, count: int) -> Tensor:
        rows = slice(first, first + count)
        game = EngineGame.of(
            "discriminator", nn.Identity(), CubicCritic(), real=real[rows], latents=real
        )
        game.noise = BatchNoise(RandomStreams(7), "discriminator", 0, Rows(first, count))
        return GradientPenalty().discriminator(game.replace(fake=fake[rows]))["gradient_penalty"]

    halves = (penalty(0, 4) + penalty(4, 4)) / 2
    torch.testing.assert_close(halves, penalty(0, 8), rtol=1e-6, atol=0)


def test_the_drift_term_is_the_mean_square_of_real_logits() -> None:
    term = Drift().discriminator(GivenGame(CRITICS["linear"]))["drift"]  # type: ignore[arg-type]
    torch.testing.assert_close(term, CRITICS["linear"](tensor("real_images")).square().mean())
