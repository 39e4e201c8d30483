"""The game: lean gradients, shared passes, input gradients, replacing fields."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.training.game import EngineGame
from ganzoo.training.networks import RequiredGradients


class Critic(nn.Module):
    """D(x) = sum(w * (x + x^2 / 2)), so that its input gradient is w * (1 + x)."""

    def __init__(self, size: int = 6) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.linspace(-1, 1, size))
        self.batches: list[int] = []

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        self.batches.append(len(x))
        return (self.w * (x + x.square() / 2)).sum(1)


class Linear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 6)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.layer(z)


def game(player: str = "discriminator", **given: Any) -> EngineGame:
    torch.manual_seed(0)
    given.setdefault("real", torch.randn(8, 6))
    return EngineGame.of(player, Linear(), Critic(), latents=torch.randn(8, 4), **given)


def critic(game: EngineGame) -> Critic:
    assert isinstance(game.discriminator_module, Critic)
    return game.discriminator_module


def test_d_sees_real_and_fake_in_one_pass_in_its_own_update() -> None:
    played = game()
    _ = played.real_logits, played.fake_logits, played.real_logits
    assert critic(played).batches == [16]


def test_a_batch_coupled_d_sees_them_in_two_passes() -> None:
    played = game()
    object.__setattr__(played.networks, "one_pass", False)
    _ = played.real_logits, played.fake_logits
    assert critic(played).batches == [8, 8]


def test_one_pass_and_two_give_the_same_logits() -> None:
    together, apart = game(), game()
    object.__setattr__(apart.networks, "one_pass", False)
    torch.testing.assert_close(together.real_logits, apart.real_logits)
    torch.testing.assert_close(together.fake_logits, apart.fake_logits)


def test_the_generators_update_reads_no_real_data_unless_a_component_does() -> None:
    played = game("generator")
    played.batch = lambda: pytest.fail("the real batch was loaded")
    assert played.fake_logits.shape == (8,)


def test_fakes_carry_a_graph_only_in_the_generators_update() -> None:
    assert game("generator").fake.requires_grad
    assert not game("discriminator").fake.requires_grad


def test_the_generators_graph_is_kept_in_ds_update_if_a_component_requires_it() -> None:
    assert game(required=RequiredGradients(generator_graph=True)).fake.requires_grad


@pytest.mark.parametrize("required", [RequiredGradients(), RequiredGradients(real_gradient=True)])
def test_the_input_gradient_is_the_critics_own(required: RequiredGradients) -> None:
    played = game(required=required)
    output, gradient = played.input_gradient(played.real, played.labels)
    torch.testing.assert_close(gradient, critic(played).w * (1 + played.real))
    torch.testing.assert_close(output.logits, played.real_logits)


def test_a_declared_real_gradient_costs_no_second_pass() -> None:
    played = game(required=RequiredGradients(real_gradient=True))
    _ = played.real_logits
    played.input_gradient(played.real, played.labels)
    assert critic(played).batches == [8]


def test_an_input_gradient_can_be_differentiated_again() -> None:
    played = game(required=RequiredGradients(real_gradient=True))
    _, gradient = played.input_gradient(played.real)
    gradient.square().sum(1).mean().backward()
    expected = (2 * critic(played).w * (1 + played.real).square()).mean(0)
    torch.testing.assert_close(critic(played).w.grad, expected.detach())


def test_replacing_latents_makes_new_fakes_and_keeps_ds_output_on_real() -> None:
    played = game()
    before = played.real_output
    replaced = played.replace(latents=torch.zeros(8, 4))
    assert replaced.real_output is before
    torch.testing.assert_close(replaced.fake, replaced.generate(torch.zeros(8, 4)))
    assert not torch.equal(replaced.fake, played.fake)


def test_replacing_an_unknown_field_is_refused() -> None:
    with pytest.raises(TypeError, match="'logits'"):
        game().replace(logits=torch.zeros(8))


def test_each_batch_that_d_sees_is_augmented_with_noise_of_its_own() -> None:
    seen: list[Tensor] = []

    def augment(x: Tensor, noise: Any) -> Tensor:
        seen.append(noise.uniform("shift"))
        return x + seen[-1][:, None]

    played = game(augmentation=augment)
    torch.testing.assert_close(
        played.fake_logits, critic(played)(played.fake + seen[1][:, None], None)
    )
    assert not torch.equal(seen[0], seen[1])


def test_a_bare_tensor_from_d_is_an_output_with_logits_alone() -> None:
    assert game().real_output.features == ()
