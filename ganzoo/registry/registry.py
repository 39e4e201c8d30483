"""The registry: from a name in a recipe to its registration, and to the factory itself."""

import hashlib
import shlex
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from ganzoo.api import Registration
from ganzoo.errors import PluginError, UsageError
from ganzoo.registry.discovery import STRICT, Namespace, discover
from ganzoo.registry.loading import explain, file_in, import_file, load
from ganzoo.registry.names import LOCAL_NAMESPACE, guess, qualify, shorten
from ganzoo.registry.static import described
from ganzoo.registry.unknown import ANY_KIND, not_found

# Inside `Registry` the word `list` means its method.
Registrations = list[Registration]
Namespaces = list[Namespace]


class Registry:
    """The installed plugins, each loaded when its namespace is first needed.

    Args:
        namespaces: the only ones to load; None means all.
    """

    local_file: Path | None = None
    """The file given with ``--plugin``, absolute."""
    local_source: bytes = b""
    """Its content when it was loaded; the file may change later."""
    local_sha256: str | None = None
    """Hash of `local_source`."""

    def __init__(self, namespaces: Iterable[str] | None = None) -> None:
        self._allowed = None if namespaces is None else frozenset(namespaces)

    @classmethod
    def with_local(cls, file: Path, namespaces: Iterable[str] | None = None) -> "Registry":
        """Return a registry in which one file is the namespace ``local``.

        Raises:
            UsageError: the file cannot be read.
            PluginError: the file cannot be imported.
        """
        registry = cls(namespaces if namespaces is None else [*namespaces, LOCAL_NAMESPACE])
        given, file = file, file.expanduser().resolve()
        try:
            source = file.read_bytes()
        except OSError as error:
            raise UsageError(
                f"cannot read the plugin {given}: {error.strerror}",
                hint="--plugin takes a Python file, such as --plugin ./mine.py",
            ) from error
        registry.local_file = file
        registry.local_source = source
        registry.local_sha256 = hashlib.sha256(source).hexdigest()
        local = Namespace(LOCAL_NAMESPACE, file.name, "", origin="local")
        registry._found.insert(0, local)
        load(local, lambda: import_file(file, source))
        if local.status != "ok":
            words = ["ganzoo", "plugins", "--plugin", str(given)]
            raise PluginError(
                f"the plugin {given} is broken: {local.error}",
                hint=f"{STRICT}=1 {shlex.join(words)}",
            )
        return registry

    @cached_property
    def _found(self) -> list[Namespace]:
        found = discover()
        if self._allowed is not None:
            for namespace in found:
                if namespace.name not in self._allowed:
                    namespace.refuse("disabled", "not among the namespaces asked for", "Registry()")
        return found

    def get(self, kind: str, name: str, *, requirement: str | None = None) -> Registration:
        """Return the component with that name; only its own namespace is loaded.

        Args:
            requirement: what to give to pip if the plugin is missing (``acme==1.0``), if known.

        Raises:
            PluginError: misspelt, not installed, broken, or refused; the message says which.
        """
        for registration in self._of_id(name):
            if registration.kind == kind:
                return described(registration)
        raise not_found(kind, name, self._found, requirement=requirement)

    def find(self, name: str, *, others: Iterable[str] = ()) -> Registrations:
        """Return the components of every kind with that name, like `get`.

        Args:
            others: names of other things that may have been meant, for the suggestion.

        Raises:
            PluginError: there is none; the message says why.
        """
        if found := self._of_id(name):
            return [described(each) for each in found]
        raise not_found(ANY_KIND, name, self._found, others=others)

    def list(self, kind: str, pattern: str = "*") -> Registrations:
        """Return the components of one kind whose id matches a shell pattern, sorted by id.

        A pattern without a namespace also matches the zoo's bare names. Every plugin is loaded;
        broken ones are left out, and `namespaces` says why.
        """
        self.namespaces()
        matching = [
            described(each)
            for each in self._registrations()
            if each.kind == kind
            and (fnmatchcase(each.id, pattern) or fnmatchcase(shorten(each.id), pattern))
        ]
        return sorted(matching, key=lambda each: each.id)

    def namespaces(self) -> Namespaces:
        """Load every plugin and return what each brings, or why it is not used.

        A local file comes first, then what is bundled, then the others by name.
        """
        for namespace in self._found:
            self._load(namespace)
        return list(self._found)

    def resolve(self, registration: Registration) -> Any:
        """Import a component's target: its factory, or for a recipe the path of its file.

        Raises:
            PluginError: the target cannot be imported or does not exist; quotes the reason.
        """
        module_name, _, path = registration.target.partition(":")
        owner = f"{registration.distribution} {registration.version}".strip()
        place = f"{registration.kind} {registration.id!r} ({owner})"
        try:
            module = import_module(module_name)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit and panics of native extensions too
            raise PluginError(
                f"{place} cannot be imported: {explain(error)}",
                hint=f'python -c "import {module_name}"',
            ) from error
        try:
            is_file = registration.kind == "recipe"
            return file_in(module, path) if is_file else _attribute_in(module, path)
        except LookupError as error:
            is_local = registration.namespace == LOCAL_NAMESPACE
            where = "the file" if is_local else module_name
            raise PluginError(
                f"{place}: {where} has no {error.args[0]}",
                hint=f"in {owner}, register a name that the file defines: 'mine:NAME'"
                if is_local
                else f"pip install --upgrade {registration.distribution}, or tell its author",
            ) from error

    def _of_id(self, name: str) -> Registrations:
        identifier = qualify(name)
        for namespace in self._found:
            if namespace.name == identifier.partition("/")[0]:
                self._load(namespace)
        return [each for each in self._registrations() if each.id == identifier]

    def _registrations(self) -> Iterator[Registration]:
        """Yield the registrations of the namespaces loaded so far."""
        for namespace in self._found:
            yield from namespace.registrations

    def _load(self, namespace: Namespace) -> None:
        point = namespace.entry_point
        if namespace.status == "ok" and not namespace.loaded and point is not None:
            load(namespace, point.load)


def _attribute_in(module: ModuleType, path: str) -> Any:
    """Return the class or function at a dotted path in a module.

    Raises:
        LookupError: there is none; the message names it, and the nearest name.
    """
    target: Any = module
    for attribute in path.split("."):
        if not hasattr(target, attribute):
            raise LookupError(f"{attribute!r}{guess(attribute, dir(target))}")
        target = getattr(target, attribute)
    if not callable(target):
        raise LookupError(f"class or function {path!r}, but {target!r}")
    return target
