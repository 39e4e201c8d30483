"""What a plugin's source says, read from its syntax tree: no code of the plugin runs.

Names are for suggestions, so that a typo does not import every plugin. The summary and the
capabilities of a component come from its class, so that a listing imports no torch.
"""

import ast
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from importlib.util import find_spec, resolve_name
from pathlib import Path
from typing import NamedTuple

from ganzoo.api import HOOKS, Registration
from ganzoo.registry.discovery import Namespace

KINDS = {hook: kind for kind, hook in HOOKS.items()}

_UNREADABLE = (OSError, ValueError, SyntaxError, ImportError, AttributeError, RecursionError)
"""What `_file_of` and parsing raise for source that is missing or is no Python."""


class Facts(NamedTuple):
    """What the source of a class or function says about it."""

    summary: str = ""
    capabilities: frozenset[str] = frozenset()


def described(registration: Registration) -> Registration:
    """Return a registration with its summary and capabilities, from the source if not registered.

    What cannot be read stays empty: a target defined elsewhere, or capabilities that are computed.
    """
    if registration.kind == "recipe" or (registration.summary and registration.capabilities):
        return registration
    module, _, name = registration.target.partition(":")
    try:
        file = _file_of(module)
        found = _definitions(file, file.stat().st_mtime_ns).get(name, Facts())
    except _UNREADABLE:
        return registration
    return replace(
        registration,
        summary=registration.summary or found.summary,
        capabilities=registration.capabilities or found.capabilities,
    )


def registered_names(namespace: Namespace) -> list[tuple[str, str]]:
    """Return (kind, name) of what a plugin registers by a literal name, without loading it.

    Hooks may be defined in the plugin's module or imported from other modules of its package.
    Names that are computed are missing.
    """
    if namespace.entry_point is None:
        return []
    return list(_hooks_of(namespace.entry_point.module, frozenset(KINDS), set()))


def _hooks_of(module: str, hooks: frozenset[str], seen: set[str]) -> Iterator[tuple[str, str]]:
    """Yield (kind, name) from the `hooks` of a module, and of modules it imports them from."""
    if module in seen:
        return
    seen.add(module)
    try:
        file = _file_of(module)
        tree = ast.parse(file.read_bytes())
    except _UNREADABLE:
        return
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name in hooks:
            for name in _names_registered(node):
                yield KINDS[node.name], name
        elif isinstance(node, ast.ImportFrom):
            imported = hooks.intersection(alias.name for alias in node.names)
            origin = resolve_name("." * node.level + (node.module or ""), package)
            if imported and origin.partition(".")[0] == module.partition(".")[0]:
                yield from _hooks_of(origin, imported, seen)


def _names_registered(hook: ast.FunctionDef) -> Iterator[str]:
    """Yield the literal names that a hook gives to `register`, or to a table made from it."""
    arguments = hook.args.posonlyargs + hook.args.args
    callables = {argument.arg for argument in arguments[-1:]}
    for node in ast.walk(hook):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            given = {word.id for word in node.value.args if isinstance(word, ast.Name)}
            if given & callables:  # add = table(register, __name__)
                callables.update(each.id for each in node.targets if isinstance(each, ast.Name))
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in callables
        ):
            words = [*node.args[:1], *(word.value for word in node.keywords if word.arg == "name")]
            if words and isinstance(words[0], ast.Constant):
                yield str(words[0].value)


def _file_of(module: str) -> Path:
    """Return the source file of a module, found without importing it or its packages.

    Raises:
        ImportError: there is none.
    """
    top, *inner = module.split(".")
    spec = find_spec(top)
    if spec is not None and spec.origin and not inner:
        return Path(spec.origin)
    for folder in (spec and spec.submodule_search_locations) or ():
        place = Path(folder, *inner)
        for file in (place / "__init__.py", place.with_suffix(".py")):
            if file.is_file():
                return file
    raise ImportError(f"no source of {module}")


@lru_cache(maxsize=512)
def _definitions(file: Path, changed_ns: int) -> dict[str, Facts]:
    """Return the facts of a file's top-level classes and functions. `changed_ns` keys the cache."""
    found: dict[str, Facts] = {}
    for node in ast.parse(file.read_bytes()).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            first, *_ = (ast.get_docstring(node) or "").splitlines() or [""]
            line = "".join(character for character in first if character.isprintable())
            found[node.name] = Facts(line.removesuffix("."), _capabilities(node, found))
    return found


def _capabilities(node: ast.ClassDef | ast.FunctionDef, before: dict[str, Facts]) -> frozenset[str]:
    """Return a class's literal `capabilities`, its own or those of a base in the same file."""
    if isinstance(node, ast.FunctionDef):
        return frozenset()
    for line in node.body:
        if isinstance(line, ast.Assign | ast.AnnAssign):
            targets = line.targets if isinstance(line, ast.Assign) else [line.target]
            if any(isinstance(each, ast.Name) and each.id == "capabilities" for each in targets):
                return _words(line.value)
    bases = [
        before[base.id] for base in node.bases if isinstance(base, ast.Name) and base.id in before
    ]
    return next((base.capabilities for base in bases if base.capabilities), frozenset())


def _words(value: ast.expr | None) -> frozenset[str]:
    """Return the strings of ``frozenset({"a", "b"})`` or of a plain literal; of others, none."""
    if isinstance(value, ast.Call) and len(value.args) == 1:
        value = value.args[0]
    try:
        return frozenset(map(str, ast.literal_eval(value))) if value else frozenset()
    except (ValueError, TypeError):
        return frozenset()
