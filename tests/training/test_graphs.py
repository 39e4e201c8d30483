"""What surrounds a captured update: its inputs, learning rates and numbers, on a CPU.

Here a graph calls the captured function again. What a GPU adds to that is checked by `make gpu`.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ganzoo.components.plan import Plan
from ganzoo.errors import RecipeError
from ganzoo.registry.registry import Registry
from ganzoo.sampling.random_streams import CPU
from ganzoo.training.assemble import make_step
from ganzoo.training.checkpointing import read_state, write_state
from ganzoo.training.dry_run import dry_run
from ganzoo.training.graphs import MAX_GRAPHS, WARM_UPS, Graphs
from ganzoo.training.player import Guard
from ganzoo.training.processes import Processes
from ganzoo.training.step import GanStep

from .recipes import small_plan

PLUGIN = Path(__file__).with_name("game_plugin.py")

MLP = {"use": "mlp", "width": 8, "batch_norm": False}

METHODS: dict[str, dict[str, Any]] = {
    "hinge": {},
    "lazy r1": {"regularizers.r1": {"gamma": 1.0, "every_steps": 3}},
    "wgan-gp, two updates of D": {"loss": "wgan-gp", "train.discriminator_steps": 2,
                                  "discriminator.spectral_norm": False,
                                  "discriminator.batch_norm": False},
    "conditional, augmented": {"conditional": True, "augmentation": "diffaugment"},
    "micro-batches": {"train.micro_batch": 8, "generator": MLP, "discriminator": {"use": "mlp"}},
    "a falling learning rate": {
        "schedules": {"optimizers.both.lr": {"use": "linear", "end_samples": 200}}
    },
    "short gradients": {"train.clip_grad_norm": 0.1},
    "noise inside G, other latents": {"generator": {"use": "local/noisy"},
                                      "regularizers.local/mixing": {}},
    "packed, given the augmentation's step": {"discriminator": {"use": "local/timed"},
                                              "augmentation": "local/diffusion"},
}  # fmt: skip


@dataclass
class Repeated:
    """A graph that runs its function again."""

    replay: Callable[[], None]


class OnTheCpu:
    """Counts the captures, and refuses them on request."""

    def __init__(self, *, refusing: bool = False) -> None:
        self.captures = 0
        self.captures_forgotten = 0
        self.refusing = refusing

    def __call__(self, play: Callable[[], None]) -> Repeated:
        self.captures += 1
        if self.refusing:
            raise RuntimeError("operation not permitted when stream is capturing\nand more")
        return Repeated(play)

    def capture_stream(self) -> AbstractContextManager[None]:
        return nullcontext()

    def reset(self) -> None:
        self.captures_forgotten = self.captures


def captured(plan: Plan, recorder: OnTheCpu) -> GanStep:
    step = make_step(plan, Processes(CPU))
    step.guard = step.discriminator.guard = step.generator.guard = Guard(CPU)
    step.graphs = Graphs(recorder)
    return step


def state(step: GanStep) -> list[Tensor]:
    parts = step.parts
    return [*parts.generator.state_dict().values(), *parts.discriminator.state_dict().values()]


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())
def test_captured_updates_train_as_eager_ones_do(tmp_path: Path, method: dict[str, Any]) -> None:
    plan = small_plan(tmp_path, method, Registry.with_local(PLUGIN))
    eager, ours = make_step(plan, Processes(CPU)), captured(plan, OnTheCpu())
    for _ in range(3 * WARM_UPS + 3):
        theirs, mine = eager(), ours()
        assert theirs.keys() == mine.keys()
        for name, value in theirs.items():
            torch.testing.assert_close(mine[name], value, rtol=1e-6, atol=1e-6)
    assert all(torch.equal(a, b) for a, b in zip(state(eager), state(ours), strict=True))
    assert ours.graphs is not None
    assert all(update.graph for update in ours.graphs.updates.values())


def test_a_captured_update_draws_its_noise_into_the_same_tensors(tmp_path: Path) -> None:
    method = METHODS["noise inside G, other latents"] | {"conditional": True}
    method["discriminator.conditional"] = True
    plan = small_plan(tmp_path, method, Registry.with_local(PLUGIN))
    step, held = captured(plan, OnTheCpu()), []
    for _ in range(WARM_UPS + 3):
        step()
        assert step.graphs is not None
        held.append([len(update.inputs._drawn) for update in step.graphs.updates.values()])
    assert held[0] == held[-1]


def test_an_augmentation_observes_the_signs_of_captured_updates(tmp_path: Path) -> None:
    method = METHODS["packed, given the augmentation's step"]
    plan = small_plan(tmp_path, method, Registry.with_local(PLUGIN))
    eager, ours = make_step(plan, Processes(CPU)), captured(plan, OnTheCpu())
    for _ in range(WARM_UPS + 3):
        eager()
        ours()
        assert torch.equal(ours.parts.augmentation.observed, eager.parts.augmentation.observed)


def test_numbers_of_an_update_outlive_the_next_replay(tmp_path: Path) -> None:
    step = captured(small_plan(tmp_path), OnTheCpu())
    terms = [step()["d/real"] for _ in range(WARM_UPS + 3)]
    assert len({float(term) for term in terms}) == len(terms)


def test_every_set_of_due_regularizers_has_a_graph_up_to_a_limit(tmp_path: Path) -> None:
    slots = {f"r{n}": {"use": "r1", "gamma": 0.1, "every_steps": n} for n in range(2, 8)}
    recorder = OnTheCpu()
    step = captured(small_plan(tmp_path, {"regularizers": slots}), recorder)
    for _ in range(60):
        step()
    assert step.graphs is not None
    assert len(step.graphs.updates) == MAX_GRAPHS
    eager = make_step(small_plan(tmp_path, {"regularizers": slots}), Processes(CPU))
    for _ in range(60):
        eager()
    assert all(torch.equal(a, b) for a, b in zip(state(eager), state(step), strict=True))


def test_an_update_that_cannot_be_captured_runs_eagerly_and_is_reported(tmp_path: Path) -> None:
    recorder = OnTheCpu(refusing=True)
    plan = small_plan(tmp_path)
    eager, ours = make_step(plan, Processes(CPU)), captured(plan, recorder)
    for _ in range(WARM_UPS + 3):
        eager()
        ours()
    assert recorder.captures == 1
    assert ours.graphs is not None
    assert ours.graphs.refusal == "operation not permitted when stream is capturing"
    assert all(torch.equal(a, b) for a, b in zip(state(eager), state(ours), strict=True))


def test_updates_are_captured_again_after_the_state_was_restored(tmp_path: Path) -> None:
    recorder = OnTheCpu()
    step = captured(small_plan(tmp_path), recorder)
    for _ in range(WARM_UPS + 2):
        step()
    write_state(step, tmp_path)
    before = recorder.captures
    read_state(step, tmp_path)
    for _ in range(WARM_UPS + 2):
        step()
    assert recorder.captures == 2 * before
    assert recorder.captures_forgotten == before


def test_a_checkpoint_does_not_depend_on_graphs(tmp_path: Path) -> None:
    plan = small_plan(tmp_path)
    eager, ours = make_step(plan, Processes(CPU)), captured(plan, OnTheCpu())
    for step in (eager, ours):
        for _ in range(WARM_UPS + 2):
            step()
    groups = [step.generator.optimizer.state_dict()["param_groups"] for step in (eager, ours)]
    assert groups[0] == groups[1]


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (
            {"optimizers.generator": {"use": "rmsprop"}},
            "optimizers.generator is not fused",
        ),
        ({"train.on_nonfinite": "skip"}, "on_nonfinite: skip asks the host"),
        (
            {
                "regularizers.r1": {"gamma": 1.0},
                "schedules": {"regularizers.r1.gamma": {"use": "linear", "end_samples": 100}},
            },
            "regularizers.r1.gamma is fixed in a graph",
        ),
    ],
)
def test_obstacles_to_capturing_are_reported_by_check(
    tmp_path: Path, overrides: dict[str, Any], reason: str
) -> None:
    average = {
        "train.ema": {"half_life_samples": 100},
        "schedules": {"train.ema.half_life_samples": {"use": "linear", "end_samples": 100}},
        "train.cuda_graphs": True,
    }
    for fine in ({"train.cuda_graphs": True}, average, overrides):
        dry_run(small_plan(tmp_path, fine))
    with pytest.raises(RecipeError, match=reason) as refused:
        dry_run(small_plan(tmp_path, overrides | {"train.cuda_graphs": True}))
    assert refused.value.hint == "train.cuda_graphs=auto"
