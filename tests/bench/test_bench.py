"""`ganzoo bench` reports what happened: a fair baseline, exclusive times, true bytes."""

import json
import shlex
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from torch import Tensor, nn

from ganzoo.bench.bench import How
from ganzoo.bench.machine import _rate, bytes_of, peak_bytes
from ganzoo.bench.reference_loop import ReferenceLoop
from ganzoo.bench.sweep import Row, Sweep, combinations, sweep
from ganzoo.bench.timing import (
    PARTS,
    Case,
    Spread,
    Stopwatch,
    speed_against,
    time_by_part,
    time_by_player,
    time_interleaved,
)
from ganzoo.cli import main
from ganzoo.cli.bench import _command
from ganzoo.cli.bench import bench as command
from ganzoo.errors import PluginError
from ganzoo.recipes import schema
from ganzoo.sampling.random_streams import CPU
from ganzoo.training.assemble import make_step
from ganzoo.training.player import Player
from ganzoo.training.processes import Processes
from ganzoo.training.step import GanStep
from tests.training.recipes import first_game, small_plan, small_recipe

ALONE = Processes(CPU)

IGNORED = {
    "steps": "the caller decides how many steps to run",
    "samples": "the caller decides how many steps to run",
    "micro_batch": "the whole batch runs at once",
    "precision": "always float32",
    "memory_format": "always contiguous",
    "compile": "always eager",
    "cuda_graphs": "always eager",
    "batch_norm": "one process, whose batch is the whole batch",
    "deterministic": "set outside a step",
    "data": "always in memory",
    "workers": "nothing is decoded on the way",
    "on_nonfinite": "no update is checked",
    "on_collapse": "nothing is evaluated",
    "stop": "nothing is evaluated",
    "save_every_steps": "nothing is saved",
    "keep": "nothing is saved",
    "log_every_steps": "every step's terms are read",
    "sample_every_steps": "nothing is sampled",
}
"""Keys of `train` that do not change the reference loop, and why; it reads every other key."""


def weights(module: nn.Module) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()])


class Ticking:
    """A clock that moves by `moving`, and by a fixed time at each reading."""

    def __init__(self, by: float = 0.0) -> None:
        self.now, self.by = 0.0, by

    def __call__(self) -> float:
        self.now += self.by
        return self.now

    def moving(self, seconds: float) -> Callable[[], None]:
        def move() -> None:
            self.now += seconds

        return move


# --- the baseline ---


def with_batches_of(step: GanStep, loop: ReferenceLoop) -> None:
    """Give the reference loop the samples and latents that a GAN step draws."""
    drawn: dict[str, Any] = {}
    game = loop.game

    def batches() -> Iterator[tuple[Tensor, Tensor | None]]:
        while True:
            yield drawn["batch"]

    def same_game(player: str, repeat: int, due: Any) -> Any:
        mover = step.players[player]
        ours = first_game(step, mover, repeat)
        drawn["batch"] = (ours.real, None)
        loop.latents = lambda count: ours.latents  # type: ignore[method-assign]
        return game(player, repeat, due)

    loop.batches = batches()
    loop.game = same_game  # type: ignore[method-assign]


@pytest.mark.parametrize("loss", ["hinge", "wgan-gp"])
def test_the_reference_loop_trains_as_the_gan_step_does(tmp_path: Path, loss: str) -> None:
    plan = small_plan(
        tmp_path,
        {
            "loss": loss,
            "generator": {"use": "mlp", "width": 8, "batch_norm": False},
            "discriminator": {"use": "mlp", "width": 8},
            "optimizers.both": {"use": "sgd", "lr": 0.1},
            "train.discriminator_steps": 2,
            "train.ema": {"half_life_samples": 100},
        },
    )
    step, feeding, loop = (
        make_step(plan, ALONE), make_step(plan, ALONE), ReferenceLoop.of(plan, CPU)
    )  # fmt: skip
    with_batches_of(feeding, loop)
    step_terms, loop_terms = step(), loop()
    for name in ("g/fake", "d/real"):
        assert loop_terms[name] == pytest.approx(step_terms[name].item(), rel=1e-4, abs=1e-6)
    assert step.ema is not None
    assert loop.average is not None
    pairs = [
        (step.parts.generator, loop.parts.generator),
        (step.ema.module, loop.average.module),
    ]
    for ours, theirs in pairs:
        torch.testing.assert_close(weights(ours), weights(theirs), rtol=1e-4, atol=1e-6)


def test_the_reference_loops_optimizer_is_torchs_default_with_the_recipes_numbers(
    tmp_path: Path,
) -> None:
    overrides = {"optimizers.both": {"use": "adam", "lr": 0.003, "betas": [0.0, 0.9]}}
    loop = ReferenceLoop.of(small_plan(tmp_path, overrides), CPU)
    (group,) = loop.optimizers["generator"].param_groups
    assert (group["lr"], group["betas"]) == (0.003, (0.0, 0.9))
    assert not group["fused"]


def test_the_reference_loop_reads_every_key_of_train_that_it_does_not_declare_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = small_plan(tmp_path, {"train.ema": {"half_life_samples": 100}})
    read: dict[type, set[str]] = {schema.Train: set(), schema.Ema: set()}

    def recording(part: Any, name: str) -> Any:
        read[type(part)].add(name)
        return object.__getattribute__(part, name)

    for part in read:
        monkeypatch.setattr(part, "__getattribute__", recording)
    ReferenceLoop.of(plan, CPU)()
    assert read[schema.Train] & set(schema.Train.model_fields) == (
        set(schema.Train.model_fields) - set(IGNORED)
    ), "implement a new key of train in the reference loop, or say in IGNORED why it has no effect"
    assert set(schema.Ema.model_fields) <= read[schema.Ema]


# --- times ---


def test_only_players_that_are_updated_are_timed(tmp_path: Path) -> None:
    step = make_step(small_plan(tmp_path, {"train.discriminator_steps": 0}), Processes(CPU))
    assert time_by_player(step, time.process_time, 2).keys() == {"generator"}


def test_speed_is_the_median_of_the_ratios_within_rounds() -> None:
    # The machine is ten times as slow in the second round, for both.
    taken = {"base": [2.0, 20.0, 3.0], "fast": [1.0, 10.0, 1.0]}
    assert speed_against(taken, "base")["fast"] == Spread(2.0, 2.0, 3.0)


def test_cases_take_turns_and_rotate() -> None:
    order: list[str] = []
    cases = [Case(name, lambda name=name: order.append(name)) for name in "ab"]
    taken = time_interleaved(cases, Ticking(by=1.0), rounds=2, seconds=1.0, warm_up=1)
    assert "".join(order) == "aa" + "bb" + "ab" + "ba"
    assert taken == {"a": [1.0, 1.0], "b": [1.0, 1.0]}


def test_time_inside_an_inner_measurement_is_counted_once() -> None:
    clock = Ticking()
    watch = Stopwatch(clock)
    with watch.measure("outer"):
        clock.moving(3.0)()
        watch.around("inner", clock.moving(2.0))()
    assert watch.seconds == {"outer": 3.0, "inner": 2.0}


def test_timing_a_step_changes_neither_its_result_nor_the_step_itself(tmp_path: Path) -> None:
    overrides = {"loss": "wgan-gp", "train.ema": {"half_life_samples": 100}}
    plan = small_plan(tmp_path, overrides)
    plain, measured = make_step(plan, ALONE), make_step(plan, ALONE)
    attributes = set(vars(measured)), set(vars(measured.feed))
    parts = time_by_part(measured, Ticking(by=1.0), 1)
    players = time_by_player(measured, Ticking(by=1.0), 1)
    plain(), plain()
    assert torch.equal(weights(plain.parts.generator), weights(measured.parts.generator))
    assert (set(vars(measured)), set(vars(measured.feed))) == attributes
    assert set(parts) == set(PARTS)
    assert min(parts.values()) > 0
    assert set(players) == {"discriminator", "generator"}


# --- bytes ---


def test_memory_that_tensors_share_is_counted_once() -> None:
    whole = torch.zeros(100)
    assert bytes_of([whole, whole[:50], torch.zeros(3, dtype=torch.uint8)]) == 403


def test_peak_bytes_are_the_held_tensors_plus_the_peak_allocation() -> None:
    def play() -> None:
        first = torch.ones(1 << 20)
        second = first + 1
        del first
        third = second + 1
        del second, third

    held = torch.zeros(1000)
    peak = peak_bytes(play, [held], CPU)
    assert 2 * (4 << 20) + 4000 <= peak < 2 * (4 << 20) + 4000 + 10_000


# --- the sweep and the command ---


def test_a_sweep_proposes_what_is_faster_by_more_than_noise() -> None:
    def row(speed: float, *overrides: str) -> Row:
        return Row(overrides, Spread.of([1.0]), Spread.of([speed]))

    given = row(1.0)
    assert Sweep([row(1.02, "train.precision=bf16"), given], {}).proposal == ()
    sometimes = Row(("train.compile=true",), Spread.of([1.0]), Spread(2.0, 0.8, 2.1))
    found = Sweep([sometimes, row(1.9, "train.precision=bf16"), given], {})
    assert found.proposal == ("train.precision=bf16",)


def test_what_a_sweep_proposes_can_be_pasted() -> None:
    given = ("train.precision=bf16", "name=a b", "generator.width=8")
    line = _command("run", "my tiny.yaml", given, ("train.precision=fp32",), Path("my plugin.py"))
    assert shlex.split(line) == [
        *("ganzoo", "run", "my tiny.yaml", "name=a b", "generator.width=8"),
        *("train.precision=fp32", "--plugin", "my plugin.py"),
    ]


def test_a_combination_that_fails_is_left_out_and_the_rest_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = iter([PluginError("not under bf16"), RuntimeError("DefaultCPUAllocator: x"), None])

    def stepping(plan: Any, processes: Processes) -> Callable[[], None]:
        error = next(errors) if plan else None

        def play() -> None:
            if error:
                raise error

        return play

    monkeypatch.setattr("ganzoo.bench.sweep._stepping", stepping)
    monkeypatch.setattr(
        "ganzoo.bench.sweep.combinations", lambda device: [("a=1",), ("b=1",), ("c=1",)]
    )
    found = sweep(lambda more: more, ALONE, How(rounds=1, seconds=1e-6))
    assert {row.overrides for row in found.rows} == {(), ("c=1",)}
    assert found.left_out == {"a=1": "not under bf16", "b=1": "DefaultCPUAllocator: x"}


def test_when_memory_runs_out_bench_suggests_a_command_that_needs_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*anything: Any, **how: Any) -> None:
        raise MemoryError("Unable to allocate 2.00 GiB")

    monkeypatch.setattr(Player, "finish_gradients", refuse)
    recipe = str(small_recipe(tmp_path))
    assert main(["bench", recipe, "train.batch_size=32"]) == 8
    said = capsys.readouterr().err
    assert "out of memory: Unable to allocate 2.00 GiB" in said
    assert f"try: ganzoo bench {recipe} train.batch_size=32 train.micro_batch=16" in said
    assert "Traceback" not in said


def test_a_product_that_takes_seconds_is_measured_once() -> None:
    clock, calls = Ticking(), []

    def slow() -> None:
        calls.append(1)
        clock.now += 4.0

    assert _rate(slow, 8.0, clock) == 2.0
    assert len(calls) == 1


def test_a_sweep_on_a_cpu_leaves_out_tf32_and_fp16() -> None:
    def precisions(device: torch.device) -> list[str]:
        return sorted({words[0].partition("=")[2] for words in combinations(device)})

    assert precisions(CPU) == ["bf16", "fp32"]
    assert precisions(torch.device("cuda")) == ["bf16", "fp16", "fp32", "tf32"]
    assert len(combinations(CPU)) == 8


@pytest.mark.parametrize(
    ("file", "said"),
    [("nowhere/trace.json", "no folder"), (300 * "x", "File name too long")],
)
def test_a_trace_that_cannot_be_written_is_refused_before_anything_is_measured(
    tmp_path: Path, file: str, said: str
) -> None:
    done = CliRunner().invoke(command, ["nothing", "--profile", str(tmp_path / file)])
    assert done.exit_code == 2
    assert said in done.output
    assert list(tmp_path.iterdir()) == []


def test_flags_that_do_not_go_together_are_refused() -> None:
    done = CliRunner().invoke(command, ["x", "--sweep", "--against", "textbook"])
    assert done.exit_code == 2
    assert "--sweep cannot be combined" in done.output


@pytest.mark.slow
def test_bench_prints_what_scripts_can_read(tmp_path: Path) -> None:
    recipe, trace = str(small_recipe(tmp_path)), tmp_path / "trace.json"
    words = [recipe, "--rounds", "2", "--seconds", "0.01", "--against", "textbook", "--json"]
    done = CliRunner().invoke(command, [*words, "--profile", str(trace)], catch_exceptions=False)
    report = json.loads(done.stdout)
    assert report["loop"]["samples_per_second"] > 0
    assert sum(report["shares"].values()) == pytest.approx(1)
    # Both loops do the same arithmetic but for what lean gradients leave out.
    ours, theirs = report["loop"]["flops_per_step"], report["textbook"]["flops_per_step"]
    assert 0.8 * theirs < ours <= theirs
    assert report["loop"]["peak_bytes"] <= report["textbook"]["peak_bytes"]
    assert json.loads(trace.read_text())["traceEvents"]
