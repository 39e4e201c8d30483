"""``ganzoo ls``: the runs."""

from pathlib import Path

import click

from ganzoo.cli import options
from ganzoo.cli.output import emit_json, emit_table, say
from ganzoo.report.candidates import was_run
from ganzoo.report.listing import list_runs, table
from ganzoo.runs.directory import unreadable
from ganzoo.runs.references import command


@click.command()
@options.as_json
@options.runs_directory
def ls(as_json: bool, runs_dir: Path) -> None:
    """List the runs, oldest first, each with its status, the step that is saved, and its score."""
    runs = list_runs(runs_dir)
    if as_json:
        emit_json([each.to_dict() for each in runs])
    elif runs:
        emit_table(table(runs))
    else:
        hint = command("run", "RECIPE", runs_directory=runs_dir)
        say(f"there are no runs in {runs_dir}\ntry: {hint}")
    for path, why in unreadable(runs_dir):
        if was_run(path):
            say(f"left out: {why}")
