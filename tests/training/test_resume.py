"""A step restored from a checkpoint continues bit for bit, under each switch."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from ganzoo.components.plan import Plan
from ganzoo.sampling.random_streams import CPU
from ganzoo.training.assemble import make_step
from ganzoo.training.checkpointing import write_state
from ganzoo.training.execution import numerics
from ganzoo.training.processes import Processes
from ganzoo.training.step import GanStep

from .recipes import small_plan

EMA = {"train.ema": {"half_life_samples": 200, "ramp_up": 0.05}}

SWITCHES: dict[str, dict[str, Any]] = {
    "as it is": {},
    "bf16": {"train.precision": "bf16"},
    "channels_last": {"train.memory_format": "channels_last"},
    "contiguous": {"train.memory_format": "contiguous"},
    "deterministic": {"train.deterministic": True},
    "stream": {"train.data": "stream"},
    "micro_batch": {
        "train.micro_batch": 4,
        "generator": {"use": "mlp", "batch_norm": False, "width": 8},
        "discriminator": {"use": "mlp", "width": 8},
    },
    "clipped": {"train.clip_grad_norm": 0.1},
    "5 D steps": {"train.discriminator_steps": 5},
    "2 G steps": {"train.generator_steps": 2},
    "no D steps": {"train.discriminator_steps": 0},
    "lazy r1": {"regularizers.r1": {"gamma": 1.0, "every_steps": 4}},
    "wgan-gp": {"loss": "wgan-gp"},
    "augmented": {"augmentation": "diffaugment"},
    "ada": {"augmentation": {"use": "ada", "p": 0.5, "interval": 2, "ada_samples": 200}},
    "apa": {"regularizers.apa": {"p": 0.5, "interval": 2, "apa_samples": 200}},
    "diffusion": {
        "augmentation": {"use": "diffusion", "interval": 2, "diffusion_samples": 200},
        "discriminator": {"use": "dcgan-diffusion", "width": 8},
    },
    "scheduled": {"schedules": {"optimizers.both.lr": {"use": "linear", "end_samples": 200}}},
    "synced batch norm": {"train.batch_norm": "synced"},
    "parameter groups": {
        "optimizers.generator.groups": {"norms": {"match": "norms.*", "lr_factor": 0.1}},
        "schedules": {"optimizers.both.lr": {"use": "linear", "end_samples": 200}},
    },
    "a batch larger than the data": {"train.batch_size": 700},
}


def play(plan: Plan, steps: int, checkpoint: Path | None = None) -> GanStep:
    saved: Any = SimpleNamespace(path=checkpoint) if checkpoint else None
    with numerics(plan.recipe.settings.train):
        step = make_step(plan, Processes(CPU), saved)
        for _ in range(steps):
            step()
    return step


def everything(step: GanStep) -> dict[str, Tensor]:
    """Return every tensor and number that the next steps depend on."""
    found = {
        f"{name}.{key}": value
        for name, network in step.modules().items()
        for key, value in network.state_dict().items()
    }
    for player in (step.discriminator, step.generator):
        for index, state in player.optimizer.state_dict()["state"].items():
            found |= {f"{player.name}.{index}.{key}": value for key, value in state.items()}
        found[f"{player.name}.updates"] = torch.tensor(player.updates)
    found["position"] = torch.tensor(step.feed.position)
    found["samples_seen"] = torch.tensor(step.samples_seen)
    return found


def assert_resumes(plan: Plan, folder: Path) -> None:
    straight = everything(play(plan, 5))
    folder.mkdir()
    write_state(play(plan, 3), folder)
    resumed = everything(play(plan, 2, folder))
    assert straight.keys() == resumed.keys()
    different = [key for key, value in straight.items() if not torch.equal(value, resumed[key])]
    assert not different


@pytest.mark.parametrize("switch", SWITCHES)
def test_a_run_resumes_bit_for_bit_under(tmp_path: Path, switch: str) -> None:
    assert_resumes(small_plan(tmp_path, EMA | SWITCHES[switch]), tmp_path / "checkpoint")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="compiling needs a C++ compiler")
@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_a_compiled_run_resumes_bit_for_bit(tmp_path: Path) -> None:
    tiny = {
        "generator": {"use": "mlp", "width": 8, "depth": 1},
        "discriminator": {"use": "mlp", "width": 8, "depth": 1},
        "train.compile": True,
    }
    assert_resumes(small_plan(tmp_path, EMA | tiny), tmp_path / "checkpoint")
