"""What the players of a game are made of: requirements by role, frozen parts, sizes of a batch."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from ganzoo.errors import RecipeError
from ganzoo.registry.registry import Registry
from ganzoo.sampling.random_streams import CPU
from ganzoo.training.assemble import make_step
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
