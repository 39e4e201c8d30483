"""``ganzoo new``: scaffold a plugin or a recipe."""

from functools import cache
from importlib import import_module

import click

from ganzoo.cli.group import traceback_option
from ganzoo.registry.names import guess

SUBCOMMANDS = {
    "plugin": "scaffold a working plugin and try it",
    "recipe": "scaffold a recipe that extends another, or one for a folder of pictures",
}
"""Subcommand → its one line; `ganzoo.cli.new_NAME` holds a command of that name."""


class NewGroup(click.Group):
    """Imports a subcommand's file only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return _load(cmd_name) if cmd_name in self.list_commands(ctx) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the subcommand.

        Raises:
            click.UsageError: there is none of that name; suggests the nearest.
        """
        if args and args[0] not in self.list_commands(ctx):
            near = guess(args[0], self.list_commands(ctx))
            raise click.UsageError(f"ganzoo new has no subcommand {args[0]!r}{near}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, SUBCOMMANDS[name]) for name in self.list_commands(ctx)])


@cache
def _load(name: str) -> click.Command:
    command: click.Command = getattr(import_module(f"ganzoo.cli.new_{name}"), name)
    command.params.append(traceback_option())
    return command


new = NewGroup("new", help="Scaffold a plugin or a recipe.", no_args_is_help=False)
