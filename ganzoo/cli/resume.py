"""``ganzoo resume``: go on with a run in its own directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ganzoo.cli import options


@click.command()
@click.argument("reference", metavar="RUN")
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE…]")
@click.option("--allow-drift", is_flag=True, help="Go on although a component's code has changed.")
@click.option("--take-over", is_flag=True, help="Take a run whose owner is on another machine.")
@options.runs_directory
@options.max_time
@options.expect_processes
def resume(
    reference: str,
    overrides: tuple[str, ...],
    allow_drift: bool,
    take_over: bool,
    runs_dir: Path,
    max_time: float | None,
    expect_processes: int | None,
) -> None:
    """Go on with RUN from its newest whole checkpoint, bit for bit as if it had never stopped.

    RUN is a path, the beginning of a run's name, or `last`. Budget and cadence may change
    (train.steps=5000, eval.every_steps=100), nothing else.
    """
    from ganzoo.cli.progress import TerminalReporter
    from ganzoo.cli.run import print_result
    from ganzoo.runs.directory import RunDirectory
    from ganzoo.training.continuity import is_complete
    from ganzoo.training.launch import Options
    from ganzoo.training.launch import resume as go_on

    reporter: Any = TerminalReporter()
    directory = RunDirectory.find(reference, runs_dir)
    if is_complete(directory) and not overrides:
        reporter.say("run", f"{directory.path}  is finished already")
        print_result(directory, reporter)
        return
    chosen = Options(
        runs_directory=runs_dir,
        max_seconds=max_time,
        expect_processes=expect_processes,
        allow_drift=allow_drift,
        take_over=take_over,
        reporter=reporter,
    )
    go_on(directory, overrides, chosen)
    print_result(directory, reporter)
