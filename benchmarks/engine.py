"""Training steps on a CPU: the engine, the reference loop, and that loop through Accelerate.

    python benchmarks/engine.py [--rounds 5] [--only NAME…] [--without-bf16]

Networks of the zoo at 32x32 (batch 64, random-looking shapes, an average of G in every case) and
the 8x8 demo. All cases of a row take turns in one process on one CPU thread, timed by the CPU time
of the process; a ratio is the median of the ratios within rounds. The last table is in wall time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from provenance import provenance
from steps import NETWORKS, RECIPE, TEXTBOOK, Row, markdown, with_range

from ganzoo.bench.bench import cycle_of, flops_of, held_by_reference, held_by_step, repeated
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
from ganzoo.report.table import three_digits
from ganzoo.sampling.random_streams import CPU
from ganzoo.training.assemble import make_step
from ganzoo.training.execution import keep_freed_memory
from ganzoo.training.launch import prepare
from ganzoo.training.processes import Processes

DEMO = "8x8 demo"
ROWS: dict[str, tuple[str, tuple[str, ...]]] = {
    name: (RECIPE, (*overrides, "train.batch_size=64")) for name, overrides in NETWORKS.items()
}
ROWS[DEMO] = ("digits-dcgan-hinge", ("eval.extractor=null",))
"""Name of a row → recipe and overrides; the case sets the precision."""

FP32, BF16 = ("train.precision=fp32",), ("train.precision=bf16",)
CASES = (TEXTBOOK, "accelerate", "ours", "accelerate bf16", "ours bf16")
WITHOUT_BF16 = CASES[:3]
ALONE = Processes(CPU)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", choices=ROWS, default=list(ROWS), metavar="NAME")
    parser.add_argument("--without-bf16", action="store_true", help="for CPUs without bfloat16")
    chosen = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(1)
    names = WITHOUT_BF16 if chosen.without_bf16 else CASES
    dtypes = [torch.float32] if chosen.without_bf16 else [torch.float32, torch.bfloat16]
    print(f"{provenance('torch', 'accelerate')}, one thread")
    for dtype in dtypes:
        peak = measure_peak(dtype, CPU, clock_of(CPU, 1))
        rates = f"matmul {peak.matmul / 1e9:.0f}, convolution {peak.convolution / 1e9:.0f} GFLOP/s"
        print(f"peak {str(dtype).removeprefix('torch.')}: {rates}")
    speeds, resources = [], []
    for name in chosen.only:
        speed, resource = row(name, names, chosen.rounds, peak.convolution)
        print(time.strftime("%H:%M"), *speed, *resource[1:], sep="  ", flush=True)
        speeds.append(speed)
        resources.append(resource)
    columns = ["", "textbook samples/s", *names[1:]]
    columns += [] if chosen.without_bf16 else ["bf16: ours / accelerate"]
    print("\n" + markdown(columns, speeds))
    columns = ["", f"{names[-1]}: GFLOP/s", "of the convolution peak"]
    columns += [f"MiB {case}" for case in names if "accelerate" not in case]
    columns += ["data, EMA and the rest"]
    print("\n" + markdown(columns, resources))
    if DEMO in chosen.only:
        print("\n" + two_threads(chosen.rounds))


def row(name: str, names: tuple[str, ...], rounds: int, peak: float) -> tuple[list[str], list[str]]:
    """Measure one row; return its cells of speeds and its cells of resources.

    Args:
        names: the cases, in the order of the columns; resources are those of the last one.
        peak: of a convolution in the last one's precision, in FLOP/s.
    """
    recipe, overrides = ROWS[name]
    plain = prepare(recipe, [*overrides, *FP32])
    reference = ReferenceLoop.of(plain, CPU)
    steps = {"ours": make_step(plain, ALONE)}
    if "ours bf16" in names:
        steps["ours bf16"] = make_step(prepare(recipe, [*overrides, *BF16]), ALONE)
    loops: dict[str, Callable[[], object]] = {TEXTBOOK: reference, **steps}
    for case in names:
        if case.startswith("accelerate"):
            loops[case] = through_accelerate(plain, "bf16" if "bf16" in case else "no")
    loops = {case: loops[case] for case in names}
    measured = Row.timed(name, plain, loops, CPU, rounds=rounds, seconds=0.4)
    speed = measured.cells() + [with_range(measured.speed(case)) for case in names[1:]]
    if "ours bf16" in names:
        speed.append(with_range(measured.speed("ours bf16", "accelerate bf16")))
    last = steps[names[-1]]
    rate = flops_of(last) / measured.seconds_per_step(names[-1])
    cycle = cycle_of(last)
    memory = [peak_bytes(repeated(reference, cycle), held_by_reference(reference), CPU)]
    memory += [
        peak_bytes(repeated(step, cycle), held_by_step(step), CPU) for step in steps.values()
    ]
    parts = time_by_part(last, clock_of(CPU, 1), 64 if name == DEMO else 2)
    other = 1 - sum(parts[part] for part in ("forward", "backward", "optimizer")) / sum(
        parts.values()
    )
    resource = [name, f"{rate / 1e9:.0f}", f"{rate / peak:.0%}"]
    resource += [three_digits(each / 2**20) for each in memory] + [f"{other:.1%}"]
    return speed, resource


def through_accelerate(plan: Plan, precision: str) -> ReferenceLoop:
    """Return the reference loop with everything prepared by Accelerate, as its examples do."""
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
    """Return a table of the demo in wall time: the reference on two threads, ours as in a run."""
    recipe, overrides = ROWS[DEMO]
    plan = prepare(recipe, overrides)
    baseline = f"{TEXTBOOK}, 2 threads"
    loops = {baseline: (ReferenceLoop.of(plan, CPU), 2), "ours": (make_step(plan, ALONE), 1)}
    cases = [Case(name, partial(on_threads, *loop)) for name, loop in loops.items()]
    taken = time_interleaved(cases, time.perf_counter, rounds=4 * rounds, seconds=0.5)
    speed = speed_against(taken, baseline)
    rows = [
        [name, with_range(Spread.of([1000 * t for t in taken[name]])), with_range(speed[name])]
        for name in loops
    ]
    return markdown(["8x8 demo, wall time", "ms a step", "times as fast"], rows)


def on_threads(step: Callable[[], object], threads: int) -> None:
    """Run one step on this many threads."""
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    step()


if __name__ == "__main__":
    main()
