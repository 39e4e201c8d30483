"""Load one plugin on its own, so that a broken one affects no other.

A plugin is a module that an entry point names, or one file given with ``--plugin``. Every hook is
called separately; what the plugin registers is kept completely or not at all.
"""

import hashlib
import importlib
import inspect
import os
import shlex
import sys
from collections.abc import Callable, Collection, Iterable
from contextlib import redirect_stdout
from importlib.abc import SourceLoader
from importlib.machinery import ModuleSpec
from importlib.resources import files
from importlib.util import module_from_spec
from pathlib import Path
from time import perf_counter
from traceback import walk_tb
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import pluggy

from ganzoo.api import HOOKS, Hooks, Registration
from ganzoo.errors import LOCAL_MODULE, BrokenPlugin, PluginError
from ganzoo.modalities import register_modality
from ganzoo.registry.discovery import PLUGINS, STRICT, Namespace, is_strict
from ganzoo.registry.names import LOCAL_NAMESPACE, guess
from ganzoo.registry.registrar import Registrar

MOST_CHARACTERS = 500
"""Length to which an exception's message is cut; its traceback has all of it."""

_FOLDERS = [
    Path(__file__).parents[1],
    *(Path(str(package.__file__)).parent for package in (importlib, pluggy)),
]
_MACHINERY = ("<frozen", *(f"{folder}{os.sep}" for folder in _FOLDERS))
"""Prefixes of files that load plugins: an error is never reported there."""


def load(namespace: Namespace, import_plugin: Callable[[], Any]) -> None:
    """Import a plugin and store its registrations, or mark it as broken with the reason.

    Raises:
        BrokenPlugin: the plugin raised, and ``GANZOO_STRICT=1`` is set.
    """
    strict = is_strict()
    modules_before = set(sys.modules)
    started = perf_counter()
    try:
        with redirect_stdout(sys.stderr):  # a print must not get into a table or JSON on stdout
            namespace.registrations = _registrations(namespace, import_plugin())
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit and panics of native extensions too
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
    """Whether the import imported torch, or would have if torch had not been imported before.

    In the second case one of the new modules has something of torch among its attributes.
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


# --- hooks ---------------------------------------------------------------------------------------


def _registrations(namespace: Namespace, plugin: Any) -> list[Registration]:
    """Call every hook of one plugin and return what it registered."""
    manager = pluggy.PluginManager("ganzoo")
    manager.register(plugin, name=namespace.name)
    module = plugin.__name__ if namespace.origin == "local" else None
    callers = {caller.name: caller for caller in manager.get_hookcallers(plugin) or ()}
    _check_hooks(plugin, callers)
    for name, caller in callers.items():
        for impl in caller.get_hookimpls():
            _check_form(name, impl)
    manager.add_hookspecs(Hooks)
    staged: dict[tuple[str, str], Registration] = {}
    for kind, name in HOOKS.items():
        for impl in callers[name].get_hookimpls() if name in callers else ():
            given = {"register": Registrar(kind, namespace, staged, module)}
            impl.function(*(given[argument] for argument in impl.argnames))
    for registration in staged.values():
        if registration.kind == "recipe":
            _check_file(registration)
    for registration in staged.values():
        if registration.kind == "modality":
            register_modality(registration.id, registration.target)
    return list(staged.values())


def _check_hooks(plugin: Any, callers: Iterable[str]) -> None:
    """Refuse hooks that pluggy would ignore: misspelt, or without ``@hookimpl``."""
    for name in set(callers) - set(HOOKS.values()):
        raise PluginError(f"no hook {name!r}{guess(name, HOOKS.values())}")
    for name in HOOKS.values():
        if name not in callers and inspect.isroutine(getattr(plugin, name, None)):
            raise PluginError(f"{name} has no @hookimpl")
    if not callers:
        raise PluginError("it has no hook: no function register_… marked with @hookimpl")


def _check_form(name: str, impl: pluggy.HookImpl) -> None:
    """Refuse a hook that cannot be called, with a clearer message than pluggy's."""
    if impl.wrapper or impl.hookwrapper:
        raise PluginError(f"{name} is a wrapper; each hook is called by itself")
    if set(impl.argnames) - {"register"}:
        written = f"{name}({', '.join(impl.argnames)})"
        raise PluginError(f"{written}: a hook has one argument, and it is called 'register'")


def _check_file(recipe: Registration) -> None:
    """Refuse a recipe whose file is missing, unless its package is not imported yet."""
    package, _, path = recipe.target.partition(":")
    if package in sys.modules:
        try:
            file_in(sys.modules[package], path)
        except LookupError as error:
            raise PluginError(
                f"recipe {recipe.name!r}: {package} has no {error.args[0]}"
            ) from error


def file_in(package: ModuleType, path: str) -> Path:
    """Return the file at a path inside a package.

    Raises:
        LookupError: there is none; the message names it.
    """
    if not hasattr(package, "__path__"):
        raise LookupError(f"file {path}: it is a module, and files are in packages")
    file = Path(str(files(package).joinpath(path)))
    if not file.is_file():
        raise LookupError(f"file {path}")
    return file


# --- a plugin that is one file -------------------------------------------------------------------


class _OneFile(SourceLoader):
    """Runs exactly the bytes that were hashed, and writes no bytecode."""

    def __init__(self, file: Path, source: bytes) -> None:
        self.file = file
        self.source = source

    def get_filename(self, fullname: str) -> str:
        return str(self.file)

    def get_data(self, path: str | bytes) -> bytes:
        return self.source


def import_file(file: Path, source: bytes) -> ModuleType:
    """Import a file given with ``--plugin``; the same module again while it does not change.

    The module is named after path and content, so files with the same name do not collide. Its
    targets are all in the file itself, whatever module they name.

    Raises:
        PluginError: the file imports a module next to it, which a run's copy would not find.
    """
    key = hashlib.sha256(str(file).encode() + b"\0" + source).hexdigest()
    name = f"{LOCAL_MODULE}{key[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    loader = _OneFile(file, source)
    spec = ModuleSpec(name, loader, origin=str(file))
    spec.has_location = True
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, ModuleNotFoundError) and (file.parent / f"{error.name}.py").exists():
            raise PluginError(
                f"it imports {error.name}.py, but a plugin given with --plugin is one file, so that"
                " a run can keep a copy; for several files write a distribution:"
                " ganzoo new plugin NAME"
            ) from error
        raise
    return module


def info_command(registration: Registration, *flags: str) -> str:
    """Return the command that shows a component, with the ``--plugin`` file that it is from."""
    return _about(registration, "info", registration.id, *flags)


def conformance_command(registration: Registration) -> str:
    """Return the command that tests a component against the contract of its kind."""
    return _about(registration, "conformance", registration.id, "--kind", registration.kind)


def _about(registration: Registration, *words: str) -> str:
    line = ["ganzoo", *words]
    module = sys.modules.get(registration.target.partition(":")[0])
    if registration.namespace == LOCAL_NAMESPACE and module and module.__file__:
        line += ["--plugin", os.path.relpath(module.__file__)]
    return shlex.join(line)


# --- errors of plugins ---------------------------------------------------------------------------


def explain(error: BaseException) -> str:
    """Return an exception as one line, with the file and line of the plugin where it was raised.

    A SyntaxError names the file that could not be compiled; our own errors need no class name.
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
    """Return text as one line without control characters, cut to `MOST_CHARACTERS`."""
    words = " ".join(text.split())
    shown = "".join(character for character in words if character.isprintable())
    return shown if len(shown) <= MOST_CHARACTERS else f"{shown[: MOST_CHARACTERS - 1]}…"


def _place(error: BaseException) -> str | None:
    """Return the innermost line of the plugin's own package in the traceback."""
    lines = [
        (str(frame.f_globals.get("__name__")).partition(".")[0], frame.f_code.co_filename, number)
        for frame, number in walk_tb(error.__traceback__)
        if not frame.f_code.co_filename.startswith(_MACHINERY)
    ]
    own = [(file, number) for package, file, number in lines if package == lines[0][0]]
    return f"{_short(Path(own[-1][0]))}, line {own[-1][1]}" if own else None


def _short(file: Path) -> str:
    """Return a file's name, after its folder's if it is an ``__init__.py``."""
    return f"{file.parent.name}/{file.name}" if file.name == "__init__.py" else file.name
