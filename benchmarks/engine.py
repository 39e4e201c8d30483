"""How fast a training step is, against the plain loop and a plain loop through Accelerate.

    python benchmarks/engine.py [--rounds 5] [--only NAME…] [--without-bf16]

Networks of the zoo at 32x32 (batch 64, random-looking shapes, an average of G in every case) and
the 8x8 demo. All cases of a row take turns in one process on one CPU thread, timed by the process's
own CPU time; a ratio is the median of the rounds' own ratios. The last table is in wall time.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Iterator
from functools import partial

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from contestants import NETWORKS, RECIPE

import ganzoo
from ganzoo.bench.bench import (
    cycle_of,
    flops_of,
    held_by_reference,
    held_by_step,
    repeated,
)
from ganzoo.bench.machine import measure_peak, peak_bytes
from ganzoo.bench.reference_loop import ReferenceLoop
from ganzoo.bench.timing import (
    Case,
    Spread,
    clock_of,
    speed_against,
    time_by_part,
    time_interleaved,
)
from ganzoo.components.plan import Plan
from ganzoo.report.table import Table, three_digits
from ganzoo.sampling.random_streams import CPU
from ganzoo.training.assemble import make_step
from ganzoo.training.launch import prepare
from ganzoo.training.processes import Processes
from ganzoo.training.threads import keep_freed_memory

ROWS: dict[str, tuple[str, tuple[str, ...]]] = {
    name: (RECIPE, (*overrides, "train.batch_size=64")) for name, overrides in NETWORKS.items()
}
ROWS["8x8 demo"] = ("digits-dcgan-hinge", ("eval.extractor=null",))
"""Name of a row → recipe and overrides; precision is set by the case."""

FP32, BF16 = ("train.precision=fp32",), ("train.precision=bf16",)
CASES = ("textbook", "accelerate", "ours", "accelerate bf16", "ours bf16")
WITHOUT_BF16 = CASES[:3]
ALONE = Processes(CPU)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", choices=ROWS, default=list(ROWS), metavar="NAME")
    parser.add_argument("--without-bf16", action="store_true", help="on CPUs that have none")
    chosen = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(1)
    clock = clock_of(CPU, 1)
    names = WITHOUT_BF16 if chosen.without_bf16 else CASES
    dtypes = [torch.float32] if chosen.without_bf16 else [torch.float32, torch.bfloat16]
    peaks = {dtype: measure_peak(dtype, CPU, clock) for dtype in dtypes}
    for line in heading(peaks):
        print(line)
    speeds, resources = [], []
    for name in chosen.only:
        speed, resource = row(name, names, chosen.rounds, peaks[dtypes[-1]].convolution)
        print(time.strftime("%H:%M"), *speed, *resource[1:], sep="  ", flush=True)
        speeds.append(speed)
        resources.append(resource)
    columns = ["", "textbook samples/s", *names[1:]]
    columns += [] if chosen.without_bf16 else ["bf16: ours / accelerate"]
    print("\n" + Table(columns, speeds, columns[1:]).markdown())
    columns = ["", f"{names[-1]}: GFLOP/s", "of the convolution peak"]
    columns += [f"MiB {case}" for case in names if "accelerate" not in case]
    columns += ["data, EMA and the rest"]
    print("\n" + Table(columns, resources, columns[1:]).markdown())
    if "8x8 demo" in chosen.only:
        print("\n" + two_threads(chosen.rounds))


def heading(peaks: dict[torch.dtype, object]) -> Iterator[str]:
    """Yield what the numbers were made with and on."""
    versions = f"ganzoo {ganzoo.__version__}, torch {torch.__version__}"
    name = torch.cpu.get_capabilities().get("cpu_name", platform.processor())
    yield f"{time.strftime('%Y-%m-%d')}, {name}, one thread, {versions}"
    for dtype, peak in peaks.items():
        matmul, convolution = peak.matmul / 1e9, peak.convolution / 1e9  # type: ignore[attr-defined]
        kind = str(dtype).removeprefix("torch.")
        yield f"peak {kind}: matmul {matmul:.0f}, convolution {convolution:.0f} GFLOP/s"


def row(name: str, names: tuple[str, ...], rounds: int, peak: float) -> tuple[list[str], list[str]]:
    """Measure one row; return its line of speeds and its line of resources.

    Args:
        names: of the cases that take turns; resources are those of the last.
        peak: of a convolution in the last one's precision, in FLOP/s.
    """
    recipe, overrides = ROWS[name]
    plain = prepare(recipe, [*overrides, *FP32])
    textbook = ReferenceLoop.of(plain, CPU)
    steps = {"ours": make_step(plain, ALONE)}
    if "ours bf16" in names:
        steps["ours bf16"] = make_step(prepare(recipe, [*overrides, *BF16]), ALONE)
    loops = {"textbook": textbook, **steps}
    for case in names:
        if case.startswith("accelerate"):
            loops[case] = through_accelerate(plain, "bf16" if "bf16" in case else "no")
    cases = [Case(case, loops[case]) for case in names]
    taken = time_interleaved(cases, clock_of(CPU, 1), rounds=rounds, seconds=0.4, warm_up=1)
    against = speed_against(taken, "textbook")
    train = plain.recipe.settings.train
    shown = train.batch_size * train.discriminator_steps
    speed = [name, three_digits(shown / Spread.of(taken["textbook"]).median)]
    speed += [in_words(against[case]) for case in names[1:]]
    if "ours bf16" in names:
        speed.append(in_words(speed_against(taken, "accelerate bf16")["ours bf16"]))
    last = steps[names[-1]]
    rate = flops_of(last) / Spread.of(taken[names[-1]]).median
    cycle = cycle_of(last)
    memory = [peak_bytes(repeated(textbook, cycle), held_by_reference(textbook), CPU)]
    memory += [
        peak_bytes(repeated(step, cycle), held_by_step(step), CPU) for step in steps.values()
    ]
    parts = time_by_part(last, clock_of(CPU, 1), 64 if name == "8x8 demo" else 2)
    other = 1 - sum(parts[part] for part in ("forward", "backward", "optimizer")) / sum(
        parts.values()
    )
    resource = [name, f"{rate / 1e9:.0f}", f"{rate / peak:.0%}"]
    resource += [three_digits(each / 2**20) for each in memory] + [f"{other:.1%}"]
    return speed, resource


def through_accelerate(plan: Plan, precision: str) -> ReferenceLoop:
    """Return the textbook loop with everything prepared by Accelerate, as its examples do it."""
    AcceleratorState._reset_state(reset_partial_state=True)
    accelerator = Accelerator(cpu=True, mixed_precision=precision)
    loop = ReferenceLoop.of(plan, CPU)
    loop.generator, loop.discriminator = accelerator.prepare(loop.generator, loop.discriminator)
    loop.optimizers = {
        name: accelerator.prepare(optimizer) for name, optimizer in loop.optimizers.items()
    }
    loop.backward = accelerator.backward
    return loop


def two_threads(rounds: int) -> str:
    """Return a table of the demo in wall time: the textbook on two threads, ours as a run goes."""
    recipe, overrides = ROWS["8x8 demo"]
    plan = prepare(recipe, overrides)
    loops = {
        "textbook, 2 threads": (ReferenceLoop.of(plan, CPU), 2),
        "ours": (make_step(plan, ALONE), 1),
    }
    cases = [Case(name, partial(on_threads, *loop)) for name, loop in loops.items()]
    taken = time_interleaved(cases, time.perf_counter, rounds=4 * rounds, seconds=0.5)
    speed = speed_against(taken, "textbook, 2 threads")
    rows = [
        [name, in_words(Spread.of([1000 * t for t in taken[name]])), in_words(speed[name])]
        for name in loops
    ]
    columns = ["8x8 demo, wall time", "ms a step", "times as fast"]
    return Table(columns, rows, columns[1:]).markdown()


def on_threads(play: object, threads: int) -> None:
    """Play one step on so many threads."""
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    play()  # type: ignore[operator]


def in_words(spread: Spread) -> str:
    """Return the median with its range."""
    return f"{spread.median:.2f} ({spread.low:.2f}-{spread.high:.2f})"


if __name__ == "__main__":
    main()
