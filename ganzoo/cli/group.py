"""The table of verbs, and the click group that imports a verb's file when it is called."""

import shlex
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from ganzoo.errors import UsageError
from ganzoo.version import __version__

VERBS: dict[str, dict[str, str]] = {
    "Train and score": {
        "run": "check a recipe, train it, score it, save samples",
        "resume": "continue a run that was stopped",
        "score": "score a run, or a folder or file of samples",
        "verify": "run a recipe, and say if its published score is reproduced",
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


_ELSEWHERE = {
    "run": ("train", "fit", "start"),
    "resume": ("continue",),
    "score": ("eval", "evaluate", "test", "fid"),
    "sample": ("generate", "predict", "inference"),
    "recipes": ("models", "recipe"),
    "compare": ("leaderboard", "rank"),
    "report": ("plot", "view", "visualize"),
    "ls": ("runs", "history", "status"),
    "check": ("validate", "lint"),
    "list": ("components",),
    "info": ("describe",),
    "fetch": ("download",),
    "new": ("create", "init"),
    "verify": ("reproduce",),
    "bench": ("benchmark", "profile"),
    "--version": ("version",),
    "--help": ("help",),
}
HABITS = {word: verb for verb, words in _ELSEWHERE.items() for word in words}
"""Words of other tools → what does the same here."""


class LazyGroup(click.Group):
    """A group that lists its commands without importing their files.

    Args:
        sections: section of the help text → command → its one line of help.
        modules: beginning of a command's module; its end is the command's name.
        missing: beginning of the error for an unknown command.
        habits: names that other tools use → the command that does the same here.
    """

    def __init__(
        self,
        name: str,
        *,
        sections: Mapping[str, Mapping[str, str]],
        modules: str,
        missing: str,
        habits: Mapping[str, str] = {},
        **settings: Any,
    ) -> None:
        super().__init__(name, **settings)
        self.sections, self.modules = sections, modules
        self.missing, self.habits = missing, habits

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of the help text."""
        return [name for commands in self.sections.values() for name in commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command's file."""
        if cmd_name in self.list_commands(ctx) and cmd_name not in self.commands:
            command = getattr(import_module(self.modules + cmd_name), cmd_name)
            command.params.append(traceback_option())
            self.add_command(command, cmd_name)
        return self.commands.get(cmd_name)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """Return the commands and options that begin with a word, without importing any file."""
        options = click.Command.shell_complete(self, ctx, incomplete)
        lines = {name: line for section in self.sections.values() for name, line in section.items()}
        fitting = [name for name in lines if name.startswith(incomplete)]
        return [CompletionItem(name, help=lines[name]) for name in fitting] + options

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command.

        Raises:
            UsageError, click.UsageError: there is no such command; suggests the nearest.
        """
        if ctx.resilient_parsing:  # the shell completes
            return super().resolve_command(ctx, args)
        if args and (meant := self.habits.get(args[0])):
            raise self._did_you_mean(meant, args)
        if args and args[0] not in self.list_commands(ctx):
            from ganzoo.registry.names import PLURALS, guess  # --help must not wait for these

            if self.habits and args[0] in PLURALS.values():
                raise self._did_you_mean(f"list {args[0]}", args)
            near = guess(args[0], self.list_commands(ctx))
            raise click.UsageError(f"{self.missing} {args[0]!r}{near}", ctx)
        return super().resolve_command(ctx, args)

    def _did_you_mean(self, meant: str, args: list[str]) -> UsageError:
        """Return the error for a habit; its hint is a command that can be pasted."""
        rest, hint = args[1:], meant.split()
        context = click.Context(self)
        command = self.get_command(context, hint[0])
        if meant == "--help":
            hint = [*(word for word in rest[:1] if word in self.list_commands(context)), meant]
        elif any(word.startswith("-") for word in rest):
            hint += ["--help"] if command else []
        elif command:
            needs = any(each.required for each in command.params) or isinstance(command, LazyGroup)
            hint += ["--help"] if needs and not rest else rest
        message = f"{self.missing} {args[0]!r} - did you mean {meant!r}?"
        return UsageError(message, hint=shlex.join(["ganzoo", *hint]))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by section, without importing their files."""
        for section, commands in self.sections.items():
            with formatter.section(section):
                formatter.write_dl(list(commands.items()))


def traceback_option() -> click.Option:
    """Return the option of every verb; `ganzoo.cli.main` reads it from the arguments itself."""
    return click.Option(
        ["--traceback"], is_flag=True, expose_value=False, help="Print the traceback of an error."
    )


group = LazyGroup(
    "ganzoo",
    sections=VERBS,
    modules="ganzoo.cli.",
    missing="there is no verb",
    habits=HABITS,
    help="A plugin-based zoo of GANs: recipes in, comparable scores out.",
    epilog="First steps: ganzoo recipes; ganzoo run digits-dcgan-hinge; ganzoo compare",
    params=[traceback_option()],
    context_settings={"help_option_names": ["-h", "--help"]},
)
group = click.version_option(__version__, "-V", "--version", message="ganzoo %(version)s")(group)
