"""Captured updates on a GPU: equal to eager ones, never waiting, failures found later."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ganzoo.components.plan import Plan
from ganzoo.registry.registry import Registry
from ganzoo.training.assemble import make_step
from ganzoo.training.checkpointing import read_state, write_state
from ganzoo.training.execution import numerics
from ganzoo.training.graphs import WARM_UPS
from ganzoo.training.nonfinite import NotFinite
from ganzoo.training.player import INITIAL_SCALE
from ganzoo.training.processes import Processes
from ganzoo.training.step import GanStep

from ..training.recipes import small_plan
from ..training.test_graphs import METHODS, PLUGIN

STEPS = 2 * WARM_UPS + 6
SURE = {"train.deterministic": True}
PRECISIONS = ("fp32", "tf32", "bf16", "fp16")


def state(step: GanStep) -> list[Tensor]:
    parts = step.parts
    tensors = [*parts.generator.state_dict().values(), *parts.discriminator.state_dict().values()]
    return [tensor.clone() for tensor in tensors]


def made(plan: Plan, gpu: torch.device, *, captured: bool) -> GanStep:
    step = make_step(plan, Processes(gpu))
    step.graphs = step.graphs if captured else None
    return step


def played(step: GanStep, steps: int) -> list[dict[str, Tensor]]:
    return [step() for _ in range(steps)]


@contextmanager
def never_waiting() -> Iterator[None]:
    """Make whatever waits for the device an error inside."""
    try:
        with warnings.catch_warnings():  # torch warns that this mode is a prototype
            warnings.simplefilter("ignore")
            torch.cuda.set_sync_debug_mode("error")
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())
def test_captured_updates_are_eager_ones_bit_for_bit(
    tmp_path: Path, gpu: torch.device, method: dict[str, Any], precision: str
) -> None:
    settings = method | SURE | {"train.precision": precision}
    plan = small_plan(tmp_path, settings, Registry.with_local(PLUGIN))
    with numerics(plan.recipe.settings.train):
        eager, ours = made(plan, gpu, captured=False), made(plan, gpu, captured=True)
        theirs, mine = played(eager, STEPS), played(ours, STEPS)
    assert ours.graphs is not None
    assert ours.graphs.refusal is None
    assert all(update.graph for update in ours.graphs.updates.values())
    for a, b in zip(theirs, mine, strict=True):
        assert a.keys() == b.keys()
        for name, value in a.items():
            torch.testing.assert_close(b[name], value, rtol=0, atol=0, equal_nan=True)
    assert all(torch.equal(a, b) for a, b in zip(state(eager), state(ours), strict=True))


@pytest.mark.parametrize("captured", [False, True])
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_step_never_waits_for_the_device(
    tmp_path: Path, gpu: torch.device, precision: str, captured: bool
) -> None:
    overrides = {"regularizers.r1": {"gamma": 1.0, "every_steps": 2}, "train.precision": precision}
    step = made(small_plan(tmp_path, overrides), gpu, captured=captured)
    played(step, STEPS)
    torch.cuda.synchronize()
    with never_waiting():
        played(step, 4)


@pytest.mark.parametrize("captured", [False, True])
def test_a_failed_update_is_found_when_the_host_checks(
    tmp_path: Path, gpu: torch.device, captured: bool
) -> None:
    step = made(small_plan(tmp_path), gpu, captured=captured)
    played(step, STEPS)
    step.check_finite()
    weights = [*step.generator.parameters, *step.discriminator.parameters]
    before = [weight.detach().clone() for weight in weights]
    first = next(step.parts.generator.parameters())
    corner = (0,) * first.dim()
    kept = first.detach()[corner].clone()
    first.detach()[corner] = float("nan")
    played(step, 3)
    first.detach()[corner] = kept
    assert all(torch.equal(a, b) for a, b in zip(before, weights, strict=True))
    with pytest.raises(NotFinite) as found:
        step.check_guard()
    assert found.value.report.step == STEPS
    assert found.value.report.player == "discriminator"


def test_an_overflow_in_a_captured_update_moves_no_weight(
    tmp_path: Path, gpu: torch.device
) -> None:
    step = made(small_plan(tmp_path, {"train.precision": "fp16"}), gpu, captured=True)
    played(step, STEPS)
    player = step.discriminator
    assert player.scale is not None
    before = [p.detach().clone() for p in player.parameters]
    player.scale.factor.fill_(INITIAL_SCALE * 2**60)
    step()
    assert all(torch.equal(a, b) for a, b in zip(player.parameters, before, strict=True))
    assert float(player.scale.factor) == INITIAL_SCALE * 2**59
    step.check_finite()


def test_a_restored_state_continues_bit_for_bit(tmp_path: Path, gpu: torch.device) -> None:
    plan = small_plan(tmp_path, SURE)
    with numerics(plan.recipe.settings.train):
        straight, resumed = made(plan, gpu, captured=True), made(plan, gpu, captured=True)
        played(straight, STEPS)
        write_state(straight, tmp_path)
        read_state(resumed, tmp_path)
        played(straight, STEPS)
        played(resumed, STEPS)
    assert all(torch.equal(a, b) for a, b in zip(state(straight), state(resumed), strict=True))


def test_updates_are_captured_again_after_the_run_went_back(
    tmp_path: Path, gpu: torch.device
) -> None:
    step = made(small_plan(tmp_path, {"train.discriminator_steps": 5}), gpu, captured=True)
    played(step, STEPS)
    write_state(step, tmp_path)
    read_state(step, tmp_path)
    played(step, STEPS)
    assert step.graphs is not None
    assert step.graphs.refusal is None
    assert all(update.graph for update in step.graphs.updates.values())


# torch.compile recommends TF32, which these comparisons are without.
@pytest.mark.filterwarnings("ignore:TensorFloat32 tensor cores")
@pytest.mark.parametrize(
    "method",
    [{"loss": "wgan-gp"}, {"regularizers.r1": {"gamma": 1.0, "every_steps": 2}}],
    ids=["wgan-gp", "r1"],
)
@pytest.mark.parametrize("captured", [False, True])
def test_compiled_networks_follow_eager_ones(
    tmp_path: Path, gpu: torch.device, method: dict[str, Any], captured: bool
) -> None:
    mlp = {
        "generator": {"use": "mlp", "width": 32, "batch_norm": False},
        "discriminator": {"use": "mlp", "width": 32},
        "optimizers.both": {"use": "sgd", "lr": 0.05},
    }
    plans = [
        small_plan(tmp_path, mlp | method | {"train.compile": compiled})
        for compiled in (False, True)
    ]
    with numerics(plans[0].recipe.settings.train):
        eager = made(plans[0], gpu, captured=False)
        ours = made(plans[1], gpu, captured=captured)
        theirs, mine = played(eager, WARM_UPS + 4), played(ours, WARM_UPS + 4)
    if ours.graphs:
        assert ours.graphs.refusal is None
    for a, b in zip(theirs, mine, strict=True):
        for name, value in a.items():
            torch.testing.assert_close(b[name], value, rtol=1e-4, atol=1e-5)
