"""Tries a recipe under every precision, memory format, and compiled or not; says what wins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import torch

from ganzoo.bench.bench import How, Tell
from ganzoo.bench.rounds import (
    Case,
    Spread,
    clock_of,
    speed_against,
    time_interleaved,
    warm_ups_on,
)
from ganzoo.components.plan import Plan
from ganzoo.errors import GanzooError, says_no_memory
from ganzoo.training.assemble import make_step
from ganzoo.training.precision import numerics
from ganzoo.training.processes import Processes

AS_GIVEN = "as given"
FASTER = 1.03
"""Less than this is noise, and no reason to change a recipe."""


@dataclass(frozen=True)
class Row:
    """One set of overrides, its seconds a step, and its speed against the recipe as it stands."""

    overrides: tuple[str, ...]
    seconds_per_step: Spread
    speed: Spread


@dataclass(frozen=True)
class Sweep:
    """All rows, the fastest first, what could not be tried and why, and what to do."""

    rows: list[Row]
    left_out: dict[str, str]

    @property
    def proposal(self) -> tuple[str, ...]:
        """The overrides that win in every round; none where the recipe is as fast as any."""
        for row in self.rows:
            if row.speed.median >= FASTER and row.speed.low > 1:
                return row.overrides
        return ()


def sweep(
    plan_of: Callable[[tuple[str, ...]], Plan],
    processes: Processes,
    how: How,
    tell: Tell = lambda words: None,
) -> Sweep:
    """Time a recipe under every combination, all taking turns in one process.

    Args:
        plan_of: returns the recipe's plan under more overrides; a combination that it refuses
            is left out, and so is one whose first step fails: that torch cannot compile, that
            is not finite, or that there is no memory for.
    """
    cases, left_out = [Case(AS_GIVEN, _stepping(plan_of(()), processes))], {}
    for overrides in combinations(processes.device):
        name = " ".join(overrides)
        tell(f"preparing {name}")
        try:
            play = _stepping(plan_of(overrides), processes)
            play()
        except Exception as error:
            if not isinstance(error, GanzooError) and not says_no_memory(error):
                raise
            left_out[name] = str(error).strip().partition("\n")[0]
            continue
        cases.append(Case(name, play))
    clock = clock_of(processes.device, how.threads)
    taken = time_interleaved(
        cases,
        clock,
        rounds=how.rounds,
        seconds=how.seconds,
        warm_up=warm_ups_on(processes.device),
        tell=tell,
    )
    speed = speed_against(taken, AS_GIVEN)
    rows = [
        Row(() if name == AS_GIVEN else tuple(name.split()), Spread.of(times), speed[name])
        for name, times in taken.items()
    ]
    return Sweep(sorted(rows, key=lambda row: -row.speed.median), left_out)


def _stepping(plan: Plan, processes: Processes) -> Callable[[], None]:
    """Return a call that plays one step under the recipe's own numerics."""
    step = make_step(plan, processes)

    def play() -> None:
        with numerics(plan.recipe.settings.train):
            step()

    return play


def combinations(device: torch.device) -> list[tuple[str, ...]]:
    """Return the overrides to try on a device."""
    precisions = ["fp32", "bf16"] if device.type == "cpu" else ["fp32", "tf32", "bf16", "fp16"]
    return [
        (f"train.precision={precision}", f"train.memory_format={memory}", f"train.compile={made}")
        for made, precision, memory in product(
            ("false", "true"), precisions, ("contiguous", "channels_last")
        )
    ]
