"""Input gradients of D by autograd and by torch.func, against finite differences."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention, softplus

from ganzoo.sampling.random_streams import CPU
from ganzoo.training.assemble import make_step
from ganzoo.training.game import EngineGame
from ganzoo.training.networks import RequiredGradients
from ganzoo.training.processes import Processes

from .recipes import small_plan


class Smooth(nn.Module):
    """A critic with two softplus layers, in float64, that counts its passes."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(5, 7).double(), nn.Linear(7, 1).double()
        self.passes = 0

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        self.passes += 1
        return self.second(softplus(self.first(x))).squeeze(1)


class Same(nn.Module):
    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return z


def game(functional: bool, **given: Any) -> EngineGame:
    torch.manual_seed(0)
    real, latents = torch.randn(6, 5).double(), torch.randn(6, 5).double()
    given = {"required": RequiredGradients(real_gradient=True)} | given
    played = EngineGame.of("discriminator", Same(), Smooth(), real=real, latents=latents, **given)
    played.networks = replace(played.networks, functional=functional)
    return played


def penalty(played: EngineGame) -> Tensor:
    """Return R1 with gamma = 2, and the mean logit, so that both outputs are differentiated."""
    output, gradient = played.input_gradient(played.real, played.labels)
    return gradient.square().sum(1).mean() + output.logits.mean()


def weights_gradient(played: EngineGame) -> Tensor:
    weights = list(played.discriminator_module.parameters())
    gradients = torch.autograd.grad(penalty(played), weights)
    return torch.cat([each.flatten() for each in gradients])


both_ways = pytest.mark.parametrize("functional", [False, True], ids=["autograd.grad", "func.grad"])


@both_ways
def test_the_input_gradient_is_that_of_finite_differences(functional: bool) -> None:
    played, step = game(functional), 1e-6
    _, gradient = played.input_gradient(played.real, played.labels)
    critic, x = played.discriminator_module, played.real.detach()
    for column in range(x.shape[1]):
        nudge = torch.zeros_like(x)
        nudge[:, column] = step
        difference = (critic(x + nudge) - critic(x - nudge)) / (2 * step)
        torch.testing.assert_close(gradient[:, column], difference, rtol=1e-7, atol=1e-8)


@both_ways
def test_a_penaltys_gradient_in_the_weights_is_that_of_finite_differences(functional: bool) -> None:
    exact, step = weights_gradient(game(functional)), 1e-6
    for index in range(0, len(exact), 5):
        values = []
        for sign in (1, -1):
            played = game(functional)
            vector = nn.utils.parameters_to_vector(played.discriminator_module.parameters())
            vector = vector.detach().clone()
            vector[index] += sign * step
            nn.utils.vector_to_parameters(vector, played.discriminator_module.parameters())
            values.append(penalty(played).item())
        difference = (values[0] - values[1]) / (2 * step)
        assert exact[index].item() == pytest.approx(difference, rel=1e-6, abs=1e-8)


def test_both_ways_give_the_same_penalty_and_gradient() -> None:
    torch.testing.assert_close(penalty(game(True)), penalty(game(False)), rtol=1e-12, atol=0)
    torch.testing.assert_close(
        weights_gradient(game(True)), weights_gradient(game(False)), rtol=1e-10, atol=1e-12
    )


@both_ways
def test_the_loss_and_the_penalty_share_one_pass(functional: bool) -> None:
    played = game(functional)
    _ = played.real_logits
    penalty(played)
    critic = played.discriminator_module
    assert isinstance(critic, Smooth)
    assert critic.passes == 1


@both_ways
def test_an_augmentation_is_differentiated_through(functional: bool) -> None:
    played = game(functional, augmentation=lambda x, noise: x * 3)
    _, gradient = played.input_gradient(played.real, played.labels)
    _, plain = game(functional).input_gradient(played.real.detach() * 3)
    torch.testing.assert_close(gradient, 3 * plain)


@both_ways
def test_replaced_samples_have_a_gradient_of_their_own(functional: bool) -> None:
    played = game(functional)
    _, before = played.input_gradient(played.real, played.labels)
    replaced = played.replace(real=played.real.detach() + 1)
    _, after = replaced.input_gradient(replaced.real, replaced.labels)
    _, expected = game(functional).input_gradient(played.real.detach() + 1)
    torch.testing.assert_close(after, expected)
    assert not torch.equal(before, after)


class Attentive(nn.Module):
    """A critic that attends over the columns of its images, by torch's fused attention."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        rows = self.gain * x.transpose(2, 3).contiguous()
        return scaled_dot_product_attention(rows, rows, rows).square().mean(dim=(1, 2, 3))


def test_attention_can_be_differentiated_twice_where_a_penalty_is_due(tmp_path: Path) -> None:
    plan = small_plan(tmp_path, {"regularizers.r1": {"gamma": 1.0}})
    step, critic = make_step(plan, Processes(CPU)), Attentive()
    step.networks = replace(step.networks, discriminator=critic)
    step.discriminator.parameters = list(critic.parameters())
    assert step.update(step.discriminator, 0)["d/gradient_norm"] > 0
