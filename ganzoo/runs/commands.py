"""Commands as messages offer them: lines that can be pasted into a shell as they stand."""

import shlex
from pathlib import Path

DEFAULT_DIRECTORY = Path("runs")
"""Where runs are, unless ``--runs-dir`` says otherwise."""


def command(verb: str, *words: str | Path, runs_directory: Path | None = None) -> str:
    """Return ``ganzoo VERB WORD…`` with every word quoted for a POSIX shell.

    Args:
        runs_directory: what the command is about; named where it is not the default. None for a
            command that needs none, because `reference_to` named its runs.
    """
    line = ["ganzoo", verb, *map(str, words)]
    if runs_directory is not None and runs_directory != DEFAULT_DIRECTORY:
        line += ["--runs-dir", str(runs_directory)]
    return shlex.join(line)


def reference_to(path: Path) -> str:
    """Return how a command names the run in `path`: by its name in ``runs/``, else by its path."""
    if path.parent == DEFAULT_DIRECTORY:
        return path.name
    return f"./{path}" if str(path).startswith("-") else str(path)
