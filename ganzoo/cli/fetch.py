"""``ganzoo fetch``: the only verb that uses the network."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import click

from ganzoo.api import HOOKS, RemoteFile
from ganzoo.cli import completion, options
from ganzoo.cli.output import emit, emit_json, emit_table, say
from ganzoo.cli.plugins import warn
from ganzoo.errors import UsageError
from ganzoo.registry.fetching import Progress, cached, fetch_file, is_whole
from ganzoo.registry.names import qualify, shorten
from ganzoo.registry.registry import Registry
from ganzoo.report.table import Table
from ganzoo.runs.files import writing


@click.command()
@click.argument("ids", nargs=-1, metavar="ID...", shell_complete=completion.components)
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    help="Use this copy instead of downloading.",
)
@click.option("--list", "listing", is_flag=True, help="List the files that can be fetched.")
@options.as_json
@options.plugin
def fetch(
    ids: tuple[str, ...], source: Path | None, listing: bool, as_json: bool, plugin: Path | None
) -> None:
    """Download the files of components into the cache, and verify their sha256.

    On a machine without a network, copy the file there by other means and give it with --from.
    """
    registry = options.registry(plugin)
    if listing:
        show_list(registry, as_json)
        return
    if not ids:
        raise UsageError("missing ID of a component to fetch for", hint="ganzoo fetch --list")
    wanted = list(dict.fromkeys((each, file) for each in ids for file in files_of(each, registry)))
    if source and len(wanted) != 1:
        named = [(each, file) for each, file in wanted if file.name == source.name]
        if len(named) != 1:
            names = ", ".join(file.name for _, file in wanted)
            raise UsageError(
                f"--from gives one file, and {source.name} has none of the names {names}",
                hint=f"ganzoo fetch ID --from {source}",
            )
        wanted = named
    done = []
    for identifier, file in wanted:
        if is_whole(cached(file), file):
            say(f"{file.name} is in the cache already")
        else:
            elsewhere = f"GANZOO_CACHE=DIRECTORY ganzoo fetch {identifier}"
            with writing(cached(file), elsewhere), progress_bar(file, source) as progress:
                fetch_file(file, identifier, source, progress)
            say(f"{file.name}: sha256 verified")
        done.append({"id": qualify(identifier), "file": file.name, "path": str(cached(file))})
    if as_json:
        emit_json(done)
    else:
        for each in done:
            emit(each["path"])


def files_of(identifier: str, registry: Registry) -> list[RemoteFile]:
    """Return the files of the components with this id.

    Raises:
        PluginError: no component has it.
        UsageError: the component has no files to fetch.
    """
    files = [file for component in registry.find(identifier) for file in component.files]
    if not files:
        what = f"there is nothing to fetch for {identifier}"
        raise UsageError(what, hint=f"ganzoo info {identifier}   # says what it reads")
    return files


def show_list(registry: Registry, as_json: bool) -> None:
    """Print the files that can be fetched, and whether they are complete in the cache."""
    found = [
        {
            "id": shorten(registration.id),
            "kind": registration.kind,
            "file": file.name,
            "cached": is_whole(cached(file), file),
            "url": file.url,
        }
        for kind in HOOKS
        for registration in registry.list(kind)
        for file in registration.files
    ]
    if as_json:
        emit_json(found)
        return
    columns = ("id", "kind", "file", "cached")
    shown = [each | {"cached": "yes" if each["cached"] else "no"} for each in found]
    emit_table(Table(columns, [[str(each[name]) for name in columns] for each in shown]))
    warn(registry)


@contextlib.contextmanager
def progress_bar(file: RemoteFile, source: Path | None) -> Iterator[Progress]:
    """Yield a function that draws a bar on a terminal; elsewhere, print one line first."""
    where = str(source) if source else urlsplit(file.url).netloc
    if not sys.stderr.isatty():
        say(f"fetching {file.name} from {where}")
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(f"{file.name} from {where}", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
