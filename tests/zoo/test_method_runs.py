"""Methods in training: they resume bit for bit, follow schedules, and hold what they promise."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import yaml

from ganzoo.components.plan import Plan
from ganzoo.components.planner import make_plan
from ganzoo.recipes.load import Recipe
from ganzoo.registry.registry import Registry
from ganzoo.sampling.random_streams import CPU
from ganzoo.training.assemble import make_step
from ganzoo.training.checkpointing import write_state
from ganzoo.training.execution import numerics
from ganzoo.training.processes import Processes
from ganzoo.training.step import GanStep

SMALL: dict[str, Any] = {
    "recipe": 1,
    "name": "small",
    "dataset": {"use": "digits", "size": 8},
    "generator": {"use": "mlp", "width": 8, "latent_dim": 16},
    "discriminator": {"use": "mlp", "width": 8},
    "loss": "hinge",
    "train": {"steps": 6, "batch_size": 16, "ema": {"half_life_samples": 200}},
    "eval": {"extractor": None},
}

METHODS: dict[str, dict[str, Any]] = {
    "lecam": {"regularizers": {"lecam": {"start_updates": 2}}},
    "sobolev": {"loss": "wasserstein", "regularizers": {"sobolev": {"rho": 0.1}}},
    "logan": {"latent": "uniform", "regularizers": {"latent-optimisation": {"share": 0.5}}},
    "top-k": {"regularizers": {"top-k": {"epoch_samples": 16, "gamma": 0.8}}},
    "icr": {"regularizers": {"consistency": {"lambda_fake": 10}, "latent-consistency": {}}},
    "particles": {"latent": {"use": "particles", "count": 32, "sigma": 0.1}},
    "extra-adam": {"optimizers": {"both": {"use": "extra-adam", "lr": 1e-3}}},
    "optimistic-adam": {"optimizers": {"both": {"use": "optimistic-adam", "lr": 1e-3}}},
    "lion": {"optimizers": {"both": {"use": "lion", "lr": 1e-3}}},
    "infogan": {
        "latent": "codes",
        "discriminator": {"use": "infogan", "network": "mlp", "width": 8},
        "regularizers": {"information": {}},
    },
    "pacgan": {"discriminator": {"use": "packed", "network": "mlp", "width": 8}},
}


def small_plan(tmp_path: Path, changes: dict[str, Any]) -> Plan:
    path, registry = tmp_path / "small.yaml", Registry()
    path.write_text(yaml.safe_dump(SMALL | changes, sort_keys=False))
    return make_plan(Recipe.load(path, {}, registry), registry)


def play(plan: Plan, steps: int, checkpoint: Path | None = None) -> GanStep:
    saved: Any = SimpleNamespace(path=checkpoint) if checkpoint else None
    with numerics(plan.recipe.settings.train):
        step = make_step(plan, Processes(CPU), saved)
        for _ in range(steps):
            step()
    return step


def everything(step: GanStep) -> dict[str, Any]:
    """Return every tensor and number that the next steps depend on."""
    modules: dict[str, Any] = {**step.modules(), **step.parts.stateful()}
    found = {
        f"{name}.{key}": value
        for name, module in modules.items()
        for key, value in module.state_dict().items()
    }
    for player in (step.discriminator, step.generator):
        for index, state in player.optimizer.state_dict()["state"].items():
            found |= {f"{player.name}.{index}.{key}": value for key, value in state.items()}
    return found


@pytest.mark.parametrize("method", METHODS)
def test_a_run_resumes_bit_for_bit_with(tmp_path: Path, method: str) -> None:
    plan = small_plan(tmp_path, METHODS[method])
    straight = everything(play(plan, 5))
    (tmp_path / "checkpoint").mkdir()
    write_state(play(plan, 3), tmp_path / "checkpoint")
    resumed = everything(play(plan, 2, tmp_path / "checkpoint"))
    assert straight.keys() == resumed.keys()
    different = [
        key
        for key, value in straight.items()
        if not torch.equal(torch.as_tensor(value), torch.as_tensor(resumed[key]))
    ]
    assert not different


def test_the_burn_in_of_r3gan_sets_five_numbers_of_a_run(tmp_path: Path) -> None:
    ends = {
        "optimizers.both.lr": (2e-4, 5e-5),
        "optimizers.both.beta2": (0.9, 0.99),
        "regularizers.r2.gamma": (0.05, 0.005),
        "train.ema.half_life_samples": (1.0, 5000.0),
        "augmentation.strength": (0.0, 0.5),
    }
    burn_in = {
        path: {"use": "cosine", "start": start, "end": end, "end_samples": 64, "absolute": True}
        for path, (start, end) in ends.items()
    }
    changes = {
        "loss": {"use": "relativistic", "comparison": "pairing"},
        "regularizers": {"r1": {"gamma": 0.05}, "r2": {"gamma": 0.05}},
        "augmentation": {"use": "diffaugment", "policy": ["translation"]},
        "schedules": burn_in,
    }
    plan = small_plan(tmp_path, changes)
    for steps, share in ((1, 0.0), (3, 0.5), (5, 1.0)):  # the last starts at 0, 32 and 64 samples
        step = play(plan, steps)
        group = step.generator.optimizer.param_groups[0]
        gammas = {slot.name: slot.component.gamma for slot in step.parts.regularizers}
        assert step.ema is not None
        found = [
            group["lr"],
            group["betas"][1],
            gammas["r2"],
            step.ema.half_life_samples,
            step.parts.augmentation.strength,
        ]
        expected = [start + share * (end - start) for start, end in ends.values()]
        assert found == pytest.approx(expected), steps


def test_the_weights_of_a_clipped_critic_stay_inside(tmp_path: Path) -> None:
    changes = {
        "loss": "wasserstein",
        "regularizers": {"weight-clipping": {"c": 0.02}},
        "optimizers": {"both": {"use": "rmsprop", "lr": 1e-2}},
    }
    step = play(small_plan(tmp_path, changes), 3)
    largest = {
        name: max(each.abs().max().item() for each in module.parameters())
        for name, module in step.modules().items()
    }
    assert largest["discriminator"] == pytest.approx(0.02)
    assert largest["generator"] > 0.02
