"""Weights to start from: another run's, or a safetensors file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from ganzoo.components.build import Components
from ganzoo.components.plan import initial_paths
from ganzoo.components.weights import read_network
from ganzoo.errors import CheckpointError
from ganzoo.runs.checkpoints import CheckpointStore
from ganzoo.runs.directory import INFO, RunDirectory
from ganzoo.training.state import newest_whole

if TYPE_CHECKING:
    from ganzoo.recipes.load import Recipe


def load_initial_weights(recipe: Recipe, parts: Components) -> None:
    """Load what ``init.generator`` and ``init.discriminator`` name, each a run or a file.

    Raises:
        CheckpointError: there is none, or it is of another network.
    """
    paths = initial_paths(recipe)
    for role in ("generator", "discriminator"):
        if role in paths:
            try:
                _load(getattr(parts, role), role, paths[role])
            except CheckpointError as error:
                problem = recipe.problem(("init", role), error.message)
                raise CheckpointError(str(problem), hint=error.hint or "ganzoo ls") from error


def _load(network: nn.Module, role: str, source: Path) -> None:
    if not (source / INFO).is_file():
        read_network(network, source)
        return
    store = CheckpointStore(RunDirectory(source).checkpoints_directory)
    checkpoint = newest_whole(store)
    averaged = role == "generator" and "ema.safetensors" in checkpoint.manifest["files"]
    read_network(network, checkpoint.file("ema.safetensors" if averaged else f"{role}.safetensors"))
