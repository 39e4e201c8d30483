"""The GAN step against the textbook loop written out by hand."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.errors import Diverged
from ganzoo.sampling.random_streams import CPU
from ganzoo.training.assemble import make_step
from ganzoo.training.processes import Processes
from ganzoo.training.schedules import knobs
from ganzoo.training.step import GanStep, frozen

from .recipes import first_game, small_plan

ALONE = Processes(CPU)


def make(tmp_path: Path, **overrides: Any) -> GanStep:
    given = {key.replace("__", "."): value for key, value in overrides.items()}
    return make_step(small_plan(tmp_path, given), ALONE)


def weights(module: nn.Module) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()])


def textbook(step: GanStep) -> tuple[Tensor, Tensor]:
    """Play one step of hinge as tutorials do, graph through G in D's update and all."""
    parts, players = step.parts, {}
    for player, repeat in (("discriminator", 0), ("generator", 0)):
        mover = step.players[player]
        game = first_game(step, mover, repeat)
        fake = parts.generator(game.latents)
        if player == "discriminator":
            both = parts.discriminator(torch.cat([game.real, fake])).logits
            real_logits, fake_logits = both.split(len(fake))
            loss = torch.relu(1 - real_logits).mean() + torch.relu(1 + fake_logits).mean()
        else:
            loss = -parts.discriminator(fake).logits.mean()
        parts.generator.zero_grad()
        parts.discriminator.zero_grad()
        loss.backward()
        players[player] = step.players[player]
        players[player].optimizer.step()
    return weights(parts.discriminator), weights(parts.generator)


def test_lean_gradients_are_bit_identical_to_the_textbooks(tmp_path: Path) -> None:
    ours, theirs = make(tmp_path), make(tmp_path)
    ours()
    discriminator, generator = textbook(theirs)
    assert torch.equal(weights(ours.parts.discriminator), discriminator)
    assert torch.equal(weights(ours.parts.generator), generator)


def test_equal_seeds_train_equal_weights_and_others_do_not(tmp_path: Path) -> None:
    first, second, other = make(tmp_path), make(tmp_path), make(tmp_path, seed=1)
    for step in (first, second, other):
        step()
    assert torch.equal(weights(first.parts.generator), weights(second.parts.generator))
    assert not torch.equal(weights(first.parts.generator), weights(other.parts.generator))


def test_samples_seen_counts_the_real_samples_of_every_d_update(tmp_path: Path) -> None:
    step = make(tmp_path, train__discriminator_steps=3)
    step()
    assert (step.iteration, step.samples_seen) == (1, 3 * 16)
    assert (step.discriminator.updates, step.generator.updates) == (3, 1)


def test_g_is_updated_generator_steps_times_with_new_noise(tmp_path: Path) -> None:
    step = make(tmp_path, train__generator_steps=3)
    step()
    assert (step.iteration, step.samples_seen) == (1, 16)
    assert (step.discriminator.updates, step.generator.updates) == (1, 3)
    first, second = (first_game(step, step.generator, repeat).latents for repeat in (0, 1))
    assert not torch.equal(first, second)


def test_without_d_steps_d_keeps_its_weights_and_gs_batches_count_as_seen(tmp_path: Path) -> None:
    given = {"train__discriminator_steps": 0, "train__generator_steps": 2}
    step = make(tmp_path, **given, train__ema={"half_life_samples": 32})
    before, start = weights(step.parts.discriminator), weights(step.parts.generator)
    terms = step()
    assert torch.equal(weights(step.parts.discriminator), before)
    assert (step.iteration, step.samples_seen) == (1, 2 * 16)
    assert (step.discriminator.updates, step.generator.updates) == (0, 2)
    assert all(name.startswith("g/") for name in terms)
    assert step.ema is not None
    middle = (start + weights(step.parts.generator)) / 2  # one half-life later
    torch.testing.assert_close(weights(step.ema.module), middle)


def test_every_update_has_a_real_batch_of_its_own(tmp_path: Path) -> None:
    step = make(tmp_path, train__discriminator_steps=2)
    step()
    assert step.feed.position == 3 * 16


def test_a_lazy_regularizer_is_weighted_by_its_interval(tmp_path: Path) -> None:
    always = make(tmp_path, regularizers__r1__gamma=1.0)
    lazy = make(tmp_path, regularizers__r1={"gamma": 1.0, "every_steps": 4})
    terms = [lazy()["d/r1"] if index == 0 else lazy().get("d/r1") for index in range(3)]
    torch.testing.assert_close(terms[0], 4 * always()["d/r1"])
    assert terms[1:] == [None, None]


def test_a_weight_multiplies_its_term(tmp_path: Path) -> None:
    once = make(tmp_path, regularizers__r1={"gamma": 1.0})
    twice = make(tmp_path, regularizers__r1={"gamma": 1.0, "weight": 2.0})
    torch.testing.assert_close(twice()["d/r1"], 2 * once()["d/r1"])


@pytest.mark.parametrize("loss", ["hinge", "wgan-gp", "vanilla"])
def test_micro_batches_change_rounding_only(tmp_path: Path, loss: str) -> None:
    given = {"loss": loss, "generator": {"use": "mlp", "batch_norm": False, "width": 16}}
    given["discriminator"] = {"use": "mlp", "width": 16}
    # Adam would turn rounding of a gradient near zero into a whole step.
    given["optimizers__both"] = {"use": "sgd", "lr": 0.1}
    whole, parts = make(tmp_path, **given), make(tmp_path, **given, train__micro_batch=4)
    for _ in range(3):
        whole_terms, parts_terms = whole(), parts()
    torch.testing.assert_close(
        weights(whole.parts.discriminator), weights(parts.parts.discriminator), rtol=1e-3, atol=1e-5
    )
    for name, value in whole_terms.items():
        torch.testing.assert_close(parts_terms[name], value, rtol=1e-3, atol=1e-4)


class Observer:
    """Changes nothing and keeps what it observes."""

    def __init__(self) -> None:
        self.signs: list[float] = []

    def observe(self, statistics: dict[str, Any]) -> None:
        self.signs.append(float(statistics["real_logits_sign"]))


def test_an_augmentation_observes_the_whole_batch_under_micro_batches(tmp_path: Path) -> None:
    given = {"generator": {"use": "mlp", "batch_norm": False, "width": 16}}
    given |= {"discriminator": {"use": "mlp", "width": 16}}
    observers = Observer(), Observer()
    for observer, size in zip(observers, (None, 4), strict=True):
        step = make(tmp_path, **given, train__micro_batch=size)
        step.parts = step.parts = replace(step.parts, augmentation=observer)
        for _ in range(3):
            step()
    assert len(set(observers[0].signs)) > 1
    assert observers[0].signs == observers[1].signs


def test_frozen_parameters_let_gradients_through_and_keep_none(tmp_path: Path) -> None:
    step = make(tmp_path)
    x = torch.randn(2, 1, 8, 8, requires_grad=True)
    with frozen(step.discriminator):
        step.parts.discriminator(x).logits.sum().backward()
    assert x.grad is not None
    assert all(parameter.grad is None for parameter in step.discriminator.parameters)
    assert all(parameter.requires_grad for parameter in step.discriminator.parameters)


def test_gradients_are_clipped_to_the_recipes_norm(tmp_path: Path) -> None:
    step = make(tmp_path, train__clip_grad_norm=1e-3, optimizers__both={"use": "sgd", "lr": 1.0})
    before = weights(step.parts.generator)
    step()
    moved = (weights(step.parts.generator) - before).norm()
    assert moved == pytest.approx(1e-3, rel=1e-3)


class Poison:
    """A loss that is not finite from the third update on."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.calls = inner, 0

    def discriminator(self, game: Any) -> dict[str, Tensor]:
        self.calls += 1
        terms = dict(self.inner.discriminator(game))
        if self.calls == 3:
            terms["poison"] = terms["real"] * float("nan")
        return terms

    def generator(self, game: Any) -> dict[str, Tensor]:
        return dict(self.inner.generator(game))


def poisoned(tmp_path: Path, policy: str) -> GanStep:
    step = make(tmp_path, train__on_nonfinite=policy, train__ema={"half_life_samples": 100})
    object.__setattr__(step.parts, "loss", Poison(step.parts.loss))
    return step


def test_a_term_that_is_not_finite_stops_the_run_and_is_named(tmp_path: Path) -> None:
    step = poisoned(tmp_path, "stop")
    step(), step()
    before = weights(step.parts.discriminator)
    with pytest.raises(Diverged, match=r"'poison'.*discriminator's update at step 2"):
        step()
    assert torch.equal(weights(step.parts.discriminator), before)


def test_a_skipped_update_leaves_weights_and_average_finite(tmp_path: Path) -> None:
    step = poisoned(tmp_path, "skip")
    for _ in range(4):
        step()
    assert step.ema is not None
    assert torch.isfinite(weights(step.parts.discriminator)).all()
    assert torch.isfinite(weights(step.ema.module)).all()
    assert step.discriminator.updates == 4


def test_a_scheduled_learning_rate_follows_the_samples_seen(tmp_path: Path) -> None:
    schedule = {"optimizers.both.lr": {"use": "linear", "end_samples": 64}}
    step = make(tmp_path, schedules=schedule, optimizers__both={"use": "adam", "lr": 0.01})
    for _ in range(4):
        step()
    # The fourth step began with 48 of 64 images seen.
    assert step.discriminator.optimizer.param_groups[0]["lr"] == pytest.approx(0.01 * 16 / 64)


def test_a_regularizers_own_number_can_be_scheduled(tmp_path: Path) -> None:
    step = make(
        tmp_path,
        regularizers__r1={"gamma": 8.0},
        schedules={"regularizers.r1.gamma": {"use": "linear", "end_samples": 32}},
    )
    step(), step()
    assert step.parts.regularizers[0].component.gamma == pytest.approx(4.0)


def test_bf16_runs_networks_in_bf16_and_keeps_losses_and_weights_in_float32(tmp_path: Path) -> None:
    step = make(tmp_path, train__precision="bf16")
    seen: list[torch.dtype] = []
    layer = next(m for m in step.parts.discriminator.modules() if isinstance(m, nn.Conv2d))
    layer.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    terms = step()
    assert set(seen) == {torch.bfloat16}
    assert {value.dtype for value in terms.values()} == {torch.float32}
    assert weights(step.parts.discriminator).dtype == torch.float32


def test_each_parameter_group_is_scheduled_from_its_own_value() -> None:
    groups = [{"params": [nn.Parameter(torch.ones(1))], "lr": lr} for lr in (0.1, 0.4)]
    optimizer = torch.optim.SGD(groups)
    made = knobs("optimizers.generator.lr", Halved(), {"generator": optimizer}, {})
    for knob in made:
        knob.apply(100)
    assert [group["lr"] for group in optimizer.param_groups] == [0.05, 0.2]


def test_numbers_of_the_step_itself_can_be_scheduled(tmp_path: Path) -> None:
    schedule = {"use": "linear", "start": 1.0, "end": 0.0, "end_samples": 64}
    given = {"train__clip_grad_norm": 8.0, "train__ema": {"half_life_samples": 100, "ramp_up": 2.0}}
    paths = ["train.clip_grad_norm", "train.ema.half_life_samples", "train.ema.ramp_up"]
    step = make(tmp_path, **given, schedules=dict.fromkeys(paths, schedule))
    for left in (1.0, 0.75, 0.5):
        step()
        assert step.ema is not None
        assert (step.ema.half_life_samples, step.ema.ramp_up) == (100 * left, 2 * left)
        clips = [player.clip_grad_norm for player in (step.discriminator, step.generator)]
        assert clips == [8 * left] * 2


class Halved:
    absolute = False

    def __call__(self, samples_seen: int) -> float:
        return 0.5
