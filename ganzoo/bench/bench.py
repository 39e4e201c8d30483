"""Measures one recipe's training step, alone or against the textbook loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganzoo.bench.evaluation import share_of_evaluation
from ganzoo.bench.memory import peak_bytes, tensors_in
from ganzoo.bench.peak import Peak, measure_peak
from ganzoo.bench.rounds import (
    Case,
    Spread,
    clock_of,
    speed_against,
    time_interleaved,
    warm_ups_on,
)
from ganzoo.bench.shares import time_by_part, time_by_player
from ganzoo.bench.textbook import Textbook
from ganzoo.components.plan import Plan
from ganzoo.training.assemble import make_step
from ganzoo.training.flops import FlopCounter
from ganzoo.training.processes import Processes
from ganzoo.training.step import GanStep

OURS, TEXTBOOK = "recipe", "textbook"
MAX_CYCLE = 16
"""Lazy regularizers are averaged over at most so many steps."""

Tell = Callable[[str], None]


@dataclass(frozen=True)
class How:
    """How to measure: rounds, seconds a case and round, and CPU threads."""

    rounds: int = 5
    seconds: float = 1.0
    threads: int = 1


@dataclass(frozen=True)
class Loop:
    """What was measured of one training loop."""

    seconds_per_step: Spread
    samples_per_second: float
    """Real images shown to D a second, over all of its updates."""
    peak_bytes: int
    """Of tensors, at the peak of a step."""
    flops_per_step: float
    flops_per_second: float
    share_of_peak: float
    """Of the machine's own best rate in this loop's precision."""


@dataclass(frozen=True)
class Report:
    """What `ganzoo bench` found. Times are in seconds, rates a second, shares from 0 to 1."""

    recipe: str
    device: str
    threads: int
    clock: str
    rounds: int
    batch_size: int
    precision: str
    memory_format: str
    compile: bool
    captured: bool
    """Whether updates are played as CUDA graphs; the parts of a step are measured without."""
    loop: Loop
    seconds_per_update: dict[str, float]
    shares: dict[str, float]
    share_of_evaluation: float | None
    """Of a whole run at the recipe's cadence; None where the recipe has no score."""
    peak: Peak
    textbook: Loop | None = None
    speed: Spread | None = None
    """How many times as fast as the textbook loop."""

    def as_data(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return asdict(self)


def bench(
    plan: Plan,
    processes: Processes,
    how: How,
    *,
    against_textbook: bool = False,
    tell: Tell = lambda words: None,
) -> Report:
    """Measure a recipe's step.

    Args:
        against_textbook: also measure the plain loop over the same networks, taking turns.
        tell: is told in words what is being done.
    """
    device = processes.device
    clock = clock_of(device, how.threads)
    step = make_step(plan, processes)
    textbook = Textbook.of(plan, device) if against_textbook else None
    cases = [Case(OURS, step), *([Case(TEXTBOOK, textbook)] if textbook else [])]
    taken = time_interleaved(
        cases,
        clock,
        rounds=how.rounds,
        seconds=how.seconds,
        warm_up=warm_ups_on(device),
        tell=tell,
    )
    tell("the machine's own peak")
    peak = measure_peak(step.rules.autocast or torch.float32, device, clock)
    each = Spread.of(taken[OURS]).median
    count = max(1, round(how.seconds / each))
    tell("the parts of a step")
    parts = time_by_part(step, clock, count)
    players = time_by_player(step, clock, count)
    tell("memory and arithmetic")
    memory = peak_bytes(repeated(step, cycle_of(step)), held_by_step(step), device)
    theirs = None
    if textbook:
        full = measure_peak(torch.float32, device, clock) if step.rules.autocast else peak
        theirs = _textbook_loop(plan, textbook, taken[TEXTBOOK], full, cycle_of(step), device)
    tell("one evaluation")
    return Report(
        recipe=plan.recipe.name,
        device=str(device),
        threads=how.threads,
        clock="process CPU time" if device.type == "cpu" and how.threads == 1 else "wall time",
        rounds=how.rounds,
        batch_size=step.rules.batch_size,
        precision=plan.recipe.settings.train.precision,
        memory_format=plan.memory_format,
        compile=step.rules.compile,
        captured=step.graphs is not None and step.graphs.refusal is None,
        loop=_loop(plan, taken[OURS], peak, flops_of(step), memory),
        seconds_per_update=players,
        shares={name: value / sum(parts.values()) for name, value in parts.items()},
        share_of_evaluation=share_of_evaluation(plan, step, processes, clock, each),
        peak=peak,
        textbook=theirs,
        speed=speed_against(taken, TEXTBOOK)[OURS] if textbook else None,
    )


def _loop(plan: Plan, seconds: list[float], peak: Peak, flops: float, memory: int) -> Loop:
    train, spread = plan.recipe.settings.train, Spread.of(seconds)
    return Loop(
        seconds_per_step=spread,
        samples_per_second=train.batch_size * train.discriminator_steps / spread.median,
        peak_bytes=memory,
        flops_per_step=flops,
        flops_per_second=flops / spread.median,
        share_of_peak=flops / spread.median / peak.best,
    )


def _textbook_loop(
    plan: Plan,
    textbook: Textbook,
    seconds: list[float],
    peak: Peak,
    steps: int,
    device: torch.device,
) -> Loop:
    memory = peak_bytes(repeated(textbook, steps), held_by_textbook(textbook), device)
    return _loop(plan, seconds, peak, _counted(textbook, steps), memory)


def cycle_of(step: GanStep) -> int:
    """Return after how many steps the lazy regularizers have all been due as often as they are."""
    every = max([slot.every_steps for slot in step.parts.regularizers], default=1)
    return min(every, MAX_CYCLE)


def flops_of(step: GanStep) -> float:
    """Return the floating-point operations of a step, lazy regularizers averaged."""
    networks, graphs = step.arithmetic.networks, step.graphs
    step.arithmetic.networks, step.graphs = replace(networks, compiled=None), None
    try:
        return _counted(step, cycle_of(step))
    finally:
        step.arithmetic.networks, step.graphs = networks, graphs


def _counted(play: Callable[[], object], steps: int) -> float:
    with FlopCounter() as counter:
        repeated(play, steps)()
    return counter.total / steps


def repeated(play: Callable[[], object], times: int) -> Callable[[], None]:
    """Return a call that plays so many times."""

    def repeated() -> None:
        for _ in range(times):
            play()

    return repeated


def held_by_step(step: GanStep) -> list[Tensor]:
    """Return the tensors that live on between steps, but for gradients."""
    networks = [step.parts.generator, step.parts.discriminator]
    networks += [step.ema.module] if step.ema else []
    held = [tensor for network in networks for tensor in network.state_dict().values()]
    for player in (step.discriminator, step.generator):
        held += tensors_in(player.optimizer.state_dict())
    return held + step.feed.held()


def held_by_textbook(textbook: Textbook) -> list[Tensor]:
    """Return what `held_by_step` does, of the textbook loop."""
    networks = [textbook.parts.generator, textbook.parts.discriminator]
    networks += [textbook.average.module] if textbook.average else []
    held = [tensor for network in networks for tensor in network.state_dict().values()]
    for optimizer in textbook.optimizers.values():
        held += tensors_in(optimizer.state_dict())
    return held + textbook.data


def write_trace(step: GanStep, path: Path, steps: int = 3) -> None:
    """Write a chrome trace (``chrome://tracing``, Perfetto) of a few steps, after two more."""
    for _ in range(2):
        step()
    with torch.profiler.profile() as profile:
        for _ in range(steps):
            step()
    profile.export_chrome_trace(str(path))
