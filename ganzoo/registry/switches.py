"""What the environment says of plugins: ``GANZOO_PLUGINS`` and ``GANZOO_STRICT``."""

import os
from collections.abc import Collection, Iterable

from ganzoo.errors import UsageError
from ganzoo.registry.names import LOCAL_NAMESPACE, is_name, suggest

PLUGINS = "GANZOO_PLUGINS"
STRICT = "GANZOO_STRICT"


def allowed_namespaces(installed: Iterable[tuple[str, str]]) -> Collection[str] | None:
    """Return what ``GANZOO_PLUGINS`` allows to be loaded, or None where it is unset: everything.

    Args:
        installed: the namespaces there are, each with the name of its distribution.

    Raises:
        UsageError: a word in it that is no namespace, or none of those that are `installed`.
    """
    chosen = os.environ.get(PLUGINS)
    if chosen is None:
        return None
    pairs = list(installed)
    known = {*(namespace for namespace, _ in pairs), LOCAL_NAMESPACE}
    brought = {distribution: namespace for namespace, distribution in pairs}
    allowed = {word.strip() for word in chosen.split(",")} - {""}
    for word in sorted(allowed):
        if not is_name(word):
            raise UsageError(
                f"{PLUGINS}={chosen!r}: {word!r} is no namespace",
                hint=f"export {PLUGINS}=zoo,acme (namespaces, with commas between them)",
            )
        if word not in known:
            near = brought.get(word) or suggest(word, known - allowed)
            guess = f" - did you mean {near!r}?" if near else ""
            raise UsageError(
                f"{PLUGINS}={chosen!r}: no plugin {word!r} is installed{guess}",
                hint=f"unset {PLUGINS}; ganzoo plugins",
            )
    return allowed


def is_strict() -> bool:
    """Whether ``GANZOO_STRICT`` asks for the traceback of a plugin that cannot be loaded.

    Raises:
        UsageError: it is neither 1 nor 0.
    """
    chosen = os.environ.get(STRICT, "")
    if chosen not in ("", "0", "1"):
        raise UsageError(
            f"{STRICT} is {chosen!r}, but 1 is on and 0 is off", hint=f"export {STRICT}=1"
        )
    return chosen == "1"
