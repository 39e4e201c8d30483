"""The registry: from a name in a recipe to the registration, and to the factory itself."""

import hashlib
import shlex
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

from ganzoo.api import Registration
from ganzoo.errors import PluginError, UsageError
from ganzoo.registry.discovery import Namespace, discover
from ganzoo.registry.explaining import explain
from ganzoo.registry.loading import load
from ganzoo.registry.local import import_file
from ganzoo.registry.names import LOCAL_NAMESPACE, qualify, shorten
from ganzoo.registry.static import described
from ganzoo.registry.switches import STRICT
from ganzoo.registry.targets import attribute_in, file_in
from ganzoo.registry.unknown import ANY_KIND, not_found

# Inside `Registry` the word `list` means its method.
Registrations = list[Registration]
Namespaces = list[Namespace]


class Registry:
    """The installed plugins, each loaded when its namespace is first asked for.

    Args:
        namespaces: the only ones that may be loaded; None: any.
    """

    local_file: Path | None = None
    """The file given with ``--plugin``, absolute."""
    local_source: bytes = b""
    """What was in it when it was loaded; it may have been changed since."""
    local_sha256: str | None = None
    """Hash of that."""

    def __init__(self, namespaces: Iterable[str] | None = None) -> None:
        self._allowed = None if namespaces is None else frozenset(namespaces)

    @classmethod
    def with_local(cls, file: Path, namespaces: Iterable[str] | None = None) -> "Registry":
        """Return a registry in which one file is the namespace ``local``.

        Raises:
            UsageError: a file that cannot be read.
            PluginError: one that cannot be loaded: who names a file wants what is in it.
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
        """Return the component of that name; only its own namespace is loaded.

        Args:
            requirement: what pip would have to install, where the caller knows (``acme==1.0``).

        Raises:
            PluginError: misspelt, not installed, broken, or refused; the message says which.
        """
        for registration in self._of_id(name):
            if registration.kind == kind:
                return described(registration)
        raise not_found(kind, name, self._found, requirement=requirement)

    def find(self, name: str, *, others: Iterable[str] = ()) -> Registrations:
        """Return the components of every kind that have that name, like `get`.

        Args:
            others: names of what is no component, which may be what was meant.

        Raises:
            PluginError: there is none; the message says why.
        """
        if found := self._of_id(name):
            return [described(each) for each in found]
        raise not_found(ANY_KIND, name, self._found, others=others)

    def list(self, kind: str, pattern: str = "*") -> Registrations:
        """Return the components of one kind whose id matches a shell pattern, sorted by id.

        A bare pattern matches the zoo's bare names too. Every plugin is loaded; broken ones
        are left out, and `namespaces` says why.
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
        """Load every plugin, guarded, and return what each brings or why it brings nothing.

        A local file comes first, then what is bundled, then the others by name.
        """
        for namespace in self._found:
            self._load(namespace)
        return list(self._found)

    def resolve(self, registration: Registration) -> Any:
        """Import a component's target: its factory, or for a recipe the path of its file.

        Raises:
            PluginError: a target that cannot be imported or is not there; quotes the reason.
        """
        module_name, _, path = registration.target.partition(":")
        owner = f"{registration.distribution} {registration.version}".strip()
        place = f"{registration.kind} {registration.id!r} ({owner})"
        try:
            module = import_module(module_name)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # whatever a plugin's module may raise, SystemExit included
            raise PluginError(
                f"{place} cannot be imported: {explain(error)}",
                hint=f'python -c "import {module_name}"',
            ) from error
        try:
            is_file = registration.kind == "recipe"
            return file_in(module, path) if is_file else attribute_in(module, path)
        except LookupError as error:
            is_local = registration.namespace == LOCAL_NAMESPACE
            where = "the file" if is_local else module_name
            raise PluginError(
                f"{place}: {where} has no {error.args[0]}",
                hint=f"in {owner}, register what is in it: 'mine:NAME'"
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
        """Yield what the namespaces that are loaded so far registered."""
        for namespace in self._found:
            yield from namespace.registrations

    def _load(self, namespace: Namespace) -> None:
        point = namespace.entry_point
        if namespace.status == "ok" and not namespace.loaded and point is not None:
            load(namespace, point.load)
