"""``ganzoo compare``: the leaderboard."""

from pathlib import Path
from typing import Any

import click

from ganzoo.cli import options
from ganzoo.cli.output import emit_table, say
from ganzoo.report.compare import compare as compare_runs

FORMATS = ("table", "md", "csv", "json")


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN…]")
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True)
@click.option("--json", "form", flag_value="json", help="The same as --format json.")
@click.option("--dataset", metavar="ID", help="Only runs scored against this data set.")
@click.option(
    "--where",
    multiple=True,
    metavar="KEY=VALUE",
    help="Only runs whose recipe has this; also !=, <, <=, >, >=, and patterns: 'loss=wgan*'.",
)
@click.option("--sort", metavar="COLUMN", help="Order the rows by a column; -COLUMN: falling.")
@click.option("--only-changed", is_flag=True, help="Show the keys of the recipes that differ.")
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write one self-contained page: table, curves, samples, what differs.",
)
@options.runs_directory
def compare(
    runs: tuple[str, ...],
    form: str,
    dataset: str | None,
    page: Path | None,
    runs_dir: Path,
    **chosen: Any,
) -> None:
    """Rank runs by the score of their final generator, within one protocol.

    RUN is a path, the unique prefix of a name, or `last`; without any, all runs are compared.
    Runs that differ in their seeds alone are one row. A run that cannot be ranked is listed with
    the reason and the command that would change it.
    """
    found = compare_runs(list(runs) or None, runs_dir, dataset=dataset, **chosen)
    if form == "json":
        click.echo(found.to_json())
    elif form == "md":
        click.echo(found.to_markdown())
    elif form == "csv":
        click.echo(found.to_csv())
        for each in found.unranked:
            say(f"not ranked: {each.run}: {each.reason}")
    else:
        click.echo(found.header + "\n")
        emit_table(found.table())
        click.echo("\n" + found.footer())
    if page is not None:
        from ganzoo.report.pages.comparison import comparison_page
        from ganzoo.report.pages.page import write_page

        write_page(page, comparison_page(found))
        say(f"wrote {page}")
