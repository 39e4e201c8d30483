"""``ganzoo compare``: the leaderboard."""

from pathlib import Path
from typing import Any

import click

from ganzoo.cli import options
from ganzoo.cli.output import emit_table, say
from ganzoo.errors import UsageError
from ganzoo.report.compare import compare as compare_runs
from ganzoo.report.compare import compare_by_dataset
from ganzoo.report.leaderboard import Comparison
from ganzoo.runs.references import command

FORMATS = ("table", "md", "csv", "json")


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN…]")
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True)
@click.option("--json", "form", flag_value="json", help="The same as --format json.")
@click.option("--dataset", metavar="ID", help="Only runs scored against this data set.")
@click.option("--by-dataset", is_flag=True, help="A ranking for each data set there is.")
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
    by_dataset: bool,
    page: Path | None,
    runs_dir: Path,
    **chosen: Any,
) -> None:
    """Rank runs by the score of their final generator, within one protocol.

    RUN is a path, the unique prefix of a name, or `last`; without any, all runs are compared.
    Runs that differ in their seeds alone are one row. A run that cannot be ranked is listed with
    the reason and the command that would change it.
    """
    if by_dataset and dataset:
        raise click.UsageError("--dataset is one data set and --by-dataset is all; choose one")
    if by_dataset:
        found = compare_by_dataset(list(runs) or None, runs_dir, **chosen)
    else:
        found = (compare_runs(list(runs) or None, runs_dir, dataset=dataset, **chosen),)
    if form == "json" and by_dataset:
        click.echo("[" + ",\n".join(each.to_json() for each in found) + "]")
    elif form == "csv" and len(found) > 1:
        raise UsageError(
            f"csv is one table, and there are {len(found)} data sets",
            hint=command("compare", "--format", "csv", "--dataset", "ID", runs_directory=runs_dir),
        )
    else:
        for index, each in enumerate(found):
            click.echo("\n" if index else "", nl=False)
            _print(each, form)
    if page is not None:
        from ganzoo.report.pages.comparison import comparison_page
        from ganzoo.report.pages.page import write_page

        write_page(page, comparison_page(*found))
        say(f"wrote {page}")


def _print(found: Comparison, form: str) -> None:
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
