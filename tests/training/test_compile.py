"""Compiled networks have the losses and gradients of eager ones, penalties included."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.errors import DeviceError, PluginError
from ganzoo.registry.registry import Registry
from ganzoo.sampling.random_streams import CPU
from ganzoo.training.assemble import make_step
from ganzoo.training.game import EngineGame
from ganzoo.training.networks import Compiled, Networks, RequiredGradients
from ganzoo.training.processes import Processes
from ganzoo.training.step import GanStep

from .recipes import small_plan

NARROW: dict[str, Any] = {
    "generator": {"use": "mlp", "width": 8, "depth": 1, "batch_norm": False},
    "discriminator": {"use": "mlp", "width": 8, "depth": 1},
    "optimizers.both": {"use": "sgd", "lr": 0.05},
}

with_compiler = pytest.mark.skipif(
    shutil.which("g++") is None, reason="torch.compile on a CPU needs a C++ compiler"
)
quietly = pytest.mark.filterwarnings("ignore:`torch.jit")
"""torch's own compiler still imports its old one."""


def play(tmp_path: Path, steps: int, **overrides: Any) -> tuple[list[dict[str, Tensor]], GanStep]:
    step = make_step(small_plan(tmp_path, NARROW | overrides), Processes(CPU))
    return [step() for _ in range(steps)], step


@with_compiler
@quietly
@pytest.mark.slow
@pytest.mark.parametrize(
    "method", [{"loss": "wgan-gp"}, {"regularizers.r1": {"gamma": 1.0, "every_steps": 2}}], ids=str
)
def test_compiled_networks_follow_eager_ones_to_rounding(
    tmp_path: Path, method: dict[str, Any]
) -> None:
    eager, _ = play(tmp_path, 4, **method)
    compiled, step = play(tmp_path, 4, **method, **{"train.compile": True})
    assert step.networks.compiled is not None
    assert step.networks.compiled.penalty is not None
    for ours, theirs in zip(compiled, eager, strict=True):
        assert ours.keys() == theirs.keys()
        for name, value in theirs.items():
            torch.testing.assert_close(ours[name], value, rtol=1e-4, atol=1e-5)


@with_compiler
@quietly
@pytest.mark.slow
def test_a_compiled_g_draws_its_noise_without_being_compiled_again(tmp_path: Path) -> None:
    plugin = Registry.with_local(Path(__file__).with_name("game_plugin.py"))
    method = NARROW | {"generator": {"use": "local/noisy"}}
    steps = [
        make_step(small_plan(tmp_path, method | {"train.compile": each}, plugin), Processes(CPU))
        for each in (False, True)
    ]
    compiled: list[int] = []
    torch._dynamo.utils.counters.clear()
    for _ in range(4):
        theirs, ours = (step() for step in steps)
        for name, value in theirs.items():
            torch.testing.assert_close(ours[name], value, rtol=1e-4, atol=1e-5)
        compiled.append(torch._dynamo.utils.counters["stats"]["unique_graphs"])
    assert compiled[0] == compiled[-1] > 0


@with_compiler
@quietly
@pytest.mark.slow
def test_a_compiled_d_is_given_what_the_augmentation_returned_in_penalties_too(
    tmp_path: Path,
) -> None:
    plugin = Registry.with_local(Path(__file__).with_name("game_plugin.py"))
    penalty = {"r1": {"gamma": 1.0, "every_steps": 2}}
    method = {"discriminator": "local/timed", "augmentation": "local/diffusion"}
    method = NARROW | method | {"regularizers": penalty}
    steps = [
        make_step(small_plan(tmp_path, method | {"train.compile": each}, plugin), Processes(CPU))
        for each in (False, True)
    ]
    assert steps[1].networks.compiled.penalty is not None
    for _ in range(3):
        theirs, ours = (step() for step in steps)
        for name, value in theirs.items():
            torch.testing.assert_close(ours[name], value, rtol=1e-4, atol=1e-5)


@with_compiler
@quietly
@pytest.mark.slow
def test_a_compiled_run_keeps_the_names_of_its_weights(tmp_path: Path) -> None:
    _, eager = play(tmp_path, 1)
    _, compiled = play(tmp_path, 1, **{"train.compile": True})
    for role in ("generator", "discriminator"):
        names = [list(step.parts.networks[role].state_dict()) for step in (eager, compiled)]
        assert names[0] == names[1]


class Layer(nn.Linear):
    """A network of one layer that takes labels and leaves them."""

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return super().forward(x).squeeze(1)


def stand_in() -> Networks:
    """Return networks that count as compiled, where compiling itself is not the point."""
    generator, discriminator = Layer(2, 2), Layer(2, 1)
    compiled = Compiled(generator, discriminator, penalty=None)
    return Networks(generator, discriminator, compiled=compiled)


def test_a_d_with_buffers_stays_eager_in_updates_with_a_penalty() -> None:
    networks = stand_in()
    penalised = networks.requiring(RequiredGradients(real_gradient=True))
    assert penalised.compiled is not None
    assert penalised.compiled.discriminator is None
    assert not penalised.functional
    assert networks.requiring(RequiredGradients()) is networks


def test_an_input_gradient_of_a_compiled_d_must_be_declared() -> None:
    networks, points = stand_in(), torch.ones(3, 2)
    played = EngineGame.of(
        "discriminator", networks.generator, networks.discriminator, real=points, latents=points
    )
    played.networks = networks
    with pytest.raises(PluginError, match="without declaring it"):
        played.input_gradient(points)


def compiled_into(tmp_path: Path, raised: Exception, file: str = __file__) -> GanStep:
    """Return a step whose compiled networks only raise, from code in such a file."""
    step = make_step(small_plan(tmp_path, NARROW), Processes(CPU))

    def made(*given: Any) -> Any:
        raise raised

    made.__code__ = made.__code__.replace(co_filename=file)
    compiled = Compiled(made, made, penalty=None)
    step.networks = replace(step.networks, compiled=compiled)
    return step


def test_a_compiler_failure_is_one_line_with_a_hint(tmp_path: Path) -> None:
    raised = torch._dynamo.exc.Unsupported("no such stride\nand forty lines more")
    step = compiled_into(tmp_path, raised)
    with pytest.raises(
        DeviceError, match=r"cannot compile these networks here: no such stride$"
    ) as e:
        step()
    assert e.value.hint == "train.compile=false"


def test_a_double_backward_through_a_compiled_network_is_explained(
    tmp_path: Path,
) -> None:
    raised = RuntimeError(
        "torch.compile with aot_autograd does not currently support double backward"
    )
    step = compiled_into(tmp_path, raised)
    with pytest.raises(PluginError, match="differentiates the gradient of a compiled") as caught:
        step()
    assert str(caught.value.hint).startswith("train.compile=false")


@pytest.mark.parametrize(
    ("raised", "expected"),
    [(AssertionError("strides"), DeviceError), (torch.OutOfMemoryError(), torch.OutOfMemoryError)],
    ids=["strides", "memory"],
)
def test_errors_of_compiled_code_are_the_compilers_except_out_of_memory(
    tmp_path: Path, raised: Exception, expected: type[Exception]
) -> None:
    step = compiled_into(tmp_path, raised, "/cache/torchinductor_me/made.py")
    with pytest.raises(expected):
        step()


def test_an_error_of_a_network_is_not_blamed_on_the_compiler(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="my own"):
        compiled_into(tmp_path, ValueError("my own"))()
