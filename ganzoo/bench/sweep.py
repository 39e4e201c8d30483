"""Try a recipe in every precision and memory format, compiled and not; propose the fastest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import torch

from ganzoo.bench.bench import How, Tell
from ganzoo.bench.timing import Case, Spread, clock_of, speed_against, time_interleaved, warm_ups_on
from ganzoo.components.plan import Plan
from ganzoo.errors import GanzooError, says_no_memory
from ganzoo.training.assemble import make_step
from ganzoo.training.execution import numerics
from ganzoo.training.processes import Processes

AS_GIVEN = "as given"
FASTER = 1.03
"""A smaller speed-up is noise, and no reason to change a recipe."""


@dataclass(frozen=True)
class Row:
    """One set of overrides: its seconds per step, and speed relative to the unchanged recipe."""

    overrides: tuple[str, ...]
    seconds_per_step: Spread
    speed: Spread


@dataclass(frozen=True)
class Sweep:
    """All rows, fastest first; what could not be measured, with the reason; and the proposal."""

    rows: list[Row]
    left_out: dict[str, str]

    @property
    def proposal(self) -> tuple[str, ...]:
        """The overrides that are faster in every round; none where nothing beats the recipe."""
        for row in self.rows:
            if row.speed.median >= FASTER and row.speed.low > 1:
                return row.overrides
        return ()


def sweep(
    plan_of: Callable[[tuple[str, ...]], Plan],
    processes: Processes,
    how: How,
    tell: Tell = lambda message: None,
) -> Sweep:
    """Time a recipe under every combination, in turns in one process.

    A combination is left out if `plan_of` refuses it or its first step fails: torch cannot compile
    it, a number is not finite, or memory runs out.

    Args:
        plan_of: returns the recipe's plan with additional overrides.
        tell: receives progress messages.
    """
    cases, left_out = [Case(AS_GIVEN, _stepping(plan_of(()), processes))], {}
    for overrides in combinations(processes.device):
        name = " ".join(overrides)
        tell(f"preparing {name}")
        try:
            step = _stepping(plan_of(overrides), processes)
            step()
        except Exception as error:
            if not isinstance(error, GanzooError) and not says_no_memory(error):
                raise
            left_out[name] = str(error).strip().partition("\n")[0]
            continue
        cases.append(Case(name, step))
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
    """Return a function that runs one step under the recipe's own numerics."""
    step = make_step(plan, processes)

    def run() -> None:
        with numerics(plan.recipe.settings.train):
            step()

    return run


def combinations(device: torch.device) -> list[tuple[str, ...]]:
    """Return the overrides to try on a device."""
    precisions = ["fp32", "bf16"] if device.type == "cpu" else ["fp32", "tf32", "bf16", "fp16"]
    formats = ("contiguous", "channels_last")
    return [
        (f"train.precision={precision}", f"train.memory_format={memory}", f"train.compile={on}")
        for on, precision, memory in product(("false", "true"), precisions, formats)
    ]
