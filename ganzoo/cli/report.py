"""``ganzoo report``: an HTML page about one run."""

from pathlib import Path

import click

from ganzoo.cli import options
from ganzoo.cli.output import emit
from ganzoo.runs.directory import RunDirectory


@click.command()
@options.run
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write the page; default: report.html in the run's directory.",
)
@options.runs_directory
def report(reference: str, out: Path | None, runs_dir: Path) -> None:
    """Write an HTML page about RUN: samples, scores, curves, events, recipe, protocol.

    RUN is a path, the unique prefix of a name, or `last`. The page needs no network and no other
    file. Its path is printed.
    """
    from ganzoo.report.pages.page import write_page
    from ganzoo.report.pages.run import run_page

    found = RunDirectory.find(reference, runs_dir)
    path = out or found.path / "report.html"
    write_page(path, run_page(found))
    emit(path)
