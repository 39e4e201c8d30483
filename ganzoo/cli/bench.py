"""``ganzoo bench``: measure how fast a recipe trains here, and where the time goes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ganzoo.cli import options
from ganzoo.cli.output import emit, emit_json, emit_table, say
from ganzoo.errors import DeviceError, out_of_memory, says_no_memory
from ganzoo.report.table import Table, three_digits
from ganzoo.runs.references import command

if TYPE_CHECKING:
    from ganzoo.bench.bench import DataRate, Loop, Report
    from ganzoo.bench.sweep import Sweep
    from ganzoo.bench.timing import Spread
    from ganzoo.components.plan import Plan


@click.command()
@options.recipe
@options.overrides
@click.option(
    "--against",
    type=click.Choice(["textbook"]),
    help="Compare with a plain PyTorch loop over the same networks.",
)
@click.option("--sweep", "swept", is_flag=True, help="Try precisions, memory formats, compile.")
@click.option(
    "--rounds", type=click.IntRange(min=1), default=5, show_default=True, help="Number of rounds."
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="Duration of each measurement.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="CPU threads.",
)
@click.option(
    "--profile",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    metavar="FILE",
    help="Write a Chrome trace of three steps.",
)
@options.as_json
@options.plugin
def bench(
    recipe: str,
    overrides: tuple[str, ...],
    against: str | None,
    swept: bool,
    rounds: int,
    seconds: float,
    threads: int,
    profile: Path | None,
    as_json: bool,
    plugin: Path | None,
) -> None:
    """Measure the training step of RECIPE on this machine, without writing a run.

    Prints medians over rounds, after a warm-up. One CPU thread is timed by CPU time, so that other
    work on the machine does not count; more threads, or a GPU, by wall time.

    With --against textbook both loops take turns in one process, and the ratio is the median of
    the ratios within rounds. --sweep proposes the fastest overrides; a run itself never
    chooses settings by timing.
    """
    # Otherwise torch's profiler, which counts bytes, logs its start and its end.
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    from ganzoo.bench.bench import How
    from ganzoo.training.decoded_cache import with_decoded_cache
    from ganzoo.training.execution import cpu_threads, keep_freed_memory, numerics
    from ganzoo.training.launch import prepare
    from ganzoo.training.processes import find_processes

    if swept and (against or profile):
        raise click.UsageError("--sweep cannot be combined with --against or --profile")
    if profile:
        _require_writable(profile)
    how = How(rounds, seconds, threads)
    registry = options.registry(plugin)
    plan = prepare(recipe, overrides, registry)
    keep_freed_memory()
    processes = find_processes()
    if processes.world_size > 1:
        raise DeviceError(
            f"bench measures one process, but the launcher started {processes.world_size}",
            hint=command("bench", recipe, *overrides),
        )
    with (
        cpu_threads(how.threads),
        numerics(plan.recipe.settings.train),
        _readable_memory_errors(plan, recipe, overrides, plugin),
    ):
        plan = with_decoded_cache(plan, processes, say)
        if swept:
            from ganzoo.bench.sweep import sweep

            def planned(more: tuple[str, ...]) -> Plan:
                other = prepare(recipe, [*overrides, *more], registry)
                return replace(other, dataset=plan.dataset)

            found = sweep(planned, processes, how, say)
            again = _command("run", recipe, overrides, found.proposal, plugin)
            _show_sweep(found, again, as_json)
            return
        from ganzoo.bench.bench import bench as measure
        from ganzoo.bench.bench import write_trace

        report = measure(plan, processes, how, against_textbook=bool(against), tell=say)
        _show(report, as_json)
        if profile:
            from ganzoo.training.assemble import make_step

            write_trace(make_step(plan, processes), profile)
            say(f"trace: {profile}, for chrome://tracing or ui.perfetto.dev")


@contextmanager
def _readable_memory_errors(
    plan: Plan, recipe: str, overrides: tuple[str, ...], plugin: Path | None
) -> Iterator[None]:
    """Turn any out-of-memory error into OutOfMemory, with a command that needs less memory."""
    from ganzoo.training.ending import hint_smaller_batch

    try:
        yield
    except Exception as error:
        if not says_no_memory(error):
            raise
        less = hint_smaller_batch(plan, 1)
        hint = _command("bench", recipe, overrides, (less,), plugin) if less else None
        raise out_of_memory(error, hint) from error


def _command(
    verb: str, recipe: str, given: tuple[str, ...], more: tuple[str, ...], plugin: Path | None
) -> str:
    """Return a command line for a recipe; overrides in `more` replace those in `given`."""
    replaced = tuple(word.partition("=")[0] + "=" for word in more)
    kept = [word for word in given if not word.startswith(replaced)] if more else given
    local = ("--plugin", plugin) if plugin else ()
    return command(verb, recipe, *kept, *more, *local)


def _require_writable(file: Path) -> None:
    """Raise UsageError if a file cannot be written: torch's profiler would only log it."""
    if not file.absolute().parent.is_dir():
        raise click.UsageError(f"--profile: no folder {file.parent}")
    try:
        new = not file.exists()
        file.open("ab").close()
    except OSError as error:
        raise click.UsageError(f"--profile: {file} cannot be written: {error.strerror}") from error
    if new:
        file.unlink()


def _show(report: Report, as_json: bool) -> None:
    if as_json:
        emit_json(asdict(report))
        return
    compiled = ", compiled" if report.compile else ""
    captured = ", captured" if report.captured else ""
    emit(
        f"{report.recipe}  {report.precision}, {report.memory_format}{compiled}{captured}, "
        f"batch {report.batch_size}"
    )
    threads = f"{report.threads} thread" + ("s" if report.threads > 1 else "")
    rounds = f"median of {report.rounds} round" + ("s" if report.rounds > 1 else "")
    rounds += " (lowest-highest)"
    emit(f"{report.device}, {threads}, {report.clock}, {rounds}\n")
    emit_table(_loops(report))
    emit()
    emit_table(_shares(report))
    if report.share_of_evaluation is not None:
        share = report.share_of_evaluation
        emit(f"\nevaluation, at the recipe's cadence: {share:.1%} of a run")
    emit(_limit(report.data))
    if report.speed:
        emit(f"{_spread(report.speed)} times as fast as the textbook loop")


def _limit(data: DataRate) -> str:
    """Return a line that says whether the data or the step limits training."""
    alone, step = (
        three_digits(each) for each in (data.samples_per_second, data.step_samples_per_second)
    )
    rates = f"{data.source}: {alone} samples/s; the step without it: {step}"
    if not data.limits:
        return f"the step is the limit, not the data ({rates})"
    return f"the data is the limit ({rates})" + (f": {data.advice}" if data.advice else "")


def _loops(report: Report) -> Table:
    loops = {"recipe": report.loop} | ({"textbook": report.textbook} if report.textbook else {})
    columns = ["", *loops]
    figures = [_figures(loop) for loop in loops.values()]
    rows = [[name, *(column[name] for column in figures)] for name in figures[0]]
    blank = [""] * (len(columns) - 2)
    rows[2:2] = [
        [f"ms an update of {name[0].upper()}", three_digits(1000 * seconds), *blank]
        for name, seconds in report.seconds_per_update.items()
    ]
    best = max(("matmul", "convolution"), key=lambda kind: getattr(report.peak, kind))
    peak = three_digits(report.peak.best / 1e9)
    rows.append([f"GFLOP/s of the machine ({best})", peak, *blank])
    return Table(columns, rows, columns[1:])


def _figures(loop: Loop) -> dict[str, str]:
    return {
        "samples/s": three_digits(loop.samples_per_second),
        "ms a step": _spread(loop.seconds_per_step, 1000),
        "MiB of tensors at peak": three_digits(loop.peak_bytes / 2**20),
        "GFLOP a step": three_digits(loop.flops_per_step / 1e9),
        "GFLOP/s": three_digits(loop.flops_per_second / 1e9),
        "of the machine's best": f"{loop.share_of_peak:.0%}",
    }


def _shares(report: Report) -> Table:
    step = report.loop.seconds_per_step.median
    rows = [
        [name, f"{share:.1%}", three_digits(1000 * share * step)]
        for name, share in report.shares.items()
    ]
    return Table(["part of a step", "share", "ms"], rows, ["share", "ms"])


def _show_sweep(found: Sweep, again: str, as_json: bool) -> None:
    if as_json:
        emit_json(asdict(found) | {"proposal": list(found.proposal)})
        return
    rows = [
        [
            " ".join(row.overrides) or "(as given)",
            _spread(row.seconds_per_step, 1000),
            _spread(row.speed),
        ]
        for row in found.rows
    ]
    emit_table(Table(["overrides", "ms a step", "times as fast"], rows, ["ms a step"]))
    for name, reason in found.left_out.items():
        say(f"left out: {name}: {reason}")
    if found.proposal:
        emit(f"\n{again}")
    else:
        say("nothing is faster than the recipe itself")


def _spread(spread: Spread, factor: float = 1) -> str:
    median, low, high = (three_digits(factor * x) for x in (spread.median, spread.low, spread.high))
    return f"{median} ({low}-{high})"
