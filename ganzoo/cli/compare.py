"""``ganzoo compare``: the leaderboard."""

from pathlib import Path

import click

from ganzoo.cli import completion, options
from ganzoo.cli.output import emit, emit_table, say
from ganzoo.errors import UsageError
from ganzoo.registry.names import shorten
from ganzoo.report.compare import compare as compare_runs
from ganzoo.report.compare import compare_by_dataset
from ganzoo.report.leaderboard import Leaderboard
from ganzoo.runs.references import command

FORMATS = ("table", "md", "csv", "json")


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN…]", shell_complete=completion.runs)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="Output format.",
)
@click.option("--json", "form", flag_value="json", help="The same as --format json.")
@click.option(
    "--dataset",
    metavar="ID",
    shell_complete=completion.datasets,
    help="Only runs scored against this data set.",
)
@click.option("--protocol", metavar="ID", help="Rank under this protocol; the table lists them.")
@click.option("--by-dataset", is_flag=True, help="One leaderboard per data set.")
@click.option(
    "--where",
    multiple=True,
    metavar="KEY=VALUE",
    help="Only runs whose recipe has this value; also !=, <, <=, >, >= and patterns: 'loss=wgan*'.",
)
@click.option("--sort", metavar="COLUMN", help="Sort the rows by a column; -COLUMN: descending.")
@click.option("--only-changed", is_flag=True, help="Add a column for each recipe key that differs.")
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write one self-contained page: table, curves, samples, differences.",
)
@click.option(
    "--strict-code", is_flag=True, help="Fail if seeds of one row were made by different code."
)
@options.runs_directory
def compare(
    runs: tuple[str, ...],
    form: str,
    dataset: str | None,
    protocol: str | None,
    by_dataset: bool,
    where: tuple[str, ...],
    sort: str | None,
    only_changed: bool,
    page: Path | None,
    strict_code: bool,
    runs_dir: Path,
) -> None:
    """Rank runs by the score of their final generator, within one protocol.

    RUN is a path, the unique prefix of a name, or `last`; default: all runs. Runs that differ only
    in their seeds are one row. A run that cannot be ranked is listed with the reason and, if there
    is one, the command that changes it.
    """
    if by_dataset and dataset:
        raise click.UsageError("--dataset selects one data set and --by-dataset all; choose one")
    if by_dataset and protocol:
        raise click.UsageError("--protocol selects one table and --by-dataset all; choose one")
    named = list(runs) or None
    found: tuple[Leaderboard, ...]
    if by_dataset:
        found = compare_by_dataset(
            named, runs_dir, where=where, sort=sort, only_changed=only_changed
        )
    else:
        one = compare_runs(
            named,
            runs_dir,
            dataset=dataset,
            protocol=protocol,
            where=where,
            sort=sort,
            only_changed=only_changed,
        )
        found = (one,)
    if strict_code:
        for each in found:
            each.require_same_code()
    if page is not None:  # before the table: a reader that closes the pipe, as `head` does, ends us
        from ganzoo.report.pages.comparison import comparison_page
        from ganzoo.report.pages.page import write_page

        write_page(page, comparison_page(*found))
    if form == "json" and by_dataset:
        emit("[" + ",\n".join(each.to_json() for each in found) + "]")
    elif form == "csv" and len(found) > 1:
        first = shorten(found[0].protocol.data)
        raise UsageError(
            f"csv holds one table, but there are {len(found)} data sets",
            hint=command("compare", "--format", "csv", "--dataset", first, runs_directory=runs_dir),
        )
    else:
        for index, each in enumerate(found):
            emit("\n" if index else "", end="")
            _print(each, form)
    if page is not None:
        say(f"wrote {page}")


def _print(found: Leaderboard, form: str) -> None:
    if form == "json":
        emit(found.to_json())
    elif form == "md":
        emit(found.to_markdown())
    elif form == "csv":
        emit(found.to_csv())
        for each in found.unranked:
            say(f"not ranked: {each.run}: {each.reason}")
        for note in found.code_notes:
            say(note)
    else:
        emit(found.header + "\n")
        emit_table(found.table())
        emit("\n" + found.footer())
