"""Loading one plugin by itself, so that a broken one harms nobody else."""

import inspect
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import redirect_stdout
from time import perf_counter
from typing import Any

import pluggy

from ganzoo.api import HOOKS, Hooks, Registration
from ganzoo.errors import PluginError
from ganzoo.registry.discovery import Namespace
from ganzoo.registry.names import suggest
from ganzoo.registry.registrar import Registrar


def load(namespace: Namespace, import_plugin: Callable[[], Any]) -> None:
    """Import a plugin and keep all that it registers, or none of it and the reason.

    Whatever it raises marks it as broken; with ``GANZOO_STRICT=1`` that goes on to the caller.
    """
    had_torch = "torch" in sys.modules
    started = perf_counter()
    try:
        # What a plugin prints must not end up between the lines of a table or of JSON.
        with redirect_stdout(sys.stderr):
            namespace.registrations = _registrations(namespace, import_plugin())
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit, and panics of native extensions, are no Exception
        if os.environ.get("GANZOO_STRICT", "0") not in ("", "0"):
            raise
        namespace.refuse("broken", explain(error))
    namespace.loaded = True
    namespace.load_seconds = perf_counter() - started
    namespace.eager_torch = not had_torch and "torch" in sys.modules


def explain(error: BaseException) -> str:
    """Return an exception as one line; our own errors need no class name."""
    words = " ".join(str(error).split())
    if isinstance(error, PluginError):
        return words
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _registrations(namespace: Namespace, plugin: Any) -> list[Registration]:
    """Call each hook implementation of one plugin by itself, with the arguments that it names."""
    manager = pluggy.PluginManager("ganzoo")
    manager.add_hookspecs(Hooks)
    manager.register(plugin, name=namespace.name)
    module = plugin.__name__ if namespace.origin == "local" else None
    kinds = {hook: kind for kind, hook in HOOKS.items()}
    callers = {caller.name: caller for caller in manager.get_hookcallers(plugin) or ()}
    _check_hooks(plugin, callers)
    staged: dict[tuple[str, str], Registration] = {}
    for name, kind in kinds.items():
        for impl in callers[name].get_hookimpls() if name in callers else ():
            if impl.wrapper or impl.hookwrapper:
                raise PluginError(f"{name} is a wrapper; each hook is called by itself")
            given = {"register": Registrar(kind, namespace, staged, module)}
            impl.function(*(given[argument] for argument in impl.argnames))
    return list(staged.values())


def _check_hooks(plugin: Any, callers: Iterable[str]) -> None:
    """Refuse hooks that pluggy would pass over in silence: misspelt, or without ``@hookimpl``."""
    for name in set(callers) - set(HOOKS.values()):
        near = suggest(name, HOOKS.values())
        raise PluginError(f"no hook {name!r}" + (f" - did you mean {near!r}?" if near else ""))
    for name in HOOKS.values():
        if name not in callers and inspect.isroutine(getattr(plugin, name, None)):
            raise PluginError(f"{name} has no @hookimpl")
