"""Verbs that are decided on and not written: they say so, and do nothing."""

import click

from ganzoo.errors import UsageError


def command(verb: str) -> click.Command:
    """Return a command that takes anything and says that it is not there yet."""

    def refuse() -> None:
        raise UsageError(f"ganzoo {verb} is not written yet", hint="ganzoo --help")

    return click.Command(
        verb,
        callback=refuse,
        help="Not yet.",
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )
