"""Every number of a recipe can be scheduled, and samples are drawn with its present value."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ganzoo.components.plan import Plan
from ganzoo.errors import RecipeError
from ganzoo.registry.registry import Registry
from ganzoo.runs.checkpoints import Checkpoint, CheckpointStore
from ganzoo.sampling.random_streams import CPU
from ganzoo.training.assemble import make_step
from ganzoo.training.checkpointing import read_state, write_state
from ganzoo.training.dry_run import dry_run
from ganzoo.training.processes import Processes
from ganzoo.training.sampled import sampler_of
from ganzoo.training.step import GanStep

from .recipes import small_plan
from .test_graphs import OnTheCpu, captured

PLUGIN = Path(__file__).with_name("players_plugin.py")
HALVED = {"use": "linear", "start": 1.0, "end": 0.0, "end_samples": 64}
"""A factor of 1, 3/4, 1/2 and 1/4 at the start of four steps of 16 samples."""

RECIPE = {
    "generator": "local/tempered",
    "discriminator": "local/sloped",
    "latent": "local/wide",
    "augmentation": "diffaugment",
    "loss": {"use": "wgan-gp", "lambda_gp": 10.0},
    "regularizers": {"r1": {"gamma": 4.0, "weight": 2.0}},
    "optimizers.both": {"use": "adam", "lr": 0.01, "betas": [0.5, 0.9], "weight_decay": 0.1},
    "train.ema": {"half_life_samples": 100, "ramp_up": 2.0},
    "train.clip_grad_norm": 8.0,
}
NETWORKS = ("generator.temperature", "generator.level", "latent.sigma")


def made(folder: Path, *paths: str, **overrides: Any) -> GanStep:
    given = RECIPE | {"schedules": dict.fromkeys(paths, HALVED)} | overrides
    return make_step(small_plan(folder, given, Registry.with_local(PLUGIN)), Processes(CPU))


def group(step: GanStep, player: str) -> dict[str, Any]:
    return step.players[player].optimizer.param_groups[0]


NUMBERS: dict[str, tuple[float, Any]] = {
    "generator.temperature": (2.0, lambda step: step.parts.generator.temperature),
    "generator.level": (0.5, lambda step: float(step.parts.generator.level)),
    "discriminator.slope": (1.0, lambda step: step.parts.discriminator.slope),
    "latent.sigma": (1.0, lambda step: step.parts.latent.sigma),
    "loss.lambda_gp": (10.0, lambda step: step.parts.loss.lambda_gp),
    "regularizers.r1.gamma": (4.0, lambda step: step.parts.regularizers[0].component.gamma),
    "regularizers.r1.weight": (2.0, lambda step: step.parts.regularizers[0].weight),
    "augmentation.strength": (1.0, lambda step: step.parts.augmentation.strength),
    "optimizers.both.lr": (0.01, lambda step: group(step, "generator")["lr"]),
    "optimizers.generator.beta1": (0.5, lambda step: group(step, "generator")["betas"][0]),
    "optimizers.discriminator.beta2": (0.9, lambda step: group(step, "discriminator")["betas"][1]),
    "optimizers.both.weight_decay": (0.1, lambda step: group(step, "generator")["weight_decay"]),
    "train.clip_grad_norm": (8.0, lambda step: step.generator.clip_grad_norm),
    "train.ema.half_life_samples": (100.0, lambda step: step.ema.half_life_samples),
    "train.ema.ramp_up": (2.0, lambda step: step.ema.ramp_up),
}


@pytest.mark.parametrize("path", NUMBERS)
def test_a_schedule_moves_the_number_at(tmp_path: Path, path: str) -> None:
    start, now = NUMBERS[path]
    step = made(tmp_path, path)
    for factor in (1.0, 0.75, 0.5):
        step()
        assert now(step) == pytest.approx(start * factor)


def test_the_average_of_g_has_the_numbers_of_g(tmp_path: Path) -> None:
    step = made(tmp_path, *NETWORKS)
    for factor in (1.0, 0.75, 0.5):
        step()
        assert step.ema is not None
        average: Any = step.ema.module
        assert (average.temperature, float(average.level)) == (2.0 * factor, 0.5 * factor)


def test_samples_are_drawn_with_the_numbers_after_the_steps_done(tmp_path: Path) -> None:
    step = made(tmp_path, *NETWORKS)
    for _ in range(2):
        step()
    sampler = step.sampler()
    generator, latent = sampler.generator, sampler.latent
    assert (generator.temperature, float(generator.level), latent.sigma) == (1.0, 0.25, 0.5)


def sampled_later(folder: Path, checkpoint: Checkpoint) -> Tensor:
    """Return samples as a later command draws them: from a new G and the checkpoint's weights."""
    given = RECIPE | {"schedules": dict.fromkeys(NETWORKS, HALVED)}
    plan = small_plan(folder, given, Registry.with_local(PLUGIN))
    sampler, _ = sampler_of(checkpoint, plan.recipe, plan.components, plan.spec, None, CPU)
    return sampler.sample(8)


def test_a_checkpoint_is_sampled_later_with_the_numbers_of_its_step(tmp_path: Path) -> None:
    step = made(tmp_path, *NETWORKS)
    store, samples = CheckpointStore(tmp_path / "checkpoints"), []
    for seen in (16, 32):
        step()
        samples.append(step.sampler().sample(8))
        store.publish(seen, lambda path: write_state(step, path), samples_seen=seen, world_size=1)
    assert torch.equal(sampled_later(tmp_path, store.at(16)), samples[0])
    assert torch.equal(sampled_later(tmp_path, store.at(32)), samples[1])
    assert not torch.equal(*samples)


def test_a_resumed_run_continues_the_schedules_of_its_networks(tmp_path: Path) -> None:
    straight, stopped = made(tmp_path, *NETWORKS), made(tmp_path, *NETWORKS)
    for _ in range(2):
        stopped()
    write_state(stopped, tmp_path)
    resumed = made(tmp_path, *NETWORKS)
    read_state(resumed, tmp_path)
    resumed()
    for _ in range(3):
        straight()
    for ours, theirs in zip(resumed.modules().values(), straight.modules().values(), strict=True):
        for name, value in theirs.state_dict().items():
            assert torch.equal(ours.state_dict()[name], value)


def test_initial_weights_do_not_change_where_a_schedule_starts(tmp_path: Path) -> None:
    other = made(tmp_path, "generator.level")
    for _ in range(3):
        other()
    write_state(other, tmp_path)
    start = str(tmp_path / "generator.safetensors")
    step = made(tmp_path, "generator.level", **{"init.generator": start})
    step()
    assert float(step.parts.generator.level) == 0.5


def test_a_number_that_is_not_kept_cannot_be_scheduled(tmp_path: Path) -> None:
    plan = small_plan(
        tmp_path,
        RECIPE | {"schedules": {"generator.baked": HALVED}},
        Registry.with_local(PLUGIN),
    )
    said = "Tempered keeps no number as 'baked', an attribute or a 0-dimensional float buffer"
    with pytest.raises(RecipeError, match=said):
        dry_run(plan)


# --- captured updates ---


@pytest.mark.parametrize("path", ["generator.temperature", "discriminator.slope"])
def test_an_attribute_of_a_network_is_fixed_in_a_graph(tmp_path: Path, path: str) -> None:
    given = {"schedules": {path: HALVED}, "train.cuda_graphs": True, "augmentation": None}
    plan = small_plan(tmp_path, RECIPE | given, Registry.with_local(PLUGIN))
    with pytest.raises(RecipeError, match=f"cannot be: schedules: {path} is fixed in a graph"):
        dry_run(plan)


def test_an_attribute_of_a_network_cannot_be_scheduled_in_compiled_code(tmp_path: Path) -> None:
    def plan(path: str) -> Plan:
        given = {"schedules": {path: HALVED}, "train.compile": True}
        return small_plan(tmp_path, RECIPE | given, Registry.with_local(PLUGIN))

    dry_run(plan("generator.level"))
    with pytest.raises(
        RecipeError, match=r"generator\.temperature is fixed in compiled"
    ) as refused:
        dry_run(plan("generator.temperature"))
    assert refused.value.hint == "train.compile=false"


def test_a_buffer_of_a_network_is_not(tmp_path: Path) -> None:
    paths = ["generator.level", "latent.sigma", "optimizers.both.lr"]
    given = {"schedules": dict.fromkeys(paths, HALVED), "train.cuda_graphs": True}
    plan = small_plan(tmp_path, RECIPE | given, Registry.with_local(PLUGIN))
    dry_run(plan)
    eager, ours = make_step(plan, Processes(CPU)), captured(plan, OnTheCpu())
    level = ours.parts.generator.level
    for _ in range(6):
        theirs, mine = eager(), ours()
        assert {name: float(value) for name, value in mine.items()} == pytest.approx(
            {name: float(value) for name, value in theirs.items()}
        )
    assert ours.parts.generator.level is level
