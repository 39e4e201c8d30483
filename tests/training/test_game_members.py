"""Noise inside G, other latents, what augmentations return, packed discriminators."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.api import DiscriminatorOutput, Noise, SampleSpec
from ganzoo.errors import DeviceError, RecipeError
from ganzoo.registry.registry import Registry
from ganzoo.sampling.random_streams import CPU, Rows
from ganzoo.training.assemble import make_step, require_fit
from ganzoo.training.dry_run import dry_run
from ganzoo.training.ending import hint_smaller_batch
from ganzoo.training.game import EngineGame
from ganzoo.training.networks import RequiredGradients
from ganzoo.training.processes import Processes
from ganzoo.training.step import GanStep

from .recipes import small_plan
from .test_game import Critic, Linear, game

PLUGIN = Path(__file__).with_name("game_plugin.py")


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


@pytest.mark.parametrize("augmentation", [diffuse, diffuse_without_names])
@pytest.mark.parametrize("functional", [False, True])
def test_no_gradient_reaches_the_samples_through_what_the_augmentation_returned(
    functional: bool, augmentation: Any
) -> None:
    def dependent(x: Tensor, noise: Noise) -> tuple[Tensor, Any]:
        seen, extra = augmentation(x, noise)
        shift = x.sum(1)
        extra = {"t": extra["t"] + shift} if isinstance(extra, dict) else extra + shift
        return seen, extra

    played = timed_game(augmentation=dependent, required=RequiredGradients(real_gradient=True))
    played.networks = replace(played.networks, functional=functional)
    _, gradient = played.input_gradient(played.real)
    t = played.noise.within("augment1").uniform("t") + played.real.sum(1)
    expected = played.discriminator_module.w * (1 + t[:, None])
    torch.testing.assert_close(gradient, expected)


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


# --- in a step -----------------------------------------------------------------------------------


def plan_of(folder: Path, **overrides: Any) -> Any:
    given = {key.replace("__", "."): value for key, value in overrides.items()}
    return small_plan(folder, given, Registry.with_local(PLUGIN))


def trained(folder: Path, steps: int = 2, **overrides: Any) -> GanStep:
    """Return a step after some calls, with networks whose samples do not depend on each other."""
    networks = {"generator": "local/noisy", "discriminator": "local/packed"}
    sgd = {"optimizers.both": {"use": "sgd", "lr": 0.1}}
    step = make_step(plan_of(folder, **(networks | sgd | overrides)), Processes(CPU))
    for _ in range(steps):
        step()
    return step


def weights(step: GanStep) -> Tensor:
    parameters = [*step.parts.generator.parameters(), *step.parts.discriminator.parameters()]
    return torch.cat([each.detach().flatten() for each in parameters])


def test_micro_batches_of_a_packed_d_and_a_noisy_g_train_as_the_whole_batch(
    tmp_path: Path,
) -> None:
    whole, parts = trained(tmp_path), trained(tmp_path, train__micro_batch=8)
    torch.testing.assert_close(weights(parts), weights(whole))
    assert not torch.equal(weights(whole), weights(trained(tmp_path, seed=1)))


@pytest.mark.parametrize("augmentation", ["local/diffusion", "diffaugment"])
def test_top_k_trains_with_an_augmentation(tmp_path: Path, augmentation: str) -> None:
    step = trained(
        tmp_path,
        discriminator="local/timed",
        regularizers={"local/top-k": {}},
        augmentation=augmentation,
    )
    assert weights(step).isfinite().all()


def test_an_augmentation_observes_the_signs_of_the_sides_that_d_was_run_on(
    tmp_path: Path,
) -> None:
    both, real = (
        trained(
            tmp_path,
            steps=1,
            loss={"use": "local/watching", "both": each},
            regularizers={"r1": {"gamma": 1.0}},
            augmentation="local/diffusion",
            train__micro_batch=8,
        ).parts.augmentation.observed
        for each in (True, False)
    )
    assert both[:2].abs().max() <= 1
    assert real[0] == both[0]
    assert real[1].isnan()
    assert both[2] == real[2] == 16


@pytest.mark.parametrize(
    ("overrides", "said", "hint"),
    [
        ({"train.batch_size": 18}, "18 is not a multiple of 4", "train.batch_size=20"),
        (
            {"train.batch_size": 36, "train.micro_batch": 18},
            "18 is not a multiple of 4",
            "train.micro_batch=12",
        ),
        (
            {"train.batch_size": 8, "train.micro_batch": 2},
            "2 is not a multiple of 4",
            "train.micro_batch=null",
        ),
    ],
)
def test_a_batch_that_a_packed_d_cannot_take_is_refused_with_the_nearest_that_it_can(
    tmp_path: Path, overrides: dict[str, Any], said: str, hint: str
) -> None:
    with pytest.raises(RecipeError, match=f"{said}, which local/packed judges together") as caught:
        dry_run(plan_of(tmp_path, discriminator="local/packed", **overrides))
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("overrides", "world_size", "less"),
    [
        ({"train.batch_size": 24}, 1, "train.micro_batch=12"),
        ({"train.batch_size": 40}, 2, "train.micro_batch=8"),
        ({"train.batch_size": 4}, 1, None),
        ({"train.batch_size": 24, "regularizers": {"local/top-k": {}}}, 2, "train.batch_size=8"),
    ],
)
def test_the_out_of_memory_hint_of_a_packed_d_is_a_batch_that_it_can_take(
    tmp_path: Path, overrides: dict[str, Any], world_size: int, less: str | None
) -> None:
    plan = plan_of(tmp_path, discriminator={"use": "local/packed", "count": 4}, **overrides)
    assert hint_smaller_batch(replace(plan, batch_multiple=4), world_size) == less


def test_processes_that_cannot_share_a_packed_ds_batch_are_refused(tmp_path: Path) -> None:
    plan = dry_run(plan_of(tmp_path, discriminator="local/packed", train__batch_size=12))
    require_fit(plan, Processes(CPU))
    with pytest.raises(DeviceError, match="4 samples together, and each of 2 processes has 6") as e:
        require_fit(plan, Processes(CPU, world_size=2))
    assert e.value.hint == "train.batch_size=16"
