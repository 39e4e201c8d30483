"""Plays a few steps of several games and prints their terms; started by torchrun or alone.

    python train_everywhere.py RECIPE PLUGIN

Prints one JSON object: name of the game → for each step, term → mean over all processes; and at
last the running statistics of batch norm.
"""

import json
import sys
from pathlib import Path

from ganzoo.components.planner import make_plan
from ganzoo.recipes.load import Recipe
from ganzoo.registry.registry import Registry
from ganzoo.scoring.collectives import mean_over_ranks
from ganzoo.training.assemble import make_step
from ganzoo.training.processes import Processes, find_processes
from ganzoo.training.step import GanStep

LOSSES = ("hinge", "wgan-gp", "local/pairing")
MICRO_BATCHES = (None, 1, 4)
NORMED = (
    "generator={use: dcgan, width: 8, latent_dim: 8}",
    "discriminator={use: dcgan, width: 8}",
    "train.ema={half_life_samples: 200}",
)
"""Batch norm in both networks, and an average of G."""
MEMBERS = (
    "generator=local/noisy",
    "augmentation=local/diffusion",
    "regularizers={local/mixing: {}, local/rows: {}}",
)
"""Noise inside G, an augmentation that returns its step, other latents, rows among all."""
STEPS = 6


def play(recipe: str, registry: Registry, processes: Processes, *overrides: str) -> object:
    step = make_step(make_plan(Recipe.load(recipe, overrides, registry), registry), processes)
    played = [
        {name: mean_over_ranks(value).item() for name, value in step().items()}
        for _ in range(STEPS)
    ]
    return [*played, running_statistics(step)]


def running_statistics(step: GanStep) -> dict[str, float]:
    """Return the sum of each running statistic of both networks and of the average of G."""
    return {
        f"{network} {name}": buffer.sum().item()
        for network, module in step.modules().items()
        for name, buffer in module.named_buffers()
        if "running" in name
    }


def main(recipe: str, plugin: str) -> None:
    processes, registry = find_processes(), Registry.with_local(Path(plugin))
    played = {
        f"{loss} {size}": play(
            recipe, registry, processes, f"loss={loss}",
            *([f"train.micro_batch={size}"] if size else []),
        )
        for loss in LOSSES
        for size in MICRO_BATCHES
    }  # fmt: skip
    for loss in ("hinge", "wgan-gp"):
        for norm in ("local", "synced"):
            overrides = (f"loss={loss}", f"train.batch_norm={norm}", *NORMED)
            played[f"{loss} {norm}"] = play(recipe, registry, processes, *overrides)
    for critic in ("timed", "packed"):
        for size in (None, 4):
            overrides = (f"discriminator=local/{critic}", *MEMBERS)
            overrides += (f"train.micro_batch={size}",) if size else ()
            played[f"{critic} {size}"] = play(recipe, registry, processes, *overrides)
    if processes.is_main:
        print(json.dumps(played))
    processes.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
