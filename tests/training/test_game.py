"""The game: lean gradients, shared passes, noise inside G, augmentations, replacing fields."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.api import DiscriminatorOutput, Noise, SampleSpec
from ganzoo.sampling.random_streams import Rows
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


# --- noise inside G ------------------------------------------------------------------------------


class Noisy(nn.Module):
    """G(z) = z plus normal noise of its own."""

    def forward(self, z: Tensor, y: Tensor | None = None, *, noise: Noise) -> Tensor:
        return z + noise.normal("layer", *z.shape[1:])


def noisy_game(first: int = 0, count: int = 8) -> EngineGame:
    played = EngineGame.of(
        "generator", Noisy(), Critic(), real=torch.zeros(8, 6), latents=torch.zeros(count, 6)
    )
    played.noise = replace(played.noise, rows=Rows(first, count))
    return played


def test_noise_inside_g_belongs_to_the_samples_wherever_they_are_computed() -> None:
    whole, parts = noisy_game(), [noisy_game(first, 4) for first in (0, 4)]
    assert torch.equal(whole.fake, torch.cat([part.fake for part in parts]))
    assert not torch.equal(whole.fake[0], whole.fake[1])


def test_g_draws_new_noise_in_each_call_and_the_same_for_fakes_of_other_latents() -> None:
    played = noisy_game()
    z = torch.ones(8, 6)
    moved = played.replace(latents=z)
    torch.testing.assert_close(moved.fake, played.fake + 1)
    drawn = [played.fake, played.generate(played.latents), moved.generate(played.latents)]
    assert all(not torch.equal(drawn[a], drawn[b]) for a, b in ((0, 1), (0, 2), (1, 2)))


def test_a_game_is_itself_a_source_of_noise_for_g() -> None:
    played = noisy_game()
    assert torch.equal(Noisy()(played.latents, noise=played), played.normal("layer", 6))


# --- what else a game knows ----------------------------------------------------------------------


def test_the_rows_of_this_process_are_those_of_its_tensors_among_all() -> None:
    played = game()
    assert torch.equal(played.gather(played.latents)[played.rows], played.latents)


class Signs:
    """A latent law of -1 and +1."""

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        return 2 * torch.randint(0, 2, (n, 4), generator=generator).float() - 1


def test_other_latents_follow_the_latent_law_and_are_the_same_by_name() -> None:
    played = game(latent=Signs())
    other = played.latent("mixing")
    assert other.shape == (8, 4)
    assert torch.equal(other.abs(), torch.ones(8, 4))
    assert torch.equal(other, played.replace(real=played.real).latent("mixing"))
    assert not torch.equal(other, played.latent("another"))


def test_other_latents_carry_the_graph_of_a_law_with_parameters_where_g_learns() -> None:
    scale = nn.Parameter(torch.ones(()))

    class Learned:
        def sample(self, n: int, generator: torch.Generator) -> Tensor:
            return scale * torch.randn(n, 4, generator=generator)

    assert game("generator", latent=Learned()).latent("mixing").requires_grad
    assert not game("discriminator", latent=Learned()).latent("mixing").requires_grad


def test_a_game_has_the_spec_of_the_data() -> None:
    spec = SampleSpec("vector", (6,))
    assert game(spec=spec).spec == spec
    with pytest.raises(TypeError, match="made without a spec"):
        _ = game().spec


# --- what an augmentation returns beside x -------------------------------------------------------


class Timed(nn.Module):
    """D whose logits are sum(w * x) times one more than the step t, which it is given."""

    capabilities = frozenset({"augmentation-aware"})

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.linspace(-1, 1, 6))
        self.given: list[Any] = []

    def forward(self, x: Tensor, y: Tensor | None = None, *, extra: Any) -> Tensor:
        self.given.append(extra)
        t = 0.0 if extra is None else extra["t"] if isinstance(extra, dict) else extra
        return (self.w * x).sum(1) * (1 + t)


def diffuse(x: Tensor, noise: Noise) -> tuple[Tensor, dict[str, Tensor]]:
    t = noise.uniform("t")
    return x + t[:, None], {"t": t}


def diffuse_without_names(x: Tensor, noise: Noise) -> tuple[Tensor, Tensor]:
    x, extra = diffuse(x, noise)
    return x, extra["t"]


def timed_game(**given: Any) -> EngineGame:
    torch.manual_seed(0)
    given = {"real": torch.randn(8, 6), "latents": torch.randn(8, 4)} | given
    return EngineGame.of("discriminator", Linear(), Timed(), **given)


@pytest.mark.parametrize("augmentation", [diffuse, diffuse_without_names])
def test_d_is_given_what_the_augmentation_returned_in_one_pass_and_in_two(
    augmentation: Any,
) -> None:
    together, apart = (timed_game(augmentation=augmentation) for _ in range(2))
    object.__setattr__(apart.networks, "one_pass", False)
    torch.testing.assert_close(together.real_logits, apart.real_logits)
    torch.testing.assert_close(together.fake_logits, apart.fake_logits)
    seen, extra = diffuse(together.real, together.noise.within("augment1"))
    torch.testing.assert_close(together.real_logits, Timed()(seen, extra=extra))
    assert len(together.discriminator_module.given) == 1  # type: ignore[arg-type]


def test_d_is_given_none_where_nothing_was_augmented() -> None:
    played = timed_game(augmentation=diffuse)
    played.discriminate(played.real, augment=False)
    assert timed_game().real_logits.shape == (8,)
    assert played.discriminator_module.given == [None]


@pytest.mark.parametrize("functional", [False, True])
def test_an_input_gradient_is_taken_at_the_given_step(functional: bool) -> None:
    played = timed_game(augmentation=diffuse)
    played.networks = replace(played.networks, functional=functional)
    _, gradient = played.input_gradient(played.real)
    t = played.noise.within("augment1").uniform("t")
    weights = played.discriminator_module.w
    torch.testing.assert_close(gradient, weights * (1 + t[:, None]))
    gradient.square().sum().backward()
    torch.testing.assert_close(weights.grad, 2 * weights.detach() * (1 + t).square().sum())


# --- packed discriminators -----------------------------------------------------------------------


class Packed(nn.Module):
    """D that judges two consecutive samples together: the sum of w * (first - second)."""

    batch_multiple = 2

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.linspace(-1, 1, 6))
        self.batches: list[int] = []

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        self.batches.append(len(x))
        logits = (self.w * (x[::2] - x[1::2])).sum(1)
        return DiscriminatorOutput(logits, features=(x,), extra={"pairs": logits})


def packed_game(**given: Any) -> EngineGame:
    torch.manual_seed(0)
    real, latents = torch.randn(8, 6), torch.randn(6, 4)
    return EngineGame.of("discriminator", Linear(), Packed(), real=real, latents=latents, **given)


def test_the_output_of_a_packed_d_is_divided_among_both_sides_in_one_pass() -> None:
    played = packed_game()
    torch.testing.assert_close(played.real_output, Packed()(played.real))
    torch.testing.assert_close(played.fake_output, Packed()(played.fake))
    assert played.discriminator_module.batches == [14]
    assert [len(played.real_logits), len(played.fake_logits)] == [4, 3]


def test_the_input_gradient_of_a_packed_d_has_a_row_for_each_sample() -> None:
    played = packed_game(required=RequiredGradients(real_gradient=True))
    _, gradient = played.input_gradient(played.real)
    weights = played.discriminator_module.w
    torch.testing.assert_close(gradient, weights * torch.tensor([1.0, -1] * 4)[:, None])
