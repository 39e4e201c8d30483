"""Compare resumed runs with uninterrupted ones, on all launched processes; print a JSON object.

    [torchrun --nproc-per-node 2] -m tests.reliability.resume_matrix FOLDER

Prints: data and step saved at → what differs after the last step, over all processes.
"""

import json
import sys
from functools import cache
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
import torch.distributed as dist

from ganzoo.components.plan import Plan
from ganzoo.components.planner import make_plan
from ganzoo.recipes.load import Recipe
from ganzoo.registry.registry import Registry
from ganzoo.training.assemble import make_step
from ganzoo.training.checkpointing import write_state
from ganzoo.training.processes import Processes, find_processes
from ganzoo.training.step import GanStep

from .tiny import tensors

PLUGIN = Path(__file__).with_name("stateful_plugin.py")
STEPS = 6
SAVED_AT = {"first step": 1, "mid-epoch": 2, "epoch boundary": 3, "last": 6}
"""48 samples, 8 for D and 8 for G a step: an epoch is three steps."""

RECIPE = """
recipe: 1
name: everything
seed: 3
dataset: local/ramps
generator: {use: mlp, width: 8, depth: 1}
discriminator: {use: mlp, width: 8, depth: 1}
loss: hinge
augmentation: local/learning
regularizers: {r1: {gamma: 1.0, every_steps: 4}}
optimizers: {both: {use: adam, lr: 1e-2}}
schedules: {optimizers.both.lr: {use: linear, end_samples: 60}}
train: {steps: 6, batch_size: 8, ema: {half_life_samples: 50, ramp_up: 0.05}}
eval: {extractor: null}
"""


@cache
def plan_of(recipe: Path, data: str) -> Plan:
    registry = Registry.with_local(PLUGIN)
    return make_plan(Recipe.load(recipe, [f"train.data={data}"], registry), registry)


def play(plan: Plan, processes: Processes, steps: int, checkpoint: Path | None = None) -> GanStep:
    saved: Any = SimpleNamespace(path=checkpoint) if checkpoint else None
    step = make_step(plan, processes, saved)
    for _ in range(steps):
        step()
    return step


def held(step: GanStep, folder: Path) -> dict[str, Any]:
    """Return everything that a checkpoint of this step would hold."""
    folder.mkdir(parents=True)
    write_state(step, folder)
    return tensors(folder)


def differing(straight: dict[str, Any], resumed: dict[str, Any]) -> list[str]:
    def same(a: Any, b: Any) -> bool:
        return torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b

    assert straight.keys() == resumed.keys()
    return [name for name, value in straight.items() if not same(value, resumed[name])]


def matrix(folder: Path, processes: Processes, data: str) -> dict[str, list[str]]:
    """Return what differs, by where the run was saved. Rank 0 saves, as in a run."""
    mine = folder / f"rank{processes.rank}" / data
    mine.mkdir(parents=True)
    recipe = mine / "everything.yaml"
    recipe.write_text(RECIPE)
    plan = plan_of(recipe, data)
    straight = held(play(plan, processes, STEPS), mine / "straight")
    assert float(straight["state.components.augmentation.strength"]) != 0
    found = {}
    for name, at in SAVED_AT.items():
        stopped = play(plan, processes, at)
        checkpoint = folder / f"{data} {at}"
        if processes.is_main:
            held(stopped, checkpoint)
        processes.wait()
        resumed = play(plan, processes, STEPS - at, checkpoint)
        found[f"{data}, {name}"] = differing(straight, held(resumed, mine / f"resumed {at}"))
    return found


def main(folder: Path) -> None:
    processes = find_processes()
    here = matrix(folder, processes, "memory") | matrix(folder, processes, "stream")
    everywhere: list[Any] = [here]
    if processes.world_size > 1:
        everywhere = [None] * processes.world_size
        dist.all_gather_object(everywhere, here)
    if processes.is_main:
        names = {name: [each[name] for each in everywhere] for name in here}
        print(json.dumps({name: [*chain.from_iterable(parts)] for name, parts in names.items()}))
    processes.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
