"""Training steps on an NVIDIA GPU: the reference loop; the engine eager, compiled and captured.

    python benchmarks/gpu.py [--rounds 5] [--seconds 0.3] [--only NAME…] [--batches 64 512]

Networks of the zoo at 32x32 with an average of G in every case. All cases of a row take turns in
one process, in wall time, the device synchronized at each reading; a speed is the median of the
ratios within rounds. The limit is the lower of two: arithmetic at the measured peak, and memory
traffic at the measured bandwidth with no operation fused.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from typing import Any

import torch
from provenance import provenance
from steps import NETWORKS, RECIPE, TEXTBOOK, Row, markdown
from torch.utils._python_dispatch import TorchDispatchMode

from ganzoo.bench.bench import cycle_of, flops_of, repeated
from ganzoo.bench.machine import measure_peak, tensors_in
from ganzoo.bench.reference_loop import ReferenceLoop
from ganzoo.bench.timing import Clock, clock_of, warm_ups_on
from ganzoo.components.plan import Plan
from ganzoo.errors import DeviceError
from ganzoo.report.table import three_digits
from ganzoo.training.assemble import make_step
from ganzoo.training.execution import float32_precision
from ganzoo.training.launch import prepare
from ganzoo.training.processes import Processes
from ganzoo.training.step import GanStep

ROWS = ("dcgan", "dcgan, WGAN-GP", "resnet 64", "resnet 64, WGAN-GP")

COMPILED = ("train.compile=true", "train.memory_format=contiguous")
"""Under torch 2.11, code compiled for a dcgan in channels-last memory fails on its strides."""

CASES: dict[str, tuple[str, ...]] = {
    "fp32": ("train.precision=fp32", "train.cuda_graphs=false"),
    "fp32 captured": ("train.precision=fp32",),
    "bf16": ("train.precision=bf16", "train.cuda_graphs=false"),
    "bf16 compiled": ("train.precision=bf16", "train.cuda_graphs=false", *COMPILED),
    "bf16 captured": ("train.precision=bf16",),
    "bf16 compiled, captured": ("train.precision=bf16", *COMPILED),
    "fp16 captured": ("train.precision=fp16",),
}
"""The engine under each switch; fp32 multiplies without TF32, as the reference loop does."""


@dataclass(frozen=True)
class Device:
    """A GPU and its best measured rates."""

    processes: Processes
    arithmetic: float
    """Floating-point operations per second in bfloat16."""
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
    print(provenance("torch", device=torch.cuda.get_device_name(gpu)))
    print(
        f"peak bf16 {device.arithmetic / 1e12:.0f} TFLOP/s, "
        f"copy {device.bytes_per_second / 1e12:.2f} TB/s\n"
    )
    columns = ["", "textbook samples/s", *chosen.cases]
    columns += ["best samples/s", "of its limit", "ops a step"]
    rows = []
    for batch in chosen.batches:
        for name in chosen.only:
            rows.append(row(name, batch, device, chosen))
            print(*rows[-1], sep="  ", flush=True)
    print("\n" + markdown(columns, rows))


def row(name: str, batch: int, device: Device, chosen: argparse.Namespace) -> list[str]:
    """Measure one row; return its cells."""
    size = f"train.batch_size={batch}"
    plans = {case: prepare(RECIPE, [*NETWORKS[name], size, *CASES[case]]) for case in chosen.cases}
    first = next(iter(plans.values()))
    with float32_precision("ieee"):
        steps = {case: make_step(plan, device.processes) for case, plan in plans.items()}
        steps = {case: step for case, step in steps.items() if runs(name, case, step)}
        measured = Row.timed(
            f"{name}, batch {batch}",
            first,
            {TEXTBOOK: ReferenceLoop.of(first, device.processes.device), **steps},
            device.processes.device,
            rounds=chosen.rounds,
            seconds=chosen.seconds,
        )
        for case, step in steps.items():
            if step.graphs and step.graphs.refusal:
                print(f"{name}, {case}: not captured: {step.graphs.refusal}", flush=True)
        limit, operations = samples_per_second_at_best(plans, batch, device)
    speeds = [
        f"{measured.speed(case).median:.2f}" if case in steps else "–" for case in chosen.cases
    ]
    best = max(map(measured.samples_per_second, measured.taken))
    at_best = [three_digits(best), f"{best / limit:.0%}", str(operations)]
    return [*measured.cells(), *speeds, *at_best]


def runs(name: str, case: str, step: GanStep) -> bool:
    """Run the first steps, which compile and capture; print the error and return False if not."""
    try:
        repeated(step, warm_ups_on(step.processes.device))()
    except DeviceError as error:
        print(f"{name}, {case}: {error.message}", flush=True)
        return False
    return True


def samples_per_second_at_best(
    plans: dict[str, Plan], batch: int, device: Device
) -> tuple[float, int]:
    """Return real samples per second at the lower of the two limits, and operations per step."""
    plan = next((plan for case, plan in plans.items() if case.startswith("bf16")), None)
    step: GanStep = make_step(plan or next(iter(plans.values())), device.processes)
    step.networks, step.graphs = replace(step.networks, compiled=None), None
    flops, cycle = flops_of(step), cycle_of(step)
    with TrafficCounter() as traffic:
        repeated(step, cycle)()
    arithmetic = device.arithmetic / (flops / batch)
    memory = device.bytes_per_second / (traffic.bytes / cycle / batch)
    return min(arithmetic, memory), traffic.operations // cycle


class TrafficCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Count operations and the bytes that they read and write, nothing fused and nothing cached.

    Views read and write nothing. Unless operations are fused, a step takes at least this many
    bytes divided by the device's bandwidth.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bytes = 0
        self.operations = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        if not _is_view(function):
            moved = tensors_in([args, kwargs, result])
            self.bytes += sum(tensor.numel() * tensor.element_size() for tensor in moved)
            self.operations += 1
        return result


def _is_view(function: Any) -> bool:
    """Return whether an operation's result shares memory that it does not write to."""
    returned = function._schema.returns
    return any(each.alias_info and not each.alias_info.is_write for each in returned)


@torch.no_grad()
def bandwidth(device: torch.device, clock: Clock, megabytes: int = 1024) -> float:
    """Return bytes per second of copies on the device, counting both reads and writes.

    Args:
        clock: synchronizes the device at each reading.
    """
    source = torch.empty(megabytes * 2**20, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    target.copy_(source)
    began = clock()
    for _ in range(8):
        target.copy_(source)
    return 8 * 2 * source.numel() / (clock() - began)


if __name__ == "__main__":
    main()
