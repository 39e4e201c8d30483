"""What a checkpoint holds: networks as safetensors, everything else as plain tensors and numbers.

``state.pt`` is read with ``torch.load(weights_only=True)`` and no fallback: it can hold no code.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ganzoo.components.weights import read_network, write_network
from ganzoo.errors import CheckpointError
from ganzoo.runs.checkpoints import Checkpoint, CheckpointStore
from ganzoo.runs.manifest import DamagedCheckpoint
from ganzoo.runs.references import command, reference_to

if TYPE_CHECKING:
    from ganzoo.training.player import Player
    from ganzoo.training.step import GanStep

STATE_FILE = "state.pt"


def networks_of(step: GanStep) -> dict[str, nn.Module]:
    """Return the networks of a run by the name of their file."""
    networks = {"generator": step.parts.generator, "discriminator": step.parts.discriminator}
    return networks | ({"ema": step.ema.module} if step.ema else {})


def write_state(step: GanStep, directory: Path) -> None:
    """Write everything that `read_state` needs to go on bit for bit.

    Raises:
        CheckpointError: a weight is not finite.
    """
    for name, network in networks_of(step).items():
        write_network(network, directory / f"{name}.safetensors")
    torch.save(_state(step), directory / STATE_FILE)


def read_state(step: GanStep, directory: Path) -> None:
    """Put a run back to where `write_state` left it.

    Raises:
        CheckpointError: a file that does not fit the recipe's networks, or cannot be read.
    """
    for name, network in networks_of(step).items():
        read_network(network, directory / f"{name}.safetensors")
    try:
        state = torch.load(directory / STATE_FILE, map_location="cpu", weights_only=True)
    except Exception as error:
        # torch raises many kinds for a file that is damaged or that hides code.
        raise CheckpointError(f"{directory / STATE_FILE} cannot be read: {error}") from error
    try:
        _put_back(step, state)
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        raise CheckpointError(
            f"{directory / STATE_FILE} is no state of this run: {what}"
        ) from error


def _put_back(step: GanStep, state: dict[str, Any]) -> None:
    step.step = state["step"]
    step.samples_seen = state["samples_seen"]
    step.rollbacks = state.get("rollbacks", 0)  # earlier checkpoints had none
    step.feed.go_to(state["position"], step.rollbacks)
    for player in (step.discriminator, step.generator):
        saved = state["players"][player.name]
        player.optimizer.load_state_dict(saved["optimizer"])
        player.updates, player.skipped = saved["updates"], saved["skipped"]
        if player.scale and "scale" in saved:
            player.scale.load_state_dict(saved["scale"])
    for name, component in step.parts.stateful().items():
        component.load_state_dict(state["components"][name])
    step.forget()


def _state(step: GanStep) -> dict[str, Any]:
    return {
        "step": step.step,
        "samples_seen": step.samples_seen,
        "rollbacks": step.rollbacks,
        "position": step.feed.position,
        "players": {
            player.name: _state_of(player) for player in (step.discriminator, step.generator)
        },
        "components": {
            name: component.state_dict() for name, component in step.parts.stateful().items()
        },
    }


def _state_of(player: Player) -> dict[str, Any]:
    state = {
        "optimizer": player.optimizer.state_dict(),
        "updates": player.updates,
        "skipped": player.skipped,
    }
    return state | ({"scale": player.scale.state_dict()} if player.scale else {})


def newest_whole(store: CheckpointStore) -> Checkpoint:
    """Return the newest checkpoint, touching nothing: the run may be another's.

    Raises:
        CheckpointError: there is none, or it is damaged; an older one is not taken in silence.
    """
    steps = store.steps()
    try:
        return store.at(steps[-1] if steps else 0)
    except DamagedCheckpoint as error:
        older = f"--checkpoint {steps[-2]}, or: " if len(steps) > 1 else ""
        resume = command("resume", reference_to(store.directory.parent))
        raise CheckpointError(error.message, hint=f"{older}{resume}") from error
