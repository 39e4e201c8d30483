"""Each optimisation's class, bit-identical or rounding, at the first step; see docs/performance.md.

Rounding grows from step to step, as any does in a game of two players; what is compared is one
step, in which a real difference would show at once.
"""

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.bench.reference_loop import default_form
from ganzoo.recipes.schema import Train
from ganzoo.sampling.random_streams import CPU
from ganzoo.training.assemble import make_step
from ganzoo.training.execution import cpu_threads, keep_freed_memory, numerics
from ganzoo.training.processes import Processes
from ganzoo.training.step import GanStep
from ganzoo.training.update import seed_default_generators

from .recipes import small_plan

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
CLASSES = ("bit-identical", "rounding", "changes training")


def play(tmp_path: Path, steps: int = 1, **overrides: Any) -> tuple[dict[str, Tensor], GanStep]:
    plan = small_plan(tmp_path, {key.replace("__", "."): each for key, each in overrides.items()})
    with numerics(plan.recipe.settings.train):
        step = make_step(plan, Processes(CPU))
        for _ in range(steps):
            terms = step()
    return terms, step


def weights(step: GanStep) -> Tensor:
    networks = (step.parts.generator, step.parts.discriminator)
    return torch.cat([p.detach().flatten() for network in networks for p in network.parameters()])


def assert_rounding(ours: dict[str, Tensor], theirs: dict[str, Tensor], rtol: float) -> None:
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=rtol, atol=rtol)


def test_memory_and_stream_show_the_same_bits(tmp_path: Path) -> None:
    (memory, a), (stream, b) = (
        play(tmp_path, 3, train__data=kind) for kind in ("memory", "stream")
    )
    assert torch.equal(weights(a), weights(b))
    assert all(torch.equal(memory[name], stream[name]) for name in memory)


def test_deterministic_changes_no_bit_on_a_cpu(tmp_path: Path) -> None:
    _, plain = play(tmp_path, 2)
    _, deterministic = play(tmp_path, 2, train__deterministic=True)
    assert torch.equal(weights(plain), weights(deterministic))


def test_keeping_freed_memory_changes_no_bit() -> None:
    x, layer = torch.randn(8, 3, 32, 32), nn.Conv2d(3, 16, 3)
    before = layer(x)
    keep_freed_memory()
    assert torch.equal(layer(x), before)


def test_default_generators_are_seeded_as_by_torch(tmp_path: Path) -> None:
    _, step = play(tmp_path)
    key = step.noise.key("default", step.iteration, 0)
    seed_default_generators(key, CPU)
    ours = torch.rand(3)
    torch.manual_seed(key)
    assert torch.equal(ours, torch.rand(3))


def test_fused_adam_is_torchs_default_to_rounding() -> None:
    parameters = [[nn.Parameter(torch.linspace(-1, 1, 50))] for _ in range(2)]
    fused = torch.optim.Adam(parameters[0], lr=0.01, fused=True)
    plain = default_form(torch.optim.Adam(parameters[1], lr=0.01, fused=True))
    for optimizer, (parameter,) in zip((fused, plain), parameters, strict=True):
        (parameter**3).sum().backward()
        optimizer.step()
    torch.testing.assert_close(*(each[0].detach() for each in parameters), rtol=1e-6, atol=1e-7)


def test_channels_last_is_rounding(tmp_path: Path) -> None:
    contiguous, _ = play(tmp_path, train__memory_format="contiguous")
    channels_last, step = play(tmp_path, train__memory_format="channels_last")
    assert step.config.channels_last
    assert_rounding(channels_last, contiguous, 1e-4)


def test_the_number_of_threads_is_rounding(tmp_path: Path) -> None:
    with cpu_threads(1):
        one, _ = play(tmp_path)
    with cpu_threads(2):
        two, _ = play(tmp_path)
    assert_rounding(two, one, 1e-4)


def test_bf16_changes_terms_in_its_third_digit(tmp_path: Path) -> None:
    full, _ = play(tmp_path)
    half, _ = play(tmp_path, train__precision="bf16")
    assert_rounding(half, full, 0.05)
    assert not torch.equal(half["d/real"], full["d/real"])


# --- the page ---


def rows() -> list[list[str]]:
    section = PAGE.read_text().partition("## What each switch changes")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def test_every_switch_of_the_page_has_a_class_and_a_test_that_exists() -> None:
    assert len(rows()) >= 15
    for switch, parity, test in rows():
        assert parity in CLASSES, switch
        if test == "not run here":
            continue
        file, _, name = test.strip("`").partition("::")
        text = (Path(__file__).parents[1] / file).read_text()
        assert re.search(rf"^def {name}\(", text, re.MULTILINE), f"{switch}: no test {name}"


NUMERICS = {
    "micro_batch", "discriminator_steps", "generator_steps", "precision", "memory_format",
    "compile", "deterministic", "data", "ema", "clip_grad_norm", "batch_norm", "cuda_graphs",
}  # fmt: skip
"""The keys of `train` that say how a step is computed."""


def test_every_key_about_how_a_step_is_computed_is_on_the_page() -> None:
    named = {key for switch, _, _ in rows() for key in re.findall(r"train\.(\w+)", switch)}
    assert set(Train.model_fields) >= NUMERICS
    assert named >= NUMERICS
