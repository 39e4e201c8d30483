"""Small recipes for tests of training."""

from pathlib import Path
from typing import Any

import yaml

from ganzoo.components.plan import Plan
from ganzoo.components.planner import make_plan
from ganzoo.recipes.load import Recipe
from ganzoo.registry.registry import Registry
from ganzoo.training.game import EngineGame
from ganzoo.training.player import Player
from ganzoo.training.step import GanStep

SMALL: dict[str, Any] = {
    "recipe": 1,
    "name": "small",
    "dataset": {"use": "digits"},
    "generator": {"use": "dcgan", "width": 8, "latent_dim": 8},
    "discriminator": {"use": "dcgan", "width": 8, "spectral_norm": True},
    "loss": "hinge",
    "train": {"steps": 6, "batch_size": 16, "log_every_steps": 2},
    "eval": {"extractor": None},
}


def small_recipe(tmp_path: Path) -> Path:
    """Write `SMALL` and return its file."""
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(SMALL, sort_keys=False))
    return path


def small_plan(
    tmp_path: Path, overrides: dict[str, Any] | None = None, registry: Registry | None = None
) -> Plan:
    """Return the plan of `SMALL` with overrides, not rehearsed."""
    registry = registry or Registry()
    return make_plan(Recipe.load(small_recipe(tmp_path), overrides or {}, registry), registry)


def first_game(step: GanStep, player: Player, repeat: int) -> EngineGame:
    """Return the game of a player's update with no regularizers, of its first micro-batch."""
    rows = next(step.micro_batches())
    required = step.required_gradients(player, [])
    return step.game(player, step.inputs(player, repeat), rows, required)
