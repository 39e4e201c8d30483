"""What the players of a game are made of: requirements by role, frozen parts, sizes of a batch."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.errors import DeviceError, RecipeError
from ganzoo.registry.registry import Registry
from ganzoo.sampling.random_streams import CPU
from ganzoo.training.assemble import make_step
from ganzoo.training.checkpointing import read_state, write_state
from ganzoo.training.launch import prepare
from ganzoo.training.processes import Processes
from ganzoo.training.step import GanStep

from .recipes import small_plan

PLUGIN = Path(__file__).with_name("players_plugin.py")


def made(folder: Path, **overrides: Any) -> GanStep:
    given = {key.replace("__", "."): value for key, value in overrides.items()}
    return make_step(small_plan(folder, given, Registry.with_local(PLUGIN)), Processes(CPU))


def check(*overrides: str) -> None:
    prepare("digits-mlp-hinge", list(overrides), Registry.with_local(PLUGIN))


@pytest.mark.parametrize(
    ("override", "said", "hint"),
    [
        ("{}", "needs a discriminator with acme/word; zoo/mlp has none", "discriminators"),
        ("{role: generator, word: styles}", "needs a generator with styles", "generators"),
        ("{role: latent}", "needs a latent with acme/word; zoo/gaussian has none", "latents"),
    ],
)
def test_a_capability_that_a_role_lacks_is_named(override: str, said: str, hint: str) -> None:
    with pytest.raises(RecipeError, match=f"local/needy {said}") as raised:
        check(f"regularizers.local/needy={override}")
    assert raised.value.hint == f"ganzoo list {hint}"


def test_a_requirement_of_a_role_that_does_not_exist_is_named() -> None:
    with pytest.raises(RecipeError, match="'generatr', which is no role - did you mean"):
        check("regularizers.local/needy={role: generatr}")


def test_a_network_that_keeps_a_part_in_eval_mode_is_asked_before_the_first_step(
    tmp_path: Path,
) -> None:
    step = made(tmp_path, discriminator="local/on-features")
    norm = next(m for m in step.parts.discriminator.modules() if isinstance(m, nn.BatchNorm1d))
    assert step.parts.discriminator.training
    step()
    assert torch.equal(norm.running_mean, torch.zeros_like(norm.running_mean))


# --- parameters that are never trained ---


def frozen_part(step: GanStep) -> dict[str, Tensor]:
    saved = step.parts.discriminator.state_dict()
    return {name: value.clone() for name, value in saved.items() if name.startswith("features")}


def test_frozen_parameters_are_no_players_and_stay_frozen(tmp_path: Path) -> None:
    step = made(tmp_path, discriminator="local/on-features", optimizers__both={"weight_decay": 0.1})
    assert step.discriminator.names == ["head.weight", "head.bias"]
    before = frozen_part(step)
    for _ in range(2):
        step()
    discriminator = step.parts.discriminator
    assert all(torch.equal(value, frozen_part(step)[name]) for name, value in before.items())
    assert not any(p.requires_grad for p in discriminator.features.parameters())
    assert all(p.requires_grad for p in discriminator.head.parameters())
    assert all(p.grad is None for p in discriminator.features.parameters())


def test_a_checkpoint_restores_frozen_parameters(tmp_path: Path) -> None:
    step = made(tmp_path, discriminator="local/on-features")
    with torch.no_grad():
        step.parts.discriminator.features[1].weight += 1.0  # as if other ones had been loaded
    write_state(step, tmp_path)
    restored = made(tmp_path, discriminator="local/on-features")
    read_state(restored, tmp_path)
    for name, value in frozen_part(step).items():
        assert torch.equal(frozen_part(restored)[name], value)
    assert not any(p.requires_grad for p in restored.parts.discriminator.features.parameters())


def test_a_d_without_parameters_serves_a_game_that_never_trains_it() -> None:
    check("discriminator=local/constant", "loss=local/to-zero", "train.discriminator_steps=0")


def test_a_game_without_d_steps_trains_g_alone(tmp_path: Path) -> None:
    given = {"discriminator": "local/constant", "loss": "local/to-zero"}
    step = made(tmp_path, **given, train__discriminator_steps=0, train__generator_steps=2)
    first, *_, last = [float(step()["g/square"]) for _ in range(20)]
    assert last < first / 2
    assert step.samples_seen == 20 * 2 * 16


# --- after an update ---


def test_after_step_of_a_loss_runs_after_each_update(tmp_path: Path) -> None:
    step = made(tmp_path, discriminator="local/constant", loss="local/to-zero",
                train__discriminator_steps=0)  # fmt: skip
    step(), step()
    assert step.parts.loss.stepped == ["generator", "generator"]


def test_a_resumed_run_is_refused_where_processes_cannot_share_a_packed_batch(
    tmp_path: Path,
) -> None:
    plan = small_plan(
        tmp_path,
        {"discriminator": "local/packed", "train.batch_size": 12},
        Registry.with_local(Path(__file__).with_name("game_plugin.py")),
    )
    make_step(plan, Processes(CPU))
    with pytest.raises(DeviceError, match="4 samples together, and each of 2 processes has 6"):
        make_step(plan, Processes(CPU, world_size=2))
