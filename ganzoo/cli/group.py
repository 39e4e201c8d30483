"""The table of verbs, and the click group that imports a verb's file when it is called."""

from functools import cache
from importlib import import_module

import click

from ganzoo.errors import UsageError
from ganzoo.version import __version__

VERBS: dict[str, dict[str, str]] = {
    "Train and score": {
        "run": "check a recipe, train it, score it, save samples",
        "resume": "continue a run that was stopped",
        "score": "score a run, or a folder or file of samples",
        "sample": "draw samples from a run",
        "export": "write the generator to files for other tools",
    },
    "Compare": {
        "compare": "rank runs by score, within one protocol",
        "report": "write an HTML page about one run",
        "ls": "list the runs",
    },
    "Recipes": {
        "recipes": "list the available recipes",
        "check": "check a recipe without training it",
        "show": "print a recipe with every default filled in",
        "schema": "print the JSON Schema of recipes, for editors",
    },
    "Plugins": {
        "plugins": "list the plugins, and why one does not load",
        "list": "list the components of one kind",
        "info": "show a component: parameters, paper, licence",
        "fetch": "download a component's files into the cache",
        "new": "scaffold a plugin or a recipe",
        "conformance": "test components against the contract of their kind",
    },
    "This machine": {
        "bench": "measure a recipe's training speed and where the time goes",
        "doctor": "find problems with the installation",
    },
}
"""Section → verb → one line of help. `ganzoo.cli.VERB` holds a command of that name."""


HABITS = {
    "train": "run",
    "eval": "score",
    "evaluate": "score",
    "generate": "sample",
    "models": "recipes",
}
"""Verbs of other tools → the verb that does the same here."""


class Verbs(click.Group):
    """A group that lists its commands without importing their files."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order of the help text."""
        return [verb for verbs in VERBS.values() for verb in verbs]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one verb's file."""
        if cmd_name not in self.list_commands(ctx):
            return None
        return _load(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the verb's command.

        Raises:
            UsageError, click.UsageError: there is no such verb; names the nearest.
        """
        if args and args[0] in HABITS:
            verb = HABITS[args[0]]
            message = f"there is no verb {args[0]!r} - did you mean {verb!r}?"
            raise UsageError(message, hint=f"ganzoo {verb} --help")
        if args and args[0] not in self.list_commands(ctx):
            from ganzoo.registry.names import suggest  # --help must not wait for the registry

            near = suggest(args[0], self.list_commands(ctx))
            guess = f" - did you mean {near!r}?" if near else ""
            raise click.UsageError(f"there is no verb {args[0]!r}{guess}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs by section, without importing their files."""
        for section, verbs in VERBS.items():
            with formatter.section(section):
                formatter.write_dl(list(verbs.items()))


@cache
def _load(verb: str) -> click.Command:
    command: click.Command = getattr(import_module(f"ganzoo.cli.{verb}"), verb)
    command.params.append(traceback_option())
    return command


def traceback_option() -> click.Option:
    """Return the option of every verb; `ganzoo.cli.main` reads it from the arguments itself."""
    return click.Option(
        ["--traceback"], is_flag=True, expose_value=False, help="Print the traceback of an error."
    )


group = Verbs(
    name="ganzoo",
    help="A plugin-based zoo of GANs: recipes in, comparable scores out.",
    epilog="First steps: ganzoo recipes; ganzoo run digits-dcgan-hinge; ganzoo compare",
    params=[traceback_option()],
    context_settings={"help_option_names": ["-h", "--help"]},
)
group = click.version_option(__version__, message="ganzoo %(version)s")(group)
