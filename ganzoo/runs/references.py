"""How messages refer to runs: allowed names, unknown references, commands that can be pasted."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from ganzoo.errors import UsageError
from ganzoo.registry.names import guess

DEFAULT_DIRECTORY = Path("runs")
"""Where runs are, unless ``--runs-dir`` names another directory."""

MAX_LISTED = 5
"""Maximum number of runs that a message lists."""

NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_NAME_RULE = "letters, digits, '.', '_' and '-', starting with a letter or digit, at most 100"


def command(verb: str, *words: str | Path, runs_directory: Path | None = None) -> str:
    """Return ``ganzoo VERB WORD…`` with every word quoted for a POSIX shell.

    Args:
        runs_directory: added as ``--runs-dir`` if it is not the default. None for a command that
            needs none because `reference_to` already names the run.
    """
    line = ["ganzoo", verb, *map(str, words)]
    if runs_directory is not None and runs_directory != DEFAULT_DIRECTORY:
        line += ["--runs-dir", str(runs_directory)]
    return shlex.join(line)


def reference_to(path: Path) -> str:
    """Return how a command names the run in `path`: by name in ``runs/``, elsewhere by path."""
    if path.parent == DEFAULT_DIRECTORY:
        return path.name
    return f"./{path}" if str(path).startswith("-") else str(path)


def check_name(name: str, words: Sequence[str] = ("run", "RECIPE")) -> None:
    """Refuse a name that a run cannot have. A recipe's `name` follows the same rule.

    Args:
        words: the command that was given the name, for the hint.

    Raises:
        UsageError: with the nearest valid name.
    """
    if NAME_PATTERN.fullmatch(name):
        return
    near = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:100]
    better = f" - did you mean {near!r}?" if near else ""
    raise UsageError(
        f"{name!r} is not a valid run name ({_NAME_RULE}){better}",
        hint=command(*words, "--name", near or "NAME"),
    )


def ambiguous_run(text: str, matches: Sequence[str], runs_directory: Path) -> UsageError:
    """Return the error for a reference that matches several runs."""
    more = f" and {len(matches) - MAX_LISTED} more" if len(matches) > MAX_LISTED else ""
    return UsageError(
        f"{text!r} matches {len(matches)} runs: {', '.join(matches[:MAX_LISTED])}{more}",
        hint=command("ls", runs_directory=runs_directory),
    )


def unknown_run(text: str, names: Sequence[str], runs_directory: Path) -> UsageError:
    """Return the error for a reference that matches no run.

    Args:
        names: the runs that exist.
    """
    listing = command("ls", runs_directory=runs_directory)
    if text and Path(text).is_dir():
        return UsageError(f"{text} is not a run: it has no run.json", hint=listing)
    if not names:
        return UsageError(
            f"no run {text!r}: there are no runs in {runs_directory}",
            hint=command("run", "RECIPE", runs_directory=runs_directory),
        )
    near = guess(text, names)
    return UsageError(f"no run {text!r} in {runs_directory}{near}", hint=listing)
