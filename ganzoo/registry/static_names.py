"""What a plugin would register, read off its source: a typo must not run other people's code."""

import ast
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from ganzoo.api import HOOKS
from ganzoo.registry.discovery import Namespace

KINDS = {hook: kind for kind, hook in HOOKS.items()}


def glimpsed(namespace: Namespace) -> list[tuple[str, str]]:
    """Return (kind, name) of what a plugin that is not loaded registers by a literal name.

    A guess, good for a suggestion: names that are computed are not seen, and one that cannot be
    read gives nothing.
    """
    try:
        tree = ast.parse(_source(namespace))
    except (OSError, ValueError, SyntaxError, ImportError, AttributeError, RecursionError):
        return []
    return [
        (KINDS[function.name], name)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef) and function.name in KINDS
        for name in _registered_in(function)
    ]


def _source(namespace: Namespace) -> bytes:
    """Return the source of a plugin's module; a package is looked for, and not imported.

    Raises:
        OSError, ImportError, AttributeError: it is not there, or is no file.
    """
    if namespace.entry_point is None:
        raise ImportError(f"{namespace} has no module")
    top, *inner = namespace.entry_point.module.split(".")
    spec = find_spec(top)
    if spec is None or not spec.origin:
        raise ImportError(f"no module {top}")
    path = Path(spec.origin)
    if inner:
        place = path.parent.joinpath(*inner)
        path = place.with_suffix(".py") if not place.is_dir() else place / "__init__.py"
    return path.read_bytes()


def _registered_in(function: ast.FunctionDef) -> Iterator[str]:
    """Yield the literal names that a hook's body gives to its first argument."""
    given = function.args.posonlyargs + function.args.args
    for node in ast.walk(function):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and given):
            continue
        words = [*node.args[:1], *(word.value for word in node.keywords if word.arg == "name")]
        if node.func.id == given[0].arg and words and isinstance(words[0], ast.Constant):
            yield str(words[0].value)
