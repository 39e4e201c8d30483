"""``ganzoo new``: scaffold a plugin or a recipe."""

from ganzoo.cli.group import LazyGroup

SUBCOMMANDS = {
    "plugin": "scaffold a working plugin and try it",
    "recipe": "scaffold a recipe that extends another, or one for your own files",
}
"""Subcommand → its one line; `ganzoo.cli.new_NAME` holds a command of that name."""

new = LazyGroup(
    "new",
    sections={"Commands": SUBCOMMANDS},
    modules="ganzoo.cli.new_",
    missing="ganzoo new has no subcommand",
    help="Scaffold a plugin or a recipe.",
    no_args_is_help=False,
)
