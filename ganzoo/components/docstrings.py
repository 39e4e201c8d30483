"""What a docstring says of a component and of each of its parameters."""

import inspect
import re
from typing import Any

_ARGUMENT = re.compile(r"    (\w+): (.+)")
_CONTINUED = re.compile(r"     +(\S.*)")


def summary(factory: Any) -> str:
    """Return the first paragraph of a factory's docstring as one line, or an empty one."""
    documentation = inspect.getdoc(factory) or ""
    return " ".join(documentation.split("\n\n")[0].split())


def arguments(factory: Any) -> dict[str, str]:
    """Return what a docstring, or the constructor's, says of each argument under ``Args:``."""
    found: dict[str, str] = {}
    for documented in (factory, getattr(factory, "__init__", None)):
        found |= _arguments(inspect.getdoc(documented) or "")
    return found


def _arguments(documentation: str) -> dict[str, str]:
    found: dict[str, str] = {}
    name = None
    _, _, below = documentation.partition("\nArgs:\n")
    for line in below.split("\n"):
        if match := _ARGUMENT.fullmatch(line):
            name, found[match[1]] = match[1], match[2]
        elif name and (match := _CONTINUED.fullmatch(line)):
            found[name] += f" {match[1]}"
        else:
            break
    return found
