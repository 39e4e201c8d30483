"""``ganzoo resume``: continue a run in its own directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ganzoo.cli import options


@click.command()
@options.run
@options.overrides
@click.option(
    "--allow-drift",
    is_flag=True,
    help="Continue even if a revision or the training data has changed.",
)
@click.option("--strict-code", is_flag=True, help="Refuse if any code or version has changed.")
@click.option("--take-over", is_flag=True, help="Take over a run that is owned by another machine.")
@options.plugin
@options.runs_directory
@options.max_time
@options.expect_processes
def resume(
    reference: str,
    overrides: tuple[str, ...],
    runs_dir: Path,
    max_time: float | None,
    plugin: Path | None,
    **flags: Any,
) -> None:
    """Continue RUN from its newest intact checkpoint, bit for bit as if it had never stopped.

    RUN is a path, the unique prefix of a name, or `last`. Only budget and cadence may change
    (train.steps=5000, eval.every_steps=100), and metrics be dropped (eval.metrics=[]). For data
    that has moved, give its path (dataset.path=FOLDER); --plugin takes a repaired plugin file.
    """
    from ganzoo.cli.run import import_training, print_result

    import_training()
    from ganzoo.runs.directory import RunDirectory
    from ganzoo.runs.external import require_run
    from ganzoo.training.continuity import is_complete
    from ganzoo.training.ending import require_not_collapsed
    from ganzoo.training.launch import Options
    from ganzoo.training.launch import resume as go_on
    from ganzoo.training.progress import TerminalReporter

    reporter: Any = TerminalReporter()
    directory = RunDirectory.find(reference, runs_dir)
    require_run(directory)
    if is_complete(directory) and not overrides:
        reporter.say("run", f"{directory.path}  is finished already")
    else:
        chosen = Options(runs_directory=runs_dir, max_seconds=max_time, reporter=reporter, **flags)
        go_on(directory, overrides, chosen, options.registry(plugin) if plugin else None)
    print_result(directory, reporter)
    require_not_collapsed(directory)
