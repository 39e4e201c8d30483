"""Loading one plugin by itself, so that a broken one harms nobody else."""

import inspect
import sys
from collections.abc import Callable, Collection, Iterable
from contextlib import redirect_stdout
from time import perf_counter
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import pluggy

from ganzoo.api import HOOKS, Hooks, Registration
from ganzoo.errors import BrokenPlugin, PluginError
from ganzoo.modalities import register_modality
from ganzoo.registry.discovery import Namespace
from ganzoo.registry.explaining import explain
from ganzoo.registry.names import shorten, suggest
from ganzoo.registry.registrar import Registrar
from ganzoo.registry.switches import PLUGINS, STRICT, is_strict
from ganzoo.registry.targets import file_in


def load(namespace: Namespace, import_plugin: Callable[[], Any]) -> None:
    """Import a plugin and keep all that it registers, or none of it and the reason.

    Whatever it raises marks it as broken.

    Raises:
        BrokenPlugin: it raised, and ``GANZOO_STRICT=1`` asks for that to be seen.
    """
    strict = is_strict()
    modules_before = set(sys.modules)
    started = perf_counter()
    try:
        # What a plugin prints must not end up between the lines of a table or of JSON.
        with redirect_stdout(sys.stderr):
            namespace.registrations = _registrations(namespace, import_plugin())
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit, and panics of native extensions, are no Exception
        why = explain(error)
        if strict:
            raise BrokenPlugin(
                f"plugin {namespace.name!r} ({namespace}) is broken: {why}"
            ) from error
        namespace.refuse("broken", why, f"{STRICT}=1 {PLUGINS}={namespace.name} ganzoo plugins")
    namespace.loaded = True
    namespace.load_seconds = perf_counter() - started
    namespace.eager_torch = _needs_torch(modules_before)


def _needs_torch(modules_before: Collection[str]) -> bool:
    """Whether the modules that are new since then brought torch in, or hold something of it.

    By the second a plugin is known that would have brought torch in, had another not done so.
    """
    if "torch" not in sys.modules or "torch" not in modules_before:
        return "torch" in sys.modules
    new = [sys.modules[name] for name in set(sys.modules).difference(modules_before)]
    return any(_is_torch(value) for module in new for value in tuple(vars(module).values()))


def _is_torch(value: object) -> bool:
    home = ""
    if isinstance(value, ModuleType):
        home = value.__name__
    elif isinstance(value, type | FunctionType | BuiltinFunctionType):
        home = value.__module__ or ""
    return home.partition(".")[0] == "torch"


def _registrations(namespace: Namespace, plugin: Any) -> list[Registration]:
    """Call each hook implementation of one plugin by itself, with the arguments that it names."""
    manager = pluggy.PluginManager("ganzoo")
    manager.register(plugin, name=namespace.name)
    module = plugin.__name__ if namespace.origin == "local" else None
    kinds = {hook: kind for kind, hook in HOOKS.items()}
    callers = {caller.name: caller for caller in manager.get_hookcallers(plugin) or ()}
    _check_hooks(plugin, callers)
    for name, caller in callers.items():
        for impl in caller.get_hookimpls():
            _check_form(name, impl)
    manager.add_hookspecs(Hooks)
    staged: dict[tuple[str, str], Registration] = {}
    for name, kind in kinds.items():
        for impl in callers[name].get_hookimpls() if name in callers else ():
            given = {"register": Registrar(kind, namespace, staged, module)}
            impl.function(*(given[argument] for argument in impl.argnames))
    for registration in staged.values():
        if registration.kind == "recipe":
            _check_file(registration)
    for registration in staged.values():
        if registration.kind == "modality":
            register_modality(shorten(registration.id), registration.target)
    return list(staged.values())


def _check_hooks(plugin: Any, callers: Iterable[str]) -> None:
    """Refuse hooks that pluggy would pass over in silence: misspelt, or without ``@hookimpl``."""
    for name in set(callers) - set(HOOKS.values()):
        near = suggest(name, HOOKS.values())
        raise PluginError(f"no hook {name!r}" + (f" - did you mean {near!r}?" if near else ""))
    for name in HOOKS.values():
        if name not in callers and inspect.isroutine(getattr(plugin, name, None)):
            raise PluginError(f"{name} has no @hookimpl")
    if not callers:
        raise PluginError("it has no hook: no function register_… marked with @hookimpl")


def _check_form(name: str, impl: pluggy.HookImpl) -> None:
    """Refuse a hook that cannot be called, before pluggy does in words for its own users."""
    if impl.wrapper or impl.hookwrapper:
        raise PluginError(f"{name} is a wrapper; each hook is called by itself")
    if set(impl.argnames) - {"register"}:
        written = f"{name}({', '.join(impl.argnames)})"
        raise PluginError(f"{written}: a hook has one argument, and it is called 'register'")


def _check_file(recipe: Registration) -> None:
    """Refuse a recipe whose file is not in its package.

    A package that the plugin has not imported stays so: its files are looked for when they are
    needed.
    """
    package, _, path = recipe.target.partition(":")
    if package in sys.modules:
        try:
            file_in(sys.modules[package], path)
        except LookupError as error:
            raise PluginError(
                f"recipe {recipe.name!r}: {package} has no {error.args[0]}"
            ) from error
