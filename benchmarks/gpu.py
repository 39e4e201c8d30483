"""How fast a training step is on an NVIDIA GPU: the plain loop, and ours eager, compiled, captured.

    python benchmarks/gpu.py [--rounds 5] [--seconds 0.3] [--only NAME…] [--batches 64 512]

Networks of the zoo at 32x32 with an average of G in every case. All cases of a row take turns in
one process, in wall time, the device waited for at each reading; a speed is the median of the
rounds' own ratios. The limit is what arithmetic at the measured peak and memory traffic at the
measured bandwidth would allow, the lower of the two, no operation fused.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace

import torch
from contestants import NETWORKS, RECIPE

import ganzoo
from ganzoo.bench.bench import cycle_of, flops_of, repeated
from ganzoo.bench.machine import TrafficCounter, bandwidth, measure_peak
from ganzoo.bench.reference_loop import ReferenceLoop
from ganzoo.bench.timing import (
    Case,
    Spread,
    clock_of,
    speed_against,
    time_interleaved,
    warm_ups_on,
)
from ganzoo.components.plan import Plan
from ganzoo.errors import DeviceError
from ganzoo.report.table import Table, three_digits
from ganzoo.training.assemble import make_step
from ganzoo.training.launch import prepare
from ganzoo.training.precision import float32_precision
from ganzoo.training.processes import Processes
from ganzoo.training.step import GanStep

ROWS = ("dcgan", "dcgan, WGAN-GP", "resnet 64", "resnet 64, WGAN-GP")

COMPILED = ("train.compile=true", "train.memory_format=contiguous")
"""Under torch 2.11 the code compiled for a dcgan in channels-last memory fails of its strides."""

CASES: dict[str, tuple[str, ...]] = {
    "fp32": ("train.precision=fp32", "train.cuda_graphs=false"),
    "fp32 captured": ("train.precision=fp32",),
    "bf16": ("train.precision=bf16", "train.cuda_graphs=false"),
    "bf16 compiled": ("train.precision=bf16", "train.cuda_graphs=false", *COMPILED),
    "bf16 captured": ("train.precision=bf16",),
    "bf16 compiled, captured": ("train.precision=bf16", *COMPILED),
    "fp16 captured": ("train.precision=fp16",),
}
"""Ours under each switch; fp32 multiplies in full, without TF32, as the textbook does."""


@dataclass(frozen=True)
class Device:
    """What the card can do at best."""

    processes: Processes
    arithmetic: float
    """Operations a second in bfloat16."""
    bytes_per_second: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3)
    parser.add_argument("--only", nargs="*", choices=ROWS, default=list(ROWS), metavar="NAME")
    parser.add_argument("--cases", nargs="*", choices=CASES, default=list(CASES), metavar="CASE")
    parser.add_argument("--batches", nargs="*", type=int, default=[64, 512])
    chosen = parser.parse_args()
    gpu = torch.device("cuda", torch.cuda.current_device())
    clock = clock_of(gpu, 1)
    device = Device(
        Processes(gpu), measure_peak(torch.bfloat16, gpu, clock).best, bandwidth(gpu, clock)
    )
    versions = f"ganzoo {ganzoo.__version__}, torch {torch.__version__}"
    print(f"{time.strftime('%Y-%m-%d')}, {torch.cuda.get_device_name(gpu)}, {versions}")
    print(
        f"peak bf16 {device.arithmetic / 1e12:.0f} TFLOP/s, "
        f"copy {device.bytes_per_second / 1e12:.2f} TB/s\n"
    )
    columns = [
        "",
        "textbook samples/s",
        *chosen.cases,
        "best samples/s",
        "of its limit",
        "ops a step",
    ]
    rows = []
    for batch in chosen.batches:
        for name in chosen.only:
            rows.append(row(name, batch, device, chosen))
            print(*rows[-1], sep="  ", flush=True)
    print("\n" + Table(columns, rows, columns[1:]).markdown())


def row(name: str, batch: int, device: Device, chosen: argparse.Namespace) -> list[str]:
    """Measure one row; return its line."""
    size = f"train.batch_size={batch}"
    plans = {case: prepare(RECIPE, [*NETWORKS[name], size, *CASES[case]]) for case in chosen.cases}
    with float32_precision("ieee"):
        steps = {case: make_step(plan, device.processes) for case, plan in plans.items()}
        steps = {case: step for case, step in steps.items() if compiles(name, case, step)}
        textbook = ReferenceLoop.of(next(iter(plans.values())), device.processes.device)
        cases = [Case("textbook", textbook), *(Case(*each) for each in steps.items())]
        taken = time_interleaved(
            cases,
            clock_of(device.processes.device, 1),
            rounds=chosen.rounds,
            seconds=chosen.seconds,
            warm_up=warm_ups_on(device.processes.device),
        )
        for case, step in steps.items():
            if step.graphs and step.graphs.refusal:
                print(f"{name}, {case}: not captured: {step.graphs.refusal}", flush=True)
        limit, operations = samples_per_second_at_best(plans, batch, device)
    speed = speed_against(taken, "textbook")
    rates = {case: batch / Spread.of(times).median for case, times in taken.items()}
    best = max(rates.values())
    shown = [f"{name}, batch {batch}", three_digits(rates["textbook"])]
    shown += [f"{speed[case].median:.2f}" if case in speed else "–" for case in chosen.cases]
    return [*shown, three_digits(best), f"{best / limit:.0%}", str(operations)]


def compiles(name: str, case: str, step: GanStep) -> bool:
    """Play the first steps, in which networks are compiled and captured; say if they cannot be."""
    try:
        repeated(step, warm_ups_on(step.processes.device))()
    except DeviceError as error:
        print(f"{name}, {case}: {error.message}", flush=True)
        return False
    return True


def samples_per_second_at_best(
    plans: dict[str, Plan], batch: int, device: Device
) -> tuple[float, int]:
    """Return real images a second at the lower of two limits, and the operations of a step."""
    plan = next((plan for case, plan in plans.items() if case.startswith("bf16")), None)
    step: GanStep = make_step(plan or next(iter(plans.values())), device.processes)
    step.arithmetic.networks, step.graphs = replace(step.arithmetic.networks, compiled=None), None
    flops, cycle = flops_of(step), cycle_of(step)
    with TrafficCounter() as traffic:
        repeated(step, cycle)()
    arithmetic = device.arithmetic / (flops / batch)
    memory = device.bytes_per_second / (traffic.bytes / cycle / batch)
    return min(arithmetic, memory), traffic.operations // cycle


if __name__ == "__main__":
    main()
