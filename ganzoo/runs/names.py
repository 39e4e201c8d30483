"""Names of runs: which are allowed, and what to say of one that means no run or several."""

import re
from collections.abc import Sequence
from pathlib import Path

from ganzoo.errors import UsageError
from ganzoo.registry.names import suggest
from ganzoo.runs.commands import command

SHOWN = 5
"""So many names of runs are spelt out in a message."""

PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_RULE = "letters, digits, '.', '_' and '-', the first one a letter or digit, at most 100"


def check(name: str, words: Sequence[str] = ("run", "RECIPE")) -> None:
    """Refuse what a run's directory cannot begin with; the rule is that of a recipe's name.

    Args:
        words: the command that was given such a name.

    Raises:
        UsageError: with the nearest name that is allowed.
    """
    if PATTERN.fullmatch(name):
        return
    near = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:100]
    guess = f" - did you mean {near!r}?" if near else ""
    raise UsageError(
        f"{name!r} cannot name a run ({_RULE}){guess}",
        hint=command(*words, "--name", near or "NAME"),
    )


def several(text: str, fitting: Sequence[str], runs_directory: Path) -> UsageError:
    """Return what to say of a reference that several runs fit."""
    more = f" and {len(fitting) - SHOWN} more" if len(fitting) > SHOWN else ""
    return UsageError(
        f"{text!r} fits {len(fitting)} runs: {', '.join(fitting[:SHOWN])}{more}",
        hint=command("ls", runs_directory=runs_directory),
    )


def missing(text: str, there: Sequence[str], runs_directory: Path) -> UsageError:
    """Return what to say of a reference that none of the runs that are there fits."""
    listing = command("ls", runs_directory=runs_directory)
    if text and Path(text).is_dir():
        return UsageError(f"{text} is no run: it has no run.json", hint=listing)
    if not there:
        return UsageError(
            f"no run {text!r}: there are no runs in {runs_directory}",
            hint=command("run", "RECIPE", runs_directory=runs_directory),
        )
    near = suggest(text, there)
    guess = f" - did you mean {near!r}?" if near else ""
    return UsageError(f"no run {text!r} in {runs_directory}{guess}", hint=listing)
