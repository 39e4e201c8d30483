"""``ganzoo new plugin``: scaffold a distribution that installs, passes its tests and trains."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ganzoo.api import HOOKS
from ganzoo.cli import completion
from ganzoo.cli.output import emit, say
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
    shell_complete=completion.kinds,
    help=f"Kind of component, at least one; repeat it for more: {', '.join(HOOKS)}.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Directory to write to; ganzoo-NAMESPACE by default.",
)
@click.option("--no-try", is_flag=True, help="Only write the files.")
def plugin(namespace: str, kinds: tuple[str, ...], out: Path | None, no_try: bool) -> None:
    """Scaffold a plugin whose components are named NAMESPACE/NAME, and try it.

    It has a small working example of each KIND, a recipe that uses them, and tests. It is then
    installed into this environment, tested, listed, and trained for a few steps. Each step is
    printed as a command that you can repeat.
    """
    from ganzoo.registry.names import kind_of
    from ganzoo.scaffold.plugin import names_of, plugin_files, write_plugin
    from ganzoo.scaffold.trial import require_free, require_zoo, trial

    names = names_of(namespace)
    if not kinds:
        raise UsageError(
            f"missing --kind, one or more of: {', '.join(HOOKS)}",
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
        say(f"it works; edit {directory / names.package} and repeat the commands")
    emit(directory)


def _take(steps: list[Step], directory: Path) -> None:
    for step in steps:
        try:
            step.take(say)
        except PluginError as error:
            raise PluginError(
                f"{error.message}; the files are in {directory}", hint=error.hint
            ) from error
