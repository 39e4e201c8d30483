"""``ganzoo new plugin``: a distribution that installs, passes its tests and trains at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ganzoo.api import HOOKS
from ganzoo.cli.output import say
from ganzoo.errors import PluginError, UsageError

if TYPE_CHECKING:
    from ganzoo.scaffold.trial import Step


@click.command()
@click.argument("namespace")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    metavar="KIND",
    help=f"What it is to bring, at least one; may be given several times: {', '.join(HOOKS)}.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where to write it; ganzoo-NAMESPACE by default.",
)
@click.option("--no-try", is_flag=True, help="Write the files and nothing more.")
def plugin(namespace: str, kinds: tuple[str, ...], out: Path | None, no_try: bool) -> None:
    """Write a plugin whose components are called NAMESPACE/NAME, and try it.

    It has a small working example of each KIND, a recipe that uses them, and its tests. Then it
    is installed into this environment, tested, listed, and trained for a few steps; each step is
    shown as a command that can be repeated.
    """
    from ganzoo.registry.names import kind_of
    from ganzoo.scaffold.names import names_of
    from ganzoo.scaffold.plugin import plugin_files, write_plugin
    from ganzoo.scaffold.trial import require_free, require_zoo, trial

    names = names_of(namespace)
    if not kinds:
        raise UsageError(
            f"--kind is missing, once or several times: {', '.join(HOOKS)}",
            hint=f"ganzoo new plugin {namespace} --kind generator",
        )
    chosen = {kind_of(kind) for kind in kinds}
    directory = out or Path(names.distribution)
    require_free(names)
    if not no_try:
        require_zoo()
    files = plugin_files(names, chosen)
    write_plugin(files, directory)
    say(f"wrote {len(files)} files into {directory}")
    steps = list(trial(names, chosen, directory))
    if no_try:
        say("to try it:")
        for step in steps:
            say(f"$ {step.line}")
    else:
        _take(steps, directory)
        say(f"it works; change what you like in {directory / names.package} and repeat")
    click.echo(directory)


def _take(steps: list[Step], directory: Path) -> None:
    for step in steps:
        try:
            step.take(say)
        except PluginError as error:
            raise PluginError(
                f"{error.message}; the files are in {directory}", hint=error.hint
            ) from error
