"""Startup notes: choices made silently, and what affects speed or reproducibility."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch

from ganzoo.components.build import Components, capabilities
from ganzoo.components.data import left_out
from ganzoo.components.plan import Plan
from ganzoo.training.execution import SMALL_STEP_FLOPS
from ganzoo.training.graphs import obstacles
from ganzoo.training.networks import RequiredGradients
from ganzoo.training.step import GanStep

SHOWN = 3
"""Lines about what the data set leaves out."""


def startup_notes(plan: Plan, step: GanStep) -> list[str]:
    """Return one line for each silent choice, and for each difference from a single process."""
    return [
        *_on_data(plan),
        *_on_compiling(step),
        *_on_ranks(plan, step.parts, step.processes.world_size),
        *_on_micro_batches(plan, step.parts),
        *_on_precision(plan, step),
        *_on_capturing(plan, step),
    ]


def _on_data(plan: Plan) -> Iterator[str]:
    return (f"left out: {line}" for line in left_out(plan.dataset, SHOWN))


def _on_compiling(step: GanStep) -> Iterator[str]:
    compiled = step.networks.compiled
    penalised = RequiredGradients.by(step.parts.game_parts()).penalised
    if compiled is not None and compiled.penalty is None and penalised:
        yield (
            "D updates buffers in its forward pass (batch statistics, spectral norm), so it is not "
            "compiled in updates with a gradient penalty"
        )


def _on_ranks(plan: Plan, parts: Components, world_size: int) -> Iterator[str]:
    if world_size == 1:
        return
    normed, synced = parts.normed(), plan.recipe.settings.train.batch_norm == "synced"
    if normed and synced:
        yield f"synced: batch norm in {normed} sees the whole batch of all {world_size} processes"
    coupled = [
        type(part).__name__ for part in parts.game_parts() if "batch-coupled" in capabilities(part)
    ]
    if normed and not synced:
        coupled += [f"{letter}'s batch norm" for letter in normed.split(" and ")]
    if "batch-coupled" in capabilities(parts.discriminator) and "D" not in normed:
        coupled.append("D")
    if coupled:
        advice = " (train.batch_norm=synced: batch norm sees all)" if normed and not synced else ""
        yield (
            f"batch-coupled: {', '.join(coupled)} sees one process's share of the batch, so "
            f"{world_size} processes do not train as one would{advice}"
        )


def _on_micro_batches(plan: Plan, parts: Components) -> Iterator[str]:
    size = plan.recipe.settings.train.micro_batch
    if size and (normed := parts.normed()):
        yield (
            f"batch norm in {normed} sees micro-batches of {size}, so they do not train as the "
            "whole batch would"
        )


def _on_precision(plan: Plan, step: GanStep) -> Iterator[str]:
    precision, device = plan.recipe.settings.train.precision, step.processes.device
    fast = bf16_is_fast(device)
    if precision == "fp16" and device.type == "cpu":
        yield f"float16 is slow on a CPU: train.precision={'bf16 or fp32' if fast else 'fp32'}"
    if precision == "bf16" and device.type == "cpu" and not fast:
        yield "this CPU has no bfloat16: train.precision=fp32 is many times faster"
    if precision == "tf32" and device.type != "cuda":
        yield f"train.precision: tf32 changes nothing here: the device is {device.type}"
    worth_it = plan.step_flops is not None and plan.step_flops >= SMALL_STEP_FLOPS
    if precision == "fp32" and worth_it and fast:
        yield "this device computes faster in bfloat16: train.precision=bf16, with other rounding"


def _on_capturing(plan: Plan, step: GanStep) -> Iterator[str]:
    settings = plan.recipe.settings
    kind = step.processes.device.type
    if settings.train.cuda_graphs is True and kind != "cuda":
        yield f"train.cuda_graphs changes nothing here: the device is {kind}"
    if kind != "cuda" or step.graphs or settings.train.cuda_graphs is False:
        return
    optimizers = {role: player.optimizer for role, player in step.players.items()}
    reasons = obstacles(settings, step.parts, optimizers)
    if step.processes.world_size > 1:
        reasons.append("several processes exchange gradients between the kernels")
    yield f"updates are not captured as CUDA graphs: {'; '.join(reasons)}"


def bf16_is_fast(device: torch.device) -> bool:
    """Return whether a device multiplies bfloat16 in hardware."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        known = torch.cpu.get_capabilities()
        return bool(known.get("avx512_bf16") or known.get("amx_bf16") or known.get("bf16"))
    return False


# --- how long the run will take ---

WARM_UP_STEPS = 2
"""The first steps of a process take longer, and are not timed."""

TIMED_STEPS = 3
TIMED_SECONDS = 3.0
"""An estimate needs at least so many steps, and so much time."""

WORTH_SAYING_SECONDS = 60.0


@dataclass
class TimeEstimate:
    """Estimates once, from the first steps of a process, how long the rest of its run takes.

    Args:
        device: where the run trains.
        scored: whether evaluations come on top.
    """

    device: torch.device
    scored: bool
    steps: int = 0
    """Steps of this process so far."""
    begun: tuple[float, int, int] | None = None
    """Time, step and samples seen at the beginning of the timed steps."""
    done: bool = False
    clock: Callable[[], float] = field(default=time.monotonic)

    def restart(self) -> None:
        """Leave out what was timed so far: something else than steps took time."""
        self.begun = None

    def after_step(self, step: int, samples_seen: int, last: int) -> str | None:
        """Return the estimate in words, when there is one; once.

        Args:
            last: number of steps of the whole run.
        """
        self.steps += 1
        if self.done or self.steps < WARM_UP_STEPS:
            return None
        now = self.clock()
        if self.begun is None:
            self.begun = now, step, samples_seen
            return None
        seconds, steps = now - self.begun[0], step - self.begun[1]
        if steps < TIMED_STEPS or seconds < TIMED_SECONDS:
            return None
        self.done = True
        left = (last - step) * seconds / steps
        if left < WORTH_SAYING_SECONDS:
            return None
        rate = (samples_seen - self.begun[2]) / seconds
        speed = f"{rate:.0f}" if rate >= 10 else f"{rate:.1f}"
        where = {"cpu": "CPU", "cuda": "GPU"}.get(self.device.type, self.device.type)
        more = "; evaluations take more" if self.scored else ""
        return (
            f"training takes about {duration(left)} at {speed} samples/s on this {where} "
            f"(an estimate from {steps} steps{more})"
        )


def duration(seconds: float) -> str:
    """Return a duration of a minute or more in its two largest units: ``3 h 20 min``."""
    minutes = round(seconds / 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "day" if days == 1 else "days"), (hours, "h"), (minutes, "min")]
    shown = [f"{number} {unit}" for number, unit in parts if number]
    return " ".join(shown[:2])
