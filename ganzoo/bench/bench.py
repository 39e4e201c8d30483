"""Measure one recipe's training step, alone or against the reference loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.optim import Optimizer

from ganzoo.bench.machine import Peak, measure_peak, peak_bytes, tensors_in
from ganzoo.bench.reference_loop import ReferenceLoop
from ganzoo.bench.timing import (
    Case,
    Clock,
    Spread,
    clock_of,
    speed_against,
    time_by_part,
    time_by_player,
    time_interleaved,
    warm_ups_on,
)
from ganzoo.components.build import Components
from ganzoo.components.data import source_files
from ganzoo.components.plan import Plan
from ganzoo.sampling.random_streams import Rows
from ganzoo.training.assemble import make_step
from ganzoo.training.decoded_cache import DecodedCache
from ganzoo.training.dry_run import FlopCounter
from ganzoo.training.ema import Ema
from ganzoo.training.feed import READS_IN_A_ROW, usable_cores
from ganzoo.training.processes import Processes
from ganzoo.training.sampled import sampling_record
from ganzoo.training.scorer import Scorer
from ganzoo.training.step import GanStep

RECIPE, TEXTBOOK = "recipe", "textbook"
MAX_CYCLE = 16
"""Average lazy regularizers over at most this many steps."""

Tell = Callable[[str], None]


@dataclass(frozen=True)
class How:
    """How to measure: rounds, seconds per case and round, and CPU threads."""

    rounds: int = 5
    seconds: float = 1.0
    threads: int = 1


@dataclass(frozen=True)
class Loop:
    """The measurements of one training loop."""

    seconds_per_step: Spread
    samples_per_second: float
    """Real samples shown to D per second, over all of its updates."""
    peak_bytes: int
    """Bytes of tensors at the peak of a step."""
    flops_per_step: float
    flops_per_second: float
    share_of_peak: float
    """Fraction of the machine's best measured rate in this loop's precision."""


@dataclass(frozen=True)
class DataRate:
    """How fast real batches come when nothing else runs, and whether that limits training."""

    source: str
    """``memory``, ``cache`` or ``stream``."""
    samples_per_second: float
    step_samples_per_second: float
    """Rate of the step without the time that it spends on data."""
    advice: str | None
    """The override that makes data faster; None if data is no limit, or nothing would help."""

    @property
    def limits(self) -> bool:
        """Whether a step waits for its data."""
        return self.samples_per_second < self.step_samples_per_second


@dataclass(frozen=True)
class Report:
    """The measurements of `ganzoo bench`: times in seconds, rates per second, shares in [0, 1]."""

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
    """Whether updates run as CUDA graphs; the parts of a step are measured without them."""
    loop: Loop
    seconds_per_update: dict[str, float]
    shares: dict[str, float]
    share_of_evaluation: float | None
    """Fraction of a run spent on scores, at the recipe's cadence; None where there is no score."""
    peak: Peak
    data: DataRate
    textbook: Loop | None = None
    """The reference loop's measurements."""
    speed: Spread | None = None
    """Speed relative to the reference loop."""


def bench(
    plan: Plan,
    processes: Processes,
    how: How,
    *,
    against_textbook: bool = False,
    tell: Tell = lambda message: None,
) -> Report:
    """Measure a recipe's step.

    Args:
        against_textbook: also measure the reference loop over the same networks, in turns.
        tell: receives progress messages.
    """
    device = processes.device
    clock = clock_of(device, how.threads)
    step = make_step(plan, processes)
    reference = ReferenceLoop.of(plan, device) if against_textbook else None
    taken = time_interleaved(
        [Case(RECIPE, step), *([Case(TEXTBOOK, reference)] if reference else [])],
        clock,
        rounds=how.rounds,
        seconds=how.seconds,
        warm_up=warm_ups_on(device),
        tell=tell,
    )
    tell("the machine's peak rate")
    peak = measure_peak(step.config.autocast or torch.float32, device, clock)
    median = Spread.of(taken[RECIPE]).median
    count = max(1, round(how.seconds / median))
    tell("the parts of a step")
    parts = time_by_part(step, clock, count)
    players = time_by_player(step, clock, count)
    tell("memory and arithmetic")
    cycle = cycle_of(step)
    memory = peak_bytes(repeated(step, cycle), held_by_step(step), device)
    textbook = None
    if reference:
        full = measure_peak(torch.float32, device, clock) if step.config.autocast else peak
        bytes_ = peak_bytes(repeated(reference, cycle), held_by_reference(reference), device)
        textbook = _loop(plan, taken[TEXTBOOK], full, _counted(reference, cycle), bytes_)
    tell("one evaluation")
    return Report(
        recipe=plan.recipe.name,
        device=str(device),
        threads=how.threads,
        clock="process CPU time" if device.type == "cpu" and how.threads == 1 else "wall time",
        rounds=how.rounds,
        batch_size=step.config.batch_size,
        precision=plan.recipe.settings.train.precision,
        memory_format=plan.memory_format,
        compile=step.config.compile,
        captured=step.graphs is not None and step.graphs.refusal is None,
        loop=_loop(plan, taken[RECIPE], peak, flops_of(step), memory),
        seconds_per_update=players,
        shares={name: value / sum(parts.values()) for name, value in parts.items()},
        share_of_evaluation=share_of_evaluation(plan, step, processes, clock, median),
        peak=peak,
        data=data_rate(plan, step, how, median * (1 - parts["data"] / sum(parts.values()))),
        textbook=textbook,
        speed=speed_against(taken, TEXTBOOK)[RECIPE] if reference else None,
    )


def _loop(plan: Plan, seconds: list[float], peak: Peak, flops: float, memory: int) -> Loop:
    train, spread = plan.recipe.settings.train, Spread.of(seconds)
    return Loop(
        seconds_per_step=spread,
        samples_per_second=train.samples_per_step / spread.median,
        peak_bytes=memory,
        flops_per_step=flops,
        flops_per_second=flops / spread.median,
        share_of_peak=flops / spread.median / peak.best,
    )


# --- arithmetic and memory of a step -------------------------------------------------------------


def cycle_of(step: GanStep) -> int:
    """Return the number of steps after which every lazy regularizer has been applied."""
    every = max([slot.every_steps for slot in step.parts.regularizers], default=1)
    return min(every, MAX_CYCLE)


def flops_of(step: GanStep) -> float:
    """Return the floating-point operations of a step, averaged over its lazy regularizers."""
    with patch.multiple(step, networks=replace(step.networks, compiled=None), graphs=None):
        return _counted(step, cycle_of(step))


def _counted(step: Callable[[], object], steps: int) -> float:
    with FlopCounter() as counter:
        repeated(step, steps)()
    return counter.total / steps


def repeated(step: Callable[[], object], times: int) -> Callable[[], None]:
    """Return a function that calls `step` this many times."""

    def repeated() -> None:
        for _ in range(times):
            step()

    return repeated


def held_by_step(step: GanStep) -> list[Tensor]:
    """Return the tensors that live on between steps, except gradients."""
    optimizers = [player.optimizer for player in step.players.values()]
    return _states(step.parts, step.ema, optimizers) + step.feed.held()


def held_by_reference(loop: ReferenceLoop) -> list[Tensor]:
    """Return the tensors that live on between steps of the reference loop, except gradients."""
    return _states(loop.parts, loop.average, loop.optimizers.values()) + loop.data


def _states(parts: Components, ema: Ema | None, optimizers: Iterable[Optimizer]) -> list[Tensor]:
    averages = [each for each in (ema.module, ema.latent) if each is not None] if ema else []
    stateful: list[Any] = [*parts.modules.values(), *averages, *optimizers]
    return [tensor for each in stateful for tensor in tensors_in(each.state_dict())]


# --- data ----------------------------------------------------------------------------------------


def data_rate(plan: Plan, step: GanStep, how: How, seconds_without_data: float) -> DataRate:
    """Measure how fast the real batches of a step's feed come alone, in wall time.

    Args:
        seconds_without_data: of one step.
    """
    train = plan.recipe.settings.train
    source = plan.data
    if source == "cache" and not isinstance(plan.dataset, DecodedCache):
        source = "stream"  # there was no room
    alone = 1 / seconds_per_read(step, how.seconds)
    rate = DataRate(
        source,
        train.samples_per_step * alone,
        train.samples_per_step / seconds_without_data,
        None,
    )
    return replace(rate, advice=_advice(plan, source)) if rate.limits else rate


def seconds_per_read(step: GanStep, seconds: float) -> float:
    """Return the wall-clock seconds in which the real batches of one step are read."""
    clock = clock_of(step.feed.device, threads=2)
    config, whole = step.config, Rows(0, step.feed.rows.count)

    def read() -> None:
        for _ in range(config.discriminator_steps):
            step.feed.next().part(whole)
        for _ in range(config.generator_steps):
            batch = step.feed.next()
            if not config.discriminator_steps:
                batch.part(whole)

    repeated(read, READS_IN_A_ROW + 1)()
    count, began = 0, clock()
    while (taken := clock() - began) < seconds or not count:
        read()
        count += 1
    return taken / count


def _advice(plan: Plan, source: str) -> str | None:
    """Return an override under which data comes faster, or None."""
    asked = plan.recipe.settings.train.workers
    if source == "cache":
        return "train.data=memory"
    if source == "stream" and plan.data == "stream" and source_files(plan.dataset):
        return "train.data=cache"
    if source == "stream" and asked != "auto" and asked < usable_cores():
        return f"train.workers={usable_cores()}"
    return None


# --- scores, and a trace -------------------------------------------------------------------------


def share_of_evaluation(
    plan: Plan, step: GanStep, processes: Processes, clock: Clock, seconds_per_step: float
) -> float | None:
    """Return the fraction of a run's time spent on scores, at the recipe's cadence.

    Counts the evaluations during training and the two at the end; the reference statistics are
    taken as cached. None where the recipe has no score.
    """
    if plan.extractor is None:
        return None
    budget = plan.budget
    per_sample = _seconds_per_evaluation(plan, step, processes, clock) / budget.samples
    samples = budget.steps // budget.eval_every * budget.samples + 2 * budget.final_samples
    scoring = samples * per_sample
    return scoring / (scoring + budget.steps * seconds_per_step)


def _seconds_per_evaluation(plan: Plan, step: GanStep, processes: Processes, clock: Clock) -> float:
    """Return the seconds of one evaluation, after a first one that reads the reference."""
    sampler, counts = step.sampler(), (step.iteration, step.samples_seen)
    about = sampling_record(plan.recipe.settings, step.sampling, *counts, selected="during")
    scorer = Scorer.of(plan, processes)
    scorer.score_generator(sampler, plan.budget.samples, about)
    began = clock()
    scorer.score_generator(sampler, plan.budget.samples, about)
    return clock() - began


def write_trace(step: GanStep, path: Path, steps: int = 3) -> None:
    """Write a trace for ``chrome://tracing`` or Perfetto, of `steps` steps after two to warm up."""
    repeated(step, 2)()
    with torch.profiler.profile() as profile:
        repeated(step, steps)()
    profile.export_chrome_trace(str(path))
