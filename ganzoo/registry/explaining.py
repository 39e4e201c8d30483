"""An exception of somebody else's code, in one line that says where it was raised."""

import importlib
import os
from pathlib import Path
from traceback import walk_tb

import pluggy

from ganzoo.errors import PluginError

_FOLDERS = [
    Path(__file__).parents[1],
    *(Path(str(package.__file__)).parent for package in (importlib, pluggy)),
]
_MACHINERY = ("<frozen", *(f"{folder}{os.sep}" for folder in _FOLDERS))
"""How the files begin through which a plugin is loaded: not where it is broken."""

LONGEST = 500
"""Characters of an exception's words that are shown; its traceback has all."""


def explain(error: BaseException) -> str:
    """Return an exception as one line, with the file and line of the plugin that it comes from.

    A SyntaxError has its own place, in what could not be run; our own errors need no class name.
    """
    name, words, place = type(error).__name__, _one_line(str(error)), _place(error)
    if isinstance(error, SyntaxError) and error.filename is not None:
        words = _one_line(error.msg)
        place = f"{_short(Path(error.filename))}, line {error.lineno}"
    if isinstance(error, PluginError):
        said = words
    else:
        said = f"{name}: {words}" if words else name
    return f"{said} ({place})" if place else said


def _one_line(text: str) -> str:
    """Return text that a terminal shows as one line of bearable length."""
    words = " ".join(text.split())
    shown = "".join(character for character in words if character.isprintable())
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"


def _place(error: BaseException) -> str | None:
    """Return the innermost line of the plugin's own package that the exception came through."""
    lines = [
        (str(frame.f_globals.get("__name__")).partition(".")[0], frame.f_code.co_filename, number)
        for frame, number in walk_tb(error.__traceback__)
        if not frame.f_code.co_filename.startswith(_MACHINERY)
    ]
    own = [(file, number) for package, file, number in lines if package == lines[0][0]]
    return f"{_short(Path(own[-1][0]))}, line {own[-1][1]}" if own else None


def _short(file: Path) -> str:
    """Return a file's name, with its folder's where the name alone says nothing."""
    return f"{file.parent.name}/{file.name}" if file.name == "__init__.py" else file.name
