"""``ganzoo ls``: list the runs."""

from pathlib import Path

import click

from ganzoo.cli import options
from ganzoo.cli.output import emit_json, emit_table, say
from ganzoo.report.entries import list_run, was_run
from ganzoo.report.table import Table
from ganzoo.runs.directory import RunDirectory, unreadable
from ganzoo.runs.references import command

COLUMNS = ("run", "status", "step", "score", "protocol", "created (UTC)")


@click.command()
@options.as_json
@options.runs_directory
def ls(as_json: bool, runs_dir: Path) -> None:
    """List the runs, oldest first, with status, last saved step, and score."""
    found = RunDirectory.all(runs_dir)
    runs = [list_run(run) for run in found]
    if as_json:
        emit_json([each.to_dict() for each in runs])
    elif runs:
        emit_table(Table(COLUMNS, [each.cells() for each in runs], numbers={"step", "score"}))
    else:
        hint = command("run", "digits-dcgan-hinge", runs_directory=runs_dir)
        say(f"there are no runs in {runs_dir}\ntry: {hint}")
    for run in found:
        for line in run.damaged():
            say(f"{run.name}: {line}")
    for path, why in unreadable(runs_dir, readable=found):
        if was_run(path):
            say(f"left out: {why}")
